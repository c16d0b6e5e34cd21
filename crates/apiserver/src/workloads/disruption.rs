//! PodDisruptionBudgets: how many Pods may go.

use std::time::Duration;

use serde_json::{Value, json};

use super::status::{Condition, Times, conditions};
use super::{Subject, pod};
use crate::core::Core;
use crate::failure::Failure;
use crate::object;
use crate::select::Labels;

pub(super) fn look_at(subject: &Subject<'_>) -> Option<Duration> {
    let selector = subject.value().pointer("/spec/selector").map(Labels::from_value)?;
    let pods = pod::selected(subject.core, subject.namespace(), &selector);
    let expected = i64::try_from(pods.len()).unwrap_or(0);
    let healthy =
        i64::try_from(pods.iter().filter(|p| pod::is_ready(&p.value)).count()).unwrap_or(0);
    let desired = match (
        subject.value().pointer("/spec/minAvailable"),
        subject.value().pointer("/spec/maxUnavailable"),
    ) {
        (Some(minimum), _) => scaled(minimum, expected),
        (None, Some(maximum)) => expected - scaled(maximum, expected),
        (None, None) => expected - 1,
    };
    let allowed = (healthy - desired).max(0);
    let condition = if allowed > 0 {
        Condition::new("DisruptionAllowed", true, "SufficientPods", "")
    } else {
        Condition::new("DisruptionAllowed", false, "InsufficientPods", "")
    };
    let mut list =
        conditions(subject.value(), &[condition], Times::Transition, &subject.core.now_text());
    let generation = object::generation(subject.value());
    for condition in list.as_array_mut().into_iter().flatten() {
        object::set_field(condition, "message", Some("".into()));
        object::set_field(condition, "observedGeneration", Some(generation.into()));
    }
    subject.set_status(&json!({
        "observedGeneration": generation,
        "currentHealthy": healthy,
        "desiredHealthy": desired.max(0),
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "conditions": list,
    }));
    None
}

/// A number, or a percentage rounded up.
fn scaled(value: &Value, of: i64) -> i64 {
    match value {
        Value::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            (of * percent + 99) / 100
        }
        other => other.as_i64().unwrap_or(0),
    }
}

/// Refuses an eviction that a PodDisruptionBudget does not allow.
pub(crate) fn check(core: &Core, pod: &Value) -> Result<(), Failure> {
    let labels = object::metadata(pod).and_then(|m| m.get("labels"));
    for budget in core.list("policy/v1", "poddisruptionbudgets", Some(object::namespace(pod))) {
        let selector = budget.value.pointer("/spec/selector").map(Labels::from_value);
        if !selector.is_some_and(|s| s.matches(labels)) || !pod::is_ready(pod) {
            continue;
        }
        let number = |field: &str| {
            budget.value.pointer(&format!("/status/{field}")).and_then(Value::as_i64).unwrap_or(0)
        };
        if number("disruptionsAllowed") < 1 {
            return Err(Failure::too_many_requests(&format!(
                "The disruption budget {} needs {} healthy pods and has {} currently",
                object::name(&budget.value),
                number("desiredHealthy"),
                number("currentHealthy"),
            )));
        }
    }
    Ok(())
}
