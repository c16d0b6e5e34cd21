//! Scenarios, in both tiers.
//!
//! Every scenario is a function over a [`tests::World`]. On the embedded API server each is a test of its own; on the
//! real one they share a control plane, so one test runs them all, several at a time, and names those that fail.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a scenario that cannot go on fails"
)]

mod applying;
mod artifacts;
mod chart_dependencies;
mod charts;
mod commands;
mod deleting;
mod dependencies;
mod errors;
mod health;
mod install;
mod kubectl;
mod lifecycle;
mod processes;
mod releases;
mod tiers;
