//! Whether a value fits a schema, as far as field ownership cares: sorts of values, undeclared fields, list keys.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::path::PathElement;
use super::shape::{ListShape, MapShape, ScalarKind, Shape};
use crate::schema::Schema;

/// Each mismatch as `.path: message`.
pub(super) fn mismatches(schema: &Schema, value: &Value, allow_duplicates: bool) -> Vec<String> {
    let mut check = Check { allow_duplicates, path: Vec::new(), found: Vec::new() };
    check.visit(schema, value);
    // Whatever order the map type keeps.
    check.found.sort();
    check.found
}

/// The mismatches as one error text.
pub(super) fn report(mismatches: &[String]) -> String {
    match mismatches {
        [one] => one.clone(),
        many => many.iter().fold("errors:".to_owned(), |text, one| text + "\n  " + one),
    }
}

struct Check<'a> {
    allow_duplicates: bool,
    path: Vec<Step<'a>>,
    found: Vec<String>,
}

/// A step of the path, put into words only for a report.
enum Step<'a> {
    Field(&'a str),
    Index(usize),
    Item(PathElement),
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Item(element) => write!(f, "{element}"),
        }
    }
}

impl<'a> Check<'a> {
    fn visit(&mut self, schema: &Schema, value: &'a Value) {
        if value.is_null() {
            return;
        }
        match Shape::of(schema, Some(value)) {
            Shape::Scalar(kind) => self.scalar(kind, value),
            Shape::List(list) => self.list(list, value),
            Shape::Map(map) => self.map(map, value),
        }
    }

    fn scalar(&mut self, kind: ScalarKind, value: &Value) {
        let message = match (kind, value) {
            (ScalarKind::Untyped, Value::Number(_) | Value::String(_) | Value::Bool(_))
            | (ScalarKind::Numeric, Value::Number(_))
            | (ScalarKind::Text, Value::String(_))
            | (ScalarKind::Boolean, Value::Bool(_)) => return,
            (ScalarKind::Numeric, value) => {
                format!("expected numeric (int or float), got {}", go_type(value))
            }
            (ScalarKind::Text, value) => format!(
                "expected string, got &value.valueUnstructured{{Value:{}}}",
                go_syntax(value)
            ),
            (ScalarKind::Boolean, value) => {
                format!("expected boolean, got &{{{}}}", go_plain(value))
            }
            (ScalarKind::Untyped, value) => {
                format!("expected any scalar, got &{{{}}}", go_plain(value))
            }
        };
        self.report(&message);
    }

    fn list(&mut self, list: ListShape<'_>, value: &'a Value) {
        let Value::Array(items) = value else {
            return self.report(&format!("expected list, got &{{{}}}", go_plain(value)));
        };
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            if list.is_atomic() {
                self.path.push(Step::Index(index));
            } else {
                let element = match list.element(item) {
                    Ok(element) => element,
                    Err(message) => return self.report(&format!("element {index}: {message}")),
                };
                if seen.contains(&element) && !self.allow_duplicates {
                    self.report(&format!("duplicate entries for key {element}"));
                }
                seen.insert(element.clone());
                self.path.push(Step::Item(element));
            }
            self.visit(list.items, item);
            self.path.pop();
        }
    }

    fn map(&mut self, map: MapShape<'_>, value: &'a Value) {
        let Value::Object(fields) = value else {
            return self.report(&format!("expected map, got &{{{}}}", go_plain(value)));
        };
        for (name, field) in fields {
            self.path.push(Step::Field(name));
            match map.field(name) {
                Some((schema, _)) => self.visit(schema, field),
                None => self.report("field not declared in schema"),
            }
            self.path.pop();
        }
    }

    fn report(&mut self, message: &str) {
        let path: String = self.path.iter().map(ToString::to_string).collect();
        self.found.push(if path.is_empty() {
            message.to_owned()
        } else {
            format!("{path}: {message}")
        });
    }
}

/// What Go's `%T` prints for a decoded JSON value.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// What Go's `%#v` prints for a decoded JSON value.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!(
                "[]interface {{}}{{{}}}",
                items.iter().map(go_syntax).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Object(_) => {
            let fields: Vec<_> =
                sorted(value).map(|(key, value)| format!("{key:?}:{}", go_syntax(value))).collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// What Go's `%v` prints for a decoded JSON value.
fn go_plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(go_plain).collect::<Vec<_>>().join(" "))
        }
        Value::Object(_) => {
            let fields: Vec<_> =
                sorted(value).map(|(key, value)| format!("{key}:{}", go_plain(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
        scalar => scalar.to_string(),
    }
}

fn sorted(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let mut fields: Vec<_> = value.as_object().into_iter().flatten().collect();
    fields.sort_by(|left, right| left.0.cmp(right.0));
    fields.into_iter()
}
