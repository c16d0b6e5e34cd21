//! Defaults: those of a custom resource's schema here, those of the built-in kinds in the modules below.

use serde_json::{Map, Value};

use super::node::{Additional, Schema};
use super::{TypeRef, decode};

mod builtin;
mod core;
mod literals;
mod workloads;

/// Sets what the object leaves unset. Idempotent.
pub fn default(of: &TypeRef, object: &mut Value) {
    if let Some(entry) = of.entry() {
        builtin::default(entry, object);
        decode::fill_value(of.schema(), object);
        return;
    }
    let Value::Object(fields) = object else { return };
    // `metadata` and the type are never defaulted by a schema.
    drop_nulls(of.schema(), fields);
    for (name, field) in &of.schema().properties {
        if matches!(&**name, "apiVersion" | "kind" | "metadata") {
            continue;
        }
        default_field(fields, name, field);
    }
}

fn default_fields(schema: &Schema, fields: &mut Map<String, Value>) {
    drop_nulls(schema, fields);
    for (name, field) in &schema.properties {
        default_field(fields, name, field);
    }
    if let Additional::Typed(field) = &schema.additional {
        for (name, value) in fields.iter_mut() {
            if !schema.properties.contains_key(name.as_str()) {
                default_value(field, value);
            }
        }
    }
}

fn default_field(fields: &mut Map<String, Value>, name: &str, field: &Schema) {
    if let (Some(default), false) = (&field.default, fields.contains_key(name)) {
        fields.insert(name.to_owned(), default.clone());
    }
    if let Some(value) = fields.get_mut(name) {
        default_value(field, value);
    }
}

fn default_value(schema: &Schema, value: &mut Value) {
    if schema.reference.is_some() {
        return;
    }
    match value {
        Value::Object(fields) => default_fields(schema, fields),
        Value::Array(items) => {
            let Some(item_schema) = &schema.items else { return };
            for item in items {
                // A null item of a list that does not take null becomes the default of its items.
                if let (true, false, Some(default)) =
                    (item.is_null(), item_schema.nullable, &item_schema.default)
                {
                    *item = default.clone();
                }
                default_value(item_schema, item);
            }
        }
        _ => {}
    }
}

/// Nulls where the schema does not take null are as good as unset.
fn drop_nulls(schema: &Schema, fields: &mut Map<String, Value>) {
    fields.retain(|name, value| {
        let field = match (schema.properties.get(name.as_str()), &schema.additional) {
            (Some(field), _) => field,
            (None, Additional::Typed(field)) => field,
            (None, _) => return true,
        };
        !(value.is_null() && !field.nullable && field.reference.is_none())
    });
}
