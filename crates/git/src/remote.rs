//! A repository somewhere, and everything needed to reach it.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{Connection, Credentials, Error, Proxy, RemoteUrl};

/// A repository somewhere, and everything needed to reach it.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Where it is.
    pub url: RemoteUrl,
    /// Who we are.
    pub credentials: Credentials,
    /// The proxy to go through.
    pub proxy: Option<Proxy>,
    /// A copy of the repository on this disk that is read in place of the URL.
    pub local: Option<Local>,
    /// How long and how much.
    pub limits: Limits,
    /// SSH algorithms to offer.
    pub ssh: SshAlgorithms,
    /// Ends whatever is being waited for.
    pub cancel: CancellationToken,
    /// When the work that this remote is part of must end, for remotes of submodules.
    pub(crate) deadline: Option<Instant>,
}

/// A repository on this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// The directory that holds `.git`, or a bare repository.
    pub path: PathBuf,
    /// Whether a branch means the files as they are now, committed or not (those that Git ignores
    /// left out), instead of the branch's last commit.
    pub worktree: bool,
}

/// How long an operation may take, and how much may come over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From [`Remote::connect`] to the end of the last fetch and checkout of that connection.
    pub timeout: Duration,
    /// Bytes received by one connection; the default of 4 GiB is above the size of any repository
    /// of configuration and below that of the usual disk.
    pub max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_mins(1), max_bytes: 4 << 30 }
    }
}

/// The SSH algorithms to offer, most preferred first; empty means the usual safe ones.
#[derive(Debug, Clone, Default)]
pub struct SshAlgorithms {
    /// Key exchange, such as `curve25519-sha256`.
    pub key_exchange: Vec<String>,
    /// Host keys, such as `ssh-ed25519`.
    pub host_key: Vec<String>,
}

impl Remote {
    /// The repository at `url`, reached anonymously.
    pub fn new(url: RemoteUrl) -> Self {
        Self {
            url,
            credentials: Credentials::default(),
            proxy: None,
            local: None,
            limits: Limits::default(),
            ssh: SshAlgorithms::default(),
            cancel: CancellationToken::new(),
            deadline: None,
        }
    }

    /// Opens the repository: the first exchange with a server, or a look at the local copy.
    ///
    /// # Errors
    /// When it cannot be reached, refuses us or is not there.
    pub fn connect(&self) -> Result<Connection, Error> {
        Connection::open(self)
    }

    /// Whether the work should go on, for loops that do not wait.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::TimedOut(self.limits.timeout));
        }
        Ok(())
    }

    /// The remote of a submodule at `url`: credentials travel only to the same server.
    pub(crate) fn for_submodule(&self, url: RemoteUrl) -> Self {
        let credentials = if self.url.same_server(&url) {
            self.credentials.clone()
        } else {
            Credentials::default()
        };
        Self { url, credentials, local: None, ..self.clone() }
    }
}
