//! The Pod line: what is wrong with a Pod, in a word.

use jiff::Timestamp;
use serde_json::Value;

use super::text::{age, age_of, at, at_or, condition, list, number, truth};
use crate::object;

/// What the containers say about the whole.
struct Summary {
    reason: String,
    ready: usize,
    restarts: i64,
    /// When the last container was restarted.
    restarted: String,
}

pub(super) fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let sidecars = list(pod, "/spec/initContainers").iter().filter(|c| is_sidecar(c)).count();
    let total = list(pod, "/spec/containers").len() + sidecars;
    let summary = summary(pod);
    let restarts = if summary.restarts != 0 && !summary.restarted.is_empty() {
        format!("{} ({} ago)", summary.restarts, age_of(&summary.restarted, now))
    } else {
        summary.restarts.to_string()
    };
    let gates = list(pod, "/spec/readinessGates");
    let gates = if gates.is_empty() {
        "<none>".to_owned()
    } else {
        let passed = gates.iter().filter(|g| condition(pod, at(g, "/conditionType"))).count();
        format!("{passed}/{}", gates.len())
    };
    vec![
        format!("{}/{total}", summary.ready).into(),
        summary.reason.into(),
        restarts.into(),
        age(pod, now),
        at_or(pod, "/status/podIPs/0/ip", "<none>").into(),
        at_or(pod, "/spec/nodeName", "<none>").into(),
        at_or(pod, "/status/nominatedNodeName", "<none>").into(),
        gates.into(),
    ]
}

fn is_sidecar(container: &Value) -> bool {
    at(container, "/restartPolicy") == "Always"
}

fn summary(pod: &Value) -> Summary {
    let phase = at(pod, "/status/phase");
    let mut reason = at_or(pod, "/status/reason", "").to_owned();
    if reason.is_empty() {
        phase.clone_into(&mut reason);
    }
    if list(pod, "/status/conditions").iter().any(|c| at(c, "/reason") == "SchedulingGated") {
        "SchedulingGated".clone_into(&mut reason);
    }
    let mut summary = Summary { reason, ready: 0, restarts: 0, restarted: String::new() };
    let initializing = init_containers(pod, &mut summary);
    if !initializing || condition(pod, "Initialized") {
        containers(pod, &mut summary);
    }
    if object::is_deleting(pod) {
        if at(pod, "/status/reason") == "NodeLost" {
            "Unknown".clone_into(&mut summary.reason);
        } else if !matches!(phase, "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut summary.reason);
        }
    }
    summary
}

fn note_restart(status: &Value, summary: &mut Summary) {
    summary.restarts += number(status, "/restartCount");
    let finished = at(status, "/lastState/terminated/finishedAt");
    if finished > summary.restarted.as_str() {
        finished.clone_into(&mut summary.restarted);
    }
}

/// Why a container ended, in a word.
fn ended(terminated: &Value) -> String {
    match (at(terminated, "/reason"), number(terminated, "/signal")) {
        ("", 0) => format!("ExitCode:{}", number(terminated, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

/// True while a Pod is still in its init containers.
fn init_containers(pod: &Value, summary: &mut Summary) -> bool {
    let specs = list(pod, "/spec/initContainers");
    let sidecar = |name: &str| specs.iter().any(|c| at(c, "/name") == name && is_sidecar(c));
    for (index, status) in list(pod, "/status/initContainerStatuses").iter().enumerate() {
        let restartable = sidecar(at(status, "/name"));
        let before = summary.restarts;
        note_restart(status, summary);
        if !restartable {
            // Once initialized, only the restarts of sidecars count.
            summary.restarts =
                if condition(pod, "Initialized") { before } else { summary.restarts };
        }
        let waiting = at(status, "/state/waiting/reason");
        match status.pointer("/state/terminated") {
            Some(terminated) if number(terminated, "/exitCode") == 0 => continue,
            _ if restartable && truth(status, "/started") => {
                summary.ready += usize::from(truth(status, "/ready"));
                continue;
            }
            Some(terminated) => summary.reason = format!("Init:{}", ended(terminated)),
            None if !waiting.is_empty() && waiting != "PodInitializing" => {
                summary.reason = format!("Init:{waiting}");
            }
            None => summary.reason = format!("Init:{index}/{}", specs.len()),
        }
        return true;
    }
    false
}

fn containers(pod: &Value, summary: &mut Summary) {
    let mut running = false;
    let mut error = String::new();
    for status in list(pod, "/status/containerStatuses").iter().rev() {
        note_restart(status, summary);
        let waiting = at(status, "/state/waiting/reason");
        if !waiting.is_empty() {
            waiting.clone_into(&mut summary.reason);
        } else if let Some(terminated) = status.pointer("/state/terminated") {
            summary.reason = ended(terminated);
            if number(terminated, "/exitCode") != 0 {
                error.clone_from(&summary.reason);
            }
        } else if truth(status, "/ready") && status.pointer("/state/running").is_some() {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" {
        if running && condition(pod, "Ready") {
            "Running".clone_into(&mut summary.reason);
        } else if !error.is_empty() {
            summary.reason = error;
        } else if running {
            "NotReady".clone_into(&mut summary.reason);
        }
    }
}
