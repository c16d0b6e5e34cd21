//! Label and field selectors.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::failure::Failure;
use crate::object;

/// Both selectors of a list or watch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    pub(crate) labels: Labels,
    fields: Vec<FieldTerm>,
}

/// A conjunction of requirements on labels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels(Vec<Requirement>);

#[derive(Debug, Clone)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Exists,
    Missing,
    Greater(i64),
    Less(i64),
}

#[derive(Debug, Clone)]
struct FieldTerm {
    path: String,
    value: String,
    equal: bool,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector`; `selectable` are the extra fields of the kind.
    pub(crate) fn parse(
        labels: Option<&str>,
        fields: Option<&str>,
        selectable: &[(String, String)],
    ) -> Result<Self, Failure> {
        let labels = match labels {
            Some(text) => Labels::parse(text).map_err(|why| {
                Failure::bad_request(format!("unable to parse requirement: {why}"))
            })?,
            None => Labels::default(),
        };
        let fields = match fields {
            Some(text) => parse_fields(text, selectable)?,
            None => Vec::new(),
        };
        Ok(Self { labels, fields })
    }

    /// True when every object matches.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.0.is_empty() && self.fields.is_empty()
    }

    /// `object` in its storage version.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels.matches(object::metadata(object).and_then(|m| m.get("labels")))
            && self.fields.iter().all(|term| {
                let value = field_value(object, &term.path);
                (value == term.value) == term.equal
            })
    }

    /// The name a `metadata.name=` term asks for.
    pub(crate) fn wanted_name(&self) -> Option<&str> {
        self.fields.iter().find(|t| t.equal && t.path == "/metadata/name").map(|t| t.value.as_str())
    }
}

fn field_value(object: &Value, pointer: &str) -> String {
    match object.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn parse_fields(text: &str, selectable: &[(String, String)]) -> Result<Vec<FieldTerm>, Failure> {
    let mut terms = Vec::new();
    for part in text.split(',').filter(|p| !p.is_empty()) {
        let (field, value, equal) = if let Some((field, value)) = part.split_once("!=") {
            (field, value, false)
        } else if let Some((field, value)) = part.split_once("==") {
            (field, value, true)
        } else if let Some((field, value)) = part.split_once('=') {
            (field, value, true)
        } else {
            return Err(Failure::bad_request(format!(
                "invalid selector: '{text}'; can't understand '{part}'"
            )));
        };
        let path = selectable
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, path)| path.clone())
            .ok_or_else(|| unknown_field(field, selectable))?;
        terms.push(FieldTerm { path, value: unescape(value), equal });
    }
    Ok(terms)
}

/// Kinds with fields of their own word it differently from the others.
fn unknown_field(field: &str, selectable: &[(String, String)]) -> Failure {
    let general = selectable.iter().all(|(name, _)| name.starts_with("metadata."));
    Failure::bad_request(if general {
        format!(
            "\"{field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        )
    } else {
        format!("field label not supported: {field}")
    })
}

fn unescape(value: &str) -> String {
    value.replace("\\,", ",").replace("\\=", "=").replace("\\\\", "\\")
}

/// The fields one may select by, as (name, JSON pointer into the stored object).
pub(crate) fn selectable_fields(
    group: &str,
    kind: &str,
    namespaced: bool,
) -> Vec<(String, String)> {
    let mut fields = vec![("metadata.name".to_owned(), "/metadata/name".to_owned())];
    if namespaced {
        fields.push(("metadata.namespace".to_owned(), "/metadata/namespace".to_owned()));
    }
    let extra: &[&str] = match (group, kind) {
        ("", "Pod") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("" | "events.k8s.io", "Event") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "type",
        ],
        ("", "Secret") => &["type"],
        ("", "Namespace") => &["status.phase"],
        ("", "Node") => &["spec.unschedulable"],
        ("", "Service") => &["spec.clusterIP", "spec.type"],
        ("", "ReplicationController") | ("apps", "ReplicaSet") => &["status.replicas"],
        ("batch", "Job") => &["status.successful"],
        ("certificates.k8s.io", "CertificateSigningRequest") => &["spec.signerName"],
        _ => &[],
    };
    for name in extra {
        fields.push(((*name).to_owned(), format!("/{}", name.replace('.', "/"))));
    }
    if kind == "Event" {
        let renamed = [
            ("source", "/source/component"),
            ("reportingController", "/reportingComponent"),
            ("regarding.kind", "/involvedObject/kind"),
            ("regarding.namespace", "/involvedObject/namespace"),
            ("regarding.name", "/involvedObject/name"),
            ("regarding.uid", "/involvedObject/uid"),
            ("regarding.apiVersion", "/involvedObject/apiVersion"),
            ("regarding.resourceVersion", "/involvedObject/resourceVersion"),
            ("regarding.fieldPath", "/involvedObject/fieldPath"),
        ];
        fields.extend(renamed.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())));
    }
    fields
}

impl Labels {
    /// Reads the text form: `a=b,c!=d,e in (f,g),!h,i`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        split_terms(text)
            .into_iter()
            .map(|term| parse_requirement(term.trim()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Reads a `metav1.LabelSelector`. `None` selects nothing, so callers decide what absence means.
    pub(crate) fn from_value(selector: &Value) -> Self {
        let mut all = Vec::new();
        if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
            for (key, value) in labels {
                let values = BTreeSet::from([value.as_str().unwrap_or_default().to_owned()]);
                all.push(Requirement { key: key.clone(), test: Test::In(values) });
            }
        }
        for expression in
            selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten()
        {
            let key = expression.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
            let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
            let values: BTreeSet<String> =
                values.filter_map(Value::as_str).map(str::to_owned).collect();
            let test = match expression.get("operator").and_then(Value::as_str) {
                Some("In") => Test::In(values),
                Some("NotIn") => Test::NotIn(values),
                Some("Exists") => Test::Exists,
                _ => Test::Missing,
            };
            all.push(Requirement { key, test });
        }
        Self(all)
    }

    /// Reads a plain map of labels, as in a Service's selector.
    pub(crate) fn from_map(labels: &Value) -> Self {
        Self::from_value(&serde_json::json!({ "matchLabels": labels }))
    }

    /// `labels` is `metadata.labels`.
    pub(crate) fn matches(&self, labels: Option<&Value>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.and_then(|l| l.get(&requirement.key)).and_then(Value::as_str);
            match (&requirement.test, value) {
                (Test::In(values), Some(value)) => values.contains(value),
                (Test::In(_), None) => false,
                (Test::NotIn(values), Some(value)) => !values.contains(value),
                (Test::NotIn(_) | Test::Missing, None) | (Test::Exists, Some(_)) => true,
                (Test::Exists, None) | (Test::Missing, Some(_)) => false,
                (Test::Greater(than), Some(value)) => value.parse::<i64>().is_ok_and(|v| v > *than),
                (Test::Less(than), Some(value)) => value.parse::<i64>().is_ok_and(|v| v < *than),
                (Test::Greater(_) | Test::Less(_), None) => false,
            }
        })
    }
}

/// Splits at commas that are not inside parentheses.
fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut depth) = (0, 0_i32);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                terms.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.extend(text.get(start..));
    terms.retain(|t| !t.trim().is_empty());
    terms
}

fn parse_requirement(term: &str) -> Result<Requirement, String> {
    if let Some(key) = term.strip_prefix('!') {
        return Ok(Requirement { key: checked_key(key)?, test: Test::Missing });
    }
    if let Some((head, list)) = term.split_once('(') {
        let list =
            list.strip_suffix(')').ok_or_else(|| format!("found '{term}', expected: ')'"))?;
        let values = list.split(',').map(checked_value).collect::<Result<_, _>>()?;
        let head = head.trim();
        if let Some(key) = head.strip_suffix(" notin") {
            return Ok(Requirement { key: checked_key(key)?, test: Test::NotIn(values) });
        }
        if let Some(key) = head.strip_suffix(" in") {
            return Ok(Requirement { key: checked_key(key)?, test: Test::In(values) });
        }
        return Err(format!("found '{head}', expected: in, notin, =, ==, !=, gt, lt"));
    }
    for (operator, negated) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = term.split_once(operator) {
            let values = BTreeSet::from([checked_value(value)?]);
            let test = if negated { Test::NotIn(values) } else { Test::In(values) };
            return Ok(Requirement { key: checked_key(key)?, test });
        }
    }
    for (operator, greater) in [('>', true), ('<', false)] {
        if let Some((key, value)) = term.split_once(operator) {
            let bound = value
                .trim()
                .parse()
                .map_err(|_| format!("values[0]: Invalid value: \"{value}\""))?;
            let test = if greater { Test::Greater(bound) } else { Test::Less(bound) };
            return Ok(Requirement { key: checked_key(key)?, test });
        }
    }
    Ok(Requirement { key: checked_key(term)?, test: Test::Exists })
}

fn checked_key(key: &str) -> Result<String, String> {
    let key = key.trim();
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    if crate::names::is_qualified_part(name) {
        Ok(key.to_owned())
    } else {
        Err(format!("key: Invalid value: \"{key}\""))
    }
}

fn checked_value(value: &str) -> Result<String, String> {
    let value = value.trim();
    if value.is_empty() || crate::names::is_qualified_part(value) {
        Ok(value.to_owned())
    } else {
        Err(format!("values[0]: Invalid value: \"{value}\""))
    }
}
