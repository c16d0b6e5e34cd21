//! Scalars as JSON.

use crate::node::ScalarStyle;
use crate::number::{format_float_key, json_number};
use crate::resolve::{Resolved, Rules, resolve, resolve_tagged};
use serde_json::Value;
use std::borrow::Cow;

/// A scalar as a JSON value.
pub(crate) fn json_scalar(
    tag: Option<&str>,
    text: Cow<'_, str>,
    style: ScalarStyle,
    rules: Rules,
) -> Result<Value, String> {
    match meaning(tag, &text, style, rules)? {
        Resolved::Null => Ok(Value::Null),
        Resolved::Bool(b) => Ok(Value::Bool(b)),
        Resolved::Int(n) => Ok(Value::Number(n)),
        Resolved::Float(f) => match json_number(f) {
            Some(n) => Ok(Value::Number(n)),
            None => Err(format!("json: unsupported value: {}", not_finite(f))),
        },
        Resolved::Timestamp(time) if rules == Rules::V3 => match time.as_json() {
            Some(text) => Ok(Value::String(text)),
            None => Err("json: timezone hour outside of range [0,23]".to_owned()),
        },
        Resolved::Text if tag == Some("!!binary") => binary(&text).map(Value::String),
        Resolved::Timestamp(_) | Resolved::Text => Ok(Value::String(text.into_owned())),
    }
}

/// How Go writes what is no number of JSON.
fn not_finite(f: f64) -> &'static str {
    if f.is_nan() {
        "NaN"
    } else if f > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    }
}

/// Why a scalar is no key.
pub(crate) enum WrongKey {
    /// Its type has no form as text; the type and the value as Go shows them.
    Unsupported(String),
    /// Anything else, in full.
    Other(String),
}

/// A scalar as a JSON key.
pub(crate) fn json_key(
    tag: Option<&str>,
    text: Cow<'_, str>,
    style: ScalarStyle,
    rules: Rules,
) -> Result<String, WrongKey> {
    let no_string =
        |text: &str| WrongKey::Other(format!("json: unsupported map key `{text}`: not a string"));
    if rules == Rules::V3 && tag.is_some_and(|tag| !matches!(tag, "!" | "!!str" | "!!merge")) {
        return Err(no_string(&text));
    }
    match meaning(tag, &text, style, rules).map_err(WrongKey::Other)? {
        Resolved::Text if tag == Some("!!binary") => binary(&text).map_err(WrongKey::Other),
        Resolved::Text => Ok(text.into_owned()),
        _ if rules == Rules::V3 => Err(no_string(&text)),
        Resolved::Null => Err(WrongKey::Unsupported("%!s(<nil>), key: <nil>".to_owned())),
        Resolved::Bool(b) => Ok(b.to_string()),
        Resolved::Int(n) => match (n.as_i64(), n.as_u64()) {
            (None, Some(n)) => Err(WrongKey::Unsupported(format!("uint64, key: {n:#x}"))),
            _ => Ok(n.to_string()),
        },
        Resolved::Float(f) => Ok(format_float_key(f)),
        Resolved::Timestamp(_) => Ok(text.into_owned()),
    }
}

/// Whether a scalar can be a JSON value.
pub(crate) fn check_scalar(
    tag: Option<&str>,
    text: &str,
    style: ScalarStyle,
    rules: Rules,
) -> Result<(), String> {
    match (tag, style) {
        (None, ScalarStyle::Plain) => match resolve(text, rules) {
            Resolved::Float(_) | Resolved::Timestamp(_) => {}
            _ => return Ok(()),
        },
        (None, _) => return Ok(()),
        (Some(_), _) => {}
    }
    json_scalar(tag, Cow::Borrowed(text), style, rules).map(drop)
}

/// Whether a scalar can be a JSON key.
pub(crate) fn check_key(
    tag: Option<&str>,
    text: &str,
    style: ScalarStyle,
    rules: Rules,
) -> Result<(), WrongKey> {
    match (tag, style) {
        (None, ScalarStyle::Plain) if resolve(text, rules) == Resolved::Text => Ok(()),
        _ => json_key(tag, Cow::Borrowed(text), style, rules).map(drop),
    }
}

fn meaning(
    tag: Option<&str>,
    text: &str,
    style: ScalarStyle,
    rules: Rules,
) -> Result<Resolved, String> {
    match tag {
        Some("!") | None if style != ScalarStyle::Plain => Ok(Resolved::Text),
        Some("!") if rules == Rules::V3 => Ok(resolve(text, rules)),
        Some(tag) => resolve_tagged(tag, text, rules),
        None => Ok(resolve(text, rules)),
    }
}

/// Decodes `!!binary`; bytes that are no UTF-8 become replacement characters, as in Go's JSON.
fn binary(text: &str) -> Result<String, String> {
    let bytes = decode_base64(text)
        .ok_or_else(|| "!!binary value contains invalid base64 data".to_owned())?;
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Ok(out)
}

/// Standard base64 with padding; line breaks are skipped, as Go's decoder does.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let mut out = Vec::with_capacity(symbols.len() / 4 * 3);
    let (groups, rest) = symbols.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    for (n, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|b| **b == b'=').count();
        if padding > 2 || (padding > 0 && n + 1 != groups.len()) {
            return None;
        }
        let mut bits = 0u32;
        for (at, symbol) in group.iter().enumerate() {
            let value = if at + padding < 4 { sextet(*symbol)? } else { 0 };
            bits = bits << 6 | value;
        }
        out.extend(bits.to_be_bytes().into_iter().skip(1).take(3 - padding));
    }
    Some(out)
}

fn sextet(symbol: u8) -> Option<u32> {
    let value = match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}
