use crate::files::{FileError, FileKind, Files, clean};
use std::path::{Path, PathBuf};

/// A tree of files with one file put over it.
pub(super) struct Overlay<'f> {
    files: &'f dyn Files,
    path: PathBuf,
    content: Vec<u8>,
}

impl<'f> Overlay<'f> {
    /// The file's directory may be reached through links.
    pub(super) fn new(files: &'f dyn Files, path: PathBuf, content: Vec<u8>) -> Self {
        let directory = path.parent().and_then(|directory| files.canonical(directory).ok());
        let path = match (directory, path.file_name()) {
            (Some(directory), Some(name)) => directory.join(name),
            _ => path,
        };
        Self { files, path, content }
    }

    fn is_it(&self, path: &Path) -> bool {
        let path = clean(path);
        path == self.path
            || (path.file_name() == self.path.file_name()
                && path.parent().is_some_and(|directory| {
                    self.files
                        .canonical(directory)
                        .is_ok_and(|directory| Some(directory.as_path()) == self.path.parent())
                }))
    }
}

impl Files for Overlay<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, FileError> {
        if self.is_it(path) { Ok(self.content.clone()) } else { self.files.read(path) }
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        if self.is_it(path) { Some(FileKind::File) } else { self.files.kind(path) }
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, FileError> {
        let mut names = self.files.list(path)?;
        if self.files.canonical(path).ok().as_deref() == self.path.parent()
            && let Some(name) = self.path.file_name()
        {
            names.push(name.to_string_lossy().into_owned());
            names.sort();
            names.dedup();
        }
        Ok(names)
    }

    fn canonical(&self, path: &Path) -> Result<PathBuf, FileError> {
        if self.is_it(path) { Ok(self.path.clone()) } else { self.files.canonical(path) }
    }

    fn is_link(&self, path: &Path) -> bool {
        !self.is_it(path) && self.files.is_link(path)
    }
}
