//! Writing, as go-yaml's emitter writes.

mod json;
mod node;
mod scalar;
mod writer;

pub use json::{from_json, from_json_indented, string_style};
pub use node::{SequenceIndent, Style, emit};

pub(crate) use json::reads_as_string;

use crate::node::ScalarStyle;
use scalar::{Analysis, Place};
use writer::{Dialect, Writer};

/// A string in one line, in the style wished for or, if that cannot hold it, in quotes.
pub(crate) fn inline_scalar(text: &str, wished: ScalarStyle, flow: bool) -> String {
    let mut writer = Writer::new(Dialect::V2, 2, usize::MAX);
    let style = Analysis::of(text, Dialect::V2).choose(wished, Place { flow, simple_key: true });
    writer.scalar(text, style, 0, false);
    writer.out
}
