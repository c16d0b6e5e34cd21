//! Loose conversions between kinds, as Sprig's `int64`, `float64` and arithmetic do.

use crate::number::{parse_float, parse_int};
use crate::value::Value;

/// `cast.ToInt64`: zero for what cannot be converted.
pub(crate) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(i) | Value::Int64(i) => *i,
        Value::Uint8(i) => i64::from(*i),
        Value::Uint64(i) => i.cast_signed(),
        Value::Float(f) => float_to_int(*f),
        Value::String(s) => parse_int(trim_zero_decimal(&s.text())).unwrap_or_default(),
        Value::Bool(b) => i64::from(*b),
        _ => 0,
    }
}

/// `cast.ToFloat64`: zero for what cannot be converted.
#[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds too")]
pub(crate) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(i) | Value::Int64(i) => *i as f64,
        Value::Uint8(i) => f64::from(*i),
        Value::Uint64(i) => *i as f64,
        Value::Float(f) => *f,
        Value::String(s) => {
            let text = s.text();
            parse_float(&text).or_else(|| special_float(&text)).unwrap_or_default()
        }
        Value::Bool(b) => f64::from(u8::from(*b)),
        _ => 0.0,
    }
}

/// The names of infinities and NaN that `strconv.ParseFloat` knows.
fn special_float(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let (sign, name) = match lower.strip_prefix('-') {
        Some(name) => (-1.0, name),
        None => (1.0, lower.strip_prefix('+').unwrap_or(&lower)),
    };
    match name {
        "inf" | "infinity" => Some(sign * f64::INFINITY),
        "nan" => Some(f64::NAN),
        _ => None,
    }
}

/// Go's conversion on amd64: truncation, and the smallest integer when out of range.
pub(crate) fn float_to_int(float: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if !(-LIMIT..LIMIT).contains(&float) {
        return i64::MIN;
    }
    #[expect(clippy::cast_possible_truncation, reason = "in range; Go truncates too")]
    let int = float as i64;
    int
}

/// Drops a fraction of zeros (`8.00` becomes `8`).
fn trim_zero_decimal(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    }
}
