//! Deployments: a ReplicaSet per template, rolled from the old to the new.

use std::time::Duration;

use serde_json::{Value, json};

use super::children;
use super::status::{Condition, Times, conditions};
use super::{End, Pace, Subject, end};
use crate::object;
use crate::registry::Resource;
use crate::store::{Key, Stored};

const HASH_LABEL: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const DEFAULT_HISTORY: i64 = 10;

pub(super) fn look_at(subject: &Subject<'_>, pace: &mut Pace) -> Option<Duration> {
    let sets = subject.core.builtin("apps/v1", "replicasets")?;
    let owned = children::of(subject, &sets);
    let template = subject.value().pointer("/spec/template").cloned().unwrap_or_default();
    let hash = children::template_hash(&template);
    let (current, others): (Vec<Stored>, Vec<Stored>) =
        owned.iter().cloned().partition(|s| object::label(&s.value, HASH_LABEL) == Some(&hash));
    let paused = subject.value().pointer("/spec/paused").and_then(Value::as_bool) == Some(true);
    let current = match current.into_iter().next() {
        None if !paused => make_set(subject, &sets, &owned, &hash),
        found => found,
    };
    if let Some(current) = &current {
        roll(subject, &sets, current, &others);
    }
    clean_history(subject, &sets, &others);
    let again = |set: &Stored| {
        let key = Key::new(subject.namespace(), object::name(&set.value));
        subject.core.store.get(sets.shelf, &key)
    };
    let rollout = Rollout::of(subject, current.as_ref().and_then(again), &others);
    report(subject, &rollout, paused, pace)
}

fn make_set(
    subject: &Subject<'_>,
    sets: &Resource,
    owned: &[Stored],
    hash: &str,
) -> Option<Stored> {
    let revision = owned.iter().map(revision_of).max().unwrap_or(0) + 1;
    let mut template = subject.value().pointer("/spec/template").cloned().unwrap_or_default();
    let labelled = |map: Option<&Value>| {
        let mut labels = map.cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
        object::set_field(&mut labels, HASH_LABEL, Some(hash.into()));
        labels
    };
    let labels = labelled(template.pointer("/metadata/labels"));
    object::set_meta(&mut template, "labels", labels.clone());
    let mut selector =
        subject.value().pointer("/spec/selector").cloned().unwrap_or_else(|| json!({}));
    let match_labels = labelled(selector.get("matchLabels"));
    object::set_field(&mut selector, "matchLabels", Some(match_labels));
    let set = json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", subject.name()),
            "namespace": subject.namespace(),
            "labels": labels,
            "annotations": { REVISION: revision.to_string(),
                "deployment.kubernetes.io/desired-replicas": subject.number("/spec/replicas", 1).to_string() },
            "ownerReferences": children::owner(subject),
        },
        "spec": { "replicas": 0, "selector": selector, "template": template },
    });
    children::create(subject.core, sets, set)
}

fn revision_of(set: &Stored) -> i64 {
    object::annotation(&set.value, REVISION).and_then(|r| r.parse().ok()).unwrap_or(0)
}

