//! The exchange of artifacts: immutable files that one controller makes and others read.
//!
//! A [`Store`] keeps them below a directory, [`serve`] serves them over HTTP, a [`Fetcher`]
//! downloads, verifies and unpacks them, and a [`Cache`] keeps what was unpacked. The format is
//! Flux's: `tar.gz` below `<kind>/<namespace>/<name>/`, verified by digest. Beyond it, equal
//! contents share one place on disk, and the metadata of an archive has the digests of its
//! [`Directories`]. Nothing here knows of Kubernetes.

pub mod archive;
mod cache;
mod digest;
mod directories;
pub mod fetch;
pub mod ignore;
mod revision;
pub mod serve;
mod store;
pub mod unpack;
mod wire;

pub use cache::{Cache, Capacity, Tree};
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use directories::{Directories, DirectoriesError, MAX_DIRECTORIES};
pub use fetch::{FetchError, Fetcher};
pub use revision::{Revision, RevisionError};
pub use store::{Collected, NewArtifact, Store, StoreError, StoreOptions};
pub use unpack::Limits;
pub use wire::{Artifact, ArtifactKey, KeyError};
