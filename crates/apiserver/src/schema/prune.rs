//! Dropping what the schema of a custom resource does not name.

use serde_json::{Map, Value};

use super::TypeRef;
use super::node::{Additional, Kind, Schema};

/// Removes unknown fields and returns their paths, such as `spec.foo` or `spec.list[0].foo`, sorted.
pub fn prune(of: &TypeRef, object: &mut Value) -> Vec<String> {
    let mut pruned = Vec::new();
    if let Value::Object(fields) = object {
        prune_fields(of.schema(), fields, "", &mut pruned);
    }
    pruned.sort();
    pruned
}

fn prune_value(place: &Schema, value: &mut Value, path: &str, pruned: &mut Vec<String>) {
    // Object metadata is decoded, which drops what it does not know.
    if place.reference.is_some() {
        return;
    }
    let schema = place;
    match value {
        Value::Object(fields) => prune_fields(schema, fields, path, pruned),
        Value::Array(items) => {
            let Some(item_schema) = &schema.items else { return };
            for (index, item) in items.iter_mut().enumerate() {
                prune_value(item_schema, item, &format!("{path}[{index}]"), pruned);
            }
        }
        _ => {}
    }
}

fn prune_fields(
    schema: &Schema,
    fields: &mut Map<String, Value>,
    path: &str,
    pruned: &mut Vec<String>,
) {
    let child =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if matches!(schema.kind, Kind::Any) && schema.properties.is_empty() && !schema.preserve_unknown
    {
        let Additional::Typed(_) = schema.additional else { return };
    }
    let keep_unknown = schema.preserve_unknown || matches!(schema.additional, Additional::Open);
    let mut unknown = Vec::new();
    for (name, value) in fields.iter_mut() {
        match (schema.properties.get(name.as_str()), &schema.additional) {
            (Some(field), _) => prune_value(field, value, &child(name), pruned),
            (None, Additional::Typed(field)) => prune_value(field, value, &child(name), pruned),
            (None, _) if keep_unknown => {}
            (None, _) => unknown.push(name.clone()),
        }
    }
    for name in unknown {
        pruned.push(child(&name));
        fields.remove(&name);
    }
}
