//! The objects in memory: one counter of resource versions, one shelf per kind, a bounded window of
//! recent changes per shelf for watches, consistent lists and continue tokens.
//!
//! Writers read without holding the lock, compute, and commit against the version they read; a commit
//! that lost the race is refused and tried again by its caller, as on etcd.

mod index;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Notify, watch};

pub(crate) use index::{Index, Reference};

use crate::journal::Journal;
use crate::object;

/// Where the objects of one group and plural lie. Stable for the life of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ShelfId(usize);

/// Namespace (empty for cluster-scoped kinds) and name, in list order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// One version of one object, in its storage version.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) revision: u64,
    pub(crate) value: Value,
    json: OnceLock<Bytes>,
}

/// A shared, immutable entry.
pub(crate) type Stored = Arc<Entry>;

impl Entry {
    /// Makes an entry that is not stored (dry runs, converted copies).
    pub(crate) fn new(revision: u64, value: Value) -> Stored {
        Arc::new(Self { revision, value, json: OnceLock::new() })
    }

    /// The object as JSON; made once, shared by every reader and watcher.
    pub(crate) fn json(&self) -> Bytes {
        self.json
            .get_or_init(|| serde_json::to_vec(&self.value).map(Bytes::from).unwrap_or_default())
            .clone()
    }
}

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Added,
    Modified,
    Deleted,
}

/// One entry of a shelf's window.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) action: Action,
    pub(crate) key: Key,
    /// The state after the change; for a deletion the last state with the deletion's revision.
    pub(crate) new: Stored,
    /// The state before, absent for `Added`.
    pub(crate) old: Option<Stored>,
}

#[derive(Debug)]
struct Shelf {
    name: String,
    objects: BTreeMap<Key, Stored>,
    window: VecDeque<Change>,
    /// Changes up to and including this revision have left the window.
    floor: u64,
    tip: watch::Sender<u64>,
    /// Whether the controllers want to hear of every change here.
    followed: bool,
}

/// Something the controllers should look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// An object changed, or something it controls did.
    Object(Reference),
    /// The object with this uid is gone and had dependents.
    OwnerGone(String),
}

/// Why a commit did not happen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Create: something is there already.
    Exists,
    /// Replace or remove: nothing is there.
    Missing,
    /// Replace or remove: another version is there.
    Changed,
}

#[derive(Debug, Default)]
struct Inner {
    revision: u64,
    shelves: Vec<Shelf>,
    index: Index,
    work: BTreeSet<Work>,
    /// Where the namespaces lie: a terminating one hears of every deletion in it.
    namespaces: Option<ShelfId>,
    journal: Option<Journal>,
}

/// The store. All methods are short critical sections; none of them calls out.
#[derive(Debug)]
pub(crate) struct Store {
    inner: RwLock<Inner>,
    /// Changes kept per shelf.
    window: usize,
    /// Rung when there is new work.
    bell: Arc<Notify>,
}

