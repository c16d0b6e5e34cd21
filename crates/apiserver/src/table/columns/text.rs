//! Pieces of cells.

use jiff::Timestamp;
use serde_json::Value;

/// The text at a pointer, or nothing.
pub(super) fn at<'o>(object: &'o Value, pointer: &str) -> &'o str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The text at a pointer, or these words.
pub(super) fn at_or<'o>(object: &'o Value, pointer: &str, words: &'static str) -> &'o str {
    Some(at(object, pointer)).filter(|t| !t.is_empty()).unwrap_or(words)
}

pub(super) fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

pub(super) fn truth(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

pub(super) fn list<'o>(object: &'o Value, pointer: &str) -> &'o [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// How long a list is.
pub(super) fn length(object: &Value, pointer: &str) -> Value {
    list(object, pointer).len().into()
}

/// How many entries these maps have together.
pub(super) fn entries(object: &Value, fields: &[&str]) -> Value {
    let count = |field: &&str| {
        object.get(*field).and_then(Value::as_object).map_or(0, serde_json::Map::len)
    };
    fields.iter().map(count).sum::<usize>().into()
}

/// The age of an object.
pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    since(object, "/metadata/creationTimestamp", now).into()
}

/// The time since the time at a pointer.
pub(super) fn since(object: &Value, pointer: &str, now: Timestamp) -> String {
    match at(object, pointer) {
        "" => "<unknown>".to_owned(),
        text => age_of(text, now),
    }
}

/// The time since a `metav1.Time`, as kubectl shortens it.
pub(in crate::table) fn age_of(time: &str, now: Timestamp) -> String {
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
    let two = |unit: i64, sign: char, small: i64, small_sign: char| {
        let (high, low) = (seconds / unit, seconds % unit / small);
        if low == 0 { format!("{high}{sign}") } else { format!("{high}{sign}{low}{small_sign}") }
    };
    match seconds {
        i64::MIN..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        s if s < 10 * MINUTE => two(MINUTE, 'm', 1, 's'),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(HOUR, 'h', MINUTE, 'm'),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(DAY, 'd', HOUR, 'h'),
        s if s < 2 * YEAR => format!("{}d", s / DAY),
        s if s < 8 * YEAR => two(YEAR, 'y', DAY, 'd'),
        s => format!("{}y", s / YEAR),
    }
}

/// A value as text, without quotes around strings.
pub(in crate::table) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Texts joined, or these words when there are none.
pub(super) fn joined(
    texts: impl IntoIterator<Item = String>,
    separator: &str,
    none: &str,
) -> String {
    let all: Vec<String> = texts.into_iter().collect();
    if all.is_empty() { none.to_owned() } else { all.join(separator) }
}

/// Names and images of containers, each joined by commas.
pub(super) fn containers(object: &Value, pointer: &str) -> [Value; 2] {
    let all = list(object, pointer);
    let of = |field: &str| all.iter().map(|c| at(c, field)).collect::<Vec<_>>().join(",").into();
    [of("/name"), of("/image")]
}

/// `metav1.FormatLabelSelector`.
pub(super) fn selector(selector: Option<&Value>) -> Value {
    let text = selector.map(crate::scale::selector_text).unwrap_or_default();
    if text.is_empty() { "<none>".into() } else { text.into() }
}

/// `labels.FormatLabels`.
pub(super) fn labels(labels: Option<&Value>) -> Value {
    let all = labels.and_then(Value::as_object).into_iter().flatten();
    let mut all: Vec<String> =
        all.map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    all.sort();
    joined(all, ",", "<none>").into()
}

/// Whether a condition of this type is true.
pub(super) fn condition(object: &Value, kind: &str) -> bool {
    list(object, "/status/conditions")
        .iter()
        .any(|c| at(c, "/type") == kind && at(c, "/status") == "True")
}