fn number(set: &Stored, pointer: &str) -> i64 {
    set.value.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

/// The new set gets all its Pods at once (with Recreate: when the old ones are gone); the old sets keep
/// theirs until the new ones are ready.
fn roll(subject: &Subject<'_>, sets: &Resource, current: &Stored, others: &[Stored]) {
    let wanted = subject.number("/spec/replicas", 1);
    let recreate = subject.text("/spec/strategy/type") == "Recreate";
    let old_running: i64 = others.iter().map(|s| number(s, "/status/replicas")).sum();
    if !recreate || old_running == 0 {
        scale(subject, sets, current, wanted);
    }
    if recreate || number(current, "/status/readyReplicas") >= wanted {
        for other in others {
            scale(subject, sets, other, 0);
        }
    }
    // The newest revision belongs to the set in use, also after a rollback.
    let newest = others.iter().map(revision_of).max().unwrap_or(0);
    let revision = if revision_of(current) > newest { revision_of(current) } else { newest + 1 };
    if object::annotation(subject.value(), REVISION) != Some(&revision.to_string()) {
        subject.edit("", &mut |deployment| annotate(deployment, revision));
    }
    if revision != revision_of(current) {
        child(subject, sets, current).edit("", &mut |set| annotate(set, revision));
    }
}

fn child<'a>(subject: &'a Subject<'_>, sets: &'a Resource, set: &'a Stored) -> Subject<'a> {
    Subject { core: subject.core, resource: sets, reference: subject.reference, live: set }
}

fn scale(subject: &Subject<'_>, sets: &Resource, set: &Stored, replicas: i64) {
    if number(set, "/spec/replicas") == replicas {
        return;
    }
    child(subject, sets, set).edit("", &mut |set| {
        if let Some(spec) = set.get_mut("spec") {
            object::set_field(spec, "replicas", Some(replicas.into()));
        }
    });
}

fn annotate(object: &mut Value, revision: i64) {
    let Some(metadata) = object::metadata_mut(object) else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    object::set_field(annotations, REVISION, Some(revision.to_string().into()));
}

fn clean_history(subject: &Subject<'_>, sets: &Resource, others: &[Stored]) {
    let limit =
        usize::try_from(subject.number("/spec/revisionHistoryLimit", DEFAULT_HISTORY)).unwrap_or(0);
    let idle = |s: &&Stored| number(s, "/spec/replicas") == 0 && number(s, "/status/replicas") == 0;
    let mut idle: Vec<&Stored> = others.iter().filter(idle).collect();
    idle.sort_by_key(|s| revision_of(s));
    for old in idle.iter().take(idle.len().saturating_sub(limit)) {
        children::delete(subject.core, sets, old, None);
    }
}

/// How far a rollout is.
struct Rollout {
    /// The name of the set in use; empty when there is none.
    set: String,
    wanted: i64,
    updated: i64,
    replicas: i64,
    ready: i64,
    complete: bool,
}

impl Rollout {
    fn of(subject: &Subject<'_>, current: Option<Stored>, others: &[Stored]) -> Self {
        let wanted = subject.number("/spec/replicas", 1);
        let at = |pointer: &str| current.as_ref().map_or(0, |c| number(c, pointer));
        let (updated, updated_ready) = (at("/status/replicas"), at("/status/readyReplicas"));
        let replicas = updated + others.iter().map(|s| number(s, "/status/replicas")).sum::<i64>();
        let ready =
            updated_ready + others.iter().map(|s| number(s, "/status/readyReplicas")).sum::<i64>();
        let complete =
            current.is_some() && updated == wanted && replicas == wanted && updated_ready >= wanted;
        let set = current.map(|c| object::name(&c.value).to_owned()).unwrap_or_default();
        Self { set, wanted, updated, replicas, ready, complete }
    }

    fn progressing(&self, late: bool) -> Condition {
        let set = &self.set;
        if self.complete {
            let message = format!("ReplicaSet \"{set}\" has successfully progressed.");
            Condition::new("Progressing", true, "NewReplicaSetAvailable", message)
        } else if late {
            let message = format!("ReplicaSet \"{set}\" has timed out progressing.");
            Condition::new("Progressing", false, "ProgressDeadlineExceeded", message)
        } else {
            Condition::new(
                "Progressing",
                true,
                "ReplicaSetUpdated",
                format!("ReplicaSet \"{set}\" is progressing."),
            )
        }
    }

    fn available(&self, deployment: &Value) -> Condition {
        let down = match deployment.pointer("/spec/strategy/rollingUpdate/maxUnavailable") {
            Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
            Some(Value::String(percent)) => percent
                .trim_end_matches('%')
                .parse::<i64>()
                .map_or(0, |percent| self.wanted * percent / 100),
            _ => 0,
        };
        if self.ready >= self.wanted - down {
            Condition::new(
                "Available",
                true,
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            let message = "Deployment does not have minimum availability.";
            Condition::new("Available", false, "MinimumReplicasUnavailable", message)
        }
    }
}

fn report(
    subject: &Subject<'_>,
    rollout: &Rollout,
    paused: bool,
    pace: &mut Pace,
) -> Option<Duration> {
    let mut wait = None;
    let mut late = false;
    if !rollout.complete && end(subject.core, subject.value()) == End::Fail {
        // Late stays late, whatever else changes.
        late = progressing_reason(subject.value()) == "ProgressDeadlineExceeded";
        if !late {
            match pace.step(subject.core, subject.reference, subject.value()) {
                Ok(()) => late = true,
                Err(left) => wait = Some(left),
            }
        }
    }
    let mut status = json!({ "observedGeneration": object::generation(subject.value()) });
    let numbers = [
        ("replicas", rollout.replicas),
        ("updatedReplicas", rollout.updated),
        ("readyReplicas", rollout.ready),
        ("availableReplicas", rollout.ready),
        ("unavailableReplicas", (rollout.wanted.max(rollout.replicas) - rollout.ready).max(0)),
    ];
    for (field, number) in numbers {
        if number > 0 {
            object::set_field(&mut status, field, Some(number.into()));
        }
    }
    // Pods go at once here, so none is ever on its way out; a pointer in the API, written even as 0.
    object::set_field(&mut status, "terminatingReplicas", Some(0.into()));
    let list = [rollout.available(subject.value()), rollout.progressing(late)];
    let mut list = conditions(subject.value(), &list, Times::Update, &subject.core.now_text());
    if paused && !rollout.complete {
        mark_paused(&mut list);
    }
    object::set_field(&mut status, "conditions", Some(list));
    subject.set_status(&status);
    wait
}

fn progressing_reason(deployment: &Value) -> &str {
    let conditions =
        deployment.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let found = conditions
        .into_iter()
        .find(|c| c.get("type").and_then(Value::as_str) == Some("Progressing"));
    found.and_then(|c| c.get("reason")).and_then(Value::as_str).unwrap_or_default()
}

fn mark_paused(list: &mut Value) {
    for condition in list.as_array_mut().into_iter().flatten() {
        if condition.get("type").and_then(Value::as_str) == Some("Progressing") {
            object::set_field(condition, "status", Some("Unknown".into()));
            object::set_field(condition, "reason", Some("DeploymentPaused".into()));
            object::set_field(condition, "message", Some("Deployment is paused".into()));
        }
    }
}
