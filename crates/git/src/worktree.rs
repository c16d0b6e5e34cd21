//! The files of a local repository as they are now, committed or not.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::{Component, Path, PathBuf},
};

use gix::{
    bstr::{BStr, ByteSlice as _},
    objs::Kind as ObjectKind,
    worktree::stack::state::ignore::Source,
};

use crate::{
    CheckoutOptions, Error, Local, ObjectId,
    checkout::{Sparse, Target},
    error::Doing as _,
    local::Repository,
};

/// The files of a work tree that Git would commit if everything were added.
#[derive(Debug)]
pub(crate) struct Worktree {
    root: PathBuf,
    head: ObjectId,
    id: ObjectId,
    files: Vec<File>,
}

/// A file, link or submodule of a work tree.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the root.
    pub(crate) path: PathBuf,
    pub(crate) metadata: fs::Metadata,
    submodule: bool,
}

impl Worktree {
    pub(crate) fn read(repo: &gix::Repository) -> Result<Self, Error> {
        let root = repo.workdir().unwrap_or_else(|| repo.git_dir()).to_owned();
        let doing = || format!("cannot read HEAD of {}", root.display());
        let head = repo.head_commit().doing(doing)?;
        let committed = head.tree_id().doing(doing)?.detach();
        let head = head.id;
        let files = list(repo)?;
        let tree = hash(repo, &root, &files)?;
        let id = if tree == committed { head } else { tree };
        Ok(Self { root, head, id, files })
    }

    /// The commit that is checked out.
    pub(crate) fn head(&self) -> ObjectId {
        self.head
    }

    /// What names the content: the commit while nothing differs from it, else the id that the tree
    /// would have as a Git object.
    pub(crate) fn id(&self) -> ObjectId {
        self.id
    }

    /// Copies the files below `into`.
    pub(crate) fn copy(&self, into: &Path, options: &CheckoutOptions) -> Result<(), Error> {
        fs::create_dir_all(into).doing(|| format!("cannot make {}", into.display()))?;
        let sparse = Sparse::new(&options.sparse)?;
        let target = Target::new(into);
        for file in self.files.iter().filter(|file| sparse.includes(&file.path)) {
            let source = self.root.join(&file.path);
            let doing = || format!("cannot read {}", source.display());
            if let Some(parent) = file.path.parent() {
                fs::create_dir_all(into.join(parent))
                    .doing(|| format!("cannot make {}", parent.display()))?;
            }
            if file.submodule {
                if options.submodules {
                    let nested = Repository::open(&Local { path: source.clone(), worktree: true })?;
                    Self::read(nested.objects())?.copy(&into.join(&file.path), options)?;
                }
            } else if file.metadata.is_symlink() {
                target.link(
                    &file.path,
                    fs::read_link(&source).doing(doing)?.as_os_str().as_bytes(),
                )?;
            } else {
                target.file(
                    &file.path,
                    &fs::read(&source).doing(doing)?,
                    executable(&file.metadata),
                )?;
            }
        }
        sparse.check(into)
    }
}

fn executable(metadata: &fs::Metadata) -> bool {
    metadata.permissions().mode() & 0o100 != 0
}

