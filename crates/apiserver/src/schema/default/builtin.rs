//! Defaults of the built-in kinds: literal ones from a table by type, others from a function by type.
//!
//! The facts are those of Kubernetes' `pkg/apis/*/*/defaults.go`. Defaults that the OpenAPI documents declare are filled in by
//! decoding already.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::super::decode::is_zero;
use super::super::node::Schema;
use super::super::table::{self, Entry};
use super::{core, literals, workloads};

pub(super) type Fields = Map<String, Value>;

/// Sets the defaults of one object.
pub(super) type Function = fn(&mut Fields);

/// The defaults of one type.
#[derive(Default)]
struct Rules {
    literals: Vec<(&'static str, Value)>,
    function: Option<Function>,
}

static RULES: LazyLock<BTreeMap<&'static str, Rules>> = LazyLock::new(|| {
    let mut all: BTreeMap<&'static str, Rules> = BTreeMap::new();
    for (name, fields) in literals::LITERALS {
        let parse =
            |(field, json): &(&'static str, &str)| Some((*field, serde_json::from_str(json).ok()?));
        all.entry(name).or_default().literals.extend(fields.iter().filter_map(parse));
    }
    for (name, function) in core::FUNCTIONS.iter().chain(workloads::FUNCTIONS) {
        all.entry(name).or_default().function = Some(*function);
    }
    all
});

/// Sets the defaults of a built-in object.
pub(super) fn default(entry: &'static Entry, object: &mut Value) {
    if let Value::Object(fields) = object {
        default_object(Some(entry), entry.schema(), fields);
    }
}

fn default_object(entry: Option<&'static Entry>, schema: &Schema, fields: &mut Fields) {
    for (name, field) in &schema.properties {
        // A default that is nothing is what Go writes of an unset field, not a default.
        if let Some(default) = field.default.as_ref().filter(|default| !is_zero(default)) {
            set(fields, name, || default.clone());
        }
    }
    if let Some(rules) = entry.and_then(|entry| RULES.get(short(entry.name))) {
        for (field, value) in &rules.literals {
            // A field that is always written holds its zero when it is not set.
            let zero = schema.properties.get(*field).and_then(|field| field.default.as_ref());
            if zero.is_some() && fields.get(*field) == zero {
                fields.remove(*field);
            }
            set(fields, field, || value.clone());
        }
        if let Some(function) = rules.function {
            function(fields);
        }
    }
    for (name, value) in fields.iter_mut() {
        if let Some(field) = schema.child(name) {
            default_value(field, value);
        }
    }
}

fn default_value(place: &Schema, value: &mut Value) {
    match value {
        // Nothing in object metadata has a default.
        Value::Object(fields)
            if place.reference.is_none_or(|entry| entry.name != table::OBJECT_META) =>
        {
            default_object(place.reference, place.resolve(), fields);
        }
        Value::Array(items) => {
            if let Some(schema) = &place.resolve().items {
                for item in items {
                    default_value(schema, item);
                }
            }
        }
        _ => {}
    }
}

/// `io.k8s.api.apps.v1.Deployment` is `apps.v1.Deployment` in the tables.
fn short(name: &str) -> &str {
    name.strip_prefix("io.k8s.api.").or_else(|| name.strip_prefix("io.k8s.")).unwrap_or(name)
}

/// Sets a field that is not set.
pub(super) fn set(fields: &mut Fields, name: &str, value: impl FnOnce() -> Value) {
    if fields.get(name).is_none_or(Value::is_null) {
        fields.insert(name.to_owned(), value());
    }
}

/// A string field; empty if unset.
pub(super) fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// True if a field is set to something.
pub(super) fn is_set(fields: &Fields, name: &str) -> bool {
    fields.get(name).is_some_and(|value| !value.is_null())
}

/// The object in a field.
pub(super) fn object<'a>(fields: &'a mut Fields, name: &str) -> Option<&'a mut Fields> {
    fields.get_mut(name).and_then(Value::as_object_mut)
}

/// The object in a field, made if there is none.
pub(super) fn ensure<'a>(fields: &'a mut Fields, name: &str) -> Option<&'a mut Fields> {
    set(fields, name, || Value::Object(Fields::new()));
    object(fields, name)
}

/// The objects of a list field.
pub(super) fn objects<'a>(
    fields: &'a mut Fields,
    name: &str,
) -> impl Iterator<Item = &'a mut Fields> {
    let items = fields.get_mut(name).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}
