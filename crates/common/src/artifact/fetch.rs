//! Fetches artifacts over HTTP, and trusts only their digest.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reqwest::{Response, StatusCode, Url};
use tempfile::{NamedTempFile, TempDir};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
    sync::Semaphore,
    time::{sleep, timeout},
};

pub use super::unpack::{Limits, Summary, UnpackError};
use super::{Artifact, Digest, DigestError, unpack};

/// The longest time without a byte of the answer.
const IDLE: Duration = Duration::from_secs(30);

/// How many archives one fetcher unpacks at the same time. Unpacking keeps a core busy.
const UNPACKERS: usize = 4;

/// The size of the buffer between the network and the disk.
const BUFFER: usize = 256 * 1024;

/// An artifact that could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server does not have it: the source has a newer one, or is about to make it again.
    #[error("artifact not found at {url}")]
    NotFound {
        /// The address.
        url: String,
    },
    /// The server cannot be reached, or breaks off.
    #[error("cannot fetch artifact from {url}")]
    Transport {
        /// The address.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The server sends nothing for too long.
    #[error("artifact from {url} stalled for {IDLE:?}")]
    Stalled {
        /// The address.
        url: String,
    },
    /// The server answers otherwise.
    #[error("cannot fetch artifact from {url}: {status}")]
    Status {
        /// The address.
        url: String,
        /// The answer.
        status: StatusCode,
    },
    /// The file is too large.
    #[error("artifact from {url} is larger than {limit} bytes")]
    TooLarge {
        /// The address.
        url: String,
        /// What is allowed.
        limit: u64,
    },
    /// The artifact has no digest to verify it by.
    #[error("cannot verify artifact from {url}")]
    NoDigest {
        /// The address.
        url: String,
        /// Why.
        source: DigestError,
    },
    /// What was fetched is not the artifact.
    #[error("artifact from {url} has the digest {actual} instead of {expected}")]
    Digest {
        /// The address.
        url: String,
        /// The digest of what was fetched.
        actual: Digest,
        /// The digest of the artifact.
        expected: Digest,
    },
    /// The address is none.
    #[error("invalid address {url:?} of an artifact")]
    Address {
        /// The address.
        url: String,
    },
    /// The archive is not unpacked.
    #[error("cannot unpack artifact from {url}")]
    Unpack {
        /// The address.
        url: String,
        /// Why.
        source: UnpackError,
    },
    /// The disk does not take it.
    #[error("cannot write artifact to {}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FetchError {
    /// Whether the server does not have the artifact. Then there is nothing to do but to wait for
    /// the source.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether another try may succeed.
    fn is_passing(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::Stalled { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }
}

/// How often and after which waits to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// How often at most, after the first try.
    pub count: u32,
    /// The first wait. Each next one is twice as long.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

/// Nine times, after half a second to 30 seconds: about three minutes in all, in which a restart
/// of the server is over.
impl Default for Retries {
    fn default() -> Self {
        Self {
            count: 9,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
        }
    }
}

impl Retries {
    fn wait(&self, tried: u32) -> Duration {
        self.first_wait
            .saturating_mul(1_u32.checked_shl(tried).unwrap_or(u32::MAX))
            .min(self.longest_wait)
    }
}

/// Fetches artifacts.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: reqwest::Client,
    limits: Limits,
    retries: Retries,
    host: Option<String>,
    unpackers: Arc<Semaphore>,
}

impl Fetcher {
    /// A fetcher that uses a client, with [`Retries::default`].
    pub fn new(client: reqwest::Client, limits: Limits) -> Self {
        let unpackers = Arc::new(Semaphore::new(UNPACKERS));
        Self { client, limits, retries: Retries::default(), host: None, unpackers }
    }

    /// The same, with other retries.
    #[must_use]
    pub fn with_retries(self, retries: Retries) -> Self {
        Self { retries, ..self }
    }

    /// The same, with another host (and port) in the addresses of all artifacts, for controllers
    /// that run outside of the cluster.
    #[must_use]
    pub fn with_host(self, host: impl Into<String>) -> Self {
        Self { host: Some(host.into()), ..self }
    }

    /// Fetches an artifact, verifies it and unpacks it into a directory, which must not exist or
    /// be empty. The directory has all of it or, after an error, nothing.
    ///
    /// # Errors
    /// See [`FetchError`]. [`FetchError::is_not_found`] is the one that a caller waits after.
    pub async fn fetch(&self, artifact: &Artifact, into: &Path) -> Result<Summary, FetchError> {
        let failed = |source| FetchError::Write { path: into.to_owned(), source };
        let parent = match into.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        tokio::fs::create_dir_all(&parent).await.map_err(failed)?;
        let archive = NamedTempFile::new_in(&parent).map_err(failed)?;
        self.download(artifact, archive.path()).await?;
        self.unpack(artifact, archive, parent, into.to_owned()).await
    }

