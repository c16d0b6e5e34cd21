//! Dates and durations.

#![expect(clippy::unnecessary_wraps, reason = "the functions of a table share one signature")]

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::Result;
use crate::function::{Args, Row, Scope, Type};
use crate::gotime::{self, add, format, format_duration, nanos_between, parse, parse_duration};
use crate::value::Value;

use Type::{Any, String as Text, Time};

pub(crate) const TABLE: &[Row] = &[
    Row("now", &[], None, |s, _| Ok(Value::Time(Box::new(s.now())))),
    Row("ago", &[Any], None, ago),
    Row("date", &[Text, Any], None, |s, a| Ok(local(s, &a.text(0), a.any(1)))),
    Row("dateInZone", &[Text, Any, Text], None, |s, a| Ok(in_zone(s, &a.text(0), a))),
    Row("date_in_zone", &[Text, Any, Text], None, |s, a| Ok(in_zone(s, &a.text(0), a))),
    Row("htmlDate", &[Any], None, |s, a| Ok(local(s, HTML_DATE, a.any(0)))),
    Row("htmlDateInZone", &[Any, Text], None, |s, a| {
        let shown = moment(s, a.any(0)).with_time_zone(zone(&a.text(1)));
        Ok(Value::string(format(&shown, HTML_DATE)))
    }),
    Row("dateModify", &[Text, Time], None, |_, a| {
        Ok(modify(a).unwrap_or_else(|_| a.any(1).clone()))
    }),
    Row("date_modify", &[Text, Time], None, |_, a| {
        Ok(modify(a).unwrap_or_else(|_| a.any(1).clone()))
    }),
    Row("mustDateModify", &[Text, Time], None, |_, a| modify(a)),
    Row("must_date_modify", &[Text, Time], None, |_, a| modify(a)),
    Row("toDate", &[Text, Text], None, |s, a| {
        let time = read(s, a).unwrap_or_else(|_| gotime::zero());
        Ok(Value::Time(Box::new(time)))
    }),
    Row("mustToDate", &[Text, Text], None, |s, a| {
        read(s, a).map(|time| Value::Time(Box::new(time)))
    }),
    Row("unixEpoch", &[Time], None, |s, a| {
        Ok(Value::string(moment(s, a.any(0)).timestamp().as_second().to_string()))
    }),
    Row("duration", &[Any], None, |_, a| {
        let seconds = match a.any(0) {
            Value::String(text) => text.text().parse().unwrap_or_default(),
            Value::Int64(seconds) => *seconds,
            _ => 0_i64,
        };
        Ok(Value::string(format_duration(seconds.wrapping_mul(1_000_000_000))))
    }),
    Row("durationRound", &[Any], None, duration_round),
];

const HTML_DATE: &str = "2006-01-02";

/// The moment a date argument means: a time, Unix seconds, or else now.
fn moment(scope: &Scope<'_>, value: &Value) -> Zoned {
    let zone = scope.environment().time_zone();
    match value {
        Value::Time(time) => (**time).clone(),
        Value::Int(seconds) | Value::Int64(seconds) => {
            Timestamp::from_second(*seconds).unwrap_or_default().to_zoned(zone)
        }
        _ => scope.now(),
    }
}

/// A zone by its name; UTC when unknown.
fn zone(name: &str) -> TimeZone {
    if name.is_empty() { TimeZone::UTC } else { TimeZone::get(name).unwrap_or(TimeZone::UTC) }
}

fn local(scope: &Scope<'_>, layout: &str, date: &Value) -> Value {
    let zone = scope.environment().time_zone();
    Value::string(format(&moment(scope, date).with_time_zone(zone), layout))
}

fn in_zone(scope: &Scope<'_>, layout: &str, args: Args<'_>) -> Value {
    let name = args.text(2);
    let zone = if name == "Local" { scope.environment().time_zone() } else { zone(&name) };
    Value::string(format(&moment(scope, args.any(1)).with_time_zone(zone), layout))
}

fn modify(args: Args<'_>) -> Result<Value> {
    let nanos = parse_duration(&args.text(0))?;
    match args.any(1) {
        Value::Time(time) => add(time, nanos),
        other => Ok(other.clone()),
    }
}

fn read(scope: &Scope<'_>, args: Args<'_>) -> Result<Zoned> {
    parse(&args.text(0), &args.text(1), &scope.environment().time_zone())
}

fn ago(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    const SECOND: i64 = 1_000_000_000;
    let now = scope.environment().now();
    let nanos = nanos_between(now, moment(scope, args.any(0)).timestamp());
    // Rounded half away from zero.
    let half = if nanos < 0 { -SECOND / 2 } else { SECOND / 2 };
    let rounded = nanos.saturating_add(half) / SECOND * SECOND;
    Ok(Value::string(format_duration(rounded)))
}

fn duration_round(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    const UNITS: [(u64, &str); 6] =
        [(31_536_000, "y"), (2_592_000, "mo"), (86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let nanos = match args.any(0) {
        Value::String(text) => parse_duration(&text.text()).unwrap_or_default(),
        Value::Int64(nanos) => *nanos,
        Value::Time(time) => nanos_between(scope.environment().now(), time.timestamp()),
        _ => 0,
    };
    let size = nanos.unsigned_abs();
    let fitting = UNITS.iter().find(|(seconds, _)| size > seconds * 1_000_000_000);
    Ok(Value::string(match fitting {
        Some((seconds, name)) => format!("{}{name}", size / (seconds * 1_000_000_000)),
        None => "0s".to_owned(),
    }))
}
