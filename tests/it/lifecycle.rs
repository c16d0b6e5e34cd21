//! From the first sync to the last commit.

use serde_json::{Value, json};
use tests::{World, condition, eventually, text};

const ONE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {key: first}\n";
const TWO: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\ndata: {key: first}\n";

/// A kustomization file that puts everything into the world's namespace.
pub(crate) fn namespaced(world: &World, resources: &[&str]) -> String {
    let list: String = resources.iter().map(|name| ["  - ", name, "\n"].concat()).collect();
    format!("namespace: {}\nresources:\n{list}", world.namespace)
}

pub(crate) async fn first_sync(world: World) {
    let files = [("app/one.yaml", ONE), ("app/two.yaml", TWO)];
    let revision = world.commit(&files);
    world.source().await;
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    let applied = world.applied("app", &revision).await;

    assert_eq!(world.value("one", "key").await.as_deref(), Some("first"));
    let ready = condition(&applied, "Ready").unwrap();
    assert_eq!(
        (ready.1, ready.2),
        ("ReconciliationSucceeded", format!("Applied revision: {revision}").as_str())
    );
    assert_eq!(text(&applied, "/status/lastAttemptedRevision"), revision);
    assert!(condition(&applied, "Reconciling").is_none(), "nothing is left to do");
    let ids: Vec<String> = ["one", "two"]
        .iter()
        .map(|name| format!("{}_{name}__ConfigMap", world.namespace))
        .collect();
    assert_eq!(world.inventory("app").await, ids);
    assert_eq!(applied.metadata.finalizers.unwrap_or_default(), ["finalizers.fluxcd.io"]);

    let owned = world.get("ConfigMap", "one").await.unwrap();
    let labels = owned.metadata.labels.unwrap_or_default();
    assert_eq!(labels.get("kustomize.toolkit.fluxcd.io/name").map(String::as_str), Some("app"));
    assert_eq!(labels.get("kustomize.toolkit.fluxcd.io/namespace"), Some(&world.namespace));

    let source = world.get("GitRepository", "repo").await.unwrap();
    assert_eq!(text(&source, "/status/artifact/revision"), revision);
    assert!(text(&source, "/status/artifact/digest").starts_with("sha256:"));
    let file = text(&source, "/status/artifact/path");
    let commit = revision.trim_start_matches("main@sha1:");
    assert_eq!(file, format!("gitrepository/{}/repo/{commit}.tar.gz", world.namespace));
    assert!(text(&source, "/status/artifact/url").ends_with(file));
    assert_eq!(
        condition(&source, "ArtifactInStorage").map(|c| (c.0, c.1)),
        Some(("True", "Succeeded"))
    );
}

pub(crate) async fn new_commit_is_followed(world: World) {
    let first = world.commit(&[("app/one.yaml", ONE)]);
    world.source().await;
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    world.applied("app", &first).await;
    let second = world.commit(&[("app/one.yaml", &ONE.replace("first", "second"))]);
    world.applied("app", &second).await;
    assert_eq!(world.value("one", "key").await.as_deref(), Some("second"));
}

pub(crate) async fn removed_file_is_pruned(world: World) {
    let first = world.commit(&[("app/one.yaml", ONE), ("app/two.yaml", TWO)]);
    world.source().await;
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    world.applied("app", &first).await;
    let second = world.remove(&["app/two.yaml"]);
    world.applied("app", &second).await;
    world.gone("ConfigMap", "two").await;
    assert!(world.get("ConfigMap", "one").await.is_some());
    assert_eq!(world.inventory("app").await, [format!("{}_one__ConfigMap", world.namespace)]);
}

