//! Bringing the cluster to what was rendered: apply, then prune.
//!
//! The stored inventory never names less than what may exist in the cluster: it is the union of old
//! and new before the first write, and shrinks only after the last.

use apply::{ApplyOptions, ChangeSet, Inventory, Memory, prune, staged};
use common::api::kustomize::{Kustomization, KustomizationStatus};
use common::api::meta::{ResourceInventory, ResourceRef};
use common::condition::Reason;
use manifest::Object;
use runtime::{EventType, OrStop, Run, Stop};

use crate::controller::{Applied, KustomizeController, applied};
use crate::plan::{Plan, PruneLimit, SMALL_PRUNE};
use crate::steps::render::Rendered;
use crate::steps::target::Target;

/// Applies what was rendered and prunes what is left of before.
pub(crate) async fn make(
    controller: &KustomizeController,
    run: &mut Run<Kustomization>,
    (plan, target): (&Plan, &Target),
    rendered: Rendered,
) -> Result<Applied, Stop> {
    let before = stored(&run.status())?;
    let wanted = inventory_of(&rendered.objects);
    check_empty(plan, &before, &wanted, run)?;
    let union = before.union(&wanted);
    if before.minus(&wanted).is_empty() && wanted.minus(&before).is_empty() {
        run.note(|status| store(status, &union));
    } else {
        run.record(|status| store(status, &union)).await?;
    }

    run.progress("Applying manifests".to_owned());
    let changes = apply(controller, run, target, (rendered.objects, &plan.apply)).await?;
    let applied = applied(rendered.digest, &changes);
    say(run, &changes.changed());

    let stale = before.minus(&applied.inventory);
    let left =
        if plan.prune { prune_stale(run, plan, target, &before, &stale).await } else { Ok(()) };
    let survivors = match &left {
        Ok(()) => Inventory::default(),
        Err((survivors, _)) => survivors.clone(),
    };
    run.note(|status| store(status, &applied.inventory.union(&survivors)));
    left.map_err(|(_, stop)| stop)?;
    Ok(applied)
}

/// The inventory of a status.
pub(crate) fn stored(status: &KustomizationStatus) -> Result<Inventory, Stop> {
    let entries = status.inventory.iter().flat_map(|inventory| &inventory.entries);
    let entries = entries.map(|entry| (entry.id.as_str(), entry.v.as_str()));
    Inventory::from_entries(entries).or_stop(Reason::ReconciliationFailed)
}

fn store(status: &mut KustomizationStatus, inventory: &Inventory) {
    let entries = inventory.to_entries().into_iter().map(|(id, v)| ResourceRef { id, v }).collect();
    status.inventory = Some(ResourceInventory { entries });
}

fn inventory_of(objects: &[Object]) -> Inventory {
    objects.iter().map(|object| (object.id(), object.version().to_owned())).collect()
}

/// A build that yields nothing where there was something is a mistake until it is confirmed.
fn check_empty(
    plan: &Plan,
    before: &Inventory,
    wanted: &Inventory,
    run: &Run<Kustomization>,
) -> Result<(), Stop> {
    let allowed = plan.prune_limit == PruneLimit::Percent(100) || is_confirmed(plan, run);
    if !wanted.is_empty() || before.is_empty() || !plan.prune || allowed {
        return Ok(());
    }
    let message = format!(
        "the build yields no objects, and pruning would delete all {} that were applied before; {}",
        before.len(),
        how_to_confirm(run)
    );
    Err(Stop::retry(Reason::BuildFailed, message))
}

fn is_confirmed(plan: &Plan, run: &Run<Kustomization>) -> bool {
    let revision = run.status().last_attempted_revision;
    plan.prune_confirmed.is_some() && plan.prune_confirmed == revision
}

fn how_to_confirm(run: &Run<Kustomization>) -> String {
    let revision = run.status().last_attempted_revision.unwrap_or_default();
    format!("to confirm, set the annotation {}: '{revision}'", common::names::PRUNE_CONFIRMED)
}

async fn apply(
    controller: &KustomizeController,
    run: &Run<Kustomization>,
    target: &Target,
    (objects, options): (Vec<Object>, &ApplyOptions),
) -> Result<ChangeSet, Stop> {
    let local = target.is_local();
    let known = if local { controller.borrow_known(run.key()) } else { apply::Known::default() };
    let mut memory = Memory { known, tracker: local.then_some(&controller.tracker) };
    let result = staged(&target.cluster, objects, options, &mut memory, &run.cancelled()).await;
    if local {
        controller.return_known(run.key(), memory.known);
    }
    result.map_err(|interrupted| {
        // What was done until then is news, even if the rest failed.
        say(run, &interrupted.changes.changed());
        match interrupted.error {
            apply::Error::Cancelled => Stop::Cancelled { by: run.cancel_cause(), message: None },
            error => Stop::retry(Reason::ReconciliationFailed, error),
        }
    })
}

/// Deletes what is no longer wanted; on failure, what is left and why.
async fn prune_stale(
    run: &Run<Kustomization>,
    plan: &Plan,
    target: &Target,
    before: &Inventory,
    stale: &Inventory,
) -> Result<(), (Inventory, Stop)> {
    if stale.is_empty() {
        return Ok(());
    }
    if plan.prune_limit.is_exceeded(stale.len(), before.len()) && !is_confirmed(plan, run) {
        let message = format!(
            "pruning would delete {} of {} objects, more than the limit; {}",
            stale.len(),
            before.len(),
            how_to_confirm(run)
        );
        return Err((stale.clone(), Stop::retry(Reason::PruneFailed, message)));
    }
    if plan.prune_limit == PruneLimit::Warn
        && stale.len() > SMALL_PRUNE
        && stale.len() * 2 > before.len()
    {
        tracing::warn!(
            stale = stale.len(),
            before = before.len(),
            "pruning most of what was applied"
        );
    }
    let pruned = prune::delete(&target.cluster, stale, &plan.owner).await;
    say(run, &pruned.changes.changed());
    if pruned.failed.is_empty() {
        return Ok(());
    }
    let reasons: Vec<String> =
        pruned.failed.iter().map(|(_, _, error)| runtime::chain(error)).collect();
    let message = format!("prune failed: {}", reasons.join("; "));
    Err((pruned.survivors(), Stop::retry(Reason::PruneFailed, message)))
}

/// Tells what changed.
fn say(run: &Run<Kustomization>, changes: &ChangeSet) {
    if !changes.is_empty() {
        tracing::info!(output = %changes, "server-side apply completed");
        run.event(EventType::Normal, Reason::Progressing, changes.to_string());
    }
}
