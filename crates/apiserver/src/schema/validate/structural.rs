//! The value limits of a structural schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::node::{Kind, Limits, Schema};
use super::super::{FieldError, Reason};
use super::format;

/// The errors of an object; `metadata` is checked elsewhere.
pub(super) fn validate(schema: &Schema, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    check(schema, (object, old), "", &mut errors);
    errors
}

/// A value with the old one at the same place, if there is one.
type Change<'a> = (&'a Value, Option<&'a Value>);

fn check(place: &Schema, (value, old): Change<'_>, path: &str, errors: &mut Vec<FieldError>) {
    let unchanged = old == Some(value);
    if place.reference.is_some() || (value.is_null() && place.nullable) || unchanged {
        return;
    }
    if !fits(place, value) {
        errors.push(wrong_type(place, value, path));
        return;
    }
    match value {
        Value::Object(fields) => check_fields(place, (fields, old), path, errors),
        Value::Array(items) => check_items(place, (items, old), path, errors),
        _ => {}
    }
    check_string(place, value, path, errors);
    if let Some(limits) = &place.limits {
        check_limits(limits, value, path, errors);
    }
}

fn fits(place: &Schema, value: &Value) -> bool {
    match place.kind {
        Kind::Any | Kind::Raw | Kind::Quantity => true,
        Kind::Object => value.is_object(),
        Kind::Array => value.is_array(),
        Kind::String => value.is_string(),
        Kind::Boolean => value.is_boolean(),
        Kind::Number => value.is_number(),
        Kind::Integer => is_whole(value),
        Kind::IntOrString => value.is_string() || is_whole(value),
    }
}

fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn wrong_type(place: &Schema, value: &Value, path: &str) -> FieldError {
    let expected = match place.kind {
        Kind::Object => "object",
        Kind::Array => "array",
        Kind::String => "string",
        Kind::Boolean => "boolean",
        Kind::Number => "number",
        Kind::Integer => "integer",
        Kind::IntOrString => "integer,string",
        Kind::Any | Kind::Raw | Kind::Quantity => "any",
    };
    // Where a format is wanted, the library compares formats.
    let (expected, found) = match (place.format.as_deref(), value) {
        (Some(format), Value::Number(number)) => {
            (format, if number.is_f64() { "float64" } else { "int64" })
        }
        (Some(format), Value::Bool(_) | Value::Object(_)) => (format, ""),
        _ => (expected, type_name(value)),
    };
    FieldError {
        field: path.to_owned(),
        reason: Reason::TypeInvalid,
        value: Some(format!("{found:?}")),
        detail: format!("{path} in body must be of type {expected}: {found:?}"),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn check_fields(
    place: &Schema,
    (fields, old): (&Map<String, Value>, Option<&Value>),
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let mut names: Vec<_> = fields.iter().collect();
    names.sort_by(|left, right| left.0.cmp(right.0));
    for (name, value) in names {
        if let Some(field) = place.child(name) {
            let old = old.and_then(|old| old.get(name));
            check(field, (value, old), &super::child(path, name), errors);
        }
    }
    let own: &[&str] = if place.embedded { &["apiVersion", "kind"] } else { &[] };
    for name in place.required.iter().map(|name| &**name).chain(own.iter().copied()) {
        if !fields.contains_key(name) {
            errors.push(FieldError::required(super::child(path, name), ""));
        }
    }
}

fn check_items(
    place: &Schema,
    (items, old): (&[Value], Option<&Value>),
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let Some(schema) = &place.items else { return };
    for (index, item) in items.iter().enumerate() {
        let old = old.and_then(|old| super::correlated(place, item, old));
        check(schema, (item, old), &format!("{path}[{index}]"), errors);
    }
}

fn check_string(place: &Schema, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let (Some(format), Some(text)) = (place.format.as_deref(), value.as_str()) else { return };
    if place.kind == Kind::String && !format::accepts(format, text) {
        let error = invalid(path, value, &format!("must be of type {format}: {text:?}"));
        errors.push(FieldError { reason: Reason::TypeInvalid, ..error });
    }
}

/// An error worded as the validation library words it: `<path> in body <detail>`.
fn invalid(path: &str, value: &Value, detail: &str) -> FieldError {
    FieldError::invalid(path, value, format!("{path} in body {detail}"))
}

fn check_limits(limits: &Limits, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if !limits.choices.is_empty() && !limits.choices.contains(value) {
        let plain =
            |choice: &Value| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned);
        let choices: Vec<_> =
            limits.choices.iter().map(|choice| format!("{:?}", plain(choice))).collect();
        errors.push(FieldError {
            field: path.to_owned(),
            reason: Reason::NotSupported,
            value: Some(value.to_string()),
            detail: format!("supported values: {}", choices.join(", ")),
        });
    }
    match value {
        Value::String(text) => check_text(limits, text, value, path, errors),
        Value::Number(_) => check_number(limits, value, path, errors),
        Value::Array(items) => check_count(limits.items, items.len(), (path, "items"), errors),
        Value::Object(fields) => {
            check_count(limits.properties, fields.len(), (path, "properties"), errors);
        }
        Value::Null | Value::Bool(_) => {}
    }
    if let (true, Value::Array(items)) = (limits.unique_items, value) {
        let mut seen = BTreeSet::new();
        if !items.iter().all(|item| seen.insert(item.to_string())) {
            errors.push(invalid(path, value, "shouldn't contain duplicates"));
        }
    }
    check_combinations(limits, value, path, errors);
}

/// Only the first problem of a string is reported.
fn check_text(
    limits: &Limits,
    text: &str,
    value: &Value,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let length = text.chars().count() as u64;
    if let Some(most) = limits.length.1.filter(|most| length > *most) {
        errors.push(FieldError::too_long(path, most));
    } else if let Some(least) = limits.length.0.filter(|least| length < *least) {
        errors.push(invalid(path, value, &format!("should be at least {least} chars long")));
    } else if let Some(pattern) = &limits.pattern
        && !pattern.matches(text)
    {
        errors.push(invalid(path, value, &format!("should match '{}'", pattern.text)));
    }
}

fn check_number(limits: &Limits, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(number) = value.as_f64() else { return };
    if let Some((most, exclusive)) = limits.maximum
        && (number > most || (exclusive && number >= most))
    {
        let words =
            if exclusive { "should be less than" } else { "should be less than or equal to" };
        errors.push(invalid(path, value, &format!("{words} {most}")));
    }
    if let Some((least, exclusive)) = limits.minimum
        && (number < least || (exclusive && number <= least))
    {
        let words =
            if exclusive { "should be greater than" } else { "should be greater than or equal to" };
        errors.push(invalid(path, value, &format!("{words} {least}")));
    }
    if let Some(divisor) = limits.multiple_of
        && (number / divisor).fract() != 0.0
    {
        errors.push(invalid(path, value, &format!("should be a multiple of {divisor}")));
    }
}

fn check_count(
    (least, most): (Option<u64>, Option<u64>),
    count: usize,
    (path, noun): (&str, &str),
    errors: &mut Vec<FieldError>,
) {
    if let Some(most) = most.filter(|most| count as u64 > *most) {
        errors.push(FieldError::too_many(path, count, most));
    }
    if let Some(least) = least.filter(|least| (count as u64) < *least) {
        errors.push(invalid(path, &count.into(), &format!("should have at least {least} {noun}")));
    }
}

fn check_combinations(limits: &Limits, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let failures = |schema: &Schema| {
        let mut errors = Vec::new();
        check(schema, (value, None), path, &mut errors);
        errors
    };
    // These are about no field, as the library has it.
    let whole = |detail: String| FieldError::invalid("", &"".into(), format!("{path:?} {detail}"));
    for schema in &limits.all_of {
        check(schema, (value, None), path, errors);
    }
    let any: Vec<_> = limits.any_of.iter().map(failures).collect();
    if !any.is_empty() && !any.iter().any(Vec::is_empty) {
        errors.push(whole("must validate at least one schema (anyOf)".to_owned()));
        errors.extend(any.into_iter().next().unwrap_or_default());
    }
    let one: Vec<_> = limits.one_of.iter().map(failures).collect();
    match one.iter().filter(|failures| failures.is_empty()).count() {
        1 => {}
        0 if one.is_empty() => {}
        0 => {
            errors.push(whole(
                "must validate one and only one schema (oneOf). Found none valid".to_owned(),
            ));
            errors.extend(one.into_iter().next().unwrap_or_default());
        }
        many => {
            let found = format!(
                "must validate one and only one schema (oneOf). Found {many} valid alternatives"
            );
            errors.push(whole(found));
        }
    }
    if limits.not.as_ref().is_some_and(|schema| failures(schema).is_empty()) {
        errors.push(whole("must not validate the schema (not)".to_owned()));
    }
}
