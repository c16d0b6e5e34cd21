//! Waiting for others: dependencies and sources.

use serde_json::json;
use tests::{World, text};

fn config(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: value}}\n")
}

pub(crate) async fn dependents_wait_for_their_dependency(world: World) {
    let files = [
        ("base/it.yaml", &*config("base")),
        ("app/it.yaml", &config("app")),
        ("base/broken.yaml", "no: ["),
    ];
    world.commit(&files);
    world.source().await;
    world
        .kustomization(
            "app",
            json!({ "targetNamespace": world.namespace, "dependsOn": [{ "name": "base" }] }),
        )
        .await;
    let message = world.fails("Kustomization", "app", "DependencyNotReady").await;
    assert!(message.contains(&format!("{}/base", world.namespace)), "{message}");

    world.kustomization("base", json!({ "targetNamespace": world.namespace })).await;
    world.fails("Kustomization", "base", "BuildFailed").await;
    world.fails("Kustomization", "app", "DependencyNotReady").await;
    assert!(world.get("ConfigMap", "app").await.is_none());

    let fixed = world.remove(&["base/broken.yaml"]);
    world.applied("base", &fixed).await;
    let app = world.applied("app", &fixed).await;
    assert_eq!(text(&app, "/status/lastAppliedRevision"), fixed);
    let created =
        async |name| world.get("ConfigMap", name).await.unwrap().metadata.creation_timestamp;
    assert!(created("base").await <= created("app").await);
}

pub(crate) async fn missing_source_is_waited_for(world: World) {
    let revision = world.commit(&[("app/it.yaml", &config("app"))]);
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    let message = world.fails("Kustomization", "app", "ArtifactFailed").await;
    assert!(message.contains("repo"), "{message}");
    world.source().await;
    world.applied("app", &revision).await;
}

pub(crate) async fn source_that_goes_is_named(world: World) {
    let revision = world.commit(&[("app/it.yaml", &config("app"))]);
    world.source().await;
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    world.applied("app", &revision).await;
    world.delete("GitRepository", "repo").await;
    world.gone("GitRepository", "repo").await;
    let request =
        json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "1" } } });
    world.edit("Kustomization", "app", request).await;
    let message = world.fails("Kustomization", "app", "ArtifactFailed").await;
    assert!(message.contains("GitRepository") && message.contains("repo"), "{message}");
    assert!(world.get("ConfigMap", "app").await.is_some(), "what was applied stays");
}