    /// Fetches an artifact into a file and verifies it, without unpacking it. After an error, the
    /// file has no meaning.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn download(&self, artifact: &Artifact, to: &Path) -> Result<(), FetchError> {
        let url = self.address(artifact)?;
        let expected = artifact
            .digest()
            .map_err(|source| FetchError::NoDigest { url: url.to_string(), source })?;
        let mut tried = 0;
        loop {
            let error = match self.try_download(&url, &expected, to).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if tried >= self.retries.count || !error.is_passing() {
                return Err(error);
            }
            let wait = self.retries.wait(tried);
            tracing::debug!(%error, ?wait, tried, "fetching the artifact again");
            sleep(wait).await;
            tried += 1;
        }
    }

    fn address(&self, artifact: &Artifact) -> Result<Url, FetchError> {
        let invalid = || FetchError::Address { url: artifact.url.clone() };
        let mut url: Url = artifact.url.parse().map_err(|_| invalid())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(invalid());
        }
        if let Some(host) = &self.host {
            let (name, port) = match host.rsplit_once(':') {
                Some((name, port)) if !port.contains(']') => {
                    (name, Some(port.parse().map_err(|_| invalid())?))
                }
                _ => (host.as_str(), None),
            };
            url.set_host(Some(name)).map_err(|_| invalid())?;
            url.set_port(port).map_err(|()| invalid())?;
        }
        Ok(url)
    }

    async fn try_download(
        &self,
        url: &Url,
        expected: &Digest,
        to: &Path,
    ) -> Result<(), FetchError> {
        let transport =
            |source: reqwest::Error| FetchError::Transport { url: url.to_string(), source };
        let sent = timeout(IDLE, self.client.get(url.clone()).send()).await;
        let stalled = |_| FetchError::Stalled { url: url.to_string() };
        let mut response = sent.map_err(stalled)?.map_err(transport)?;
        self.check(url, &response)?;

        let failed = |source| FetchError::Write { path: to.to_owned(), source };
        let file = File::create(to).await.map_err(failed)?;
        let mut out = BufWriter::with_capacity(BUFFER, file);
        let mut hasher = expected.algorithm().hasher();
        let mut size: u64 = 0;
        loop {
            let chunk = timeout(IDLE, response.chunk()).await.map_err(stalled)?;
            let Some(chunk) = chunk.map_err(transport)? else { break };
            size += chunk.len() as u64;
            if size > self.limits.archive_bytes {
                return Err(self.too_large(url));
            }
            hasher.update(&chunk);
            out.write_all(&chunk).await.map_err(failed)?;
        }
        out.flush().await.map_err(failed)?;
        let actual = hasher.finish();
        if actual != *expected {
            let (url, expected) = (url.to_string(), expected.clone());
            return Err(FetchError::Digest { url, actual, expected });
        }
        Ok(())
    }

    fn check(&self, url: &Url, response: &Response) -> Result<(), FetchError> {
        let url_text = url.to_string();
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(FetchError::NotFound { url: url_text }),
            status => return Err(FetchError::Status { url: url_text, status }),
        }
        if response.content_length().is_some_and(|size| size > self.limits.archive_bytes) {
            return Err(self.too_large(url));
        }
        Ok(())
    }

    fn too_large(&self, url: &Url) -> FetchError {
        FetchError::TooLarge { url: url.to_string(), limit: self.limits.archive_bytes }
    }

    /// Unpacks beside the target and renames. If the caller stops waiting, the work goes on to its
    /// end, and what it made is removed with its temporary directory.
    async fn unpack(
        &self,
        artifact: &Artifact,
        archive: NamedTempFile,
        parent: PathBuf,
        into: PathBuf,
    ) -> Result<Summary, FetchError> {
        let failed = |source| FetchError::Write { path: into.clone(), source };
        let permit = Arc::clone(&self.unpackers).acquire_owned().await;
        let permit = permit.map_err(|error| failed(io::Error::other(error)))?;
        let (limits, url, target) = (self.limits, artifact.url.clone(), into.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where artifacts are unpacked, bounded by the semaphore"
        )]
        let unpacked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let write_failed = |source| FetchError::Write { path: target.clone(), source };
            let work = TempDir::new_in(parent).map_err(write_failed)?;
            let file = archive.reopen().map_err(write_failed)?;
            let tree = work.path().join("tree");
            let summary = unpack::unpack(io::BufReader::new(file), &tree, &limits)
                .map_err(|source| FetchError::Unpack { url, source })?;
            std::fs::rename(&tree, &target).map_err(write_failed)?;
            Ok(summary)
        });
        unpacked.await.map_err(|error| failed(io::Error::other(error)))?
    }
}

#[cfg(test)]
pub(super) mod tests;
