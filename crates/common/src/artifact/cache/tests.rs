use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{Router, extract::Request, middleware::Next};
use futures::future::join_all;
use tempfile::TempDir;

use super::{Cache, Capacity};
use crate::artifact::{
    Artifact, Limits,
    fetch::tests::{Server, fetcher, make, serve},
    serve::router,
};

struct World {
    directory: TempDir,
    server: Server,
    requests: Arc<AtomicU32>,
}

async fn world() -> World {
    let directory = tempfile::tempdir().unwrap();
    let requests = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&requests);
    let count = axum::middleware::from_fn(move |request: Request, next: Next| {
        counter.fetch_add(1, Ordering::SeqCst);
        next.run(request)
    });
    let router: Router = router(&directory.path().join("storage")).layer(count);
    World { server: serve(router).await, directory, requests }
}

impl World {
    fn artifact(&self, text: &str) -> Artifact {
        let name = format!("{text}.tar.gz");
        let mut artifact = make(self.directory.path(), &name, text);
        artifact.url = format!("http://{}/{}", self.server.address, artifact.path);
        artifact
    }

    fn cache(&self, capacity: Capacity) -> Cache {
        Cache::new(fetcher(Limits::default()), &self.cache_directory(), capacity)
    }

    fn cache_directory(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn kept(&self) -> usize {
        fs::read_dir(self.cache_directory()).unwrap().count()
    }
}

#[tokio::test]
async fn many_readers_fetch_once() {
    let world = world().await;
    let (artifact, cache) = (world.artifact("text"), world.cache(Capacity::default()));
    let trees = join_all((0..20).map(|_| cache.tree(&artifact))).await;
    for tree in trees {
        let path = tree.unwrap().path().join("dir/file");
        assert_eq!(fs::read_to_string(path).unwrap(), "text");
    }
    // The digest counts, not the address.
    let moved = Artifact { url: "http://elsewhere/".to_owned(), ..artifact };
    assert_eq!(cache.tree(&moved).await.unwrap().summary().bytes, 4);
    assert_eq!(world.requests.load(Ordering::SeqCst), 1);
    assert_eq!(world.kept(), 1);
}

#[tokio::test]
async fn what_was_not_used_for_long_goes_when_nobody_reads_it() {
    let world = world().await;
    let cache = world.cache(Capacity { trees: 2, ..Capacity::default() });
    let (a, b, c) = (world.artifact("a"), world.artifact("b"), world.artifact("c"));
    let held = cache.tree(&b).await.unwrap();
    cache.tree(&a).await.unwrap();
    cache.tree(&b).await.unwrap();
    cache.tree(&c).await.unwrap();
    assert_eq!(world.kept(), 2, "a is gone");
    cache.tree(&a).await.unwrap();
    assert_eq!(world.requests.load(Ordering::SeqCst), 4);
    assert_eq!(fs::read_to_string(held.path().join("dir/file")).unwrap(), "b");
    drop(held);
    assert_eq!(world.kept(), 2);
}

#[tokio::test]
async fn bytes_are_bounded() {
    let world = world().await;
    let cache = world.cache(Capacity { bytes: 5, ..Capacity::default() });
    cache.tree(&world.artifact("four")).await.unwrap();
    cache.tree(&world.artifact("more-than-five")).await.unwrap();
    assert_eq!(world.kept(), 1, "the one used last stays, however large");
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let world = world().await;
    let cache = world.cache(Capacity::default());
    let artifact = world.artifact("text");
    let missing = Artifact { url: format!("{}x", artifact.url), ..artifact.clone() };
    assert!(cache.tree(&missing).await.unwrap_err().is_not_found());
    assert!(format!("{cache:?}").contains("trees: 0"));
    cache.tree(&artifact).await.unwrap();
}
