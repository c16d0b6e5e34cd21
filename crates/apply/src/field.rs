//! Reading fields of JSON that may or may not be there.

use serde_json::Value;

/// Fields by name, where an absent one is `null`.
pub(crate) trait Field {
    /// The field at a dotted path (`metadata.name`); `null` when any part of it is missing.
    fn at(&self, path: &str) -> &Value;
}

impl Field for Value {
    fn at(&self, path: &str) -> &Value {
        path.split('.').fold(self, |value, name| value.get(name).unwrap_or(&Self::Null))
    }
}
