//! What wakes an object: the change itself, or a change to something it refers to.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use common::names::RECONCILE_REQUEST;
use kube::{Resource, ResourceExt};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::draft::lock;
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
    pending: Arc<Pending>,
}

/// The end of a [`Waker`] that the controller's loop reads.
#[derive(Debug)]
pub struct Wakes {
    pending: Arc<Pending>,
}

/// Wakes that nobody has read yet. Each object stands in it once per cause, so there are never more
/// than objects times causes, however often and from wherever they are woken.
#[derive(Debug, Default)]
struct Pending {
    wakes: Mutex<Queued>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Queued {
    order: VecDeque<(Key, Cause)>,
    present: BTreeSet<(Key, Cause)>,
}

impl Waker {
    /// A waker and the end the controller's loop reads.
    pub fn channel() -> (Self, Wakes) {
        let pending = Arc::<Pending>::default();
        (Self { pending: Arc::clone(&pending) }, Wakes { pending })
    }

    /// Visits the object soon. Wakes of one object add up to one visit.
    pub fn wake(&self, key: Key, cause: Cause) {
        {
            let mut queued = lock(&self.pending.wakes);
            if !queued.present.insert((key.clone(), cause)) {
                return;
            }
            queued.order.push_back((key, cause));
        }
        self.pending.added.notify_one();
    }
}

impl Wakes {
    /// The next object to visit and why, in the order in which they were woken.
    pub(crate) async fn next(&mut self) -> (Key, Cause) {
        loop {
            if let Some(wake) = self.take() {
                return wake;
            }
            // Who wakes after the look above leaves a permit, so that this ends at once.
            self.pending.added.notified().await;
        }
    }

    fn take(&self) -> Option<(Key, Cause)> {
        let mut queued = lock(&self.pending.wakes);
        let wake = queued.order.pop_front()?;
        queued.present.remove(&wake);
        Some(wake)
    }
}

/// Ends the waits of one visit, and says why.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    pub(crate) token: CancellationToken,
    cause: Arc<OnceLock<Cause>>,
}

impl Interrupt {
    /// One that the shutdown fires, too.
    pub(crate) fn new(shutdown: &CancellationToken) -> Self {
        Self { token: shutdown.child_token(), cause: Arc::default() }
    }

    /// Fires it; the first cause counts.
    pub(crate) fn fire(&self, cause: Cause) {
        let _earlier = self.cause.set(cause);
        self.token.cancel();
    }

    /// What newer work fired it.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.cause.get().copied()
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

    #[tokio::test]
    async fn an_object_waits_once_per_cause_and_none_is_lost() {
        let (waker, mut wakes) = Waker::channel();
        let key = |name: &str| Key::new("a", name);
        for _ in 0..1000 {
            waker.wake(key("x"), Cause::Drift);
            waker.wake(key("w"), Cause::Source);
            waker.wake(key("x"), Cause::Source);
        }
        assert_eq!(lock(&waker.pending.wakes).order.len(), 3);
        assert_eq!(wakes.next().await, (key("x"), Cause::Drift));
        waker.wake(key("x"), Cause::Drift);
        assert_eq!(wakes.next().await, (key("w"), Cause::Source));
        assert_eq!(wakes.next().await, (key("x"), Cause::Source));
        assert_eq!(wakes.next().await, (key("x"), Cause::Drift));
        let (woken, ()) = tokio::join!(wakes.next(), async { waker.wake(key("y"), Cause::Config) });
        assert_eq!(woken, (key("y"), Cause::Config));
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
