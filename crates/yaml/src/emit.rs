//! Writing, as go-yaml's emitter writes.

mod json;
mod node;
mod scalar;
mod writer;

pub use json::{from_json, from_json_indented};
pub use node::{SequenceIndent, Style, emit};