pub(crate) async fn suspended_object_is_left_alone(world: World) {
    let first = world.commit(&[("app/one.yaml", ONE)]);
    world.source().await;
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    world.applied("app", &first).await;
    world.edit("Kustomization", "app", json!({ "spec": { "suspend": true } })).await;
    let second = world.commit(&[("app/one.yaml", &ONE.replace("first", "second"))]);
    world
        .sees("GitRepository", "repo", |it| {
            (text(it, "/status/artifact/revision") == second).then_some(())
        })
        .await;
    world.delete("ConfigMap", "one").await;
    // What must not happen leaves no trace to wait for: a request that is answered by another object shows that the
    // controllers had their chance.
    world
        .kustomization(
            "other",
            json!({ "path": "./app", "targetNamespace": world.namespace, "namePrefix": "other-" }),
        )
        .await;
    world.applied("other", &second).await;
    assert!(world.get("ConfigMap", "one").await.is_none(), "a suspended object puts nothing right");
    world.edit("Kustomization", "app", json!({ "spec": { "suspend": false } })).await;
    world.applied("app", &second).await;
    assert_eq!(world.value("one", "key").await.as_deref(), Some("second"));
}

pub(crate) async fn requested_reconcile_is_answered(world: World) {
    let revision = world.commit(&[("app/one.yaml", ONE)]);
    world.source().await;
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    world.applied("app", &revision).await;
    for (kind, name) in [("GitRepository", "repo"), ("Kustomization", "app")] {
        let request = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now-7" } } });
        world.edit(kind, name, request).await;
        let answered = |it: &kube::api::DynamicObject| {
            (text(it, "/status/lastHandledReconcileAt") == "now-7").then_some(())
        };
        world.sees(kind, name, answered).await;
    }
    world.applied("app", &revision).await;
}

/// With nothing changed, a visit that is asked for sends no write but the one status that answers the request, and reads
/// each kind at most once. Counted by the embedded server; the real one counts for all of its users together.
pub(crate) async fn nothing_changed_writes_nothing(world: World) {
    let revision = world.commit(&[("app/one.yaml", ONE), ("app/two.yaml", TWO)]);
    world.source().await;
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    world.applied("app", &revision).await;
    let before = world.get("ConfigMap", "one").await.and_then(|it| it.metadata.resource_version);
    let Some(server) = world.cluster.server().cloned() else { return };
    let token =
        json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "again" } } });
    server.reset_requests();
    world.edit("Kustomization", "app", token).await;
    let answered = |it: &kube::api::DynamicObject| {
        (text(it, "/status/lastHandledReconcileAt") == "again").then_some(())
    };
    world.sees("Kustomization", "app", answered).await;
    assert_eq!(
        world.get("ConfigMap", "one").await.and_then(|it| it.metadata.resource_version),
        before
    );
    let requests: Vec<String> =
        server.requests().iter().map(|(kind, count)| format!("{kind:?} {count}")).collect();
    let on_configmaps = |verb: &str| -> u64 {
        let hits = server.requests().into_iter().filter(|(kind, _)| {
            let shown = format!("{kind:?}").to_lowercase();
            shown.contains("configmaps") && shown.contains(verb)
        });
        hits.map(|(_, count)| count).sum()
    };
    assert_eq!(
        on_configmaps("patch") + on_configmaps("create") + on_configmaps("update"),
        0,
        "{requests:#?}"
    );
    assert!(on_configmaps("list") <= 1, "{requests:#?}");
}

pub(crate) async fn restarted_api_server_loses_nothing(world: World) {
    let first = world.commit(&[("app/one.yaml", ONE)]);
    world.source().await;
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    world.applied("app", &first).await;
    world.cluster.restart().unwrap();
    let second = world.commit(&[("app/one.yaml", &ONE.replace("first", "second"))]);
    eventually("the new commit is applied after the restart", async || {
        let seen = world.api("ConfigMap").get_opt("one").await;
        let seen = seen.map_err(|error| error.to_string())?.ok_or("it is gone")?;
        let value = seen.data.pointer("/data/key").and_then(Value::as_str).map(str::to_owned);
        if value.as_deref() == Some("second") {
            return Ok(());
        }
        let states =
            (world.get("GitRepository", "repo").await, world.get("Kustomization", "app").await);
        Err(format!("the value is {value:?}: {states:?}"))
    })
    .await;
    world.applied("app", &second).await;
}
