//! Numbers as schemas compare them: exactly, by their decimal digits.

use std::cmp::Ordering;

use serde_json::Number;

use super::problem::thousands;

/// A decimal number: `digits` times ten to the power of `exponent`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal {
    digits: i128,
    exponent: i32,
    float: f64,
}

/// The most digits that are compared exactly.
const EXACT: usize = 36;

impl Decimal {
    /// The number as it is written in its shortest form.
    pub(super) fn of(number: &Number) -> Self {
        let float = number.as_f64().unwrap_or_default();
        let text = number.to_string();
        Self::parse(&text, float).unwrap_or(Self { digits: 0, exponent: 0, float })
    }

    fn parse(text: &str, float: f64) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        if whole.len() + fraction.len() > EXACT {
            return None;
        }
        let digits = format!("{whole}{fraction}").parse().ok()?;
        let exponent: i32 = exponent.trim_start_matches('+').parse().ok()?;
        let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        Some(Self { digits, exponent, float })
    }

    /// Both as whole multiples of the same power of ten, where that is possible.
    fn aligned(self, other: Self) -> Option<(i128, i128)> {
        let low = self.exponent.min(other.exponent);
        let scaled = |number: Self| {
            let power = u32::try_from(number.exponent.checked_sub(low)?).ok()?;
            number.digits.checked_mul(10_i128.checked_pow(power)?)
        };
        Some((scaled(self)?, scaled(other)?))
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        match self.aligned(other) {
            Some((a, b)) => a.cmp(&b),
            None => self.float.total_cmp(&other.float),
        }
    }

    pub(super) fn is_whole(self) -> bool {
        match self.exponent {
            0.. => true,
            below => u32::try_from(-i64::from(below))
                .ok()
                .and_then(|power| 10_i128.checked_pow(power))
                .is_some_and(|unit| self.digits % unit == 0),
        }
    }

    pub(super) fn is_multiple_of(self, unit: Self) -> bool {
        match self.aligned(unit) {
            Some((_, 0)) => false,
            Some((a, b)) => a % b == 0,
            None => (self.float / unit.float).fract() == 0.0,
        }
    }
}

/// A number as messages show it: commas between thousands, large and small ones as powers of ten.
impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = gotemplate::to_text(&gotemplate::Value::Float(self.float)).unwrap_or_default();
        let shown = shown.text();
        let Some((mantissa, exponent)) = shown.split_once('e') else {
            return f.write_str(&thousands(&shown));
        };
        let raised = exponent.chars().filter_map(|c| match c {
            '-' => Some('⁻'),
            '0' => Some('⁰'),
            '1' => Some('¹'),
            '2' => Some('²'),
            '3' => Some('³'),
            '4'..='9' => char::from_u32(0x2070 + c.to_digit(10)?),
            _ => None,
        });
        write!(f, "{mantissa}×10{}", raised.collect::<String>())
    }
}
