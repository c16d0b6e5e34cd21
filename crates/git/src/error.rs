//! The one error type of the crate.

use std::time::Duration;

/// Why a Git operation did not succeed. No variant ever contains a password, token or key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL, reference, key or other input can never work as it is written.
    #[error("{0}")]
    Invalid(String),
    /// The server refused who we are, or is not who it should be.
    #[error("{0}")]
    Authentication(String),
    /// The repository, reference or commit does not exist at the remote.
    #[error("{0}")]
    NotFound(String),
    /// The repository exists and holds no reference at all.
    #[error("repository '{url}' is empty")]
    Empty {
        /// The URL, without credentials.
        url: String,
    },
    /// The time limit of the [`Remote`](crate::Remote) passed.
    #[error("no result within {}", seconds(.0))]
    TimedOut(Duration),
    /// The cancellation token of the [`Remote`](crate::Remote) fired.
    #[error("cancelled")]
    Cancelled,
    /// A limit on size, count or depth was exceeded.
    #[error("{0}")]
    Limit(String),
    /// Anything else: what was being done, with its cause as the source.
    #[error("{doing}")]
    Failed {
        /// What was tried and on what.
        doing: String,
        /// Why it did not work.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// An error of doing `doing`, caused by `source`.
    pub(crate) fn failed(
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { doing: doing.into(), source: source.into() }
    }
}

fn seconds(duration: &Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

/// Adds what was being done to errors of other crates.
pub(crate) trait Doing<T> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> Doing<T> for Result<T, E> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::failed(doing(), source))
    }
}
