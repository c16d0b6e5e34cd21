//! Values: merging them with Helm's rules.
//!
//! A number written in YAML or JSON is a `float64` to Helm, one given by `--set` an `int64`; here
//! the former are kept as JSON floats and the latter as JSON integers.

use serde_json::Value as Json;

use crate::chart::Chart;
use crate::{Error, Result};

/// Values of a chart: a JSON object.
pub type Values = serde_json::Map<String, Json>;

const GLOBAL: &str = "global";

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

/// The values that templates see: the user's over the chart's, for the chart and all below it. A
/// `null` of the user's takes a default away.
///
/// # Errors
/// When a subchart's values are not a mapping.
pub fn coalesce_values(chart: &Chart, user: &Values) -> Result<Values, Error> {
    let mut values = user.clone();
    coalesce(chart, &mut values, false)?;
    Ok(values)
}

/// As [`coalesce_values`], but every `null` is kept.
///
/// # Errors
/// When a subchart's values are not a mapping.
pub fn merge_values(chart: &Chart, user: &Values) -> Result<Values, Error> {
    let mut values = user.clone();
    coalesce(chart, &mut values, true)?;
    Ok(values)
}

/// Fills `destination` from `source`; a `null` in the destination takes the key away.
pub fn coalesce_tables(destination: &mut Values, source: Values) {
    tables(destination, source, false);
}

/// Fills `destination` from `source`; a `null` in the destination stays.
pub fn merge_tables(destination: &mut Values, source: Values) {
    tables(destination, source, true);
}

fn coalesce(chart: &Chart, values: &mut Values, merge: bool) -> Result<()> {
    own_values(chart, values, merge);
    for subchart in &chart.dependencies {
        let name = subchart.name();
        let slot = values.entry(name).or_insert_with(|| Json::Object(Values::new()));
        let Json::Object(inner) = slot else {
            return Err(Error::new(format!("type mismatch on {name}: {}", mismatch(slot))));
        };
        let mut inner = std::mem::take(inner);
        globals(&mut inner, values);
        coalesce(subchart, &mut inner, merge)?;
        values.insert(name.to_owned(), Json::Object(inner));
    }
    Ok(())
}

/// How Go shows the value in this error (`%t` of something that is no boolean).
fn mismatch(value: &Json) -> String {
    let value = gotemplate::Value::from_json_int64(value);
    let shown = gotemplate::format("%t", &[value]).unwrap_or_default();
    String::from_utf8_lossy(&shown).into_owned()
}

fn globals(destination: &mut Values, source: &Values) {
    let inherited = match source.get(GLOBAL) {
        None => None,
        Some(Json::Object(inherited)) => Some(inherited),
        Some(_) => return,
    };
    let mut own = match destination.get_mut(GLOBAL) {
        None => Values::new(),
        Some(Json::Object(own)) => std::mem::take(own),
        Some(_) => return,
    };
    for (key, value) in inherited.into_iter().flatten() {
        match (value, own.get_mut(key)) {
            (Json::Object(table), Some(Json::Object(old))) => {
                let inner = std::mem::replace(old, table.clone());
                tables(old, inner, true);
            }
            (Json::Object(_), Some(_)) | (_, Some(Json::Object(_))) => {}
            (value, _) => {
                own.insert(key.clone(), value.clone());
            }
        }
    }
    destination.insert(GLOBAL.to_owned(), Json::Object(own));
}

fn own_values(chart: &Chart, values: &mut Values, merge: bool) {
    for (key, default) in &chart.values {
        match values.get_mut(key) {
            Some(Json::Null) if !merge => {
                values.remove(key);
            }
            Some(Json::Object(destination)) => {
                let Json::Object(source) = default else { continue };
                let keep = merge || chart.dependencies.iter().any(|sub| sub.name() == key);
                fill(destination, source, if keep { Nulls::Keep } else { Nulls::Drop });
            }
            Some(_) => {}
            None if merge => {
                values.insert(key.clone(), default.clone());
            }
            None if default.is_null() => {}
            None => {
                values.insert(key.clone(), without_nulls(default));
            }
        }
    }
}

/// A copy without the members of mappings in mappings that are `null`.
fn without_nulls(value: &Json) -> Json {
    let Json::Object(map) = value else { return value.clone() };
    let members = map.iter().filter(|(_, member)| !member.is_null());
    Json::Object(members.map(|(key, member)| (key.clone(), without_nulls(member))).collect())
}

/// What becomes of a `null`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// It stays, on either side.
    Keep,
    /// The source's is not taken over, the destination's takes the key away.
    Drop,
}

/// Fills `destination` with copies of what it lacks of `source`.
fn fill(destination: &mut Values, source: &Values, nulls: Nulls) {
    let drops = nulls == Nulls::Drop;
    for (key, value) in source.iter().filter(|(_, value)| !(drops && value.is_null())) {
        match destination.get_mut(key) {
            Some(Json::Null) if drops => {
                destination.remove(key);
            }
            None => {
                let copy = if drops { without_nulls(value) } else { value.clone() };
                destination.insert(key.clone(), copy);
            }
            Some(Json::Object(inner)) => {
                if let Json::Object(value) = value {
                    fill(inner, value, nulls);
                }
            }
            Some(_) => {}
        }
    }
}

fn tables(destination: &mut Values, source: Values, merge: bool) {
    for (key, value) in source {
        match destination.get_mut(&key) {
            Some(Json::Null) if !merge && !value.is_null() => {
                destination.remove(&key);
            }
            None => {
                destination.insert(key, value);
            }
            Some(Json::Object(inner)) => {
                if let Json::Object(value) = value {
                    tables(inner, value, merge);
                }
            }
            Some(_) => {}
        }
    }
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
