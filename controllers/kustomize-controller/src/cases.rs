//! The controller against the API server in memory: object in; status, events and cluster out.

mod load;
mod world;

use std::time::Duration;

use serde_json::{Value, json};

use self::world::{World, config_map, kustomization};
use testkit::ControlPlane;

/// Makes a test of each case against the API server in memory, and one that runs all of them
/// against a real one where its programs are there.
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        mod in_memory {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(&super::World::in_memory().await).await;
                }
            )+
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_real_api_server_agrees() {
            let Some(tools) = ControlPlane::tools() else {
                println!("skipped: $WEIR_TOOLS names no control plane");
                return;
            };
            let plane = ControlPlane::start(&tools).unwrap();
            $(
                println!("{}", stringify!($name));
                let world = World::real(&plane).await;
                $name(&world).await;
                world.clear().await;
            )+
        }
    };
}

cases! {
    a_kustomization_is_applied_and_says_so,
    what_nobody_changed_costs_one_status_write_and_nothing_else,
    an_app_costs_few_requests,
    a_new_artifact_is_applied_and_what_it_lacks_is_pruned,
    a_commit_elsewhere_in_the_repository_is_not_built,
    drift_is_put_right_in_under_a_second,
    a_dependency_is_waited_for_and_wakes_its_dependants,
    variables_come_from_config_maps_and_a_change_wakes,
    a_broken_build_fails_and_recovers_with_the_next_revision,
    a_path_that_is_not_there_is_named,
    a_source_may_come_late,
    a_deleted_kustomization_takes_its_objects_along,
    a_suspended_kustomization_rests_and_leaves_its_objects,
    a_build_that_yields_nothing_does_not_prune_everything,
    health_is_waited_for_and_a_newer_revision_ends_the_wait,
    what_has_failed_for_good_fails_at_once_with_its_name,
    an_account_without_rights_is_refused,
    a_spec_that_can_never_work_stalls_until_it_changes,
    dependents_follow_a_new_revision_without_a_word,
    a_namespace_that_a_kind_does_not_have_changes_no_identity,
    what_secrets_hold_is_in_no_message,
    a_gone_account_leaves_the_objects_and_lets_go,
    text_taken_out_of_a_secret_is_gone,
    a_lost_inventory_entry_is_never_pruned_by_guess,
}

async fn a_kustomization_is_applied_and_says_so(world: &World) {
    world.source("podinfo", "main@sha1:1", &[("a.yaml", &config_map("a", "1"))]).await;
    world.create(kustomization("apps", json!({}))).await;
    let apps = world.ready("apps", "Applied revision: main@sha1:1").await;

    let status = &apps["status"];
    assert_eq!(status["inventory"]["entries"], json!([{"id": "default_a__ConfigMap", "v": "v1"}]));
    assert_eq!(status["lastAppliedRevision"], "main@sha1:1");
    assert_eq!(status["lastAttemptedRevision"], "main@sha1:1");
    assert_eq!(status["observedGeneration"], 1);
    assert_eq!(status["history"][0]["lastReconciledStatus"], "ReconciliationSucceeded");
    assert_eq!(status["history"][0]["metadata"], json!({"revision": "main@sha1:1"}));
    assert_eq!(status["conditions"].as_array().unwrap().len(), 1, "{}", status["conditions"]);
    assert_eq!(apps["metadata"]["finalizers"], json!(["finalizers.fluxcd.io"]));

    let a = world.get("ConfigMap", "a").await.unwrap();
    assert_eq!(
        a["metadata"]["labels"],
        json!({
            "kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": "default",
        })
    );
    let manager = &a["metadata"]["managedFields"][0];
    assert_eq!(
        (&manager["manager"], &manager["operation"]),
        (&json!("kustomize-controller"), &json!("Apply"))
    );
    world.event("Progressing", "ConfigMap/default/a created").await;
    let finished = world.event("ReconciliationSucceeded", "Reconciliation finished in").await;
    assert_eq!(
        finished["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/commit_status"],
        "update"
    );
}

