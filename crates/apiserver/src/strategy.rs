//! What differs between the kinds when an object is written: what is reset, what counts as a change of
//! spec, what may never change, what admission fills in.

pub(crate) mod admission;
mod definition;
mod immutable;
mod metadata;

use serde_json::Value;

use crate::core::Core;
use crate::failure::{Cause, Failure};
use crate::object;
use crate::registry::Resource;
use crate::store::Stored;

/// System fields of a new object.
pub(crate) fn prepare_create(core: &Core, resource: &Resource, object: &mut Value) {
    let uid = core.random.uid();
    object::set_meta(object, "uid", uid);
    object::set_meta(object, "creationTimestamp", core.now_text());
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        object::remove_meta(object, field);
    }
    if resource.has_subresource("status") {
        object::set_field(object, "status", None);
    }
    if has_generation(resource) {
        object::set_meta(object, "generation", 1);
    } else {
        object::remove_meta(object, "generation");
    }
}

/// What a cluster's admission chain adds to a new object.
pub(crate) fn admit_create(
    core: &Core,
    resource: &Resource,
    object: &mut Value,
) -> Result<(), Failure> {
    admission::create(core, resource, object)
}

/// Keeps what this writer may not touch.
pub(crate) fn prepare_update(resource: &Resource, subresource: &str, old: &Value, new: &mut Value) {
    for field in ["uid", "creationTimestamp"] {
        if object::metadata(new).and_then(|m| m.get(field)).is_none_or(Value::is_null) {
            object::copy_meta(new, old, field);
        }
    }
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName"] {
        object::copy_meta(new, old, field);
    }
    if object::name(new).is_empty() {
        object::copy_meta(new, old, "name");
    }
    object::remove_meta(new, "selfLink");
    if subresource == "status" {
        let status = new.get("status").cloned();
        let managed = object::metadata(new).and_then(|m| m.get("managedFields")).cloned();
        let version = object::metadata(new).and_then(|m| m.get("resourceVersion")).cloned();
        *new = old.clone();
        object::set_field(new, "status", status);
        for (field, value) in [("managedFields", managed), ("resourceVersion", version)] {
            if let Some(value) = value {
                object::set_meta(new, field, value);
            }
        }
    } else if resource.has_subresource("status") {
        object::set_field(new, "status", old.get("status").cloned());
    }
}

/// What admission keeps or adds when an object changes.
pub(crate) fn admit_update(core: &Core, resource: &Resource, old: &Value, new: &mut Value) {
    admission::update(core, resource, old, new);
}

/// A changed spec (for most kinds: anything outside metadata and status) is a new generation.
pub(crate) fn bump_generation(resource: &Resource, old: &Value, new: &mut Value) {
    if has_generation(resource) && spec_changed(resource, old, new) {
        object::set_meta(new, "generation", object::generation(old) + 1);
    }
}

fn spec_changed(resource: &Resource, old: &Value, new: &Value) -> bool {
    // An EndpointSlice's labels say whose it is.
    let labels = |o: &Value| object::metadata(o).and_then(|m| m.get("labels")).cloned();
    if resource.is("discovery.k8s.io", "EndpointSlice") && labels(old) != labels(new) {
        return true;
    }
    let ignored = |key: &str| match key {
        "metadata" | "apiVersion" | "kind" => true,
        "status" => resource.has_subresource("status"),
        _ => false,
    };
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return true };
    let differs = |(key, value): (&String, &Value)| !ignored(key) && old.get(key) != Some(value);
    new.iter().any(differs) || old.keys().any(|key| !ignored(key) && !new.contains_key(key))
}

/// Kinds whose updates must name the version they replace (`AllowUnconditionalUpdate` is false).
pub(crate) fn needs_version(resource: &Resource) -> bool {
    if resource.custom.is_some() {
        return true;
    }
    match resource.group.as_str() {
        "policy"
        | "coordination.k8s.io"
        | "admissionregistration.k8s.io"
        | "apiregistration.k8s.io"
        | "apiextensions.k8s.io"
        | "node.k8s.io"
        | "flowcontrol.apiserver.k8s.io" => true,
        "storage.k8s.io" => {
            matches!(resource.kind.as_str(), "CSIDriver" | "CSINode" | "VolumeAttachment")
        }
        _ => false,
    }
}

/// Kinds whose strategy keeps a generation.
fn has_generation(resource: &Resource) -> bool {
    if resource.custom.is_some() {
        return true;
    }
    match resource.group.as_str() {
        "" => matches!(resource.kind.as_str(), "Pod" | "PodTemplate" | "ReplicationController"),
        "apps" => resource.kind != "ControllerRevision",
        "batch"
        | "policy"
        | "flowcontrol.apiserver.k8s.io"
        | "admissionregistration.k8s.io"
        | "apiextensions.k8s.io"
        | "scheduling.k8s.io"
        | "discovery.k8s.io" => true,
        "networking.k8s.io" => {
            matches!(resource.kind.as_str(), "Ingress" | "IngressClass" | "NetworkPolicy")
        }
        "resource.k8s.io" => matches!(resource.kind.as_str(), "ResourceSlice" | "DeviceClass"),
        _ => false,
    }
}

/// What is wrong with an object beyond its schema.
pub(crate) fn validate(
    resource: &Resource,
    subresource: &str,
    new: &Value,
    old: Option<&Value>,
) -> Vec<Cause> {
    let mut causes = metadata::check(resource, new, old);
    if resource.custom.is_some() || !subresource.is_empty() {
        return causes;
    }
    if resource.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        causes.extend(definition::check(new));
    }
    causes
}

/// What of an update touches fields that never change, and whether that is said after everything else that is wrong:
/// these groups check the new object as a whole first.
pub(crate) fn immutable(
    resource: &Resource,
    subresource: &str,
    new: &Value,
    old: Option<&Value>,
) -> (Vec<Cause>, bool) {
    let last = matches!(resource.group.as_str(), "apps" | "batch" | "rbac.authorization.k8s.io");
    let causes = match old {
        Some(old) if resource.custom.is_none() && subresource.is_empty() => {
            immutable::check(resource, old, new)
        }
        _ => Vec::new(),
    };
    (causes, last)
}

/// The immortal namespaces cannot be deleted.
pub(crate) fn admit_delete(resource: &Resource, object: &Value) -> Result<(), Failure> {
    let name = object::name(object);
    if resource.is("", "Namespace") && matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(Failure::forbidden(resource.about(name), "this namespace may not be deleted"));
    }
    Ok(())
}

/// What must follow a creation at once.
pub(crate) fn after_create(core: &Core, resource: &Resource, stored: &Stored) {
    if resource.is("", "Namespace") {
        crate::bootstrap::furnish(core, object::name(&stored.value));
    }
    if resource.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        crate::crd::installed(core, stored);
    }
}

pub(crate) fn after_update(core: &Core, resource: &Resource, old: &Stored, new: &Stored) {
    if resource.is("apiextensions.k8s.io", "CustomResourceDefinition")
        && object::generation(&old.value) != object::generation(&new.value)
    {
        crate::crd::installed(core, new);
    }
}

pub(crate) fn after_delete(core: &Core, resource: &Resource, _last: &Stored) {
    if resource.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        core.reload_custom_resources();
    }
}
