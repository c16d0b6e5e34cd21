//! What templates get from this machine.

use std::net::ToSocketAddrs as _;

use helm::Environment;
use jiff::Timestamp;
use rand_core::{OsRng, RngCore as _};

/// The machine's clock, random source and resolver; no cluster.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct System;

impl Environment for System {
    #[expect(clippy::disallowed_methods, reason = "the command line is where time comes from")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn random(&self, buffer: &mut [u8]) {
        // The kernel's own source: the one that TLS uses measures jitter for 50 ms before its first byte. It fails only
        // where the system has none; what it left is then no secret.
        let _ = OsRng.try_fill_bytes(buffer);
    }

    fn addresses(&self, host: &str) -> Vec<String> {
        let found = (host, 0).to_socket_addrs();
        found.into_iter().flatten().map(|address| address.ip().to_string()).collect()
    }
}
