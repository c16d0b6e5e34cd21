//! Addresses for Services and Pods, handed out in order.

use std::sync::atomic::{AtomicU32, Ordering};

/// Counters of the address ranges. A restart may hand out an address twice; nothing routes by them.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    services: AtomicU32,
    pods: AtomicU32,
    node_ports: AtomicU32,
}

impl Addresses {
    /// The next of 10.96.0.0/12, after the API server's own first address.
    pub(crate) fn service(&self) -> String {
        let n = self.services.fetch_add(1, Ordering::Relaxed) + 10;
        format!("10.{}.{}.{}", 96 + ((n >> 16) & 0x0f), (n >> 8) & 0xff, n & 0xff)
    }

    /// The next of 10.244.0.0/16.
    pub(crate) fn pod(&self) -> String {
        let n = self.pods.fetch_add(1, Ordering::Relaxed) + 2;
        format!("10.244.{}.{}", (n >> 8) & 0xff, n & 0xff)
    }

    /// The next of 30000-32767.
    pub(crate) fn node_port(&self) -> u32 {
        30_000 + self.node_ports.fetch_add(1, Ordering::Relaxed) % 2768
    }
}
