//! Where a build reads from. The engine itself does no I/O.

mod dir;
mod memory;
#[cfg(test)]
mod tests;

pub use dir::{DirFiles, Limits};
pub use memory::MemoryFiles;

use std::path::{Component, Path, PathBuf};

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct FileError {
    /// What was tried and what happened.
    pub message: String,
    /// Whether the path is missing, forbidden, or over a limit.
    pub problem: FileProblem,
}

/// What a caller may want to know about a [`FileError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FileProblem {
    /// There is nothing at this path.
    Missing,
    /// The path leads out of what may be read.
    Forbidden,
    /// The file is too large, or too many were read.
    Limit,
    /// Reading failed.
    Io,
}

/// A tree of files. Paths are absolute (`/` is the root of what can be seen) and may hold `..`.
pub trait Files {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> Result<Vec<u8>, FileError>;

    /// What a path leads to, links followed; `None` if to nothing that can be seen.
    fn kind(&self, path: &Path) -> Option<FileKind>;

    /// The names in a directory, sorted.
    fn list(&self, path: &Path) -> Result<Vec<String>, FileError>;

    /// The path with all links and `..` resolved.
    fn canonical(&self, path: &Path) -> Result<PathBuf, FileError>;

    /// Whether the path itself is a link.
    fn is_link(&self, _path: &Path) -> bool {
        false
    }
}

impl<F: Files + ?Sized> Files for &F {
    fn read(&self, path: &Path) -> Result<Vec<u8>, FileError> {
        (**self).read(path)
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        (**self).kind(path)
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, FileError> {
        (**self).list(path)
    }

    fn canonical(&self, path: &Path) -> Result<PathBuf, FileError> {
        (**self).canonical(path)
    }

    fn is_link(&self, path: &Path) -> bool {
        (**self).is_link(path)
    }
}

/// `filepath.Join` and `Clean`: `..` and `.` taken out without looking at the files; never above the root.
pub(crate) fn join(base: &Path, path: &str) -> PathBuf {
    clean(&base.join(path.trim_start_matches('/')))
}

/// An absolute path without `.` and `..`.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::Normal(name) => out.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    out
}

/// `filepath.Join` of relative paths, where leading `..` stay.
pub(crate) fn join_relative(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
