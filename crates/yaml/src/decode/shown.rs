//! Values in Go's syntax (`%#v`), as errors show them.

use crate::resolve::{Resolved, Rules, resolve};
use serde_json::{Number, Value};
use std::cmp::Ordering;
use std::fmt::Write;

/// A value that stands alone, where a nil has no type.
pub(crate) fn lone_value(value: &Value, rules: Rules) -> String {
    if value.is_null() { "<nil>".to_owned() } else { self::value(value, rules) }
}

/// A value in a collection.
pub(crate) fn value(value: &Value, rules: Rules) -> String {
    let mut out = String::new();
    write(&mut out, value, rules);
    out
}

fn write(out: &mut String, value: &Value, rules: Rules) {
    match value {
        Value::Null => out.push_str("interface {}(nil)"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&shown_number(number)),
        Value::String(text) => quote(out, text),
        Value::Array(items) => {
            out.push_str("[]interface {}{");
            for (at, item) in items.iter().enumerate() {
                separate(out, at);
                write(out, item, rules);
            }
            out.push('}');
        }
        Value::Object(map) => {
            let key_type = if rules == Rules::V2 { "interface {}" } else { "string" };
            out.extend(["map[", key_type, "]interface {}{"]);
            let mut entries: Vec<(Key<'_>, &Value)> =
                map.iter().map(|(name, value)| (Key::of(name, rules), value)).collect();
            entries.sort_by(|(a, _), (b, _)| a.order(b));
            for (at, (key, item)) in entries.into_iter().enumerate() {
                separate(out, at);
                key.write(out);
                out.push(':');
                write(out, item, rules);
            }
            out.push('}');
        }
    }
}

fn separate(out: &mut String, at: usize) {
    if at > 0 {
        out.push_str(", ");
    }
}

/// A key as it was before it became text. Quotes around numbers and the like are not known any more.
enum Key<'a> {
    Text(&'a str),
    Number(Number),
    Bool(bool),
}

impl<'a> Key<'a> {
    fn of(name: &'a str, rules: Rules) -> Self {
        match resolve(name, rules) {
            Resolved::Int(number) if rules == Rules::V2 => Self::Number(number),
            Resolved::Float(f) if rules == Rules::V2 => {
                Number::from_f64(f).map_or(Self::Text(name), Self::Number)
            }
            Resolved::Bool(b) if rules == Rules::V2 => Self::Bool(b),
            _ => Self::Text(name),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => quote(out, text),
            Self::Number(number) => out.push_str(&shown_number(number)),
            Self::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        }
    }

    /// Go sorts keys by type first.
    fn rank(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Number(number) if number.is_f64() => 2,
            Self::Number(_) => 1,
            Self::Bool(_) => 3,
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => {
                let (a, b) = (a.as_f64(), b.as_f64());
                a.partial_cmp(&b).unwrap_or(Ordering::Equal)
            }
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            _ => Ordering::Equal,
        })
    }
}

fn shown_number(number: &Number) -> String {
    if let Some(n) = number.as_i64() {
        return n.to_string();
    }
    if let Some(n) = number.as_u64() {
        return format!("{n:#x}");
    }
    let Some(f) = number.as_f64() else { return number.to_string() };
    let scientific = format!("{f:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return f.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a string cannot fail.
            c if c.is_ascii_control() => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
