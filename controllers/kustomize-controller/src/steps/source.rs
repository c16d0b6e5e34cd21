//! Finding the artifact of the source.

use common::api::kustomize::Kustomization;
use common::artifact::Artifact;
use common::condition::Reason;
use kube::ResourceExt;
use runtime::{OrStop, Run, Stop};

use crate::controller::KustomizeController;
use crate::plan::{Plan, SourceRef};
use crate::sources::{self, Found};

/// Annotation of an OCI artifact: the revision it was made from.
const ORIGIN_REVISION: &str = "org.opencontainers.image.revision";

/// Metadata key of events: the same.
pub(crate) const ORIGIN_REVISION_KEY: &str = "kustomize.toolkit.fluxcd.io/originRevision";

/// The artifact of the source. A source that does not exist, or has none yet, is waited for.
pub(crate) async fn resolve(
    controller: &KustomizeController,
    plan: &Plan,
) -> Result<Artifact, Stop> {
    let source = &plan.source;
    let direct = controller.settings.gate("DirectSourceFetch");
    let mut found = if direct { Found::Missing } else { controller.sources.get(source) };
    if found == Found::Missing {
        // Not seen by the watch: not there, or not there yet.
        let client = controller.cluster.client();
        found = sources::ask(client, source).await.or_stop(Reason::ArtifactFailed)?;
    }
    let name = format!("{}/{}", source.kind, source.key);
    match found {
        Found::Made(artifact) => Ok(artifact),
        Found::Empty => {
            let message = format!("Source artifact not found, '{name}' has none yet");
            Err(Stop::wait(Reason::ArtifactFailed, message))
        }
        Found::Missing => Err(Stop::Wait {
            reason: Reason::ArtifactFailed,
            message: format!("Source '{name}' not found"),
            after: Some(plan.retry_interval),
        }),
    }
}

/// The revision that an artifact was made from, if it says so.
pub(crate) fn origin_revision(artifact: &Artifact) -> Option<&str> {
    artifact.metadata.get(ORIGIN_REVISION).map(String::as_str)
}

/// Puts the revision into the status, the events and the log lines of this visit.
pub(crate) fn announce(run: &mut Run<Kustomization>, artifact: &Artifact) {
    run.at_revision(&artifact.revision);
    if let Some(origin) = origin_revision(artifact) {
        run.event_metadata(ORIGIN_REVISION_KEY, origin);
    }
    if run.status().last_attempted_revision.as_ref() != Some(&artifact.revision) {
        run.mark_news();
    }
}

/// Notes that the artifact is there and is being worked on.
pub(crate) fn attempted(run: &mut Run<Kustomization>, artifact: &Artifact) {
    run.note(|status| status.last_attempted_revision = Some(artifact.revision.clone()));
}

/// What a dependency must be beyond ready: if it has the same source, it must have applied the
/// current artifact.
pub(crate) fn shares(
    source: &SourceRef,
    artifact: &Artifact,
) -> impl Fn(&Kustomization) -> Result<(), String> + Send + Sync + use<> {
    let (source, revision) = (source.clone(), artifact.revision.clone());
    move |dependency| {
        let reference = &dependency.spec.source_ref;
        let namespace = dependency.namespace().unwrap_or_default();
        let is_same = reference.kind == source.kind
            && reference.name == source.key.name
            && *reference.namespace.as_ref().unwrap_or(&namespace) == source.key.namespace;
        let applied = dependency.status.as_ref().and_then(|s| s.last_applied_revision.as_ref());
        if is_same && applied != Some(&revision) {
            let name = dependency.name_any();
            return Err(format!("dependency '{namespace}/{name}' revision is not up to date"));
        }
        Ok(())
    }
}
