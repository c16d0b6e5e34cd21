//! Validation: structural for custom resources; the rules of the built-in kinds in the modules below.

use serde_json::Value;

use super::{FieldError, TypeRef};

mod format;
mod structural;

/// What is wrong with an object, in the order of its fields. `old` is the stored object on updates: transition rules and
/// immutable fields compare with it.
pub fn validate(of: &TypeRef, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    if of.is_builtin() {
        return Vec::new();
    }
    let _ = old;
    structural::validate(of.schema(), object)
}
