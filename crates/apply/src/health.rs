//! Whether an object has become what it should be: the rules of kstatus (cli-utils), as a pure
//! function of the object.

use crate::field::Field as _;
use serde_json::Value;

/// The state of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It is as wanted.
    Current,
    /// It is on its way.
    InProgress(String),
    /// It will not get there by itself.
    Failed(String),
    /// It is being deleted.
    Terminating,
    /// It is not there.
    NotFound,
    /// It cannot be told.
    Unknown(String),
}

impl Health {
    /// The word of kstatus.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Current => "Current",
            Self::InProgress(_) => "InProgress",
            Self::Failed(_) => "Failed",
            Self::Terminating => "Terminating",
            Self::NotFound => "NotFound",
            Self::Unknown(_) => "Unknown",
        }
    }

    fn waiting(message: impl Into<String>) -> Self {
        Self::InProgress(message.into())
    }
}

/// Kinds that are as wanted as soon as they exist: nothing works on them.
pub(crate) fn is_static(group: &str, kind: &str) -> bool {
    match group {
        "" => {
            matches!(kind, "ConfigMap" | "Secret" | "ServiceAccount" | "Endpoints" | "LimitRange")
        }
        "rbac.authorization.k8s.io" | "admissionregistration.k8s.io" => true,
        "storage.k8s.io" => kind == "StorageClass",
        "scheduling.k8s.io" => kind == "PriorityClass",
        "node.k8s.io" => kind == "RuntimeClass",
        "networking.k8s.io" => matches!(kind, "IngressClass" | "NetworkPolicy"),
        _ => false,
    }
}

