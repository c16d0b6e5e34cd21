//! Watching what we applied: who else changes it, and what need not be asked about again.
//!
//! One watch per kind, on the metadata of objects with our labels. Writes to the status subresource
//! change neither what we applied nor what we know; our own writes are recognised by their entry in
//! `managedFields`.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::api::{Api, DynamicObject, PartialObjectMeta};
use kube::runtime::watcher::{self, Event};
use manifest::ObjectId;
use tokio::task::JoinSet;

use crate::cluster::Cluster;
use crate::discovery::Resource;
use crate::wait::api_resource;
use crate::watch;

/// Someone else changed or deleted an object with our labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The object.
    pub id: ObjectId,
    /// Its labels, which name its owner; empty when nobody saw it go.
    pub labels: BTreeMap<String, String>,
    /// It is gone.
    pub deleted: bool,
}

/// Told about foreign changes; called in line, so it must be quick.
pub type OnForeign = Arc<dyn Fn(Foreign) + Send + Sync>;

/// Watches the kinds it is told to, until it is dropped.
pub struct Tracker {
    cluster: Cluster,
    selector: String,
    on_foreign: OnForeign,
    kinds: Arc<Mutex<Kinds>>,
    watches: Mutex<JoinSet<()>>,
}

type Kinds = BTreeMap<(String, String), Kind>;

/// What is known of the objects of one kind.
#[derive(Default)]
struct Kind {
    synced: bool,
    objects: BTreeMap<ObjectId, Tracked>,
    relisted: BTreeSet<ObjectId>,
}

/// An object as the watch showed it last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tracked {
    uid: String,
    /// The resource version since which nothing but its status changed.
    since: u64,
    /// Everything but the status, and the part of it that others wrote.
    all: u64,
    foreign: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tracker {
    /// A tracker of the objects with these labels (a selector) that `cluster` applies.
    pub fn new(cluster: &Cluster, selector: &str, on_foreign: OnForeign) -> Self {
        Self {
            cluster: cluster.clone(),
            selector: selector.to_owned(),
            on_foreign,
            kinds: Arc::default(),
            watches: Mutex::default(),
        }
    }

    /// Begins to watch these kinds, as far as they are not watched yet.
    pub fn follow<'a>(&self, resources: impl IntoIterator<Item = &'a Resource>) {
        for resource in resources {
            let key = (resource.group.clone(), resource.kind.clone());
            let mut kinds = lock(&self.kinds);
            if !resource.watchable || kinds.contains_key(&key) {
                continue;
            }
            kinds.insert(key.clone(), Kind::default());
            drop(kinds);
            lock(&self.watches).spawn(self.watch(resource.clone(), key));
        }
    }

    /// Whether nobody changed the object since it had this resource version, as far as the watch
    /// tells; `false` when it cannot tell.
    pub(crate) fn is_unchanged_since(&self, id: &ObjectId, version: &str) -> bool {
        let kinds = lock(&self.kinds);
        let kind = kinds.get(&(id.group.clone(), id.kind.clone()));
        let Some(kind) = kind.filter(|kind| kind.synced) else { return false };
        match (kind.objects.get(id), version.parse::<u64>()) {
            (Some(tracked), Ok(version)) => tracked.since <= version,
            _ => false,
        }
    }

    /// Whether the watch shows the object.
    pub(crate) fn shows(&self, id: &ObjectId) -> bool {
        let kinds = lock(&self.kinds);
        let kind = kinds.get(&(id.group.clone(), id.kind.clone()));
        kind.is_some_and(|kind| kind.objects.contains_key(id))
    }

    fn watch(&self, resource: Resource, key: (String, String)) -> impl Future<Output = ()> + use<> {
        let api: Api<PartialObjectMeta<DynamicObject>> =
            Api::all_with(self.cluster.client().clone(), &api_resource(&resource));
        let selector = self.selector.clone();
        let mut events = watch::follow(move |config| {
            let config = config.labels(&selector);
            watcher::watcher(api.clone(), config).boxed()
        });
        let (kinds, on_foreign) = (Arc::clone(&self.kinds), Arc::clone(&self.on_foreign));
        let manager = self.cluster.manager().to_owned();
        async move {
            while let Some(event) = events.next().await {
                let foreign = {
                    let mut kinds = lock(&kinds);
                    kinds.entry(key.clone()).or_default().take(event, &resource, &manager)
                };
                for foreign in foreign {
                    on_foreign(foreign);
                }
            }
        }
    }
}

impl Kind {
    /// Files an event; answers the foreign changes in it.
    fn take(
        &mut self,
        event: Event<PartialObjectMeta<DynamicObject>>,
        resource: &Resource,
        manager: &str,
    ) -> Vec<Foreign> {
        match event {
            Event::Init => {
                self.relisted.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                self.relisted.insert(id(resource, &object.metadata));
                self.changed(resource, object.metadata, manager)
            }
            Event::Apply(object) => self.changed(resource, object.metadata, manager),
            Event::Delete(object) => {
                let id = id(resource, &object.metadata);
                self.objects.remove(&id);
                let labels = object.metadata.labels.unwrap_or_default();
                vec![Foreign { id, labels, deleted: true }]
            }
            Event::InitDone => {
                let relisted = std::mem::take(&mut self.relisted);
                self.synced = true;
                let gone = self.objects.extract_if(.., |id, _| !relisted.contains(id));
                let foreign = |(id, _)| Foreign { id, labels: BTreeMap::new(), deleted: true };
                gone.map(foreign).collect()
            }
        }
    }

