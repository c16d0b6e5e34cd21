//! The steps of a visit, one file each.

pub(crate) mod change;
pub(crate) mod farewell;
pub(crate) mod fetch;
pub(crate) mod finish;
pub(crate) mod health;
pub(crate) mod inputs;
pub(crate) mod remote;
pub(crate) mod render;
pub(crate) mod source;
pub(crate) mod target;
