//! GitRepository: one commit of a Git repository as an artifact.

mod plan;
mod reconcile;
mod steps;

use std::sync::Arc;

use common::api::source::GitRepository;
use git::SshAlgorithms;
use runtime::Links;

use crate::{
    LocalRepositories, Settings,
    steps::{objects::ObjectStores, storage::Storage},
};

/// Reconciles GitRepository objects.
pub struct GitRepositoryController {
    links: Links<GitRepository>,
    storage: Arc<Storage>,
    objects: ObjectStores,
    ssh: SshAlgorithms,
    local: LocalRepositories,
}

impl GitRepositoryController {
    pub(crate) fn new(
        links: Links<GitRepository>,
        storage: Arc<Storage>,
        settings: &Settings,
    ) -> Self {
        Self {
            links,
            storage,
            objects: ObjectStores::new(&settings.storage_path),
            ssh: settings.ssh.clone(),
            local: settings.local.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
