//! Waiting for the network on a blocking thread: one place that knows the deadline, the
//! cancellation token and how many bytes may still come.

use std::{
    future::Future,
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Error, Remote, error::Doing as _};

/// The async runtime of one connection, driven only while something is waited for.
pub(crate) struct Wire {
    runtime: tokio::runtime::Runtime,
    timeout: Duration,
    deadline: Instant,
    cancel: CancellationToken,
    received: AtomicU64,
    max_bytes: u64,
    failure: Mutex<Option<Error>>,
}

impl Wire {
    pub(crate) fn new(remote: &Remote, deadline: std::time::Instant) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing(|| "cannot start the network runtime".to_owned())?;
        Ok(Self {
            runtime,
            timeout: remote.limits.timeout,
            deadline: Instant::from_std(deadline),
            cancel: remote.cancel.clone(),
            received: AtomicU64::new(0),
            max_bytes: remote.limits.max_bytes,
            failure: Mutex::new(None),
        })
    }

    /// Waits for `work`, no longer than the deadline allows.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(Error::Cancelled),
                done = tokio::time::timeout_at(self.deadline, work) => match done {
                    Ok(result) => result,
                    Err(_) => Err(Error::TimedOut(self.timeout)),
                },
            }
        })
    }

    /// Counts bytes that came in.
    pub(crate) fn count(&self, bytes: usize) -> Result<(), Error> {
        let before = self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        if before.saturating_add(bytes as u64) > self.max_bytes {
            return Err(Error::Limit(format!(
                "the remote sent more than {} bytes",
                self.max_bytes
            )));
        }
        Ok(())
    }

    /// Keeps `error` as the reason of whatever the protocol layer will now fail with.
    pub(crate) fn fail(&self, error: Error) -> io::Error {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = io::Error::other(error.to_string());
        failure.get_or_insert(error);
        shown
    }

    /// The error to report for a failed protocol step: our own reason first, else the layer's.
    pub(crate) fn reason(&self, doing: impl FnOnce() -> String, layer: gix::Error) -> Error {
        let own = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        own.unwrap_or_else(|| Error::failed(doing(), layer))
    }
}
