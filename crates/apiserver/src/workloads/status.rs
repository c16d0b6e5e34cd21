//! Writing statuses and their conditions.

use serde_json::{Value, json};

use super::Subject;
use crate::object;
use crate::store::Key;
use crate::write::{UpdateMode, Write};

/// Who writes, in managedFields.
pub(super) const MANAGER: &str = "kube-controller-manager";

/// A condition before its times are known.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    kind: &'static str,
    status: bool,
    reason: String,
    message: String,
}

impl Condition {
    pub(super) fn new(
        kind: &'static str,
        status: bool,
        reason: &str,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, status, reason: reason.to_owned(), message: message.into() }
    }
}

/// Which times a kind's conditions carry beside `lastTransitionTime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Transition,
    /// Deployments: `lastUpdateTime`, which moves with reason and message.
    Update,
    /// Jobs: `lastProbeTime`.
    Probe,
    /// Pods: `lastProbeTime: null`.
    NoProbe,
}

/// The conditions as they go into a status; times stay where nothing changed.
pub(super) fn conditions(old: &Value, new: &[Condition], times: Times, now: &str) -> Value {
    let before = old
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let last = |condition: &Condition| {
        before.iter().find(|c| c.get("type").and_then(Value::as_str) == Some(condition.kind))
    };
    new.iter().map(|condition| stamped(condition, last(condition), times, now)).collect()
}

fn stamped(condition: &Condition, last: Option<&Value>, times: Times, now: &str) -> Value {
    let status = if condition.status { "True" } else { "False" };
    let is = |field: &str, wanted: &str| {
        last.and_then(|c| c.get(field)).and_then(Value::as_str).unwrap_or_default() == wanted
    };
    let since = |same: bool, field: &str| {
        let kept = last.and_then(|c| c.get(field)).filter(|_| same).cloned();
        kept.unwrap_or_else(|| now.into())
    };
    let same_status = is("status", status);
    let same = same_status && is("reason", &condition.reason) && is("message", &condition.message);
    let mut value = json!({ "type": condition.kind, "status": status });
    object::set_field(
        &mut value,
        "lastTransitionTime",
        Some(since(same_status, "lastTransitionTime")),
    );
    match times {
        Times::Transition => {}
        Times::Update => {
            object::set_field(&mut value, "lastUpdateTime", Some(since(same, "lastUpdateTime")));
        }
        Times::Probe => {
            object::set_field(&mut value, "lastProbeTime", Some(since(same, "lastProbeTime")));
        }
        Times::NoProbe => object::set_field(&mut value, "lastProbeTime", Some(Value::Null)),
    }
    for (field, text) in [("reason", &condition.reason), ("message", &condition.message)] {
        if !text.is_empty() {
            object::set_field(&mut value, field, Some(text.clone().into()));
        }
    }
    value
}

impl Subject<'_> {
    /// Writes a whole status; an unchanged one is no write.
    pub(super) fn set_status(&self, status: &Value) {
        self.edit("status", &mut |object| {
            object::set_field(object, "status", Some(status.clone()));
        });
    }

    /// Edits the object, through the status subresource or (with an empty name) as a whole.
    pub(super) fn edit(&self, subresource: &str, edit: &mut dyn FnMut(&mut Value)) {
        let mut write = Write::controller(self.core, self.resource, subresource, MANAGER);
        let key = Key::new(self.namespace(), self.name());
        let done = write.update(&key, UpdateMode::default(), &mut |live| {
            let mut object = live.cloned().unwrap_or_default();
            object::remove_meta(&mut object, "resourceVersion");
            edit(&mut object);
            Ok(object)
        });
        if let Err(why) = done
            && why.reason != "NotFound"
        {
            tracing::warn!(error = %why, "the simulation cannot write");
        }
    }
}
