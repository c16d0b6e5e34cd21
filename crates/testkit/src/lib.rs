//! Everything a test needs to run the product against real parts on loopback.
//!
//! - [`GitServer`]: real Git over HTTP(S) and SSH, with [`GitRepository`] to commit to.
//! - [`ControlPlane`]: a real kube-apiserver with etcd, kube-controller-manager and kwok.
//! - [`apiserver`]: the Kubernetes API in memory, for tests without a socket.
//!
//! A development dependency only: nothing that ships depends on it. It starts programs, which the rest may not.

mod control_plane;
mod git_server;

pub use apiserver;
pub use control_plane::ControlPlane;
pub use git_server::{GitRepository, GitServer, HttpOptions, Instead, PgpKey, SshKey};
