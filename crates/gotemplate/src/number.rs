//! Number constants of templates, and Go's number parsing.

use crate::quote::{quote, unquote_rune};
use crate::value::Value;
use crate::{Error, Result};

/// A number constant: what it can be taken for, as in Go's untyped constants.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a constant can be several kinds at once")]
pub(crate) struct Number {
    pub(crate) text: String,
    pub(crate) is_int: bool,
    pub(crate) is_uint: bool,
    pub(crate) is_float: bool,
    pub(crate) is_complex: bool,
    pub(crate) int: i64,
    pub(crate) uint: u64,
    pub(crate) float: f64,
    pub(crate) complex: (f64, f64),
}

/// How a number constant was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Character,
    Complex,
    Plain,
}

/// What a number constant can be taken for, as JSON with the members `isInt`, `isUint`, `isFloat`,
/// `isComplex`, `int`, `uint`, `float`. Errs as the template parser does.
pub fn describe(text: &str) -> Result<serde_json::Value, Error> {
    let form = if text.starts_with('\'') {
        Form::Character
    } else if complex(text).is_some() {
        Form::Complex
    } else {
        Form::Plain
    };
    let number = Number::parse(text, form)?;
    Ok(serde_json::json!({
        "isInt": number.is_int, "isUint": number.is_uint, "isFloat": number.is_float,
        "isComplex": number.is_complex, "int": number.int, "uint": number.uint,
        "float": number.float,
    }))
}

impl Number {
    pub(crate) fn parse(text: &str, form: Form) -> Result<Self> {
        let number = Self { text: text.to_owned(), ..Self::default() };
        match form {
            Form::Character => number.character(),
            Form::Complex => {
                let pair = complex(text).ok_or_else(|| illegal(text))?;
                Ok(number.with_complex(pair))
            }
            Form::Plain => number.plain(),
        }
    }

    fn character(mut self) -> Result<Self> {
        let code = unquote_rune(&self.text)
            .ok_or_else(|| Error(format!("malformed character constant: {}", self.text)))?;
        self.is_int = true;
        self.is_uint = true;
        self.is_float = true;
        self.int = i64::from(code);
        self.uint = u64::from(code);
        self.float = f64::from(code);
        Ok(self)
    }

    fn with_complex(mut self, (re, im): (f64, f64)) -> Self {
        self.is_complex = true;
        self.complex = (re, im);
        if im == 0.0 {
            self.set_float(re);
        }
        self
    }

    fn set_float(&mut self, float: f64) {
        self.is_float = true;
        self.float = float;
        if let Some(int) = exact_i64(float) {
            self.is_int = true;
            self.int = int;
        }
        if let Some(uint) = exact_u64(float) {
            self.is_uint = true;
            self.uint = uint;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "Go promotes integer constants to float64")]
    fn plain(mut self) -> Result<Self> {
        let text = self.text.clone();
        if let Some(im) = text.strip_suffix('i').and_then(parse_float) {
            return Ok(self.with_complex((0.0, im)));
        }
        if let Some(uint) = parse_uint(&text) {
            self.is_uint = true;
            self.uint = uint;
        }
        if let Some(int) = parse_int(&text) {
            self.is_int = true;
            self.int = int;
            self.is_uint |= int == 0;
        }
        if self.is_int || self.is_uint {
            self.is_float = true;
            self.float = if self.is_int { self.int as f64 } else { self.uint as f64 };
            return Ok(self);
        }
        let Some(float) = parse_float(&text) else { return Err(illegal(&text)) };
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(Error(format!("integer overflow: {}", quote(text.as_bytes()))));
        }
        self.set_float(float);
        Ok(self)
    }

    /// The value of the constant where no type is wanted; its syntax decides.
    pub(crate) fn ideal(&self) -> Result<Value> {
        let hex_int = (self.text.starts_with("0x") || self.text.starts_with("0X"))
            && !self.text.contains(['p', 'P']);
        if self.is_complex {
            return Ok(Value::Complex(self.complex.0, self.complex.1));
        }
        if self.is_float
            && !hex_int
            && !self.text.starts_with('\'')
            && self.text.contains(['.', 'e', 'E', 'p', 'P'])
        {
            return Ok(Value::Float(self.float));
        }
        if self.is_int {
            return Ok(Value::Int(self.int));
        }
        Err(Error(format!("{} overflows int", self.text)))
    }
}

