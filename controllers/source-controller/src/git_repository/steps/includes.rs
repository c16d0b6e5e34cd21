//! Artifacts of other GitRepositories that are put into this one's.

use std::path::Path;

use common::{
    api::source::GitRepository,
    artifact::Artifact,
    condition::{ConditionType, Reason},
};
use kube::Api;
use runtime::{Key, Run, Stop, chain};

use crate::git_repository::{GitRepositoryController, plan::Plan};

/// The artifacts to include, in the order of the spec.
pub(in crate::git_repository) async fn resolve(
    controller: &GitRepositoryController,
    run: &mut Run<GitRepository>,
    plan: &Plan,
) -> Result<Vec<Artifact>, Stop> {
    let mut found = Vec::with_capacity(plan.includes.len());
    for include in &plan.includes {
        let key = Key::new(run.namespace(), include.name.clone());
        let artifact = match controller.links.objects.get(&key) {
            Some(object) => object.status.as_ref().and_then(|status| status.artifact.clone()),
            None => ask(run, &key).await?,
        };
        let artifact = artifact.ok_or_else(|| {
            Stop::wait(
                Reason::NoArtifact,
                format!("no artifact available for include '{}'", include.name),
            )
        })?;
        found.push(artifact);
    }
    run.clear_condition(ConditionType::IncludeUnavailable);
    Ok(found)
}

/// Asks the API server, for an object that another shard watches.
async fn ask(run: &Run<GitRepository>, key: &Key) -> Result<Option<Artifact>, Stop> {
    let unavailable = |why: String| {
        Stop::wait(
            Reason::NotFound,
            format!("could not get resource for include '{}': {why}", key.name),
        )
    };
    let api: Api<GitRepository> = Api::namespaced(run.context().client().clone(), &key.namespace);
    match api.get_opt(&key.name).await {
        Ok(Some(object)) => Ok(object.status.and_then(|status| status.artifact)),
        Ok(None) => Err(unavailable(format!("GitRepository '{key}' not found"))),
        Err(error) => Err(unavailable(chain(&error))),
    }
}

/// Copies what is included into the checked-out files at `tree`.
pub(in crate::git_repository) async fn copy(
    controller: &GitRepositoryController,
    run: &Run<GitRepository>,
    (plan, included): (&Plan, &[Artifact]),
    tree: &Path,
) -> Result<(), Stop> {
    for (include, artifact) in plan.includes.iter().zip(included) {
        let (storage, artifact) = (controller.storage.clone(), artifact.clone());
        let (from, to, tree) = (include.from.clone(), include.to.clone(), tree.to_owned());
        let (name, shown_from, shown_to) =
            (&include.name, include.from.display(), include.to.display());
        let copied = run.blocking(move || storage.copy_out(&artifact, &from, (&tree, &to))).await;
        copied.map_err(|error| {
            let message = format!(
                "failed to copy '{name}' include from {shown_from} to {shown_to}: {}",
                chain(&error)
            );
            Stop::retry(Reason::CopyFailure, message)
        })?;
    }
    Ok(())
}
