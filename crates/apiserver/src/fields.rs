//! Field ownership: server-side apply and `managedFields`, with the semantics of structured-merge-diff v6.
//!
//! [`apply`] merges a configuration into a live object by its type, takes away what its manager applied before and no longer
//! does, and finds conflicts with others. [`update`] credits any other writer with what it changed. Both return the object
//! with `metadata.managedFields` brought up to date; neither looks at the clock.

use serde_json::Value;

use crate::schema::TypeRef;

mod apply;
mod check;
mod compare;
mod conflict;
mod last_applied;
mod managed;
mod merge;
mod path;
mod set;
mod shape;
mod update;
mod walk;

#[cfg(test)]
mod tests;

pub use conflict::{Conflict, Conflicts};
pub use path::{PathElement, Scalar};
pub use set::Set;

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manager<'a> {
    /// The field manager, from the request's `fieldManager` or its user agent.
    pub name: &'a str,
    /// The subresource written through, such as `status`; empty for the object itself.
    pub subresource: &'a str,
}

impl Manager<'_> {
    fn name_or_unknown(&self) -> &str {
        if self.name.is_empty() { "unknown" } else { self.name }
    }

    /// The fields that a write through this endpoint cannot change, and so never owns.
    fn reset_fields(&self, of: &TypeRef) -> Set {
        match self.subresource {
            "" if of.has_status_subresource() => Set::of_fields(&[&["status"]]),
            "status" if of.is_builtin() => Set::of_fields(&[&["spec"]]),
            "status" => Set::of_fields(&[&["metadata"], &["spec"]]),
            _ => Set::new(),
        }
    }
}

/// Why an apply was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Others manage fields that the apply would change: 409 Conflict, with the conflicts as causes.
    #[error("{0}")]
    Conflict(Conflicts),
    /// The request is wrong in itself: 400 BadRequest.
    #[error("{0}")]
    BadRequest(String),
    /// The configuration does not fit the type. The API server answers 500 without a reason.
    #[error("{0}")]
    Type(String),
}

/// Applies a configuration.
///
/// `live` is the stored object, or `None` to create one; `applied` the configuration as sent; `now` an RFC 3339 time in whole
/// seconds. Returns the merged object with its new `managedFields`: not yet defaulted, pruned or validated. If the result,
/// after those steps, equals the live object but for times, [`keep_times`] makes it equal.
///
/// # Errors
/// See [`Error`].
pub fn apply(
    live: Option<&Value>,
    applied: &Value,
    of: &TypeRef,
    (manager, force): (&Manager<'_>, bool),
    now: &str,
) -> Result<Value, Error> {
    match live {
        Some(live) => apply::Request { of, live, applied, manager, force, now }.run(),
        None => apply::Request { of, live: &update::empty(of), applied, manager, force, now }.run(),
    }
}

/// Credits `manager` with what differs between `old` (`None` on creation) and `new`, the object as it will be stored, and
/// returns `new` with its `managedFields`. What the new object says in `managedFields` is respected as the API server does:
/// valid entries replace the old ones, an empty list forgets all.
pub fn update(
    old: Option<&Value>,
    new: &Value,
    of: &TypeRef,
    manager: &Manager<'_>,
    now: &str,
) -> Value {
    update::run(of, old, new, manager, now)
}

/// Makes `object` equal to `live` if they differ in nothing but the times of `managedFields`.
pub fn keep_times(live: &Value, object: &mut Value) {
    update::keep_times(live, object);
}
