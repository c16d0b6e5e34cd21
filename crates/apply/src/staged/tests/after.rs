//! What comes after an apply: pruning and waiting.

use super::*;
use crate::prune;
use crate::wait::{Target, wait};

pub(super) async fn pruning_takes_what_is_ours_and_leaves_the_rest(world: &mut World) {
    let mut kept = config_map("kept", json!({}));
    kept["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/prune": "disabled"});
    let mut foreign = config_map("foreign", json!({}));
    foreign["metadata"]["labels"] = json!({"owner": "other"});
    world.apply(&[config_map("mine", json!({})), kept, foreign]).await.unwrap();
    let stale = Inventory::from_entries([
        ("default_mine__ConfigMap", "v1"),
        ("default_kept__ConfigMap", "v1"),
        ("default_foreign__ConfigMap", "v1"),
        ("default_never__ConfigMap", "v1"),
        ("default_old_gone.example.com_Thing", "v1"),
    ])
    .unwrap();
    let owner = BTreeMap::from([("owner".to_owned(), "me".to_owned())]);
    let pruned = prune::delete(&world.cluster, &stale, &owner).await;
    assert!(pruned.failed.is_empty(), "{:?}", pruned.failed);
    assert_eq!(
        pruned.changes.to_string(),
        "Thing/default/old deleted\nConfigMap/default/never deleted\nConfigMap/default/mine deleted\n\
         ConfigMap/default/kept skipped\nConfigMap/default/foreign skipped",
        "what is gone already counts as deleted"
    );
    assert!(world.config_maps().get_opt("mine").await.unwrap().is_none());
    assert!(world.config_maps().get_opt("kept").await.unwrap().is_some());
    assert!(world.config_maps().get_opt("foreign").await.unwrap().is_some());
}

/// A client that answers a request instead of the server where `instead` has an answer.
fn with_answers<F>(client: &Client, instead: F) -> Client
where
    F: Fn(&Client, &http::Request<kube::client::Body>) -> Option<Answer> + Send + Sync + 'static,
{
    let (inner, instead) = (client.clone(), std::sync::Arc::new(instead));
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let (client, instead) = (inner.clone(), std::sync::Arc::clone(&instead));
        async move {
            match instead(&client, &request) {
                Some(answer) => answer.await,
                None => client.send(request).await,
            }
        }
    });
    Client::new(service, "default")
}

type Answer =
    futures::future::BoxFuture<'static, Result<http::Response<kube::client::Body>, kube::Error>>;

fn answer(code: u16, body: &str) -> Answer {
    let body = kube::client::Body::from(body.to_owned().into_bytes());
    let answer = http::Response::builder().status(code).body(body).unwrap();
    std::future::ready(Ok(answer)).boxed()
}

pub(super) async fn what_somebody_takes_over_meanwhile_is_not_pruned(world: &mut World) {
    world.apply(&[config_map("a", json!({}))]).await.unwrap();
    let plain = world.cluster.client().clone();
    let api = world.config_maps();
    // After our first look another owner applies the object.
    let looked = std::sync::atomic::AtomicBool::new(false);
    let client = with_answers(&plain, move |client, request| {
        let path = request.uri().path().to_owned();
        let is_look = request.method() == http::Method::GET && path.ends_with("/configmaps/a");
        if !is_look || looked.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return None;
        }
        let (client, api) = (client.clone(), api.clone());
        let seen = async move {
            let look = http::Request::get(path).body(kube::client::Body::empty()).unwrap();
            let answer = client.send(look).await;
            let theirs = Patch::Merge(json!({"metadata": {"labels": {"owner": "other"}}}));
            api.patch("a", &PatchParams::default(), &theirs).await?;
            answer
        };
        Some(seen.boxed())
    });
    let stale = Inventory::from_entries([("default_a__ConfigMap", "v1")]).unwrap();
    let owner = BTreeMap::from([("owner".to_owned(), "me".to_owned())]);
    let pruned = prune::delete(&Cluster::new(client, "ours"), &stale, &owner).await;
    assert!(pruned.failed.is_empty(), "{:?}", pruned.failed);
    assert_eq!(pruned.changes.to_string(), "ConfigMap/default/a skipped");
    assert!(world.config_maps().get_opt("a").await.unwrap().is_some());
}

pub(super) async fn a_kind_that_is_out_of_reach_is_not_gone(world: &mut World) {
    // An extension server that is down: its group is known, its kinds are not.
    let client = with_answers(world.cluster.client(), |_, request| match request.uri().path() {
        "/apis/down.example.com" => Some(answer(
            200,
            r#"{"kind": "APIGroup", "versions": [{"groupVersion": "down.example.com/v1"}]}"#,
        )),
        "/apis/down.example.com/v1" => Some(answer(503, "service unavailable")),
        _ => None,
    });
    let stale = Inventory::from_entries([
        ("default_a_down.example.com_Thing", "v1"),
        ("default_a_gone.example.com_Thing", "v1"),
    ])
    .unwrap();
    let owner = BTreeMap::from([("owner".to_owned(), "me".to_owned())]);
    let pruned = prune::delete(&Cluster::new(client, "ours"), &stale, &owner).await;
    let left: Vec<String> = pruned.survivors().to_entries().into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, ["default_a_down.example.com_Thing"]);
}

