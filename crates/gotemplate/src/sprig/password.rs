//! Random choices.

use crate::Result;
use crate::environment::Environment;
use crate::function::Scope;

/// A random number below a bound, evenly spread.
pub(super) fn below(scope: &Scope<'_>, bound: u64) -> u64 {
    Words::new(scope, 1).below(bound)
}

/// Random words, several fetched at once: each fetching is a call of the system.
struct Words<'s> {
    environment: &'s dyn Environment,
    fetched: [u8; 8 * MOST],
    /// How many are ready, and where they begin.
    ready: std::ops::Range<usize>,
    /// How many will be needed still, as far as that is known.
    wanted: usize,
}

/// The most words that are fetched at once.
const MOST: usize = 32;

impl<'s> Words<'s> {
    fn new(scope: &Scope<'s>, wanted: usize) -> Self {
        let environment = scope.environment();
        Self { environment, fetched: [0; 8 * MOST], ready: 0..0, wanted }
    }

    fn next(&mut self) -> u64 {
        if self.ready.is_empty() {
            let count = self.wanted.clamp(1, MOST);
            self.wanted = self.wanted.saturating_sub(count);
            let bytes = self.fetched.get_mut(..8 * count).unwrap_or_default();
            self.environment.random(bytes);
            self.ready = 0..count;
        }
        let at = self.ready.next().unwrap_or_default();
        let word = self.fetched.as_chunks().0.get(at).copied().unwrap_or_default();
        u64::from_le_bytes(word)
    }

    fn below(&mut self, bound: u64) -> u64 {
        // Rejecting the incomplete last block keeps the choice even.
        let limit = u64::MAX - u64::MAX % bound.max(1);
        loop {
            let number = self.next();
            if number < limit {
                return number % bound.max(1);
            }
        }
    }
}

/// `count` random characters of an alphabet.
pub(super) fn characters(scope: &Scope<'_>, count: i64, alphabet: &[u8]) -> Result<Vec<u8>> {
    let count = usize::try_from(count).unwrap_or_default();
    scope.step(count)?;
    scope.bytes(count)?;
    let size = u64::try_from(alphabet.len()).unwrap_or(1);
    let mut words = Words::new(scope, count);
    Ok((0..count)
        .filter_map(|_| {
            let index = usize::try_from(words.below(size)).ok()?;
            alphabet.get(index).copied()
        })
        .collect())
}
