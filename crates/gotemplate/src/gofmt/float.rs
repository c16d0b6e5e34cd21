//! Floats as Go's `strconv.FormatFloat` and `fmt` write them.

use super::Printer;
use crate::value::Value;

impl Printer {
    pub(super) fn float(&mut self, value: &Value, verb: char, number: f64) {
        match verb {
            'v' => self.formatted(number, 'g', None),
            'e' | 'E' | 'f' => self.formatted(number, verb, Some(6)),
            'F' => self.formatted(number, 'f', Some(6)),
            'b' | 'g' | 'G' | 'x' | 'X' => self.formatted(number, verb, None),
            _ => self.bad_verb(value, verb),
        }
    }

    pub(super) fn complex(&mut self, value: &Value, verb: char, (re, im): (f64, f64)) {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            self.bad_verb(value, verb);
            return;
        }
        let plus = self.flags.plus;
        self.out.push(b'(');
        self.float(&Value::Float(re), verb, re);
        self.flags.plus = true;
        self.float(&Value::Float(im), verb, im);
        self.flags.plus = plus;
        self.out.extend_from_slice(b"i)");
    }

    fn formatted(&mut self, number: f64, verb: char, default: Option<usize>) {
        let flags = self.flags;
        let precision = flags.precision.or(default);
        let mut text = format(number, verb, precision);
        if flags.sharp && number.is_finite() && !matches!(verb, 'b' | 'x' | 'X') {
            text = with_point(&text, verb, precision);
        }
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits.to_owned()),
            None if flags.plus => ("+", text),
            None if flags.space => (" ", text),
            None => ("", text),
        };
        let zero = flags.zero && number.is_finite();
        if zero
            && !flags.minus
            && let Some(width) = flags.width
        {
            let missing = width.saturating_sub(sign.len() + digits.len());
            self.text(sign);
            self.out.extend(std::iter::repeat_n(b'0', missing));
            self.text(&digits);
            return;
        }
        self.flags.zero = false;
        let sign = if number.is_infinite() && sign.is_empty() { "+" } else { sign };
        self.pad(format!("{sign}{digits}").as_bytes());
        self.flags.zero = flags.zero;
    }
}

/// `%#g` keeps the decimal point and trailing zeros.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let mut out = mantissa.to_owned();
    if !out.contains('.') {
        out.push('.');
    }
    if matches!(verb, 'g' | 'G') {
        let wanted = precision.unwrap_or(6);
        let mut digits = out
            .chars()
            .skip_while(|c| matches!(c, '-' | '0' | '.'))
            .filter(char::is_ascii_digit)
            .count();
        if digits == 0 {
            digits = 1;
        }
        out.extend(std::iter::repeat_n('0', wanted.saturating_sub(digits)));
    }
    out.push_str(exponent);
    out
}

/// Go's `strconv.FormatFloat(number, verb, precision, 64)`; no precision means the shortest text
/// that reads back as the same number.
pub(crate) fn format(number: f64, verb: char, precision: Option<usize>) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Inf".to_owned() } else { "-Inf".to_owned() };
    }
    match verb {
        'f' | 'F' => match precision {
            Some(p) => format!("{number:.p$}"),
            None => format!("{number}"),
        },
        'e' | 'E' => cased(&exponent_form(number, precision), verb == 'E'),
        'x' | 'X' => cased(&hexadecimal(number, precision), verb == 'X'),
        'b' => binary(number),
        _ => cased(&general(number, precision), verb == 'G'),
    }
}

fn cased(text: &str, upper: bool) -> String {
    if upper { text.to_uppercase() } else { text.to_owned() }
}

/// `d.ddde±dd` with at least two digits of exponent.
fn exponent_form(number: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(p) => format!("{number:.p$e}"),
        None => format!("{number:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn general(number: f64, precision: Option<usize>) -> String {
    let shortest = precision.is_none();
    let significant = precision.map(|p| p.max(1));
    let text = exponent_form(number, significant.map(|p| p - 1));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "+00"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let trimmed = if mantissa.contains('.') {
        mantissa.trim_end_matches('0').trim_end_matches('.')
    } else {
        mantissa
    };
    let digits = trimmed.chars().filter(char::is_ascii_digit).count();
    let mut limit = i32::try_from(significant.unwrap_or(6)).unwrap_or(i32::MAX);
    if !shortest {
        let count = i32::try_from(digits).unwrap_or(i32::MAX);
        if limit > count && count > exponent {
            limit = count;
        }
    }
    if exponent < -4 || exponent >= limit {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{trimmed}e{sign}{:02}", exponent.abs());
    }
    let decimals = (i32::try_from(digits).unwrap_or_default() - 1 - exponent).max(0);
    plain(trimmed, exponent, usize::try_from(decimals).unwrap_or_default())
}

/// Writes digits and exponent without an exponent.
fn plain(mantissa: &str, exponent: i32, decimals: usize) -> String {
    let (sign, body) = match mantissa.strip_prefix('-') {
        Some(body) => ("-", body),
        None => ("", mantissa),
    };
    let mut digits: String = body.chars().filter(char::is_ascii_digit).collect();
    let point = exponent + 1;
    if point <= 0 {
        let zeros = usize::try_from(-point).unwrap_or_default();
        return format!("{sign}0.{}{digits}", "0".repeat(zeros));
    }
    let whole = usize::try_from(point).unwrap_or_default();
    while digits.len() < whole {
        digits.push('0');
    }
    let (head, tail) = digits.split_at_checked(whole).unwrap_or((&digits, ""));
    if decimals == 0 || tail.is_empty() {
        return format!("{sign}{head}");
    }
    format!("{sign}{head}.{tail}")
}

fn parts(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or_default();
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0 { (fraction, -1074) } else { (fraction | (1 << 52), exponent - 1075) }
}

fn binary(number: f64) -> String {
    let (mantissa, exponent) = parts(number);
    let sign = if number.is_sign_negative() { "-" } else { "" };
    format!("{sign}{mantissa}p{exponent:+}")
}

fn hexadecimal(number: f64, precision: Option<usize>) -> String {
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let (mut mantissa, mut exponent) = parts(number);
    if mantissa == 0 {
        let zeros = precision.filter(|p| *p > 0).map(|p| format!(".{}", "0".repeat(p)));
        return format!("{sign}0x0{}p+00", zeros.unwrap_or_default());
    }
    // Normalise to 1.fraction with 60 fraction bits.
    while mantissa < 1 << 60 {
        mantissa <<= 1;
        exponent -= 1;
    }
    exponent += 60;
    if let Some(p) = precision.filter(|p| *p < 15) {
        let shift = u32::try_from((15 - p) * 4).unwrap_or_default();
        let extra = mantissa & ((1 << shift) - 1);
        let half = 1_u64 << (shift - 1);
        mantissa >>= shift;
        if extra > half || (extra == half && mantissa & 1 == 1) {
            mantissa += 1;
        }
        mantissa <<= shift;
        if mantissa >= 1 << 61 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let shown = match precision {
        None => fraction.trim_end_matches('0').to_owned(),
        Some(p) => format!("{fraction:0<p$}").chars().take(p).collect(),
    };
    let point = if shown.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}0x1{point}{shown}p{exponent_sign}{:02}", exponent.abs())
}
