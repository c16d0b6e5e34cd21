//! Validation: structural for custom resources; the rules of the built-in kinds in the modules below.

use serde_json::Value;

use super::node::{Additional, ListType, Schema};
use super::{FieldError, Reason, TypeRef};

mod builtin;
mod cel_value;
mod format;
mod lists;
pub(crate) mod rules;
mod structural;

pub use rules::check_rules;

/// What is wrong with an object, in the order of its fields. `old` is the stored object on updates: transition rules and
/// immutable fields compare with it, and what was wrong before and did not change is let through.
pub fn validate(of: &TypeRef, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    if of.is_builtin() {
        return builtin::validate(of, object);
    }
    let mut errors = structural::validate(of.schema(), object, old);
    if old.is_none_or(|old| lists::validate(of.schema(), old).is_empty()) {
        errors.extend(lists::validate(of.schema(), object));
    }
    if has_rules(of.schema()) && errors.iter().any(blocks_rules) {
        errors.push(FieldError {
            field: String::new(),
            reason: Reason::Invalid,
            value: Some("null".to_owned()),
            detail: "some validation rules were not checked because the object was invalid; correct the existing errors \
                     to complete validation"
                .to_owned(),
        });
    } else {
        errors.extend(rules::validate(of.schema(), object, old));
    }
    for error in errors.iter_mut().filter(|error| error.field.is_empty()) {
        NO_FIELD.clone_into(&mut error.field);
    }
    errors
}

/// What stands for the object itself.
const NO_FIELD: &str = "<nil>";

/// Whether a schema has CEL rules anywhere; Kubernetes' own types have none.
fn has_rules(schema: &Schema) -> bool {
    let additional = match &schema.additional {
        Additional::Typed(values) => has_rules(values),
        Additional::Unset | Additional::Closed | Additional::Open => false,
    };
    !schema.rules.is_empty()
        || additional
        || schema.items.as_deref().is_some_and(has_rules)
        || schema.properties.values().any(has_rules)
}

/// Rules assume these do not occur.
fn blocks_rules(error: &FieldError) -> bool {
    matches!(
        error.reason,
        Reason::NotSupported
            | Reason::Required
            | Reason::TooLong
            | Reason::Duplicate
            | Reason::TooMany
            | Reason::TypeInvalid
    )
}

/// The path of a field.
fn child(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The old item that is the same as a new one, where the schema says what makes items the same.
fn correlated<'a>(list: &Schema, item: &Value, old: &'a Value) -> Option<&'a Value> {
    if !matches!(list.list_type, ListType::Map(_)) {
        return None;
    }
    let keys = rules::keys_of(&list.list_type, item)?;
    old.as_array()?.iter().find(|old| rules::keys_of(&list.list_type, old).as_ref() == Some(&keys))
}
