//! A hash for places in memory.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map from places in memory: no stranger chooses these, so a fast hash is good enough.
pub(super) type ByPlace<K, V> = HashMap<K, V, BuildHasherDefault<Fast>>;

/// Multiplies and rotates.
#[derive(Default)]
pub(super) struct Fast(u64);

impl Fast {
    fn add(&mut self, word: u64) {
        const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(ODD);
    }
}

impl Hasher for Fast {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.add(u64::from(*byte));
        }
    }

    fn write_usize(&mut self, word: usize) {
        self.add(word as u64);
    }

    fn finish(&self) -> u64 {
        // The low bits choose the slot, and multiplying mixes only upwards.
        self.0 ^ (self.0 >> 32)
    }
}
