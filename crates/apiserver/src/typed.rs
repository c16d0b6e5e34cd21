//! The seam to `schema` and `fields`: what a kind's type says about an object.

use jiff::Timestamp;
use serde_json::Value;

use crate::failure::{Cause, Failure};
use crate::fields::{self, Manager};
use crate::options::seconds;
use crate::schema::{self, CustomType, FieldError, TypeRef};

/// Who writes, for managedFields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Writer<'a> {
    /// `fieldManager`, or what the User-Agent implies.
    pub(crate) manager: &'a str,
    /// `status` or `scale`, empty for the object itself.
    pub(crate) subresource: &'a str,
    pub(crate) now: Timestamp,
}

impl Writer<'_> {
    fn manager(&self) -> Manager<'_> {
        Manager { name: self.manager, subresource: self.subresource }
    }
}

/// The type of one kind in one version; `None` for kinds that are not stored.
#[derive(Debug, Clone)]
pub(crate) struct Types(Option<TypeRef>);

impl Types {
    pub(crate) fn builtin(group: &str, version: &str, kind: &str) -> Self {
        Self(TypeRef::builtin(group, version, kind))
    }

    /// The type that one version of a definition declares.
    pub(crate) fn custom(group: &str, kind: &str, version: &Value) -> Self {
        let name = version.get("name").and_then(Value::as_str).unwrap_or_default();
        let none = Value::Null;
        Self(Some(TypeRef::custom(&CustomType {
            group,
            version: name,
            kind,
            schema: version.pointer("/schema/openAPIV3Schema").unwrap_or(&none),
            status_subresource: version
                .pointer("/subresources/status")
                .is_some_and(Value::is_object),
        })))
    }

    pub(crate) fn type_ref(&self) -> Option<&TypeRef> {
        self.0.as_ref()
    }

    /// The object as the type holds it, and a line for each field it does not know.
    ///
    /// # Errors
    /// A value of the wrong type, in the words of the Go decoder.
    pub(crate) fn decode(&self, object: Value) -> Result<(Value, Vec<String>), String> {
        let Some(of) = &self.0 else { return Ok((object, Vec::new())) };
        let decoded = schema::decode(of, object)?;
        Ok((decoded.object, decoded.unknown))
    }

    pub(crate) fn default(&self, object: &mut Value) {
        if let Some(of) = &self.0 {
            schema::default(of, object);
        }
    }

    pub(crate) fn validate(&self, new: &Value, old: Option<&Value>) -> Vec<Cause> {
        let Some(of) = &self.0 else { return Vec::new() };
        schema::validate(of, new, old).iter().map(cause).collect()
    }

    pub(crate) fn strategic(&self, live: &Value, patch: &Value) -> Result<Value, Failure> {
        let Some(of) = &self.0 else { return Ok(schema::merge_patch(live, patch)) };
        schema::strategic_merge(live, patch, of)
            .map_err(|why| Failure::bad_request(why.to_string()))
    }

    /// Server-side apply.
    pub(crate) fn apply(
        &self,
        live: Option<&Value>,
        applied: &Value,
        writer: &Writer<'_>,
        force: bool,
    ) -> Result<Value, Failure> {
        let Some(of) = &self.0 else { return Err(Failure::method_not_allowed()) };
        let now = seconds(writer.now);
        fields::apply(live, applied, of, (&writer.manager(), force), &now).map_err(
            |why| match why {
                fields::Error::Conflict(conflicts) => {
                    Failure::apply_conflict(conflicts.to_string(), conflicts.causes())
                }
                fields::Error::BadRequest(message) => Failure::bad_request(message),
                fields::Error::Type(message) => Failure::untyped(message),
            },
        )
    }

    /// Credits a writer that does not apply.
    pub(crate) fn update(&self, old: Option<&Value>, new: Value, writer: &Writer<'_>) -> Value {
        let Some(of) = &self.0 else { return new };
        fields::update(old, &new, of, &writer.manager(), &seconds(writer.now))
    }
}

fn cause(error: &FieldError) -> Cause {
    Cause {
        reason: error.reason.as_str().to_owned(),
        message: error.body(),
        field: error.field.clone(),
    }
}