impl Store {
    pub(crate) fn new(window: usize) -> Self {
        Self {
            inner: RwLock::new(Inner { revision: 1, ..Inner::default() }),
            window: window.max(1),
            bell: Arc::new(Notify::new()),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shelf of that name (`plural` or `plural.group`), made when new.
    pub(crate) fn shelf(&self, name: &str) -> ShelfId {
        let mut inner = self.write();
        if let Some(at) = inner.shelves.iter().position(|s| s.name == name) {
            return ShelfId(at);
        }
        let floor = inner.revision;
        let (tip, _) = watch::channel(floor);
        inner.shelves.push(Shelf {
            name: name.to_owned(),
            objects: BTreeMap::new(),
            window: VecDeque::new(),
            floor,
            tip,
            followed: false,
        });
        ShelfId(inner.shelves.len() - 1)
    }

    /// The newest resource version.
    pub(crate) fn revision(&self) -> u64 {
        self.read().revision
    }

    pub(crate) fn get(&self, shelf: ShelfId, key: &Key) -> Option<Stored> {
        self.read().shelves.get(shelf.0)?.objects.get(key).cloned()
    }

    /// How many objects a shelf holds.
    pub(crate) fn count(&self, shelf: ShelfId) -> usize {
        self.read().shelves.get(shelf.0).map_or(0, |s| s.objects.len())
    }

    /// Every object of a shelf, or of one namespace of it, in key order, with the revision it is read at.
    pub(crate) fn list(&self, shelf: ShelfId, namespace: Option<&str>) -> (u64, Vec<Stored>) {
        let inner = self.read();
        let objects = inner.shelves.get(shelf.0).map(|s| match namespace {
            Some(namespace) => s
                .objects
                .range(Key::new(namespace, "")..)
                .take_while(|(key, _)| key.namespace == namespace)
                .map(|(_, stored)| stored.clone())
                .collect(),
            None => s.objects.values().cloned().collect(),
        });
        (inner.revision, objects.unwrap_or_default())
    }

    /// Stores a new object and returns it with its resource version.
    pub(crate) fn create(&self, shelf: ShelfId, key: Key, value: Value) -> Result<Stored, Lost> {
        let mut inner = self.write();
        if inner.shelves.get(shelf.0).is_none_or(|s| s.objects.contains_key(&key)) {
            return Err(Lost::Exists);
        }
        Ok(self.commit(&mut inner, Reference { shelf, key }, value, Action::Added))
    }

    /// Stores the next version of an object that is at `expected`.
    pub(crate) fn replace(
        &self,
        shelf: ShelfId,
        key: &Key,
        expected: u64,
        value: Value,
    ) -> Result<Stored, Lost> {
        let mut inner = self.write();
        inner.check(shelf, key, expected)?;
        Ok(self.commit(&mut inner, Reference { shelf, key: key.clone() }, value, Action::Modified))
    }

    /// Removes an object that is at `expected`; `last` is what watchers are shown.
    pub(crate) fn remove(
        &self,
        shelf: ShelfId,
        key: &Key,
        expected: u64,
        last: Value,
    ) -> Result<Stored, Lost> {
        let mut inner = self.write();
        inner.check(shelf, key, expected)?;
        Ok(self.commit(&mut inner, Reference { shelf, key: key.clone() }, last, Action::Deleted))
    }

    fn commit(&self, inner: &mut Inner, at: Reference, value: Value, action: Action) -> Stored {
        let idle = inner.work.is_empty();
        let stored = inner.commit(self.window, at, value, action);
        if idle && !inner.work.is_empty() {
            self.bell.notify_one();
        }
        stored
    }

    /// From now on every change of this shelf is work for the controllers.
    pub(crate) fn follow(&self, shelf: ShelfId) {
        if let Some(shelf) = self.write().shelves.get_mut(shelf.0) {
            shelf.followed = true;
        }
    }

    /// Names the shelf of the namespaces.
    pub(crate) fn keep_namespaces(&self, shelf: ShelfId) {
        self.write().namespaces = Some(shelf);
    }

    /// Takes everything the controllers should look at.
    pub(crate) fn take_work(&self) -> BTreeSet<Work> {
        std::mem::take(&mut self.write().work)
    }

    /// Rings when there may be work.
    pub(crate) fn bell(&self) -> Arc<Notify> {
        self.bell.clone()
    }

    /// Asks the controllers to look at an object.
    pub(crate) fn add_work(&self, reference: Reference) {
        self.write().work.insert(Work::Object(reference));
        self.bell.notify_one();
    }

    /// The revision of the newest change of a shelf, to be awaited.
    pub(crate) fn tip(&self, shelf: ShelfId) -> Option<watch::Receiver<u64>> {
        self.read().shelves.get(shelf.0).map(|s| s.tip.subscribe())
    }

    /// Changes after `since`, at most `limit`, and the revision up to which nothing is missing.
    /// `Err` holds the oldest revision a watch may still start from.
    pub(crate) fn changes(
        &self,
        shelf: ShelfId,
        since: u64,
        limit: usize,
    ) -> Result<(Vec<Change>, u64), u64> {
        let inner = self.read();
        let Some(shelf) = inner.shelves.get(shelf.0) else {
            return Ok((Vec::new(), inner.revision));
        };
        if since < shelf.floor {
            return Err(shelf.floor);
        }
        let start = shelf.window.partition_point(|c| c.revision <= since);
        let changes: Vec<Change> = shelf.window.range(start..).take(limit).cloned().collect();
        let reached = if changes.len() == limit {
            changes.last().map_or(inner.revision, |c| c.revision)
        } else {
            inner.revision
        };
        Ok((changes, reached))
    }

    /// Reads the index of uids and owners.
    pub(crate) fn with_index<R>(&self, read: impl FnOnce(&Index) -> R) -> R {
        read(&self.read().index)
    }

    /// Forgets every window, as a restarted server does: watches from before must list again.
    pub(crate) fn forget_changes(&self) {
        let mut inner = self.write();
        let revision = inner.revision;
        for shelf in &mut inner.shelves {
            shelf.window.clear();
            shelf.floor = revision;
        }
    }

    /// Every shelf's name and objects.
    pub(crate) fn dump(&self) -> Vec<(String, Vec<Stored>)> {
        let inner = self.read();
        inner
            .shelves
            .iter()
            .map(|s| (s.name.clone(), s.objects.values().cloned().collect()))
            .collect()
    }

    /// Writes every change from now on to disk, too.
    pub(crate) fn keep(&self, journal: Journal) {
        self.write().journal = Some(journal);
    }

    /// Puts an object back as it was (from disk), without a change that watches would see.
    pub(crate) fn restore(&self, shelf: ShelfId, key: Key, value: Value) {
        let mut inner = self.write();
        let revision = object::resource_version(&value).unwrap_or(0);
        inner.revision = inner.revision.max(revision);
        let now = inner.revision;
        let Some(place) = inner.shelves.get_mut(shelf.0) else { return };
        place.floor = now;
        let followed = place.followed;
        let new = Entry::new(revision, value);
        let old = place.objects.insert(key.clone(), new.clone());
        inner.index.replace(shelf, &key, old.as_deref().map(|o| &o.value), Some(&new.value));
        inner.note_work(Reference { shelf, key }, followed, Action::Added, &new.value);
    }

    /// Takes an object away (from disk).
    pub(crate) fn forget(&self, shelf: ShelfId, key: &Key, revision: u64) {
        let mut inner = self.write();
        inner.revision = inner.revision.max(revision);
        let now = inner.revision;
        let Some(place) = inner.shelves.get_mut(shelf.0) else { return };
        place.floor = now;
        let old = place.objects.remove(key);
        inner.index.replace(shelf, key, old.as_deref().map(|o| &o.value), None);
    }
}

impl Inner {
    fn check(&self, shelf: ShelfId, key: &Key, expected: u64) -> Result<(), Lost> {
        let live =
            self.shelves.get(shelf.0).and_then(|s| s.objects.get(key)).ok_or(Lost::Missing)?;
        if live.revision == expected { Ok(()) } else { Err(Lost::Changed) }
    }

    fn commit(&mut self, window: usize, at: Reference, mut value: Value, action: Action) -> Stored {
        let Reference { shelf, key } = at;
        self.revision += 1;
        let revision = self.revision;
        object::set_resource_version(&mut value, revision);
        let new = Entry::new(revision, value);
        let Some(place) = self.shelves.get_mut(shelf.0) else { return new };
        let old = if action == Action::Deleted {
            place.objects.remove(&key)
        } else {
            place.objects.insert(key.clone(), new.clone())
        };
        if let Some(journal) = &self.journal {
            match action {
                Action::Deleted => journal.gone(&place.name, &key, &new.value),
                Action::Added | Action::Modified => journal.put(&place.name, &new.value),
            }
        }
        let after = (action != Action::Deleted).then_some(&new.value);
        let followed = place.followed;
        let reference = Reference { shelf, key: key.clone() };
        self.index.replace(shelf, &key, old.as_deref().map(|o| &o.value), after);
        place.window.push_back(Change { revision, action, key, new: new.clone(), old });
        while place.window.len() > window {
            if let Some(dropped) = place.window.pop_front() {
                place.floor = dropped.revision;
            }
        }
        place.tip.send_replace(revision);
        self.note_work(reference, followed, action, &new.value);
        new
    }

    fn note_emptier_namespace(&mut self, name: &str) {
        let Some(shelf) = self.namespaces.filter(|_| !name.is_empty()) else { return };
        let key = Key::new("", name);
        let namespace = self.shelves.get(shelf.0).and_then(|s| s.objects.get(&key));
        if namespace.is_some_and(|n| object::is_deleting(&n.value)) {
            self.work.insert(Work::Object(Reference { shelf, key }));
        }
    }

    fn note_work(&mut self, reference: Reference, followed: bool, action: Action, new: &Value) {
        if action == Action::Deleted {
            self.note_emptier_namespace(&reference.key.namespace);
            if let Some(uid) = object::uid(new).filter(|uid| self.index.has_dependents(uid)) {
                self.work.insert(Work::OwnerGone(uid.to_owned()));
            }
            // Whoever waits for its dependents to go, and whoever keeps their number.
            for uid in object::owner_uids(new) {
                if let Some(owner) = self.index.by_uid(uid) {
                    self.work.insert(Work::Object(owner.clone()));
                }
            }
        }
        let new_dependent = action == Action::Added && object::owners(new).next().is_some();
        if followed || new_dependent || object::is_deleting(new) {
            self.work.insert(Work::Object(reference));
        }
        if followed
            && let Some(uid) = object::controller(new).and_then(|o| o.get("uid")?.as_str())
            && let Some(owner) = self.index.by_uid(uid)
        {
            self.work.insert(Work::Object(owner.clone()));
        }
    }
}
