//! Lists as of an earlier revision, undone from the window: what `resourceVersionMatch=Exact` and
//! continue tokens need.

use std::collections::BTreeMap;

use super::{Key, ShelfId, Store, Stored};

/// Part of a shelf as of one revision.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) revision: u64,
    pub(crate) objects: Vec<(Key, Stored)>,
}

impl Store {
    /// A shelf (or one namespace of it) as of `revision`, from after the key `after` on.
    /// `None` when the window no longer reaches back that far.
    pub(crate) fn list_at(
        &self,
        shelf: ShelfId,
        namespace: Option<&str>,
        revision: u64,
        after: Option<&Key>,
    ) -> Option<Page> {
        let inner = self.read();
        let shelf = inner.shelves.get(shelf.0)?;
        if revision < shelf.floor {
            return None;
        }
        let mut undone: BTreeMap<&Key, Option<&Stored>> = BTreeMap::new();
        for change in shelf.window.iter().rev().take_while(|c| c.revision > revision) {
            undone.insert(&change.key, change.old.as_ref());
        }
        let wanted = |key: &Key| {
            namespace.is_none_or(|n| key.namespace == n) && after.is_none_or(|after| key > after)
        };
        let current =
            shelf.objects.iter().filter(|(key, _)| wanted(key) && !undone.contains_key(key));
        let past = undone
            .iter()
            .filter_map(|(key, old)| Some((*key, (*old)?)))
            .filter(|(key, _)| wanted(key));
        let mut objects: Vec<(Key, Stored)> =
            current.chain(past).map(|(key, stored)| (key.clone(), stored.clone())).collect();
        if !undone.is_empty() {
            objects.sort_by(|a, b| a.0.cmp(&b.0));
        }
        Some(Page { revision, objects })
    }
}
