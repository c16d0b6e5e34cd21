//! What the engine must not know by itself: time, randomness, environment, names, a log.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::{Error, LogLine};

/// What `lookup` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectReference<'a> {
    /// `v1`, `apps/v1`.
    pub api_version: &'a str,
    /// `ConfigMap`.
    pub kind: &'a str,
    /// Empty for cluster-wide kinds and for all namespaces.
    pub namespace: &'a str,
    /// Empty for all objects.
    pub name: &'a str,
}

/// Where templates get time, randomness, environment variables, host names and objects of a cluster
/// from, and where their log goes. `Sync`, so that charts can be rendered side by side.
pub trait Environment: Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// The local time zone.
    fn time_zone(&self) -> TimeZone {
        TimeZone::UTC
    }

    /// Fills the buffer with random bytes, fit for keys and passwords.
    fn random(&self, buffer: &mut [u8]);

    /// An environment variable; empty when unset.
    fn variable(&self, _name: &str) -> String {
        String::new()
    }

    /// The addresses of a host name; empty when unknown or not allowed.
    fn addresses(&self, _host: &str) -> Vec<String> {
        Vec::new()
    }

    /// What a cluster answers to Helm's `lookup`: the object of this name, or the list of all when
    /// the name is empty; `None` when there is no such object or no cluster.
    ///
    /// # Errors
    /// When the cluster refuses.
    fn lookup(&self, _object: &ObjectReference<'_>) -> Result<Option<serde_json::Value>, Error> {
        Ok(None)
    }

    /// Takes a line for the log; dropped where there is none. A line may show a value of the chart or its user that was
    /// passed over, as Helm's do, so it is for the one who called and not for the logs of a service.
    fn log(&self, _line: &LogLine<'_>) {}
}

/// An environment that stands still, for previews and tests: fixed time, and a counter in place of
/// randomness. Never make keys with it.
#[derive(Debug, Default)]
pub struct Fixed {
    /// The moment that `now` gives.
    pub now: Timestamp,
    counter: AtomicU64,
}

impl Fixed {
    /// Stands still at this moment.
    pub fn at(now: Timestamp) -> Self {
        Self { now, ..Self::default() }
    }
}

impl Environment for Fixed {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn random(&self, buffer: &mut [u8]) {
        // SplitMix64 over a counter: evenly spread, and the same in every run.
        for chunk in buffer.chunks_mut(8) {
            let mut z = self.counter.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            for (byte, random) in chunk.iter_mut().zip(z.to_le_bytes()) {
                *byte = random;
            }
        }
    }
}
