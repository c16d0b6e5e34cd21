#![doc = include_str!("../README.md")]

pub mod local;
pub mod settings;

pub mod git_repository;

mod steps;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use common::artifact::serve;
use runtime::{Context, Controller};
use thiserror::Error;
use tokio::net::TcpListener;

pub use local::LocalRepositories;
pub use settings::{Flags, Settings};

use git_repository::GitRepositoryController;
use steps::storage::Storage;
pub use steps::storage::StorageError;

/// Why the controllers could not start.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The port of the artifact server is taken or not allowed.
    #[error("cannot serve artifacts on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The directory for artifacts cannot be used.
    #[error("cannot keep artifacts in {}", path.display())]
    Storage {
        /// Where.
        path: PathBuf,
        /// Why.
        source: StorageError,
    },
}

/// Runs the controllers of all source kinds, and the server for their artifacts, until the context
/// shuts down.
///
/// # Errors
/// When the artifact server cannot listen or the storage cannot be opened; nothing is running then.
pub async fn controllers(context: Context, settings: Settings) -> Result<(), SetupError> {
    let address = settings.storage_addr;
    let refused = |source| SetupError::Listen { address, source };
    let listener: TcpListener = runtime::serve::listen(address).await.map_err(refused)?;
    let served = listener.local_addr().map_err(refused)?;
    let opened = Storage::open(&settings, served);
    let storage = opened
        .map_err(|source| SetupError::Storage { path: settings.storage_path.clone(), source })?;
    let router = serve::router(&settings.storage_path);
    context.spawn(runtime::serve::serve(listener, router, context.shutdown().clone()));

    let storage = Arc::new(storage);
    let local = settings.local.clone();
    let controller = Controller::new(&context, |links| {
        GitRepositoryController::new(links, Arc::clone(&storage), &settings)
    });
    let links = controller.links();
    let controller = local.watch_with(controller, &links);
    controller.run().await;
    Ok(())
}
