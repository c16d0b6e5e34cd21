//! Reading objects of any kind.

use kube::api::DynamicObject;
use serde_json::Value;

/// The text at a JSON pointer of an object's body, or nothing.
#[must_use]
pub fn text<'a>(object: &'a DynamicObject, pointer: &str) -> &'a str {
    object.data.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Status, reason and message of a condition.
#[must_use]
pub fn condition<'a>(object: &'a DynamicObject, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = object.data.pointer("/status/conditions")?.as_array()?;
    let condition = conditions
        .iter()
        .find(|condition| condition.get("type").and_then(Value::as_str) == Some(kind))?;
    let field = |name| condition.get(name).and_then(Value::as_str).unwrap_or_default();
    Some((field("status"), field("reason"), field("message")))
}
