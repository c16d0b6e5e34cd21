//! Directories in which received Git objects are kept between visits, so that a fetch transfers
//! only what is new. They go away with the process.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use runtime::Key;
use tempfile::TempDir;

/// The object stores of all objects of a kind.
#[derive(Debug, Default)]
pub(crate) struct ObjectStores {
    stores: Mutex<Stores>,
}

#[derive(Debug, Default)]
struct Stores {
    root: Option<TempDir>,
    of: BTreeMap<Key, ObjectStore>,
    made: u64,
}

/// The object store of one object.
#[derive(Debug, Clone)]
pub(crate) struct ObjectStore {
    path: Arc<PathBuf>,
}

impl ObjectStores {
    /// The store of `key`, whose directory may not exist yet.
    pub(crate) fn of(&self, key: &Key) -> io::Result<ObjectStore> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = stores.of.get(key) {
            return Ok(store.clone());
        }
        let root = match stores.root.take() {
            Some(root) => root,
            None => tempfile::Builder::new().prefix("weir-objects-").tempdir()?,
        };
        // Numbers instead of names: nothing of an object's name reaches the file system.
        stores.made += 1;
        let store = ObjectStore { path: Arc::new(root.path().join(stores.made.to_string())) };
        stores.root = Some(root);
        stores.of.insert(key.clone(), store.clone());
        Ok(store)
    }

    /// Deletes the store of an object that is gone.
    pub(crate) fn forget(&self, key: &Key) {
        let store = self.stores.lock().unwrap_or_else(PoisonError::into_inner).of.remove(key);
        if let Some(store) = store {
            store.delete();
        }
    }
}

impl ObjectStore {
    /// Lets `work` use the directory. When it fails, the directory is deleted, so that whatever is
    /// broken in it is not met again.
    pub(crate) fn with<T, E>(&self, work: impl FnOnce(&Path) -> Result<T, E>) -> Result<T, E> {
        work(&self.path).inspect_err(|_| self.delete())
    }

    fn delete(&self) {
        if let Err(error) = fs::remove_dir_all(self.path.as_path())
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
    fn a_store_is_kept_until_it_fails_or_its_object_goes() {
        let stores = ObjectStores::default();
        let key = Key::new("team", "app");
        let path = stores.of(&key).unwrap().path;
        assert_eq!(stores.of(&key).unwrap().path, path);
        assert_ne!(stores.of(&Key::new("team", "other")).unwrap().path, path);
        let make = || fs::create_dir_all(path.as_path()).unwrap();
        make();
        assert_eq!(stores.of(&key).unwrap().with(|_| Ok::<_, ()>(1)), Ok(1));
        assert!(path.exists());
        assert_eq!(stores.of(&key).unwrap().with(|_| Err::<(), _>(2)), Err(2));
        assert!(!path.exists());
        make();
        stores.forget(&key);
        assert!(!path.exists());
    }
}
