//! What the objects say of themselves, and when there is nothing left to wait for. Pure: objects in, verdict out.

use std::collections::BTreeMap;
use std::fmt;

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::kinds::{GIT_REPOSITORY, KUSTOMIZATION, Kind};
use crate::objects;
use crate::output::{self, Exit};

/// An object that a controller reconciles.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    /// Its kind.
    pub(super) kind: String,
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// How far an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Under way, or not looked at yet.
    Progressing,
    /// Needs others that are not ready: its source, or what it depends on.
    Waiting,
    /// Done, at the newest revision.
    Ready,
    /// Failed; the controller may try again.
    Failed,
    /// A person stopped it.
    Suspended,
}

/// An object's state, as a person wants to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// How far it is.
    pub(super) phase: Phase,
    /// The revision it is at, hashes shortened.
    pub(super) revision: String,
    /// What its controller says.
    pub(super) message: String,
    /// Its source and its dependencies.
    needs: Vec<Id>,
}

/// Everything that is reconciled, by kind, namespace and name.
pub(super) type Items = BTreeMap<Id, DynamicObject>;

/// The id of an object of this kind.
pub(super) fn id(kind: &Kind, object: &DynamicObject) -> Id {
    Id {
        kind: kind.kind.to_owned(),
        namespace: objects::namespace(object),
        name: object.name_any(),
    }
}

/// The state of one object among all.
pub(super) fn item(id: &Id, object: &DynamicObject, all: &Items) -> Item {
    let kustomization = id.kind == KUSTOMIZATION.kind;
    let revision = if kustomization { KUSTOMIZATION.revision } else { GIT_REPOSITORY.revision };
    let needs = if kustomization { needs(id, object) } else { Vec::new() };
    let message =
        objects::condition(object, "Ready").map_or("not looked at yet", |(_, message)| message);
    Item {
        phase: phase(object, &needs, all),
        revision: output::short_hashes(objects::text(object, revision)),
        message: output::short_hashes(message),
        needs,
    }
}

/// How everything ended, once nothing is under way any more.
///
/// Something that waits for what failed, or for what does not exist, will not go on by itself; something that waits for
/// what is ready is about to.
pub(super) fn settled(all: &Items) -> Option<Exit> {
    let items: BTreeMap<&Id, Item> =
        all.iter().map(|(id, object)| (id, item(id, object, all))).collect();
    let mut exit = Exit::Done;
    for item in items.values() {
        match item.phase {
            Phase::Ready | Phase::Suspended => {}
            Phase::Failed => exit = Exit::Failed,
            Phase::Progressing => return None,
            Phase::Waiting if item.needs.iter().all(|need| is_ready(need, &items)) => return None,
            Phase::Waiting => exit = Exit::Failed,
        }
    }
    (!items.is_empty()).then_some(exit)
}

fn is_ready(id: &Id, items: &BTreeMap<&Id, Item>) -> bool {
    items.get(id).is_some_and(|item| item.phase == Phase::Ready)
}

fn phase(object: &DynamicObject, needs: &[Id], all: &Items) -> Phase {
    if objects::suspended(object) {
        return Phase::Suspended;
    }
    let condition = |name| objects::condition(object, name).map_or("", |(status, _)| status);
    let observed = object.data.pointer("/status/observedGeneration").and_then(Value::as_i64);
    let current = observed == object.metadata.generation;
    if condition("Stalled") == "True" && current {
        return Phase::Failed;
    }
    match condition("Ready") {
        "True" if current && is_newest(object, needs, all) => Phase::Ready,
        "False" if reason(object) == "DependencyNotReady" => Phase::Waiting,
        "False" if needs.iter().any(|need| !says_ready(need, all)) => Phase::Waiting,
        "False" if retrying(object) || condition("Reconciling").is_empty() => Phase::Failed,
        _ => Phase::Progressing,
    }
}

/// True when what was applied is what the source has now; true for objects without a source among ours.
fn is_newest(object: &DynamicObject, needs: &[Id], all: &Items) -> bool {
    let offered = needs
        .iter()
        .find(|need| need.kind == GIT_REPOSITORY.kind)
        .and_then(|source| all.get(source));
    let Some(source) = offered else { return true };
    objects::text(source, GIT_REPOSITORY.revision) == objects::text(object, KUSTOMIZATION.revision)
}

fn says_ready(id: &Id, all: &Items) -> bool {
    let ready =
        |object| objects::condition(object, "Ready").is_some_and(|(status, _)| status == "True");
    all.get(id).is_some_and(ready)
}

fn retrying(object: &DynamicObject) -> bool {
    reason_of(object, "Reconciling") == "ProgressingWithRetry"
}

fn reason(object: &DynamicObject) -> &str {
    reason_of(object, "Ready")
}

