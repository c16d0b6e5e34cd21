//! Writing a commit's files to a directory: no index, no work tree, and nothing outside of it.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, symlink},
    path::{Component, Path, PathBuf},
};

use gix::{
    bstr::{BStr, ByteSlice as _},
    objs::tree::EntryKind,
    validate,
};

use crate::{Error, ObjectId, Remote, error::Doing as _, submodules::Submodules};

/// Directories within directories; the deepest real repositories reach about 30.
const MAX_DEPTH: usize = 256;

/// Files and directories of one checkout, submodules counted separately; the largest known
/// repositories hold a few hundred thousand. A few objects that name each other many times over can
/// stand for any number.
const MAX_ENTRIES: usize = 2_000_000;

/// Bytes of all files of one checkout, for the same reason.
const MAX_BYTES: u64 = 16 << 30;

/// Bytes of one file, which is in memory while it is written.
const MAX_FILE: u64 = 1 << 30;

/// What of a commit is written, and how far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckoutOptions {
    /// Directories (or files) to write, relative to the root; everything when empty. A leading `./`
    /// is allowed. Each must exist.
    pub sparse: Vec<String>,
    /// Whether submodules are fetched and written too, recursively.
    pub submodules: bool,
}

/// Writes the tree of `commit` below `into`.
pub(crate) fn tree(
    remote: &Remote,
    repo: &gix::Repository,
    commit: ObjectId,
    into: &Path,
    options: &CheckoutOptions,
) -> Result<(), Error> {
    tree_at_depth(remote, repo, commit, (into, 0), options)
}

/// As [`tree`], `nesting` submodules deep.
pub(crate) fn tree_at_depth(
    remote: &Remote,
    repo: &gix::Repository,
    commit: ObjectId,
    (into, nesting): (&Path, usize),
    options: &CheckoutOptions,
) -> Result<(), Error> {
    let doing = || format!("cannot read the tree of commit '{commit}'");
    fs::create_dir_all(into).doing(|| format!("cannot make {}", into.display()))?;
    let sparse = Sparse::new(&options.sparse)?;
    let root = repo
        .find_commit(commit)
        .and_then(|commit| commit.tree_id().map(gix::Id::detach))
        .doing(doing)?;
    let mut walk = Walk {
        remote,
        repo,
        target: Target::new(into),
        sparse: &sparse,
        links: Vec::new(),
        entries: 0,
        bytes: 0,
    };
    walk.tree(root, Path::new(""), 0)?;
    let links = walk.links;
    if options.submodules && !links.is_empty() {
        Submodules::read(remote, repo, root)?.checkout(links, into, nesting)?;
    }
    sparse.check(into)
}

/// A submodule's place in a tree, and the commit it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Gitlink {
    pub(crate) path: PathBuf,
    pub(crate) commit: ObjectId,
}

struct Walk<'a> {
    remote: &'a Remote,
    repo: &'a gix::Repository,
    target: Target,
    sparse: &'a Sparse,
    links: Vec<Gitlink>,
    entries: usize,
    bytes: u64,
}

impl Walk<'_> {
    fn tree(&mut self, id: ObjectId, path: &Path, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::Limit(format!(
                "directories are nested more than {MAX_DEPTH} deep in the repository"
            )));
        }
        self.remote.check()?;
        let tree = self
            .repo
            .find_tree(id)
            .doing(|| format!("cannot read the tree of '{}'", path.display()))?;
        for entry in tree.iter() {
            let entry = entry.doing(|| format!("cannot read the tree of '{}'", path.display()))?;
            let path = path.join(checked(entry.filename(), entry.mode().kind())?);
            if self.sparse.touches(&path) {
                self.entry(entry.mode().kind(), entry.oid().to_owned(), &path, depth)?;
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        kind: EntryKind,
        id: ObjectId,
        path: &Path,
        depth: usize,
    ) -> Result<(), Error> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(Error::Limit(format!("the repository has more than {MAX_ENTRIES} files")));
        }
        if kind == EntryKind::Tree {
            self.target.directory(path)?;
            return self.tree(id, path, depth + 1);
        }
        if !self.sparse.includes(path) {
            return Ok(());
        }
        match kind {
            EntryKind::Blob => {
                let content = self.blob(id, path)?;
                self.target.file(path, &content, false)
            }
            EntryKind::BlobExecutable => {
                let content = self.blob(id, path)?;
                self.target.file(path, &content, true)
            }
            EntryKind::Link => {
                let content = self.blob(id, path)?;
                self.target.link(path, &content)
            }
            EntryKind::Commit => {
                self.target.directory(path)?;
                self.links.push(Gitlink { path: path.to_owned(), commit: id });
                Ok(())
            }
            EntryKind::Tree => Ok(()),
        }
    }

    fn blob(&mut self, id: ObjectId, path: &Path) -> Result<Vec<u8>, Error> {
        let doing = || format!("cannot read '{}'", path.display());
        // The size stands in front of the content, so what is too large is never unpacked.
        let size = self.repo.find_header(id).doing(doing)?.size();
        self.bytes = self.bytes.saturating_add(size);
        if size > MAX_FILE || self.bytes > MAX_BYTES {
            return Err(Error::Limit(format!(
                "'{}' is larger than {MAX_FILE} bytes, or all files together than {MAX_BYTES}",
                path.display()
            )));
        }
        let mut blob = self.repo.find_blob(id).doing(doing)?;
        Ok(blob.take_data())
    }
}

