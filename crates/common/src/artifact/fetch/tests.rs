use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::StatusCode,
    response::IntoResponse,
    routing::get,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};

use super::{FetchError, Fetcher, Limits, Retries};
use crate::{
    artifact::{
        Algorithm, Artifact, ArtifactKey, Digest, NewArtifact, Store, StoreOptions, ignore::Rules,
        serve::router,
    },
    time::Time,
};

/// A server on the loopback interface, for as long as this lives.
pub(in crate::artifact) struct Server {
    pub(in crate::artifact) address: SocketAddr,
    _tasks: JoinSet<()>,
}

pub(in crate::artifact) async fn serve(router: Router) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    Server { address, _tasks: tasks }
}

/// A fetcher that does not wait between tries.
pub(in crate::artifact) fn fetcher(limits: Limits) -> Fetcher {
    let wait = Duration::from_millis(1);
    let retries = Retries { count: 3, first_wait: wait, longest_wait: wait };
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    Fetcher::new(client, limits).with_retries(retries)
}

struct World {
    directory: TempDir,
    artifact: Artifact,
    server: Server,
}

impl World {
    fn target(&self) -> PathBuf {
        self.directory.path().join("work/out")
    }

    /// What is left in the directory that the target is in.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path().join("work")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

pub(in crate::artifact) fn make(directory: &Path, name: &str, text: &str) -> Artifact {
    let tree = directory.join("tree");
    fs::create_dir_all(tree.join("dir")).unwrap();
    fs::write(tree.join("dir/file"), text).unwrap();
    let store = Store::open(&directory.join("storage"), StoreOptions::default()).unwrap();
    let key = ArtifactKey::new("GitRepository", "apps", "a").unwrap();
    let now = Time::from(jiff::Timestamp::UNIX_EPOCH);
    let new = NewArtifact {
        key: &key,
        revision: "main@sha1:abc",
        file_name: name,
        metadata: BTreeMap::new(),
        now,
    };
    store.archive_dir(new, &tree, &Rules::default()).unwrap()
}

/// A store with one artifact, and its server.
async fn stored() -> World {
    let directory = tempfile::tempdir().unwrap();
    let mut artifact = make(directory.path(), "abc.tar.gz", "text");
    let server = serve(router(&directory.path().join("storage"))).await;
    artifact.url = format!("http://{}/{}", server.address, artifact.path);
    World { directory, artifact, server }
}

/// A server that answers every request by a function of its number.
async fn answering<R: IntoResponse + 'static>(
    content: &[u8],
    answer: impl Fn(u32) -> R + Clone + Send + Sync + 'static,
) -> (World, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&count);
    let respond = get(move || {
        let response = answer(counter.fetch_add(1, Ordering::SeqCst)).into_response();
        async move { response }
    });
    let server = serve(Router::new().fallback(respond)).await;
    let artifact = Artifact {
        digest: Digest::of(Algorithm::Sha256, content).to_string(),
        last_update_time: Time::from(jiff::Timestamp::UNIX_EPOCH),
        metadata: BTreeMap::new(),
        path: "a/b/c/d".to_owned(),
        revision: "1".to_owned(),
        size: None,
        url: format!("http://{}/x", server.address),
    };
    (World { directory: tempfile::tempdir().unwrap(), artifact, server }, count)
}

#[tokio::test]
async fn an_artifact_arrives_as_it_was_stored() {
    let world = stored().await;
    let target = world.target();
    let summary = fetcher(Limits::default()).fetch(&world.artifact, &target).await.unwrap();
    assert_eq!((summary.entries, summary.bytes), (3, 4));
    assert_eq!(fs::read_to_string(target.join("dir/file")).unwrap(), "text");
    assert_eq!(world.left(), ["out"], "no temporary files");

    let file = world.directory.path().join("file");
    fetcher(Limits::default()).download(&world.artifact, &file).await.unwrap();
    let stored = world.directory.path().join("storage").join(&world.artifact.path);
    assert_eq!(fs::read(file).unwrap(), fs::read(stored).unwrap());
}

