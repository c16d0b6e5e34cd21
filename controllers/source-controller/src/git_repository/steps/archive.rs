//! The artifact: whether the one in storage still is what is wanted, and making a new one.

use std::path::PathBuf;

use common::{
    api::{
        meta::ConditionStatus,
        source::{GitRepository, GitRepositoryStatus},
    },
    artifact::Artifact,
    condition::{self, ConditionType, Reason},
};
use git::Commit;
use kube::Resource as _;
use runtime::{EventType, Note, Ready, Run, Stop};

use crate::{
    git_repository::{GitRepositoryController, plan::Plan, reconcile::trace},
    steps::storage,
};

/// The revision in storage, if an artifact made of the same revision would be the same again.
pub(in crate::git_repository) fn current(
    run: &mut Run<GitRepository>,
    plan: &Plan,
    included: &[Artifact],
) -> Option<String> {
    let status = run.status();
    let artifact = status.artifact.as_ref()?;
    if differ(included, &status.included_artifacts) {
        let message = "included artifacts differ from last observed includes";
        if !status.included_artifacts.is_empty() {
            run.condition(ConditionType::ArtifactOutdated, true, Reason::IncludeChange, message);
        }
        run.progress(format!("building artifact: {message}"));
        return None;
    }
    let holds = |kind| condition::is_true(&status.conditions, kind);
    let verified = plan.verify.is_none() || holds(ConditionType::SourceVerified);
    let same = holds(ConditionType::ArtifactInStorage)
        && verified
        && !Plan::changes_content(&run.object().spec, &status);
    same.then(|| artifact.revision.clone())
}

fn differ(now: &[Artifact], then: &[Artifact]) -> bool {
    let identity = |artifact: &Artifact| (artifact.revision.clone(), artifact.digest.clone());
    !now.iter().map(identity).eq(then.iter().map(identity))
}

/// The outcome when the remote has nothing new.
pub(in crate::git_repository) fn unchanged(run: &mut Run<GitRepository>, revision: &str) -> Ready {
    let message = format!("no changes since last reconcilation: observed revision '{revision}'");
    trace(run, Reason::GitOperationSucceeded, &message);
    let event = format!("stored artifact for commit '{revision}'");
    in_storage(run, revision).event(Reason::Succeeded, event)
}

/// Says that there is a new revision, before the work of storing it begins.
pub(in crate::git_repository) fn announce(run: &mut Run<GitRepository>, commit: &Commit) {
    run.clear_condition(ConditionType::FetchFailed);
    let old = run.status().artifact;
    if old.as_ref().is_some_and(|artifact| artifact.revision == commit.revision) {
        return;
    }
    let message = format!("new upstream revision '{}'", commit.revision);
    if old.is_some() {
        run.condition(ConditionType::ArtifactOutdated, true, Reason::NewRevision, &message);
    }
    run.mark_news();
    run.progress(format!("building artifact: {message}"));
}

/// Archives the files at `tree`, and records what they were made from.
pub(in crate::git_repository) async fn store(
    controller: &GitRepositoryController,
    run: &mut Run<GitRepository>,
    (plan, included): (&Plan, Vec<Artifact>),
    (commit, tree): (&Commit, PathBuf),
) -> Result<Ready, Stop> {
    let (storage, key) = (controller.storage.clone(), storage::key(run)?);
    let (revision, ignore) = (commit.revision.clone(), plan.ignore.clone());
    let now = run.context().clock().now();
    let work =
        run.blocking(move || storage.archive(&key, &revision, (&tree, ignore.as_deref()), now));
    let artifact = work.await.map_err(|error| storage::not_archived(&error))?;
    let (spec, made) = (run.object().spec.clone(), artifact.clone());
    let old = run.note(move |status: &mut GitRepositoryStatus| {
        status.included_artifacts = included;
        status.observed_ignore = spec.ignore;
        status.observed_include = spec.include;
        status.observed_recurse_submodules = spec.recurse_submodules;
        status.observed_sparse_checkout = spec.sparse_checkout;
        status.artifact.replace(made)
    });
    run.clear_condition(ConditionType::StorageOperationFailed);
    let message = format!("stored artifact for commit '{}'", commit.short_message());
    let ready = in_storage(run, &artifact.revision);
    if old.is_some_and(|old| old.digest == artifact.digest) {
        return Ok(ready.event(Reason::Succeeded, message));
    }
    if was_ready_with(run, &ready.message) {
        // The frame is silent about an outcome it reported before, but the content is new.
        let metadata = ready.metadata.clone();
        run.event_with(Note {
            event_type: EventType::Normal,
            reason: Reason::NewArtifact,
            message,
            metadata,
        });
        return Ok(ready);
    }
    Ok(ready.event(Reason::NewArtifact, message))
}

/// Marks what the status names as in storage, and everything else as settled.
fn in_storage(run: &mut Run<GitRepository>, revision: &str) -> Ready {
    run.at_revision(revision);
    run.clear_condition(ConditionType::FetchFailed);
    run.clear_condition(ConditionType::ArtifactOutdated);
    let message = format!("stored artifact for revision '{revision}'");
    run.condition(ConditionType::ArtifactInStorage, true, Reason::Succeeded, &message);
    let digest = run.status().artifact.map(|artifact| artifact.digest).unwrap_or_default();
    let group = GitRepository::group(&());
    Ready::new(Reason::Succeeded, message).at(revision).metadata(format!("{group}/digest"), digest)
}

fn was_ready_with(run: &Run<GitRepository>, message: &str) -> bool {
    let conditions = run.object().status.as_ref().map(|status| status.conditions.as_slice());
    let ready = condition::get(conditions.unwrap_or_default(), ConditionType::Ready);
    ready.is_some_and(|ready| ready.status == ConditionStatus::True && ready.message == message)
}
