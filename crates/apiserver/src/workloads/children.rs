//! The objects that a workload controls.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Subject;
use super::status::MANAGER;
use crate::core::Core;
use crate::object;
use crate::registry::Resource;
use crate::store::{Key, Stored};
use crate::write::{DeleteOptions, Propagation, Write};

/// Pods one workload may have here. Whoever asks for more gets these, and is told why the rest is missing.
pub(super) const MAX_PODS: usize = 1000;

/// The children of a kind that `subject` controls.
pub(super) fn of(subject: &Subject<'_>, resource: &Resource) -> Vec<Stored> {
    let references = subject.core.store.with_index(|index| index.dependents(subject.uid()));
    let in_shelf = references.into_iter().filter(|r| r.shelf == resource.shelf);
    let live = in_shelf.filter_map(|r| subject.core.store.get(r.shelf, &r.key));
    let uid =
        |child: &Stored| object::controller(&child.value)?.get("uid")?.as_str().map(str::to_owned);
    live.filter(|child| uid(child).as_deref() == Some(subject.uid())).collect()
}

/// The owner reference that makes `subject` the controller.
pub(super) fn owner(subject: &Subject<'_>) -> Value {
    json!([{
        "apiVersion": subject.resource.api_version(),
        "kind": subject.resource.kind,
        "name": subject.name(),
        "uid": subject.uid(),
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

/// Creates a child; a refusal is logged, and tried again at the owner's next change.
pub(super) fn create(core: &Core, resource: &Resource, object: Value) -> Option<Stored> {
    let namespace = object::namespace(&object).to_owned();
    let mut write = Write::controller(core, resource, "", MANAGER);
    match write.create(&namespace, object) {
        Ok(stored) => Some(stored),
        Err(why) => {
            if why.reason != "AlreadyExists" {
                tracing::warn!(error = %why, "the simulation cannot create an object");
            }
            None
        }
    }
}

/// Deletes a child and, in the background, what it controls.
pub(super) fn delete(core: &Core, resource: &Resource, child: &Stored, grace: Option<i64>) {
    let key = Key::new(object::namespace(&child.value), object::name(&child.value));
    let options = DeleteOptions {
        propagation: Some(Propagation::Background),
        uid: object::uid(&child.value).map(str::to_owned),
        grace,
        ..DeleteOptions::default()
    };
    if let Err(why) = Write::controller(core, resource, "", MANAGER).delete(&key, &options)
        && why.reason != "NotFound"
    {
        tracing::warn!(error = %why, "the simulation cannot delete an object");
    }
}

/// How a new Pod gets its name.
#[derive(Debug, Clone, Copy)]
pub(super) enum PodName<'a> {
    Fixed(&'a str),
    Prefix(&'a str),
}

/// A Pod of `subject`'s template.
pub(super) fn pod(subject: &Subject<'_>, name: PodName<'_>, labels: &[(&str, &str)]) -> Value {
    let template = subject.value().pointer("/spec/template").cloned().unwrap_or_else(|| json!({}));
    let mut metadata =
        template.get("metadata").cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
    match name {
        PodName::Fixed(name) => object::set_field(&mut metadata, "name", Some(name.into())),
        PodName::Prefix(prefix) => {
            object::set_field(&mut metadata, "generateName", Some(prefix.into()));
        }
    }
    object::set_field(&mut metadata, "namespace", Some(subject.namespace().into()));
    object::set_field(&mut metadata, "ownerReferences", Some(owner(subject)));
    object::set_field(&mut metadata, "creationTimestamp", None);
    if !labels.is_empty() {
        let mut all =
            metadata.get("labels").cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
        for (key, value) in labels {
            object::set_field(&mut all, key, Some((*value).into()));
        }
        object::set_field(&mut metadata, "labels", Some(all));
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.get("spec") })
}

/// A short, stable name for a template, of the characters that generated names have.
pub(super) fn template_hash(template: &Value) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut text = String::new();
    canonical(template, &mut text);
    let digest = Sha256::digest(text.as_bytes());
    let letters = digest.iter().filter_map(|b| ALPHABET.get(usize::from(*b) % ALPHABET.len()));
    letters.take(10).map(|b| char::from(*b)).collect()
}

/// JSON with sorted keys and without what says nothing, whatever order the map keeps.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<(&String, &Value)> =
                map.iter().filter(|(_, v)| !v.is_null()).collect();
            fields.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (key, value) in fields {
                out.push_str(key);
                out.push(':');
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(list) => {
            out.push('[');
            for item in list {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// How a set of Pods does.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) all: i64,
    pub(super) ready: i64,
}

/// Counts Pods that are not on their way out.
pub(super) fn count<'p>(pods: impl IntoIterator<Item = &'p Stored>) -> Count {
    let mut count = Count::default();
    for pod in pods {
        if !object::is_deleting(&pod.value) {
            count.all += 1;
            count.ready += i64::from(super::pod::is_ready(&pod.value));
        }
    }
    count
}
