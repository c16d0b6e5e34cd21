//! The value limits of a structural schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::node::{Additional, Kind, Limits, ListType, Schema};
use super::super::{FieldError, Reason};
use super::format;

/// The errors of an object; `metadata` is checked elsewhere.
pub(super) fn validate(schema: &Schema, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    check(schema, object, "", &mut errors);
    errors
}

fn check(place: &Schema, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if place.reference.is_some() || (value.is_null() && place.nullable) {
        return;
    }
    if !fits(place, value) {
        errors.push(wrong_type(place, value, path));
        return;
    }
    match value {
        Value::Object(fields) => check_fields(place, fields, path, errors),
        Value::Array(items) => check_items(place, items, path, errors),
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
    let found = type_name(value);
    let location = if path.is_empty() { "<nil>" } else { path };
    FieldError {
        field: location.to_owned(),
        reason: Reason::TypeInvalid,
        value: Some(format!("{found:?}")),
        detail: format!("{location} in body must be of type {expected}: {found:?}"),
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
    fields: &Map<String, Value>,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let child =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for name in &place.required {
        if !fields.contains_key(&**name) {
            errors.push(FieldError::required(child(name), ""));
        }
    }
    let mut names: Vec<_> = fields.iter().collect();
    names.sort_by(|left, right| left.0.cmp(right.0));
    for (name, value) in names {
        match (place.properties.get(name.as_str()), &place.additional) {
            (Some(field), _) => check(field, value, &child(name), errors),
            (None, Additional::Typed(field)) => check(field, value, &child(name), errors),
            (None, _) => {}
        }
    }
}

fn check_items(place: &Schema, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    if let Some(schema) = &place.items {
        for (index, item) in items.iter().enumerate() {
            check(schema, item, &format!("{path}[{index}]"), errors);
        }
    }
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let key = match &place.list_type {
            ListType::Atomic => return,
            ListType::Set => item.clone(),
            ListType::Map(keys) => keys
                .iter()
                .filter_map(|key| Some((key.to_string(), item.get(&**key)?.clone())))
                .collect(),
        };
        if !seen.insert(key.to_string()) {
            errors.push(FieldError::duplicate(format!("{path}[{index}]"), &key));
        }
    }
}

fn check_string(place: &Schema, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let (Some(format), Some(text)) = (place.format.as_deref(), value.as_str()) else { return };
    if place.kind == Kind::String && !format::accepts(format, text) {
        errors.push(invalid(path, value, &format!("must be of type {format}: {text:?}")));
    }
}

/// An error worded as the validation library words it: `<path> in body <detail>`.
fn invalid(path: &str, value: &Value, detail: &str) -> FieldError {
    FieldError::invalid(path, value, format!("{path} in body {detail}"))
}

fn check_limits(limits: &Limits, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if !limits.choices.is_empty() && !limits.choices.contains(value) {
        let choices: Vec<_> = limits.choices.iter().map(ToString::to_string).collect();
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
        Value::Array(items) => {
            check_count(limits.items, items.len(), (value, path, "items"), errors);
        }
        Value::Object(fields) => {
            check_count(limits.properties, fields.len(), (value, path, "properties"), errors);
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

fn check_text(
    limits: &Limits,
    text: &str,
    value: &Value,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let length = text.chars().count();
    if let Some(most) = limits.length.1.filter(|most| length as u64 > *most) {
        errors.push(FieldError::too_long(path, most));
    }
    if let Some(least) = limits.length.0.filter(|least| (length as u64) < *least) {
        errors.push(invalid(path, value, &format!("should be at least {least} chars long")));
    }
    if let Some(pattern) = &limits.pattern
        && !format::matches(pattern, text)
    {
        errors.push(invalid(path, value, &format!("should match '{pattern}'")));
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
    (value, path, noun): (&Value, &str, &str),
    errors: &mut Vec<FieldError>,
) {
    if let Some(most) = most.filter(|most| count as u64 > *most) {
        errors.push(FieldError::too_many(path, count, most));
    }
    if let Some(least) = least.filter(|least| (count as u64) < *least) {
        errors.push(invalid(path, value, &format!("should have at least {least} {noun}")));
    }
}

fn check_combinations(limits: &Limits, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let valid = |schema: &Schema| {
        let mut errors = Vec::new();
        check(schema, value, path, &mut errors);
        errors.is_empty()
    };
    for schema in &limits.all_of {
        check(schema, value, path, errors);
    }
    if !limits.any_of.is_empty() && !limits.any_of.iter().any(valid) {
        errors.push(invalid(path, value, "must validate at least one schema (anyOf)"));
    }
    if !limits.one_of.is_empty() && limits.one_of.iter().filter(|schema| valid(schema)).count() != 1
    {
        errors.push(invalid(path, value, "must validate one and only one schema (oneOf)"));
    }
    if limits.not.as_ref().is_some_and(|schema| valid(schema)) {
        errors.push(invalid(path, value, "must not validate the schema (not)"));
    }
}
