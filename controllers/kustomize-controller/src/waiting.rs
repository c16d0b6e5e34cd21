//! Which Kustomizations wait for which: whoever is held up is visited again when what it waits for has
//! been, and not before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::api::kustomize::Kustomization;
use runtime::{Key, Objects};

/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By what they wait for: those that found it not ready, or are about to look.
    held_up: BTreeMap<Key, BTreeSet<Key>>,
    /// Those that are not visited for a new revision before these have been.
    put_off: BTreeMap<Key, BTreeSet<Key>>,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `object` is about to look whether its dependencies are ready. Said before it looks, so that
    /// one that gets ready right after the look still wakes it.
    pub(crate) fn looks_at_dependencies(&self, object: &Kustomization) {
        let key = Key::of(object);
        let mut inner = self.lock();
        inner.put_off.remove(&key);
        for dependency in dependencies(object) {
            inner.held_up.entry(dependency).or_default().insert(key.clone());
        }
    }

    /// They were all ready.
    pub(crate) fn goes_on(&self, key: &Key) {
        self.lock().held_up.retain(|_, waiting| {
            waiting.remove(key);
            !waiting.is_empty()
        });
    }

    /// Of those that a new revision concerns, the ones to visit now. Those that depend on others of
    /// them follow when these have been visited.
    pub(crate) fn in_order(&self, users: Vec<Key>, objects: &Objects<Kustomization>) -> Vec<Key> {
        let waits = waits(users, objects);
        let (now, later): (Vec<_>, Vec<_>) = waits.into_iter().partition(|(_, on)| on.is_empty());
        let mut inner = self.lock();
        inner.put_off.extend(later);
        now.into_iter().map(|(key, _)| key).collect()
    }

    /// A visit of `key` is over: who is to be visited now.
    pub(crate) fn visited(&self, key: &Key, ready: bool) -> Vec<Key> {
        let mut inner = self.lock();
        let mut woken = BTreeSet::new();
        if ready {
            woken.extend(inner.held_up.remove(key).unwrap_or_default());
        }
        inner.put_off.retain(|waiting, on| {
            // What failed will not get ready by waiting for the rest: its users are to say so.
            let over = on.remove(key) && (!ready || on.is_empty());
            if over {
                woken.insert(waiting.clone());
            }
            !over
        });
        woken.into_iter().collect()
    }

    /// `key` is gone: nothing waits for it any more, nor does it for others.
    pub(crate) fn forget(&self, key: &Key) -> Vec<Key> {
        self.goes_on(key);
        self.lock().put_off.remove(key);
        self.visited(key, false)
    }
}

/// What a Kustomization depends on.
fn dependencies(object: &Kustomization) -> impl Iterator<Item = Key> {
    object.spec.depends_on.iter().map(|on| {
        let namespace = on.namespace.as_ref().or(object.metadata.namespace.as_ref());
        Key::new(namespace.cloned().unwrap_or_default(), on.name.clone())
    })
}

/// Each of `users` with those of them that it has to wait for. Those in a circle, and those behind one,
/// wait for nobody: they are to say what is wrong.
fn waits(users: Vec<Key>, objects: &Objects<Kustomization>) -> BTreeMap<Key, BTreeSet<Key>> {
    let is_visited = |object: &Kustomization| {
        !object.spec.suspend && object.metadata.deletion_timestamp.is_none()
    };
    let found: BTreeMap<Key, _> = users
        .into_iter()
        .filter_map(|key| objects.get(&key).map(|object| (key, object)))
        .filter(|(_, object)| is_visited(object))
        .collect();
    let edges = |object: &Kustomization| -> BTreeSet<Key> {
        dependencies(object).filter(|on| found.contains_key(on)).collect()
    };
    let mut waits: BTreeMap<Key, BTreeSet<Key>> =
        found.iter().map(|(key, object)| (key.clone(), edges(object))).collect();
    let mut open = waits.clone();
    loop {
        let free: Vec<Key> =
            open.iter().filter(|(_, on)| on.is_empty()).map(|(key, _)| key.clone()).collect();
        if free.is_empty() {
            break;
        }
        for key in &free {
            open.remove(key);
        }
        for on in open.values_mut() {
            on.retain(|key| !free.contains(key));
        }
    }
    for key in open.keys() {
        waits.insert(key.clone(), BTreeSet::new());
    }
    waits
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, on: &[&str]) -> Kustomization {
        let on: Vec<_> = on.iter().map(|name| json!({"name": name})).collect();
        serde_json::from_value(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "a"},
            "spec": {
                "interval": "1h", "prune": true, "dependsOn": on,
                "sourceRef": {"kind": "GitRepository", "name": "s"},
            },
        }))
        .unwrap()
    }

    fn key(name: &str) -> Key {
        Key::new("a", name)
    }

    fn keys(names: &[&str]) -> Vec<Key> {
        names.iter().map(|name| key(name)).collect()
    }

    fn objects(list: Vec<Kustomization>) -> Objects<Kustomization> {
        Objects::from_iter(list)
    }

    #[test]
    fn a_new_revision_goes_along_the_dependencies() {
        let mut resting = object("resting", &[]);
        resting.spec.suspend = true;
        let objects = objects(vec![
            object("apps", &["infra", "config", "elsewhere"]),
            object("config", &["infra"]),
            object("infra", &[]),
            object("other", &["resting"]),
            resting,
        ]);
        let waiting = Waiting::default();
        let users = keys(&["apps", "config", "infra", "other", "resting"]);
        assert_eq!(waiting.in_order(users.clone(), &objects), keys(&["infra", "other"]));
        assert_eq!(waiting.visited(&key("infra"), true), keys(&["config"]));
        assert_eq!(waiting.visited(&key("config"), true), keys(&["apps"]));
        waiting.in_order(users, &objects);
        assert_eq!(waiting.visited(&key("infra"), false), keys(&["apps", "config"]));
        assert_eq!(waiting.visited(&key("config"), true), Vec::<Key>::new());
    }

    #[test]
    fn nobody_in_or_behind_a_circle_waits_for_ever() {
        let objects = objects(vec![
            object("a", &["b"]),
            object("b", &["a"]),
            object("behind", &["a"]),
            object("self", &["self"]),
        ]);
        let waiting = Waiting::default();
        let users = keys(&["a", "b", "behind", "self"]);
        assert_eq!(waiting.in_order(users.clone(), &objects), users);
    }

    #[test]
    fn who_looks_is_woken_even_before_it_says_that_it_waits() {
        let waiting = Waiting::default();
        waiting.looks_at_dependencies(&object("apps", &["infra"]));
        assert_eq!(waiting.visited(&key("infra"), false), Vec::<Key>::new());
        assert_eq!(waiting.visited(&key("infra"), true), keys(&["apps"]));
        waiting.looks_at_dependencies(&object("apps", &["infra"]));
        waiting.goes_on(&key("apps"));
        assert_eq!(waiting.visited(&key("infra"), true), Vec::<Key>::new());
        waiting.looks_at_dependencies(&object("apps", &["infra"]));
        waiting.forget(&key("apps"));
        assert_eq!(waiting.visited(&key("infra"), true), Vec::<Key>::new());
    }
}
