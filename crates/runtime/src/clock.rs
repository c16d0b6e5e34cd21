//! Time and randomness, both replaced in tests.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use jiff::Timestamp;

/// The wall clock and a source of chance. Durations are measured with `tokio::time`, which tests pause.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
    /// A number from 0 (included) to 1 (excluded), for jitter only; not for secrets.
    fn chance(&self) -> f64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn chance(&self) -> f64 {
        let random = std::hash::RandomState::new().build_hasher().finish();
        f64::from(u32::try_from(random >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// A clock that stands still, for tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock {
    /// What `now` answers.
    pub now: Timestamp,
    /// What `chance` answers.
    pub chance: f64,
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn chance(&self) -> f64 {
        self.chance
    }
}

/// `interval` × (1 ± `percent` / 100); `chance` 0 is the shortest, 1 the longest.
pub fn jittered(interval: Duration, percent: f64, chance: f64) -> Duration {
    let percent = percent.clamp(0.0, 99.0);
    interval.mul_f64(1.0 + (2.0 * chance - 1.0) * percent / 100.0)
}

/// The delay before try number `failures` (1 for the first), doubling from `min` up to `max`.
pub fn backoff(failures: u32, min: Duration, max: Duration) -> Duration {
    // Beyond 2^31 any sensible minimum has passed the maximum.
    let doublings = failures.saturating_sub(1).min(31);
    min.saturating_mul(1_u32 << doublings).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_from_the_minimum_up_to_the_maximum() {
        let (min, max) = (Duration::from_millis(750), Duration::from_mins(15));
        let seconds: Vec<f64> = [1, 2, 3, 11, 12, 4_000_000_000]
            .into_iter()
            .map(|failures| backoff(failures, min, max).as_secs_f64())
            .collect();
        assert_eq!(seconds, [0.75, 1.5, 3.0, 768.0, 900.0, 900.0]);
    }

    #[test]
    fn jitter_stays_within_its_percentage() {
        let minute = Duration::from_mins(1);
        assert_eq!(jittered(minute, 5.0, 0.0), Duration::from_secs(57));
        assert_eq!(jittered(minute, 5.0, 0.5), minute);
        assert!(jittered(minute, 5.0, 0.999) < Duration::from_secs(63));
        assert_eq!(jittered(minute, 0.0, 0.9), minute);
    }

    #[test]
    fn chance_is_below_one() {
        assert!((0..100).map(|_| SystemClock.chance()).all(|chance| (0.0..1.0).contains(&chance)));
    }
}
