//! The trait a controller implements for each of its kinds.

use std::future::Future;
use std::time::Duration;

use common::api::Object;
use common::api::meta::DurationError;

use crate::kind::Key;
use crate::outcome::{Ready, Stop};
use crate::run::Run;

/// When an object wants to be visited; read from its spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visits {
    /// `spec.interval`; `None` for kinds that are visited on change only.
    pub interval: Option<Duration>,
    /// `spec.retryInterval`: the fixed delay after a failure; without it the delay grows.
    pub retry_interval: Option<Duration>,
    /// `spec.suspend`: visits stop until it is false again.
    pub suspended: bool,
}

impl Visits {
    /// Every `interval`, never suspended.
    pub fn every(interval: Duration) -> Self {
        Self { interval: Some(interval), retry_interval: None, suspended: false }
    }
}

/// What a controller does to one kind. The frame does the rest: queue, finalizer, suspend, status,
/// events, metrics, panics, shutdown.
pub trait Reconcile: Send + Sync + 'static {
    /// The kind.
    type Object: Object;

    /// The finalizer that keeps a deleted object until [`Reconcile::finalize`] is done; `None`
    /// for kinds that leave nothing behind.
    const FINALIZER: Option<&'static str> = Some(common::names::FINALIZER);

    /// Whether a suspended object that is deleted is finalized without calling
    /// [`Reconcile::finalize`], as the appliers do: what they applied stays.
    const SUSPENDED_KEEPS: bool = false;

    /// When to visit this object: what its spec says, with a delay that grows after failures.
    ///
    /// # Errors
    /// When the spec's interval is no duration; the object stalls.
    fn visits(&self, object: &Self::Object) -> Result<Visits, DurationError> {
        Ok(Visits {
            interval: object.interval()?,
            retry_interval: None,
            suspended: object.suspended(),
        })
    }

    /// One visit. Dropping the future at any await must leave nothing broken.
    fn reconcile(
        &self,
        run: &mut Run<Self::Object>,
    ) -> impl Future<Output = Result<Ready, Stop>> + Send;

    /// Cleans up what an object left behind, before the finalizer goes.
    fn finalize(
        &self,
        run: &mut Run<Self::Object>,
    ) -> impl Future<Output = Result<(), Stop>> + Send;

    /// Told after each visit, when its outcome is written: to wake what waited for it.
    fn settled(&self, _key: &Key, _ready: bool) {}

    /// Told once when an object is gone, to drop what is remembered of it.
    fn forget(&self, _key: &Key) {}
}
