//! OpenAPI documents given by the user.

use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

const KIND: &str = "x-kubernetes-group-version-kind";
const STRATEGY: &str = "x-kubernetes-patch-strategy";
const MERGE_KEY: &str = "x-kubernetes-patch-merge-key";
const MAP_KEYS: &str = "x-kubernetes-list-map-keys";

/// A document's definitions, by name and by the kinds they say they are.
#[derive(Debug)]
pub(super) struct Definitions {
    by_name: Map<String, Value>,
    by_kind: BTreeMap<(String, String), Arc<Value>>,
    namespaced: BTreeMap<(String, String), bool>,
}

impl Definitions {
    /// Reads a document in JSON or YAML.
    pub(super) fn parse(document: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(document)
            .map_err(|_| Error::new("invalid schema file: not UTF-8"))?;
        let document = yaml::to_json(text, yaml::Rules::V2)
            .map_err(|error| Error::new(format!("invalid schema file: {error}")))?;
        let by_name = match document.get("definitions") {
            Some(Value::Object(definitions)) => definitions.clone(),
            _ => Map::new(),
        };
        let mut by_kind = BTreeMap::new();
        for definition in by_name.values() {
            let kinds = definition.get(KIND).and_then(Value::as_array).into_iter().flatten();
            for kind in kinds.filter_map(kind_of) {
                by_kind.insert(kind, Arc::new(definition.clone()));
            }
        }
        let namespaced = scopes(document.get("paths"));
        Ok(Self { by_name, by_kind, namespaced })
    }

    pub(super) fn of_kind(&self, api_version: &str, kind: &str) -> Option<Arc<Value>> {
        self.by_kind.get(&(api_version.to_owned(), kind.to_owned())).cloned()
    }

    pub(super) fn definition(&self, name: &str) -> Option<&Value> {
        self.by_name.get(name)
    }

    pub(super) fn is_namespaced(&self, api_version: &str, kind: &str) -> Option<bool> {
        self.namespaced.get(&(api_version.to_owned(), kind.to_owned())).copied()
    }
}

/// A kind is namespaced if one of its paths names a namespace.
fn scopes(paths: Option<&Value>) -> BTreeMap<(String, String), bool> {
    let mut scopes = BTreeMap::new();
    let paths = paths.and_then(Value::as_object).into_iter().flatten();
    for (path, operations) in paths {
        let Some(kind) = operations.get("get").and_then(|get| get.get(KIND)).and_then(kind_of)
        else {
            continue;
        };
        if path.contains("namespaces/{namespace}") {
            scopes.insert(kind, true);
        } else {
            scopes.entry(kind).or_insert(false);
        }
    }
    scopes
}

fn kind_of(value: &Value) -> Option<(String, String)> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let version = text("version")?;
    let api_version = match text("group") {
        Some(group) if !group.is_empty() => format!("{group}/{version}"),
        _ => version.to_owned(),
    };
    Some((api_version, text("kind")?.to_owned()))
}

pub(super) fn merges(schema: &Value) -> bool {
    schema
        .get(STRATEGY)
        .and_then(Value::as_str)
        .is_some_and(|strategy| strategy.split(',').any(|s| s == "merge"))
}

pub(super) fn merge_keys(schema: &Value) -> Vec<String> {
    if schema.get(STRATEGY).is_none() {
        return Vec::new();
    }
    if let Some(keys) = schema.get(MAP_KEYS).and_then(Value::as_array) {
        return keys.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    schema.get(MERGE_KEY).and_then(Value::as_str).map(str::to_owned).into_iter().collect()
}

pub(super) fn field<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let property = schema.get("properties").and_then(|properties| properties.get(name));
    property.or_else(|| schema.get("additionalProperties").filter(|more| more.is_object()))
}

pub(super) fn items(schema: &Value) -> Option<&Value> {
    let is_array = match schema.get("type") {
        Some(Value::String(kind)) => kind == "array",
        Some(Value::Array(kinds)) => {
            matches!(kinds.as_slice(), [Value::String(kind)] if kind == "array")
        }
        _ => false,
    };
    if is_array { schema.get("items") } else { None }
}
