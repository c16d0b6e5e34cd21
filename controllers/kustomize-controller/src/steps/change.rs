//! Bringing the cluster to what was rendered: apply, then prune.
//!
//! The stored inventory never names less than what may exist in the cluster: it is the union of old
//! and new before the first write, and shrinks only after the last.

use std::collections::{BTreeMap, BTreeSet};

use apply::prune::Pruned;
use apply::{ChangeSet, Inventory, Memory, prune, staged};
use common::api::kustomize::{Kustomization, KustomizationStatus};
use common::api::meta::{ResourceInventory, ResourceRef};
use common::condition::Reason;
use manifest::{Object, ObjectId};
use runtime::{EventType, OrStop, Run, Stop};
use serde_json::{Value, json};

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
    let objects = target.cluster.placed(rendered.objects).await;
    let objects = objects.or_stop(Reason::ReconciliationFailed)?;
    let wanted = inventory_of(&objects);
    let vanishing = vanishing(&objects);
    check_empty(plan, &before, &wanted, run)?;
    let union = before.union(&wanted);
    if before.minus(&wanted).is_empty() && wanted.minus(&before).is_empty() {
        run.note(|status| store(status, &union));
    } else {
        run.record(|status| store(status, &union)).await?;
    }

    let changes = apply(controller, run, (plan, target), (objects, &before)).await?;
    let applied = applied(rendered.digest, &changes, vanishing);
    say(run, controller, &changes);

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
    (plan, target): (&Plan, &Target),
    (objects, before): (Vec<Object>, &Inventory),
) -> Result<ChangeSet, Stop> {
    let local = target.is_local();
    let known = if local {
        controller.borrow_known(run.key(), &plan.target)
    } else {
        apply::Known::default()
    };
    let tracker = local.then_some(&controller.tracker);
    let mut memory = Memory { known, tracker, applied: before.clone() };
    let cancel = run.cancelled();
    let result = staged(&target.cluster, objects, &plan.apply, &mut memory, &cancel).await;
    if local {
        controller.return_known(run.key(), &plan.target, memory.known);
    }
    result.map_err(|interrupted| {
        // What was done until then is news, even if the rest failed.
        say(run, controller, &interrupted.changes);
        match interrupted.error {
            apply::Error::Cancelled => Stop::Cancelled { by: run.cancel_cause(), message: None },
            error => Stop::retry(Reason::ReconciliationFailed, error),
        }
    })
}

/// Jobs that remove themselves when they are done.
fn vanishing(objects: &[Object]) -> BTreeSet<ObjectId> {
    let vanishes = |object: &&Object| {
        let ttl = object.as_value().pointer("/spec/ttlSecondsAfterFinished");
        object.group() == "batch" && object.kind() == "Job" && ttl.is_some_and(Value::is_i64)
    };
    objects.iter().filter(vanishes).map(Object::id).collect()
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
    say_pruned(run, &pruned.changes);
    match failure(&pruned) {
        None => Ok(()),
        Some(stop) => Err((pruned.survivors(), stop)),
    }
}

/// Why not all could be pruned.
pub(crate) fn failure(pruned: &Pruned) -> Option<Stop> {
    let reasons: Vec<String> =
        pruned.failed.iter().map(|(_, _, error)| runtime::chain(error)).collect();
    let message = format!("prune failed: {}", reasons.join("; "));
    (!reasons.is_empty()).then(|| Stop::retry(Reason::PruneFailed, message))
}

/// Tells what an apply did: all of it in the log, what changed in an event.
fn say(run: &Run<Kustomization>, controller: &KustomizeController, changes: &ChangeSet) {
    let changed = changes.changed();
    if !changes.is_empty() {
        let grouped = controller.settings.gate("GroupChangeLog");
        let output = if grouped { by_action(changes) } else { by_object(changes) };
        tracing::info!(output, "server-side apply completed");
    }
    if !changed.is_empty() {
        run.event(EventType::Normal, Reason::Progressing, changed.to_string());
    }
}

fn by_object(changes: &ChangeSet) -> String {
    let entry = |entry: &apply::Entry| (entry.id.to_string(), entry.action.as_str());
    let output: BTreeMap<String, &str> = changes.entries.iter().map(entry).collect();
    json!(output).to_string()
}

fn by_action(changes: &ChangeSet) -> String {
    let mut output: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entry in &changes.entries {
        output.entry(entry.action.as_str()).or_default().push(entry.id.to_string());
    }
    json!(output).to_string()
}

/// Tells what pruning did.
pub(crate) fn say_pruned(run: &Run<Kustomization>, changes: &ChangeSet) {
    if !changes.is_empty() {
        tracing::info!("garbage collection completed: {changes}");
        run.event(EventType::Normal, Reason::Progressing, changes.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_by_object_or_by_action() {
        let id = |text: &str| ObjectId::from_inventory(text).unwrap();
        let entry =
            |text: &str, action| apply::Entry { id: id(text), version: "v1".to_owned(), action };
        let changes = ChangeSet {
            entries: vec![
                entry("a_b__ConfigMap", apply::Action::Created),
                entry("_a__Namespace", apply::Action::Unchanged),
                entry("a_c__ConfigMap", apply::Action::Created),
            ],
        };
        assert_eq!(
            by_object(&changes),
            r#"{"ConfigMap/a/b":"created","ConfigMap/a/c":"created","Namespace/a":"unchanged"}"#
        );
        assert_eq!(
            by_action(&changes),
            r#"{"created":["ConfigMap/a/b","ConfigMap/a/c"],"unchanged":["Namespace/a"]}"#
        );
    }

    #[test]
    fn jobs_with_a_time_to_live_vanish() {
        let job = |name: &str, spec: Value| {
            let job = json!({
                "apiVersion": "batch/v1", "kind": "Job",
                "metadata": {"name": name, "namespace": "a"}, "spec": spec,
            });
            Object::try_from(job).unwrap()
        };
        let jobs = [job("kept", json!({})), job("goes", json!({"ttlSecondsAfterFinished": 0}))];
        let names: Vec<String> = vanishing(&jobs).into_iter().map(|id| id.name).collect();
        assert_eq!(names, ["goes"]);
    }
}
