//! Lines of the workload kinds.

use jiff::Timestamp;
use serde_json::Value;

use super::text::{
    age, age_of, at, at_or, condition, containers, human_duration, labels, list, number, selector,
    truth,
};
use crate::object;

fn with_containers(mut cells: Vec<Value>, object: &Value, template: &str) -> Vec<Value> {
    cells.extend(containers(object, &format!("{template}/spec/containers")));
    cells
}

pub(super) fn pod_template(o: &Value, _: Timestamp) -> Vec<Value> {
    let mut cells = with_containers(Vec::new(), o, "/template");
    cells.push(labels(o.pointer("/template/metadata/labels")));
    cells
}

pub(super) fn replica_set(o: &Value, now: Timestamp) -> Vec<Value> {
    let n = |pointer: &str| Value::from(number(o, pointer));
    let cells =
        vec![n("/spec/replicas"), n("/status/replicas"), n("/status/readyReplicas"), age(o, now)];
    let mut cells = with_containers(cells, o, "/spec/template");
    cells.push(selector(o.pointer("/spec/selector")));
    cells
}

pub(super) fn deployment(o: &Value, now: Timestamp) -> Vec<Value> {
    let n = |pointer: &str| number(o, pointer);
    let cells = vec![
        format!("{}/{}", n("/status/readyReplicas"), n("/spec/replicas")).into(),
        n("/status/updatedReplicas").into(),
        n("/status/availableReplicas").into(),
        age(o, now),
    ];
    let mut cells = with_containers(cells, o, "/spec/template");
    cells.push(selector(o.pointer("/spec/selector")));
    cells
}

pub(super) fn stateful_set(o: &Value, now: Timestamp) -> Vec<Value> {
    let ready = format!("{}/{}", number(o, "/status/readyReplicas"), number(o, "/spec/replicas"));
    with_containers(vec![ready.into(), age(o, now)], o, "/spec/template")
}

pub(super) fn daemon_set(o: &Value, now: Timestamp) -> Vec<Value> {
    let n = |field: &str| Value::from(number(o, &format!("/status/{field}")));
    let cells = vec![
        n("desiredNumberScheduled"),
        n("currentNumberScheduled"),
        n("numberReady"),
        n("updatedNumberScheduled"),
        n("numberAvailable"),
        labels(o.pointer("/spec/template/spec/nodeSelector")),
        age(o, now),
    ];
    let mut cells = with_containers(cells, o, "/spec/template");
    cells.push(selector(o.pointer("/spec/selector")));
    cells
}

pub(super) fn revision(o: &Value, now: Timestamp) -> Vec<Value> {
    let controller = object::controller(o).map_or_else(
        || "<none>".to_owned(),
        |owner| {
            let (group, _) = object::split_api_version(object::api_version(owner));
            let kind = object::kind(owner).to_lowercase();
            let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
            format!("{kind}/{}", at(owner, "/name"))
        },
    );
    vec![controller.into(), number(o, "/revision").into(), age(o, now)]
}

