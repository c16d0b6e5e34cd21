//! ReplicaSets and ReplicationControllers: keep so many Pods.

use std::time::Duration;

use serde_json::json;

use super::children::{self, MAX_PODS, PodName};
use super::status::{Condition, Times, conditions};
use super::{Subject, pod};
use crate::object;

pub(super) fn look_at(subject: &Subject<'_>) -> Option<Duration> {
    let pods = subject.core.builtin("v1", "pods")?;
    let owned = children::of(subject, &pods);
    let mut running: Vec<_> = owned
        .iter()
        .filter(|p| {
            !object::is_deleting(&p.value)
                && !matches!(pod::phase(&p.value), "Failed" | "Succeeded")
        })
        .collect();
    let wanted = usize::try_from(subject.number("/spec/replicas", 1)).unwrap_or(0);
    let limited = wanted.min(MAX_PODS);
    let prefix = format!("{}-", subject.name());
    for _ in running.len()..limited {
        children::create(
            subject.core,
            &pods,
            children::pod(subject, PodName::Prefix(&prefix), &[]),
        );
    }
    // Unready ones go first.
    running.sort_by_key(|p| pod::is_ready(&p.value));
    for extra in running.iter().take(running.len().saturating_sub(limited)) {
        children::delete(subject.core, &pods, extra, None);
    }
    let count = children::count(&children::of(subject, &pods));
    let mut status =
        json!({ "replicas": count.all, "observedGeneration": object::generation(subject.value()) });
    let numbers = [
        ("fullyLabeledReplicas", count.all),
        ("readyReplicas", count.ready),
        ("availableReplicas", count.ready),
    ];
    for (field, number) in numbers {
        if number > 0 {
            object::set_field(&mut status, field, Some(number.into()));
        }
    }
    // Pods go at once here, so none is ever on its way out; a pointer in the API, written even as 0.
    object::set_field(&mut status, "terminatingReplicas", Some(0.into()));
    if wanted > limited {
        let message = format!("the simulation makes at most {MAX_PODS} pods of one owner");
        let failure = [Condition::new("ReplicaFailure", true, "FailedCreate", message)];
        let list =
            conditions(subject.value(), &failure, Times::Transition, &subject.core.now_text());
        object::set_field(&mut status, "conditions", Some(list));
    }
    subject.set_status(&status);
    None
}
