//! What a plain scalar means: go-yaml's implicit types, in both of its dialects.

use crate::number::{is_float_form, parse_dotted_float, parse_float, parse_int, parse_int_radix};
use serde_json::Number;

mod timestamp;

pub(crate) use timestamp::Timestamp;

/// Which of Go's two YAML dialects to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// sigs.k8s.io/yaml on go-yaml v2: YAML 1.1 booleans (`yes`, `on`, `n`, …) also as keys, keys
    /// of every scalar type turned into strings, the last of two equal keys wins, timestamps stay
    /// strings. This is how Kubernetes, Helm and Flux read manifests and values.
    V2,
    /// go-yaml v3 as kyaml uses it: only `true` and `false` are booleans, equal keys are an
    /// error, keys must be strings, timestamps are written in full.
    V3,
}

/// A resolved scalar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Resolved {
    Null,
    Bool(bool),
    Int(Number),
    Float(f64),
    Timestamp(Timestamp),
    Text,
}

impl Resolved {
    /// The short tag go-yaml gives such a scalar.
    pub(crate) fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp(_) => "!!timestamp",
            Self::Text => "!!str",
        }
    }
}

/// Resolves an untagged plain scalar.
pub(crate) fn resolve(text: &str, rules: Rules) -> Resolved {
    let Some(first) = text.bytes().next() else {
        return Resolved::Null;
    };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            word(text, rules).unwrap_or(Resolved::Text)
        }
        b'.' => match special_float(text) {
            Some(value) => Resolved::Float(value),
            None => parse_dotted_float(text).map_or(Resolved::Text, Resolved::Float),
        },
        b'+' | b'-' | b'0'..=b'9' => number_or_time(text, rules),
        _ => Resolved::Text,
    }
}

fn word(text: &str, rules: Rules) -> Option<Resolved> {
    Some(match text {
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        _ if rules == Rules::V2 => Resolved::Bool(old_bool(text)?),
        _ => return None,
    })
}

/// The booleans that YAML 1.1 has beyond `true` and `false`.
pub(crate) fn old_bool(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn special_float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn number_or_time(text: &str, rules: Rules) -> Resolved {
    if let Some(value) = special_float(text) {
        return Resolved::Float(value);
    }
    if let Some(time) = Timestamp::parse(text) {
        return Resolved::Timestamp(time);
    }
    let cleaned;
    let plain = if text.contains('_') {
        cleaned = text.replace('_', "");
        cleaned.as_str()
    } else {
        text
    };
    if let Some(n) = parse_int(plain) {
        return Resolved::Int(n);
    }
    if is_float_form(plain)
        && let Some(value) = parse_float(plain)
    {
        return Resolved::Float(value);
    }
    signed_after_prefix(plain, "0b", "-0b", 2)
        .or_else(|| match rules {
            Rules::V2 => None,
            Rules::V3 => signed_after_prefix(plain, "0o", "-0o", 8),
        })
        .map_or(Resolved::Text, Resolved::Int)
}

/// go-yaml also takes a sign between the base prefix and the digits (`0b-1`).
fn signed_after_prefix(plain: &str, prefix: &str, negative: &str, base: u32) -> Option<Number> {
    if let Some(digits) = plain.strip_prefix(prefix) {
        return parse_int_radix(digits, base);
    }
    let digits = plain.strip_prefix(negative)?;
    parse_int_radix(&format!("-{digits}"), base)
}

/// Resolves a plain scalar or one with an explicit tag, and says which tag it has in the end.
///
/// `tag` is the short form (`!!int`); an error is go-yaml's complaint that text and tag disagree.
pub(crate) fn resolve_tagged(tag: &str, text: &str, rules: Rules) -> Result<Resolved, String> {
    if !matches!(tag, "!!bool" | "!!int" | "!!float" | "!!null" | "!!timestamp") {
        return Ok(Resolved::Text);
    }
    let resolved = match resolve(text, rules) {
        // Only `!!timestamp` asks for times; the other tags see the text underneath.
        Resolved::Timestamp(_) if tag != "!!timestamp" => Resolved::Text,
        other => other,
    };
    match resolved {
        Resolved::Int(n) if tag == "!!float" => match n.as_i64() {
            #[expect(
                clippy::cast_precision_loss,
                reason = "Go's float64(int64) rounds the same way"
            )]
            Some(n) => Ok(Resolved::Float(n as f64)),
            None => Err(format!("cannot decode !!int `{text}` as a !!float")),
        },
        other if other.tag() == tag => Ok(other),
        other => Err(format!("cannot decode {} `{text}` as a {tag}", other.tag())),
    }
}

/// Base-60 numbers of YAML 1.1 (`1:30`): never read as such, but quoted when written.
pub(crate) fn is_base60(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = body.split(':');
    let Some(first) = parts.next() else {
        return false;
    };
    let whole = first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let mut parts = parts.peekable();
    if !whole || parts.peek().is_none() {
        return false;
    }
    while let Some(part) = parts.next() {
        let digits = match (parts.peek(), part.split_once('.')) {
            (None, Some((digits, rest))) => {
                if !rest.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
                    return false;
                }
                digits
            }
            _ => part,
        };
        if !is_sexagesimal(digits) {
            return false;
        }
    }
    true
}

fn is_sexagesimal(digits: &str) -> bool {
    match digits.as_bytes() {
        [d] => d.is_ascii_digit(),
        [tens, d] => (b'0'..=b'5').contains(tens) && d.is_ascii_digit(),
        _ => false,
    }
}
