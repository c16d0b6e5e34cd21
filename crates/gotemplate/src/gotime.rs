//! Go's `time`: layouts, durations, and the methods of `time.Time` and `time.Duration`.

use jiff::{SignedDuration, Zoned};

use crate::text::Str;
use crate::value::Value;
use crate::{Error, Result};

mod duration;
mod layout;
mod parse;

pub use duration::{format_duration, parse_duration};
pub(crate) use parse::parse;

use layout::{Chunk, chunks};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn month(time: &Zoned) -> &'static str {
    let index = usize::try_from(time.month()).unwrap_or_default().saturating_sub(1);
    MONTHS.get(index).copied().unwrap_or_default()
}

fn weekday(time: &Zoned) -> &'static str {
    let index = usize::try_from(time.weekday().to_sunday_zero_offset()).unwrap_or_default();
    WEEKDAYS.get(index).copied().unwrap_or_default()
}

fn head(text: &str) -> &str {
    text.get(..3).unwrap_or(text)
}

/// Go's `Time.String`.
pub(crate) fn to_string(time: &Zoned) -> String {
    format(time, "2006-01-02 15:04:05.999999999 -0700 MST")
}

/// The form of `Time.MarshalJSON`.
pub(crate) fn rfc3339(time: &Zoned) -> String {
    format(time, "2006-01-02T15:04:05.999999999Z07:00")
}

/// Go's zero time.
pub(crate) fn zero() -> Zoned {
    jiff::civil::date(1, 1, 1).to_zoned(jiff::tz::TimeZone::UTC).unwrap_or_default()
}

/// Go's `Time.Format`.
pub(crate) fn format(time: &Zoned, layout: &str) -> String {
    let mut out = String::new();
    for chunk in chunks(layout) {
        out.push_str(&format_chunk(time, &chunk));
    }
    out
}

fn format_chunk(time: &Zoned, chunk: &Chunk) -> String {
    let hour12 = match time.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    match chunk {
        Chunk::Literal(text) => text.clone(),
        Chunk::LongMonth => month(time).to_owned(),
        Chunk::Month => head(month(time)).to_owned(),
        Chunk::NumMonth => time.month().to_string(),
        Chunk::ZeroMonth => format!("{:02}", time.month()),
        Chunk::LongWeekday => weekday(time).to_owned(),
        Chunk::Weekday => head(weekday(time)).to_owned(),
        Chunk::Day => time.day().to_string(),
        Chunk::UnderDay => format!("{:2}", time.day()),
        Chunk::ZeroDay => format!("{:02}", time.day()),
        Chunk::UnderYearDay => format!("{:3}", time.day_of_year()),
        Chunk::ZeroYearDay => format!("{:03}", time.day_of_year()),
        Chunk::Hour => format!("{:02}", time.hour()),
        Chunk::Hour12 => hour12.to_string(),
        Chunk::ZeroHour12 => format!("{hour12:02}"),
        Chunk::Minute => time.minute().to_string(),
        Chunk::ZeroMinute => format!("{:02}", time.minute()),
        Chunk::Second => time.second().to_string(),
        Chunk::ZeroSecond => format!("{:02}", time.second()),
        Chunk::LongYear => format!("{:04}", time.year()),
        Chunk::Year => format!("{:02}", time.year().rem_euclid(100)),
        Chunk::UpperPm => (if time.hour() < 12 { "AM" } else { "PM" }).to_owned(),
        Chunk::LowerPm => (if time.hour() < 12 { "am" } else { "pm" }).to_owned(),
        Chunk::ZoneName => zone_name(time),
        Chunk::Offset { z, colon, parts } => {
            let seconds = time.offset().seconds();
            if *z && seconds == 0 { "Z".to_owned() } else { offset(seconds, *colon, *parts) }
        }
        Chunk::Fraction { separator, digits, trim } => fraction(time, *separator, *digits, *trim),
    }
}

/// The zone's abbreviation; a zone without one shows its offset.
fn zone_name(time: &Zoned) -> String {
    let name = time.strftime("%Z").to_string();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return name;
    }
    let seconds = time.offset().seconds();
    offset(seconds, false, if seconds % 3600 == 0 { 1 } else { 2 })
}

fn offset(seconds: i32, colon: bool, parts: u8) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let size = seconds.abs();
    let (hours, minutes, rest) = (size / 3600, size / 60 % 60, size % 60);
    let between = if colon { ":" } else { "" };
    match parts {
        1 => format!("{sign}{hours:02}"),
        2 => format!("{sign}{hours:02}{between}{minutes:02}"),
        _ => format!("{sign}{hours:02}{between}{minutes:02}{between}{rest:02}"),
    }
}

fn fraction(time: &Zoned, separator: char, digits: usize, trim: bool) -> String {
    let nanos = format!("{:09}", time.subsec_nanosecond());
    let shown = nanos.get(..digits.min(9)).unwrap_or(&nanos);
    let shown = if trim { shown.trim_end_matches('0') } else { shown };
    if trim && shown.is_empty() { String::new() } else { format!("{separator}{shown}") }
}

/// A method of a time or a duration; `None` when there is no such method.
pub(crate) fn method(receiver: &Value, name: &str, args: &[Value]) -> Option<Result<Value>> {
    match receiver {
        Value::Time(time) => time_method(time, name, args),
        Value::Duration(nanos) => duration_method(*nanos, name).map(Ok),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "Go's float results round too")]
