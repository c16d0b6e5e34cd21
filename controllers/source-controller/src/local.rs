//! Repositories on this disk that stand in for their URLs, for `weir up`: manifests keep the URL
//! that the cluster will use, and what is read is the repository that is being worked on.

use std::collections::BTreeMap;

use common::api::source::GitRepository;
use git::{Local, RepositoryKey, local::Watch};
use runtime::{Cause, Controller, Links, Reconcile};

/// Local repositories by the URLs they stand in for. Scheme, user, default port and `.git` do not
/// matter in a URL.
#[derive(Debug, Clone, Default)]
pub struct LocalRepositories(BTreeMap<RepositoryKey, Local>);

impl LocalRepositories {
    /// Lets `local` stand in for the repository `key`.
    pub fn insert(&mut self, key: RepositoryKey, local: Local) {
        self.0.insert(key, local);
    }

    /// What stands in for `url`, if anything does.
    pub fn get(&self, url: &str) -> Option<&Local> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&RepositoryKey::of(url)?)
    }

    /// Lets the controller visit objects at once when the repository they read changes.
    pub(crate) fn watch_with<R>(
        &self,
        mut controller: Controller<R>,
        links: &Links<GitRepository>,
    ) -> Controller<R>
    where
        R: Reconcile<Object = GitRepository>,
    {
        let mut watched: Vec<&Local> = Vec::new();
        for local in self.0.values() {
            if !watched.contains(&local) {
                watched.push(local);
                controller =
                    controller.beside(wake_on_change(local.clone(), self.clone(), links.clone()));
            }
        }
        controller
    }
}

async fn wake_on_change(local: Local, all: LocalRepositories, links: Links<GitRepository>) {
    let mut watch = match Watch::new(local.clone()) {
        Ok(watch) => watch,
        Err(error) => {
            tracing::warn!(%error, "cannot watch the local repository; it is read at intervals only");
            return;
        }
    };
    loop {
        watch.changed().await;
        for key in links.objects.keys_where(|object| all.get(&object.spec.url) == Some(&local)) {
            links.waker.wake(key, Cause::Source);
        }
    }
}

impl FromIterator<(RepositoryKey, Local)> for LocalRepositories {
    fn from_iter<T: IntoIterator<Item = (RepositoryKey, Local)>>(items: T) -> Self {
        Self(items.into_iter().collect())
    }
}
