//! Kubernetes objects as data: what they are called, how they are read, written, ordered, patched
//! and compared. No cluster, no network, no types of any API: objects stay JSON.
//!
//! ```
//! let mut objects = manifest::parse_all("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")?;
//! manifest::order::apply(&mut objects);
//! assert_eq!(objects[0].id().to_string(), "ConfigMap/a");
//! # Ok::<(), manifest::Error>(())
//! ```
//!
//! Deliberately not here: patches (they need the comments and styles of a build, and are in
//! `kustomize`), validation against a schema, and field ownership (both are the API server's).

mod diff;
mod error;
mod id;
mod image;
mod object;
pub mod order;
mod parse;
pub mod schema;
mod secret;
#[cfg(test)]
mod tests;

pub use diff::{Change, ChangeKind, Step, diff};
pub use error::Error;
pub use id::ObjectId;
pub use image::ImageRef;
pub use object::Object;
pub use parse::{parse_all, to_yaml};
pub use secret::{mask_secret_change, mask_secrets};
