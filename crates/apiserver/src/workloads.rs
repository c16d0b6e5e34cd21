//! The workload simulation: what kubelets and the workload controllers of a cluster would report.
//!
//! Deployments make ReplicaSets, those make Pods, Pods get scheduled on the one simulated node, start and
//! become ready, one step of [`crate::Simulation`] at a time; claims get bound, load balancers get an
//! address, Jobs complete. Statuses are those that kstatus, `kubectl rollout status` and `kubectl wait`
//! read.
//!
//! The annotation `weir.dev/simulate` on an object, its Pod template or whatever controls it chooses
//! another end:
//!
//! | value | Pods | Jobs | claims, load balancers |
//! |---|---|---|---|
//! | `fail` | crash (`CrashLoopBackOff`), Deployments exceed their progress deadline | fail | stay pending; claims get lost |
//! | `never-ready` | run, never ready | never end | stay pending |
//!
//! `weir.dev/simulate-delay: 1500ms` (or `2s`) makes each step of an object take that long instead;
//! `weir.dev/simulate-log` is what `kubectl logs` prints.

mod children;
mod daemon_set;
mod deployment;
mod disruption;
mod job;
mod network;
mod node;
mod pod;
mod replica_set;
mod stateful_set;
mod status;
mod storage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::core::Core;
use crate::object;
use crate::options::Simulation;
use crate::registry::Resource;
use crate::store::{Key, Reference, Stored};

pub(crate) use disruption::check as check_disruption;
pub(crate) use pod::qos;

/// A Pod's log, for `kubectl logs`.
pub(crate) const LOG_ANNOTATION: &str = "weir.dev/simulate-log";
/// How a workload ends.
const END_ANNOTATION: &str = "weir.dev/simulate";
/// How long each step of a workload takes.
const DELAY_ANNOTATION: &str = "weir.dev/simulate-delay";
/// The one simulated node.
pub(crate) const NODE: &str = "weir";

/// Kinds whose every change the simulation looks at: (apiVersion, plural).
const FOLLOWED: [(&str, &str); 13] = [
    ("apps/v1", "deployments"),
    ("apps/v1", "replicasets"),
    ("apps/v1", "statefulsets"),
    ("apps/v1", "daemonsets"),
    ("batch/v1", "jobs"),
    ("v1", "pods"),
    ("v1", "replicationcontrollers"),
    ("v1", "persistentvolumeclaims"),
    ("v1", "services"),
    ("networking.k8s.io/v1", "ingresses"),
    ("policy/v1", "poddisruptionbudgets"),
    ("apiregistration.k8s.io/v1", "apiservices"),
    ("v1", "nodes"),
];

/// How an object's simulation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Ready,
    Fail,
    NeverReady,
}

/// When each object's current step is over.
#[derive(Debug, Default)]
pub(crate) struct Pace(BTreeMap<Reference, Instant>);

impl Pace {
    /// Whether the step that an object is in is over; the first question starts it. `Err` is how long to wait.
    fn step(&mut self, core: &Core, reference: &Reference, object: &Value) -> Result<(), Duration> {
        let length =
            if self.0.contains_key(reference) { Duration::ZERO } else { step_length(core, object) };
        self.wait(reference, length)
    }

    /// As [`Self::step`], for a step of this length.
    fn wait(&mut self, reference: &Reference, length: Duration) -> Result<(), Duration> {
        let now = Instant::now();
        let due = *self.0.entry(reference.clone()).or_insert(now + length);
        if due > now {
            return Err(due - now);
        }
        self.0.remove(reference);
        Ok(())
    }

    /// An object is gone; a later one of its name starts anew.
    pub(crate) fn forget(&mut self, reference: &Reference) {
        self.0.remove(reference);
    }
}

/// One object that the simulation moves on.
pub(crate) struct Subject<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) resource: &'a Resource,
    pub(crate) reference: &'a Reference,
    pub(crate) live: &'a Stored,
}