async fn what_nobody_changed_costs_one_status_write_and_nothing_else(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    world.create(kustomization("apps", json!({}))).await;
    world.ready("apps", "Applied revision: r1").await;
    world.quiet().await;
    world.request("apps", "now").await;
    world.requests();
    world.handled("apps", "now").await;
    if let Some(requests) = world.requests() {
        let own = requests.iter().filter(|request| !request.starts_with("get kustomizations"));
        let own: Vec<&String> = own.collect();
        assert_eq!(own, ["patch kustomizations.kustomize.toolkit.fluxcd.io/status: 1"]);
    }
    let apps = world.get("Kustomization", "apps").await.unwrap();
    assert_eq!(apps["status"]["history"][0]["totalReconciliations"], 2);
}

/// What is asked of the server, discovery and the first reads of a new process left out.
async fn an_app_costs_few_requests(world: &World) {
    let app = |tag: &str| -> Vec<(String, String)> {
        let files = ["a", "b", "c"].map(|name| (format!("{name}.yaml"), config_map(name, "1")));
        files.into_iter().chain([("d.yaml".to_owned(), config_map("d", tag))]).collect()
    };
    let put = async |revision: &str, files: Vec<(String, String)>| {
        let files: Vec<(&str, &str)> =
            files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        world.source("podinfo", revision, &files).await;
    };
    put("r1", app("1")).await;
    world.create(kustomization("warm", json!({"namePrefix": "warm-"}))).await;
    world.ready("warm", "Applied revision: r1").await;
    world.merge("Kustomization", "warm", json!({"spec": {"suspend": true}})).await;
    world.quiet().await;
    world.requests();
    world.create(kustomization("apps", json!({}))).await;
    world.ready("apps", "Applied revision: r1").await;
    world.quiet().await;
    let Some(requests) = world.requests() else { return };
    let requests: Vec<String> =
        requests.into_iter().filter(|request| !request.starts_with("get kustomizations")).collect();
    assert_eq!(
        requests,
        [
            "create events: 2",
            "create kustomizations.kustomize.toolkit.fluxcd.io: 1",
            "patch configmaps: 4",
            "patch kustomizations.kustomize.toolkit.fluxcd.io: 1",
            "patch kustomizations.kustomize.toolkit.fluxcd.io/status: 2",
        ],
        "finalizer, inventory, four applies, outcome"
    );
    put("r2", app("2")).await;
    world.ready("apps", "Applied revision: r2").await;
    world.quiet().await;
    let requests = world.requests().unwrap_or_default();
    // An event with the text of an earlier one is counted there.
    let others = ["gitrepositories", " events: ", "get kustomizations"];
    let is_own = |request: &&String| !others.iter().any(|other| request.contains(other));
    let own: Vec<&String> = requests.iter().filter(is_own).collect();
    assert_eq!(
        own,
        ["patch configmaps: 1", "patch kustomizations.kustomize.toolkit.fluxcd.io/status: 1"],
        "only the object that changed is written, and nothing is asked"
    );
}

async fn a_new_artifact_is_applied_and_what_it_lacks_is_pruned(world: &World) {
    let (a, b) = (config_map("a", "1"), config_map("b", "1"));
    world.source("podinfo", "r1", &[("a.yaml", &a), ("b.yaml", &b)]).await;
    world.create(kustomization("apps", json!({}))).await;
    world.ready("apps", "Applied revision: r1").await;
    world.source("podinfo", "r2", &[("a.yaml", &config_map("a", "2"))]).await;
    let apps = world.ready("apps", "Applied revision: r2").await;
    assert_eq!(world.get("ConfigMap", "a").await.unwrap()["data"]["k"], "2");
    assert!(world.get("ConfigMap", "b").await.is_none());
    assert_eq!(apps["status"]["inventory"]["entries"].as_array().unwrap().len(), 1);
    assert_eq!(apps["status"]["history"].as_array().unwrap().len(), 2);
    world.event("Progressing", "ConfigMap/default/b deleted").await;
}

