//! Whether what an apply would make of an object differs from what it is.

use serde_json::{Map, Value};

/// Whether labels, annotations, or anything but metadata and status differ between the object as
/// it is and as a dry run says it would be. Both come from the server, so defaults are in both;
/// empty values count as absent.
pub(crate) fn has_drifted(live: &Value, wanted: &Value) -> bool {
    let metadata = |object: &Value, field: &str| {
        object.get("metadata").and_then(|metadata| metadata.get(field)).map_or(Value::Null, compact)
    };
    ["labels", "annotations"].iter().any(|field| metadata(live, field) != metadata(wanted, field))
        || body(live) != body(wanted)
}

/// Everything but what names the object and what the cluster reports about it.
pub(crate) fn body(object: &Value) -> Value {
    let mut body = object.as_object().cloned().unwrap_or_default();
    for field in ["metadata", "status"] {
        body.remove(field);
    }
    compact(&Value::Object(body))
}

/// The value without nulls and empty maps.
fn compact(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (key, value) in fields {
                let value = compact(value);
                if !is_empty(&value) {
                    kept.insert(key.clone(), value);
                }
            }
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        Value::Array(items) => Value::Array(items.iter().map(compact).collect()),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_labels_annotations_and_the_body_count() {
        let live = json!({
            "metadata": {"labels": {"a": "1"}, "resourceVersion": "1", "annotations": {}},
            "spec": {"replicas": 1, "selector": {}, "empty": null},
            "status": {"ready": 1},
        });
        for (path, value, drifted) in [
            ("/metadata/resourceVersion", json!("2"), false),
            ("/status/ready", json!(0), false),
            ("/spec/empty", json!({}), false),
            ("/spec/replicas", json!(2), true),
            ("/metadata/labels/a", json!("2"), true),
            ("/metadata/annotations", json!({"b": "2"}), true),
        ] {
            let mut wanted = live.clone();
            *wanted.pointer_mut(path).unwrap() = value;
            assert_eq!(has_drifted(&live, &wanted), drifted, "{path}");
        }
    }
}
