//! The end of a visit: what was applied, how long it took, and the history.

use std::time::Duration;

use common::api::duration;
use common::api::kustomize::{Kustomization, Snapshot};
use common::api::meta::Elapsed;
use common::artifact::Artifact;
use common::condition::Reason;
use common::time::Time;
use runtime::{Ready, Run, Stop};
use tokio::time::Instant;

use crate::plan::Plan;
use crate::steps::source::origin_revision;

/// Snapshots kept in the status.
const HISTORY: usize = 5;

/// Measures a visit and writes its line of history.
pub(crate) struct Stopwatch {
    started: Instant,
    digest: Option<String>,
}

impl Stopwatch {
    pub(crate) fn start(_run: &Run<Kustomization>) -> Self {
        Self { started: Instant::now(), digest: None }
    }

    /// From here on the visit is about this set of objects.
    pub(crate) fn digest(&mut self, digest: &str) {
        self.digest = Some(digest.to_owned());
    }

    fn took(&self) -> Duration {
        Run::<Kustomization>::elapsed(self.started)
    }

    /// Passes a result on; a failure goes into the history first.
    pub(crate) fn failed<T>(
        &self,
        run: &mut Run<Kustomization>,
        artifact: &Artifact,
        result: Result<T, Stop>,
    ) -> Result<T, Stop> {
        if let Err(Stop::Retry { reason, .. } | Stop::Stall { reason, .. }) = &result {
            self.write(run, artifact, *reason);
        }
        result
    }

    fn write(&self, run: &mut Run<Kustomization>, artifact: &Artifact, reason: Reason) {
        let Some(digest) = self.digest.clone() else { return };
        let mut metadata = std::collections::BTreeMap::new();
        metadata.insert("revision".to_owned(), artifact.revision.clone());
        if let Some(origin) = origin_revision(artifact) {
            metadata.insert("originRevision".to_owned(), origin.to_owned());
        }
        let entry = Entry { digest, took: self.took(), reason, metadata };
        let now = Time::from(run.context().clock().now());
        run.note(|status| upsert(&mut status.history, entry, now));
    }
}

/// What a visit adds to the history.
struct Entry {
    digest: String,
    took: Duration,
    reason: Reason,
    metadata: std::collections::BTreeMap<String, String>,
}

/// Moves the set of objects to the front of the history, or adds it there.
fn upsert(history: &mut Vec<Snapshot>, entry: Entry, now: Time) {
    let known = history.iter().position(|snapshot| snapshot.digest == entry.digest);
    let before = known.map(|index| history.remove(index));
    let snapshot = Snapshot {
        digest: entry.digest,
        first_reconciled: before.as_ref().map_or(now, |before| before.first_reconciled),
        last_reconciled: now,
        last_reconciled_duration: Elapsed::from(entry.took),
        last_reconciled_status: entry.reason.as_str().to_owned(),
        metadata: entry.metadata,
        total_reconciliations: before.map_or(0, |before| before.total_reconciliations) + 1,
    };
    history.insert(0, snapshot);
    history.truncate(HISTORY);
}

/// Everything is in place.
pub(crate) fn ready(
    run: &mut Run<Kustomization>,
    plan: &Plan,
    artifact: &Artifact,
    clock: &Stopwatch,
) -> Ready {
    clock.write(run, artifact, Reason::ReconciliationSucceeded);
    let origin = origin_revision(artifact).map(str::to_owned);
    run.note(|status| {
        status.last_applied_revision = Some(artifact.revision.clone());
        status.last_applied_origin_revision = origin;
    });
    let (took, next) = (duration::format(clock.took()), duration::format(plan.interval));
    let finished = format!("Reconciliation finished in {took}, next run in {next}");
    let message = format!("Applied revision: {}", artifact.revision);
    Ready::new(Reason::ReconciliationSucceeded, message)
        .at(artifact.revision.clone())
        .event(Reason::ReconciliationSucceeded, finished)
        .metadata("kustomize.toolkit.fluxcd.io/commit_status", "update")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(digest: &str) -> Entry {
        Entry {
            digest: digest.to_owned(),
            took: Duration::from_millis(1500),
            reason: Reason::ReconciliationSucceeded,
            metadata: std::collections::BTreeMap::new(),
        }
    }

    fn at(second: i64) -> Time {
        Time::from(jiff::Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn history_counts_what_comes_again_and_keeps_five() {
        let mut history = Vec::new();
        for (second, digest) in ["a", "b", "a", "c", "d", "e", "f"].iter().enumerate() {
            upsert(&mut history, entry(digest), at(i64::try_from(second).unwrap()));
        }
        let shown: Vec<(&str, i64)> =
            history.iter().map(|s| (s.digest.as_str(), s.total_reconciliations)).collect();
        assert_eq!(shown, [("f", 1), ("e", 1), ("d", 1), ("c", 1), ("a", 2)]);
        let a = history.last().unwrap();
        assert_eq!((a.first_reconciled, a.last_reconciled), (at(0), at(2)));
        assert_eq!(a.last_reconciled_duration.as_str(), "1.5s");
    }
}
