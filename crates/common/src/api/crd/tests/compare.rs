//! A structural comparison of CRDs: what the API server does with an object must be the same.
//! Descriptions do not count. Each difference is a line `file version path: what`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Compared as they are.
const EXACT: &[&str] = &[
    "type",
    "format",
    "pattern",
    "default",
    "enum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "required",
    "x-kubernetes-validations",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-int-or-string",
    "anyOf",
    "oneOf",
    "nullable",
];

/// Compares with the CRD of the newest release, both ways.
pub(super) fn newest(file: &str, ours: &Value, theirs: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut report = |what: String| found.push(format!("{file} {what}"));
    for key in ["group", "names", "scope", "conversion"] {
        if !same(&ours["spec"][key], &theirs["spec"][key]) {
            report(format!("* {key}: {} instead of {}", ours["spec"][key], theirs["spec"][key]));
        }
    }
    let annotations = |crd: &Value| {
        let mut annotations = crd["metadata"]["annotations"].as_object().unwrap().clone();
        annotations.remove("controller-gen.kubebuilder.io/version");
        Value::Object(annotations)
    };
    if !same(&annotations(ours), &annotations(theirs)) {
        let (ours, theirs) = (annotations(ours), annotations(theirs));
        report(format!("* annotations: {ours} instead of {theirs}"));
    }
    let [theirs] = theirs["spec"]["versions"].as_array().unwrap().as_slice() else {
        panic!("{file} has more than one version");
    };
    let ours = &ours["spec"]["versions"][0];
    let name = theirs["name"].as_str().unwrap();
    for key in ["name", "served", "storage", "subresources", "additionalPrinterColumns"] {
        if !same(&ours[key], &theirs[key]) {
            report(format!("{name} {key}: {} instead of {}", ours[key], theirs[key]));
        }
    }
    let mut schemas = Vec::new();
    equal(
        "",
        &ours["schema"]["openAPIV3Schema"],
        &theirs["schema"]["openAPIV3Schema"],
        &mut schemas,
    );
    for what in schemas {
        report(format!("{name} {what}"));
    }
    found
}

fn same(a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    // The order of required fields and of short names says nothing; an enum is a set too.
    let set = |value: &Value| -> Option<BTreeSet<String>> {
        value.as_array().map(|items| items.iter().map(Value::to_string).collect())
    };
    match (a, b) {
        (Value::Array(_), Value::Array(_)) => set(a) == set(b),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        _ => false,
    }
}

fn equal(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    for key in EXACT {
        if !same(&ours[*key], &theirs[*key]) {
            found.push(format!("{path} {key}: {} instead of {}", ours[*key], theirs[*key]));
        }
    }
    let (mine, yours) = (inner(ours), inner(theirs));
    for (name, theirs) in &yours {
        match mine.get(name) {
            Some(ours) => equal(&format!("{path}{name}"), ours, theirs, found),
            None => found.push(format!("{path}{name} missing")),
        }
    }
    for name in mine.keys().filter(|name| !yours.contains_key(*name)) {
        found.push(format!("{path}{name} added"));
    }
}

/// The schemas inside a schema, by path.
fn inner(schema: &Value) -> BTreeMap<String, &Value> {
    let mut inner = BTreeMap::new();
    if let Some(properties) = schema["properties"].as_object() {
        inner.extend(properties.iter().map(|(name, value)| (format!(".{name}"), value)));
    }
    for key in ["items", "additionalProperties"] {
        if schema[key].is_object() {
            inner.insert("[]".to_owned(), &schema[key]);
        }
    }
    inner
}

/// Compares with a CRD of an older release: each older version must still be served, and whatever
/// it accepted must still be accepted.
pub(super) fn older(file: &str, ours: &Value, theirs: &Value) -> Vec<String> {
    let ours = ours["spec"]["versions"].as_array().unwrap();
    let mut found = Vec::new();
    for theirs in theirs["spec"]["versions"].as_array().unwrap() {
        let name = &theirs["name"];
        let Some(index) = ours.iter().position(|version| version["name"] == *name) else {
            found.push(format!("{file} {} not served", name.as_str().unwrap()));
            continue;
        };
        if index == 0 {
            continue;
        }
        let mut schemas = Vec::new();
        let pointer = "/schema/openAPIV3Schema";
        let schema = ours[index].pointer(pointer).unwrap();
        accepts("", schema, theirs.pointer(pointer).unwrap(), &mut schemas);
        let name = name.as_str().unwrap();
        found.extend(schemas.into_iter().map(|what| format!("{file} {name} {what}")));
    }
    found
}

fn accepts(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    let mut report = |what: String| found.push(format!("{path} {what}"));
    for key in ["type", "format", "pattern", "x-kubernetes-preserve-unknown-fields"] {
        if !ours[key].is_null() && ours[key] != theirs[key] {
            report(format!("{key}: {} instead of {}", ours[key], theirs[key]));
        }
    }
    for (key, stricter) in [
        ("minLength", true),
        ("minItems", true),
        ("minimum", true),
        ("maxLength", false),
        ("maxItems", false),
        ("maximum", false),
    ] {
        let Some(limit) = ours[key].as_i64() else { continue };
        let theirs = theirs[key].as_i64();
        if theirs.is_none_or(|old| if stricter { limit > old } else { limit < old }) {
            report(format!("{key}: {limit} instead of {}", json!(theirs)));
        }
    }
    let values = |schema: &Value, key: &str| -> Option<BTreeSet<String>> {
        schema[key].as_array().map(|values| values.iter().map(Value::to_string).collect())
    };
    if let Some(ours) = values(ours, "enum") {
        let lost = match values(theirs, "enum") {
            None => vec!["any other value".to_owned()],
            Some(theirs) => theirs.difference(&ours).cloned().collect(),
        };
        if !lost.is_empty() {
            report(format!("enum loses {}", lost.join(", ")));
        }
    }
    for (key, what) in [("required", "requires"), ("x-kubernetes-validations", "has the new rule")]
    {
        let (ours, theirs) = (values(ours, key), values(theirs, key));
        for new in ours.unwrap_or_default().difference(&theirs.unwrap_or_default()) {
            report(format!("{what} {new}"));
        }
    }
    let mine = inner(ours);
    for (name, theirs) in inner(theirs) {
        match mine.get(&name) {
            Some(ours) => accepts(&format!("{path}{name}"), ours, theirs, found),
            None => found.push(format!("{path}{name} missing")),
        }
    }
}

/// Holds the differences against the list of allowed ones: none may be missing there, and none
/// may be listed that does not exist.
pub(super) fn judge(found: &[String], allowed: &str) {
    let entries: Vec<&str> =
        allowed.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(
        allowed.lines().take_while(|line| !line.is_empty()).all(|line| line.starts_with('#')),
        "the list begins with its explanation"
    );
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let new: Vec<&&str> =
        found.iter().filter(|line| !entries.iter().any(|entry| covers(entry, line))).collect();
    let gone: Vec<&&str> =
        entries.iter().filter(|entry| !found.iter().any(|line| covers(entry, line))).collect();
    assert!(new.is_empty() && gone.is_empty(), "not listed: {new:#?}\nlisted, but gone: {gone:#?}");
}

/// Whether an entry covers a line; a `*` stands for any text.
fn covers(entry: &str, line: &str) -> bool {
    match entry.split_once('*') {
        None => entry == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|mut line| {
            loop {
                if covers(rest, line) {
                    return true;
                }
                let mut characters = line.chars();
                if characters.next().is_none() {
                    return false;
                }
                line = characters.as_str();
            }
        }),
    }
}
