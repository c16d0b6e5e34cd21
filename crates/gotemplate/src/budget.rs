//! What a hostile template may use before it is stopped.

use std::cell::Cell;

use crate::{Error, Result};

/// Limits of one rendering. The defaults are far above what charts need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nodes walked and items handled.
    pub steps: u64,
    /// Bytes written and allocated for strings, in total.
    pub bytes: u64,
    /// Templates nested in each other (`template`, and what functions render).
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 50_000_000, bytes: 512 << 20, depth: 1200 }
    }
}

/// What is left of the limits.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    steps: Cell<u64>,
    bytes: Cell<u64>,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, steps: Cell::new(limits.steps), bytes: Cell::new(limits.bytes) }
    }

    pub(crate) fn depth(&self) -> u32 {
        self.limits.depth
    }

    /// Takes steps. Once there were too few, there are none: some functions take an error for an answer, and must not go
    /// on with what is left.
    pub(crate) fn step(&self, count: u64) -> Result<()> {
        let left = self.steps.get().checked_sub(count);
        self.steps.set(left.unwrap_or_default());
        let left = left.map(drop);
        left.ok_or_else(|| {
            Error(format!("the template takes more than {} steps", self.limits.steps))
        })
    }

    /// Takes bytes; call before allocating them. Once there were too few, there are none.
    pub(crate) fn bytes(&self, count: u64) -> Result<()> {
        let left = self.bytes.get().checked_sub(count);
        self.bytes.set(left.unwrap_or_default());
        let left = left.map(drop);
        left.ok_or_else(|| {
            Error(format!("the template writes more than {} bytes", self.limits.bytes))
        })
    }
}
