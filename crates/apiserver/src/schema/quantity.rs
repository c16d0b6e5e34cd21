//! Resource quantities in canonical form, as Kubernetes writes them back: `1000m` is `1`, `0.5` is `500m`, `1024Ki` is `1Mi`.

/// The suffixes of decimal quantities with their power of ten.
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// The suffixes of binary quantities; each is 1024 times the one before.
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// The smallest amount that a quantity keeps is 10⁻⁹.
const NANO: i128 = 1_000_000_000;

/// The message for text that is no quantity.
const MALFORMED: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Decimal,
    Binary,
    Exponent,
}

/// An amount with the notation that it was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

impl Quantity {
    /// Reads a quantity such as `250m`, `1.5Gi` or `1e3`.
    ///
    /// # Errors
    /// The message that the API server gives for text that is no quantity.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end =
            unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at_checked(end).unwrap_or((unsigned, ""));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(MALFORMED);
        }
        let digits = format!("{whole}{fraction}");
        let mantissa: i128 =
            if digits.is_empty() { 0 } else { digits.parse().map_err(|_| MALFORMED)? };
        let (format, power, factor) =
            read_suffix(suffix).ok_or("unable to parse quantity's suffix")?;
        let power = power + 9 - i32::try_from(fraction.len()).map_err(|_| MALFORMED)?;
        let nanos =
            scale(mantissa.checked_mul(factor).ok_or(MALFORMED)?, power).ok_or(MALFORMED)?;
        Ok(Self { nanos: if negative { -nanos } else { nanos }, format })
    }

    /// The amount in units of 10⁻⁹.
    pub fn nanos(&self) -> i128 {
        self.nanos
    }

    /// The canonical text.
    pub fn canonical(&self) -> String {
        let small = self.nanos.abs() < 1024 * NANO;
        match self.format {
            Format::Binary if !small => self.binary(),
            Format::Exponent => {
                self.decimal(|power| if power == 0 { String::new() } else { format!("e{power}") })
            }
            Format::Binary | Format::Decimal => self.decimal(|power| {
                let suffix = DECIMAL.iter().find(|(_, at)| *at == power);
                suffix.map_or_else(|| format!("e{power}"), |(suffix, _)| (*suffix).to_owned())
            }),
        }
    }

    fn binary(&self) -> String {
        let mut amount = round_up(self.nanos, NANO);
        let mut suffixes = BINARY.iter();
        let mut suffix = suffixes.next().copied().unwrap_or_default();
        while amount != 0 && amount % 1024 == 0 {
            let Some(next) = suffixes.next() else { break };
            amount /= 1024;
            suffix = next;
        }
        format!("{amount}{suffix}")
    }

    fn decimal(&self, suffix: impl Fn(i32) -> String) -> String {
        if self.nanos == 0 {
            return "0".to_owned();
        }
        let (mut amount, mut power) = (self.nanos, -9);
        while amount % 1000 == 0 && power < 18 {
            amount /= 1000;
            power += 3;
        }
        format!("{amount}{}", suffix(power))
    }
}

fn read_suffix(suffix: &str) -> Option<(Format, i32, i128)> {
    if let Some((_, power)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((Format::Decimal, *power, 1));
    }
    if let Some(step) = BINARY.iter().position(|name| *name == suffix) {
        let bits = u32::try_from(step).ok()?.checked_mul(10)?;
        return Some((Format::Binary, 0, 1_i128.checked_shl(bits)?));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let power: i32 = exponent.parse().ok()?;
    (-30..=30).contains(&power).then_some((Format::Exponent, power, 1))
}

/// `amount` times a power of ten, rounded up.
fn scale(amount: i128, power: i32) -> Option<i128> {
    let factor = 10_i128.checked_pow(power.unsigned_abs());
    if power >= 0 {
        return amount.checked_mul(factor?);
    }
    Some(factor.map_or_else(|| i128::from(amount != 0), |factor| round_up(amount, factor)))
}

/// Divides, away from zero.
fn round_up(amount: i128, by: i128) -> i128 {
    let quotient = amount / by;
    if amount % by == 0 { quotient } else { quotient + amount.signum() }
}
