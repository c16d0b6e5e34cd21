//! From a JSON schema of a type to the structural schema of a CRD.
//!
//! What schemars makes differs from what Kubernetes takes, and from what the CRDs of the
//! original say: an optional field is nullable there, which would make the API server keep an
//! explicit null instead of filling in the default.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The schema of an object with this spec and, for kinds that have one, this status.
pub(super) fn root<Spec: JsonSchema>(doc: &str, status: Option<Value>) -> Value {
    let mut properties = json!({
        "apiVersion": {
            "description": "API group and version of the object, such as `example.org/v1`.",
            "type": "string",
        },
        "kind": {
            "description": "Kind of the object, in CamelCase.",
            "type": "string",
        },
        "metadata": {"type": "object"},
        "spec": of::<Spec>(),
    });
    if let Some(status) = status {
        set(&mut properties, "status", status);
    }
    let mut root = json!({"description": doc, "properties": properties, "type": "object"});
    // A spec without required fields may be left out altogether.
    if root.pointer("/properties/spec/required").is_some() {
        set(&mut root, "required", json!(["spec"]));
    }
    root
}

/// The schema of a status. One that records the observed generation starts at -1, so that a new
/// object counts as not yet reconciled.
pub(super) fn status<Status: JsonSchema>() -> Value {
    let mut status = of::<Status>();
    if status.pointer("/properties/observedGeneration").is_some() {
        set(&mut status, "default", json!({"observedGeneration": -1}));
    }
    status
}

/// Sets a member of an object.
pub(super) fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(map) = object.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    finish(&mut schema);
    schema
}

/// Rewrites a schema and all those inside it.
fn finish(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    map.remove("title");
    drop_null(map);
    if let Some(description) = map.get_mut("description") {
        join_lines(description);
    }
    if map.get("format").is_some_and(|format| format != "int64" && format != "date-time") {
        map.remove("format");
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            finish(inner);
        }
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(finish);
    }
}

/// An optional field may be absent, but never null.
fn drop_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = map.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// Joins the lines of each paragraph: where the source breaks a line means nothing to a reader.
fn join_lines(text: &mut Value) {
    if let Value::String(text) = text {
        let paragraphs: Vec<String> =
            text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n");
    }
}