/// `name` as a path of one part, when no file system could take it for something else.
fn checked(name: &BStr, kind: EntryKind) -> Result<&Path, Error> {
    let options = validate::path::component::Options {
        protect_windows: false,
        protect_hfs: true,
        protect_ntfs: true,
    };
    let mode = (kind == EntryKind::Link).then_some(validate::path::component::Mode::Symlink);
    let refuse = || {
        Error::Invalid(format!(
            "the repository contains the dangerous name '{}'",
            name.to_str_lossy().escape_debug()
        ))
    };
    validate::path::component(name, mode, options).map_err(|_| refuse())?;
    name.to_path().ok().filter(|_| !name.contains(&0)).ok_or_else(refuse)
}

/// The directory being written. Nothing in it is ever overwritten or followed: an entry that exists
/// already, be it for a tree that lists a name twice, is an error.
#[derive(Debug)]
pub(crate) struct Target {
    root: PathBuf,
}

impl Target {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn directory(&self, path: &Path) -> Result<(), Error> {
        fs::create_dir(self.root.join(path))
            .doing(|| format!("cannot make directory '{}'", path.display()))
    }

    pub(crate) fn file(&self, path: &Path, content: &[u8], executable: bool) -> Result<(), Error> {
        let doing = || format!("cannot write file '{}'", path.display());
        let mode = if executable { 0o755 } else { 0o644 };
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(self.root.join(path))
            .doing(doing)?;
        file.write_all(content).doing(doing)
    }

    /// Makes a symlink when it stays within the root; others are left out, since whoever reads the
    /// files must never be led elsewhere.
    pub(crate) fn link(&self, path: &Path, to: &[u8]) -> Result<(), Error> {
        let Ok(to) = to.as_bstr().to_path() else { return Ok(()) };
        if !stays_inside(path, to) {
            tracing::debug!(link = %path.display(), "leaving out a symlink that leads out of the repository");
            return Ok(());
        }
        symlink(to, self.root.join(path))
            .doing(|| format!("cannot make symlink '{}'", path.display()))
    }
}

/// Whether a link at `path` to `to` stays below the root, judged by the names alone. The directories
/// above the link are no links, so `..` is counted at the beginning; behind a name, which may be
/// another link, it could lead anywhere.
fn stays_inside(path: &Path, to: &Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    let mut named = false;
    for part in to.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(_) => named = true,
            Component::ParentDir if depth > 0 && !named => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

/// The directories to check out; all of them when there are none.
#[derive(Debug)]
pub(crate) struct Sparse(Vec<PathBuf>);

impl Sparse {
    pub(crate) fn new(paths: &[String]) -> Result<Self, Error> {
        let parsed = paths.iter().map(|text| {
            let mut path = PathBuf::new();
            for part in Path::new(text).components() {
                match part {
                    Component::CurDir => {}
                    Component::Normal(name) => path.push(name),
                    Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                        return Err(Error::Invalid(format!(
                            "sparse checkout path '{text}' leaves the repository"
                        )));
                    }
                }
            }
            Ok(path)
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// Whether `path` is to be written.
    pub(crate) fn includes(&self, path: &Path) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| path.starts_with(wanted))
    }

    /// Whether `path` is to be written, or leads to something that is.
    pub(crate) fn touches(&self, path: &Path) -> bool {
        self.includes(path) || self.0.iter().any(|wanted| wanted.starts_with(path))
    }

    /// Checks that all of them came to be.
    pub(crate) fn check(&self, root: &Path) -> Result<(), Error> {
        match self.0.iter().find(|wanted| root.join(wanted).symlink_metadata().is_err()) {
            None => Ok(()),
            Some(path) => Err(Error::NotFound(format!(
                "sparse checkout dir '{}' does not exist in the repository",
                path.display()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_git_directories_or_lead_elsewhere_are_refused() {
        for name in [
            "",
            ".",
            "..",
            ".git",
            ".GIT",
            ".Git",
            "git~1",
            ".git ",
            ".git.",
            ".git::$INDEX",
            "a/b",
            ".g\u{200c}it",
            "a\0b",
        ] {
            assert!(checked(name.into(), EntryKind::Blob).is_err(), "{name:?}");
        }
        assert!(checked(".gitmodules".into(), EntryKind::Link).is_err());
        for name in [".gitignore", ".gitmodules", "git", ".github", "a b", "ü", "con"] {
            assert!(checked(name.into(), EntryKind::Blob).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn links_stay_inside() {
        let check = |path: &str, to: &str| stays_inside(Path::new(path), Path::new(to));
        assert!(check("a/link", "../b"));
        assert!(check("link", "./a/b") && check("a/b/link", "../../c/d"));
        assert!(!check("link", "a/b/other/../.."), "'other' may be a link to the root");
        assert!(!check("link", "../b"));
        assert!(!check("a/link", "../../b"));
        assert!(!check("link", "/etc/passwd"));
        assert!(!check("a/b/link", "../../../b"));
    }

    #[test]
    fn sparse_paths_select_whole_directories() {
        let sparse = Sparse::new(&["./apps/web/".to_owned(), "README.md".to_owned()]).unwrap();
        assert!(sparse.includes(Path::new("apps/web/a.yaml")));
        assert!(sparse.includes(Path::new("README.md")));
        assert!(!sparse.includes(Path::new("apps/website/a.yaml")));
        assert!(sparse.touches(Path::new("apps")) && !sparse.includes(Path::new("apps")));
        assert!(Sparse::new(&[]).unwrap().includes(Path::new("x")));
        assert!(Sparse::new(&["./".to_owned()]).unwrap().includes(Path::new("x")));
        assert!(Sparse::new(&["../x".to_owned()]).is_err());
        assert!(Sparse::new(&["/x".to_owned()]).is_err());
    }
}
