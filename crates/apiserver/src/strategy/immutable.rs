//! What may never change in the built-in kinds, with the real server's messages.

use serde_json::{Value, json};

use crate::failure::Cause;
use crate::registry::Resource;

const IMMUTABLE: &str = "field is immutable";

/// How a change of a field is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// `Invalid value: <new value>: <words>`
    Invalid(&'static str),
    /// `Forbidden: <words>`
    Forbidden(&'static str),
    /// `Invalid value: null: field is immutable`
    Hidden,
}

use Refusal::{Forbidden, Hidden, Invalid};

/// (group, kind, field, refusal)
const FIELDS: &[(&str, &str, &str, Refusal)] = &[
    ("apps", "Deployment", "spec.selector", Invalid(IMMUTABLE)),
    ("apps", "ReplicaSet", "spec.selector", Invalid(IMMUTABLE)),
    ("apps", "DaemonSet", "spec.selector", Invalid(IMMUTABLE)),
    ("apps", "StatefulSet", "spec.selector", Invalid(IMMUTABLE)),
    ("apps", "StatefulSet", "spec.volumeClaimTemplates", Invalid(IMMUTABLE)),
    ("apps", "StatefulSet", "spec.serviceName", Invalid(IMMUTABLE)),
    ("apps", "StatefulSet", "spec.podManagementPolicy", Invalid(IMMUTABLE)),
    ("apps", "ControllerRevision", "data", Invalid(IMMUTABLE)),
    ("batch", "Job", "spec.selector", Invalid(IMMUTABLE)),
    ("batch", "Job", "spec.template", Invalid(IMMUTABLE)),
    ("batch", "Job", "spec.completionMode", Invalid(IMMUTABLE)),
    ("batch", "Job", "spec.podFailurePolicy", Invalid(IMMUTABLE)),
    ("batch", "Job", "spec.backoffLimitPerIndex", Invalid(IMMUTABLE)),
    ("batch", "Job", "spec.managedBy", Invalid(IMMUTABLE)),
    ("batch", "Job", "spec.successPolicy", Invalid(IMMUTABLE)),
    ("", "Secret", "type", Invalid(IMMUTABLE)),
    ("discovery.k8s.io", "EndpointSlice", "addressType", Invalid(IMMUTABLE)),
    ("networking.k8s.io", "IngressClass", "spec.controller", Invalid(IMMUTABLE)),
    ("node.k8s.io", "RuntimeClass", "handler", Invalid(IMMUTABLE)),
    ("rbac.authorization.k8s.io", "RoleBinding", "roleRef", Invalid(IMMUTABLE)),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", "roleRef", Invalid(IMMUTABLE)),
    ("scheduling.k8s.io", "PriorityClass", "value", Forbidden("may not be changed in an update.")),
    ("scheduling.k8s.io", "PriorityClass", "preemptionPolicy", Invalid(IMMUTABLE)),
    ("storage.k8s.io", "StorageClass", "provisioner", Hidden),
    ("storage.k8s.io", "StorageClass", "parameters", Hidden),
    ("storage.k8s.io", "StorageClass", "reclaimPolicy", Hidden),
    ("storage.k8s.io", "StorageClass", "volumeBindingMode", Hidden),
    ("storage.k8s.io", "CSIDriver", "spec.attachRequired", Invalid(IMMUTABLE)),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "spec.scope", Invalid(IMMUTABLE)),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "spec.group", Invalid(IMMUTABLE)),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "spec.names.kind", Invalid(IMMUTABLE)),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "spec.names.plural", Invalid(IMMUTABLE)),
];

/// What of an update is refused.
pub(super) fn check(resource: &Resource, old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (group, kind, field, refusal) in FIELDS {
        if !resource.is(group, kind) {
            continue;
        }
        let pointer = format!("/{}", field.replace('.', "/"));
        let (before, after) = (old.pointer(&pointer), new.pointer(&pointer));
        if !same(before, after) && !excused(field, old) {
            causes.push(match refusal {
                Invalid(words) => Cause::invalid(field, after.unwrap_or(&Value::Null), words),
                Forbidden(words) => Cause::forbidden(field, words),
                Hidden => Cause::invalid(field, &Value::Null, IMMUTABLE),
            });
        }
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "ConfigMap" | "Secret") => causes.extend(frozen_data(old, new)),
        ("", "Service") => causes.extend(cluster_ips(old, new)),
        ("", "PersistentVolumeClaim") => causes.extend(claim(old, new)),
        ("", "PersistentVolume") => causes.extend(volume(old, new)),
        ("", "Pod") => causes.extend(pod(old, new)),
        ("batch", "Job") => causes.extend(completions(old, new)),
        _ => {}
    }
    causes
}