fn reason_of<'a>(object: &'a DynamicObject, condition: &str) -> &'a str {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    let field =
        |entry: &'a Value, name| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut reasons =
        conditions.into_iter().flatten().filter(|entry| field(entry, "type") == condition);
    reasons.next().map_or("", |entry| field(entry, "reason"))
}

/// What a Kustomization cannot go on without.
fn needs(id: &Id, object: &DynamicObject) -> Vec<Id> {
    let spec = object.data.get("spec");
    let named = |reference: &Value, kind: &str| Id {
        kind: kind.to_owned(),
        namespace: reference
            .get("namespace")
            .and_then(Value::as_str)
            .unwrap_or(&id.namespace)
            .to_owned(),
        name: reference.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    let source = spec.and_then(|spec| spec.get("sourceRef"));
    let source = source.map(|source| {
        let kind = source.get("kind").and_then(Value::as_str).unwrap_or_default();
        named(source, kind)
    });
    let dependencies =
        spec.and_then(|spec| spec.get("dependsOn")).and_then(Value::as_array).into_iter().flatten();
    source.into_iter().chain(dependencies.map(|one| named(one, KUSTOMIZATION.kind))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Exit, Items, Phase, id, item, settled};
    use crate::kinds::{GIT_REPOSITORY, KUSTOMIZATION, Kind};

    fn add(items: &mut Items, kind: &Kind, name: &str, spec: Value, status: Value) {
        let object: kube::api::DynamicObject = serde_json::from_value(json!({
            "apiVersion": format!("{}/{}", kind.group, kind.version),
            "kind": kind.kind,
            "metadata": { "name": name, "namespace": "flux-system", "generation": 1 },
            "spec": spec,
            "status": status,
        }))
        .unwrap();
        items.insert(id(kind, &object), object);
    }

    fn ready(revision: &str) -> Value {
        json!({
            "observedGeneration": 1,
            "artifact": { "revision": revision },
            "lastAppliedRevision": revision,
            "conditions": [{ "type": "Ready", "status": "True", "reason": "Succeeded", "message": "done" }],
        })
    }

    fn failed(reason: &str) -> Value {
        json!({
            "observedGeneration": 1,
            "conditions": [
                { "type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry", "message": "again" },
                { "type": "Ready", "status": "False", "reason": reason, "message": "no" },
            ],
        })
    }

    fn applies(dependencies: &[&str]) -> Value {
        let dependencies: Vec<Value> =
            dependencies.iter().map(|name| json!({ "name": name })).collect();
        json!({ "sourceRef": { "kind": "GitRepository", "name": "source" }, "dependsOn": dependencies })
    }

    fn check(what: &str, build: impl FnOnce(&mut Items), expected: Option<Exit>) {
        let mut items = Items::new();
        build(&mut items);
        assert_eq!(settled(&items), expected, "{what}");
    }

    #[test]
    fn nothing_is_left_to_wait_for() {
        let source =
            |items: &mut Items, status| add(items, &GIT_REPOSITORY, "source", json!({}), status);
        let apply = |items: &mut Items, name: &str, on: &[&str], status| {
            add(items, &KUSTOMIZATION, name, applies(on), status);
        };
        check("nothing there", |_| {}, None);
        check("not looked at", |all| source(all, json!({})), None);
        check("fetched", |all| source(all, ready("a")), Some(Exit::Done));
        check(
            "cannot be fetched",
            |all| source(all, failed("GitOperationFailed")),
            Some(Exit::Failed),
        );
        let older = |all: &mut Items| {
            source(all, ready("b"));
            apply(all, "apps", &[], ready("a"));
        };
        check("an older revision is applied", older, None);
        let behind_failure = |all: &mut Items| {
            source(all, ready("a"));
            apply(all, "base", &[], failed("BuildFailed"));
            apply(all, "apps", &["base"], failed("DependencyNotReady"));
        };
        check("a dependency failed", behind_failure, Some(Exit::Failed));
        let about_to_go_on = |all: &mut Items| {
            source(all, ready("a"));
            apply(all, "base", &[], ready("a"));
            apply(all, "next", &["base"], json!({}));
            apply(all, "apps", &["next"], failed("DependencyNotReady"));
        };
        check("a dependency is under way", about_to_go_on, None);
        let missing = |all: &mut Items| {
            source(all, ready("a"));
            apply(all, "apps", &["nowhere"], failed("DependencyNotReady"));
        };
        check("a dependency does not exist", missing, Some(Exit::Failed));
    }

    #[test]
    fn a_suspended_object_holds_nobody_up() {
        let mut items = Items::new();
        add(&mut items, &GIT_REPOSITORY, "source", json!({ "suspend": true }), json!({}));
        let (id, object) = items.first_key_value().unwrap();
        assert_eq!(item(id, object, &items).phase, Phase::Suspended);
        assert_eq!(settled(&items), Some(Exit::Done));
    }
}
