//! Directories in which received Git objects are kept between visits, so that a fetch transfers
//! only what is new. They lie beside the artifacts, outlive the process, and are not served.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use common::artifact::ArtifactKey;

/// The directory below that of the artifacts. The artifact server serves no names that begin with a
/// dot.
const DIRECTORY: &str = ".objects";

/// Failures in a row after which a store is begun anew. One may be the network's, and deleting what
/// was received would make the next try the harder.
const MAX_FAILURES: u32 = 2;

/// The object stores of all objects.
#[derive(Debug)]
pub(crate) struct ObjectStores {
    root: PathBuf,
    failures: Mutex<BTreeMap<ArtifactKey, Arc<AtomicU32>>>,
}

/// The object store of one object.
#[derive(Debug)]
pub(crate) struct ObjectStore {
    path: PathBuf,
    failures: Arc<AtomicU32>,
}

impl ObjectStores {
    /// Stores beside the artifacts in `storage`.
    pub(crate) fn new(storage: &Path) -> Self {
        Self { root: storage.join(DIRECTORY), failures: Mutex::default() }
    }

    /// The store of `key`, whose directory may not exist yet.
    pub(crate) fn of(&self, key: &ArtifactKey) -> ObjectStore {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = Arc::clone(failures.entry(key.clone()).or_default());
        ObjectStore { path: self.root.join(key.directory()), failures }
    }

    /// Deletes the store of an object that is gone.
    pub(crate) fn forget(&self, key: &ArtifactKey) {
        self.of(key).delete();
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl ObjectStore {
    /// Lets `work` use the directory. When it fails time and again, the directory is deleted, so that
    /// whatever is broken in it is not met any more.
    pub(crate) fn with<T, E>(&self, work: impl FnOnce(&Path) -> Result<T, E>) -> Result<T, E> {
        let result = work(&self.path);
        if result.is_ok() {
            self.failures.store(0, Ordering::Relaxed);
        } else if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_FAILURES {
            self.failures.store(0, Ordering::Relaxed);
            self.delete();
        }
        result
    }

    fn delete(&self) {
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.path.display(), "cannot delete an object store");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_kept_until_it_fails_twice_or_its_object_goes() {
        let folder = tempfile::tempdir().unwrap();
        let stores = ObjectStores::new(folder.path());
        let key = |name| ArtifactKey::new("GitRepository", "team", name).unwrap();
        let app = key("app");
        let path = stores.of(&app).path;
        assert_ne!(stores.of(&key("other")).path, path);
        let make = || fs::create_dir_all(&path).unwrap();
        let work = |result: Result<i32, i32>| stores.of(&app).with(|_| result);
        make();
        assert_eq!(work(Err(1)), Err(1));
        assert_eq!(work(Ok(2)), Ok(2));
        assert_eq!(work(Err(3)), Err(3));
        assert!(path.exists());
        assert_eq!(work(Err(4)), Err(4));
        assert!(!path.exists());
        make();
        stores.forget(&app);
        assert!(!path.exists());
    }
}
