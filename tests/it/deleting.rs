//! What goes when a Kustomization or a file goes, and what stays.

use serde_json::json;
use tests::{World, text};

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {key: first}\n";

async fn applied(world: &World, file: &str, policy: serde_json::Value) {
    let revision = world.commit(&[("app/app.yaml", file)]);
    world.source().await;
    let mut spec = json!({ "targetNamespace": world.namespace });
    if let (Some(spec), serde_json::Value::Object(policy)) = (spec.as_object_mut(), policy) {
        spec.extend(policy);
    }
    world.kustomization("app", spec).await;
    world.applied("app", &revision).await;
    assert!(world.get("ConfigMap", "one").await.is_some());
}

async fn deleted(world: &World) {
    world.delete("Kustomization", "app").await;
    world.gone("Kustomization", "app").await;
}

pub(crate) async fn mirror_prune_deletes(world: World) {
    applied(&world, CONFIG, json!({})).await;
    deleted(&world).await;
    world.gone("ConfigMap", "one").await;
}

pub(crate) async fn mirror_prune_without_prune_keeps(world: World) {
    applied(&world, CONFIG, json!({ "prune": false })).await;
    deleted(&world).await;
    assert!(world.get("ConfigMap", "one").await.is_some());
}

pub(crate) async fn delete_policy_deletes_without_prune(world: World) {
    applied(&world, CONFIG, json!({ "prune": false, "deletionPolicy": "Delete" })).await;
    deleted(&world).await;
    world.gone("ConfigMap", "one").await;
}

pub(crate) async fn wait_for_termination_waits(world: World) {
    let held = CONFIG.replace("name: one", "name: one, finalizers: [weir.test/hold]");
    applied(&world, &held, json!({ "deletionPolicy": "WaitForTermination" })).await;
    world.delete("Kustomization", "app").await;
    world.sees("ConfigMap", "one", |it| it.metadata.deletion_timestamp.clone()).await;
    assert!(world.get("Kustomization", "app").await.is_some(), "it waits for what it applied");
    world.edit("ConfigMap", "one", json!({ "metadata": { "finalizers": null } })).await;
    world.gone("Kustomization", "app").await;
    world.gone("ConfigMap", "one").await;
}

pub(crate) async fn orphan_keeps(world: World) {
    applied(&world, CONFIG, json!({ "deletionPolicy": "Orphan" })).await;
    deleted(&world).await;
    assert!(world.get("ConfigMap", "one").await.is_some());
}

pub(crate) async fn what_says_prune_disabled_stays(world: World) {
    let annotated = CONFIG.replace(
        "name: one",
        "name: one, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}",
    );
    applied(&world, &annotated, json!({})).await;
    let second = world.commit(&[("app/app.yaml", &CONFIG.replace("name: one", "name: two"))]);
    world.applied("app", &second).await;
    assert!(world.get("ConfigMap", "one").await.is_some());
    deleted(&world).await;
    world.gone("ConfigMap", "two").await;
    assert!(world.get("ConfigMap", "one").await.is_some());
}

/// An object that somebody else has taken over in the meantime is not ours to delete.
pub(crate) async fn what_lost_our_labels_stays(mut world: World) {
    applied(&world, CONFIG, json!({})).await;
    // Nobody may put the label right before the new revision is there.
    world.stop().await;
    world.edit("Kustomization", "app", json!({ "spec": { "suspend": true } })).await;
    let taken =
        json!({ "metadata": { "labels": { "kustomize.toolkit.fluxcd.io/name": "another" } } });
    world.edit("ConfigMap", "one", taken).await;
    let second = world.commit(&[("app/app.yaml", &CONFIG.replace("name: one", "name: two"))]);
    world.start();
    let fetched = |it: &_| (text(it, "/status/artifact/revision") == second).then_some(());
    world.sees("GitRepository", "repo", fetched).await;
    world.edit("Kustomization", "app", json!({ "spec": { "suspend": false } })).await;
    world.applied("app", &second).await;
    assert!(world.get("ConfigMap", "one").await.is_some(), "its labels name another owner");
    assert!(world.get("ConfigMap", "two").await.is_some());
}
