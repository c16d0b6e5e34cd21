//! The objects of a kind as last seen, shared between the watch, the visits and the wake-ups.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use kube::Resource;

use crate::kind::Key;

/// A shared view of all objects of one kind. Cheap to clone.
#[derive(Debug)]
pub struct Objects<K> {
    inner: Arc<RwLock<BTreeMap<Key, Arc<K>>>>,
}

impl<K> Clone for Objects<K> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K> Default for Objects<K> {
    fn default() -> Self {
        Self { inner: Arc::default() }
    }
}

impl<K: Resource> Objects<K> {
    /// The object, if it exists.
    pub fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// All objects, by namespace and name.
    pub fn list(&self) -> Vec<Arc<K>> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The keys of all objects for which `pick` says yes.
    pub fn keys_where(&self, pick: impl Fn(&K) -> bool) -> Vec<Key> {
        let objects = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        objects.iter().filter(|(_, object)| pick(object)).map(|(key, _)| key.clone()).collect()
    }

    /// Stores an object unless a newer one is there already: the answer to our own write often
    /// arrives before the watch tells of an older state.
    pub(crate) fn put(&self, key: Key, object: Arc<K>) {
        let mut objects = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let newer = objects.get(&key).is_none_or(|old| !is_older(object.as_ref(), old.as_ref()));
        if newer {
            objects.insert(key, object);
        }
    }

    /// Drops an object that is gone.
    pub(crate) fn remove(&self, key: &Key) -> Option<Arc<K>> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner).remove(key)
    }
}

/// A view of these objects, for tests of what looks at one.
impl<K: Resource> FromIterator<K> for Objects<K> {
    fn from_iter<T: IntoIterator<Item = K>>(objects: T) -> Self {
        let keyed = objects.into_iter().map(|object| (Key::of(&object), Arc::new(object)));
        Self { inner: Arc::new(RwLock::new(keyed.collect())) }
    }
}

/// Whether `candidate` is an older state of the same object than `other`. Resource versions are
/// compared as numbers, which Kubernetes promises since 1.35; what is no number counts as new.
fn is_older<K: Resource>(candidate: &K, other: &K) -> bool {
    let version =
        |object: &K| -> Option<u64> { object.meta().resource_version.as_ref()?.parse().ok() };
    candidate.meta().uid == other.meta().uid
        && matches!((version(candidate), version(other)), (Some(new), Some(old)) if new < old)
}
