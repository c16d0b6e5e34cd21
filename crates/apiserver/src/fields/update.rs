//! Ownership by writers that do not apply: what they changed is theirs.

use serde_json::{Value, json};

use super::compare::Comparison;
use super::managed::{self, Identity, Managers, Operation, Owned};
use super::set::Set;
use super::{Manager, apply};
use crate::schema::{TypeRef, fill};

/// The fields of `metadata` and the type that nobody owns.
pub(super) fn never_owned() -> Set {
    Set::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
}

/// `new` with `managedFields` brought up to date for a write by `manager`.
pub(super) fn run(
    of: &TypeRef,
    old: Option<&Value>,
    new: &Value,
    manager: &Manager<'_>,
    now: &str,
) -> Value {
    let mut managers = match old {
        // A subresource write cannot touch managedFields.
        Some(old) if !manager.subresource.is_empty() => Managers::decode(old).unwrap_or_default(),
        _ if managed::asks_for_reset(new) => Managers::default(),
        old => Managers::decode(new).or_else(|| Managers::decode(old?)).unwrap_or_default(),
    };
    let mut new = managed::without(new);
    if managers.0.is_empty() && old.is_some() {
        // Not tracked since it was created, or reset: tracking starts with the first apply.
        return new;
    }
    let old = old.map_or_else(|| empty(of), managed::without);
    claim(&mut managers, of, (&old, &new), manager, now);
    managers.cap();
    managers.encode(&mut new);
    new
}

/// The managers of an object whose fields, all of them, one manager owns.
pub(super) fn all_fields(of: &TypeRef, object: &Value, name: &str, now: &str) -> Managers {
    let mut managers = Managers::default();
    let object = managed::without(object);
    claim(&mut managers, of, (&empty(of), &object), &Manager { name, subresource: "" }, now);
    managers
}

/// What there is before there is an object: its type, and what Go writes of a struct with nothing in it.
pub(super) fn empty(of: &TypeRef) -> Value {
    let mut object = json!({ "apiVersion": of.api_version(), "kind": of.kind() });
    fill(of, &mut object);
    object
}

fn claim(
    managers: &mut Managers,
    of: &TypeRef,
    (old, new): (&Value, &Value),
    manager: &Manager<'_>,
    now: &str,
) {
    let schema = of.schema();
    managers.reconcile(schema);
    let reset = manager.reset_fields(of);
    let identity = Identity {
        manager: manager.name_or_unknown().to_owned(),
        operation: Operation::Update,
        api_version: of.api_version().to_owned(),
        subresource: manager.subresource.to_owned(),
    };
    // The operation is a manager of its own until it is known to have changed something, so that it takes fields even from
    // earlier operations of the same name.
    let this = Identity {
        manager: String::new(),
        api_version: "current operation".to_owned(),
        ..identity.clone()
    };
    let comparison = Comparison::of(schema, old, new).without(&reset);
    let forced = apply::settle(managers, &this, &comparison, true);
    debug_assert!(forced.is_ok(), "a forced write has no conflicts");
    let set = comparison.changed().difference_with_children(&reset).difference(&never_owned());
    if set.is_empty() {
        return;
    }
    let set = match managers.0.get(&identity) {
        Some(before) => before.set.union(&set),
        None => set,
    };
    let owned = Owned { set, api_version: of.api_version().to_owned(), time: Some(now.to_owned()) };
    managers.0.insert(identity, owned);
}

/// Gives `object` the `managedFields` of `live` back if nothing but their times differs, so that a write that changes
/// nothing stores nothing.
pub(super) fn keep_times(live: &Value, object: &mut Value) {
    let entries =
        |object: &Value| object.get("metadata")?.get("managedFields")?.as_array().cloned();
    let (Some(before), Some(after)) = (entries(live), entries(object)) else { return };
    let timeless = |entry: &Value| {
        let mut entry = entry.clone();
        if let Some(entry) = entry.as_object_mut() {
            entry.remove("time");
        }
        entry
    };
    let key = |entry: &Value| entry.to_string();
    let sorted = |entries: &[Value]| {
        let mut entries: Vec<_> = entries.iter().map(timeless).collect();
        entries.sort_by_cached_key(key);
        entries
    };
    if sorted(&before) != sorted(&after) {
        return;
    }
    let mut restored = object.clone();
    if let Some(metadata) = restored.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("managedFields".to_owned(), Value::Array(before));
    }
    if restored == *live {
        *object = restored;
    }
}
