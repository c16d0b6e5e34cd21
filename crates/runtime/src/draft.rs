//! The status of one object as a visit changes it, and the one place that writes it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::api::Object;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Map, Value};

use crate::kind::Key;
use crate::objects::Objects;

/// Locks, and goes on with the data as it is if another thread panicked while holding the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The status as it should be, beside the status as the server has it.
pub(crate) struct Draft<K: Object> {
    pub(crate) status: K::Status,
    written: Map<String, Value>,
}

impl<K: Object> Draft<K> {
    /// The draft of an object that nobody has changed yet.
    ///
    /// # Errors
    /// When the status cannot be written as JSON.
    pub(crate) fn of(object: &K) -> Result<Self, serde_json::Error> {
        let written = match object.status() {
            Some(status) => as_map(serde_json::to_value(status)?),
            None => Map::new(),
        };
        Ok(Self { status: object.status().cloned().unwrap_or_default(), written })
    }
}

fn as_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The JSON merge patch (RFC 7386) that makes `new` of `old`; `None` when they are equal.
pub(crate) fn merge_patch(old: &Map<String, Value>, new: &Map<String, Value>) -> Option<Value> {
    let mut patch = Map::new();
    for (key, value) in new {
        match (old.get(key), value) {
            (Some(before), value) if before == value => {}
            (Some(Value::Object(before)), Value::Object(value)) => {
                if let Some(inner) = merge_patch(before, value) {
                    patch.insert(key.clone(), inner);
                }
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Writes a draft to the status subresource, only when something changed, one write at a time.
pub(crate) struct Writer<K: Object> {
    draft: Mutex<Draft<K>>,
    gate: tokio::sync::Mutex<()>,
    api: Api<K>,
    manager: String,
    key: Key,
    objects: Objects<K>,
}

impl<K: Object> Writer<K> {
    pub(crate) fn new(
        draft: Draft<K>,
        api: Api<K>,
        manager: &str,
        key: Key,
        objects: Objects<K>,
    ) -> Self {
        let (draft, gate) = (Mutex::new(draft), tokio::sync::Mutex::new(()));
        Self { draft, gate, api, manager: manager.to_owned(), key, objects }
    }

    /// The draft, to read or change; never held across an await.
    pub(crate) fn draft(&self) -> MutexGuard<'_, Draft<K>> {
        lock(&self.draft)
    }

    /// Sends what changed since the last write. An object that is gone is no error.
    ///
    /// # Errors
    /// When the server refuses the patch or does not answer.
    pub(crate) async fn write(&self) -> Result<(), kube::Error> {
        let _one_at_a_time = self.gate.lock().await;
        let (value, patch) = {
            let draft = self.draft();
            let value = serde_json::to_value(&draft.status).map_err(kube::Error::SerdeError)?;
            let value = as_map(value);
            let patch = merge_patch(&draft.written, &value);
            (value, patch)
        };
        let Some(patch) = patch else { return Ok(()) };
        let body = Patch::Merge(serde_json::json!({ "status": patch }));
        let params =
            PatchParams { field_manager: Some(self.manager.clone()), ..PatchParams::default() };
        match self.api.patch_status(&self.key.name, &params, &body).await {
            Ok(object) => self.objects.put(self.key.clone(), Arc::new(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error),
        }
        self.draft().written = value;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        as_map(value)
    }

    #[test]
    fn a_patch_names_only_what_changed() {
        let old = map(json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1, 2], "gone": true}));
        let new = map(json!({"a": 1, "b": {"c": 2, "d": 4}, "e": [1], "f": {}}));
        assert_eq!(
            merge_patch(&old, &new),
            Some(json!({"b": {"d": 4}, "e": [1], "f": {}, "gone": null}))
        );
    }

    #[test]
    fn nothing_changed_is_no_patch() {
        let status = map(json!({"conditions": [{"type": "Ready"}], "inventory": {"entries": []}}));
        assert_eq!(merge_patch(&status, &status), None);
    }
}