async fn a_commit_elsewhere_in_the_repository_is_not_built(world: &World) {
    let base = "resources: [b.yaml]\n";
    let app = "resources: [../base]\n";
    let files = |value: &'static str, other: &'static str| {
        let b = config_map("b", value);
        [
            ("base/kustomization.yaml", base.to_owned()),
            ("base/b.yaml", b),
            ("app/kustomization.yaml", app.to_owned()),
            ("other/broken.yaml", other.to_owned()),
        ]
    };
    let put = async |revision: &str, files: [(&'static str, String); 4]| {
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        world.source("podinfo", revision, &files).await;
    };
    put("r1", files("1", "x: 1")).await;
    world.create(kustomization("apps", json!({"path": "./app"}))).await;
    world.ready("apps", "Applied revision: r1").await;
    world.quiet().await;
    // A fetch would fail now, and with it a build.
    world.offer_artifacts(false);
    put("r2", files("1", "x: 2")).await;
    world.ready("apps", "Applied revision: r2").await;
    world.offer_artifacts(true);
    put("r3", files("2", "x: 2")).await;
    world.ready("apps", "Applied revision: r3").await;
    assert_eq!(world.get("ConfigMap", "b").await.unwrap()["data"]["k"], "2");
}

async fn drift_is_put_right_in_under_a_second(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    world.create(kustomization("apps", json!({}))).await;
    world.ready("apps", "Applied revision: r1").await;
    world.quiet().await;
    world.merge("ConfigMap", "a", json!({"data": {"k": "drifted"}})).await;
    let started = std::time::Instant::now();
    world
        .until("the drift is corrected", async || {
            world.get("ConfigMap", "a").await.is_some_and(|a| a["data"]["k"] == "1")
        })
        .await;
    assert!(started.elapsed() < Duration::from_secs(1), "took {:?}", started.elapsed());
    world.quiet().await;
    world.delete("ConfigMap", "a").await;
    world.until("the object is back", async || world.get("ConfigMap", "a").await.is_some()).await;
}

async fn a_dependency_is_waited_for_and_wakes_its_dependants(world: &World) {
    world
        .source(
            "podinfo",
            "r1",
            &[("a/a.yaml", &config_map("a", "1")), ("b/b.yaml", &config_map("b", "1"))],
        )
        .await;
    let apps = json!({"path": "./b", "dependsOn": [{"name": "infra"}]});
    world.create(kustomization("apps", apps)).await;
    world.not_ready("apps", "DependencyNotReady", "dependency 'default/infra' not found").await;
    assert!(world.get("ConfigMap", "b").await.is_none());
    world.create(kustomization("infra", json!({"path": "./a"}))).await;
    world.ready("apps", "Applied revision: r1").await;
}

async fn variables_come_from_config_maps_and_a_change_wakes(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "${value:=none}"))]).await;
    let spec = json!({"postBuild": {
        "substitute": {"other": "x"},
        "substituteFrom": [{"kind": "ConfigMap", "name": "vars"}],
    }});
    world.create(kustomization("apps", spec)).await;
    world.not_ready("apps", "BuildFailed", "substitute from 'ConfigMap/vars': not found").await;
    let vars = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "vars", "namespace": "default",
            "labels": {"reconcile.fluxcd.io/watch": "Enabled"},
        },
        "data": {"value": "one"},
    });
    world.create(vars).await;
    world.ready("apps", "Applied revision: r1").await;
    assert_eq!(world.get("ConfigMap", "a").await.unwrap()["data"]["k"], "one");
    world.merge("ConfigMap", "vars", json!({"data": {"value": "two"}})).await;
    world
        .until("the new value is applied", async || {
            world.get("ConfigMap", "a").await.is_some_and(|a| a["data"]["k"] == "two")
        })
        .await;
}

async fn a_broken_build_fails_and_recovers_with_the_next_revision(world: &World) {
    world.source("podinfo", "r1", &[("kustomization.yaml", "resources: [missing.yaml]\n")]).await;
    world.create(kustomization("apps", json!({}))).await;
    let apps = world.not_ready("apps", "BuildFailed", "missing.yaml").await;
    let reconciling = world::condition(&apps, "Reconciling").unwrap();
    assert_eq!(reconciling["reason"], "ProgressingWithRetry");
    world.event("BuildFailed", "kustomize build failed").await;
    world.source("podinfo", "r2", &[("a.yaml", &config_map("a", "1"))]).await;
    world.ready("apps", "Applied revision: r2").await;
}

