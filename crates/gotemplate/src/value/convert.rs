//! Between values and `serde_json`.

use serde_json::Value as Json;

use super::{List, Map, Value};
use crate::text::Str;

impl Value {
    /// The value of JSON data where whole numbers are Go's `int` and others `float64`.
    pub fn from_json(json: &Json) -> Self {
        Self::convert(json, &|number| match number.as_i64() {
            Some(i) => Self::Int(i),
            None => Self::Float(number.as_f64().unwrap_or_default()),
        })
    }

    /// The value of JSON data as Go's `encoding/json` reads it: every number is `float64`.
    pub fn from_json_floats(json: &Json) -> Self {
        Self::convert(json, &|number| Self::Float(number.as_f64().unwrap_or_default()))
    }

    /// The value of JSON data where whole numbers are `int64` and others `float64`.
    pub fn from_json_int64(json: &Json) -> Self {
        Self::convert(json, &|number| match number.as_i64() {
            Some(i) => Self::Int64(i),
            None => Self::Float(number.as_f64().unwrap_or_default()),
        })
    }

    /// The map of a JSON object, with the numbers of [`Value::from_json_int64`].
    pub fn map_from_json_int64(fields: &serde_json::Map<String, Json>) -> Map {
        let entries = fields.iter();
        entries.map(|(k, v)| (Str::from(k.as_str()), Self::from_json_int64(v))).collect()
    }

    fn convert(json: &Json, number: &dyn Fn(&serde_json::Number) -> Self) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(b) => Self::Bool(*b),
            Json::Number(n) => number(n),
            Json::String(s) => Self::string(s.as_str()),
            Json::Array(items) => {
                Self::List(List::new(items.iter().map(|i| Self::convert(i, number)).collect()))
            }
            Json::Object(fields) => Self::Map(
                fields
                    .iter()
                    .map(|(k, v)| (Str::from(k.as_str()), Self::convert(v, number)))
                    .collect::<Map>(),
            ),
        }
    }

    /// The value as JSON data, keys sorted; `None` for what Go cannot marshal (functions, NaN,
    /// cycles deeper than the JSON limit).
    pub fn to_json(&self) -> Option<Json> {
        self.to_json_at(0, float)
    }

    /// As [`Value::to_json`], but a `float64` stays a float even when it is whole.
    pub fn to_json_floats(&self) -> Option<Json> {
        self.to_json_at(0, |f| serde_json::Number::from_f64(f).map(Json::Number))
    }

    fn to_json_at(&self, depth: usize, float: fn(f64) -> Option<Json>) -> Option<Json> {
        if depth > crate::gojson::MAX_DEPTH {
            return None;
        }
        Some(match self {
            Self::Missing | Self::Nil => Json::Null,
            Self::Bool(b) => Json::Bool(*b),
            Self::Int(i) | Self::Int64(i) | Self::Duration(i) => Json::from(*i),
            Self::Uint8(i) => Json::from(*i),
            Self::Uint64(i) => Json::from(*i),
            Self::Float(f) => float(*f)?,
            Self::Complex(..) | Self::Function(_) => return None,
            Self::String(s) => Json::String(s.text().into_owned()),
            Self::List(list) if list.is_nil() => Json::Null,
            Self::List(list) if list.element() == super::Element::Byte => {
                Json::String(crate::sprig::base64(&bytes_of(list)))
            }
            Self::List(list) => Json::Array(
                list.items()
                    .iter()
                    .map(|i| i.to_json_at(depth + 1, float))
                    .collect::<Option<_>>()?,
            ),
            Self::Map(map) => {
                let entries = map.entries.borrow();
                let json = entries.iter().map(|(key, value)| {
                    Some((key.text().into_owned(), value.to_json_at(depth + 1, float)?))
                });
                Json::Object(json.collect::<Option<_>>()?)
            }
            Self::Time(time) => Json::String(crate::gotime::rfc3339(time)),
            Self::Object(object) => object.to_value().to_json_at(depth + 1, float)?,
        })
    }
}

/// The bytes of a `[]uint8`.
pub(crate) fn bytes_of(list: &List) -> Vec<u8> {
    list.items()
        .iter()
        .map(|item| match item {
            Value::Uint8(b) => *b,
            _ => 0,
        })
        .collect()
}

/// A float as JSON: a whole number below 1e21 is written without a fraction, as Go does.
fn float(f: f64) -> Option<Json> {
    const LAST_EXACT: f64 = 9_007_199_254_740_992.0;
    if f.fract() == 0.0 && f.abs() <= LAST_EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return Some(Json::from(f as i64));
    }
    serde_json::Number::from_f64(f).map(Json::Number)
}
