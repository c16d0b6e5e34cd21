//! The rules for `metadata` that all kinds share (`ValidateObjectMeta` and `ValidateObjectMetaUpdate`).

use serde_json::Value;

use crate::failure::Cause;
use crate::names::{self, NameRule};
use crate::object;
use crate::registry::Resource;

/// All annotations of an object together, in bytes.
const MAX_ANNOTATIONS: usize = 256 * 1024;

pub(super) fn check(resource: &Resource, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = object::name(new);
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else if old.is_none() {
        let custom = resource.custom.is_some();
        let rule = if custom {
            NameRule::Subdomain
        } else {
            NameRule::of(&resource.group, &resource.kind)
        };
        if let Some(why) = rule.check(name) {
            causes.push(Cause::invalid("metadata.name", &name.into(), &why));
        }
    }
    let metadata = object::metadata(new);
    let map = |field: &str| metadata.and_then(|m| m.get(field)).and_then(Value::as_object);
    causes.extend(labels("metadata.labels", map("labels")));
    causes.extend(annotations(map("annotations")));
    causes.extend(finalizers(new, old, resource.custom.is_some()));
    causes.extend(owners(new));
    if let Some(old) = old {
        causes.extend(unchanged(old, new));
    }
    causes
}

/// Keys and values of labels.
pub(super) fn labels(field: &str, labels: Option<&serde_json::Map<String, Value>>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in labels.into_iter().flatten() {
        if let Some(why) = qualified(key) {
            causes.push(Cause::invalid(field, &key.as_str().into(), &why));
        }
        let text = value.as_str().unwrap_or_default();
        if text.len() > names::LABEL_MAX {
            causes.push(Cause::invalid(field, value, "must be no more than 63 characters"));
        } else if !text.is_empty() && !names::is_qualified_part(text) {
            causes.push(Cause::invalid(field, value, names::LABEL_VALUE));
        }
    }
    causes
}

/// Why a text is not a qualified name (`prefix/name`), if it is not.
fn qualified(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(prefix) = prefix
        && !names::is_dns_subdomain(prefix)
    {
        return Some(format!("prefix part {}", names::DNS_SUBDOMAIN));
    }
    if name.is_empty() {
        return Some("name part must be non-empty".to_owned());
    }
    if name.len() > names::LABEL_MAX {
        return Some("name part must be no more than 63 characters".to_owned());
    }
    (!names::is_qualified_part(name)).then(|| names::QUALIFIED.to_owned())
}

fn annotations(annotations: Option<&serde_json::Map<String, Value>>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut total = 0;
    for (key, value) in annotations.into_iter().flatten() {
        if let Some(why) = qualified(&key.to_lowercase()) {
            causes.push(Cause::invalid("metadata.annotations", &key.as_str().into(), &why));
        }
        total += key.len() + value.as_str().map_or(0, str::len);
    }
    if total > MAX_ANNOTATIONS {
        causes.push(Cause::too_long("metadata.annotations", MAX_ANNOTATIONS));
    }
    causes
}

fn finalizers(new: &Value, old: Option<&Value>, custom: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    let standard = ["kubernetes", crate::write::FOREGROUND, crate::write::ORPHAN];
    for (at, finalizer) in object::finalizers(new).enumerate() {
        let field = format!("metadata.finalizers[{at}]");
        if let Some(why) = qualified(finalizer) {
            causes.push(Cause::invalid(&field, &finalizer.into(), &why));
        } else if !finalizer.contains('/') && !standard.contains(&finalizer) && !custom {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(&field, &finalizer.into(), why));
        }
    }
    if object::has_finalizer(new, crate::write::FOREGROUND)
        && object::has_finalizer(new, crate::write::ORPHAN)
    {
        let both: Vec<&str> = object::finalizers(new).collect();
        let why = "finalizer orphan and foregroundDeletion cannot be both set";
        causes.push(Cause::invalid("metadata.finalizers", &both.into(), why));
    }
    if let Some(old) = old.filter(|old| object::is_deleting(old)) {
        let added: Vec<String> = object::finalizers(new)
            .filter(|f| !object::has_finalizer(old, f))
            .map(|f| format!("\"{f}\""))
            .collect();
        if !added.is_empty() {
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            causes.push(Cause::forbidden("metadata.finalizers", &why));
        }
    }
    causes
}

fn owners(new: &Value) -> Vec<Cause> {
    const FIELD: &str = "metadata.ownerReferences";
    let mut causes = Vec::new();
    let mut controllers: Vec<&Value> = Vec::new();
    for (at, owner) in object::owners(new).enumerate() {
        let text = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default();
        if text("apiVersion").is_empty() {
            causes.push(Cause::required(&format!("{FIELD}[{at}].apiVersion"), "must not be empty"));
        }
        for field in ["kind", "name", "uid"] {
            if text(field).is_empty() {
                causes
                    .push(Cause::required(&format!("{FIELD}[{at}].{field}"), "must not be empty"));
            }
        }
        if owner.get("controller").and_then(Value::as_bool) == Some(true) {
            controllers.push(owner);
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        let name = |o: &Value| {
            format!(
                "{}/{}",
                object::kind(o),
                o.get("name").and_then(Value::as_str).unwrap_or_default()
            )
        };
        let why = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
            name(first),
            name(second)
        );
        let all: Vec<Value> = object::owners(new).cloned().collect();
        causes.push(Cause::invalid(FIELD, &all.into(), &why));
    }
    causes
}

fn unchanged(old: &Value, new: &Value) -> Vec<Cause> {
    let field = |object: &Value, name: &str| {
        object::metadata(object).and_then(|m| m.get(name)).cloned().unwrap_or_default()
    };
    ["uid", "creationTimestamp"]
        .iter()
        .filter(|name| field(old, name) != field(new, name))
        .map(|name| {
            Cause::invalid(&format!("metadata.{name}"), &field(new, name), "field is immutable")
        })
        .collect()
}
