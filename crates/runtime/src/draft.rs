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
    /// A version of the object in which its status is as it was written last.
    version: Option<String>,
}

impl<K: Object> Draft<K> {
    /// The draft of an object that nobody has changed yet.
    ///
    /// # Errors
    /// When the status cannot be written as JSON.
    pub(crate) fn of(object: &K) -> Result<Self, serde_json::Error> {
        Ok(Self {
            status: object.status().cloned().unwrap_or_default(),
            written: status_of(object)?,
            version: object.meta().resource_version.clone(),
        })
    }
}

fn status_of<K: Object>(object: &K) -> Result<Map<String, Value>, serde_json::Error> {
    Ok(match object.status() {
        Some(status) => as_map(serde_json::to_value(status)?),
        None => Map::new(),
    })
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

/// Times that a write is tried again because something else of the object was changed meanwhile.
const TRIES: u32 = 5;

/// Writes a draft to the status subresource, only when something changed, one write at a time, and
/// only over the status that the visit began with: what is built on a status that another instance
/// has written since (an inventory above all) must not take its place.
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
    /// When the server refuses the patch or does not answer, and when somebody else wrote the status.
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
        let params =
            PatchParams { field_manager: Some(self.manager.clone()), ..PatchParams::default() };
        let mut tries = 1;
        loop {
            let version = self.version();
            let body = serde_json::json!({
                "metadata": {"resourceVersion": version}, "status": &patch,
            });
            match self.api.patch_status(&self.key.name, &params, &Patch::Merge(body)).await {
                Ok(object) => {
                    self.draft().version.clone_from(&object.meta().resource_version);
                    self.objects.put(self.key.clone(), Arc::new(object));
                    break;
                }
                Err(kube::Error::Api(status)) if status.code == 404 => break,
                Err(kube::Error::Api(status)) if status.code == 409 && tries < TRIES => {
                    tries += 1;
                    if !self.look_again().await? {
                        return Err(kube::Error::Api(status));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        self.draft().written = value;
        Ok(())
    }

    /// The newest version that is known to have the status that was written last.
    fn version(&self) -> Option<String> {
        let mut draft = self.draft();
        if let Some(object) = self.objects.get(&self.key)
            && object.meta().resource_version != draft.version
            && status_of(object.as_ref()).is_ok_and(|status| status == draft.written)
        {
            draft.version.clone_from(&object.meta().resource_version);
        }
        draft.version.clone()
    }

    /// Reads the object after a conflict; answers whether its status is still as it was written.
    async fn look_again(&self) -> Result<bool, kube::Error> {
        let Some(object) = self.api.get_opt(&self.key.name).await? else { return Ok(true) };
        let status = status_of(&object).map_err(kube::Error::SerdeError)?;
        let version = object.meta().resource_version.clone();
        self.objects.put(self.key.clone(), Arc::new(object));
        let mut draft = self.draft();
        let same = status == draft.written;
        if same {
            draft.version = version;
        }
        Ok(same)
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
