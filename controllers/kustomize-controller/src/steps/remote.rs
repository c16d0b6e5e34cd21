//! Bases and files of a kustomization that are elsewhere: in other repositories, behind URLs.
//!
//! Nothing is signed in for: what is fetched must be public to the controller. Nothing is kept either,
//! since what stands behind a name may change: a build with remote bases is made anew in every visit.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use kustomize::{DirFiles, Files, Remote, RemoteError, RepositoryUrl};
use tokio::runtime::Handle;

/// Bytes of one file: the largest manifests that projects publish have a few.
const MAX_FILE: usize = 16 << 20;
/// Bytes of one repository on the wire.
const MAX_REPOSITORY: u64 = 512 << 20;
/// How long one file may take, redirects included.
const FILE_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that a kustomization may let a repository take.
const MAX_TIMEOUT: Duration = Duration::from_mins(5);
/// Files and repositories that one build may fetch.
const MAX_FETCHES: usize = 100;

/// Fetches for one build. To be used on a thread for blocking work.
pub(crate) struct Bases {
    http: reqwest::Client,
    runtime: Handle,
    fetches: Cell<usize>,
}

impl Bases {
    /// With the runtime of the caller.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().timeout(FILE_TIMEOUT).build()?;
        Ok(Self { http, runtime: Handle::current(), fetches: Cell::new(0) })
    }

    /// Whether the build was of more than the artifact.
    pub(crate) fn were_used(&self) -> bool {
        self.fetches.get() > 0
    }

    fn count(&self) -> Result<(), RemoteError> {
        self.fetches.set(self.fetches.get() + 1);
        if self.fetches.get() > MAX_FETCHES {
            return Err(failed(format!("more than {MAX_FETCHES} remote files and bases")));
        }
        Ok(())
    }
}

fn failed(message: impl Into<String>) -> RemoteError {
    RemoteError { message: message.into(), status: None }
}

impl Remote for Bases {
    fn file(&self, url: &str) -> Result<Vec<u8>, RemoteError> {
        self.count()?;
        let shown = url.split('?').next().unwrap_or_default();
        let explain = |error: reqwest::Error| {
            failed(format!("cannot fetch '{shown}': {}", runtime::chain(&error.without_url())))
        };
        self.runtime.block_on(async {
            let mut answer = self.http.get(url).send().await.map_err(explain)?;
            if !answer.status().is_success() {
                let code = answer.status().as_u16();
                let message = format!("cannot fetch '{shown}': the server answered {code}");
                return Err(RemoteError { message, status: Some(code) });
            }
            let mut bytes = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(explain)? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > MAX_FILE {
                    return Err(failed(format!("'{shown}' is larger than {MAX_FILE} bytes")));
                }
            }
            Ok(bytes)
        })
    }

    fn repository(&self, source: &RepositoryUrl) -> Result<Rc<dyn Files>, RemoteError> {
        self.count()?;
        let files = checkout(source);
        files.map(|files| Rc::new(files) as Rc<dyn Files>).map_err(|error| {
            failed(format!("cannot fetch repository: {}", runtime::chain(error.as_ref())))
        })
    }
}

/// The files of a commit, for as long as they are needed.
fn checkout(source: &RepositoryUrl) -> Result<DirFiles, runtime::BoxError> {
    let mut remote = git::Remote::new(source.clone_url().parse()?);
    let timeout = Duration::from_secs(source.timeout_seconds).min(MAX_TIMEOUT);
    remote.limits = git::Limits { timeout, max_bytes: MAX_REPOSITORY };
    let mut connection = remote.connect()?;
    let reference = connection.find(&source.reference)?;
    let tip = connection.resolve(&reference)?;
    let directory = tempfile::Builder::new().prefix("base-").tempdir()?;
    let snapshot = connection.fetch(&tip, &directory.path().join("objects"))?;
    let tree = directory.path().join("tree");
    let options =
        git::CheckoutOptions { submodules: source.submodules, ..git::CheckoutOptions::default() };
    snapshot.checkout(&tree, &options)?;
    Ok(DirFiles::jailed(&tree)?.keeping(directory))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use kustomize::flux::{self, Injection};
    use testkit::{GitServer, HttpOptions};

    use super::*;

    /// Builds a kustomization of this text, and tells what was made and whether it was fetched for.
    #[expect(clippy::disallowed_methods, reason = "a test needs no pool")]
    async fn build(text: String) -> Result<(Vec<String>, bool), String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kustomization.yaml"), text).unwrap();
        let built = tokio::task::spawn_blocking(move || {
            let bases = Bases::new().unwrap();
            let files = DirFiles::jailed(directory.path()).unwrap();
            let objects = flux::build(&files, Path::new("/"), &Injection::default(), Some(&bases));
            let objects = objects.map_err(|error| runtime::chain(&error))?;
            let ids = objects.iter().map(|object| object.id().to_string()).collect();
            Ok((ids, bases.were_used()))
        });
        built.await.unwrap()
    }

    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: far\n";

    #[tokio::test(flavor = "multi_thread")]
    async fn repositories_are_bases_by_branch_tag_and_commit() {
        let server = GitServer::http(HttpOptions::default()).unwrap();
        let repository = server.create("bases").unwrap();
        repository.write("deploy/kustomization.yaml", "resources: [map.yaml]\n").unwrap();
        repository.write("deploy/map.yaml", MAP).unwrap();
        repository.commit("first").unwrap();
        let commit = repository.git(&["rev-parse", "HEAD"]).unwrap();
        repository.git(&["tag", "-a", "-m", "one", "v1"]).unwrap();
        repository.write("deploy/map.yaml", &MAP.replace("far", "newer")).unwrap();
        repository.commit("second").unwrap();
        let url = server.url("bases");
        for (reference, name) in [
            ("", "newer"),
            ("?ref=v1", "far"),
            ("?ref=tags/v1", "far"),
            ("?ref=main", "newer"),
            (&format!("?ref={commit}"), "far"),
        ] {
            let built = build(format!("resources: ['{url}//deploy{reference}']\n")).await;
            assert_eq!(built, Ok((vec![format!("ConfigMap/{name}")], true)), "{reference}");
        }
        let error = build(format!("resources: ['{url}//deploy?ref=v9']\n")).await.unwrap_err();
        assert!(error.contains("cannot fetch repository"), "{error}");
    }

    #[tokio::test(flavor = "multi_thread")]
    #[expect(clippy::disallowed_methods, reason = "the server ends with the test")]
    async fn files_come_from_urls_within_limits() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new()
            .route("/map.yaml", axum::routing::get(async || MAP))
            .route("/large.yaml", axum::routing::get(async || vec![b' '; MAX_FILE + 1]));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let at = |file: &str| format!("resources: ['http://{address}/{file}']\n");
        assert_eq!(build(at("map.yaml")).await, Ok((vec!["ConfigMap/far".to_owned()], true)));
        for (file, part) in [("large.yaml", "larger than"), ("none.yaml", "404")] {
            let error = build(at(file)).await.unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