impl Subject<'_> {
    fn value(&self) -> &Value {
        &self.live.value
    }

    fn name(&self) -> &str {
        object::name(&self.live.value)
    }

    fn namespace(&self) -> &str {
        object::namespace(&self.live.value)
    }

    fn uid(&self) -> &str {
        object::uid(&self.live.value).unwrap_or_default()
    }

    fn number(&self, pointer: &str, default: i64) -> i64 {
        self.live.value.pointer(pointer).and_then(Value::as_i64).unwrap_or(default)
    }

    fn text(&self, pointer: &str) -> &str {
        self.live.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Tells the store which kinds to follow, and makes the node.
pub(crate) fn begin(core: &Core) {
    if core.options.simulation == Simulation::Off || !core.options.controllers {
        return;
    }
    for (api_version, plural) in FOLLOWED {
        if let Some(resource) = core.builtin(api_version, plural) {
            core.store.follow(resource.shelf);
        }
    }
    node::make(core);
    storage::make_class(core);
}

/// Moves one object on; how long until the next step, if there is one.
pub(crate) fn look_at(subject: &Subject<'_>, pace: &mut Pace) -> Option<Duration> {
    if subject.core.options.simulation == Simulation::Off || subject.resource.custom.is_some() {
        return None;
    }
    let deleting = object::is_deleting(subject.value());
    match (subject.resource.group.as_str(), subject.resource.kind.as_str()) {
        ("", "Pod") => pod::look_at(subject, pace),
        _ if deleting => None,
        ("apps", "Deployment") => deployment::look_at(subject, pace),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => replica_set::look_at(subject),
        ("apps", "StatefulSet") => stateful_set::look_at(subject),
        ("apps", "DaemonSet") => daemon_set::look_at(subject),
        ("batch", "Job") => job::look_at(subject, pace),
        ("", "PersistentVolumeClaim") => storage::look_at(subject, pace),
        ("", "Service") => network::service(subject, pace),
        ("networking.k8s.io", "Ingress") => network::ingress(subject, pace),
        ("policy", "PodDisruptionBudget") => disruption::look_at(subject),
        ("apiregistration.k8s.io", "APIService") => network::api_service(subject),
        _ => None,
    }
}

/// An object is gone: whoever counted it should count again.
pub(crate) fn gone(core: &Core, resource: &Resource, key: &Key) {
    if resource.is("", "Pod") {
        pod::recount(core, &key.namespace);
    }
    if resource.is("", "PersistentVolumeClaim") {
        storage::release(core, key);
    }
}

/// How this object ends: its own annotation, its template's, or that of whatever controls it.
pub(crate) fn end(core: &Core, object: &Value) -> End {
    match inherited(core, object, END_ANNOTATION).as_deref() {
        Some("fail") => End::Fail,
        Some("never-ready") => End::NeverReady,
        _ => End::Ready,
    }
}

fn step_length(core: &Core, object: &Value) -> Duration {
    let usual = match core.options.simulation {
        Simulation::Off => Duration::ZERO,
        Simulation::On { step } => step,
    };
    inherited(core, object, DELAY_ANNOTATION)
        .and_then(|text| parse_duration(&text))
        .unwrap_or(usual)
}

/// `150ms`, `2s`, `1m`: whole numbers only.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match text.strip_prefix(digits)? {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

/// Pods are controlled by ReplicaSets, those by Deployments; nothing is deeper.
const MAX_OWNERS: usize = 4;

fn inherited(core: &Core, object: &Value, annotation: &str) -> Option<String> {
    let in_template = |object: &Value| {
        let annotations = object.pointer("/spec/template/metadata/annotations")?;
        Some(annotations.get(annotation)?.as_str()?.to_owned())
    };
    let own = |object: &Value| {
        object::annotation(object, annotation).map(str::to_owned).or_else(|| in_template(object))
    };
    if let Some(found) = own(object) {
        return Some(found);
    }
    let mut uid = controller_uid(object)?;
    for _ in 0..MAX_OWNERS {
        let reference = core.store.with_index(|index| index.by_uid(&uid).cloned())?;
        let owner = core.store.get(reference.shelf, &reference.key)?;
        if let Some(found) = own(&owner.value) {
            return Some(found);
        }
        uid = controller_uid(&owner.value)?;
    }
    None
}

fn controller_uid(object: &Value) -> Option<String> {
    Some(object::controller(object)?.get("uid")?.as_str()?.to_owned())
}
