//! Waiting for what will be.

use std::time::{Duration, Instant};

/// How long something may take before it counts as never happening; generous, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(45);
/// Pause between looks.
const PAUSE: Duration = Duration::from_millis(25);

/// Looks again and again until `look` finds what it looks for, and returns it.
///
/// # Panics
/// When it is not found in time; the message says what was looked for and what was seen instead.
pub async fn eventually<T>(what: &str, look: impl AsyncFn() -> Result<T, String>) -> T {
    let started = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) => assert!(started.elapsed() < PATIENCE, "{what}: {seen}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
