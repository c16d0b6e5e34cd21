//! The end of a namespace: its content goes first.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::core::Core;
use crate::object;
use crate::store::{Key, Stored};
use crate::write::{DeleteOptions, Propagation, UpdateMode, Write};

const MANAGER: &str = "kube-controller-manager";

/// Deletes what is in a terminating namespace; when nothing is left, the namespace itself.
pub(super) fn empty(core: &Arc<Core>, live: &Stored) {
    let name = object::name(&live.value);
    let registry = core.registry();
    let options =
        DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
    let mut left: Vec<(String, usize)> = Vec::new();
    let mut finalizers: std::collections::BTreeMap<String, usize> =
        std::collections::BTreeMap::new();
    for resource in registry.stored().into_iter().filter(|r| r.namespaced) {
        let (_, objects) = core.store.list(resource.shelf, Some(name));
        for stored in objects.iter().filter(|o| !object::is_deleting(&o.value)) {
            let key = Key::new(name, object::name(&stored.value));
            super::garbage::report(
                Write::controller(core, &resource, "", MANAGER).delete(&key, &options).map(|_| ()),
            );
        }
        let (_, objects) = core.store.list(resource.shelf, Some(name));
        if !objects.is_empty() {
            left.push((resource.about("").qualified(), objects.len()));
        }
        for finalizer in objects.iter().flat_map(|o| object::finalizers(&o.value)) {
            *finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
    if left.is_empty() {
        remove_finalizer(core, name);
    } else {
        report_content(core, name, &left, &finalizers);
    }
}

fn remove_finalizer(core: &Arc<Core>, name: &str) {
    let Some(namespaces) = core.builtin("v1", "namespaces") else { return };
    let mut write = Write::controller(core, &namespaces, "finalize", MANAGER);
    let done = write.update(&Key::new("", name), UpdateMode::default(), &mut |live| {
        let mut object = live.cloned().unwrap_or_default();
        object::remove_meta(&mut object, "resourceVersion");
        object::set_field(&mut object, "spec", Some(json!({})));
        Ok(object)
    });
    super::garbage::report(done.map(|_| ()));
}

/// The conditions by which `kubectl get namespace -o yaml` tells what holds a namespace up.
fn report_content(
    core: &Arc<Core>,
    name: &str,
    left: &[(String, usize)],
    finalizers: &std::collections::BTreeMap<String, usize>,
) {
    let Some(namespaces) = core.builtin("v1", "namespaces") else { return };
    let content: Vec<String> =
        left.iter().map(|(what, n)| format!("{what} has {n} resource instances")).collect();
    let held: Vec<String> =
        finalizers.iter().map(|(f, n)| format!("{f} in {n} resource instances")).collect();
    let now = core.now_text();
    let condition = |kind: &str, set: bool, reasons: (&str, &str), message: String| {
        json!({ "type": kind, "status": if set { "True" } else { "False" }, "lastTransitionTime": now,
            "reason": if set { reasons.0 } else { reasons.1 }, "message": message })
    };
    let conditions = vec![
        condition(
            "NamespaceDeletionDiscoveryFailure",
            false,
            ("", "ResourcesDiscovered"),
            "All resources successfully discovered".to_owned(),
        ),
        condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            false,
            ("", "ParsedGroupVersions"),
            "All legacy kube types successfully parsed".to_owned(),
        ),
        condition(
            "NamespaceDeletionContentFailure",
            false,
            ("", "ContentDeleted"),
            "All content successfully deleted, may be waiting on finalization".to_owned(),
        ),
        condition(
            "NamespaceContentRemaining",
            true,
            ("SomeResourcesRemain", ""),
            format!("Some resources are remaining: {}", content.join(", ")),
        ),
        condition(
            "NamespaceFinalizersRemaining",
            !held.is_empty(),
            ("SomeFinalizersRemain", "ContentHasNoFinalizers"),
            if held.is_empty() {
                "All content-preserving finalizers finished".to_owned()
            } else {
                format!(
                    "Some content in the namespace has finalizers remaining: {}",
                    held.join(", ")
                )
            },
        ),
    ];
    let mut write = Write::controller(core, &namespaces, "status", MANAGER);
    let done = write.update(&Key::new("", name), UpdateMode::default(), &mut |live| {
        let mut object = live.cloned().unwrap_or_default();
        object::remove_meta(&mut object, "resourceVersion");
        if same_but_transition(object.pointer("/status/conditions"), &conditions) {
            return Ok(object);
        }
        object::set_field(
            &mut object,
            "status",
            Some(json!({ "phase": "Terminating", "conditions": conditions })),
        );
        Ok(object)
    });
    super::garbage::report(done.map(|_| ()));
}

fn same_but_transition(old: Option<&Value>, new: &[Value]) -> bool {
    let said =
        |c: &Value| (c.get("type").cloned(), c.get("status").cloned(), c.get("message").cloned());
    old.and_then(Value::as_array).is_some_and(|old| old.iter().map(said).eq(new.iter().map(said)))
}