#[tokio::test]
async fn the_host_can_be_another_one() {
    let world = stored().await;
    let url = format!("http://source-controller.flux-system.svc:9090/{}", world.artifact.path);
    let artifact = Artifact { url, ..world.artifact.clone() };
    let fetcher = fetcher(Limits::default()).with_host(world.server.address.to_string());
    fetcher.fetch(&artifact, &world.target()).await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_told_apart_and_not_asked_for_again() {
    let (world, count) = answering(b"", |_| StatusCode::NOT_FOUND).await;
    let result = fetcher(Limits::default()).fetch(&world.artifact, &world.target()).await;
    let error = result.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert!(error.to_string().contains(&world.artifact.url));
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert!(world.left().is_empty());
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    let answer = |n| match n {
        0 => (StatusCode::SERVICE_UNAVAILABLE, ""),
        1 => (StatusCode::TOO_MANY_REQUESTS, ""),
        _ => (StatusCode::OK, "content"),
    };
    let (world, count) = answering(b"content", answer).await;
    let file = world.directory.path().join("file");
    fetcher(Limits::default()).download(&world.artifact, &file).await.unwrap();
    assert_eq!(fs::read_to_string(file).unwrap(), "content");
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn lasting_failures_end() {
    let (world, count) = answering(b"", |_| StatusCode::BAD_GATEWAY).await;
    let result = fetcher(Limits::default()).fetch(&world.artifact, &world.target()).await;
    assert!(matches!(result, Err(FetchError::Status { status: StatusCode::BAD_GATEWAY, .. })));
    assert_eq!(count.load(Ordering::SeqCst), 4, "one and three more");

    let (world, count) = answering(b"", |_| StatusCode::FORBIDDEN).await;
    let result = fetcher(Limits::default()).fetch(&world.artifact, &world.target()).await;
    assert!(matches!(result, Err(FetchError::Status { .. })));
    assert_eq!(count.load(Ordering::SeqCst), 1);

    let target = world.target();
    let World { directory: _directory, artifact, server } = world;
    drop(server);
    let result = fetcher(Limits::default()).fetch(&artifact, &target).await;
    assert!(matches!(result, Err(FetchError::Transport { .. })), "{result:?}");
}

#[tokio::test]
async fn other_bytes_are_refused_before_they_are_unpacked() {
    let (world, count) = answering(b"expected", |_| "something else").await;
    let result = fetcher(Limits::default()).fetch(&world.artifact, &world.target()).await;
    assert!(matches!(result, Err(FetchError::Digest { .. })), "{result:?}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert!(world.left().is_empty());
    let artifact = Artifact { digest: String::new(), ..world.artifact.clone() };
    let result = fetcher(Limits::default()).fetch(&artifact, &world.target()).await;
    assert!(matches!(result, Err(FetchError::NoDigest { .. })));
}

#[tokio::test]
async fn large_files_are_refused() {
    let limits = Limits { archive_bytes: 1000, ..Limits::default() };
    let content = vec![7; 2000];
    let (world, _) = answering(&content.clone(), move |_| content.clone()).await;
    let result = fetcher(limits).fetch(&world.artifact, &world.target()).await;
    assert!(matches!(result, Err(FetchError::TooLarge { limit: 1000, .. })), "{result:?}");
    // Without a stated length, it is noticed on the way.
    let pieces = |_| {
        let piece = || Ok::<_, std::io::Error>(Bytes::from(vec![7; 400]));
        Body::from_stream(futures::stream::iter((0..5).map(move |_| piece())))
    };
    let (world, _) = answering(&[7; 2000], pieces).await;
    let result = fetcher(limits).fetch(&world.artifact, &world.target()).await;
    assert!(matches!(result, Err(FetchError::TooLarge { limit: 1000, .. })), "{result:?}");
}

#[tokio::test]
async fn what_cannot_be_unpacked_leaves_nothing() {
    let (world, _) = answering(b"no archive", |_| "no archive").await;
    let result = fetcher(Limits::default()).fetch(&world.artifact, &world.target()).await;
    assert!(matches!(result, Err(FetchError::Unpack { .. })), "{result:?}");
    assert!(world.left().is_empty());

    let world = stored().await;
    let limits = Limits { entries: 1, ..Limits::default() };
    let result = fetcher(limits).fetch(&world.artifact, &world.target()).await;
    assert!(matches!(result, Err(FetchError::Unpack { .. })));
    fs::create_dir_all(world.target().join("in the way")).unwrap();
    let result = fetcher(Limits::default()).fetch(&world.artifact, &world.target()).await;
    assert!(matches!(result, Err(FetchError::Write { .. })), "{result:?}");
}

#[tokio::test]
async fn addresses_must_be_http() {
    let world = stored().await;
    for url in ["", "file:///etc/passwd", "ftp://a/b", "no url", "http://"] {
        let artifact = Artifact { url: url.to_owned(), ..world.artifact.clone() };
        let result = fetcher(Limits::default()).fetch(&artifact, &world.target()).await;
        assert!(matches!(result, Err(FetchError::Address { .. })), "{url}: {result:?}");
    }
}

#[test]
fn waits_grow_and_end() {
    let retries = Retries::default();
    assert_eq!(retries.wait(0), Duration::from_millis(500));
    assert_eq!(retries.wait(3), Duration::from_secs(4));
    assert_eq!(retries.wait(9), Duration::from_secs(30));
    assert_eq!(retries.wait(u32::MAX), Duration::from_secs(30));
}
