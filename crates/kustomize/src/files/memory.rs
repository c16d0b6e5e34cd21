use super::{FileError, FileKind, FileProblem, Files, clean};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Files in memory. Directories exist where files are.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl MemoryFiles {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, or replaces it. The path is taken from the root, with or without a leading `/`.
    pub fn insert(&mut self, path: impl AsRef<Path>, content: impl Into<Vec<u8>>) {
        self.files.insert(clean(&Path::new("/").join(path)), content.into());
    }

    /// Takes a file away.
    pub fn remove(&mut self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        self.files.remove(&clean(&Path::new("/").join(path)))
    }

    /// All files with their paths, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().map(|(path, content)| (path.as_path(), content.as_slice()))
    }

    fn is_directory(&self, path: &Path) -> bool {
        path == Path::new("/")
            || self
                .files
                .range(path.to_owned()..)
                .find(|(file, _)| *file != path)
                .is_some_and(|(file, _)| file.starts_with(path))
            || self.files.keys().any(|file| file != path && file.starts_with(path))
    }
}

impl<P: AsRef<Path>, C: Into<Vec<u8>>> FromIterator<(P, C)> for MemoryFiles {
    fn from_iter<T: IntoIterator<Item = (P, C)>>(files: T) -> Self {
        let mut all = Self::new();
        for (path, content) in files {
            all.insert(path, content);
        }
        all
    }
}

fn missing(path: &Path) -> FileError {
    FileError {
        message: format!("'{}' doesn't exist", path.display()),
        problem: FileProblem::Missing,
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &Path) -> Result<Vec<u8>, FileError> {
        let path = clean(path);
        match self.files.get(&path) {
            Some(content) => Ok(content.clone()),
            None if self.is_directory(&path) => Err(FileError {
                message: format!("'{}' is a directory", path.display()),
                problem: FileProblem::Io,
            }),
            None => Err(missing(&path)),
        }
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        let path = clean(path);
        if self.files.contains_key(&path) {
            Some(FileKind::File)
        } else {
            self.is_directory(&path).then_some(FileKind::Directory)
        }
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, FileError> {
        let path = clean(path);
        if !self.is_directory(&path) {
            return Err(missing(&path));
        }
        let below = self.files.keys().filter_map(|file| file.strip_prefix(&path).ok());
        let names: BTreeSet<String> = below
            .filter_map(|rest| {
                Some(rest.components().next()?.as_os_str().to_string_lossy().into_owned())
            })
            .collect();
        Ok(names.into_iter().collect())
    }

    fn canonical(&self, path: &Path) -> Result<PathBuf, FileError> {
        let path = clean(path);
        if self.kind(&path).is_some() { Ok(path) } else { Err(missing(&path)) }
    }
}
