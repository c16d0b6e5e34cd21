//! The order of kinds.

use std::cmp::Ordering;

/// Compares kinds in the order of installation; unknown kinds come last, by name.
pub(crate) fn compare_kinds(a: &str, b: &str) -> Ordering {
    manifest::order::helm_install_kinds(a, b)
}
