//! Everything a test needs to run the product against real parts on loopback.
//!
//! - [`ControlPlane`]: a real kube-apiserver with etcd, kube-controller-manager and kwok.
//!
//! A development dependency only: nothing that ships depends on it. It starts programs, which the rest may not.

mod control_plane;

pub use control_plane::ControlPlane;
