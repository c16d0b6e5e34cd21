//! Getting the files of the artifact.

use std::sync::Arc;

use common::api::duration;
use common::api::kustomize::Kustomization;
use common::artifact::{Artifact, Tree};
use common::condition::Reason;
use runtime::{OrStop, Run, Stop};

use crate::controller::KustomizeController;
use crate::plan::Plan;

/// The files of the artifact, verified by its digest. An artifact that is gone is waited for: its
/// source is about to offer another one.
pub(crate) async fn tree(
    controller: &KustomizeController,
    run: &mut Run<Kustomization>,
    plan: &Plan,
    artifact: &Artifact,
) -> Result<Arc<Tree>, Stop> {
    let (revision, timeout) = (&artifact.revision, duration::format(plan.timeout));
    run.progress(format!("Fetching manifests for revision {revision} with a timeout of {timeout}"));
    match controller.artifacts.tree(artifact).await {
        Err(error) if error.is_not_found() => {
            Err(Stop::wait(Reason::ArtifactFailed, runtime::chain(&error)))
        }
        fetched => fetched.or_stop(Reason::ArtifactFailed),
    }
}
