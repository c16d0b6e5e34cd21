//! Lines of the remaining kinds.

use jiff::Timestamp;
use serde_json::Value;

use super::plain;
use super::text::{
    age, age_of, at, at_or, condition, human_duration, joined, length, list, number, since, truth,
};
use crate::object;

pub(super) fn node(o: &Value, now: Timestamp) -> Vec<Value> {
    let known = list(o, "/status/conditions").iter().any(|c| at(c, "/type") == "Ready");
    let mut status = match (known, condition(o, "Ready")) {
        (false, _) => "Unknown".to_owned(),
        (true, true) => "Ready".to_owned(),
        (true, false) => "NotReady".to_owned(),
    };
    if truth(o, "/spec/unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    let labels = object::metadata(o).and_then(|m| m.get("labels")?.as_object());
    let mut roles: Vec<String> = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role.to_owned()),
            None => {
                (key == "kubernetes.io/role").then(|| value.as_str().unwrap_or_default().to_owned())
            }
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort();
    let address = |kind: &str| {
        let found = list(o, "/status/addresses").iter().find(|a| at(a, "/type") == kind);
        found.map_or("<none>", |a| at(a, "/address"))
    };
    let info = |field: &str| at_or(o, &format!("/status/nodeInfo/{field}"), "<unknown>").to_owned();
    let architecture = at(o, "/status/nodeInfo/architecture");
    let mut kernel = info("kernelVersion");
    if !architecture.is_empty() {
        kernel = format!("{kernel} ({architecture})");
    }
    vec![
        status.into(),
        joined(roles, ",", "<none>").into(),
        age(o, now),
        at(o, "/status/nodeInfo/kubeletVersion").into(),
        address("InternalIP").into(),
        address("ExternalIP").into(),
        info("osImage").into(),
        kernel.into(),
        info("containerRuntimeVersion").into(),
    ]
}

pub(super) fn component(o: &Value, _: Timestamp) -> Vec<Value> {
    let health = list(o, "/conditions").iter().find(|c| at(c, "/type") == "Healthy");
    let (status, message, error) = health.map_or(("Unknown", "", ""), |c| {
        let status = if at(c, "/status") == "True" { "Healthy" } else { "Unhealthy" };
        (status, at(c, "/message"), at(c, "/error"))
    });
    vec![status.into(), message.into(), error.into()]
}

pub(super) fn quota(o: &Value, now: Timestamp) -> Vec<Value> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (name, hard) in o.pointer("/status/hard").and_then(Value::as_object).into_iter().flatten() {
        let used = o
            .pointer("/status/used")
            .and_then(|u| u.get(name))
            .map_or_else(|| "0".to_owned(), plain);
        let text = format!("{name}: {used}/{}", plain(hard));
        if name.starts_with("limits") { limits.push(text) } else { requests.push(text) }
    }
    requests.sort();
    limits.sort();
    vec![requests.join(", ").into(), limits.join(", ").into(), age(o, now)]
}

pub(super) fn budget(o: &Value, now: Timestamp) -> Vec<Value> {
    let or_none = |pointer: &str| o.pointer(pointer).map_or_else(|| "N/A".to_owned(), plain);
    vec![
        or_none("/spec/minAvailable").into(),
        or_none("/spec/maxUnavailable").into(),
        number(o, "/status/disruptionsAllowed").into(),
        age(o, now),
    ]
}

pub(super) fn binding(o: &Value, now: Timestamp) -> Vec<Value> {
    let of = |kind: &str| -> Value {
        let subjects = list(o, "/subjects").iter().filter(|s| at(s, "/kind") == kind);
        let name = |s: &Value| match kind {
            "ServiceAccount" => format!("{}/{}", at(s, "/namespace"), at(s, "/name")),
            _ => at(s, "/name").to_owned(),
        };
        joined(subjects.map(name), ", ", "").into()
    };
    let role = format!("{}/{}", at(o, "/roleRef/kind"), at(o, "/roleRef/name"));
    vec![role.into(), age(o, now), of("User"), of("Group"), of("ServiceAccount")]
}

pub(super) fn priority_class(o: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        number(o, "/value").into(),
        truth(o, "/globalDefault").into(),
        age(o, now),
        at(o, "/preemptionPolicy").into(),
    ]
}