    fn changed(
        &mut self,
        resource: &Resource,
        metadata: ObjectMeta,
        manager: &str,
    ) -> Vec<Foreign> {
        let id = id(resource, &metadata);
        let mut tracked = Tracked::of(&metadata, manager);
        let before = self.objects.get(&id);
        if let Some(before) = before
            && (&before.uid, before.all) == (&tracked.uid, tracked.all)
        {
            tracked.since = before.since;
        }
        let foreign = before.is_some_and(|before| {
            before.uid != tracked.uid
                || (before.foreign != tracked.foreign && before.since < tracked.since)
        });
        self.objects.insert(id.clone(), tracked);
        if !foreign {
            return Vec::new();
        }
        vec![Foreign { id, labels: metadata.labels.unwrap_or_default(), deleted: false }]
    }
}

impl Tracked {
    fn of(metadata: &ObjectMeta, manager: &str) -> Self {
        let entries = metadata.managed_fields.iter().flatten();
        let content: Vec<&ManagedFieldsEntry> =
            entries.filter(|entry| entry.subresource.as_deref() != Some("status")).collect();
        let foreign: Vec<&ManagedFieldsEntry> = content
            .iter()
            .copied()
            .filter(|entry| entry.manager.as_deref() != Some(manager))
            .collect();
        let rest = (metadata.generation, &metadata.labels, &metadata.annotations);
        let deleting = metadata.deletion_timestamp.is_some();
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            since: metadata
                .resource_version
                .as_ref()
                .and_then(|v| v.parse().ok())
                .unwrap_or(u64::MAX),
            all: hash(&(rest, deleting, fingerprint(&content))),
            foreign: hash(&(deleting, fingerprint(&foreign))),
        }
    }
}

/// Who wrote which fields when.
fn fingerprint(entries: &[&ManagedFieldsEntry]) -> Vec<String> {
    let one = |entry: &&ManagedFieldsEntry| {
        let time = entry.time.as_ref().map(|time| time.0);
        let fields = entry.fields_v1.as_ref().map(|fields| fields.0.to_string());
        format!(
            "{:?} {:?} {:?} {time:?} {fields:?}",
            entry.manager, entry.operation, entry.subresource
        )
    };
    entries.iter().map(one).collect()
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn id(resource: &Resource, metadata: &ObjectMeta) -> ObjectId {
    ObjectId {
        group: resource.group.clone(),
        kind: resource.kind.clone(),
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource() -> Resource {
        Resource {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            plural: "configmaps".to_owned(),
            namespaced: true,
            watchable: true,
        }
    }

    fn object(
        version: &str,
        entries: &[(&str, &str, Option<&str>)],
    ) -> PartialObjectMeta<DynamicObject> {
        let entries: Vec<_> = entries
            .iter()
            .map(|(manager, fields, subresource)| {
                json!({
                    "manager": manager, "operation": "Update", "subresource": subresource,
                    "fieldsV1": {*fields: {}},
                })
            })
            .collect();
        serde_json::from_value(json!({"metadata": {
            "name": "a", "namespace": "n", "uid": "u", "resourceVersion": version,
            "labels": {"owner": "o"}, "managedFields": entries,
        }}))
        .unwrap()
    }

    /// Whether each event after the first is foreign, and since which version nothing changed.
    fn run(events: Vec<Event<PartialObjectMeta<DynamicObject>>>) -> (Vec<bool>, Option<u64>) {
        let mut kind = Kind::default();
        let foreign = events
            .into_iter()
            .map(|event| !kind.take(event, &resource(), "ours").is_empty())
            .collect();
        (foreign, kind.objects.values().next().map(|tracked| tracked.since))
    }

    #[test]
    fn own_writes_and_status_are_no_drift_and_others_are() {
        let ours = ("ours", "f:data", None);
        let (foreign, since) = run(vec![
            Event::Apply(object("5", &[ours])),
            Event::Apply(object("6", &[("ours", "f:more", None)])),
            Event::Apply(object("7", &[("ours", "f:more", None), ("c", "f:s", Some("status"))])),
        ]);
        assert_eq!((foreign, since), (vec![false, false, false], Some(6)));
        let (foreign, since) = run(vec![
            Event::Apply(object("5", &[ours])),
            Event::Apply(object("6", &[ours, ("kubectl-edit", "f:data", None)])),
        ]);
        assert_eq!((foreign, since), (vec![false, true], Some(6)));
    }

    #[test]
    fn deletion_is_drift_also_when_nobody_saw_it() {
        let there = || object("5", &[("ours", "f:data", None)]);
        let (foreign, since) = run(vec![Event::Apply(there()), Event::Delete(there())]);
        assert_eq!((foreign, since), (vec![false, true], None));
        let (foreign, since) = run(vec![Event::Apply(there()), Event::Init, Event::InitDone]);
        assert_eq!((foreign, since), (vec![false, false, true], None));
    }
}
