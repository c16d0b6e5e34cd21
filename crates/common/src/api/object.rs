//! What all kinds and all statuses have in common, for code that handles any of them.

use std::{fmt::Debug, time::Duration};

use kube::core::NamespaceResourceScope;
use serde::{Serialize, de::DeserializeOwned};

use super::{duration::DurationError, meta::Condition};

/// A kind of one of the API groups.
pub trait Object:
    kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The type of `.status`.
    type Status: Status;

    /// What was last reported, if anything was.
    fn status(&self) -> Option<&Self::Status>;

    /// The status to write into, made if it is absent.
    fn status_mut(&mut self) -> &mut Self::Status;

    /// Whether `.spec.suspend` says to leave the object alone. False for kinds without the field.
    fn suspended(&self) -> bool;

    /// `.spec.interval`, or `None` if the kind or the object has none.
    fn interval(&self) -> Result<Option<Duration>, DurationError>;

    /// The paths of the fields in use that only older versions of the API have, such as
    /// `spec.validation`. Controllers honour them or, where the description of the field says so,
    /// accept them without effect, and tell the user.
    fn deprecated_fields(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// The status of a kind, seen as what every controller writes.
pub trait Status:
    Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The conditions, in the order of the wire.
    fn conditions(&self) -> &[Condition];

    /// The conditions, to be changed by [`crate::condition`].
    fn conditions_mut(&mut self) -> &mut Vec<Condition>;

    /// The generation that was last acted on; `None` if never, or if the kind does not record it.
    fn observed_generation(&self) -> Option<i64>;

    /// The place of the observed generation; `None` if the kind does not record it.
    fn observed_generation_mut(&mut self) -> Option<&mut Option<i64>>;

    /// The last handled value of the `reconcile.fluxcd.io/requestedAt` annotation.
    fn last_handled_reconcile_at(&self) -> Option<&str>;

    /// The place of that value; `None` if the kind does not record it.
    fn last_handled_reconcile_at_mut(&mut self) -> Option<&mut Option<String>>;
}

/// Implements [`Object`] for a kind, given expressions over its spec.
macro_rules! object {
    (
        $kind:ty, $status:ty, |$spec:ident| suspend: $suspend:expr, interval: $interval:expr
        $(, deprecated: { $($path:literal: $used:expr,)+ })?
    ) => {
        impl $crate::api::Object for $kind {
            type Status = $status;

            fn status(&self) -> Option<&$status> {
                self.status.as_ref()
            }

            fn status_mut(&mut self) -> &mut $status {
                self.status.get_or_insert_default()
            }

            fn suspended(&self) -> bool {
                let $spec = &self.spec;
                $suspend
            }

            fn interval(
                &self,
            ) -> Result<Option<std::time::Duration>, $crate::api::duration::DurationError> {
                let $spec = &self.spec;
                $interval
            }
            $(
                fn deprecated_fields(&self) -> Vec<&'static str> {
                    let $spec = &self.spec;
                    let fields = [$(($path, $used)),+];
                    fields.into_iter().filter(|(_, used)| *used).map(|(path, _)| path).collect()
                }
            )?
        }
    };
}

/// Implements [`Status`] for a status struct with the three common fields.
macro_rules! status {
    ($status:ty) => {
        impl $crate::api::Status for $status {
            fn conditions(&self) -> &[$crate::api::meta::Condition] {
                &self.conditions
            }

            fn conditions_mut(&mut self) -> &mut Vec<$crate::api::meta::Condition> {
                &mut self.conditions
            }

            fn observed_generation(&self) -> Option<i64> {
                self.observed_generation
            }

            fn observed_generation_mut(&mut self) -> Option<&mut Option<i64>> {
                Some(&mut self.observed_generation)
            }

            fn last_handled_reconcile_at(&self) -> Option<&str> {
                self.last_handled_reconcile_at.as_deref()
            }

            fn last_handled_reconcile_at_mut(&mut self) -> Option<&mut Option<String>> {
                Some(&mut self.last_handled_reconcile_at)
            }
        }
    };
}

pub(crate) use object;
pub(crate) use status;
