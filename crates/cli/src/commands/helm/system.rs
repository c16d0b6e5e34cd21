//! What templates get from this machine.

use std::net::ToSocketAddrs as _;

use helm::Environment;
use jiff::Timestamp;

/// The machine's clock, random source and resolver; no cluster.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct System;

impl Environment for System {
    #[expect(clippy::disallowed_methods, reason = "the command line is where time comes from")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn random(&self, buffer: &mut [u8]) {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        // The source fails only where the system has none; what it left is then no secret.
        let _ = provider.secure_random.fill(buffer);
    }

    fn addresses(&self, host: &str) -> Vec<String> {
        let found = (host, 0).to_socket_addrs();
        found.into_iter().flatten().map(|address| address.ip().to_string()).collect()
    }
}
