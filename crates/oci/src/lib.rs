//! Reads from OCI registries: tags, manifests and blobs over the distribution API.
//!
//! ```no_run
//! # async fn pull() -> Result<(), oci::Error> {
//! let client = oci::Client::new(reqwest::Client::new(), oci::Options::default());
//! let reference: oci::Reference = "ghcr.io/stefanprodan/charts/podinfo:6.9.0".parse()?;
//! let manifest = client.manifest(&reference).await?;
//! for layer in &manifest.layers {
//!     let bytes = client.blob(&reference, layer).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Start from [`Client`] and [`Reference`]. Every answer has a limit on its size, every blob and every manifest asked for
//! by digest is checked against it. Which layer means what is the caller's business. It knows nothing of Kubernetes, and it
//! does not push.

mod auth;
mod client;
mod reference;

pub use auth::Credentials;
pub use client::{Client, Descriptor, Manifest, Options};
pub use reference::Reference;

/// What went wrong with a registry. Texts never hold credentials.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no reference.
    #[error("invalid reference {text:?}: {why}")]
    Reference {
        /// What was given.
        text: String,
        /// Why it is none.
        why: &'static str,
    },
    /// The registry cannot be reached, or breaks off.
    #[error("cannot reach {url}")]
    Transport {
        /// The address.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The registry has no such repository, tag or blob.
    #[error("{0}: not found")]
    NotFound(String),
    /// The registry wants other credentials.
    #[error("{0}: unauthorized")]
    Unauthorized(String),
    /// The registry answers otherwise.
    #[error("{url}: response status code {status}{detail}")]
    Status {
        /// The address.
        url: String,
        /// The answer's code.
        status: u16,
        /// What the registry says about it, after a colon.
        detail: String,
    },
    /// An answer is larger than allowed.
    #[error("{url} is larger than {limit} bytes")]
    TooLarge {
        /// The address.
        url: String,
        /// What is allowed.
        limit: usize,
    },
    /// An answer is not what was asked for.
    #[error("{url} has the digest {found} instead of {wanted}")]
    Digest {
        /// The address.
        url: String,
        /// What was asked for.
        wanted: String,
        /// What came.
        found: String,
    },
    /// An answer makes no sense.
    #[error("{url}: {why}")]
    Malformed {
        /// The address.
        url: String,
        /// Why.
        why: String,
    },
}
