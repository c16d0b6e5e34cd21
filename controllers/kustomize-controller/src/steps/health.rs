//! Waiting for what was applied to become healthy.

use std::sync::Arc;

use apply::wait::{self, Target as WaitTarget, WaitOptions};
use common::api::duration;
use common::api::kustomize::Kustomization;
use common::artifact::Artifact;
use common::condition::{ConditionType, Reason};
use manifest::ObjectId;
use runtime::{Cancel, Cause, EventType, Run, Stop};
use tokio::time::Instant;

use crate::controller::Applied;
use crate::plan::{Plan, Wait};
use crate::steps::target::Target;

/// Waits for health without holding a worker. Newer work and shutdowns end the wait.
pub(crate) async fn wait(
    run: &mut Run<Kustomization>,
    (plan, target): (&Plan, &Target),
    artifact: &Artifact,
    applied: &Applied,
) -> Result<(), Stop> {
    let targets = targets(plan, applied, run);
    if targets.is_empty() {
        run.clear_condition(ConditionType::Healthy);
        return Ok(());
    }
    let was_healthy = run.has_condition(ConditionType::Healthy);
    let is_new = run.status().last_applied_revision.as_ref() != Some(&artifact.revision);
    let is_news = !was_healthy || (is_new && applied.changed);
    let (revision, timeout) = (&artifact.revision, duration::format(plan.timeout));
    if !was_healthy || applied.changed {
        let message =
            format!("Running health checks for revision {revision} with a timeout of {timeout}");
        run.progress(message.clone());
        run.condition_unknown(ConditionType::Healthy, Reason::Progressing, &message);
    }

    // Without the gate newer work waits; the end of the process never does.
    let cancel =
        if plan.cancels { run.cancelled() } else { run.context().shutdown().child_token() };
    let options = WaitOptions {
        timeout: plan.timeout,
        fail_fast: plan.fail_fast,
        checks: Arc::clone(&plan.checks),
        vanishing: Arc::clone(&applied.vanishing),
        cancel,
    };
    let (started, cluster) = (Instant::now(), target.cluster.clone());
    let waited = run.waiting(async move { wait::wait(&cluster, targets, &options).await }).await;
    let took = duration::format(Run::<Kustomization>::elapsed(started));
    match waited {
        Ok(()) => {
            let message = format!("Health check passed in {took}");
            if !was_healthy || applied.changed {
                run.condition(ConditionType::Healthy, true, Reason::Succeeded, &message);
            }
            if is_news {
                run.event(EventType::Normal, Reason::Progressing, message);
            }
            Ok(())
        }
        Err(apply::Error::Cancelled) => Err(cancelled(run, plan)),
        Err(error) => {
            let error = runtime::chain(&error);
            run.condition(ConditionType::Healthy, false, Reason::HealthCheckFailed, &error);
            let message = format!("health check failed after {took}: {error}");
            Err(Stop::retry(Reason::HealthCheckFailed, message))
        }
    }
}

/// How a wait ends that gives way to something else.
fn cancelled(run: &Run<Kustomization>, plan: &Plan) -> Stop {
    let by = run.cancel_cause();
    if by == Cancel::Shutdown {
        return Stop::Cancelled { by, message: None };
    }
    let trigger = match run.newer_work() {
        Some(Cause::Source) => format!("{}/{}", plan.source.kind, plan.source.key),
        _ => format!("Kustomization/{}", run.key()),
    };
    let event = format!("Health checks canceled due to new reconciliation triggered by {trigger}");
    run.event(EventType::Normal, Reason::HealthCheckCanceled, event);
    let message = Some(format!("New reconciliation triggered by {trigger}"));
    Stop::Cancelled { by, message }
}

/// The objects to wait for; the Kustomization itself would wait for ever.
fn targets(plan: &Plan, applied: &Applied, run: &Run<Kustomization>) -> Vec<WaitTarget> {
    let own = ObjectId {
        group: "kustomize.toolkit.fluxcd.io".to_owned(),
        kind: "Kustomization".to_owned(),
        namespace: run.namespace().to_owned(),
        name: run.name().to_owned(),
    };
    let targets: Vec<WaitTarget> = match &plan.wait {
        Wait::All => {
            let ours = applied.ours.iter();
            ours.map(|(id, version)| WaitTarget::applied(id.clone(), version)).collect()
        }
        Wait::Named(objects) => {
            objects.iter().map(|(id, version)| WaitTarget::named(id.clone(), version)).collect()
        }
    };
    targets.into_iter().filter(|target| target.id != own).collect()
}
