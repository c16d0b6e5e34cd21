//! Columns of the built-in kinds, as the real server's printers give them.

use jiff::Timestamp;
use serde_json::Value;

use super::Column;
use crate::object;
use crate::registry::Resource;

/// The description every Name column has.
pub(super) const NAME_DESCRIPTION: &str = "Name must be unique within a namespace. Is required when creating resources, \
    although some resources may allow a client to request the generation of an appropriate name automatically. Name is \
    primarily intended for creation idempotence and configuration definition. Cannot be updated.";

/// The columns of a kind.
pub(super) fn of(_resource: &Resource) -> Vec<Column> {
    vec![column("Name", "string", 0), column("Age", "string", 0)]
}

/// The cells of one object, in the order of the columns.
pub(super) fn cells(_resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
    vec![object::name(object).into(), age(object, now).into()]
}

fn column(name: &str, kind: &str, priority: i64) -> Column {
    Column {
        name: name.to_owned(),
        kind: kind.to_owned(),
        format: if name == "Name" { "name".to_owned() } else { String::new() },
        description: if name == "Name" { NAME_DESCRIPTION.to_owned() } else { String::new() },
        priority,
    }
}

/// The age of an object.
pub(super) fn age(object: &Value, now: Timestamp) -> String {
    let created = object.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
    created.map_or_else(|| "<unknown>".to_owned(), |text| age_of(text, now))
}

/// The time since a `metav1.Time`, as kubectl shortens it.
pub(super) fn age_of(time: &str, now: Timestamp) -> String {
    match time.parse::<Timestamp>() {
        Ok(at) => human_duration(now.as_second() - at.as_second()),
        Err(_) => "<invalid>".to_owned(),
    }
}

/// apimachinery's `duration.HumanDuration`.
pub(super) fn human_duration(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let two = |big: i64, unit: i64, sign: char, small: i64, small_sign: char| {
        let (high, low) = (big / unit, big % unit / small);
        if low == 0 { format!("{high}{sign}") } else { format!("{high}{sign}{low}{small_sign}") }
    };
    match seconds {
        i64::MIN..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        s if s < 10 * MINUTE => two(s, MINUTE, 'm', 1, 's'),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(s, HOUR, 'h', MINUTE, 'm'),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(s, DAY, 'd', HOUR, 'h'),
        s if s < 2 * YEAR => format!("{}d", s / DAY),
        s if s < 8 * YEAR => two(s, YEAR, 'y', DAY, 'd'),
        s => format!("{}y", s / YEAR),
    }
}

/// A value as text, without quotes around strings.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
