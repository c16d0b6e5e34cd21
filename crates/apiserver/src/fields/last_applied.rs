//! Objects that `kubectl apply` managed client-side, through an annotation: their first server-side apply takes over without
//! conflicts, and the annotation follows the later ones.

use serde_json::{Map, Value};

use super::compare::Comparison;
use super::set::Set;
use super::walk::field_set;
use crate::schema::TypeRef;

/// The only manager for which the annotation counts.
pub(super) const KUBECTL: &str = "kubectl";

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The limit of the API server on the size of all annotations of an object, keys and values together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The fields that client-side apply owned: those of the annotation that the live object still has unchanged. `None` if
/// there is no usable annotation.
pub(super) fn owned_fields(of: &TypeRef, live: &Value) -> Option<Set> {
    let text = live.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str()?;
    let last: Value = serde_json::from_str(text).ok()?;
    if last.get("apiVersion").and_then(Value::as_str) != Some(of.api_version()) {
        return None;
    }
    let comparison = Comparison::of(of.schema(), &last, live);
    let set = field_set(of.schema(), &last);
    Some(
        set.difference(&comparison.modified)
            .difference(&comparison.added)
            .difference(&comparison.removed),
    )
}

/// Brings the annotation, where the object has one, in line with what was applied.
pub(super) fn refresh(object: &mut Value, applied: &Value) {
    let annotations =
        object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    let Some(annotations) = annotations.and_then(Value::as_object_mut) else { return };
    if annotations.get(ANNOTATION).and_then(Value::as_str).is_none_or(str::is_empty) {
        return;
    }
    let mut applied = applied.clone();
    let own = applied.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(own) = own.and_then(Value::as_object_mut) {
        own.remove(ANNOTATION);
        if own.is_empty() {
            applied
                .get_mut("metadata")
                .and_then(Value::as_object_mut)
                .map(|metadata| metadata.remove("annotations"));
        }
    }
    annotations.insert(ANNOTATION.to_owned(), format!("{}\n", sorted(&applied)).into());
    let size: usize =
        annotations.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum();
    if size > MAX_ANNOTATIONS {
        annotations.remove(ANNOTATION);
    }
}

/// The value with the fields of every object in order of their names, whatever order the map type keeps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> =
                fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            fields.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(fields.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        scalar => scalar.clone(),
    }
}
