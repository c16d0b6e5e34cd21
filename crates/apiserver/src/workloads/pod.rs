//! Pods: scheduled, started, ready; or crashed; and their end.

use std::time::Duration;

use serde_json::{Value, json};

use super::status::{Condition, Times, conditions};
use super::{End, NODE, Pace, Subject, children, end};
use crate::core::Core;
use crate::object;
use crate::select::Labels;
use crate::store::{Key, Reference, Stored};

pub(super) fn phase(pod: &Value) -> &str {
    pod.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn is_ready(pod: &Value) -> bool {
    let conditions =
        pod.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let is =
        |c: &Value, field: &str, wanted: &str| c.get(field).and_then(Value::as_str) == Some(wanted);
    conditions.into_iter().any(|c| is(c, "type", "Ready") && is(c, "status", "True"))
}

/// Moves a Pod on.
pub(super) fn look_at(subject: &Subject<'_>, pace: &mut Pace) -> Option<Duration> {
    let pod = subject.value();
    recount(subject.core, subject.namespace());
    if object::is_deleting(pod) {
        if let Err(wait) = pace.step(subject.core, subject.reference, pod) {
            return Some(wait);
        }
        children::delete(subject.core, subject.resource, subject.live, Some(0));
        return None;
    }
    let next = next_phase(subject)?;
    if let Err(wait) = pace.step(subject.core, subject.reference, pod) {
        return Some(wait);
    }
    if next == Phase::Scheduled {
        schedule(subject);
    } else {
        report(subject, next);
    }
    None
}

/// Where a Pod goes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Scheduled,
    Running { ready: bool },
    Crashed,
    Succeeded,
    Failed,
}

fn next_phase(subject: &Subject<'_>) -> Option<Phase> {
    let pod = subject.value();
    if subject.text("/spec/nodeName").is_empty() {
        let gated = pod
            .pointer("/spec/schedulingGates")
            .and_then(Value::as_array)
            .is_some_and(|g| !g.is_empty());
        return (!gated).then_some(Phase::Scheduled);
    }
    let once = matches!(subject.text("/spec/restartPolicy"), "Never" | "OnFailure");
    match (phase(pod), end(subject.core, pod)) {
        ("" | "Pending", End::NeverReady) => Some(Phase::Running { ready: false }),
        ("" | "Pending", End::Fail) => Some(if once { Phase::Failed } else { Phase::Crashed }),
        ("" | "Pending", End::Ready) => Some(Phase::Running { ready: true }),
        ("Running", End::Ready) if once => Some(Phase::Succeeded),
        ("Running", End::Fail) if once => Some(Phase::Failed),
        // The annotation changed while the Pod ran.
        ("Running", End::Ready) if !is_ready(pod) => Some(Phase::Running { ready: true }),
        ("Running", End::NeverReady) if is_ready(pod) => Some(Phase::Running { ready: false }),
        ("Running", End::Fail) if is_ready(pod) => Some(Phase::Crashed),
        _ => None,
    }
}

fn schedule(subject: &Subject<'_>) {
    subject.edit("binding", &mut |pod| {
        if let Some(spec) = pod.get_mut("spec") {
            object::set_field(spec, "nodeName", Some(NODE.into()));
        }
    });
    let now = subject.core.now_text();
    let scheduled = [Condition::new("PodScheduled", true, "", "")];
    let scheduled = conditions(subject.value(), &scheduled, Times::NoProbe, &now);
    subject.edit("status", &mut |pod| {
        let mut status =
            pod.get("status").cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
        object::set_field(&mut status, "phase", Some("Pending".into()));
        object::set_field(&mut status, "conditions", Some(scheduled.clone()));
        object::set_field(pod, "status", Some(status));
    });
}

fn pod_conditions(pod: &Value, next: Phase) -> [Condition; 5] {
    let ready = next == Phase::Running { ready: true };
    let done = matches!(next, Phase::Succeeded | Phase::Failed);
    let (reason, message) = match next {
        Phase::Succeeded => ("PodCompleted", String::new()),
        Phase::Failed => ("PodFailed", String::new()),
        _ if ready => ("", String::new()),
        _ => {
            let unready = names(pod, "containers").join(" ");
            ("ContainersNotReady", format!("containers with unready status: [{unready}]"))
        }
    };
    [
        Condition::new("PodReadyToStartContainers", !done, "", ""),
        Condition::new(
            "Initialized",
            true,
            if next == Phase::Succeeded { "PodCompleted" } else { "" },
            "",
        ),
        Condition::new("Ready", ready, reason, message.clone()),
        Condition::new("ContainersReady", ready, reason, message),
        Condition::new("PodScheduled", true, "", ""),
    ]
}

