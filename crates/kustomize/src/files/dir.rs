use super::{FileError, FileKind, FileProblem, Files, clean};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How much a build may read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one file. The default is 64 MiB: far above any manifest, far below what would hurt.
    pub file_size: u64,
    /// Files read in one build. The default is 100,000.
    pub files: usize,
    /// Entries of one directory that are listed. The default is 100,000.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_size: 64 << 20, files: 100_000, entries: 100_000 }
    }
}

/// A directory on disk as the whole world: `/` is the directory, and no path, `..` or link leads out of it.
#[derive(Debug)]
pub struct DirFiles {
    root: PathBuf,
    limits: Limits,
    read: Cell<usize>,
    /// Directories that were asked for, and what is behind them: most files of a build share a few directories, and
    /// following links from the root for each is most of the work of finding it.
    directories: RefCell<HashMap<PathBuf, PathBuf>>,
    _kept: Option<Box<dyn Any + Send>>,
}

impl DirFiles {
    /// Opens a directory as a jail, with the default [`Limits`].
    ///
    /// # Errors
    /// If the directory does not exist.
    pub fn jailed(root: &Path) -> Result<Self, FileError> {
        Self::with_limits(root, Limits::default())
    }

    /// Opens a directory as a jail.
    ///
    /// # Errors
    /// If the directory does not exist.
    pub fn with_limits(root: &Path, limits: Limits) -> Result<Self, FileError> {
        let real = fs::canonicalize(root).map_err(|error| io(root, &error))?;
        if !real.is_dir() {
            let message = format!("'{}': file is not directory", root.display());
            return Err(FileError { message, problem: FileProblem::Io });
        }
        let directories = RefCell::default();
        Ok(Self { root: real, limits, read: Cell::new(0), directories, _kept: None })
    }

    /// Keeps a value for as long as the files are needed, such as a temporary directory that is removed with it.
    #[must_use]
    pub fn keeping(self, value: impl Any + Send) -> Self {
        Self { _kept: Some(Box::new(value)), ..self }
    }

    /// The directory itself, links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is behind a path inside, all links followed, and its real path.
    fn real(&self, path: &Path) -> Result<(PathBuf, Metadata), FileError> {
        let inside = clean(path);
        let failed = |error: std::io::Error| io(&inside, &error);
        if let (Some(parent), Some(name)) = (inside.parent(), inside.file_name()) {
            let real = self.directory(parent, &inside)?.join(name);
            let metadata = fs::symlink_metadata(&real).map_err(failed)?;
            if !metadata.is_symlink() {
                return Ok((real, metadata));
            }
        }
        let real = self.follow(&inside, &inside)?;
        let metadata = fs::metadata(&real).map_err(failed)?;
        Ok((real, metadata))
    }

    /// The real path of a directory, which is remembered; errors name `asked`.
    fn directory(&self, inside: &Path, asked: &Path) -> Result<PathBuf, FileError> {
        if let Some(known) = self.directories.borrow().get(inside) {
            return Ok(known.clone());
        }
        let real = self.follow(inside, asked)?;
        self.directories.borrow_mut().insert(inside.to_owned(), real.clone());
        Ok(real)
    }

    /// Follows all links on a path inside; errors name `asked`.
    fn follow(&self, inside: &Path, asked: &Path) -> Result<PathBuf, FileError> {
        let wanted = match inside.strip_prefix("/") {
            Ok(rest) => self.root.join(rest),
            Err(_) => self.root.clone(),
        };
        let real = fs::canonicalize(&wanted).map_err(|error| io(asked, &error))?;
        if !real.starts_with(&self.root) {
            let message =
                format!("'{}' leads out of the directory that may be read", asked.display());
            return Err(FileError { message, problem: FileProblem::Forbidden });
        }
        Ok(real)
    }

    fn inside(&self, real: &Path) -> PathBuf {
        Path::new("/").join(real.strip_prefix(&self.root).unwrap_or_else(|_| Path::new("")))
    }
}

fn io(path: &Path, error: &std::io::Error) -> FileError {
    let path = path.display();
    if error.kind() == std::io::ErrorKind::NotFound {
        let message =
            format!("evalsymlink failure on '{path}' : lstat {path}: no such file or directory");
        return FileError { message, problem: FileProblem::Missing };
    }
    FileError { message: format!("cannot read '{path}': {error}"), problem: FileProblem::Io }
}

impl Files for DirFiles {
    fn read(&self, path: &Path) -> Result<Vec<u8>, FileError> {
        let (real, metadata) = self.real(path)?;
        let count = self.read.get() + 1;
        if count > self.limits.files {
            let message = format!("more than {} files are read", self.limits.files);
            return Err(FileError { message, problem: FileProblem::Limit });
        }
        self.read.set(count);
        if metadata.is_dir() {
            let message = format!("read {}: is a directory", path.display());
            return Err(FileError { message, problem: FileProblem::Io });
        }
        if !metadata.is_file() {
            let message = format!("'{}' is neither file nor directory", path.display());
            return Err(FileError { message, problem: FileProblem::Forbidden });
        }
        let size = usize::try_from(metadata.len().min(self.limits.file_size)).unwrap_or_default();
        let mut content = Vec::with_capacity(size + 1);
        let file = fs::File::open(&real).map_err(|error| io(path, &error))?;
        file.take(self.limits.file_size + 1)
            .read_to_end(&mut content)
            .map_err(|error| io(path, &error))?;
        if content.len() as u64 > self.limits.file_size {
            let message =
                format!("'{}' is larger than {} bytes", path.display(), self.limits.file_size);
            return Err(FileError { message, problem: FileProblem::Limit });
        }
        Ok(content)
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        let (_, metadata) = self.real(path).ok()?;
        if metadata.is_dir() {
            Some(FileKind::Directory)
        } else {
            metadata.is_file().then_some(FileKind::File)
        }
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, FileError> {
        let entries = fs::read_dir(self.real(path)?.0).map_err(|error| io(path, &error))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| io(path, &error))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
            if names.len() > self.limits.entries {
                let message =
                    format!("'{}' has more than {} entries", path.display(), self.limits.entries);
                return Err(FileError { message, problem: FileProblem::Limit });
            }
        }
        names.sort();
        Ok(names)
    }

    fn canonical(&self, path: &Path) -> Result<PathBuf, FileError> {
        Ok(self.inside(&self.real(path)?.0))
    }

    fn is_link(&self, path: &Path) -> bool {
        let inside = clean(path);
        let (Some(parent), Some(name)) = (inside.parent(), inside.file_name()) else {
            return false;
        };
        let Ok(parent) = self.directory(parent, &inside) else {
            return false;
        };
        fs::symlink_metadata(parent.join(name)).is_ok_and(|metadata| metadata.is_symlink())
    }
}
