//! Keeps unpacked artifacts by digest, so that many readers of one artifact fetch it once.

use std::{
    collections::VecDeque,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{
    Artifact, Digest,
    fetch::{FetchError, Fetcher, Summary},
};

/// What a cache may keep at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Artifacts.
    pub trees: usize,
    /// Bytes of all their files together.
    pub bytes: u64,
}

/// 100 artifacts and 1 GiB: a cluster's usual sources, on a node's usual disk.
impl Default for Capacity {
    fn default() -> Self {
        Self { trees: 100, bytes: 1 << 30 }
    }
}

/// An unpacked artifact. Its directory is there for as long as anyone has this; nobody may change
/// what is in it.
#[derive(Debug)]
pub struct Tree {
    directory: TempDir,
    summary: Summary,
}

impl Tree {
    /// The directory with the files.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("tree")
    }

    /// How much there is.
    pub fn summary(&self) -> Summary {
        self.summary
    }
}

type Slot = Arc<OnceCell<Arc<Tree>>>;

/// Unpacked artifacts, those that were used last.
pub struct Cache {
    fetcher: Fetcher,
    directory: PathBuf,
    capacity: Capacity,
    /// The one that was used last comes last.
    slots: Mutex<VecDeque<(Digest, Slot)>>,
}

impl Cache {
    /// An empty cache that keeps its trees below a directory of its own. What an earlier process
    /// left there is removed by whoever owns the directory.
    pub fn new(fetcher: Fetcher, directory: &Path, capacity: Capacity) -> Self {
        Self { fetcher, directory: directory.to_owned(), capacity, slots: Mutex::default() }
    }

    /// The unpacked artifact: fetched if it is not here yet, by one caller while others wait.
    ///
    /// # Errors
    /// If it cannot be fetched. The next call tries again.
    pub async fn tree(&self, artifact: &Artifact) -> Result<Arc<Tree>, FetchError> {
        let digest = artifact
            .digest()
            .map_err(|source| FetchError::NoDigest { url: artifact.url.clone(), source })?;
        let slot = self.slot(&digest);
        let tree = slot.get_or_try_init(|| self.fetch(artifact)).await.map(Arc::clone);
        // So that an empty slot counts as unused.
        drop(slot);
        self.shrink();
        tree
    }

    async fn fetch(&self, artifact: &Artifact) -> Result<Arc<Tree>, FetchError> {
        let failed = |source| FetchError::Write { path: self.directory.clone(), source };
        tokio::fs::create_dir_all(&self.directory).await.map_err(failed)?;
        let directory = TempDir::new_in(&self.directory).map_err(failed)?;
        let summary = self.fetcher.fetch(artifact, &directory.path().join("tree")).await?;
        Ok(Arc::new(Tree { directory, summary }))
    }

    /// The slot of a digest, now the one that was used last.
    fn slot(&self, digest: &Digest) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let found = slots.iter().position(|(own, _)| own == digest);
        let entry = found.and_then(|index| slots.remove(index));
        let (digest, slot) = entry.unwrap_or_else(|| (digest.clone(), Slot::default()));
        slots.push_back((digest, Arc::clone(&slot)));
        slot
    }

    /// Forgets what was not used for the longest time until the rest fits; the one used last
    /// stays. Slots that are empty and that nobody waits for go too.
    fn shrink(&self) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|(_, slot)| slot.initialized() || Arc::strong_count(slot) > 1);
        let size = |slot: &Slot| slot.get().map_or(0, |tree| tree.summary.bytes);
        let mut bytes: u64 = slots.iter().map(|(_, slot)| size(slot)).sum();
        while slots.len() > 1 && (slots.len() > self.capacity.trees || bytes > self.capacity.bytes)
        {
            if let Some((_, slot)) = slots.pop_front() {
                bytes -= size(&slot);
            }
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trees = self.slots.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Cache")
            .field("directory", &self.directory)
            .field("capacity", &self.capacity)
            .field("trees", &trees)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
