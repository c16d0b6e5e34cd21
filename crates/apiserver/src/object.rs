//! Reading and writing the metadata of an object that is a JSON value.

use serde_json::{Map, Value};

/// `metadata`, when it is an object.
pub(crate) fn metadata(object: &Value) -> Option<&Map<String, Value>> {
    object.get("metadata")?.as_object()
}

/// `metadata`, made when absent. `None` only when the object itself is not a map.
pub(crate) fn metadata_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let map = object.as_object_mut()?;
    let metadata = map.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if !metadata.is_object() {
        *metadata = Value::Object(Map::new());
    }
    metadata.as_object_mut()
}

fn meta_str<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object.get("metadata")?.get(field)?.as_str().filter(|s| !s.is_empty())
}

pub(crate) fn name(object: &Value) -> &str {
    meta_str(object, "name").unwrap_or_default()
}

/// Empty for cluster-scoped objects.
pub(crate) fn namespace(object: &Value) -> &str {
    meta_str(object, "namespace").unwrap_or_default()
}

pub(crate) fn uid(object: &Value) -> Option<&str> {
    meta_str(object, "uid")
}

pub(crate) fn kind(object: &Value) -> &str {
    object.get("kind").and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn api_version(object: &Value) -> &str {
    object.get("apiVersion").and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn resource_version_text(object: &Value) -> Option<&str> {
    meta_str(object, "resourceVersion")
}

pub(crate) fn resource_version(object: &Value) -> Option<u64> {
    resource_version_text(object)?.parse().ok()
}

pub(crate) fn generation(object: &Value) -> i64 {
    object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0)
}

pub(crate) fn is_deleting(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(|v| !v.is_null())
}

pub(crate) fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

pub(crate) fn has_finalizer(object: &Value, name: &str) -> bool {
    finalizers(object).any(|f| f == name)
}

/// Adds a finalizer when it is not there.
pub(crate) fn add_finalizer(object: &mut Value, name: &str) {
    if has_finalizer(object, name) {
        return;
    }
    let Some(metadata) = metadata_mut(object) else { return };
    let list = metadata.entry("finalizers").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        list.push(name.into());
    }
}

/// Takes a finalizer away; an empty list goes with it.
pub(crate) fn remove_finalizer(object: &mut Value, name: &str) {
    let Some(metadata) = metadata_mut(object) else { return };
    if let Some(Value::Array(list)) = metadata.get_mut("finalizers") {
        list.retain(|f| f.as_str() != Some(name));
        if list.is_empty() {
            metadata.remove("finalizers");
        }
    }
}

pub(crate) fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten()
}

pub(crate) fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    owners(object).filter_map(|o| o.get("uid")?.as_str())
}

/// The owner with `controller: true`.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    owners(object).find(|o| o.get("controller").and_then(Value::as_bool) == Some(true))
}

pub(crate) fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    metadata(object)?.get("labels")?.get(name)?.as_str()
}

pub(crate) fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    metadata(object)?.get("annotations")?.get(name)?.as_str()
}

pub(crate) fn set_meta(object: &mut Value, field: &str, value: impl Into<Value>) {
    if let Some(metadata) = metadata_mut(object) {
        metadata.insert(field.to_owned(), value.into());
    }
}

pub(crate) fn remove_meta(object: &mut Value, field: &str) {
    if let Some(metadata) = metadata_mut(object) {
        metadata.remove(field);
    }
}

pub(crate) fn set_resource_version(object: &mut Value, revision: u64) {
    set_meta(object, "resourceVersion", revision.to_string());
}

/// Copies one metadata field from `from`, or removes it where `from` has none.
pub(crate) fn copy_meta(object: &mut Value, from: &Value, field: &str) {
    match metadata(from).and_then(|m| m.get(field)) {
        Some(value) => set_meta(object, field, value.clone()),
        None => remove_meta(object, field),
    }
}

/// A field of the object at its top level, put in or (when `None`) taken out.
pub(crate) fn set_field(object: &mut Value, field: &str, value: Option<Value>) {
    let Some(map) = object.as_object_mut() else { return };
    match value {
        Some(value) => {
            map.insert(field.to_owned(), value);
        }
        None => {
            map.remove(field);
        }
    }
}

/// Group and version of an `apiVersion`.
pub(crate) fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// An `apiVersion` of group and version.
pub(crate) fn join_api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}
