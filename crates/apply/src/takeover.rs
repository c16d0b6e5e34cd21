//! Field ownership: taking over what `kubectl` and our own non-apply writes left behind, so that
//! removing a field from the source removes it from the cluster.

use crate::field::Field as _;
use serde_json::{Map, Value, json};

/// Metadata that older tools left on objects and that is taken off on apply.
const LEGACY_ANNOTATIONS: [&str; 4] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/checksum",
    "fluxcd.io/sync-checksum",
    "fluxcd.io/sync-gc-mark",
];
const LEGACY_LABELS: [&str; 3] =
    ["kustomize.toolkit.fluxcd.io/checksum", "fluxcd.io/sync-checksum", "fluxcd.io/sync-gc-mark"];

/// The JSON patch that makes `live` ours: entries of other managers of the same role become our
/// apply entry, and legacy metadata goes. Empty when there is nothing to do. `wanted` is the object
/// as it is applied: metadata that it sets itself stays.
pub(crate) fn patch(
    live: &Value,
    wanted: &Value,
    manager: &str,
    overridden: &[String],
) -> Vec<Value> {
    let mut operations = legacy(live, wanted);
    if let Some(entries) = taken_over(live, manager, overridden) {
        operations
            .push(json!({"op": "replace", "path": "/metadata/managedFields", "value": entries}));
    }
    if !operations.is_empty() {
        operations.extend(same_version(live));
    }
    operations
}

/// The JSON patch after which all managers' fields are in this API version; empty when they are. A
/// definition that adds a field with a default in a newer version makes the server refuse to apply
/// to objects whose fields are recorded in an older one.
pub(crate) fn migration(live: &Value, api_version: &str) -> Vec<Value> {
    let Some(entries) = live.at("metadata.managedFields").as_array() else { return Vec::new() };
    if entries.iter().all(|entry| entry.at("apiVersion") == api_version) {
        return Vec::new();
    }
    let mut entries = entries.clone();
    for fields in entries.iter_mut().filter_map(Value::as_object_mut) {
        fields.insert("apiVersion".to_owned(), api_version.into());
    }
    let mut operations =
        vec![json!({"op": "replace", "path": "/metadata/managedFields", "value": entries})];
    operations.extend(same_version(live));
    operations
}

/// The operation that makes a patch fail if somebody was faster: the next visit starts from what
/// they made of the object.
fn same_version(live: &Value) -> Option<Value> {
    let version = live.at("metadata.resourceVersion").as_str()?;
    Some(json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}))
}

fn legacy(live: &Value, wanted: &Value) -> Vec<Value> {
    let mut operations = Vec::new();
    let fields: [(&str, &[&str]); 2] =
        [("annotations", &LEGACY_ANNOTATIONS), ("labels", &LEGACY_LABELS)];
    for (field, keys) in fields {
        let has = |object: &Value, key: &str| {
            object.get("metadata").and_then(|m| m.get(field)).and_then(|m| m.get(key)).is_some()
        };
        for key in keys.iter().filter(|key| has(live, key) && !has(wanted, key)) {
            let escaped = key.replace('~', "~0").replace('/', "~1");
            operations
                .push(json!({"op": "remove", "path": format!("/metadata/{field}/{escaped}")}));
        }
    }
    operations
}

/// The managed fields with everything of ours in our apply entry; `None` when they are so already.
fn taken_over(live: &Value, manager: &str, overridden: &[String]) -> Option<Vec<Value>> {
    let entries = live.at("metadata.managedFields").as_array()?;
    let (mut ours, mut others) = (None::<Value>, Vec::new());
    let mut taken: Vec<&Value> = Vec::new();
    for entry in entries {
        let text = |field: &str| entry.at(field).as_str().unwrap_or_default();
        let (name, operation) = (text("manager"), text("operation"));
        if !text("subresource").is_empty() {
            others.push(entry.clone());
        } else if name == manager && operation == "Apply" {
            ours = Some(entry.clone());
        } else if is_taken(name, operation, manager, overridden) {
            taken.push(entry);
        } else {
            others.push(entry.clone());
        }
    }
    let first = *taken.first()?;
    let mut entry = ours.unwrap_or_else(|| {
        let mut entry = first.clone();
        if let Some(fields) = entry.as_object_mut() {
            fields.insert("manager".to_owned(), json!(manager));
            fields.insert("operation".to_owned(), json!("Apply"));
        }
        entry
    });
    for other in taken {
        if let (Some(into), Some(from)) = (
            entry.get_mut("fieldsV1").and_then(Value::as_object_mut),
            other.at("fieldsV1").as_object(),
        ) {
            merge(into, from);
        }
    }
    others.insert(0, entry);
    Some(others)
}

