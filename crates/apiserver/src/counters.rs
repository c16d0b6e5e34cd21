//! How often each verb was used on each resource.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Requests counted by verb and resource since the start or the last reset.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<BTreeMap<RequestKind, u64>>);

/// What a request was, for counting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKind {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for paths that are
    /// not resources (discovery, health) the HTTP method in lower case.
    pub verb: &'static str,
    /// `deployments.apps` or `deployments.apps/status`; the path itself when it is not a resource.
    pub resource: String,
}

impl RequestKind {
    /// True for verbs that change something.
    pub fn is_write(&self) -> bool {
        matches!(self.verb, "create" | "update" | "patch" | "delete" | "deletecollection")
    }
}

impl Counters {
    pub(crate) fn add(&self, kind: RequestKind) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    pub(crate) fn read(&self) -> BTreeMap<RequestKind, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn reset(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