fn illegal(text: &str) -> Error {
    Error(format!("illegal number syntax: {}", quote(text.as_bytes())))
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
fn exact_i64(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && (-TWO_63..TWO_63).contains(&float)).then_some(float as i64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole and in range"
)]
fn exact_u64(float: f64) -> Option<u64> {
    (float.fract() == 0.0 && (0.0..TWO_64).contains(&float)).then_some(float as u64)
}

/// Splits `1+2i` into its parts.
fn complex(text: &str) -> Option<(f64, f64)> {
    let body = text.strip_suffix('i')?;
    let at = body
        .char_indices()
        .skip(1)
        .filter(|(at, c)| {
            let before = body.get(..*at).and_then(|b| b.chars().next_back());
            matches!(c, '+' | '-') && !matches!(before, Some('e' | 'E' | 'p' | 'P'))
        })
        .map(|(at, _)| at)
        .last()?;
    let (re, im) = body.split_at_checked(at)?;
    Some((parse_float(re)?, parse_float(im)?))
}

/// Whether underscores stand only where Go allows them: between digits or after the base prefix.
fn underscores_fit(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = body.to_ascii_lowercase();
    let (mut previous, rest) = match lower.strip_prefix("0x") {
        Some(rest) => ('0', rest),
        None => match lower.strip_prefix("0b").or_else(|| lower.strip_prefix("0o")) {
            Some(rest) => ('0', rest),
            None => ('^', lower.as_str()),
        },
    };
    let hex = lower.starts_with("0x");
    for c in rest.chars() {
        let digit = c.is_ascii_digit() || (hex && c.is_ascii_hexdigit());
        match c {
            _ if digit => previous = '0',
            '_' if previous == '0' => previous = '_',
            '_' => return false,
            _ if previous == '_' => return false,
            _ => previous = '!',
        }
    }
    previous != '_'
}

/// Go's `strconv.ParseUint(text, 0, 64)`.
pub(crate) fn parse_uint(text: &str) -> Option<u64> {
    if text.contains('_') && !underscores_fit(text) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits)
    } else if let Some(digits) = lower.strip_prefix('0').filter(|d| !d.is_empty()) {
        (8, digits)
    } else {
        (10, lower.as_str())
    };
    let digits = digits.replace('_', "");
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    u64::from_str_radix(&digits, radix).ok()
}

/// Go's `strconv.ParseInt(text, 0, 64)`.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from(parse_uint(digits)?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// Go's `strconv.ParseFloat(text, 64)` for finite numbers.
pub fn parse_float(text: &str) -> Option<f64> {
    if text.contains('_') && !underscores_fit(text) {
        return None;
    }
    let clean = text.replace('_', "");
    let body = clean.strip_prefix(['+', '-']).unwrap_or(&clean);
    if let Some(hex) = body.strip_prefix("0x").or_else(|| body.strip_prefix("0X")) {
        let value = hex_float(hex)?;
        return Some(if clean.starts_with('-') { -value } else { value });
    }
    if !body.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    clean.parse::<f64>().ok().filter(|f| f.is_finite())
}

/// `h.hhp±d` without sign and prefix; the exponent is required.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for c in whole.chars().chain(fraction.chars()) {
        value = value.mul_add(16.0, f64::from(c.to_digit(16)?));
    }
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    let scaled = value * 2.0_f64.powi(shift);
    scaled.is_finite().then_some(scaled)
}
