//! Validation errors, worded as the API server words them.

use std::fmt;

use serde_json::{Value, json};

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A required field is missing.
    Required,
    /// A value that must be unique is not.
    Duplicate,
    /// The value is not allowed here.
    Invalid,
    /// The value has the wrong type.
    TypeInvalid,
    /// The value is not one of the supported ones.
    NotSupported,
    /// The field must not be set.
    Forbidden,
    /// The value refers to nothing.
    NotFound,
    /// Too many characters.
    TooLong,
    /// Too many items.
    TooMany,
    /// Too few items.
    TooFew,
    /// The server failed.
    Internal,
}

impl Reason {
    /// The reason of the cause in a `Status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotFound => "FieldValueNotFound",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TooFew => "FieldValueTooFew",
            Self::Internal => "InternalError",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not found",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::TooFew => "Too few",
            Self::Internal => "Internal error",
        }
    }
}

/// One thing that is wrong with an object. Displays as `spec.replicas: Invalid value: -1: must be greater than or equal to 0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The path, such as `spec.containers[0].name`; `<nil>` for the object itself.
    pub field: String,
    /// The kind of error.
    pub reason: Reason,
    /// The value as the message shows it.
    pub value: Option<String>,
    /// What is wrong; may be empty.
    pub detail: String,
}

impl FieldError {
    /// A missing value.
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), reason: Reason::Required, value: None, detail: detail.into() }
    }

    /// A value that is not allowed; it is shown.
    pub fn invalid(field: impl Into<String>, value: &Value, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: Reason::Invalid,
            value: Some(show(value)),
            detail: detail.into(),
        }
    }

    /// A field that may not be set or changed.
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), reason: Reason::Forbidden, value: None, detail: detail.into() }
    }

    /// A value that occurs twice.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self {
            field: field.into(),
            reason: Reason::Duplicate,
            value: Some(show(value)),
            detail: String::new(),
        }
    }

    /// A value that refers to nothing.
    pub fn not_found(field: impl Into<String>, value: &Value) -> Self {
        Self {
            field: field.into(),
            reason: Reason::NotFound,
            value: Some(show(value)),
            detail: String::new(),
        }
    }

    /// A value outside the supported ones.
    pub fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let supported: Vec<_> = supported.iter().map(|value| format!("{value:?}")).collect();
        Self {
            field: field.into(),
            reason: Reason::NotSupported,
            value: Some(show(value)),
            detail: format!("supported values: {}", supported.join(", ")),
        }
    }

    /// More bytes or characters than allowed.
    pub fn too_long(field: impl Into<String>, limit: u64) -> Self {
        let bytes = if limit == 1 { "byte" } else { "bytes" };
        let detail = format!("may not be more than {limit} {bytes}");
        Self { field: field.into(), reason: Reason::TooLong, value: None, detail }
    }

    /// More items than allowed.
    pub fn too_many(field: impl Into<String>, actual: usize, limit: u64) -> Self {
        let items = if limit == 1 { "item" } else { "items" };
        let detail = format!("must have at most {limit} {items}");
        Self {
            field: field.into(),
            reason: Reason::TooMany,
            value: Some(actual.to_string()),
            detail,
        }
    }

    /// The cause in a `Status`.
    pub fn cause(&self) -> Value {
        json!({ "reason": self.reason.as_str(), "message": self.body(), "field": self.field })
    }

    /// The message without the field.
    pub fn body(&self) -> String {
        let mut text = self.reason.words().to_owned();
        for part in [self.value.as_deref().unwrap_or_default(), &self.detail] {
            if !part.is_empty() {
                text += ": ";
                text += part;
            }
        }
        text
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

/// A value as messages show it: strings quoted, everything else as JSON.
fn show(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}
