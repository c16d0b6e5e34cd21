//! JSON values as CEL sees them, by schema: numbers, times, durations and bytes have their own types, field names are escaped.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube_cel::cel;
use kube_cel::cel::objects::{Key, Map};
use serde_json::{Number, Value};

use super::super::node::{Kind, Schema};

/// Words of CEL that cannot name a field.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// The CEL value of a JSON value with this schema.
pub(super) fn of(place: &Schema, value: &Value) -> cel::Value {
    let schema = place.resolve();
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => self::number(schema, number),
        Value::String(text) => self::text(schema, text),
        Value::Array(items) => {
            let item = |item| {
                schema
                    .items
                    .as_ref()
                    .map_or_else(|| of(&Schema::any(), item), |schema| of(schema, item))
            };
            cel::Value::List(Arc::new(items.iter().map(item).collect()))
        }
        Value::Object(fields) => {
            let mut map = HashMap::with_capacity(fields.len());
            for (name, value) in fields {
                let declared = schema.properties.contains_key(name.as_str());
                let key = if declared { escape(name) } else { name.clone() };
                let value = schema
                    .child(name)
                    .map_or_else(|| of(&Schema::any(), value), |schema| of(schema, value));
                map.insert(Key::String(Arc::new(key)), value);
            }
            cel::Value::Map(Map { map: Arc::new(map) })
        }
    }
}

fn number(schema: &Schema, number: &Number) -> cel::Value {
    match number.as_i64() {
        Some(whole) if schema.kind != Kind::Number => cel::Value::Int(whole),
        _ => cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn text(schema: &Schema, text: &str) -> cel::Value {
    let typed = match schema.format.as_deref() {
        Some("date-time") => {
            chrono::DateTime::parse_from_rfc3339(text).ok().map(cel::Value::Timestamp)
        }
        Some("date") => date(text).map(cel::Value::Timestamp),
        Some("duration") => duration(text).map(cel::Value::Duration),
        Some("byte") => STANDARD.decode(text).ok().map(|bytes| cel::Value::Bytes(Arc::new(bytes))),
        _ => None,
    };
    typed.unwrap_or_else(|| cel::Value::String(Arc::new(text.to_owned())))
}

fn date(text: &str) -> Option<chrono::DateTime<chrono::FixedOffset>> {
    chrono::DateTime::parse_from_rfc3339(&format!("{text}T00:00:00Z")).ok()
}

/// A duration as Go writes it: `1h30m`, `-1.5s`.
pub(super) fn duration(text: &str) -> Option<chrono::Duration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(chrono::Duration::zero());
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(end)?;
        let unit = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3_600e9,
            _ => return None,
        };
        nanos += number.parse::<f64>().ok()? * unit;
        rest = tail;
    }
    if text.is_empty() || nanos > 9.2e18 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    let nanos = nanos.round() as i64;
    Some(chrono::Duration::nanoseconds(if negative { -nanos } else { nanos }))
}

/// The name of a field in expressions.
fn escape(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    let name = name.replace("__", "__underscores__");
    name.replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__")
}
