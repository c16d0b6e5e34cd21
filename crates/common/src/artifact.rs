//! The exchange of artifacts: immutable archives that one controller makes and others read.
//!
//! A [`Store`](store::Store) keeps them below a directory, [`serve`] serves them over HTTP,
//! [`fetch`] downloads, verifies and unpacks them. The format is Flux's: `tar.gz` below
//! `<kind>/<namespace>/<name>/`, verified by digest. Nothing here knows of Kubernetes.

mod digest;
mod revision;
mod wire;

pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use revision::{Revision, RevisionError};
pub use wire::{Artifact, ArtifactKey, KeyError};
