//! Random choices.

use crate::Result;
use crate::function::Scope;

/// A random number below a bound, evenly spread.
pub(super) fn below(scope: &Scope<'_>, bound: u64) -> u64 {
    // Rejecting the incomplete last block keeps the choice even.
    let limit = u64::MAX - u64::MAX % bound.max(1);
    loop {
        let mut bytes = [0; 8];
        scope.environment().random(&mut bytes);
        let number = u64::from_le_bytes(bytes);
        if number < limit {
            return number % bound.max(1);
        }
    }
}

/// `count` random characters of an alphabet.
pub(super) fn characters(scope: &Scope<'_>, count: i64, alphabet: &[u8]) -> Result<Vec<u8>> {
    let count = usize::try_from(count).unwrap_or_default();
    scope.step(count)?;
    scope.bytes(count)?;
    let size = u64::try_from(alphabet.len()).unwrap_or(1);
    Ok((0..count)
        .filter_map(|_| {
            let index = usize::try_from(below(scope, size)).ok()?;
            alphabet.get(index).copied()
        })
        .collect())
}
