//! The workload simulation: what kubelets and the workload controllers of a cluster would report.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::core::Core;
use crate::failure::Failure;
use crate::registry::Resource;
use crate::store::Reference;

/// A Pod's log, for `kubectl logs`.
pub(crate) const LOG_ANNOTATION: &str = "weir.dev/simulate-log";

/// Moves one object on; how long until the next step, if there is one.
pub(crate) fn look_at(
    _core: &Arc<Core>,
    _resource: &Resource,
    _reference: &Reference,
) -> Option<Duration> {
    None
}

/// Refuses an eviction that a PodDisruptionBudget does not allow.
pub(crate) fn check_disruption(_core: &Core, _pod: &Value) -> Result<(), Failure> {
    Ok(())
}
