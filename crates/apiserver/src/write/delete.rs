//! Deletion: graceful, by finalizers, with the three propagation policies.

use serde_json::{Value, json};

use super::Write;
use crate::failure::{Cause, Failure};
use crate::object;
use crate::registry::Resource;
use crate::store::{Key, Lost, Stored};

/// Held by an object until its dependents are gone.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// Held by an object until its dependents have forgotten it.
pub(crate) const ORPHAN: &str = "orphan";

/// What becomes of the objects that name the deleted one as owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// `metav1.DeleteOptions`.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) grace: Option<i64>,
    pub(crate) propagation: Option<Propagation>,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
}

impl DeleteOptions {
    /// Reads the body of a DELETE. `orphanDependents` is the older spelling of two of the policies.
    pub(crate) fn parse(body: &Value) -> Result<Self, Failure> {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let propagation = match body.get("propagationPolicy").and_then(Value::as_str) {
            Some(policy) => Some(Propagation::parse(policy)?),
            None => match body.get("orphanDependents").and_then(Value::as_bool) {
                Some(true) => Some(Propagation::Orphan),
                Some(false) => Some(Propagation::Background),
                None => None,
            },
        };
        Ok(Self {
            grace: body.get("gracePeriodSeconds").and_then(Value::as_i64),
            propagation,
            uid: text("/preconditions/uid"),
            resource_version: text("/preconditions/resourceVersion"),
        })
    }
}

impl Propagation {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        match text {
            "Background" => Ok(Self::Background),
            "Foreground" => Ok(Self::Foreground),
            "Orphan" => Ok(Self::Orphan),
            other => Err(Failure::options(
                "DeleteOptions",
                Cause::not_supported(
                    "propagationPolicy",
                    &other.into(),
                    &["Foreground", "Background", "Orphan", "nil"],
                ),
            )),
        }
    }
}

/// How a deletion went.
#[derive(Debug)]
pub(crate) enum Deleted {
    /// It is gone; its last state.
    Gone(Stored),
    /// It is marked and waits for its finalizers or its grace period.
    Marked(Stored),
}

/// A deleted object that nothing holds any more.
pub(super) fn is_finished(resource: &Resource, object: &Value) -> bool {
    object::is_deleting(object)
        && object::finalizers(object).next().is_none()
        && object
            .pointer("/metadata/deletionGracePeriodSeconds")
            .and_then(Value::as_i64)
            .unwrap_or(0)
            == 0
        && !(resource.is("", "Namespace") && has_spec_finalizers(object))
}

fn has_spec_finalizers(object: &Value) -> bool {
    object.pointer("/spec/finalizers").and_then(Value::as_array).is_some_and(|f| !f.is_empty())
}

