//! Durations in Go's notation, kept as they were written.
//!
//! A spec that says `60s` must not come back as `1m0s`, or every apply of the user's manifest
//! would show a difference. So the wire types keep the text, and [`Interval::get`] parses it.

use std::{borrow::Cow, fmt, str::FromStr, time};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The CRDs' pattern of an interval.
pub const INTERVAL_PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";

/// The CRDs' pattern of a timeout: an interval without hours.
pub const TIMEOUT_PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$";

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid duration {text:?}: expected numbers with a unit (ms, s, m, h) such as 1m30s")]
pub struct DurationError {
    /// The text as it was written.
    pub text: String,
}

/// Parses a duration as Go's `time.ParseDuration` does, for what is not negative.
///
/// Units are `ns`, `us`, `µs`, `ms`, `s`, `m` and `h`; a bare `0` is allowed. Beyond what a Go
/// duration can hold (about 292 years) is an error.
pub fn parse(text: &str) -> Result<time::Duration, DurationError> {
    nanoseconds(text)
        .map(time::Duration::from_nanos)
        .ok_or_else(|| DurationError { text: text.to_owned() })
}

fn nanoseconds(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = split_digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        total = total.checked_add(scaled(whole, fraction, unit_nanoseconds(unit)?)?)?;
        rest = after;
    }
    i64::try_from(total).ok().map(|_| total)
}

/// `whole.fraction` units in nanoseconds, the fraction cut as Go cuts it.
fn scaled(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut part: u128 = 0;
    let mut scale: u128 = 1;
    // An hour has 3.6e12 nanoseconds, so more than 18 digits cannot change the result.
    for digit in fraction.bytes().take(18) {
        part = part * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    let part = u64::try_from(part * u128::from(unit) / scale).ok()?;
    whole.checked_mul(unit)?.checked_add(part)
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn unit_nanoseconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Writes a duration as Go's `time.Duration.String` does, such as `1m30s` or `1.5s`.
pub fn format(duration: time::Duration) -> String {
    let nanos = duration.as_nanos();
    let (unit, name) = match nanos {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => return format_seconds(nanos),
    };
    format!("{}{name}", decimal(nanos, unit))
}

fn format_seconds(nanos: u128) -> String {
    const SECOND: u128 = 1_000_000_000;
    let (hours, rest) = (nanos / (3600 * SECOND), nanos % (3600 * SECOND));
    let (minutes, rest) = (rest / (60 * SECOND), rest % (60 * SECOND));
    let seconds = decimal(rest, SECOND);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `value / unit` in decimal, without trailing zeros; `unit` is a power of ten.
fn decimal(value: u128, unit: u128) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    let fraction = format!("{rest:0digits$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

macro_rules! duration_text {
    ($(#[$meta:meta])* $name:ident, $schema:tt) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The duration.
            ///
            /// # Errors
            /// If the text is no duration, which the CRD's pattern prevents.
            pub fn get(&self) -> Result<time::Duration, DurationError> {
                parse(&self.0)
            }

            /// The text as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<time::Duration> for $name {
            fn from(duration: time::Duration) -> Self {
                Self(format(duration))
            }
        }

        impl FromStr for $name {
            type Err = DurationError;

            fn from_str(text: &str) -> Result<Self, DurationError> {
                parse(text).map(|_| Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

duration_text! {
    /// A duration of milliseconds to hours, such as `10m` or `1h30m`, as a spec holds it.
    Interval, {"type": "string", "pattern": INTERVAL_PATTERN}
}

duration_text! {
    /// A duration of milliseconds to minutes, such as `60s`, as a spec holds it.
    Timeout, {"type": "string", "pattern": TIMEOUT_PATTERN}
}

duration_text! {
    /// A measured duration in a status, such as `1.203s`.
    Elapsed, {"type": "string"}
}

#[cfg(test)]
mod tests;