async fn a_path_that_is_not_there_is_named(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    world.create(kustomization("apps", json!({"path": "./nowhere"}))).await;
    world.not_ready("apps", "ArtifactFailed", "kustomization path not found: '/nowhere'").await;
}

async fn a_source_may_come_late(world: &World) {
    world.create(kustomization("apps", json!({}))).await;
    let missing = "Source 'GitRepository/default/podinfo' not found";
    world.not_ready("apps", "ArtifactFailed", missing).await;
    world.quiet().await;
    let warnings = world.events().await;
    assert!(warnings.iter().all(|event| event.starts_with("Normal")), "{warnings:?}");
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    world.ready("apps", "Applied revision: r1").await;
}

async fn a_deleted_kustomization_takes_its_objects_along(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    world.create(kustomization("apps", json!({}))).await;
    world
        .create(kustomization("kept", json!({"deletionPolicy": "Orphan", "namePrefix": "kept-"})))
        .await;
    world.ready("apps", "Applied revision: r1").await;
    world.ready("kept", "Applied revision: r1").await;
    world.delete("Kustomization", "apps").await;
    world.delete("Kustomization", "kept").await;
    for name in ["apps", "kept"] {
        world.until("it is gone", async || world.get("Kustomization", name).await.is_none()).await;
    }
    assert!(world.get("ConfigMap", "a").await.is_none());
    assert!(world.get("ConfigMap", "kept-a").await.is_some());
}

async fn a_suspended_kustomization_rests_and_leaves_its_objects(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    world.create(kustomization("apps", json!({}))).await;
    world.ready("apps", "Applied revision: r1").await;
    world.merge("Kustomization", "apps", json!({"spec": {"suspend": true}})).await;
    world.source("podinfo", "r2", &[("a.yaml", &config_map("a", "2"))]).await;
    world.quiet().await;
    assert_eq!(world.get("ConfigMap", "a").await.unwrap()["data"]["k"], "1");
    world.delete("Kustomization", "apps").await;
    world.until("it is gone", async || world.get("Kustomization", "apps").await.is_none()).await;
    assert!(world.get("ConfigMap", "a").await.is_some());
}

async fn a_build_that_yields_nothing_does_not_prune_everything(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    world.create(kustomization("apps", json!({}))).await;
    world.ready("apps", "Applied revision: r1").await;
    world.source("podinfo", "r2", &[("README.md", "nothing here\n")]).await;
    world.not_ready("apps", "BuildFailed", "the build yields no objects").await;
    assert!(world.get("ConfigMap", "a").await.is_some());
    let confirm = json!({"metadata": {"annotations": {
        "weir.dev/prune-confirmed": "r2", "reconcile.fluxcd.io/requestedAt": "1",
    }}});
    world.merge("Kustomization", "apps", confirm).await;
    world.ready("apps", "Applied revision: r2").await;
    assert!(world.get("ConfigMap", "a").await.is_none());
}

async fn health_is_waited_for_and_a_newer_revision_ends_the_wait(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    let spec = json!({"healthChecks": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "late"}]});
    world.create(kustomization("apps", spec)).await;
    world
        .until("the wait shows", async || {
            let apps = world.get("Kustomization", "apps").await.unwrap();
            world::condition(&apps, "Healthy").is_some_and(|c| c["status"] == "Unknown")
        })
        .await;
    // A worker is free meanwhile: with one worker only, another Kustomization gets ready.
    world.create(kustomization("other", json!({"namePrefix": "other-"}))).await;
    world.ready("other", "Applied revision: r1").await;
    world.source("podinfo", "r2", &[("a.yaml", &config_map("a", "2"))]).await;
    world
        .until("the new revision is applied", async || {
            world.get("ConfigMap", "a").await.is_some_and(|a| a["data"]["k"] == "2")
        })
        .await;
    world.create(bare_config_map("late")).await;
    let apps = world.ready("apps", "Applied revision: r2").await;
    let trigger = "Health checks canceled due to new reconciliation triggered by \
                   GitRepository/default/podinfo";
    world.event("HealthCheckCanceled", trigger).await;
    assert_eq!(world::condition(&apps, "Healthy").unwrap()["status"], "True");
}

