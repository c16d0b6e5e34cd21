//! apiserver

pub mod fields;
pub mod schema;
