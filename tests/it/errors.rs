//! What a person reads when something is wrong: each message names the object, and the file and line or field.

use serde_json::json;
use tests::World;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {key: first}\n";

/// Commits the files, applies `./app`, and returns the message of the failure; nothing else was touched.
async fn failure(world: &World, files: &[(&str, &str)], path: &str, reason: &str) -> String {
    world.commit(files);
    world.source().await;
    // With the source ready, what fails is what the scenario is about.
    world.sees("GitRepository", "repo", |it| it.data.pointer("/status/artifact").map(|_| ())).await;
    world.kustomization("app", json!({ "path": path, "targetNamespace": world.namespace })).await;
    let message = world.fails("Kustomization", "app", reason).await;
    assert!(
        world.get("ConfigMap", "one").await.is_none(),
        "nothing is applied when something is wrong"
    );
    message
}

#[track_caller]
fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

pub(crate) async fn invalid_yaml(world: World) {
    let files = [
        ("app/one.yaml", CONFIG),
        ("app/two.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two\n"),
    ];
    says(&failure(&world, &files, "./app", "BuildFailed").await, &["two.yaml", "line "]);
    // Once it is mended, it goes on by itself.
    let mended = world.commit(&[("app/two.yaml", &CONFIG.replace("one", "two"))]);
    world.applied("app", &mended).await;
}

pub(crate) async fn missing_path(world: World) {
    let message = failure(&world, &[("app/one.yaml", CONFIG)], "./nowhere", "ArtifactFailed").await;
    says(&message, &["nowhere"]);
}

pub(crate) async fn path_outside_the_artifact(world: World) {
    let files = [("app/kustomization.yaml", "resources: [../../../../../../../../etc/hostname]\n")];
    says(&failure(&world, &files, "./app", "BuildFailed").await, &["etc/hostname"]);
}

pub(crate) async fn duplicate_objects(world: World) {
    let files = [("app/a.yaml", CONFIG), ("app/b.yaml", CONFIG)];
    says(&failure(&world, &files, "./app", "BuildFailed").await, &["ConfigMap", "one"]);
}

pub(crate) async fn unknown_kind(world: World) {
    let gadget = "apiVersion: nobody.example.com/v1\nkind: Gadget\nmetadata: {name: lost}\n";
    let files = [("app/gadget.yaml", gadget), ("app/one.yaml", CONFIG)];
    let message = failure(&world, &files, "./app", "ReconciliationFailed").await;
    says(&message, &["Gadget", "lost", "nobody.example.com/v1"]);
}

pub(crate) async fn unknown_field_of_a_kustomization_file(world: World) {
    let files = [("app/kustomization.yaml", "resorces: [one.yaml]\n"), ("app/one.yaml", CONFIG)];
    says(
        &failure(&world, &files, "./app", "BuildFailed").await,
        &["kustomization.yaml", "resorces"],
    );
}

pub(crate) async fn object_that_the_cluster_refuses(world: World) {
    let refused = CONFIG.replace("name: one", "name: One_Of_Them");
    let files = [
        ("app/refused.yaml", &*refused),
        (
            "app/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {password: '%%hush%%'}\n",
        ),
    ];
    let message = failure(&world, &files, "./app", "ReconciliationFailed").await;
    says(&message, &["ConfigMap", "One_Of_Them"]);
    assert!(!message.contains("hush"), "no value of a Secret is ever shown: {message}");
}
