//! Values: merging them with Helm's rules.
//!
//! A number written in YAML or JSON is a `float64` to Helm, one given by `--set` an `int64`; here
//! the former are kept as JSON floats and the latter as JSON integers.

use serde_json::Value as Json;

use crate::{Error, Result};

mod merge;

pub(crate) use merge::Merge;
pub use merge::{coalesce_tables, coalesce_values, merge_tables, merge_values};

/// Values of a chart: a JSON object.
pub type Values = serde_json::Map<String, Json>;

/// Reads values from one YAML document; an empty text gives no values.
///
/// # Errors
/// When it is not YAML or not a mapping.
pub fn from_yaml(text: &str) -> Result<Values, Error> {
    let json = yaml::to_json(text, yaml::Rules::V2).map_err(|e| conversion(&e))?;
    into_values(json)
}

/// Reads values from all documents of a text, later ones over earlier ones, as `-f FILE` does.
///
/// # Errors
/// When it is not YAML or a document is not a mapping.
pub fn from_yaml_documents(text: &str) -> Result<Values, Error> {
    let documents = read_documents(text);
    let documents = documents.map_err(|error| error.context("cannot unmarshal yaml document"))?;
    Ok(documents.into_iter().fold(Values::new(), merge_maps))
}

/// The bytes that `sigs.k8s.io/yaml` gives for a value.
pub fn to_yaml(value: &Json) -> String {
    yaml::from_json(&with_integers(value))
}

/// The JSON that Go gives for a value.
pub fn to_json(value: &Json) -> String {
    crate::gojson::to_string(value).unwrap_or_default()
}

pub(crate) fn conversion(error: &yaml::Error) -> Error {
    Error::new(format!("error converting YAML to JSON: {}", error.go_message()))
}

fn into_values(json: Json) -> Result<Values> {
    match with_floats(json) {
        Json::Null => Ok(Values::new()),
        Json::Object(map) => Ok(map),
        other => {
            let kind = match other {
                Json::String(_) => "string",
                Json::Array(_) => "array",
                Json::Bool(_) => "bool",
                _ => "number",
            };
            Err(Error::new(format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
            )))
        }
    }
}

/// All documents of a values file.
pub(crate) fn read_documents(text: &str) -> Result<Vec<Values>> {
    let documents = yaml::to_json_all(text, yaml::Rules::V2).map_err(|e| conversion(&e))?;
    documents.into_iter().map(into_values).collect()
}

/// Turns every number into a float, as Go's JSON decoding does.
pub(crate) fn with_floats(json: Json) -> Json {
    match json {
        Json::Number(number) => {
            number.as_f64().and_then(serde_json::Number::from_f64).map_or(Json::Null, Json::Number)
        }
        Json::Array(items) => Json::Array(items.into_iter().map(with_floats).collect()),
        Json::Object(map) => {
            Json::Object(map.into_iter().map(|(key, value)| (key, with_floats(value))).collect())
        }
        other => other,
    }
}

/// Turns whole floats into integers, as Go's JSON encoding writes them.
pub(crate) fn with_integers(json: &Json) -> Json {
    gotemplate::Value::from_json_int64(json).to_json().unwrap_or(Json::Null)
}

/// Merges `b` into `a`: maps deeply, everything else replaced. As values files do.
pub fn merge_maps(mut a: Values, b: Values) -> Values {
    for (key, value) in b {
        let merged = match (a.remove(&key), value) {
            (Some(Json::Object(old)), Json::Object(new)) => Json::Object(merge_maps(old, new)),
            (_, value) => value,
        };
        a.insert(key, merged);
    }
    a
}

/// The table at a dotted path.
pub(crate) fn table<'v>(values: &'v Values, path: &str) -> Option<&'v Values> {
    table_or_key(values, path).ok()
}

/// The table at a dotted path, or the first key of the path that is none.
pub(crate) fn table_or_key<'v, 'p>(
    values: &'v Values,
    path: &'p str,
) -> std::result::Result<&'v Values, &'p str> {
    path.split('.').try_fold(values, |table, part| match table.get(part) {
        Some(Json::Object(inner)) => Ok(inner),
        _ => Err(part),
    })
}

/// The value at a dotted path, if it is no table.
pub(crate) fn path_value<'v>(values: &'v Values, path: &str) -> Option<&'v Json> {
    let (parents, key) = match path.rsplit_once('.') {
        Some((parents, key)) => (table(values, parents)?, key),
        None => (values, path),
    };
    parents.get(key).filter(|value| !value.is_object())
}