async fn what_has_failed_for_good_fails_at_once_with_its_name(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    let broken = json!({"healthCheckExprs": [{"apiVersion": "a/v1", "current": "status.("}]});
    world.create(kustomization("broken", broken)).await;
    let spec = json!({"healthChecks": [
        {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "name": "broken"},
    ]});
    world.create(kustomization("apps", spec)).await;
    let message =
        "failed early due to stalled resources: [Kustomization/default/broken status: 'Failed'";
    let apps = world.not_ready("apps", "HealthCheckFailed", message).await;
    assert_eq!(world::condition(&apps, "Healthy").unwrap()["status"], "False");
    assert_eq!(apps["status"]["history"][0]["lastReconciledStatus"], "HealthCheckFailed");
    world.event("HealthCheckFailed", "failed early").await;
}

async fn an_account_without_rights_is_refused(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    world.create(kustomization("apps", json!({"serviceAccountName": "tenant"}))).await;
    world.not_ready("apps", "ReconciliationFailed", "system:serviceaccount:default:tenant").await;
    assert!(world.get("ConfigMap", "a").await.is_none());
}

async fn a_spec_that_can_never_work_stalls_until_it_changes(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    let spec =
        json!({"healthCheckExprs": [{"apiVersion": "a/v1", "kind": "A", "current": "status.("}]});
    world.create(kustomization("apps", spec)).await;
    let apps = world.not_ready("apps", "InvalidCELExpression", "failed to compile").await;
    assert_eq!(world::condition(&apps, "Stalled").unwrap()["status"], "True");
    assert_eq!(apps["status"]["observedGeneration"], 1);
    world.merge("Kustomization", "apps", json!({"spec": {"healthCheckExprs": []}})).await;
    let apps = world.ready("apps", "Applied revision: r1").await;
    assert!(world::condition(&apps, "Stalled").is_none());
}

fn bare_config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}})
}

async fn dependents_follow_a_new_revision_without_a_word(world: &World) {
    let files = |value: &str| {
        ["a", "b", "c"].map(|name| (format!("{name}/x.yaml"), config_map(name, value)))
    };
    let put = async |revision: &str, value: &str| {
        let files = files(value);
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        world.source("podinfo", revision, &files).await;
    };
    put("r1", "1").await;
    world.create(kustomization("c", json!({"path": "./c"}))).await;
    world.ready("c", "Applied revision: r1").await;
    for (name, on) in [("b", "c"), ("a", "b")] {
        let spec = json!({"path": format!("./{name}"), "dependsOn": [{"name": on}]});
        world.create(kustomization(name, spec)).await;
        world.ready(name, "Applied revision: r1").await;
    }
    put("r2", "2").await;
    for name in ["a", "b", "c"] {
        world.ready(name, "Applied revision: r2").await;
    }
    let events = world.events().await;
    assert!(!events.iter().any(|event| event.contains("DependencyNotReady")), "{events:?}");

    // One that fails holds up those behind it, and they say so.
    let broken = ("c/kustomization.yaml", "resources: [missing.yaml]\n");
    world.source("podinfo", "r3", &[broken, ("b/x.yaml", ""), ("a/x.yaml", "")]).await;
    world.not_ready("c", "BuildFailed", "missing.yaml").await;
    world.not_ready("b", "DependencyNotReady", "dependency 'default/c' is not ready").await;
    world.not_ready("a", "DependencyNotReady", "dependency 'default/b' is not ready").await;
    put("r4", "4").await;
    world.ready("a", "Applied revision: r4").await;
}

/// A cluster role, as it may stand in a folder where everything has a namespace.
fn cluster_role(name: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  \
         name: {name}\n  namespace: default\nrules: []\n"
    )
}

