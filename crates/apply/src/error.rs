//! What can go wrong between us and a cluster.

use kube::core::Status;
use manifest::{Object, ObjectId};
use thiserror::Error;

/// How API servers and admission webhooks say that a field cannot be changed, in lower case. The
/// original takes every invalid object for one that must be deleted to be changed; this does not,
/// since what is invalid could not be created anew either.
const IMMUTABLE: [&str; 7] = [
    "is immutable",
    "immutable field",
    "fields other than",
    "cannot change",
    "may not be changed",
    "may not change once set",
    "updates to ",
];

/// A failed step on one object, or on the cluster as a whole.
#[derive(Debug, Error)]
pub enum Error {
    /// The server serves no such kind.
    #[error("{object}: no matches for kind \"{kind}\" in version \"{version}\"")]
    NoMatch {
        /// The object.
        object: String,
        /// Its kind.
        kind: String,
        /// Its API version.
        version: String,
    },
    /// The object cannot be sent as it is.
    #[error("{object} {message}")]
    Invalid {
        /// The object.
        object: String,
        /// What is wrong with it.
        message: String,
    },
    /// The server refused a request about an object.
    #[error("{object} {what} failed ({reason}): {message}")]
    Refused {
        /// The object.
        object: String,
        /// What was tried.
        what: &'static str,
        /// The server's reason.
        reason: String,
        /// The server's message, without what must stay secret.
        message: String,
        /// The HTTP status code.
        code: u16,
    },
    /// The server could not be asked.
    #[error("{object} {what} failed")]
    Request {
        /// The object.
        object: String,
        /// What was tried.
        what: &'static str,
        /// Why.
        source: Box<kube::Error>,
    },
    /// The server does not say what it serves.
    #[error("cannot discover the kinds of the cluster")]
    Discovery(#[source] Box<kube::Error>),
    /// Something did not happen in time.
    #[error("{0}")]
    Timeout(String),
    /// Something has failed for good.
    #[error("{0}")]
    Unhealthy(String),
    /// Something newer took over.
    #[error("cancelled")]
    Cancelled,
    /// An expression of the spec.
    #[error("{0}")]
    Expression(String),
}

impl Error {
    /// The HTTP status code, when the server answered with one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether only deleting the object can make way for the change.
    pub(crate) fn is_immutable(&self) -> bool {
        let Self::Refused { code: 422 | 403 | 409, message, .. } = self else { return false };
        let message = message.to_lowercase();
        IMMUTABLE.iter().any(|part| message.contains(part))
    }

    /// Whether somebody else changed the object meanwhile.
    pub(crate) fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// An error of the client about an object; data of Secrets is masked.
    pub(crate) fn about(object: &Object, what: &'static str, error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::refused(object, what, &status),
            source => {
                Self::Request { object: object.id().to_string(), what, source: Box::new(source) }
            }
        }
    }

    fn refused(object: &Object, what: &'static str, status: &Status) -> Self {
        Self::Refused {
            object: object.id().to_string(),
            what,
            reason: status.reason.clone(),
            message: crate::secret::masked(object, &status.message),
            code: status.code,
        }
    }

    /// An error of the client about an object of which only the id is known.
    pub(crate) fn about_id(id: &ObjectId, what: &'static str, error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused {
                object: id.to_string(),
                what,
                reason: status.reason.clone(),
                message: status.message.clone(),
                code: status.code,
            },
            source => Self::Request { object: id.to_string(), what, source: Box::new(source) },
        }
    }
}
