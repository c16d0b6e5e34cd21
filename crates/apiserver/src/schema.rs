//! What the server knows about types: the built-in ones from a table, custom ones from their definitions.
//!
//! A write goes through [`decode`] (types, unknown fields, canonical values) and [`default`]; whoever then changes it (a reset
//! status, admission) calls [`fill`], so that what Go writes even when it is empty is there; [`validate`] comes last. What
//! comes out is stored as it is.

mod decode;
mod default;
mod field_error;
mod merge_patch;
mod node;
pub mod openapi;
mod prune;
mod quantity;
mod strategic;
mod table;
mod time;
mod type_ref;
mod validate;

#[cfg(test)]
mod tests;

pub use decode::{Decoded, decode, fill};
pub use default::default;
pub use field_error::{FieldError, Reason};
pub use merge_patch::merge_patch;
pub use node::{Additional, Kind, Limits, ListType, PatchStrategy, Pattern, Rule, Schema};
pub use prune::prune;
pub use quantity::Quantity;
pub use strategic::{PatchError, strategic_merge};
pub use table::{Entry, kinds};
pub use type_ref::{CustomType, TypeRef};
pub use validate::{check_rules, validate};
