//! The CRDs of all kinds.
