//! What source-controller does to one GitRepository, in order. Steps live in `steps/`.

use common::{
    api::source::GitRepository,
    condition::{ConditionType, Reason},
};
use runtime::{Cause, EventType, Ready, Reconcile, Run, Stop};

use super::{
    GitRepositoryController,
    plan::Plan,
    steps::{
        access, archive,
        fetch::{self, Found},
        includes, verify,
    },
};
use crate::steps::{conditions::failing, storage};

impl Reconcile for GitRepositoryController {
    type Object = GitRepository;

    async fn reconcile(&self, run: &mut Run<GitRepository>) -> Result<Ready, Stop> {
        // Decide. Pure: a spec that can never work stalls here until its next generation.
        let plan = Plan::new(run.object());
        let plan = failing(run, ConditionType::FetchFailed, plan)?;
        verify::forget_failure(run);

        // Look. What is stored, who we are to the server, and what is to be put into the artifact.
        storage::check(&self.storage, run, |status| &mut status.artifact).await?;
        let remote = access::remote(self, run, &plan).await;
        let remote = failing(run, ConditionType::FetchFailed, remote)?;
        let included = includes::resolve(self, run, &plan).await;
        let included = failing(run, ConditionType::IncludeUnavailable, included)?;

        // Fetch. The remote is asked first; an artifact of what it has is kept as it is.
        let current = archive::current(run, &plan, &included);
        let found = fetch::snapshot(self, run, (&plan, remote), current).await;
        let source = match failing(run, ConditionType::FetchFailed, found)? {
            Found::Unchanged(revision) => return Ok(archive::unchanged(run, &revision)),
            Found::New(source) => source,
        };
        let commit = source.commit().clone();
        verify::signatures(run, &plan, &commit).await?;

        // Store. A revision that is not in storage yet is announced first.
        archive::announce(run, &commit);
        let tree = fetch::checkout(run, source, &plan).await;
        let tree = failing(run, ConditionType::FetchFailed, tree)?;
        let copied = includes::copy(self, run, (&plan, &included), &tree).await;
        failing(run, ConditionType::StorageOperationFailed, copied)?;
        let stored = archive::store(self, run, (&plan, included), (&commit, tree)).await;
        let ready = failing(run, ConditionType::StorageOperationFailed, stored)?;
        self.wake_includers(run).await?;
        Ok(ready)
    }

    async fn finalize(&self, run: &mut Run<GitRepository>) -> Result<(), Stop> {
        storage::remove(&self.storage, run).await?;
        self.objects.forget(&storage::key(run)?);
        Ok(())
    }
}

impl GitRepositoryController {
    /// Visits the objects that include this one, once they can see its new artifact.
    async fn wake_includers(&self, run: &mut Run<GitRepository>) -> Result<(), Stop> {
        let own = run.key().clone();
        let includers = self.links.objects.keys_where(|object| {
            object.metadata.namespace.as_deref() == Some(own.namespace.as_str())
                && object.spec.include.iter().any(|include| include.repository.name == own.name)
        });
        if includers.is_empty() {
            return Ok(());
        }
        run.record(|_| {}).await?;
        for includer in includers {
            self.links.waker.wake(includer, Cause::Source);
        }
        Ok(())
    }
}

/// A trace event: for the event log of the cluster, not for people's chats. Sent only when a person
/// asked for this visit; otherwise every interval would write to the API server to say that
/// nothing happened.
pub(super) fn trace(run: &Run<GitRepository>, reason: Reason, message: &str) {
    if run.is_news() {
        run.event(EventType::Trace, reason, message);
    }
    tracing::debug!(reason = reason.as_str(), "{message}");
}
