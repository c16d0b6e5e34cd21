//! Deleting a Kustomization: what becomes of the objects it applied.

use std::collections::BTreeMap;

use apply::wait::{self, WaitOptions};
use apply::{Identity, prune};
use common::api::kustomize::Kustomization;
use common::condition::Reason;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::Api;
use runtime::{EventType, OrStop, Run, Stop};

use crate::controller::KustomizeController;
use crate::plan::{self, ClusterRef, Farewell};
use crate::steps::{change, source, target};

/// Deletes the objects in the inventory, as far as the spec wants it.
pub(crate) async fn delete(
    controller: &KustomizeController,
    run: &mut Run<Kustomization>,
) -> Result<(), Stop> {
    let policy = plan::farewell(run.object());
    let inventory = change::stored(&run.status())?;
    if policy == Farewell::Orphan || inventory.is_empty() {
        return Ok(());
    }
    announce(run);
    let reference = plan::farewell_cluster(run.object(), &controller.settings)?;
    if !account_exists(run, &reference).await? {
        let objects: Vec<String> = inventory.iter().map(|(id, _)| id.to_string()).collect();
        let objects = objects.join("\n");
        let message = format!(
            "unable to prune objects, the service account to impersonate is gone:\n{objects}"
        );
        tracing::error!("{message}");
        run.event(EventType::Warning, Reason::PruneFailed, message);
        return Ok(());
    }
    let target = target::cluster(controller, run.context(), &reference).await?;
    let owner: BTreeMap<String, String> = plan::owner_labels(run.key());
    let pruned = prune::delete(&target.cluster, &inventory, &owner).await;
    change::say_pruned(run, &pruned.changes);
    if let Some(stop) = change::failure(&pruned) {
        return Err(stop);
    }
    if policy == Farewell::WaitForTermination {
        let timeout = run.object().spec.timeout().or_stop(Reason::ValidationFailed)?;
        let options = WaitOptions {
            timeout,
            cancel: run.context().shutdown().clone(),
            ..WaitOptions::default()
        };
        let objects = pruned.deleted();
        let gone = run.waiting(async move { wait::gone(&target.cluster, objects, &options).await });
        match gone.await {
            Ok(()) => {}
            Err(apply::Error::Cancelled) => {
                return Err(Stop::Cancelled { by: run.cancel_cause(), message: None });
            }
            // What does not go in time may go later; it is told to, and nothing more can be done.
            Err(error) => {
                let error = runtime::chain(&error);
                let message = "failed to wait for resources termination";
                tracing::error!(error, "{message}");
                run.event(EventType::Warning, Reason::PruneFailed, format!("{message}: {error}"));
            }
        }
    }
    Ok(())
}

/// Puts the revision that was applied last into the events and log lines of this visit.
fn announce(run: &mut Run<Kustomization>) {
    let status = run.status();
    if let Some(revision) = &status.last_applied_revision {
        run.at_revision(revision);
    }
    if let Some(origin) = status.last_applied_origin_revision {
        run.event_metadata(source::ORIGIN_REVISION_KEY, origin);
    }
}

/// Whether the account to act as is there. Without it every request would be refused for ever.
async fn account_exists(run: &Run<Kustomization>, reference: &ClusterRef) -> Result<bool, Stop> {
    let (Identity::ServiceAccount { namespace, name }, None) =
        (&reference.identity, &reference.kubeconfig)
    else {
        return Ok(true);
    };
    let api: Api<ServiceAccount> = Api::namespaced(run.context().client().clone(), namespace);
    let found = api.get_metadata_opt(name).await.or_stop(Reason::PruneFailed)?;
    Ok(found.is_some())
}
