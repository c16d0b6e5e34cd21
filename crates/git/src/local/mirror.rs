//! A plain folder, kept as a repository of its own.

use std::{
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use gix::{
    bstr::BString,
    hash::Kind,
    objs::{Commit, Tree, tree},
    refs::transaction::PreviousValue,
};

use crate::{Error, ObjectId, error::Doing as _};

/// The most files of a folder; a folder of configuration has thousands at most.
const MOST_FILES: usize = 100_000;
/// The most bytes of one file.
const MOST_BYTES: u64 = 64 << 20;
/// The deepest nesting of folders.
const MOST_DEPTH: usize = 64;

/// A bare repository whose one branch holds the files of a folder as they were at the last
/// [`Mirror::update`].
///
/// A commit has no parents and always the same author and time, so equal files have the equal
/// commit: starting again changes no revision.
#[derive(Debug)]
pub struct Mirror {
    folder: PathBuf,
    repository: gix::Repository,
    stamp: ObjectId,
}

impl Mirror {
    /// The branch that holds the files.
    pub const BRANCH: &'static str = "main";

    /// Makes a repository in the empty directory `repository` and takes the files of `folder` over.
    ///
    /// # Errors
    /// When either cannot be read or written, or the folder is above the limits.
    pub fn new(folder: &Path, repository: &Path) -> Result<Self, Error> {
        let doing = || format!("cannot make a repository in {}", repository.display());
        let repository = gix::init_bare(repository).doing(doing)?;
        let mut mirror =
            Self { folder: folder.to_owned(), repository, stamp: ObjectId::null(Kind::Sha1) };
        mirror.update()?;
        Ok(mirror)
    }

    /// Commits the files when a name, size or time among them changed; says whether one did.
    ///
    /// # Errors
    /// As [`Mirror::new`].
    pub fn update(&mut self) -> Result<bool, Error> {
        let files = Listing::of(&self.folder)?;
        let stamp = files.stamp();
        if stamp == self.stamp {
            return Ok(false);
        }
        let tree = self.write(&files)?;
        let author = gix::actor::Signature {
            name: "weir".into(),
            email: "weir@localhost".into(),
            time: gix::date::Time::default(),
        };
        let commit = Commit {
            tree,
            parents: std::iter::empty().collect(),
            author: author.clone(),
            committer: author,
            encoding: None,
            message: "The files of the folder".into(),
            extra_headers: Vec::new(),
        };
        let doing = || format!("cannot commit the files of {}", self.folder.display());
        let id = self.repository.write_object(&commit).doing(doing)?;
        let branch = format!("refs/heads/{}", Self::BRANCH);
        self.repository.reference(branch, id, PreviousValue::Any, "update").doing(doing)?;
        self.stamp = stamp;
        Ok(true)
    }

    /// Writes a folder as a tree object, its files as blobs.
    fn write(&self, listing: &Listing) -> Result<ObjectId, Error> {
        let mut entries = Vec::new();
        for (name, folder) in &listing.folders {
            let oid = self.write(folder)?;
            entries.push(tree::Entry {
                mode: tree::EntryKind::Tree.into(),
                filename: name.clone(),
                oid,
            });
        }
        for file in &listing.files {
            let doing = || format!("cannot read {}", file.path.display());
            let (kind, content) = match file.kind {
                FileKind::Link => {
                    let target = fs::read_link(&file.path).doing(doing)?;
                    (tree::EntryKind::Link, target.as_os_str().as_bytes().to_vec())
                }
                FileKind::Program => {
                    (tree::EntryKind::BlobExecutable, fs::read(&file.path).doing(doing)?)
                }
                FileKind::Plain => (tree::EntryKind::Blob, fs::read(&file.path).doing(doing)?),
            };
            let oid = self.repository.write_blob(content).doing(doing)?.detach();
            entries.push(tree::Entry { mode: kind.into(), filename: file.name.clone(), oid });
        }
        entries.sort();
        let doing = || "cannot write a tree".to_owned();
        Ok(self.repository.write_object(&Tree { entries }).doing(doing)?.detach())
    }
}

/// The content of a folder by name.
#[derive(Debug, Default)]
struct Listing {
    folders: Vec<(BString, Self)>,
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    name: BString,
    path: PathBuf,
    kind: FileKind,
    size: u64,
    modified: u128,
}

#[derive(Debug, Clone, Copy)]
enum FileKind {
    Plain,
    Program,
    Link,
}

impl Listing {
    fn of(folder: &Path) -> Result<Self, Error> {
        let mut room = MOST_FILES;
        Self::read(folder, 0, &mut room)
    }

    fn read(folder: &Path, depth: usize, room: &mut usize) -> Result<Self, Error> {
        let doing = || format!("cannot list {}", folder.display());
        if depth > MOST_DEPTH {
            return Err(io::Error::other(format!("folders nest deeper than {MOST_DEPTH}")))
                .doing(doing);
        }
        let mut entries =
            fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).doing(doing)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut listing = Self::default();
        for entry in entries {
            let (name, path) = (entry.file_name(), entry.path());
            // Neither Git's own files nor ours are part of a folder's content.
            if name == ".git" || name == ".weir" {
                continue;
            }
            let name = BString::from(name.as_bytes());
            // A file may vanish while the directory is read; then it is not there.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                let inner = Self::read(&path, depth + 1, room)?;
                if !(inner.folders.is_empty() && inner.files.is_empty()) {
                    listing.folders.push((name, inner));
                }
            } else if let Some(file) = File::of(name, path, &metadata).doing(doing)? {
                *room = room.checked_sub(1).ok_or_else(|| {
                    Error::NotFound(format!(
                        "{} has more than {MOST_FILES} files",
                        folder.display()
                    ))
                })?;
                listing.files.push(file);
            }
        }
        Ok(listing)
    }

    /// A digest of names, sizes and times.
    fn stamp(&self) -> ObjectId {
        let mut hasher = gix::hash::hasher(Kind::Sha1);
        self.hash(&mut hasher);
        hasher.try_finalize().unwrap_or_else(|_| ObjectId::null(Kind::Sha1))
    }

    fn hash(&self, hasher: &mut gix::hash::Hasher) {
        for (name, folder) in &self.folders {
            hasher.update(name);
            hasher.update(b"/");
            folder.hash(hasher);
        }
        for file in &self.files {
            hasher.update(&file.name);
            hasher.update(&[0, file.kind as u8]);
            hasher.update(&file.size.to_le_bytes());
            hasher.update(&file.modified.to_le_bytes());
        }
        hasher.update(b"..");
    }
}

