//! Finding files from a kustomization's directory, and moving on to other directories.

use crate::error::{Error, ErrorKind, Result, quoted};
use crate::files::{FileError, FileKind, FileProblem, Files, clean, join};
use crate::remote::{Remote, RemoteError, RepositoryUrl};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Which files a kustomization may read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LoadRestriction {
    /// Only those in or below its own directory. Bases may be elsewhere.
    #[default]
    RootOnly,
    /// Any that the build can see.
    None,
}

/// Directories inside each other that a build follows. Go's has no limit but finds cycles; so does this.
const MAX_DEPTH: usize = 200;

/// Files of the caller, or of a fetched repository.
#[derive(Clone)]
enum Source<'a> {
    Given(&'a dyn Files),
    Fetched(Rc<dyn Files>),
}

impl Source<'_> {
    fn files(&self) -> &dyn Files {
        match self {
            Self::Given(files) => *files,
            Self::Fetched(files) => &**files,
        }
    }
}

/// Reads files as one kustomization sees them.
pub(crate) struct Loader<'a> {
    source: Source<'a>,
    remote: Option<&'a dyn Remote>,
    root: PathBuf,
    restriction: LoadRestriction,
    referrer: Option<Rc<Self>>,
    repository: Option<RepositoryUrl>,
    depth: usize,
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        let kind = match error.problem {
            FileProblem::Missing => ErrorKind::NotFound,
            FileProblem::Forbidden => ErrorKind::Forbidden,
            FileProblem::Limit => ErrorKind::Limit,
            FileProblem::Io => ErrorKind::Invalid,
        };
        Self::of(kind, error.message)
    }
}

impl<'a> Loader<'a> {
    /// Starts at a directory.
    pub(crate) fn new(
        files: &'a dyn Files,
        remote: Option<&'a dyn Remote>,
        directory: &Path,
        restriction: LoadRestriction,
    ) -> Result<Rc<Self>> {
        let source = Source::Given(files);
        let root = confirm_directory(source.files(), &clean(directory))
            .map_err(|error| error.during("must build at directory"))?;
        Ok(Rc::new(Self {
            source,
            remote,
            root,
            restriction,
            referrer: None,
            repository: None,
            depth: 0,
        }))
    }

