//! What templates get from this machine.

use std::net::ToSocketAddrs as _;

use helm::{Environment, Level, LogLine};
use jiff::Timestamp;
use rand_core::{OsRng, RngCore as _};

use super::settings::Settings;

/// The machine's clock, random source and resolver, and standard error for the log; no cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct System {
    /// Lines of the log that matter less than this are not printed; without it, none is.
    least: Option<Level>,
}

impl System {
    /// Without a log.
    pub(super) fn silent() -> Self {
        Self { least: None }
    }

    /// With the log that was asked for.
    pub(super) fn of(settings: &Settings) -> Self {
        Self { least: Some(if settings.debug { Level::Debug } else { Level::Info }) }
    }
}

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

    fn log(&self, line: &LogLine<'_>) {
        if self.least.is_some_and(|least| line.level >= least) {
            super::log(line);
        }
    }
}