fn duration_method(nanos: i64, name: &str) -> Option<Value> {
    Some(match name {
        "Hours" => Value::Float(nanos as f64 / 3.6e12),
        "Minutes" => Value::Float(nanos as f64 / 6e10),
        "Seconds" => Value::Float(nanos as f64 / 1e9),
        "Milliseconds" => Value::Int64(nanos / 1_000_000),
        "Microseconds" => Value::Int64(nanos / 1_000),
        "Nanoseconds" => Value::Int64(nanos),
        "String" => Value::string(format_duration(nanos)),
        "Abs" => Value::Duration(nanos.saturating_abs()),
        _ => return None,
    })
}

fn int(number: impl Into<i64>) -> Value {
    Value::Int(number.into())
}

fn argument_int(args: &[Value], index: usize) -> i64 {
    match args.get(index) {
        Some(Value::Int(i) | Value::Int64(i) | Value::Duration(i)) => *i,
        _ => 0,
    }
}

fn time_method(time: &Zoned, name: &str, args: &[Value]) -> Option<Result<Value>> {
    let other = match args.first() {
        Some(Value::Time(other)) => other.timestamp(),
        _ => zero().timestamp(),
    };
    let text = args.first().and_then(Value::as_str).cloned().unwrap_or_default();
    let value = match name {
        "Format" => Value::string(format(time, &text.text())),
        "String" => Value::string(to_string(time)),
        "Unix" => Value::Int64(time.timestamp().as_second()),
        "UnixMilli" => Value::Int64(time.timestamp().as_millisecond()),
        "UnixMicro" => Value::Int64(time.timestamp().as_microsecond()),
        "UnixNano" => Value::Int64(i64::try_from(time.timestamp().as_nanosecond()).unwrap_or(0)),
        "UTC" => Value::Time(Box::new(time.with_time_zone(jiff::tz::TimeZone::UTC))),
        "Local" => Value::Time(Box::new(time.clone())),
        "Year" => int(time.year()),
        "Month" => Value::Object(std::rc::Rc::new(Month(time.month()))),
        "Day" => int(time.day()),
        "Hour" => int(time.hour()),
        "Minute" => int(time.minute()),
        "Second" => int(time.second()),
        "Nanosecond" => int(time.subsec_nanosecond()),
        "YearDay" => int(time.day_of_year()),
        "Weekday" => Value::string(weekday(time)),
        "IsZero" => Value::Bool(time.timestamp() == zero().timestamp()),
        "Before" => Value::Bool(time.timestamp() < other),
        "After" => Value::Bool(time.timestamp() > other),
        "Equal" => Value::Bool(time.timestamp() == other),
        "Sub" => Value::Duration(nanos_between(time.timestamp(), other)),
        "Add" => return Some(add(time, argument_int(args, 0))),
        "AddDate" => return Some(add_date(time, args)),
        _ => return None,
    };
    Some(Ok(value))
}

/// Nanoseconds from `from` to `to`, within what a duration can hold.
pub(crate) fn nanos_between(to: jiff::Timestamp, from: jiff::Timestamp) -> i64 {
    let nanos = to.as_nanosecond() - from.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos > 0 { i64::MAX } else { i64::MIN })
}

/// Go's `Time.Add`.
pub(crate) fn add(time: &Zoned, nanos: i64) -> Result<Value> {
    time.checked_add(SignedDuration::from_nanos(nanos))
        .map(|time| Value::Time(Box::new(time)))
        .map_err(|_| Error::new("time out of range"))
}

fn add_date(time: &Zoned, args: &[Value]) -> Result<Value> {
    let out_of_range = || Error::new("time out of range");
    let (years, months) = (argument_int(args, 0), argument_int(args, 1));
    let total = i64::from(time.year()) * 12 + i64::from(time.month()) - 1 + years * 12 + months;
    let year = i16::try_from(total.div_euclid(12)).map_err(|_| out_of_range())?;
    let month = i8::try_from(total.rem_euclid(12) + 1).map_err(|_| out_of_range())?;
    // Go normalises the day: January 31 plus a month is March 2 or 3.
    let first = jiff::civil::Date::new(year, month, 1).map_err(|_| out_of_range())?;
    let days = i64::from(time.day()) - 1 + argument_int(args, 2);
    let days = jiff::Span::new().try_days(days).map_err(|_| out_of_range())?;
    let date = first.checked_add(days).map_err(|_| out_of_range())?;
    let moved = date.to_datetime(time.time()).to_zoned(time.time_zone().clone());
    moved.map(|time| Value::Time(Box::new(time))).map_err(|_| out_of_range())
}

/// `time.Month`: an integer that prints its name.
struct Month(i8);

impl crate::Object for Month {
    fn type_name(&self) -> String {
        "time.Month".to_owned()
    }

    fn kind_name(&self) -> &'static str {
        "int"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn stringer(&self) -> Option<Str> {
        let index = usize::try_from(self.0).unwrap_or_default().saturating_sub(1);
        MONTHS.get(index).map(|name| Str::from(*name))
    }

    fn to_value(&self) -> Value {
        int(self.0)
    }
}
