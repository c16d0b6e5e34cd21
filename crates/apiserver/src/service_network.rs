//! Addresses for Services and Pods, handed out in order.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// 10.96.0.0/12; the first addresses are for the API server and the DNS.
const SERVICES: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 0);
const SERVICE_RANGE: u32 = 1 << 20;
const FIRST_SERVICE: u32 = 11;
const PODS: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 0);
const FIRST_POD: u32 = 2;
const NODE_PORTS: u32 = 30_000;

/// Counters of the address ranges.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    services: AtomicU32,
    pods: AtomicU32,
    node_ports: AtomicU32,
}

impl Addresses {
    /// The next of 10.96.0.0/12, after the API server's own first address.
    pub(crate) fn service(&self) -> String {
        let n = self.services.fetch_add(1, Ordering::Relaxed) + FIRST_SERVICE;
        Ipv4Addr::from(u32::from(SERVICES) + n % SERVICE_RANGE).to_string()
    }

    /// Never hands out what this object has already.
    pub(crate) fn reserve(&self, object: &Value) {
        let address = |pointer: &str| {
            object.pointer(pointer).and_then(Value::as_str)?.parse::<Ipv4Addr>().ok()
        };
        if let Some(ip) = address("/spec/clusterIP") {
            let offset = u32::from(ip).saturating_sub(u32::from(SERVICES));
            if offset < SERVICE_RANGE {
                self.services
                    .fetch_max(offset.saturating_sub(FIRST_SERVICE) + 1, Ordering::Relaxed);
            }
        }
        if let Some(ip) = address("/status/podIP") {
            self.pods.fetch_max(
                (u32::from(ip) & 0xffff).saturating_sub(FIRST_POD) + 1,
                Ordering::Relaxed,
            );
        }
        for port in object.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten() {
            let given =
                port.get("nodePort").and_then(Value::as_u64).and_then(|p| u32::try_from(p).ok());
            if let Some(offset) = given.and_then(|p| p.checked_sub(NODE_PORTS)) {
                self.node_ports.fetch_max(offset + 1, Ordering::Relaxed);
            }
        }
    }

    /// The next of 10.244.0.0/16.
    pub(crate) fn pod(&self) -> String {
        let n = self.pods.fetch_add(1, Ordering::Relaxed) + FIRST_POD;
        Ipv4Addr::from(u32::from(PODS) + (n & 0xffff)).to_string()
    }

    /// The next of 30000-32767.
    pub(crate) fn node_port(&self) -> u32 {
        NODE_PORTS + self.node_ports.fetch_add(1, Ordering::Relaxed) % 2768
    }
}
