//! Who is who (uid) and who belongs to whom (ownerReferences), and which objects the controllers
//! should look at next.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Key, ShelfId};
use crate::object;

/// An object by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    pub(crate) shelf: ShelfId,
    pub(crate) key: Key,
}

/// Kept in step with the shelves inside every commit.
#[derive(Debug, Default)]
pub(crate) struct Index {
    uids: BTreeMap<String, Reference>,
    dependents: BTreeMap<String, BTreeSet<Reference>>,
}

impl Index {
    /// The object with this uid.
    pub(crate) fn by_uid(&self, uid: &str) -> Option<&Reference> {
        self.uids.get(uid)
    }

    /// Objects that name this uid as an owner.
    pub(crate) fn dependents(&self, uid: &str) -> Vec<Reference> {
        self.dependents.get(uid).map(|all| all.iter().cloned().collect()).unwrap_or_default()
    }

    pub(super) fn has_dependents(&self, uid: &str) -> bool {
        self.dependents.contains_key(uid)
    }

    pub(super) fn replace(
        &mut self,
        shelf: ShelfId,
        key: &Key,
        old: Option<&Value>,
        new: Option<&Value>,
    ) {
        let old_uid = old.and_then(object::uid);
        let new_uid = new.and_then(object::uid);
        if old_uid != new_uid {
            if let Some(uid) = old_uid {
                self.uids.remove(uid);
            }
            if let Some(uid) = new_uid {
                self.uids.insert(uid.to_owned(), Reference { shelf, key: key.clone() });
            }
        }
        let before: Vec<&str> = old.map(|o| object::owner_uids(o).collect()).unwrap_or_default();
        let after: Vec<&str> = new.map(|o| object::owner_uids(o).collect()).unwrap_or_default();
        if before == after {
            return;
        }
        for uid in before {
            if let Some(set) = self.dependents.get_mut(uid) {
                set.remove(&Reference { shelf, key: key.clone() });
                if set.is_empty() {
                    self.dependents.remove(uid);
                }
            }
        }
        for uid in after {
            let reference = Reference { shelf, key: key.clone() };
            self.dependents.entry(uid.to_owned()).or_default().insert(reference);
        }
    }
}