/// Which managers write in our stead: `kubectl` in all its forms, the entry that server-side apply
/// makes of the time before it, ourselves by other means, and whom the flags name.
fn is_taken(name: &str, operation: &str, manager: &str, overridden: &[String]) -> bool {
    name.starts_with("kubectl")
        || (operation == "Update"
            && (name.starts_with("before-first-apply") || name.starts_with(manager)))
        || overridden.iter().any(|prefix| name.starts_with(prefix.as_str()))
}

fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            (Some(_), _) => {}
            (None, value) => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields})
    }

    fn live(entries: &[Value]) -> Value {
        json!({"metadata": {"resourceVersion": "7", "managedFields": entries}})
    }

    #[test]
    fn kubectl_and_own_updates_become_our_apply_entry() {
        let live = live(&[
            entry("kubectl-client-side-apply", "Update", json!({"f:data": {"f:a": {}}})),
            entry("ours", "Apply", json!({"f:data": {"f:b": {}}})),
            entry("ours", "Update", json!({"f:data": {"f:c": {}}})),
            entry("autoscaler", "Update", json!({"f:data": {"f:d": {}}})),
        ]);
        assert_eq!(
            patch(&live, &json!({}), "ours", &[]),
            [
                json!({"op": "replace", "path": "/metadata/managedFields", "value": [
                    entry("ours", "Apply", json!({"f:data": {"f:a": {}, "f:b": {}, "f:c": {}}})),
                    entry("autoscaler", "Update", json!({"f:data": {"f:d": {}}})),
                ]}),
                json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}),
            ]
        );
    }

    #[test]
    fn others_and_subresources_are_left() {
        let mut status = entry("kubectl", "Update", json!({"f:status": {}}));
        status["subresource"] = json!("status");
        let live = live(&[
            status,
            entry("flux-client-side-apply", "Apply", json!({})),
            entry("ours", "Apply", json!({})),
        ]);
        assert_eq!(patch(&live, &json!({}), "ours", &[]), Vec::<Value>::new());
        assert_eq!(patch(&live, &json!({}), "ours", &["flux-client".to_owned()]).len(), 2);
    }

    #[test]
    fn all_managers_move_to_the_version_that_is_applied() {
        let live = live(&[entry("ours", "Apply", json!({})), entry("other", "Update", json!({}))]);
        assert_eq!(migration(&live, "v1"), Vec::<Value>::new());
        let [fields, version] = <[Value; 2]>::try_from(migration(&live, "example.com/v2")).unwrap();
        let versions: Vec<&Value> =
            fields["value"].as_array().unwrap().iter().map(|e| &e["apiVersion"]).collect();
        assert_eq!(versions, ["example.com/v2", "example.com/v2"]);
        assert_eq!(version["value"], "7");
    }

    #[test]
    fn legacy_metadata_goes_unless_the_source_has_it() {
        let key = "kubectl.kubernetes.io/last-applied-configuration";
        let live = json!({"metadata": {"resourceVersion": "7", "annotations": {key: "{}"}}});
        let removed = json!({
            "op": "remove",
            "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
        });
        assert_eq!(patch(&live, &json!({}), "ours", &[]).first(), Some(&removed));
        assert!(patch(&live, &live, "ours", &[]).is_empty());
    }
}
