//! The conditions in which sources say more than `Ready` does.

use common::{api::Object, condition::ConditionType};
use runtime::{Run, Stop};

/// Passes a result on; a failure is also shown in the condition `kind`, with the same reason.
pub(crate) fn failing<K: Object, T>(
    run: &mut Run<K>,
    kind: ConditionType,
    result: Result<T, Stop>,
) -> Result<T, Stop> {
    if let Err(stop) = &result
        && let Stop::Wait { reason, .. } | Stop::Retry { reason, .. } | Stop::Stall { reason, .. } =
            stop
    {
        run.condition(kind, true, *reason, &stop.message());
    }
    result
}
