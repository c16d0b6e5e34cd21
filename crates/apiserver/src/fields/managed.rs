//! `metadata.managedFields`: who manages which fields, read and written.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::set::Set;
use super::walk::{has_stale_parts, reconciled};
use crate::schema::Schema;

/// How many managers of the operation Update an object keeps; older ones are merged.
const MAX_UPDATE_MANAGERS: usize = 10;

/// The name under which the oldest updates are merged.
const OLD_UPDATES: &str = "ancient-changes";

/// How a manager wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Apply,
    Update,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// What tells managers apart. Appliers are the same whatever version they apply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) manager: String,
    pub(super) operation: Operation,
    /// Empty for [`Operation::Apply`].
    pub(super) api_version: String,
    pub(super) subresource: String,
}

/// What a manager owns.
#[derive(Debug, Clone)]
pub(super) struct Owned {
    pub(super) set: Set,
    pub(super) api_version: String,
    /// RFC 3339 in whole seconds.
    pub(super) time: Option<String>,
}

/// All managers of an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Managers(pub(super) BTreeMap<Identity, Owned>);

impl Managers {
    /// Reads the managers of an object. `None` if there are none or an entry is malformed.
    pub(super) fn decode(object: &Value) -> Option<Self> {
        let entries = entries(object)?;
        let mut managers = Self::default();
        for entry in entries {
            let (identity, owned) = decode_entry(entry)?;
            managers.0.insert(identity, owned);
        }
        (!managers.0.is_empty()).then_some(managers)
    }

    /// Writes the managers into `metadata.managedFields`, or removes the field if there are none.
    pub(super) fn encode(self, object: &mut Value) {
        let mut entries: Vec<_> = self.0.into_iter().collect();
        entries.sort_by_cached_key(|(identity, owned)| {
            let Identity { operation, manager, subresource, .. } = identity.clone();
            (operation, owned.time.clone(), manager, owned.api_version.clone(), subresource)
        });
        let entries: Vec<_> =
            entries.into_iter().map(|(identity, owned)| encode_entry(identity, owned)).collect();
        remove(object);
        if entries.is_empty() {
            return;
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("managedFields".to_owned(), Value::Array(entries));
        }
    }

    /// Adapts the sets to a schema that made granular places atomic since they were written.
    pub(super) fn reconcile(&mut self, schema: &Schema) {
        for owned in self.0.values_mut() {
            if has_stale_parts(schema, &owned.set) {
                owned.set = reconciled(schema, &owned.set);
            }
        }
    }

    /// Merges the oldest updates until no more than the limit remain.
    pub(super) fn cap(&mut self) {
        let mut updaters: Vec<_> = self
            .0
            .iter()
            .filter(|(identity, _)| identity.operation == Operation::Update)
            .map(|(identity, owned)| (owned.time.clone(), identity.clone()))
            .collect();
        let Some(mut excess) =
            updaters.len().checked_sub(MAX_UPDATE_MANAGERS).filter(|excess| *excess > 0)
        else {
            return;
        };
        updaters.sort_by_key(|updater| Reverse(updater.clone()));
        let mut firsts: BTreeMap<String, Identity> = BTreeMap::new();
        while excess > 0 {
            let Some((_, identity)) = updaters.pop() else { break };
            let Some(owned) = self.0.get(&identity).cloned() else { continue };
            let Some(first) = firsts.get(&owned.api_version) else {
                firsts.insert(owned.api_version, identity);
                continue;
            };
            let bucket = Identity {
                manager: OLD_UPDATES.to_owned(),
                operation: Operation::Update,
                api_version: owned.api_version.clone(),
                subresource: String::new(),
            };
            if !self.0.contains_key(&bucket)
                && let Some(first) = self.0.remove(first)
            {
                self.0.insert(bucket.clone(), first);
            }
            self.0.remove(&identity);
            if let Some(merged) = self.0.get_mut(&bucket) {
                merged.set = merged.set.union(&owned.set);
                merged.time = owned.time;
            }
            excess -= 1;
        }
    }
}

/// The raw entries, if the object has the field.
fn entries(object: &Value) -> Option<&Vec<Value>> {
    object.get("metadata")?.get("managedFields")?.as_array()
}

/// True if a writer asks to forget all managers: an empty list, or one empty entry.
pub(super) fn asks_for_reset(object: &Value) -> bool {
    match entries(object).map(Vec::as_slice) {
        Some([]) => true,
        Some([only]) => only.as_object().is_some_and(Map::is_empty),
        _ => false,
    }
}

/// A copy of an object without `metadata.managedFields`, which can be the larger part of it.
pub(super) fn without(object: &Value) -> Value {
    let Value::Object(fields) = object else { return object.clone() };
    let copy = |(name, value): (&String, &Value)| match value {
        Value::Object(metadata) if name == "metadata" => {
            let kept = metadata.iter().filter(|(name, _)| *name != "managedFields");
            (
                name.clone(),
                Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect()),
            )
        }
        other => (name.clone(), other.clone()),
    };
    Value::Object(fields.iter().map(copy).collect())
}

/// Removes `metadata.managedFields`.
pub(super) fn remove(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

fn decode_entry(entry: &Value) -> Option<(Identity, Owned)> {
    let text = |key| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let operation = match text("operation").as_str() {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    let api_version = text("apiVersion");
    if api_version.is_empty() || text("fieldsType") != "FieldsV1" {
        return None;
    }
    let set = match entry.get("fieldsV1") {
        None | Some(Value::Null) => Set::new(),
        Some(fields) => Set::decode(fields)?,
    };
    let identity = Identity {
        manager: text("manager"),
        operation,
        api_version: if operation == Operation::Apply {
            String::new()
        } else {
            api_version.clone()
        },
        subresource: text("subresource"),
    };
    let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
    Some((identity, Owned { set, api_version, time }))
}

fn encode_entry(identity: Identity, owned: Owned) -> Value {
    let mut entry = Map::new();
    let mut set = |key: &str, value: Value| entry.insert(key.to_owned(), value);
    set("manager", identity.manager.into());
    set("operation", identity.operation.as_str().into());
    set("apiVersion", owned.api_version.into());
    set("fieldsType", "FieldsV1".into());
    set("fieldsV1", owned.set.encode());
    if let Some(time) = owned.time {
        set("time", time.into());
    }
    if !identity.subresource.is_empty() {
        set("subresource", identity.subresource.into());
    }
    Value::Object(entry)
}
