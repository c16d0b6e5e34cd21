//! What wakes an object: the change itself, or a change to something it refers to.

use std::time::Duration;

use common::names::RECONCILE_REQUEST;
use kube::{Resource, ResourceExt};
use tokio::sync::mpsc;

use crate::kind::Key;

/// Why an object is visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It is seen for the first time, or its spec changed, or it is being deleted.
    Changed,
    /// Someone asked by annotation.
    Requested,
    /// Its source has a new revision.
    Source,
    /// A dependency changed.
    Dependency,
    /// A ConfigMap or Secret it reads changed.
    Config,
    /// Someone else changed what it applied.
    Drift,
}

impl Cause {
    /// Whether a visit under way that only waits should give way to this.
    pub(crate) fn is_newer_work(self) -> bool {
        matches!(self, Self::Changed | Self::Requested | Self::Source)
    }

    /// How long to gather further changes before the visit: foreign writes come in bursts.
    pub(crate) fn delay(self) -> Duration {
        match self {
            Self::Drift => Duration::from_millis(50),
            _ => Duration::ZERO,
        }
    }
}

/// Wakes objects of one controller from anywhere. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Waker {
    sender: mpsc::UnboundedSender<(Key, Cause)>,
}

impl Waker {
    /// A waker and the end the controller's loop reads. Unbounded, because the loop only files
    /// each wake under its object, where all of them together are one.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<(Key, Cause)>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender }, receiver)
    }

    /// Visits the object soon. Wakes of one object add up to one visit.
    pub fn wake(&self, key: Key, cause: Cause) {
        // A closed channel means that the controller has ended, and with it the need.
        self.sender.send((key, cause)).ok();
    }
}

/// What of an object decides whether a watch event is news. Changes to its status are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    uid: Option<String>,
    generation: Option<i64>,
    requested_at: Option<String>,
    deleted: bool,
}

impl Seen {
    pub(crate) fn of(object: &impl Resource) -> Self {
        Self {
            uid: object.uid(),
            generation: object.meta().generation,
            requested_at: object.annotations().get(RECONCILE_REQUEST).cloned(),
            deleted: object.meta().deletion_timestamp.is_some(),
        }
    }

    /// Why this state of an object is news after `before`; `None` when it is not.
    pub(crate) fn news_since(&self, before: Option<&Self>) -> Option<Cause> {
        let Some(before) = before else { return Some(Cause::Changed) };
        let same_spec = (&self.uid, self.generation, self.deleted)
            == (&before.uid, before.generation, before.deleted);
        let same_request = self.requested_at == before.requested_at || self.requested_at.is_none();
        match (same_spec, same_request) {
            (false, _) => Some(Cause::Changed),
            (true, false) => Some(Cause::Requested),
            (true, true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(generation: i64, requested_at: Option<&str>, deleted: bool) -> Seen {
        Seen {
            uid: Some("u".to_owned()),
            generation: Some(generation),
            requested_at: requested_at.map(str::to_owned),
            deleted,
        }
    }

    #[test]
    fn only_spec_request_and_deletion_wake() {
        let before = seen(1, Some("t1"), false);
        for (after, news) in [
            (seen(1, Some("t1"), false), None),
            (seen(2, Some("t1"), false), Some(Cause::Changed)),
            (seen(1, Some("t2"), false), Some(Cause::Requested)),
            (seen(1, None, false), None),
            (seen(1, Some("t1"), true), Some(Cause::Changed)),
        ] {
            assert_eq!(after.news_since(Some(&before)), news, "{after:?}");
        }
        assert_eq!(before.news_since(None), Some(Cause::Changed));
    }
}