impl File {
    /// The file, or nothing for a socket and its like.
    fn of(name: BString, path: PathBuf, metadata: &fs::Metadata) -> io::Result<Option<Self>> {
        let kind = if metadata.is_symlink() {
            FileKind::Link
        } else if !metadata.is_file() {
            return Ok(None);
        } else if metadata.permissions().mode() & 0o100 != 0 {
            FileKind::Program
        } else {
            FileKind::Plain
        };
        if metadata.len() > MOST_BYTES {
            return Err(io::Error::other(format!(
                "{} is larger than {MOST_BYTES} bytes",
                path.display()
            )));
        }
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Some(Self { name, path, kind, size: metadata.len(), modified: modified.as_nanos() }))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Mirror;
    use crate::{CheckoutOptions, Local, Reference, Remote};

    #[test]
    fn a_folder_becomes_commits_that_depend_on_nothing_but_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("apps/.git")).unwrap();
        fs::write(folder.path().join("apps/.git/HEAD"), "no").unwrap();
        fs::write(folder.path().join("apps/one.yaml"), "a: 1\n").unwrap();
        fs::write(folder.path().join("apps.yaml"), "b: 1\n").unwrap();
        let open = || {
            let repository = tempfile::tempdir().unwrap();
            let mirror = Mirror::new(folder.path(), repository.path()).unwrap();
            (repository, mirror)
        };
        let ((first, mut mirror), (second, _)) = (open(), open());
        let tip = |repository: &std::path::Path| {
            let mut remote = Remote::new("https://folder.invalid/a.git".parse().unwrap());
            remote.local = Some(Local { path: repository.to_owned(), worktree: false });
            let mut connection = remote.connect().unwrap();
            let tip = connection.resolve(&Reference::branch(Mirror::BRANCH)).unwrap();
            let into = tempfile::tempdir().unwrap();
            let snapshot = connection.fetch(&tip, &into.path().join("objects")).unwrap();
            snapshot.checkout(&into.path().join("files"), &CheckoutOptions::default()).unwrap();
            (snapshot.commit().revision.clone(), into)
        };
        let (revision, files) = tip(first.path());
        assert_eq!(revision, tip(second.path()).0, "equal files have the equal revision");
        assert_eq!(fs::read_to_string(files.path().join("files/apps/one.yaml")).unwrap(), "a: 1\n");
        assert!(!files.path().join("files/apps/.git").exists());

        assert!(!mirror.update().unwrap(), "nothing changed");
        fs::write(folder.path().join("apps/one.yaml"), "a: 22\n").unwrap();
        assert!(mirror.update().unwrap());
        assert_ne!(revision, tip(first.path()).0);
    }
}
