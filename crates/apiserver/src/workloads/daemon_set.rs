//! DaemonSets: one Pod on each node that the template selects.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::children::{self, PodName};
use super::{Subject, pod};
use crate::object;
use crate::select::Labels;
use crate::store::Stored;

const GENERATION_LABEL: &str = "pod-template-generation";
const REVISION_LABEL: &str = "controller-revision-hash";

pub(super) fn look_at(subject: &Subject<'_>) -> Option<Duration> {
    let pods = subject.core.builtin("v1", "pods")?;
    let nodes = nodes(subject);
    let template = subject.value().pointer("/spec/template").cloned().unwrap_or_default();
    let revision = children::template_hash(&template);
    let owned = children::of(subject, &pods);
    let on_delete = subject.text("/spec/updateStrategy/type") == "OnDelete";
    let mut covered = BTreeSet::new();
    for pod in owned.iter().filter(|p| !object::is_deleting(&p.value)) {
        let node = node_of(pod);
        let outdated = object::label(&pod.value, REVISION_LABEL) != Some(&revision) && !on_delete;
        if !nodes.contains(&node) || outdated || !covered.insert(node) {
            children::delete(subject.core, &pods, pod, None);
        }
    }
    let generation = object::generation(subject.value()).to_string();
    let prefix = format!("{}-", subject.name());
    for node in nodes.difference(&covered) {
        let labels = [(GENERATION_LABEL, generation.as_str()), (REVISION_LABEL, revision.as_str())];
        let mut pod = children::pod(subject, PodName::Prefix(&prefix), &labels);
        if let Some(spec) = pod.get_mut("spec") {
            object::set_field(spec, "nodeName", Some(node.clone().into()));
        }
        children::create(subject.core, &pods, pod);
    }
    report(subject, &revision, nodes.len(), &children::of(subject, &pods));
    None
}

fn node_of(pod: &Stored) -> String {
    pod.value.pointer("/spec/nodeName").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The nodes that the template's nodeSelector matches.
fn nodes(subject: &Subject<'_>) -> BTreeSet<String> {
    let selector = subject
        .value()
        .pointer("/spec/template/spec/nodeSelector")
        .map(Labels::from_map)
        .unwrap_or_default();
    let nodes = subject.core.list("v1", "nodes", None);
    let matches =
        |n: &&Stored| selector.matches(object::metadata(&n.value).and_then(|m| m.get("labels")));
    nodes.iter().filter(matches).map(|n| object::name(&n.value).to_owned()).collect()
}

fn report(subject: &Subject<'_>, revision: &str, wanted: usize, owned: &[Stored]) {
    let alive: Vec<&Stored> = owned.iter().filter(|p| !object::is_deleting(&p.value)).collect();
    let ready = alive.iter().filter(|p| pod::is_ready(&p.value)).count();
    let updated =
        alive.iter().filter(|p| object::label(&p.value, REVISION_LABEL) == Some(revision)).count();
    let mut status = json!({
        "observedGeneration": object::generation(subject.value()),
        "currentNumberScheduled": alive.len(),
        "desiredNumberScheduled": wanted,
        "numberMisscheduled": 0,
        "numberReady": ready,
    });
    let numbers = [
        ("updatedNumberScheduled", updated),
        ("numberAvailable", ready),
        ("numberUnavailable", wanted.saturating_sub(ready)),
    ];
    for (field, number) in numbers {
        if number > 0 {
            object::set_field(&mut status, field, Some(number.into()));
        }
    }
    subject.set_status(&status);
}
