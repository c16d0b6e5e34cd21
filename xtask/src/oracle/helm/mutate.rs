//! Random changes of values.

use crate::oracle::random::Random;
use helm::Values;
use serde_json::{Value as Json, json};

/// A step into values: a key of a table, or an index of a list.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// A random way into values; mostly to a leaf, now and then to a table, or to a key that is not there.
pub(super) fn path(random: &mut Random, values: &Values) -> Vec<Step> {
    let mut path = Vec::new();
    let mut here = Json::Object(values.clone());
    loop {
        let next = match &here {
            Json::Object(map) if !map.is_empty() => {
                let keys: Vec<&String> = map.keys().collect();
                let Some(key) = random.pick(&keys) else { return path };
                path.push(Step::Key((*key).clone()));
                map.get(*key).cloned()
            }
            Json::Array(items) if !items.is_empty() && random.percent(60) => {
                let index = random.below(items.len());
                path.push(Step::Index(index));
                items.get(index).cloned()
            }
            _ => None,
        };
        let Some(next) = next else {
            if random.percent(3) {
                path.push(Step::Key("unknown".to_owned()));
            }
            return path;
        };
        here = next;
        if random.percent(12) {
            return path;
        }
    }
}

/// What stands at a path.
pub(super) fn find<'v>(values: &'v Values, path: &[Step]) -> Option<&'v Json> {
    let (first, rest) = path.split_first()?;
    let Step::Key(key) = first else { return None };
    rest.iter().try_fold(values.get(key)?, |here, step| match step {
        Step::Key(key) => here.get(key),
        Step::Index(index) => here.get(index),
    })
}

const TEXTS: &[&str] = &[
    "",
    "a",
    "true",
    "123",
    "1.5",
    "a b",
    "x: y",
    "{{ .Release.Name }}",
    "100Mi",
    "2Gi",
    "250m",
    "30s",
    "1e3",
    "0x10",
    "~",
    "null",
    "- a",
    "multi\nline\n",
    "trailing ",
    "é",
    "IfNotPresent",
    "ClusterIP",
    "LoadBalancer",
    "NodePort",
    "deployment",
    "latest",
    "0.0.1",
    "'q'",
    "\"q\"",
    "#c",
    "%",
    "*",
    "&a",
    "!t",
    "|",
    ">",
    "a/b",
    "@x",
    "`x`",
    "https://example.com/path?a=b&c=d",
];

const NUMBERS: &[f64] =
    &[0.0, 1.0, -1.0, 2.0, 8080.0, 1.5, 65535.0, 1_000_000.0, 12_345_678_901.0, 0.1, 1e21, 1e-7];

/// Another value in the place of one: often of the same kind, often not.
pub(super) fn value(random: &mut Random, found: Option<&Json>) -> Json {
    let other = random.percent(45);
    match found {
        Some(Json::Bool(old)) if !other => Json::Bool(!old),
        Some(Json::String(_)) if !other => json!(random.word(TEXTS)),
        Some(Json::Number(_)) if !other => json!(random.pick(NUMBERS)),
        Some(Json::Array(items)) if !other => {
            let mut items = items.clone();
            match random.below(3) {
                0 => items.clear(),
                1 => items.push(scalar(random)),
                _ => items.extend(items.clone().first().cloned()),
            }
            Json::Array(items)
        }
        Some(Json::Object(map)) if !other => {
            let mut map = map.clone();
            map.insert("added".to_owned(), scalar(random));
            Json::Object(map)
        }
        _ => anything(random),
    }
}

fn scalar(random: &mut Random) -> Json {
    match random.below(6) {
        0 => Json::Null,
        1 => Json::Bool(random.percent(50)),
        2 | 3 => json!(random.pick(NUMBERS)),
        _ => json!(random.word(TEXTS)),
    }
}

fn anything(random: &mut Random) -> Json {
    match random.below(10) {
        0 => Json::Null,
        1 => json!({}),
        2 => json!([]),
        3 => json!({ "name": scalar(random), "value": scalar(random) }),
        4 => json!([scalar(random), scalar(random)]),
        5 => json!([{ "name": scalar(random), "key": scalar(random) }]),
        6 => json!({ "a": { "b": scalar(random) }, "c": [scalar(random)] }),
        _ => scalar(random),
    }
}

/// Sets a value at a path, making what is missing on the way.
pub(super) fn put(values: &mut Values, path: &[Step], value: Json) {
    let Some((Step::Key(first), rest)) = path.split_first() else { return };
    let mut here = values.entry(first.clone()).or_insert(Json::Null);
    for step in rest {
        match step {
            Step::Key(key) => {
                if !here.is_object() {
                    *here = json!({});
                }
                let Json::Object(map) = here else { return };
                here = map.entry(key.clone()).or_insert(Json::Null);
            }
            Step::Index(index) => {
                if !here.is_array() {
                    *here = json!([]);
                }
                let Json::Array(items) = here else { return };
                while items.len() <= *index {
                    items.push(Json::Null);
                }
                let Some(item) = items.get_mut(*index) else { return };
                here = item;
            }
        }
    }
    *here = value;
}

/// The same as a flag of the command line.
pub(super) fn setting(random: &mut Random, path: &[Step], value: &Json) -> (&'static str, String) {
    let mut shown = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !shown.is_empty() {
                    shown.push('.');
                }
                for c in key.chars() {
                    if matches!(c, '.' | ',' | '=' | '[' | ']' | '\\') {
                        shown.push('\\');
                    }
                    shown.push(c);
                }
            }
            Step::Index(index) => shown.extend(["[", &index.to_string(), "]"]),
        }
    }
    let plain = match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match (random.below(4), value) {
        (0, _) => ("--set-json", format!("{shown}={value}")),
        (1, _) => ("--set-string", format!("{shown}={}", escaped(&plain))),
        (2, Json::String(_)) => ("--set-literal", format!("{shown}={plain}")),
        (_, Json::Array(items)) if items.iter().all(|item| !item.is_object()) => {
            let items: Vec<String> = items.iter().map(|item| escaped(&item.to_string())).collect();
            ("--set", format!("{shown}={{{}}}", items.join(",")))
        }
        _ => ("--set", format!("{shown}={}", escaped(&plain))),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(',', "\\,")
}
