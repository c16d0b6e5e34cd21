//! What an apply did, object by object.

use std::fmt;

use manifest::ObjectId;

use crate::inventory::Inventory;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It was not there.
    Created,
    /// It was different.
    Configured,
    /// It was as wanted.
    Unchanged,
    /// It was deleted.
    Deleted,
    /// It asks to be left alone.
    Skipped,
    /// It cannot be told.
    Unknown,
}

impl Action {
    /// The word in change sets.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
        }
    }
}

/// One object and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The object.
    pub id: ObjectId,
    /// Its API version, without the group.
    pub version: String,
    /// What happened.
    pub action: Action,
}

/// What happened to all objects, in the order it happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// The objects.
    pub entries: Vec<Entry>,
}

impl ChangeSet {
    /// All objects, those unchanged and skipped included.
    pub fn inventory(&self) -> Inventory {
        let object = |entry: &Entry| (entry.id.clone(), entry.version.clone());
        self.entries.iter().map(object).collect()
    }

    /// Only what changed.
    #[must_use]
    pub fn changed(&self) -> Self {
        let changed = |entry: &&Entry| {
            matches!(entry.action, Action::Created | Action::Configured | Action::Deleted)
        };
        Self { entries: self.entries.iter().filter(changed).cloned().collect() }
    }

    /// Whether nothing stands in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn push(&mut self, id: ObjectId, version: &str, action: Action) {
        self.entries.push(Entry { id, version: version.to_owned(), action });
    }
}

impl fmt::Display for ChangeSet {
    /// `Kind/namespace/name action`, one per line.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, entry) in self.entries.iter().enumerate() {
            let line_end = if number == 0 { "" } else { "\n" };
            write!(out, "{line_end}{} {}", entry.id, entry.action.as_str())?;
        }
        Ok(())
    }
}