fn report(subject: &Subject<'_>, next: Phase) {
    let pod = subject.value();
    let now = subject.core.now_text();
    let kept = |pointer: &str| Some(subject.text(pointer).to_owned()).filter(|t| !t.is_empty());
    let ip = kept("/status/podIP").unwrap_or_else(|| subject.core.addresses.pod());
    let phase = match next {
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
        Phase::Scheduled | Phase::Crashed | Phase::Running { .. } => "Running",
    };
    let mut status = json!({
        "phase": phase,
        "conditions": conditions(pod, &pod_conditions(pod, next), Times::NoProbe, &now),
        "hostIP": "127.0.0.1",
        "hostIPs": [{ "ip": "127.0.0.1" }],
        "podIP": ip,
        "podIPs": [{ "ip": ip }],
        "startTime": kept("/status/startTime").unwrap_or_else(|| now.clone()),
        "qosClass": qos(pod),
        "containerStatuses": container_statuses(pod, "containers", next, &now),
        "observedGeneration": object::generation(pod),
    });
    if !names(pod, "initContainers").is_empty() {
        let statuses = container_statuses(pod, "initContainers", Phase::Succeeded, &now);
        object::set_field(&mut status, "initContainerStatuses", Some(statuses));
    }
    subject.set_status(&status);
}

fn containers<'p>(pod: &'p Value, field: &str) -> impl Iterator<Item = &'p Value> {
    pod.pointer(&format!("/spec/{field}")).and_then(Value::as_array).into_iter().flatten()
}

fn names<'p>(pod: &'p Value, field: &str) -> Vec<&'p str> {
    containers(pod, field).filter_map(|c| c.get("name")?.as_str()).collect()
}

fn container_statuses(pod: &Value, field: &str, next: Phase, now: &str) -> Value {
    containers(pod, field).map(|container| container_status(container, field, next, now)).collect()
}

fn container_status(container: &Value, field: &str, next: Phase, now: &str) -> Value {
    let sidecar = container.get("restartPolicy").and_then(Value::as_str) == Some("Always");
    let running = || json!({ "running": { "startedAt": now } });
    let ended = |code: i64, reason: &str| json!({ "terminated": { "exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now } });
    let (state, ready, started) = match next {
        Phase::Running { ready } => (running(), ready, true),
        Phase::Succeeded if sidecar => (running(), true, true),
        Phase::Succeeded => (ended(0, "Completed"), field == "initContainers", false),
        Phase::Failed => (ended(1, "Error"), false, false),
        Phase::Crashed | Phase::Scheduled => {
            let message = "back-off 5m0s restarting failed container (simulated)";
            (
                json!({ "waiting": { "reason": "CrashLoopBackOff", "message": message } }),
                false,
                false,
            )
        }
    };
    let crashed = next == Phase::Crashed;
    let image = container.get("image").cloned().unwrap_or_default();
    json!({
        "name": container.get("name"),
        "image": image,
        "imageID": image,
        "ready": ready,
        "started": started,
        "restartCount": if crashed { 5 } else { 0 },
        "state": state,
        "lastState": if crashed { ended(1, "Error") } else { json!({}) },
    })
}

/// The quality-of-service class, by the containers' requests and limits.
pub(crate) fn qos(pod: &Value) -> &'static str {
    const RESOURCES: [&str; 2] = ["cpu", "memory"];
    let set = |container: &Value, list: &str, resource: &str| {
        container.pointer(&format!("/resources/{list}/{resource}")).cloned()
    };
    let any = |list: &str| {
        containers(pod, "containers").any(|c| RESOURCES.iter().any(|r| set(c, list, r).is_some()))
    };
    if !any("requests") && !any("limits") {
        return "BestEffort";
    }
    let guaranteed = containers(pod, "containers").all(|c| {
        RESOURCES.iter().all(|r| {
            let limit = set(c, "limits", r);
            limit.is_some() && set(c, "requests", r).is_none_or(|request| Some(request) == limit)
        })
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}

/// Lets the Services and disruption budgets of a namespace count their Pods again.
pub(super) fn recount(core: &Core, namespace: &str) {
    for (api_version, plural) in [("v1", "services"), ("policy/v1", "poddisruptionbudgets")] {
        let Some(resource) = core.builtin(api_version, plural) else { continue };
        let (_, objects) = core.store.list(resource.shelf, Some(namespace));
        for stored in objects {
            let key = Key::new(namespace, object::name(&stored.value));
            core.store.add_work(Reference { shelf: resource.shelf, key });
        }
    }
}

/// The Pods of a namespace that a selector matches and that are not on their way out.
pub(super) fn selected(core: &Core, namespace: &str, selector: &Labels) -> Vec<Stored> {
    let matches = |pod: &Stored| {
        let labels = object::metadata(&pod.value).and_then(|m| m.get("labels"));
        !object::is_deleting(&pod.value) && selector.matches(labels)
    };
    core.list("v1", "pods", Some(namespace)).into_iter().filter(matches).collect()
}
