//! One place on disk for equal contents, by hard links.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{CONTENT, Digest, Store, StoreError, UNFINISHED, digest_of, remove_file};

impl Store {
    /// The name of a content below `.content/`.
    pub(super) fn content_path(&self, digest: &Digest) -> PathBuf {
        let name = format!("{}-{}", digest.algorithm(), digest.hex());
        self.root.join(CONTENT).join(name)
    }

    /// Makes a place another name of a content that is there already; says whether it did. The
    /// content is verified first, so that damage does not spread.
    pub(super) fn take_content(&self, digest: &Digest, place: &Path) -> bool {
        let content = self.content_path(digest);
        if !content.is_file()
            || !digest_of(&content, digest.algorithm()).is_ok_and(|d| d == *digest)
        {
            return false;
        }
        let Some(name) = place.file_name().and_then(|name| name.to_str()) else { return false };
        let unfinished = place.with_file_name(format!("{UNFINISHED}link-{name}"));
        let linked = fs::remove_file(&unfinished)
            .or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
            .and_then(|()| fs::hard_link(&content, &unfinished))
            .and_then(|()| fs::rename(&unfinished, place));
        // Renaming one name of a file over another name of the same file does nothing.
        let left_over = fs::remove_file(&unfinished);
        tracing::trace!(?linked, ?left_over, place = %place.display(), "shared content");
        linked.is_ok()
    }

    /// Makes the file at a place the one that others with the same content share. A file system
    /// without hard links shares nothing, and that is all.
    pub(super) fn give_content(&self, digest: &Digest, place: &Path) {
        let content = self.content_path(digest);
        let given = remove_file(&content)
            .map_err(std::io::Error::other)
            .and_then(|_| fs::hard_link(place, &content));
        if let Err(error) = given {
            tracing::debug!(%error, content = %content.display(), "content is not shared");
        }
    }

    /// Removes the contents that no artifact has any more.
    pub(super) fn collect_content(&self) -> Result<(), StoreError> {
        let directory = self.root.join(CONTENT);
        let failed = |source| StoreError::Remove { path: directory.clone(), source };
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let unused = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.nlink() < 2);
            if unused {
                remove_file(&path)?;
            }
        }
        Ok(())
    }
}
