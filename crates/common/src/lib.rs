//! What every Weir program shares about the world outside it: the CRD types, the names, the
//! conditions and events, and the exchange of artifacts.
//!
//! Two halves live here and are kept apart. [`api`], [`condition`], [`event`] and [`names`] are the
//! wire types of the toolkit.fluxcd.io APIs: plain structs whose docs become the CRD descriptions.
//! [`artifact`] is a file exchange over HTTP that knows nothing of Kubernetes.
//!
//! ```
//! use common::artifact::Revision;
//!
//! let revision: Revision = "main@sha1:6b6cc8f4bd2b1bf3a4a6e7a1e8a1f9f0c4f4dd3a".parse()?;
//! assert_eq!(revision.name(), Some("main"));
//! # Ok::<(), common::artifact::RevisionError>(())
//! ```
//!
//! It does not talk to the Kubernetes API, sends no events and computes no conditions: that is
//! `runtime`'s. It reads no environment and no clock: callers pass the time.

pub mod api;
pub mod artifact;
pub mod condition;
pub mod event;
pub mod names;
pub mod time;