/// Absent and empty are the same to Go.
fn same(before: Option<&Value>, after: Option<&Value>) -> bool {
    let empty = |v: Option<&Value>| match v {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    };
    before == after || (empty(before) && empty(after))
}

/// A suspended Job that never ran may still get another template (the real server takes only its
/// scheduling fields, resources and metadata).
fn excused(field: &str, old: &Value) -> bool {
    field == "spec.template"
        && old.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true)
        && old.pointer("/status/startTime").is_none_or(Value::is_null)
}

fn frozen_data(old: &Value, new: &Value) -> Vec<Cause> {
    const WORDS: &str = "field is immutable when `immutable` is set";
    if old.get("immutable").and_then(Value::as_bool) != Some(true) {
        return Vec::new();
    }
    let changed = |field: &&&str| !same(old.get(**field), new.get(**field));
    ["immutable", "data", "binaryData"]
        .iter()
        .filter(changed)
        .map(|f| Cause::forbidden(f, WORDS))
        .collect()
}

fn cluster_ips(old: &Value, new: &Value) -> Vec<Cause> {
    let kind = |service: &Value| {
        service.pointer("/spec/type").and_then(Value::as_str) == Some("ExternalName")
    };
    let ips = |service: &Value| {
        service.pointer("/spec/clusterIPs").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    if kind(old) || kind(new) {
        return Vec::new();
    }
    let (before, after) = (ips(old), ips(new));
    let Some(first) = before.first() else { return Vec::new() };
    match after.first() {
        None => vec![Cause::invalid(
            "spec.clusterIPs[0]",
            &json!(after),
            "primary clusterIP can not be unset",
        )],
        Some(now) if now != first => {
            vec![Cause::invalid("spec.clusterIPs[0]", &json!(after), "may not change once set")]
        }
        Some(_) => Vec::new(),
    }
}

fn claim(old: &Value, new: &Value) -> Vec<Cause> {
    let mut before = old.get("spec").cloned().unwrap_or_default();
    let mut after = new.get("spec").cloned().unwrap_or_default();
    if before.get("volumeName").is_none_or(|v| v.as_str() == Some("")) {
        let name = after.get("volumeName").cloned();
        crate::object::set_field(&mut before, "volumeName", name);
    }
    if new.pointer("/status/phase").and_then(Value::as_str) == Some("Bound") {
        let size = before.pointer("/resources/requests/storage").cloned();
        if let Some(requests) = after.pointer_mut("/resources/requests") {
            crate::object::set_field(requests, "storage", size);
        }
        let class = before.get("volumeAttributesClassName").cloned();
        crate::object::set_field(&mut after, "volumeAttributesClassName", class);
    }
    if before == after {
        return Vec::new();
    }
    let words = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
    vec![Cause::forbidden("spec", words)]
}

/// The sources of a volume are all fields of its spec that are not known to be something else.
fn volume(old: &Value, new: &Value) -> Vec<Cause> {
    const OTHERS: [&str; 9] = [
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    ];
    let source = |volume: &Value| {
        let mut spec = volume.get("spec").cloned().unwrap_or_default();
        for field in OTHERS {
            crate::object::set_field(&mut spec, field, None);
        }
        spec
    };
    if source(old) == source(new) {
        return Vec::new();
    }
    let words = "spec.persistentvolumesource is immutable after creation";
    vec![Cause::forbidden("spec.persistentvolumesource", words)]
}

fn pod(old: &Value, new: &Value) -> Vec<Cause> {
    if rest_of_pod(old) == rest_of_pod(new) {
        return Vec::new();
    }
    let words = "pod updates may not change fields other than `spec.containers[*].image`,\
        `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
        tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
    vec![Cause::forbidden("spec", words)]
}

/// A Pod's spec without what may change. Nodes are assigned through the binding, gates taken away.
fn rest_of_pod(pod: &Value) -> Value {
    let mut spec = pod.get("spec").cloned().unwrap_or_default();
    for field in [
        "activeDeadlineSeconds",
        "tolerations",
        "nodeName",
        "schedulingGates",
        "ephemeralContainers",
    ] {
        crate::object::set_field(&mut spec, field, None);
    }
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            crate::object::set_field(container, "image", None);
            crate::object::set_field(container, "resources", None);
        }
    }
    spec
}

/// An Indexed Job may be resized with its parallelism.
fn completions(old: &Value, new: &Value) -> Vec<Cause> {
    let at = |job: &Value, field: &str| {
        job.pointer(&format!("/spec/{field}")).cloned().unwrap_or_default()
    };
    let elastic =
        at(new, "completionMode") == "Indexed" && at(new, "completions") == at(new, "parallelism");
    if at(old, "completions") == at(new, "completions") || elastic {
        return Vec::new();
    }
    vec![Cause::invalid("spec.completions", &at(new, "completions"), IMMUTABLE)]
}