pub(super) async fn an_object_of_a_version_that_went_is_still_pruned(world: &mut World) {
    let mut definition = definition();
    let mut old = definition["spec"]["versions"][0].clone();
    old["name"] = json!("v1beta1");
    old["storage"] = json!(false);
    definition["spec"]["versions"].as_array_mut().unwrap().push(old);
    let widget = json!({
        "apiVersion": "example.com/v1beta1", "kind": "Widget",
        "metadata": {"name": "w", "namespace": "default", "labels": {"owner": "me"}},
    });
    world.apply(&[definition.clone(), widget]).await.unwrap();
    definition["spec"]["versions"].as_array_mut().unwrap().truncate(1);
    // Somebody else upgrades the definition; nobody tells this process.
    let other = Cluster::new(world.cluster.client().clone(), "other");
    let set = vec![Object::try_from(definition).unwrap()];
    let (mut memory, cancel) = (Memory::default(), CancellationToken::new());
    staged(&other, set, &world.options, &mut memory, &cancel).await.unwrap();
    let stale = Inventory::from_entries([("default_w_example.com_Widget", "v1beta1")]).unwrap();
    let owner = BTreeMap::from([("owner".to_owned(), "me".to_owned())]);
    let widgets = world.api("Widget", "example.com/v1", "widgets");
    let mut pruned = prune::delete(&world.cluster, &stale, &owner).await;
    // A server serves the version for a moment longer, and may be between the two.
    for _ in 0..50 {
        if pruned.failed.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        pruned = prune::delete(&world.cluster, &stale, &owner).await;
    }
    assert!(pruned.failed.is_empty(), "{:?}", pruned.failed);
    assert!(widgets.get_opt("w").await.unwrap().is_none());
}

pub(super) async fn a_kind_that_comes_late_is_found_by_the_wait(world: &mut World) {
    let mut definition = definition();
    definition["metadata"]["name"] = json!("latecomers.example.com");
    definition["spec"]["names"] = json!({
        "kind": "Latecomer", "plural": "latecomers", "singular": "latecomer",
        "listKind": "LatecomerList",
    });
    let latecomer = json!({
        "apiVersion": "example.com/v1", "kind": "Latecomer",
        "metadata": {"name": "l", "namespace": "default"},
    });
    let id = Object::try_from(latecomer.clone()).unwrap().id();
    let options = WaitOptions { timeout: Duration::from_secs(30), ..WaitOptions::default() };
    let cluster = world.cluster.clone();
    let waiting = wait(&cluster, vec![Target::named(id, "v1")], &options);
    let later = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.apply(&[definition, latecomer]).await.unwrap();
    };
    let (waited, ()) = tokio::join!(waiting, later);
    waited.unwrap();
}

pub(super) async fn a_job_that_removes_itself_is_done(world: &mut World) {
    let id = ObjectId::from_inventory("default_gone_batch_Job").unwrap();
    let options = WaitOptions {
        timeout: Duration::from_secs(10),
        vanishing: std::sync::Arc::new([id.clone()].into()),
        ..WaitOptions::default()
    };
    wait(&world.cluster, vec![Target::applied(id, "v1")], &options).await.unwrap();
}

pub(super) async fn a_set_whose_pods_crash_has_failed(world: &mut World) {
    let Some(_) = &world.server else { return };
    let set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "default", "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "db"}}},
        "status": {"observedGeneration": 1, "replicas": 1},
    });
    let pods = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [{
        "metadata": {"name": "db-0"},
        "status": {"phase": "Running", "containerStatuses": [
            {"name": "db", "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
        ]},
    }]});
    let event = json!({"type": "ADDED", "object": set});
    let client =
        with_answers(world.cluster.client(), move |_, request| match request.uri().path() {
            "/apis/apps/v1/namespaces/default/statefulsets" => {
                Some(answer(200, &format!("{event}\n")))
            }
            "/api/v1/namespaces/default/pods" => Some(answer(200, &pods.to_string())),
            _ => None,
        });
    let id = ObjectId::from_inventory("default_db_apps_StatefulSet").unwrap();
    let options = WaitOptions { timeout: Duration::from_secs(30), ..WaitOptions::default() };
    let cluster = Cluster::new(client, "ours");
    let error = wait(&cluster, vec![Target::applied(id, "v1")], &options).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed early due to stalled resources: \
         [StatefulSet/default/db status: 'Failed': 1 pods have failed]"
    );
}

pub(super) async fn a_deployment_is_waited_for_and_a_missing_object_times_out(world: &mut World) {
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    });
    world.apply(std::slice::from_ref(&deployment)).await.unwrap();
    let id = Object::try_from(deployment).unwrap().id();
    let options = WaitOptions { timeout: Duration::from_secs(20), ..WaitOptions::default() };
    wait(&world.cluster, vec![Target::applied(id.clone(), "v1")], &options).await.unwrap();
    let missing = ObjectId { name: "missing".to_owned(), ..id };
    let options = WaitOptions { timeout: Duration::from_millis(200), ..options };
    let error =
        wait(&world.cluster, vec![Target::named(missing, "v1")], &options).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "timeout waiting for: [Deployment/default/missing status: 'NotFound']"
    );
}

pub(super) async fn a_cancelled_wait_ends_at_once(world: &mut World) {
    let id = ObjectId::from_inventory("default_missing__ConfigMap").unwrap();
    let options = WaitOptions { timeout: Duration::from_hours(1), ..WaitOptions::default() };
    options.cancel.cancel();
    let ended = wait(&world.cluster, vec![Target::named(id, "v1")], &options).await;
    assert!(matches!(ended, Err(Error::Cancelled)));
}
