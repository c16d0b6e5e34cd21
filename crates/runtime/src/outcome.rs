//! How a visit ended: [`Ready`] when all is well, [`Stop`] when it is not.

use std::error::Error;
use std::time::Duration;

use common::condition::Reason;

/// Any error, boxed.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// How a visit ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Reason of the `Ready` condition.
    pub reason: Reason,
    /// Message of the `Ready` condition.
    pub message: String,
    /// The revision that is now in place, where the kind has one.
    pub revision: Option<String>,
    /// The event to send when this is news; the condition's reason and message when `None`.
    pub event: Option<(Reason, String)>,
    /// Metadata keys (`<group>/<key>`) that the event carries besides the revision.
    pub metadata: Vec<(String, String)>,
    /// Visit again after this time instead of after the interval.
    pub after: Option<Duration>,
}

impl Ready {
    /// Ready with this reason and message, nothing else.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            revision: None,
            event: None,
            metadata: Vec::new(),
            after: None,
        }
    }

    /// The same, at this revision.
    #[must_use]
    pub fn at(mut self, revision: impl Into<String>) -> Self {
        self.revision = Some(revision.into());
        self
    }

    /// The same, with another text for the event than for the condition.
    #[must_use]
    pub fn event(mut self, reason: Reason, message: impl Into<String>) -> Self {
        self.event = Some((reason, message.into()));
        self
    }

    /// The same, with one more metadata key on the event.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }
}

/// What ended a visit before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// There is newer work for this object: it is visited again at once.
    NewerWork,
    /// The process ends.
    Shutdown,
}

/// How a visit ended otherwise. `status::after` turns each into conditions, an event and the next visit.
#[derive(Debug)]
pub enum Stop {
    /// Something this object needs (a source, a dependency) is not there yet.
    Wait {
        /// Reason of the `Ready` condition.
        reason: Reason,
        /// What is missing.
        message: String,
        /// Look again after this time; the dependency interval when `None`.
        after: Option<Duration>,
    },
    /// Failed, and may pass next time.
    Retry {
        /// Reason of the `Ready` condition.
        reason: Reason,
        /// What failed; shown with its whole chain.
        source: BoxError,
    },
    /// Only a new spec, or a request by hand, can help.
    Stall {
        /// Reason of the `Ready` and `Stalled` conditions.
        reason: Reason,
        /// What is wrong.
        message: String,
    },
    /// Ended before its time.
    Cancelled {
        /// What ended it.
        by: Cancel,
        /// What `Ready` says about it; `None` leaves `Ready` as it was.
        message: Option<String>,
    },
}

impl Stop {
    /// Waits with this reason and message for the dependency interval.
    pub fn wait(reason: Reason, message: impl Into<String>) -> Self {
        Self::Wait { reason, message: message.into(), after: None }
    }

    /// Fails with this reason; tried again.
    pub fn retry(reason: Reason, source: impl Into<BoxError>) -> Self {
        Self::Retry { reason, source: source.into() }
    }

    /// Stalls with this reason and message.
    pub fn stall(reason: Reason, message: impl Into<String>) -> Self {
        Self::Stall { reason, message: message.into() }
    }

    /// What a person is told: the message, or the error with its whole chain.
    pub fn message(&self) -> String {
        match self {
            Self::Wait { message, .. } | Self::Stall { message, .. } => message.clone(),
            Self::Retry { source, .. } => chain(source.as_ref()),
            Self::Cancelled { message, by } => {
                message.clone().unwrap_or_else(|| format!("cancelled: {by:?}"))
            }
        }
    }
}

/// The error and its causes, as `a: b: c`. A cause whose text the line above already ends with is
/// left out, because many libraries print their source themselves.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let line = cause.to_string();
        if !text.ends_with(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        next = cause.source();
    }
    text
}

/// Turns any error into a [`Stop`].
pub trait OrStop<T> {
    /// Fails with this reason; tried again after the retry interval.
    fn or_stop(self, reason: Reason) -> Result<T, Stop>;
    /// Stalls with this reason; not tried again until the spec changes.
    fn or_stall(self, reason: Reason) -> Result<T, Stop>;
}

impl<T, E: Into<BoxError>> OrStop<T> for Result<T, E> {
    fn or_stop(self, reason: Reason) -> Result<T, Stop> {
        self.map_err(|error| Stop::retry(reason, error))
    }

    fn or_stall(self, reason: Reason) -> Result<T, Stop> {
        self.map_err(|error| Stop::stall(reason, chain(error.into().as_ref())))
    }
}
