//! Steps that several kinds share.

pub(crate) mod conditions;
pub(crate) mod objects;
pub(crate) mod storage;