pub(super) fn admission_policy(o: &Value, now: Timestamp) -> Vec<Value> {
    let kind = o.pointer("/spec/paramKind").filter(|k| k.is_object());
    let kind = kind.map_or_else(
        || "<unset>".to_owned(),
        |k| format!("{}/{}", at(k, "/apiVersion"), at(k, "/kind")),
    );
    vec![length(o, "/spec/validations"), kind.into(), age(o, now)]
}

pub(super) fn admission_binding(o: &Value, now: Timestamp) -> Vec<Value> {
    let parameters = o.pointer("/spec/paramRef").filter(|p| p.is_object());
    let parameters = parameters.map_or_else(
        || "<unset>".to_owned(),
        |p| match (at(p, "/namespace"), at(p, "/name")) {
            (_, "") => "*".to_owned(),
            ("", name) => name.to_owned(),
            (namespace, name) => format!("{namespace}/{name}"),
        },
    );
    vec![at(o, "/spec/policyName").into(), parameters.into(), age(o, now)]
}

pub(super) fn signing_request(o: &Value, now: Timestamp) -> Vec<Value> {
    let duration = o.pointer("/spec/expirationSeconds").and_then(Value::as_i64);
    let mut state: Vec<&str> =
        ["Approved", "Denied", "Failed"].into_iter().filter(|c| condition(o, c)).collect();
    if !at(o, "/status/certificate").is_empty() {
        state.push("Issued");
    }
    vec![
        age(o, now),
        at_or(o, "/spec/signerName", "<none>").into(),
        at(o, "/spec/username").into(),
        duration.map_or_else(|| "<none>".to_owned(), human_duration).into(),
        joined(state.into_iter().map(str::to_owned), ",", "Pending").into(),
    ]
}

pub(super) fn api_service(o: &Value, now: Timestamp) -> Vec<Value> {
    let service = o.pointer("/spec/service").filter(|s| s.is_object());
    let service = service.map_or_else(
        || "Local".to_owned(),
        |s| format!("{}/{}", at(s, "/namespace"), at(s, "/name")),
    );
    let found = list(o, "/status/conditions").iter().find(|c| at(c, "/type") == "Available");
    let available = match found {
        Some(c) if at(c, "/status") == "True" || at(c, "/reason").is_empty() => {
            at(c, "/status").to_owned()
        }
        Some(c) => format!("{} ({})", at(c, "/status"), at(c, "/reason")),
        None => "Unknown".to_owned(),
    };
    vec![service.into(), available.into(), age(o, now)]
}

/// Events of both versions: the names that differ are asked for under both.
pub(super) fn event(o: &Value, now: Timestamp) -> Vec<Value> {
    let either = |old: &str, new: &str| match at(o, old) {
        "" => at(o, new).to_owned(),
        found => found.to_owned(),
    };
    let first = match either("/firstTimestamp", "/deprecatedFirstTimestamp").as_str() {
        "" => since(o, "/eventTime", now),
        text => age_of(text, now),
    };
    let series = o.get("series").filter(|s| s.is_object());
    let last = match (series, either("/lastTimestamp", "/deprecatedLastTimestamp").as_str()) {
        (Some(series), _) => since(series, "/lastObservedTime", now),
        (None, "") => first.clone(),
        (None, text) => age_of(text, now),
    };
    let count = match series {
        Some(series) => number(series, "/count"),
        None => number(o, "/count").max(number(o, "/deprecatedCount")).max(1),
    };
    let kind = either("/involvedObject/kind", "/regarding/kind").to_lowercase();
    let target = match either("/involvedObject/name", "/regarding/name") {
        name if name.is_empty() => kind,
        name => format!("{kind}/{name}"),
    };
    vec![
        last.into(),
        at(o, "/type").into(),
        at(o, "/reason").into(),
        target.into(),
        either("/involvedObject/fieldPath", "/regarding/fieldPath").into(),
        event_source(o).into(),
        either("/message", "/note").trim().to_owned().into(),
        first.into(),
        count.into(),
        object::name(o).into(),
    ]
}

fn event_source(o: &Value) -> String {
    let either = |old: &str, new: &str| match at(o, old) {
        "" => at(o, new).to_owned(),
        found => found.to_owned(),
    };
    let mut source = either("/source/component", "/deprecatedSource/component");
    if source.is_empty() {
        source = either("/reportingComponent", "/reportingController");
    }
    match either("/source/host", "/deprecatedSource/host") {
        host if host.is_empty() => source,
        host => format!("{source}, {host}"),
    }
}
