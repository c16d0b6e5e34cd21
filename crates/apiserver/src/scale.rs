//! The scale subresource: `autoscaling/v1` Scale of built-in workloads and of custom resources.

use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::object;
use crate::registry::{Resource, ScalePaths};

fn paths(resource: &Resource) -> ScalePaths {
    let own = resource.custom.as_ref().and_then(|c| c.scale.clone());
    own.unwrap_or_else(|| ScalePaths {
        spec: "/spec/replicas".to_owned(),
        status: "/status/replicas".to_owned(),
        selector: None,
    })
}

/// The scale of an object.
pub(crate) fn of(resource: &Resource, object: &Value) -> Result<Value, Failure> {
    let paths = paths(resource);
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object::metadata(object).and_then(|m| m.get(field)) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    if resource.custom.is_some() && object.pointer(&paths.spec).is_none_or(Value::is_null) {
        let why =
            format!("the spec replicas field \"{}\" does not exist", paths.spec.replace('/', "."));
        return Err(Failure::internal(why));
    }
    let mut scale = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": { "replicas": number(&paths.spec) },
        "status": { "replicas": number(&paths.status) },
    });
    let selector = match (&paths.selector, resource.custom.is_some()) {
        (Some(pointer), _) => object.pointer(pointer).and_then(Value::as_str).map(str::to_owned),
        (None, false) => object.pointer("/spec/selector").map(selector_text),
        (None, true) => None,
    };
    if let (Some(selector), Some(status)) = (selector, scale.get_mut("status")) {
        object::set_field(status, "selector", Some(selector.into()));
    }
    Ok(scale)
}

/// An object with the replicas that a Scale asks for.
pub(crate) fn set(resource: &Resource, mut object: Value, scale: &Value) -> Result<Value, Failure> {
    let wanted = scale.pointer("/spec/replicas").map_or(Some(0), Value::as_i64);
    let Some(replicas) = wanted.filter(|n| *n >= 0) else {
        let cause = crate::failure::Cause::invalid(
            "spec.replicas",
            scale.pointer("/spec/replicas").unwrap_or(&Value::Null),
            "must be greater than or equal to 0",
        );
        let about = crate::failure::About {
            group: "autoscaling",
            resource: "Scale",
            name: object::name(&object),
        };
        return Err(Failure::invalid(about, &[cause]));
    };
    if let Some(version) = object::resource_version_text(scale) {
        let version = version.to_owned();
        object::set_meta(&mut object, "resourceVersion", version);
    }
    set_pointer(&mut object, &paths(resource).spec, replicas.into());
    Ok(object)
}

/// Sets a value at a JSON pointer of plain names, making the maps on the way.
pub(crate) fn set_pointer(object: &mut Value, pointer: &str, value: Value) {
    let mut place = object;
    for part in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        let Value::Object(map) = place else { return };
        place = map.entry(part.to_owned()).or_insert(Value::Null);
    }
    *place = value;
}

/// `metav1.LabelSelector` (or a plain map of labels) in its text form.
pub(crate) fn selector_text(selector: &Value) -> String {
    let plain = selector.get("matchLabels").is_none() && selector.get("matchExpressions").is_none();
    let labels = if plain { Some(selector) } else { selector.get("matchLabels") };
    let mut parts: Vec<String> = Vec::new();
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        parts.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    for expression in
        selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten()
    {
        let key = expression.get("key").and_then(Value::as_str).unwrap_or_default();
        let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        let values = values.join(",");
        parts.push(match expression.get("operator").and_then(Value::as_str) {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("Exists") => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    parts.sort();
    parts.join(",")
}
