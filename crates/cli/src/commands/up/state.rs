//! What the objects say of themselves, and when there is nothing left to wait for. Pure: objects in, verdict out.

use std::collections::BTreeMap;
use std::fmt;

use kube::ResourceExt;
use kube::api::DynamicObject;
use manifest::ObjectId;
use serde_json::Value;

use crate::kinds::{self, GIT_REPOSITORY, KUSTOMIZATION, Kind};
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
    /// Of a kind that no controller here reconciles.
    Unattended,
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

#[cfg(test)]
impl Item {
    /// An item that needs nothing and has no revision.
    pub(super) fn new(phase: Phase, message: &str) -> Self {
        Self { phase, revision: String::new(), message: message.to_owned(), needs: Vec::new() }
    }
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
    if !kustomization && id.kind != GIT_REPOSITORY.kind {
        return unattended(object);
    }
    let revision = if kustomization { KUSTOMIZATION.revision } else { GIT_REPOSITORY.revision };
    let mut needs = if kustomization { needs(id, object) } else { Vec::new() };
    let mut phase = phase(object, &needs, all);
    let mut message = objects::condition(object, "Ready")
        .map_or("not looked at yet", |(_, message)| message)
        .to_owned();
    if phase == Phase::Progressing && says(object, "Healthy") == "Unknown" {
        let waits_for: Vec<Id> = applied(object).filter(|id| is_unattended(id, all)).collect();
        if let Some(first) = waits_for.first() {
            message = format!("waits for {first}, which nothing here reconciles");
            phase = Phase::Waiting;
            needs.extend(waits_for);
        }
    }
    Item {
        phase,
        revision: output::short_hashes(objects::text(object, revision)),
        message: output::short_hashes(&message),
        needs,
    }
}

/// The state of an object whose controller is not part of this version.
fn unattended(object: &DynamicObject) -> Item {
    let phase = if objects::suspended(object) {
        Phase::Suspended
    } else if objects::text(object, "/spec/type") == "oci" {
        // A HelmRepository of this type only holds data; there is nothing to reconcile.
        Phase::Ready
    } else {
        Phase::Unattended
    };
    let message = "nothing here reconciles objects of this kind".to_owned();
    Item { phase, revision: String::new(), message, needs: Vec::new() }
}

fn is_unattended(id: &Id, all: &Items) -> bool {
    kinds::UNATTENDED.iter().any(|kind| kind.kind == id.kind)
        && all.get(id).is_some_and(|object| !objects::suspended(object))
}

/// What a Kustomization's inventory holds.
fn applied(object: &DynamicObject) -> impl Iterator<Item = Id> {
    let entries = object.data.pointer("/status/inventory/entries").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| {
        let id = ObjectId::from_inventory(entry.get("id")?.as_str()?).ok()?;
        Some(Id { kind: id.kind, namespace: id.namespace, name: id.name })
    })
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
            Phase::Failed | Phase::Unattended => exit = Exit::Failed,
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
    let condition = |name| says(object, name);
    let observed = object.data.pointer("/status/observedGeneration").and_then(Value::as_i64);
    let current = observed == object.metadata.generation;
    if condition("Stalled") == "True" && current {
        return Phase::Failed;
    }
    match condition("Ready") {
        "True" if current && is_newest(object, needs, all) => Phase::Ready,
        "False" if reason(object) == "DependencyNotReady" => Phase::Waiting,
        "False" if needs.iter().any(|need| !says_ready(need, all)) => Phase::Waiting,
        // It was visited before its source had anything; the next visit is about to come.
        "False" if reason(object) == "ArtifactFailed" && !attempted(object, needs, all) => {
            Phase::Progressing
        }
        "False" if retrying(object) || condition("Reconciling").is_empty() => Phase::Failed,
        _ => Phase::Progressing,
    }
}

/// True when what was applied is what the source has now; true for objects without a source among ours.
fn is_newest(object: &DynamicObject, needs: &[Id], all: &Items) -> bool {
    offered(needs, all)
        .is_none_or(|offered| offered == objects::text(object, KUSTOMIZATION.revision))
}

/// True when what the source has now was at least tried.
fn attempted(object: &DynamicObject, needs: &[Id], all: &Items) -> bool {
    let attempted = objects::text(object, "/status/lastAttemptedRevision");
    offered(needs, all).is_none_or(|offered| offered == attempted)
}

/// The revision that the source has now, if the source is among ours.
fn offered<'a>(needs: &[Id], all: &'a Items) -> Option<&'a str> {
    let source = needs.iter().find(|need| need.kind == GIT_REPOSITORY.kind)?;
    Some(objects::text(all.get(source)?, GIT_REPOSITORY.revision))
}

/// The status of a condition; nothing without one.
fn says<'a>(object: &'a DynamicObject, condition: &str) -> &'a str {
    objects::condition(object, condition).map_or("", |(status, _)| status)
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
    fn what_nothing_here_reconciles_ends_the_wait() {
        let release = &crate::kinds::UNATTENDED.iter().find(|it| it.kind == "HelmRelease").unwrap();
        let mut items = Items::new();
        add(&mut items, &GIT_REPOSITORY, "source", json!({}), ready("a"));
        let checking = json!({
            "observedGeneration": 1,
            "inventory": { "entries": [
                { "id": "flux-system_web_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2" },
            ] },
            "conditions": [
                { "type": "Ready", "status": "Unknown", "reason": "Progressing", "message": "checking" },
                { "type": "Healthy", "status": "Unknown", "reason": "Progressing", "message": "checking" },
            ],
        });
        add(&mut items, &KUSTOMIZATION, "apps", applies(&[]), checking);
        assert_eq!(settled(&items), None, "the release may still come");
        add(&mut items, release, "web", json!({}), json!({}));
        assert_eq!(settled(&items), Some(Exit::Failed));
        let (id, object) = items.iter().find(|(id, _)| id.name == "apps").unwrap();
        assert_eq!(
            item(id, object, &items).message,
            "waits for HelmRelease flux-system/web, which nothing here reconciles"
        );
        add(&mut items, release, "web", json!({ "suspend": true }), json!({}));
        assert_eq!(settled(&items), None, "who suspended it may resume it");
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
        let too_early = |all: &mut Items| {
            source(all, ready("a"));
            apply(all, "apps", &[], failed("ArtifactFailed"));
        };
        check("visited before the source had anything", too_early, None);
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
