//! Putting objects into a cluster: staged server-side apply, pruning, waiting, drift.
//!
//! It works on any list of objects; who owns them is a matter of labels that the caller sets. The
//! rules are those of kustomize-controller and fluxcd/pkg/ssa, with fewer requests: what is known to
//! be unchanged is not asked about.
//!
//! ```ignore
//! let cluster = Cluster::new(client, "kustomize-controller");
//! let changes = staged(&cluster, objects, &ApplyOptions::default(), &mut Memory::default(), &cancel).await?;
//! let pruned = prune::delete(&cluster, &before.minus(&changes.inventory()), &owner_labels).await;
//! wait::wait(&cluster, targets, &WaitOptions::default()).await?;
//! ```
//!
//! It deliberately knows no controller, no source and no CRD of ours, and it keeps no state but what
//! a [`Tracker`] watches and the caller's [`Known`] holds.

mod changes;
mod checks;
mod cluster;
mod control;
mod definitions;
mod diff;
mod discovery;
mod drift;
mod error;
mod field;
pub mod health;
mod ignore;
mod inventory;
mod known;
mod normalize;
pub mod prune;
mod secret;
mod staged;
mod stages;
mod takeover;
mod track;
pub mod wait;
mod watch;

pub use changes::{Action, ChangeSet, Entry};
pub use checks::{HealthCheck, HealthCheckSpec};
pub use cluster::{Cluster, Identity};
pub use diff::{Difference, diff};
pub use discovery::Resource;
pub use error::Error;
pub use ignore::{IgnoreRule, Target as IgnoreTarget, TargetSpec};
pub use inventory::Inventory;
pub use known::Known;
pub use secret::mask;
pub use staged::{ApplyOptions, Interrupted, Memory, staged};
pub use stages::StageKind;
pub use track::{Foreign, OnForeign, Tracker};
