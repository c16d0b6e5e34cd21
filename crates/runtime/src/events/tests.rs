use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use common::api::source::GitRepository;
use common::condition::Reason;
use serde_json::{Value, json};
use testkit::apiserver::{ApiServer, Options};

use super::*;
use crate::clock::FixedClock;

/// A receiver that keeps what it gets, and answers the first posts with these statuses.
#[derive(Default)]
struct Receiver {
    got: Mutex<Vec<Value>>,
    posts: AtomicUsize,
    first: Vec<u16>,
}

struct World {
    client: Client,
    events: Events,
    receiver: Arc<Receiver>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    _server: tokio::task::JoinSet<()>,
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    axum::Json(event): axum::Json<Value>,
) -> StatusCode {
    let post = receiver.posts.fetch_add(1, Ordering::SeqCst);
    if let Some(status) = receiver.first.get(post) {
        return StatusCode::from_u16(*status).unwrap();
    }
    receiver.got.lock().unwrap().push(event);
    StatusCode::ACCEPTED
}

impl World {
    async fn new(first: &[u16]) -> Self {
        let api = ApiServer::new(Options::default());
        let client = Client::new(api.service(), "default");
        let receiver = Arc::new(Receiver { first: first.to_vec(), ..Receiver::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Some(format!("http://{}/", listener.local_addr().unwrap()));
        let route = axum::routing::post(receive).with_state(Arc::clone(&receiver));
        let router = axum::Router::new().route("/", route);
        let mut server = tokio::task::JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let events = Events::start(EventsOptions {
            controller: "source-controller".to_owned(),
            client: client.clone(),
            address,
            clock: Arc::new(FixedClock { now, chance: 0.5 }),
            shutdown: shutdown.clone(),
            tasks: tasks.clone(),
        });
        Self { client, events, receiver, tasks, shutdown, _server: server }
    }

    fn send(&self, event_type: EventType, message: &str) {
        let object: GitRepository = serde_json::from_value(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {
                "name": "podinfo", "namespace": "default", "uid": "u1", "resourceVersion": "7",
                "annotations": {"event.toolkit.fluxcd.io/team": "a", "other": "b"},
            },
            "spec": {"interval": "1m", "url": "https://example.com"},
        }))
        .unwrap();
        let metadata = vec![("source.toolkit.fluxcd.io/revision".to_owned(), "r1".to_owned())];
        let note =
            Note { event_type, reason: Reason::NewArtifact, message: message.to_owned(), metadata };
        self.events.send(&object, note);
    }

    /// Ends the queues, which sends what is in them, and answers what arrived.
    async fn end(self) -> (Vec<Value>, Vec<core::Event>) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let log: Api<core::Event> = Api::namespaced(self.client.clone(), "default");
        let log = log.list(&kube::api::ListParams::default()).await.unwrap().items;
        (self.receiver.got.lock().unwrap().clone(), log)
    }
}

#[tokio::test]
async fn an_event_goes_to_the_receiver_and_into_the_log() {
    let world = World::new(&[]).await;
    world.send(EventType::Normal, "stored artifact");
    let (got, log) = world.end().await;
    assert_eq!(got.len(), 1);
    let event = &got[0];
    assert_eq!(
        event["involvedObject"],
        json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "namespace": "default", "name": "podinfo", "uid": "u1", "resourceVersion": "7",
        })
    );
    assert_eq!(
        event["metadata"],
        json!({"event.toolkit.fluxcd.io/team": "a", "source.toolkit.fluxcd.io/revision": "r1"})
    );
    assert_eq!((&event["severity"], &event["reason"]), (&json!("info"), &json!("NewArtifact")));
    assert_eq!(event["timestamp"], "2026-01-02T03:04:05Z");
    assert_eq!(event["reportingController"], "source-controller");
    let annotations = log[0].metadata.annotations.as_ref().unwrap();
    assert_eq!(annotations["source.toolkit.fluxcd.io/revision"], "r1");
    assert_eq!((log[0].type_.as_deref(), log[0].count), (Some("Normal"), Some(1)));
}

#[tokio::test]
async fn trace_stays_in_the_cluster_and_repeats_are_counted() {
    let world = World::new(&[]).await;
    for _ in 0..3 {
        world.send(EventType::Trace, "no change");
    }
    world.send(EventType::Warning, &"x".repeat(50_000));
    let (got, log) = world.end().await;
    assert_eq!(got.len(), 1);
    assert_eq!(got[0]["severity"], "error");
    assert_eq!(got[0]["message"].as_str().unwrap().len(), event::MAX_MESSAGE);
    let counts: Vec<(Option<i32>, usize)> =
        log.iter().map(|event| (event.count, event.message.as_ref().unwrap().len())).collect();
    assert!(
        counts.contains(&(Some(3), 9)) && counts.contains(&(Some(1), MAX_LOG_MESSAGE)),
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_busy_receiver_is_not_asked_again_and_a_broken_one_is() {
    let world = World::new(&[429, 500]).await;
    world.send(EventType::Normal, "refused");
    world.send(EventType::Normal, "tried again");
    let receiver = Arc::clone(&world.receiver);
    let started = std::time::Instant::now();
    while receiver.got.lock().unwrap().is_empty() {
        assert!(started.elapsed() < Duration::from_secs(5), "nothing arrived");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (got, _) = world.end().await;
    assert_eq!(got.len(), 1);
    assert_eq!(got[0]["message"], "tried again");
    assert_eq!(receiver.posts.load(Ordering::SeqCst), 3);
}
