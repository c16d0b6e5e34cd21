//! The reconciler against the embedded API server and real Git servers.

mod artifacts;
mod failures;
mod inclusion;
mod locals;
mod secrecy;
mod world;
