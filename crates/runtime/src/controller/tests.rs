//! The loop with a reconciler that does what the spec's URL says, on the API server in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::api::source::GitRepository;
use common::condition::Reason;
use kube::Client;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use testkit::apiserver::{ApiServer, Options as ServerOptions};

use super::*;
use crate::context::{Options, Parts};
use crate::outcome::{Ready, Stop};
use crate::reconcile::Visits;
use crate::run::Run;

/// What the visits did.
#[derive(Default)]
struct Seen {
    visits: Mutex<BTreeMap<String, usize>>,
    finalized: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    of_one_object: AtomicUsize,
    under_way: Mutex<BTreeMap<String, usize>>,
}

struct Toy(Arc<Seen>);

impl Reconcile for Toy {
    type Object = GitRepository;

    fn visits(&self, object: &GitRepository) -> Result<Visits, common::api::meta::DurationError> {
        let interval = object.spec.interval.get()?;
        let suspended = object.spec.suspend;
        // Failures of this one are tried again after an hour, unless it is being deleted.
        let retry_interval = (object.spec.url == "https://clings").then_some(interval);
        Ok(Visits { interval: Some(interval), retry_interval, suspended })
    }

    async fn reconcile(&self, run: &mut Run<GitRepository>) -> Result<Ready, Stop> {
        let (seen, name) = (Arc::clone(&self.0), run.name().to_owned());
        let visit = {
            let mut visits = seen.visits.lock().unwrap();
            let count = visits.entry(name.clone()).or_default();
            *count += 1;
            *count
        };
        seen.most.fetch_max(seen.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        {
            let mut under_way = seen.under_way.lock().unwrap();
            let count = under_way.entry(name.clone()).or_default();
            *count += 1;
            seen.of_one_object.fetch_max(*count, Ordering::SeqCst);
        }
        let url = run.object().spec.url.clone();
        let result = act(run, &url, visit).await;
        seen.now.fetch_sub(1, Ordering::SeqCst);
        *seen.under_way.lock().unwrap().get_mut(&name).unwrap() -= 1;
        result
    }

    async fn finalize(&self, run: &mut Run<GitRepository>) -> Result<(), Stop> {
        let before = self.0.finalized.fetch_add(1, Ordering::SeqCst);
        if run.object().spec.url == "https://clings" && before < 2 {
            return Err(Stop::retry(Reason::Failed, "not yet"));
        }
        Ok(())
    }
}

async fn act(run: &mut Run<GitRepository>, url: &str, visit: usize) -> Result<Ready, Stop> {
    match url {
        "https://writes" => {
            run.note(|status| status.observed_ignore = Some(format!("visit {visit}")));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        "https://slow" => tokio::time::sleep(Duration::from_millis(30)).await,
        "https://panics" if visit == 1 => panic!("on purpose"),
        "https://blocks" => {
            run.blocking(|| assert_eq!(1, 2, "in the pool")).await;
        }
        "https://fails" if visit < 4 => return Err(Stop::retry(Reason::Failed, "not yet")),
        "https://waits" => {
            let cancelled = run.cancelled();
            run.waiting(async move { cancelled.cancelled().await }).await;
            return Err(Stop::Cancelled { by: run.cancel_cause(), message: None });
        }
        _ => {}
    }
    Ok(Ready::new(Reason::Succeeded, format!("done with {url}")))
}

struct World {
    api: Api<DynamicObject>,
    seen: Arc<Seen>,
    context: Context,
    running: tokio::task::JoinHandle<()>,
}

/// The definition of the kind, without the schema that would refuse what these tests need.
fn definition() -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gitrepositories.source.toolkit.fluxcd.io"},
        "spec": {
            "group": "source.toolkit.fluxcd.io", "scope": "Namespaced",
            "names": {
                "kind": "GitRepository", "plural": "gitrepositories", "singular": "gitrepository",
                "listKind": "GitRepositoryList",
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "a test may spawn; it looks at the task's end")]
    fn new(options: Options) -> Self {
        let server = ApiServer::new(ServerOptions::default());
        server.install_crd_values([definition()]).unwrap();
        let client = Client::new(server.service(), "default");
        let kind = ApiResource {
            group: "source.toolkit.fluxcd.io".into(),
            version: "v1".into(),
            api_version: "source.toolkit.fluxcd.io/v1".into(),
            kind: "GitRepository".into(),
            plural: "gitrepositories".into(),
        };
        let api = Api::namespaced_with(client.clone(), "default", &kind);
        let context =
            Context::new("source-controller", client, Parts { options, ..Parts::default() });
        let seen: Arc<Seen> = Arc::default();
        let toy = Toy(Arc::clone(&seen));
        let running = tokio::spawn(Controller::new(&context, |_| toy).run());
        Self { api, seen, context, running }
    }

    async fn create(&self, name: &str, spec: Value) {
        let object = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": name, "namespace": "default"}, "spec": spec,
        });
        let object = serde_json::from_value(object).unwrap();
        self.api.create(&PostParams::default(), &object).await.unwrap();
    }

    async fn merge(&self, name: &str, patch: Value) {
        self.api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    async fn condition(&self, name: &str, type_: &str) -> Option<Value> {
        let object = self.api.get_opt(name).await.unwrap()?;
        let conditions = object.data["status"]["conditions"].as_array()?.clone();
        conditions.into_iter().find(|condition| condition["type"] == type_)
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let started = std::time::Instant::now();
        while !holds().await {
            assert!(started.elapsed() < Duration::from_secs(10), "not in time: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn ready(&self, name: &str) {
        self.until(&format!("{name} is ready"), async || {
            self.condition(name, "Ready").await.is_some_and(|ready| ready["status"] == "True")
        })
        .await;
    }

    fn visits(&self, name: &str) -> usize {
        self.seen.visits.lock().unwrap().get(name).copied().unwrap_or(0)
    }
}

fn spec(url: &str) -> Value {
    json!({"interval": "1h", "url": url})
}

#[tokio::test]
async fn one_object_is_never_visited_twice_at_once_and_workers_are_bounded() {
    let world = World::new(Options { concurrent: 3, ..Options::default() });
    for number in 0..8 {
        world.create(&format!("r{number}"), spec("https://slow")).await;
    }
    for token in 0..5 {
        let annotations = json!({"reconcile.fluxcd.io/requestedAt": token.to_string()});
        world.merge("r0", json!({"metadata": {"annotations": annotations}})).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for number in 0..8 {
        world.ready(&format!("r{number}")).await;
    }
    world
        .until("the last request is handled", async || {
            let r0 = world.api.get("r0").await.unwrap();
            r0.data["status"]["lastHandledReconcileAt"] == "4"
        })
        .await;
    assert_eq!(world.seen.of_one_object.load(Ordering::SeqCst), 1);
    assert_eq!(world.seen.most.load(Ordering::SeqCst), 3);
    assert!(world.visits("r0") > 1);
}

#[tokio::test]
async fn own_and_foreign_status_writes_wake_nobody() {
    let world = World::new(Options::default());
    world.create("r", spec("https://ok")).await;
    world.ready("r").await;
    let status = Patch::Merge(json!({"status": {"observedIgnore": "x"}}));
    world.api.patch_status("r", &PatchParams::default(), &status).await.unwrap();
    world.merge("r", json!({"metadata": {"labels": {"a": "b"}}})).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.visits("r"), 1);
    world.merge("r", json!({"spec": {"url": "https://other"}})).await;
    world.until("the new spec is seen", async || world.visits("r") == 2).await;
}

#[tokio::test]
async fn what_another_instance_wrote_into_a_status_is_not_overwritten() {
    let options = Options { min_retry_delay: Duration::from_millis(10), ..Options::default() };
    let world = World::new(options);
    world.create("r", spec("https://writes")).await;
    world.until("it is under way", async || world.visits("r") == 1).await;
    let status = Patch::Merge(json!({"status": {"observedIgnore": "theirs"}}));
    world.api.patch_status("r", &PatchParams::default(), &status).await.unwrap();
    world.ready("r").await;
    assert_eq!(world.visits("r"), 2, "the visit that knew the old status wrote nothing");
    assert_eq!(world.api.get("r").await.unwrap().data["status"]["observedIgnore"], "visit 2");

    world.create("labelled", spec("https://writes")).await;
    world.until("it is under way", async || world.visits("labelled") == 1).await;
    world.merge("labelled", json!({"metadata": {"labels": {"a": "b"}}})).await;
    world.ready("labelled").await;
    assert_eq!(world.visits("labelled"), 1, "other changes are no obstacle");
}

#[tokio::test]
async fn a_panic_ends_one_visit_only() {
    let options = Options { min_retry_delay: Duration::from_millis(20), ..Options::default() };
    let world = World::new(options);
    world.create("panics", spec("https://panics")).await;
    world.create("blocks", spec("https://blocks")).await;
    world.create("fine", spec("https://ok")).await;
    world.ready("fine").await;
    world.ready("panics").await;
    assert_eq!(world.visits("panics"), 2);
    world
        .until("the panic in the pool shows", async || {
            let ready = world.condition("blocks", "Ready").await;
            ready.is_some_and(|ready| {
                ready["reason"] == "InternalError"
                    && ready["message"].as_str().unwrap().contains("in the pool")
            })
        })
        .await;
}

#[tokio::test]
async fn failures_are_tried_again_until_they_pass() {
    let options = Options { min_retry_delay: Duration::from_millis(10), ..Options::default() };
    let world = World::new(options);
    world.create("r", spec("https://fails")).await;
    world.ready("r").await;
    assert_eq!(world.visits("r"), 4);
    assert!(world.condition("r", "Reconciling").await.is_none());
}

#[tokio::test]
async fn a_deleted_object_is_finalized_once_and_goes() {
    let world = World::new(Options::default());
    world.create("r", spec("https://ok")).await;
    world.ready("r").await;
    let object = world.api.get("r").await.unwrap();
    assert_eq!(object.metadata.finalizers.unwrap(), ["finalizers.fluxcd.io"]);
    world.api.delete("r", &DeleteParams::default()).await.unwrap();
    world.until("it is gone", async || world.api.get_opt("r").await.unwrap().is_none()).await;
    assert_eq!(world.seen.finalized.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_deletion_that_fails_is_tried_again_soon() {
    let options = Options { min_retry_delay: Duration::from_millis(10), ..Options::default() };
    let world = World::new(options);
    world.create("r", spec("https://clings")).await;
    world.ready("r").await;
    world.api.delete("r", &DeleteParams::default()).await.unwrap();
    world.until("it is gone", async || world.api.get_opt("r").await.unwrap().is_none()).await;
    assert_eq!(world.seen.finalized.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_suspended_object_rests_until_it_is_resumed() {
    let world = World::new(Options::default());
    world.create("r", json!({"interval": "1h", "url": "https://ok", "suspend": true})).await;
    world.create("other", spec("https://ok")).await;
    world.ready("other").await;
    assert_eq!(world.visits("r"), 0);
    world.merge("r", json!({"spec": {"suspend": false}})).await;
    world.ready("r").await;
}

#[tokio::test]
async fn newer_work_ends_a_wait_that_holds_no_worker() {
    let world = World::new(Options { concurrent: 1, ..Options::default() });
    world.create("waits", spec("https://waits")).await;
    world.until("it waits", async || world.visits("waits") == 1).await;
    world.create("other", spec("https://ok")).await;
    world.ready("other").await;
    world.merge("waits", json!({"spec": {"url": "https://ok"}})).await;
    world.ready("waits").await;
    assert_eq!(world.visits("waits"), 2);
}

#[tokio::test]
async fn a_shutdown_ends_waits_and_waits_for_work() {
    let world = World::new(Options::default());
    world.create("waits", spec("https://waits")).await;
    world.create("slow", spec("https://slow")).await;
    world
        .until("both are under way", async || {
            world.visits("waits") == 1 && world.visits("slow") == 1
        })
        .await;
    world.context.shutdown().cancel();
    world.running.await.unwrap();
    assert_eq!(world.seen.now.load(Ordering::SeqCst), 0, "nothing is under way any more");
    assert!(world.context.finish(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn an_object_that_cannot_be_read_says_so_and_harms_no_other() {
    let world = World::new(Options::default());
    world.create("broken", json!({"interval": ["not", "text"], "url": "https://ok"})).await;
    world.create("odd", json!({"interval": "soon", "url": "https://ok"})).await;
    world.create("fine", spec("https://ok")).await;
    world.ready("fine").await;
    for name in ["broken", "odd"] {
        world.until("it stalls", async || world.condition(name, "Stalled").await.is_some()).await;
        assert_eq!(world.condition(name, "Ready").await.unwrap()["reason"], "ValidationFailed");
        assert_eq!(world.visits(name), 0);
    }
    world.merge("odd", json!({"metadata": {"finalizers": ["finalizers.fluxcd.io"]}})).await;
    world.api.delete("odd", &DeleteParams::default()).await.unwrap();
    world.until("odd is gone", async || world.api.get_opt("odd").await.unwrap().is_none()).await;
    world.merge("broken", json!({"spec": {"interval": "1h"}})).await;
    world.ready("broken").await;
    assert!(world.condition("broken", "Stalled").await.is_none());
}