pub(super) fn job(o: &Value, now: Timestamp) -> Vec<Value> {
    let succeeded = number(o, "/status/succeeded");
    let parallelism = number(o, "/spec/parallelism");
    let completions = match o.pointer("/spec/completions").and_then(Value::as_i64) {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    };
    let time = |pointer: &str| at(o, pointer).parse::<Timestamp>().ok();
    let duration = match (time("/status/startTime"), time("/status/completionTime")) {
        (None, _) => String::new(),
        (Some(start), end) => human_duration(end.unwrap_or(now).as_second() - start.as_second()),
    };
    let status = if condition(o, "Complete") {
        "Complete"
    } else if condition(o, "Failed") {
        "Failed"
    } else if object::is_deleting(o) {
        "Terminating"
    } else if condition(o, "Suspended") {
        "Suspended"
    } else if condition(o, "FailureTarget") {
        "FailureTarget"
    } else if condition(o, "SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    };
    let cells = vec![status.into(), completions.into(), duration.into(), age(o, now)];
    let mut cells = with_containers(cells, o, "/spec/template");
    cells.push(selector(o.pointer("/spec/selector")));
    cells
}

pub(super) fn cron_job(o: &Value, now: Timestamp) -> Vec<Value> {
    let last = match at(o, "/status/lastScheduleTime") {
        "" => "<none>".to_owned(),
        text => age_of(text, now),
    };
    let cells = vec![
        at(o, "/spec/schedule").into(),
        at_or(o, "/spec/timeZone", "<none>").into(),
        if truth(o, "/spec/suspend") { "True".into() } else { "False".into() },
        list(o, "/status/active").len().into(),
        last.into(),
        age(o, now),
    ];
    let mut cells = with_containers(cells, o, "/spec/jobTemplate/spec/template");
    cells.push(selector(o.pointer("/spec/jobTemplate/spec/selector")));
    cells
}

pub(super) fn autoscaler(o: &Value, now: Timestamp) -> Vec<Value> {
    let minimum = o.pointer("/spec/minReplicas").and_then(Value::as_i64);
    vec![
        format!("{}/{}", at(o, "/spec/scaleTargetRef/kind"), at(o, "/spec/scaleTargetRef/name"))
            .into(),
        targets(o).into(),
        minimum.map_or_else(|| "<unset>".into(), |m| m.to_string().into()),
        number(o, "/spec/maxReplicas").into(),
        number(o, "/status/currentReplicas").into(),
        age(o, now),
    ]
}

/// Metrics shown before the rest is only counted.
const MAX_TARGETS: usize = 2;

fn targets(o: &Value) -> String {
    // v1 has one target only.
    if let Some(percent) = o.pointer("/spec/targetCPUUtilizationPercentage").and_then(Value::as_i64)
    {
        let current = o.pointer("/status/currentCPUUtilizationPercentage").and_then(Value::as_i64);
        return format!(
            "cpu: {}/{percent}%",
            current.map_or_else(|| "<unknown>".to_owned(), |c| format!("{c}%"))
        );
    }
    let (specs, statuses) = (list(o, "/spec/metrics"), list(o, "/status/currentMetrics"));
    if specs.is_empty() {
        return "<none>".to_owned();
    }
    let all: Vec<String> =
        specs.iter().enumerate().map(|(i, spec)| target(spec, statuses.get(i))).collect();
    let shown = all.iter().take(MAX_TARGETS).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > MAX_TARGETS {
        format!("{shown} + {} more...", all.len() - MAX_TARGETS)
    } else {
        shown
    }
}

fn target(spec: &Value, status: Option<&Value>) -> String {
    let source = match at(spec, "/type") {
        "External" => "external",
        "Pods" => "pods",
        "Object" => "object",
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        _ => return "<unknown type>".to_owned(),
    };
    let wanted = |field: &str| spec.pointer(&format!("/{source}/target/{field}"));
    let current =
        |field: &str| status.and_then(|s| s.pointer(&format!("/{source}/current/{field}")));
    let text = |value: Option<&Value>| value.map_or_else(|| "<unknown>".to_owned(), super::plain);
    let named = matches!(source, "resource" | "containerResource");
    let prefix =
        if named { format!("{}: ", at(spec, &format!("/{source}/name"))) } else { String::new() };
    if let Some(average) = wanted("averageValue") {
        let suffix = if named || source == "pods" { "" } else { " (avg)" };
        return format!(
            "{prefix}{}/{}{suffix}",
            text(current("averageValue")),
            super::plain(average)
        );
    }
    if named {
        let percent = |value: Option<&Value>, none: &str| {
            value.map_or_else(|| none.to_owned(), |v| format!("{}%", super::plain(v)))
        };
        let now = percent(current("averageUtilization"), "<unknown>");
        return format!("{prefix}{now}/{}", percent(wanted("averageUtilization"), "<auto>"));
    }
    format!("{}/{}", text(current("value")), text(wanted("value")))
}
