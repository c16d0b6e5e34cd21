//! Lists of type set and map hold nothing twice.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::FieldError;
use super::super::node::{Additional, ListType, Schema};

pub(super) fn validate(schema: &Schema, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    visit(schema, object, "", &mut errors);
    errors
}

fn visit(schema: &Schema, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|left, right| left.0.cmp(right.0));
            for (name, value) in fields {
                match (schema.properties.get(name.as_str()), &schema.additional) {
                    (Some(field), _) => visit(field, value, &super::child(path, name), errors),
                    (None, Additional::Typed(field)) => {
                        visit(field, value, &format!("{path}[{name}]"), errors);
                    }
                    (None, _) => {}
                }
            }
        }
        Value::Array(items) => {
            duplicates(&schema.list_type, items, path, errors);
            if let Some(schema) = &schema.items {
                for (index, item) in items.iter().enumerate() {
                    visit(schema, item, &format!("{path}[{index}]"), errors);
                }
            }
        }
        _ => {}
    }
}

fn duplicates(list: &ListType, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    let key = |item: &Value| match list {
        ListType::Atomic => None,
        ListType::Set => Some(item.clone()),
        ListType::Map(keys) => {
            let fields =
                keys.iter().filter_map(|key| Some((key.to_string(), item.get(&**key)?.clone())));
            Some(Value::Object(fields.collect::<Map<_, _>>()))
        }
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let place = format!("{path}[{index}]");
        if matches!(list, ListType::Map(_)) && !item.is_object() && !item.is_null() {
            errors.push(FieldError::invalid(
                place,
                item,
                "must be an object for an array of list-type map",
            ));
            return;
        }
        let Some(key) = key(item) else { return };
        let count = counts.entry(key.to_string()).or_default();
        *count += 1;
        // Only the first repetition is named.
        if *count == 2 {
            errors.push(FieldError::duplicate(place, &key));
        }
    }
}