    /// The kustomization's directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The directory's own name.
    pub(crate) fn directory_name(&self) -> String {
        self.root
            .file_name()
            .map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// Reads a file named in the kustomization.
    pub(crate) fn load(&self, path: &str) -> Result<Vec<u8>> {
        if is_url(path) {
            return self.load_url(path);
        }
        let path = if path.starts_with('/') { PathBuf::from(path) } else { join(&self.root, path) };
        let files = self.source.files();
        if self.restriction == LoadRestriction::None {
            return Ok(files.read(&path)?);
        }
        let real = files.canonical(&path)?;
        if files.kind(&real) == Some(FileKind::Directory) {
            return Err(Error::new(format!("'{}' must resolve to a file", path.display())));
        }
        if !real.parent().is_some_and(|directory| directory.starts_with(&self.root)) {
            let message = format!(
                "security; file '{}' is not in or below '{}'",
                path.display(),
                self.root.display()
            );
            return Err(Error::of(ErrorKind::Forbidden, message));
        }
        Ok(files.read(&real)?)
    }

    /// The path of a file named in the kustomization, if it is one of the caller's files.
    pub(crate) fn given(&self, path: &str) -> Option<Rc<Path>> {
        match self.source {
            Source::Given(_) if !is_url(path) => Some(join(&self.root, path).into()),
            Source::Given(_) | Source::Fetched(_) => None,
        }
    }

    /// Reads a file of text.
    pub(crate) fn load_text(&self, path: &str) -> Result<String> {
        String::from_utf8(self.load(path)?)
            .map_err(|_| Error::new(format!("'{path}' is not UTF-8 text")))
    }

    fn load_url(&self, url: &str) -> Result<Vec<u8>> {
        let Some(remote) = self.remote else {
            return Err(refused(url));
        };
        remote.file(url).map_err(|RemoteError { message, status }| match status {
            Some(_) if RepositoryUrl::parse(url).is_some() => Error::new("URL is a git repository"),
            _ => Error::of(ErrorKind::Remote, message),
        })
    }

    /// Moves on to another directory, here or in a repository.
    pub(crate) fn enter(self: &Rc<Self>, path: &str) -> Result<Rc<Self>> {
        if path.is_empty() {
            return Err(Error::new("new root cannot be empty"));
        }
        if self.depth >= MAX_DEPTH {
            return Err(Error::of(
                ErrorKind::Limit,
                format!("directories refer to each other more than {MAX_DEPTH} deep"),
            ));
        }
        if let Some(url) = RepositoryUrl::parse(path) {
            return self.enter_repository(url);
        }
        if path.starts_with('/') {
            return Err(Error::new(format!("new root '{path}' cannot be absolute")));
        }
        if path.split('/').any(|part| part != ".." && part.contains("..")) {
            let cleaned = crate::files::join_relative("", path);
            return Err(Error::new(format!(
                "path {} is ambiguous: resolves to {} after normalization, which is likely not the intended target; \
                 check for YAML indentation errors in your kustomization file",
                quoted(path),
                quoted(&cleaned)
            )));
        }
        let root = confirm_directory(self.source.files(), &join(&self.root, path))
            .map_err(|error| error.during("must build at directory"))?;
        self.refuse_cycle(&root)?;
        Ok(Rc::new(Self {
            source: self.source.clone(),
            remote: self.remote,
            root,
            restriction: self.restriction,
            referrer: Some(Rc::clone(self)),
            repository: None,
            depth: self.depth + 1,
        }))
    }

    fn enter_repository(self: &Rc<Self>, url: RepositoryUrl) -> Result<Rc<Self>> {
        let mut visited = Some(self);
        while let Some(loader) = visited {
            if let Some(before) =
                loader.repository.as_ref().filter(|before| before.raw.starts_with(&url.raw))
            {
                let message = format!(
                    "cycle detected: URI '{}' referenced by previous URI '{}'",
                    url.raw, before.raw
                );
                return Err(Error::new(message));
            }
            visited = loader.referrer.as_ref();
        }
        let Some(remote) = self.remote else {
            return Err(refused(&url.raw));
        };
        if url.is_local() && self.is_elsewhere() {
            let message = format!(
                "'{}' is on this disk, where a fetched repository may read nothing",
                url.raw
            );
            return Err(Error::of(ErrorKind::Forbidden, message));
        }
        let files =
            remote.repository(&url).map_err(|error| Error::of(ErrorKind::Remote, error.message))?;
        let root = confirm_directory(&*files, &join(Path::new("/"), &url.directory))?;
        Ok(Rc::new(Self {
            source: Source::Fetched(files),
            remote: self.remote,
            root,
            restriction: LoadRestriction::RootOnly,
            referrer: Some(Rc::clone(self)),
            repository: Some(url),
            depth: self.depth + 1,
        }))
    }

    /// Whether this directory, or one on the way to it, came over a network.
    fn is_elsewhere(&self) -> bool {
        self.repository.as_ref().is_some_and(|url| !url.is_local())
            || self.referrer.as_ref().is_some_and(|referrer| referrer.is_elsewhere())
    }

    /// A base at or above a directory that was visited on the way leads in circles.
    fn refuse_cycle(self: &Rc<Self>, candidate: &Path) -> Result<()> {
        let mut visited = Some(self);
        while let Some(loader) = visited {
            if loader.root.starts_with(candidate) {
                return Err(Error::new(format!(
                    "cycle detected: candidate root '{}' contains visited root '{}'",
                    candidate.display(),
                    loader.root.display()
                )));
            }
            if loader.repository.is_some() {
                // Roots before this one are in another tree of files.
                break;
            }
            visited = loader.referrer.as_ref();
        }
        Ok(())
    }
}

fn refused(url: &str) -> Error {
    Error::of(ErrorKind::Unsupported, format!("remote source '{url}' is not allowed in this build"))
}

pub(crate) fn is_url(path: &str) -> bool {
    path.split_once("://").is_some_and(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    })
}

fn confirm_directory(files: &dyn Files, path: &Path) -> Result<PathBuf> {
    let real = files
        .canonical(path)
        .map_err(|error| Error::from(error).during("not a valid directory"))?;
    match files.kind(&real) {
        Some(FileKind::Directory) => Ok(real),
        _ => Err(Error::new("file is not directory").during(format!("'{}'", path.display()))),
    }
}
