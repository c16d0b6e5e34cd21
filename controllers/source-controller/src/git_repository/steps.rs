//! The steps of a visit.

pub(super) mod access;
pub(super) mod archive;
pub(super) mod fetch;
pub(super) mod includes;
pub(super) mod verify;
