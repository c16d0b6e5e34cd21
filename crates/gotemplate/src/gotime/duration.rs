//! Go's `time.Duration` as text.

use crate::quote::quote;
use crate::{Error, Result};

/// Go's `Duration.String` of nanoseconds (`1h2m3.5s`, `1.5ms`, `0s`).
pub fn format_duration(nanos: i64) -> String {
    let size = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    if size == 0 {
        return "0s".to_owned();
    }
    if size < 1_000_000_000 {
        return match size {
            0..1_000 => format!("{sign}{size}ns"),
            1_000..1_000_000 => format!("{sign}{}µs", decimal(size, 1_000)),
            _ => format!("{sign}{}ms", decimal(size, 1_000_000)),
        };
    }
    let (hours, minutes) = (size / 3_600_000_000_000, size / 60_000_000_000 % 60);
    let seconds = decimal(size % 60_000_000_000, 1_000_000_000);
    if hours > 0 {
        format!("{sign}{hours}h{minutes}m{seconds}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m{seconds}s")
    } else {
        format!("{sign}{seconds}s")
    }
}

/// `size / unit` with as many decimals as needed.
fn decimal(size: u64, unit: u64) -> String {
    let width = usize::try_from(unit.ilog10()).unwrap_or_default();
    let fraction = format!("{:0width$}", size % unit);
    let fraction = fraction.trim_end_matches('0');
    let whole = size / unit;
    if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") }
}

/// Nanoseconds of a Go duration (`1h30m`, `-1.5s`).
///
/// # Errors
/// With Go's text.
pub fn parse_duration(text: &str) -> Result<i64, Error> {
    let shown = quote(text.as_bytes());
    let invalid = || Error(format!("time: invalid duration {shown}"));
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at_checked(number_end).ok_or_else(invalid)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(invalid());
        }
        let unit_end = tail.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end).ok_or_else(invalid)?;
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(Error(format!("time: missing unit in duration {shown}"))),
            unit => {
                let unit = quote(unit.as_bytes());
                return Err(Error(format!("time: unknown unit {unit} in duration {shown}")));
            }
        };
        let digits = |text: &str| -> Result<i128> {
            if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| invalid()) }
        };
        let fraction = fraction.get(..fraction.len().min(18)).unwrap_or_default();
        let power = 10_i128.pow(u32::try_from(fraction.len()).unwrap_or_default());
        let whole = digits(whole)?.checked_mul(scale).ok_or_else(invalid)?;
        total = total.checked_add(whole).ok_or_else(invalid)? + digits(fraction)? * scale / power;
        rest = tail;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())
}
