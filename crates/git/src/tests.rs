//! Against real Git: `git http-backend`, `sshd` and repositories on disk.

mod http;
mod local;
mod proxies;
mod references;
mod signatures;
mod ssh;
mod submodules;
mod trees;

use std::path::Path;

use tempfile::TempDir;
use testkit::{GitServer, HttpOptions};

use crate::{CheckoutOptions, Error, Reference, Remote, Snapshot, Tip};

/// A plain server with one repository that has two commits on `main`.
struct Fixture {
    server: GitServer,
    repository: testkit::GitRepository,
    first: String,
    second: String,
}

const APP: &str = "team/app.git";

impl Fixture {
    fn new(options: HttpOptions) -> Self {
        let server = GitServer::http(options).unwrap();
        Self::on(server)
    }

    fn on(server: GitServer) -> Self {
        let repository = server.create(APP).unwrap();
        repository.write("app.yaml", "version: 1\n").unwrap();
        repository.write("base/kustomization.yaml", "resources: []\n").unwrap();
        let first = repository.commit("Start").unwrap();
        repository.write("app.yaml", "version: 2\n").unwrap();
        let second = repository.commit("Change the version").unwrap();
        Self { server, repository, first, second }
    }

    fn remote(&self) -> Remote {
        Remote::new(self.server.url(APP).parse().unwrap())
    }
}

fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Resolves and fetches into a store of its own, which must live as long as the snapshot.
fn fetch(remote: &Remote, reference: &Reference) -> Result<(Tip, Snapshot, TempDir), Error> {
    let store = scratch();
    let mut connection = remote.connect()?;
    let tip = connection.resolve(reference)?;
    let snapshot = connection.fetch(&tip, store.path())?;
    Ok((tip, snapshot, store))
}

/// The files of a snapshot, each with its content, in order.
fn files(snapshot: &Snapshot, options: &CheckoutOptions) -> Result<Vec<(String, String)>, Error> {
    let into = scratch();
    snapshot.checkout(into.path(), options)?;
    let mut found = Vec::new();
    list(into.path(), into.path(), &mut found);
    found.sort();
    Ok(found)
}

fn list(root: &Path, directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if path.is_symlink() {
            found.push((name, format!("-> {}", path.read_link().unwrap().display())));
        } else if path.is_dir() {
            list(root, &path, found);
        } else {
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn names(files: &[(String, String)]) -> Vec<&str> {
    files.iter().map(|(name, _)| name.as_str()).collect()
}

/// The message with all its causes, as an operator reads it.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