async fn a_namespace_that_a_kind_does_not_have_changes_no_identity(world: &World) {
    let role = "weir-case-reader";
    world.source("podinfo", "r1", &[("a.yaml", &cluster_role(role))]).await;
    world.create(kustomization("apps", json!({"targetNamespace": null}))).await;
    let apps = world.ready("apps", "Applied revision: r1").await;
    let id = format!("_{role}_rbac.authorization.k8s.io_ClusterRole");
    assert_eq!(apps["status"]["inventory"]["entries"], json!([{"id": id, "v": "v1"}]));
    world
        .source(
            "podinfo",
            "r2",
            &[("b.yaml", &config_map("b", "1")), ("a.yaml", &cluster_role(role))],
        )
        .await;
    let apps = world
        .not_ready("apps", "ReconciliationFailed", "ConfigMap/b namespace not specified")
        .await;
    assert!(world.get("ClusterRole", role).await.is_some());
    let entries = apps["status"]["inventory"]["entries"].as_array().unwrap().len();
    assert_eq!(entries, 1, "what cannot be there is not on record");
    world.delete("Kustomization", "apps").await;
    world.until("it is gone", async || world.get("Kustomization", "apps").await.is_none()).await;
    world.until("its role is, too", async || world.get("ClusterRole", role).await.is_none()).await;
}

async fn what_secrets_hold_is_in_no_message(world: &World) {
    world
        .create(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vars", "namespace": "default"},
            "stringData": {"container": "Hunter2_Hunter2"},
        }))
        .await;
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  \
                      replicas: 1\n  selector: {matchLabels: {a: b}}\n  template:\n    \
                      metadata: {labels: {a: b}}\n    spec: {containers: [{name: \"${container}\", image: i}]}\n";
    world.source("podinfo", "r1", &[("a.yaml", deployment)]).await;
    let spec = json!({"postBuild": {"substituteFrom": [{"kind": "Secret", "name": "vars"}]}});
    world.create(kustomization("apps", spec)).await;
    let apps =
        world.not_ready("apps", "ReconciliationFailed", "Deployment/default/web dry-run").await;
    world.event("ReconciliationFailed", "Deployment/default/web").await;
    let shown = format!("{apps} {:?}", world.events().await);
    assert!(shown.contains("*****") && !shown.contains("Hunter2"), "{shown}");
}

async fn a_gone_account_leaves_the_objects_and_lets_go(world: &World) {
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    world.create(kustomization("apps", json!({}))).await;
    world.ready("apps", "Applied revision: r1").await;
    world.merge("Kustomization", "apps", json!({"spec": {"serviceAccountName": "gone"}})).await;
    world.not_ready("apps", "ReconciliationFailed", "system:serviceaccount:default:gone").await;
    world.delete("Kustomization", "apps").await;
    world.until("it is gone", async || world.get("Kustomization", "apps").await.is_none()).await;
    assert!(world.get("ConfigMap", "a").await.is_some());
    let event = world.event("PruneFailed", "ConfigMap/default/a").await;
    let key = "kustomize.toolkit.fluxcd.io/revision";
    assert_eq!(event["metadata"]["annotations"][key], "r1");
}

async fn text_taken_out_of_a_secret_is_gone(world: &World) {
    let secret = |data: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData: {data}\n")
    };
    world.source("podinfo", "r1", &[("a.yaml", &secret("{a: x, b: y}"))]).await;
    world.create(kustomization("apps", json!({}))).await;
    world.ready("apps", "Applied revision: r1").await;
    world.source("podinfo", "r2", &[("a.yaml", &secret("{a: x}"))]).await;
    world.ready("apps", "Applied revision: r2").await;
    assert_eq!(world.get("Secret", "s").await.unwrap()["data"], json!({"a": "eA=="}));
}

async fn a_lost_inventory_entry_is_never_pruned_by_guess(world: &World) {
    // An object with our labels that no inventory names is somebody's copy.
    world.source("podinfo", "r1", &[("a.yaml", &config_map("a", "1"))]).await;
    world.create(kustomization("apps", json!({}))).await;
    world.ready("apps", "Applied revision: r1").await;
    let mut copy = bare_config_map("copy");
    copy["metadata"]["labels"] =
        world.get("ConfigMap", "a").await.unwrap()["metadata"]["labels"].clone();
    world.create(copy).await;
    world.source("podinfo", "r2", &[("b.yaml", &config_map("b", "1"))]).await;
    world.ready("apps", "Applied revision: r2").await;
    assert!(world.get("ConfigMap", "a").await.is_none());
    assert!(world.get("ConfigMap", "copy").await.is_some());
}