/// Lists the files of `repo`'s work tree in the order of their paths: those in the index that exist,
/// and others that are not ignored.
pub(crate) fn list(repo: &gix::Repository) -> Result<Vec<File>, Error> {
    let Some(root) = repo.workdir() else { return Ok(Vec::new()) };
    let doing = || format!("cannot list the files of {}", root.display());
    let index = repo.index_or_empty().doing(doing)?;
    let mut ignored =
        repo.excludes(&index, None, Source::WorktreeThenIdMappingIfNotSkipped).doing(doing)?;
    let mut tracked = BTreeMap::new();
    for entry in index.entries() {
        let path = entry.path(&index).to_path().doing(doing)?.to_owned();
        tracked.insert(path, entry.mode == gix::index::entry::Mode::COMMIT);
    }
    let mut files = Vec::new();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(root.join(&directory)).doing(doing)? {
            let entry = entry.doing(doing)?;
            if entry.file_name().eq_ignore_ascii_case(".git") {
                continue;
            }
            let path = directory.join(entry.file_name());
            // A file may vanish while the directory is read; then it is not there.
            let Ok(metadata) = entry.metadata() else { continue };
            if let Some(submodule) = tracked.get(&path) {
                files.push(File { path, submodule: *submodule && metadata.is_dir(), metadata });
                continue;
            }
            let mode = if metadata.is_dir() {
                gix::index::entry::Mode::DIR
            } else {
                gix::index::entry::Mode::FILE
            };
            let excluded = ignored.at_path(&path, Some(mode)).doing(doing)?.is_excluded();
            let holds_tracked = || {
                tracked
                    .range(path.clone()..)
                    .next()
                    .is_some_and(|(first, _)| first.starts_with(&path))
            };
            if metadata.is_dir() {
                let nested = root.join(&path).join(".git").exists();
                if (!excluded && !nested) || holds_tracked() {
                    directories.push(path);
                }
            } else if !excluded && (metadata.is_file() || metadata.is_symlink()) {
                files.push(File { path, metadata, submodule: false });
            }
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

/// The id of the tree that `files` would make.
fn hash(repo: &gix::Repository, root: &Path, files: &[File]) -> Result<ObjectId, Error> {
    let index = repo.index_or_empty().doing(|| "cannot read the index".to_owned())?;
    let mut tree = Directory::default();
    for file in files {
        let source = root.join(&file.path);
        let doing = || format!("cannot read {}", source.display());
        let entry = if file.submodule {
            let nested = Repository::open(&Local { path: source.clone(), worktree: true })?;
            ("160000", Worktree::read(nested.objects())?.id())
        } else if file.metadata.is_symlink() {
            let target = fs::read_link(&source).doing(doing)?;
            ("120000", blob(repo, target.as_os_str().as_bytes())?)
        } else {
            let mode = if executable(&file.metadata) { "100755" } else { "100644" };
            match unchanged(&index, file) {
                Some(id) => (mode, id),
                None => (mode, blob(repo, &fs::read(&source).doing(doing)?)?),
            }
        };
        tree.insert(&file.path, entry);
    }
    tree.id(repo)
}

fn blob(repo: &gix::Repository, content: &[u8]) -> Result<ObjectId, Error> {
    gix::objs::compute_hash(repo.object_hash(), ObjectKind::Blob, content)
        .doing(|| "cannot hash a file".to_owned())
}

/// The id in the index of a file whose size and times are those that Git noted there, unless it was
/// written so shortly before the index that they prove nothing.
fn unchanged(index: &gix::index::State, file: &File) -> Option<ObjectId> {
    let entry = index.entry_by_path(BStr::new(file.path.as_os_str().as_bytes()))?;
    let (stat, metadata) = (&entry.stat, &file.metadata);
    let same = u64::from(stat.size) == metadata.len()
        && i64::from(stat.mtime.secs) == metadata.mtime()
        && i64::from(stat.mtime.nsecs) == metadata.mtime_nsec()
        && i64::from(stat.ctime.secs) == metadata.ctime();
    (same && i64::from(stat.mtime.secs) < index.timestamp().unix_seconds()).then_some(entry.id)
}

/// A tree object in the making.
#[derive(Debug, Default)]
struct Directory {
    directories: BTreeMap<Vec<u8>, Self>,
    files: BTreeMap<Vec<u8>, (&'static str, ObjectId)>,
}

impl Directory {
    fn insert(&mut self, path: &Path, entry: (&'static str, ObjectId)) {
        let mut parts: Vec<Vec<u8>> = path
            .components()
            .filter_map(|part| match part {
                Component::Normal(name) => Some(name.as_bytes().to_vec()),
                _ => None,
            })
            .collect();
        let Some(name) = parts.pop() else { return };
        let mut directory = self;
        for part in parts {
            directory = directory.directories.entry(part).or_default();
        }
        directory.files.insert(name, entry);
    }

    fn id(self, repo: &gix::Repository) -> Result<ObjectId, Error> {
        // Git sorts a directory as if its name ended in a slash.
        let mut entries = BTreeMap::new();
        for (name, directory) in self.directories {
            let key = [name.as_slice(), b"/"].concat();
            entries.insert(key, (name, "40000", directory.id(repo)?));
        }
        for (name, (mode, id)) in self.files {
            entries.insert(name.clone(), (name, mode, id));
        }
        let mut data = Vec::new();
        for (name, mode, id) in entries.into_values() {
            data.extend_from_slice(mode.as_bytes());
            data.push(b' ');
            data.extend_from_slice(&name);
            data.push(0);
            data.extend_from_slice(id.as_slice());
        }
        gix::objs::compute_hash(repo.object_hash(), ObjectKind::Tree, &data)
            .doing(|| "cannot hash a tree".to_owned())
    }
}