impl Write<'_> {
    /// Deletes an object, or marks it for deletion.
    pub(crate) fn delete(
        &mut self,
        key: &Key,
        options: &DeleteOptions,
    ) -> Result<Deleted, Failure> {
        for _ in 0..super::MAX_RETRIES {
            let live = self.core.store.get(self.resource.shelf, key);
            let live = live.ok_or_else(|| Failure::not_found(self.resource.about(&key.name)))?;
            self.check_preconditions(&live, options)?;
            crate::strategy::admit_delete(self.resource, &live.value)?;
            let mut marked = live.value.clone();
            self.mark(&mut marked, options);
            if is_finished(self.resource, &marked) {
                if self.options.dry_run {
                    return Ok(Deleted::Gone(live));
                }
                // What watchers see last is the object as it was; only Pods end gracefully, and show it.
                let graceful = self.resource.is("", "Pod");
                let last = if graceful { marked } else { live.value.clone() };
                match self.core.store.remove(self.resource.shelf, key, live.revision, last) {
                    Ok(last) => {
                        crate::strategy::after_delete(self.core, self.resource, &last);
                        return Ok(Deleted::Gone(last));
                    }
                    Err(Lost::Missing) => {
                        return Err(Failure::not_found(self.resource.about(&key.name)));
                    }
                    Err(Lost::Changed | Lost::Exists) => continue,
                }
            }
            if self.options.dry_run || marked == live.value {
                return Ok(Deleted::Marked(live));
            }
            match self.core.store.replace(self.resource.shelf, key, live.revision, marked) {
                Ok(stored) => return Ok(Deleted::Marked(stored)),
                Err(Lost::Missing) => {
                    return Err(Failure::not_found(self.resource.about(&key.name)));
                }
                Err(Lost::Changed | Lost::Exists) => {}
            }
        }
        Err(Failure::modified(self.resource.about(&key.name)))
    }

    fn check_preconditions(&self, live: &Stored, options: &DeleteOptions) -> Result<(), Failure> {
        let about = self.resource.about_kind(object::name(&live.value));
        if let Some(wanted) = &options.uid {
            let actual = object::uid(&live.value).unwrap_or_default();
            if wanted != actual {
                let why = format!(
                    "the UID in the precondition ({wanted}) does not match the UID in record ({actual}). The object \
                     might have been deleted and then recreated"
                );
                return Err(Failure::conflict(about, &why));
            }
        }
        if let Some(wanted) = &options.resource_version {
            let actual = live.revision.to_string();
            if *wanted != actual {
                let why = format!(
                    "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
                     ({actual}). The object might have been modified"
                );
                return Err(Failure::conflict(about, &why));
            }
        }
        Ok(())
    }

    fn mark(&self, object: &mut Value, options: &DeleteOptions) {
        let propagation = options.propagation.or_else(|| self.default_propagation(object));
        object::remove_finalizer(object, FOREGROUND);
        object::remove_finalizer(object, ORPHAN);
        match propagation {
            Some(Propagation::Foreground) => object::add_finalizer(object, FOREGROUND),
            Some(Propagation::Orphan) => object::add_finalizer(object, ORPHAN),
            Some(Propagation::Background) | None => {}
        }
        let grace = self.grace(object, options);
        if object::is_deleting(object) {
            let current =
                object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64);
            if grace < current.unwrap_or(0) {
                object::set_meta(object, "deletionGracePeriodSeconds", grace);
            }
            return;
        }
        let end = self.core.options.clock.now() + jiff::SignedDuration::from_secs(grace);
        object::set_meta(object, "deletionTimestamp", crate::options::seconds(end));
        object::set_meta(object, "deletionGracePeriodSeconds", grace);
        let generation = object::generation(object);
        if generation > 0 {
            object::set_meta(object, "generation", generation + 1);
        }
        if self.resource.is("", "Namespace") {
            object::set_field(object, "status", Some(json!({ "phase": "Terminating" })));
        }
        if self.resource.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            object::add_finalizer(object, crate::crd::CLEANUP);
        }
    }

    /// Finalizers that are there already keep their meaning; old workload kinds orphan.
    fn default_propagation(&self, object: &Value) -> Option<Propagation> {
        if object::has_finalizer(object, ORPHAN) {
            return Some(Propagation::Orphan);
        }
        if object::has_finalizer(object, FOREGROUND) {
            return Some(Propagation::Foreground);
        }
        let orphans =
            self.resource.is("batch", "Job") || self.resource.is("", "ReplicationController");
        orphans.then_some(Propagation::Orphan)
    }

    /// Only Pods that run somewhere are given time.
    fn grace(&self, object: &Value, options: &DeleteOptions) -> i64 {
        let scheduled =
            object.pointer("/spec/nodeName").and_then(Value::as_str).is_some_and(|n| !n.is_empty());
        let ended = matches!(
            object.pointer("/status/phase").and_then(Value::as_str),
            Some("Succeeded" | "Failed")
        );
        if !self.resource.is("", "Pod") || !scheduled || ended {
            return 0;
        }
        let own = object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
        options.grace.or(own).unwrap_or(30).max(0)
    }
}
