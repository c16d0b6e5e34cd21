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

    /// Takes steps.
    pub(crate) fn step(&self, count: u64) -> Result<()> {
        let left = self.steps.get().checked_sub(count).ok_or_else(|| {
            Error(format!("the template takes more than {} steps", self.limits.steps))
        })?;
        self.steps.set(left);
        Ok(())
    }

    /// Takes bytes; call before allocating them.
    pub(crate) fn bytes(&self, count: u64) -> Result<()> {
        let left = self.bytes.get().checked_sub(count).ok_or_else(|| {
            Error(format!("the template writes more than {} bytes", self.limits.bytes))
        })?;
        self.bytes.set(left);
        Ok(())
    }
}