/// The health of an object as the server shows it.
pub fn of(object: &Value) -> Health {
    if !object.at("metadata.deletionTimestamp").is_null() {
        return Health::Terminating;
    }
    if let Some(health) = generic(object) {
        return health;
    }
    let api_version = object.at("apiVersion").as_str().unwrap_or_default();
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    match (group, object.at("kind").as_str().unwrap_or_default()) {
        ("", "Service") => service(object),
        ("", "Pod") => pod(object),
        ("", "PersistentVolumeClaim") => claim(object),
        ("apps", "Deployment") => deployment(object),
        ("apps", "ReplicaSet") => replica_set(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("batch", "Job") => job(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        _ => ready_condition(object),
    }
}

/// What holds for every kind: the controller has seen the current spec, and the conditions
/// `Reconciling` and `Stalled` mean what kstatus says.
fn generic(object: &Value) -> Option<Health> {
    let generation = object.at("metadata.generation").as_i64();
    let observed = object.at("status.observedGeneration").as_i64();
    if let (Some(generation), Some(observed)) = (generation, observed)
        && generation != observed
    {
        let kind = object.at("kind").as_str().unwrap_or("object");
        return Some(Health::waiting(format!(
            "{kind} generation is {generation}, but latest observed generation is {observed}"
        )));
    }
    // The first of the two in the list decides.
    let mut conditions = object.at("status.conditions").as_array()?.iter();
    conditions.find_map(|condition| match condition.at("type").as_str()? {
        "Reconciling" if condition.at("status") == "True" => {
            Some(Health::InProgress(message(condition)))
        }
        "Stalled" if condition.at("status") == "True" => Some(Health::Failed(message(condition))),
        _ => None,
    })
}

fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.at("status.conditions").as_array()?.iter().find(|condition| condition.at("type") == name)
}

fn message(condition: &Value) -> String {
    condition.at("message").as_str().unwrap_or_default().to_owned()
}

fn has_status(object: &Value, name: &str, status: &str) -> bool {
    condition(object, name).is_some_and(|condition| condition.at("status") == status)
}

/// A kind without rules of its own: `Ready` decides, and without it the object is current.
fn ready_condition(object: &Value) -> Health {
    match condition(object, "Ready") {
        Some(ready) if matches!(ready.at("status").as_str(), Some("False" | "Unknown")) => {
            Health::InProgress(message(ready))
        }
        _ => Health::Current,
    }
}

fn service(object: &Value) -> Health {
    let spec = &object.at("spec");
    let no_address = spec.at("clusterIP").as_str().unwrap_or_default().is_empty();
    if spec.at("type") == "LoadBalancer" && no_address {
        return Health::waiting("ClusterIP not set. Service type: LoadBalancer");
    }
    Health::Current
}

fn pod(object: &Value) -> Health {
    match object.at("status.phase").as_str().unwrap_or_default() {
        // A Pod that has ended is where it was going, well or not: whoever runs it judges that.
        "Succeeded" | "Failed" => Health::Current,
        "Running" if has_status(object, "Ready", "True") => Health::Current,
        "Running" => match crash_looping(object) {
            Some(containers) => {
                Health::Failed(format!("Containers in CrashLoop state: {containers}"))
            }
            None => Health::waiting("Pod is running but is not Ready"),
        },
        "Pending" if is_unschedulable(object) => Health::waiting("Pod has not been scheduled"),
        "Pending" => Health::waiting("Pod is in the Pending phase"),
        "" => Health::waiting("Pod phase not available"),
        other => Health::Unknown(format!("unknown phase {other}")),
    }
}

/// Whether the scheduler finds no place for a Pod.
fn is_unschedulable(object: &Value) -> bool {
    let scheduled = condition(object, "PodScheduled");
    scheduled.is_some_and(|c| c.at("status") == "False" && c.at("reason") == "Unschedulable")
}

/// The label selector that finds the Pods of a workload which says nothing of their failures.
pub(crate) fn pods_of(object: &Value) -> Option<String> {
    let has_pods = object.at("apiVersion") == "apps/v1"
        && matches!(object.at("kind").as_str(), Some("StatefulSet" | "ReplicaSet"));
    has_pods.then(|| selector(object.at("spec.selector"))).flatten()
}

/// A label selector in its text form; `None` for one that is empty or cannot be read.
fn selector(selector: &Value) -> Option<String> {
    let labels = selector.at("matchLabels").as_object().into_iter().flatten();
    let mut parts: Vec<String> = labels
        .map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect::<Option<_>>()?;
    for expression in selector.at("matchExpressions").as_array().into_iter().flatten() {
        let key = expression.at("key").as_str()?;
        let values: Vec<&str> = expression
            .at("values")
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        parts.push(match expression.at("operator").as_str()? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

/// Whether a Pod of a workload has failed so that the workload will not get ready by itself.
pub(crate) fn is_failed_pod(pod: &Value) -> bool {
    pod.at("metadata.deletionTimestamp").is_null()
        && !is_unschedulable(pod)
        && matches!(of(pod), Health::Failed(_))
}

/// The containers that crash again and again.
fn crash_looping(object: &Value) -> Option<String> {
    let statuses = object.at("status.containerStatuses").as_array()?;
    let names: Vec<&str> = statuses
        .iter()
        .filter(|status| status.at("state.waiting.reason") == "CrashLoopBackOff")
        .filter_map(|status| status.at("name").as_str())
        .collect();
    (!names.is_empty()).then(|| names.join(","))
}

fn claim(object: &Value) -> Health {
    match object.at("status.phase").as_str().unwrap_or("unknown") {
        "Bound" => Health::Current,
        phase => Health::waiting(format!("PVC is not Bound. phase: {phase}")),
    }
}

/// A count in the status; absent means zero.
fn count(object: &Value, field: &str) -> i64 {
    object.at("status").at(field).as_i64().unwrap_or(0)
}

/// `spec.replicas`; the server's default is one.
fn replicas(object: &Value) -> i64 {
    object.at("spec.replicas").as_i64().unwrap_or(1)
}

/// The first pair whose left number is greater than the right one, with its name.
fn first_short(pairs: &[(&str, i64, i64)]) -> Option<Health> {
    let (name, wanted, is) = pairs.iter().find(|(_, wanted, is)| wanted > is)?;
    Some(Health::waiting(format!("{name}: {is}/{wanted}")))
}

fn deployment(object: &Value) -> Health {
    let wanted = replicas(object);
    let progress = condition(object, "Progressing");
    if let Some(progress) = progress
        && progress.at("reason") == "ProgressDeadlineExceeded"
    {
        return Health::Failed("Progress deadline exceeded".to_owned());
    }
    if object.at("status.observedGeneration").is_null() {
        return Health::waiting("Deployment has not been observed");
    }
    let (total, updated) = (count(object, "replicas"), count(object, "updatedReplicas"));
    let short = first_short(&[("Replicas", wanted, total), ("Updated", wanted, updated)]);
    if let Some(short) = short {
        return short;
    }
    if total > wanted {
        return Health::waiting(format!("Pending termination: {}", total - wanted));
    }
    let short = first_short(&[
        ("Available", updated, count(object, "availableReplicas")),
        ("Ready", wanted, count(object, "readyReplicas")),
    ]);
    if let Some(short) = short {
        return short;
    }
    // Without a deadline the condition is never set.
    let deadline = object.at("spec.progressDeadlineSeconds").as_i64();
    let no_deadline = deadline.is_none_or(|seconds| seconds == i64::from(i32::MAX));
    let progressed = progress
        .is_some_and(|c| c.at("status") == "True" && c.at("reason") == "NewReplicaSetAvailable");
    if !no_deadline && !progressed {
        return Health::waiting("ReplicaSet not Available");
    }
    if !has_status(object, "Available", "True") {
        return Health::waiting("Deployment not Available");
    }
    Health::Current
}

fn replica_set(object: &Value) -> Health {
    if let Some(failure) = condition(object, "ReplicaFailure")
        && failure.at("status") == "True"
    {
        return Health::InProgress(message(failure));
    }
    let wanted = replicas(object);
    let short = first_short(&[
        ("Labelled", wanted, count(object, "fullyLabeledReplicas")),
        ("Available", wanted, count(object, "availableReplicas")),
        ("Ready", wanted, count(object, "readyReplicas")),
        ("Pending termination", count(object, "replicas"), wanted),
    ]);
    short.unwrap_or(Health::Current)
}

fn stateful_set(object: &Value) -> Health {
    if object.at("spec.updateStrategy.type") == "OnDelete" {
        return Health::Current;
    }
    if object.at("status.observedGeneration").is_null() {
        return Health::waiting("StatefulSet has not been observed");
    }
    let wanted = replicas(object);
    let (total, ready) = (count(object, "replicas"), count(object, "readyReplicas"));
    let pairs = [
        ("Replicas", wanted, total),
        ("Ready", wanted, ready),
        ("Pending termination", total, wanted),
    ];
    if let Some(short) = first_short(&pairs) {
        return short;
    }
    // The server's default is a partition of 0, with which all replicas must be updated.
    let rolling = &object.at("spec.updateStrategy.rollingUpdate.partition");
    if let Some(partition) = rolling.as_i64() {
        let updated = count(object, "updatedReplicas");
        return first_short(&[("Updated", wanted - partition, updated)]).unwrap_or(Health::Current);
    }
    let short = first_short(&[("Current", wanted, count(object, "currentReplicas"))]);
    if let Some(short) = short {
        return short;
    }
    let status = &object.at("status");
    if status.at("currentRevision") != status.at("updateRevision") {
        return Health::waiting("Waiting for updated revision to match current");
    }
    Health::Current
}

fn daemon_set(object: &Value) -> Health {
    let status = &object.at("status");
    if status.at("observedGeneration").is_null() {
        return Health::waiting("DaemonSet has not been observed");
    }
    let Some(wanted) = status.at("desiredNumberScheduled").as_i64() else {
        return Health::waiting("Missing .status.desiredNumberScheduled");
    };
    let short = first_short(&[
        ("Current", wanted, count(object, "currentNumberScheduled")),
        ("Updated", wanted, count(object, "updatedNumberScheduled")),
        ("Available", wanted, count(object, "numberAvailable")),
        ("Ready", wanted, count(object, "numberReady")),
    ]);
    short.unwrap_or(Health::Current)
}

/// A Job must complete: that it runs well is not enough for whoever waits for it. A suspended one
/// is as wanted.
fn job(object: &Value) -> Health {
    if object.at("spec.suspend") == &Value::Bool(true) {
        return Health::Current;
    }
    let parallelism = object.at("spec.parallelism").as_i64().unwrap_or(1);
    let completions = object.at("spec.completions").as_i64().unwrap_or(parallelism);
    let (succeeded, failed) = (count(object, "succeeded"), count(object, "failed"));
    let conditions = object.at("status.conditions").as_array().into_iter().flatten();
    for condition in conditions.filter(|condition| condition.at("status") == "True") {
        match condition.at("type").as_str() {
            Some("Complete") => return Health::Current,
            Some("Failed") => {
                let what = format!("Job Failed. failed: {failed}/{completions}");
                let why = message(condition);
                let separator = if why.is_empty() { "" } else { ": " };
                return Health::Failed(format!("{what}{separator}{why}"));
            }
            _ => {}
        }
    }
    if object.at("status.startTime").is_null() {
        return Health::waiting(format!("Job not started. active: 0/{parallelism}"));
    }
    let active = count(object, "active");
    Health::waiting(format!(
        "Job in progress. success:{succeeded}, active: {active}, failed: {failed}"
    ))
}

fn definition(object: &Value) -> Health {
    if let Some(names) = condition(object, "NamesAccepted")
        && names.at("status") == "False"
    {
        return Health::Failed(message(names));
    }
    match condition(object, "Established") {
        Some(established) if established.at("status") == "True" => Health::Current,
        Some(established) if established.at("reason") != "Installing" => {
            Health::Failed(message(established))
        }
        _ => Health::waiting("Install in progress"),
    }
}

#[cfg(test)]
mod tests;
