//! Numbers as Go's `strconv` and `encoding/json` read and write them.

use serde_json::Number;

/// Reads an integer as `strconv.ParseInt(text, 0, 64)` and then `ParseUint` do.
///
/// The base comes from the prefix `0x`, `0o`, `0b` or a leading `0`. `text` has no underscores:
/// the resolver takes them out before it asks.
pub(crate) fn parse_int(text: &str) -> Option<Number> {
    let (negative, digits) = split_sign(text);
    let (base, digits) = split_base(digits);
    let magnitude = parse_digits(digits, base)?;
    match (negative, text.starts_with('+')) {
        (true, _) => negate(magnitude).map(Number::from),
        // `ParseUint` takes no sign, so the upper half of the range needs an unsigned spelling.
        (false, true) => i64::try_from(magnitude).ok().map(Number::from),
        (false, false) => Some(Number::from(magnitude)),
    }
}

/// Reads digits of one base, with an optional sign, as `strconv.ParseInt(text, base, 64)` does.
pub(crate) fn parse_int_radix(text: &str, base: u32) -> Option<Number> {
    let (negative, digits) = split_sign(text);
    let magnitude = parse_digits(digits, base)?;
    if negative {
        return negate(magnitude).map(Number::from);
    }
    if text.starts_with('+') {
        return i64::try_from(magnitude).ok().map(Number::from);
    }
    Some(Number::from(magnitude))
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn split_base(digits: &str) -> (u32, &str) {
    let mut bytes = digits.bytes();
    if bytes.next() != Some(b'0') {
        return (10, digits);
    }
    let after = |n: usize| digits.get(n..).unwrap_or_default();
    match bytes.next() {
        Some(b'x' | b'X') if digits.len() > 2 => (16, after(2)),
        Some(b'o' | b'O') if digits.len() > 2 => (8, after(2)),
        Some(b'b' | b'B') if digits.len() > 2 => (2, after(2)),
        None => (10, digits),
        Some(_) => (8, after(1)),
    }
}

fn parse_digits(digits: &str, base: u32) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0u64, |value, c| {
        value.checked_mul(u64::from(base))?.checked_add(u64::from(c.to_digit(base)?))
    })
}

fn negate(magnitude: u64) -> Option<i64> {
    0i64.checked_sub_unsigned(magnitude)
}

/// Whether `text` has the form go-yaml takes for a decimal float: no hexadecimal, no `inf`.
pub(crate) fn is_float_form(text: &str) -> bool {
    let (_, rest) = split_sign(text);
    let whole = rest.bytes().take_while(u8::is_ascii_digit).count();
    let rest = rest.get(whole..).unwrap_or_default();
    let (fraction, rest) = match rest.strip_prefix('.') {
        None => (None, rest),
        Some(rest) => {
            let n = rest.bytes().take_while(u8::is_ascii_digit).count();
            (Some(n), rest.get(n..).unwrap_or_default())
        }
    };
    if whole == 0 && fraction.unwrap_or(0) == 0 {
        return false;
    }
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else {
        return rest.is_empty();
    };
    let (_, exponent) = split_sign(exponent);
    !exponent.is_empty() && exponent.bytes().all(|b| b.is_ascii_digit())
}

/// Reads a decimal float as `strconv.ParseFloat` does: one that is out of range is an error.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    is_float_form(text).then(|| text.parse::<f64>().ok()).flatten().filter(|f| f.is_finite())
}

/// Reads what starts with a dot, where Go lets `_` stand between two digits.
pub(crate) fn parse_dotted_float(text: &str) -> Option<f64> {
    if !text.contains('_') {
        return parse_float(text);
    }
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let well_placed = bytes
        .iter()
        .enumerate()
        .all(|(at, b)| *b != b'_' || (digit(at.checked_sub(1)) && digit(at.checked_add(1))));
    well_placed.then(|| parse_float(&text.replace('_', ""))).flatten()
}

/// The number Go has after it wrote a float as JSON and read it back: floats without a fraction
/// that fit 64 bits come back as integers. `None` for infinities and NaN, which JSON cannot hold.
pub(crate) fn json_number(value: f64) -> Option<Number> {
    if !value.is_finite() {
        return None;
    }
    if value.fract() == 0.0 && value.abs() < 1e21 {
        // The shortest digits, filled up with zeros: what `strconv.FormatFloat(v, 'f', -1, 64)` writes.
        let text = format!("{value}");
        if let Ok(n) = text.parse::<i64>() {
            return Some(Number::from(n));
        }
        if let Ok(n) = text.parse::<u64>() {
            return Some(Number::from(n));
        }
    }
    Number::from_f64(value)
}

/// Writes a float as `strconv.FormatFloat(value, 'g', -1, 64)` does, infinities in YAML's words.
pub(crate) fn format_float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    go_shortest(&format!("{value:e}"), &format!("{value}"))
}

/// Writes a float key as sigs.k8s.io/yaml does, which rounds to 32 bits first.
#[expect(
    clippy::cast_possible_truncation,
    reason = "Go formats map keys with 32 bits of precision"
)]
pub(crate) fn format_float_key(value: f64) -> String {
    if !value.is_finite() {
        return format_float(value);
    }
    let narrow = value as f32;
    if narrow.is_infinite() {
        return format_float(f64::from(narrow));
    }
    go_shortest(&format!("{narrow:e}"), &format!("{narrow}"))
}

/// Chooses between exponent and plain form as Go's `%g` does for the shortest digits.
fn go_shortest(scientific: &str, plain: &str) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return plain.to_owned();
    };
    let Ok(exponent) = exponent.parse::<i32>() else {
        return plain.to_owned();
    };
    // For the shortest digits Go decides as if the precision were 6.
    if (-4..6).contains(&exponent) {
        return plain.to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}
