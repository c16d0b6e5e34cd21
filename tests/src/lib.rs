//! Whole-product scenarios and benchmarks: the controllers, a Git repository, and a cluster.
//!
//! A [`World`] is one namespace of a cluster with controllers that look at nothing else, and a repository for them to
//! follow. The cluster is the embedded API server or a real one; scenarios cannot tell which, and that is the point.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario ends where the world is not as it must be"
)]

mod cluster;
mod expect;
mod objects;
mod world;

pub use cluster::{Cluster, Tier};
pub use expect::eventually;
pub use objects::{condition, text};
pub use world::World;
