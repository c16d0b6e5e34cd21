//! Keeps artifacts below a directory, each in a file that is complete or not there.
//!
//! The layout is that of the original: `<kind>/<namespace>/<name>/<file>`. A file is written
//! beside its place under another name, synced and renamed. Files with the same content share
//! one place on disk: a second name for each lies below `.content/`, and is linked from there.
//!
//! All functions block; call them where that is allowed. Only one process writes at a time, which
//! leader election ensures; a lock file per artifact turns a mistake there into an error.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Algorithm, Artifact, ArtifactKey, Digest, Hasher,
    archive::{self, ArchiveError},
    ignore::Rules,
    unpack::{self, Limits, Summary, UnpackError},
    wire::{LOCK, is_file_name},
};
use crate::{names, time::Time};

mod content;
mod gc;

pub use gc::Collected;

/// The directory below the root with one name for each content.
const CONTENT: &str = ".content";

/// The beginning of the names of unfinished files.
const UNFINISHED: &str = ".unfinished-";

/// The mode of a stored file: nobody but the owner reads it other than by HTTP.
const FILE_MODE: u32 = 0o600;

/// How artifacts are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// Host and port, or address with scheme, that others fetch artifacts from.
    pub advertised_host: String,
    /// For how long a file is kept after it was made, if it is no longer current.
    pub retention_ttl: Duration,
    /// How many files of an object are kept, with the current one.
    pub retention_records: usize,
    /// What makes the digests of artifacts.
    pub digest_algorithm: Algorithm,
}

/// One minute, two files, sha256, and the loopback host.
impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            advertised_host: "localhost".to_owned(),
            retention_ttl: Duration::from_mins(1),
            retention_records: 2,
            digest_algorithm: Algorithm::default(),
        }
    }
}

/// Something that the store cannot do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A directory cannot be made.
    #[error("cannot make directory {}", path.display())]
    CreateDirectory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes the same artifact.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The files cannot be archived.
    #[error("cannot archive the files for {path}")]
    Archive {
        /// The path of the artifact.
        path: String,
        /// Why.
        source: ArchiveError,
    },
    /// A stored file cannot be read.
    #[error("cannot read artifact {path}")]
    Read {
        /// The path of the artifact.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write artifact {path}")]
    Write {
        /// The path of the artifact.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file or directory cannot be removed.
    #[error("cannot remove {}", path.display())]
    Remove {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A path leads out of the place that it belongs to.
    #[error("illegal path {path:?} of an artifact")]
    IllegalPath {
        /// The path.
        path: String,
    },
    /// What is stored is not what was made.
    #[error("artifact {path} {fault}")]
    Verify {
        /// The path of the artifact.
        path: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A stored archive cannot be unpacked.
    #[error("cannot unpack artifact {path}")]
    Unpack {
        /// The path of the artifact.
        path: String,
        /// Why.
        source: UnpackError,
    },
}

/// An artifact to be made.
#[derive(Debug, Clone)]
pub struct NewArtifact<'a> {
    /// Whose it is.
    pub key: &'a ArtifactKey,
    /// What it is made from.
    pub revision: &'a str,
    /// The name of its file, such as `<hash>.tar.gz`.
    pub file_name: &'a str,
    /// Further data.
    pub metadata: BTreeMap<String, String>,
    /// When it is made.
    pub now: Time,
}

/// A directory with artifacts.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    options: StoreOptions,
}

impl Store {
    /// Opens the store below a directory, which is made if it does not exist.
    ///
    /// # Errors
    /// If the directory cannot be made.
    pub fn open(root: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        create_directory(&root.join(CONTENT))?;
        Ok(Self { root: root.to_owned(), options })
    }

    /// The directory of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes an artifact of a directory, without what the rules leave out. Its metadata gets the
    /// digests of the directories in it.
    ///
    /// # Errors
    /// If the files cannot be read or the artifact cannot be written. Then nothing changed.
    pub fn archive_dir(
        &self,
        new: NewArtifact<'_>,
        directory: &Path,
        rules: &Rules,
    ) -> Result<Artifact, StoreError> {
        let path = artifact_path(&new)?;
        let (directories, written) = self.write_file(&path, |out| {
            archive::write(directory, rules, out)
                .map_err(|source| StoreError::Archive { path: path.clone(), source })
        })?;
        let mut artifact = self.artifact(new, path, &written);
        let digests = directories.to_string();
        artifact.metadata.insert(names::DIRECTORY_DIGESTS.to_owned(), digests);
        Ok(artifact)
    }

    /// Makes an artifact of bytes as they are, such as an index or a chart.
    ///
    /// # Errors
    /// If the bytes cannot be read or the artifact cannot be written. Then nothing changed.
    pub fn write(
        &self,
        new: NewArtifact<'_>,
        mut bytes: impl Read,
    ) -> Result<Artifact, StoreError> {
        let path = artifact_path(&new)?;
        let ((), written) = self.write_file(&path, |out| {
            io::copy(&mut bytes, out)
                .map(|_| ())
                .map_err(|source| StoreError::Write { path: path.clone(), source })
        })?;
        Ok(self.artifact(new, path, &written))
    }

    fn artifact(&self, new: NewArtifact<'_>, path: String, written: &Written) -> Artifact {
        Artifact {
            digest: written.digest.to_string(),
            last_update_time: new.now,
            metadata: new.metadata,
            url: self.url(&path),
            path,
            revision: new.revision.to_owned(),
            size: i64::try_from(written.size).ok(),
        }
    }

    /// The address of a path for others: below the advertised host.
    pub fn url(&self, path: &str) -> String {
        let host = self.options.advertised_host.as_str();
        let scheme = if host.contains("://") { "" } else { "http://" };
        format!("{scheme}{}/{}", host.trim_end_matches('/'), path.trim_start_matches('/'))
    }

    /// Makes the artifact's address one below the host that is advertised now; says whether it
    /// was another one.
    pub fn refresh_url(&self, artifact: &mut Artifact) -> bool {
        let url = self.url(&artifact.path);
        let changed = artifact.url != url;
        artifact.url = url;
        changed
    }

    /// Where the file of an artifact is.
    ///
    /// # Errors
    /// If the artifact's path is none of the layout.
    pub fn local_path(&self, artifact: &Artifact) -> Result<PathBuf, StoreError> {
        let names: Vec<&str> = artifact.path.split('/').collect();
        let safe = names.iter().all(|name| is_file_name(name));
        if names.len() != 4 || !safe {
            return Err(StoreError::IllegalPath { path: artifact.path.clone() });
        }
        Ok(self.root.join(&artifact.path))
    }

    /// Whether the artifact's file is there, is a regular file, and has the artifact's digest.
    ///
    /// # Errors
    /// [`StoreError::Verify`] if not, others if that cannot be told.
    pub fn verify(&self, artifact: &Artifact) -> Result<(), StoreError> {
        let fault = |fault: String| StoreError::Verify { path: artifact.path.clone(), fault };
        let expected = artifact.digest().map_err(|error| fault(format!("has an {error}")))?;
        let path = self.local_path(artifact)?;
        let read_failed = |source| StoreError::Read { path: artifact.path.clone(), source };
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(fault("is no regular file".to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(fault("is not in the storage".to_owned()));
            }
            Err(error) => return Err(read_failed(error)),
        }
        let digest = digest_of(&path, expected.algorithm()).map_err(read_failed)?;
        if digest != expected {
            return Err(fault(format!("has the digest {digest} instead of {expected}")));
        }
        Ok(())
    }

    /// Removes an artifact's file, and the content that others share with it: what failed to
    /// verify must not come back. Says whether it was there.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn discard(&self, artifact: &Artifact) -> Result<bool, StoreError> {
        let path = self.local_path(artifact)?;
        if let Ok(digest) = artifact.digest() {
            remove_file(&self.content_path(&digest))?;
        }
        remove_file(&path)
    }

    /// Removes all files of an object; says whether there were any.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn remove(&self, key: &ArtifactKey) -> Result<bool, StoreError> {
        let path = self.root.join(key.directory());
        let removed = match fs::remove_dir_all(&path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(source) => return Err(StoreError::Remove { path, source }),
        };
        self.collect_content()?;
        Ok(removed)
    }

    /// Unpacks an artifact into a directory, which must be empty or not there.
    ///
    /// # Errors
    /// If the file does not verify, is no archive, or passes a limit.
    pub fn unpack(
        &self,
        artifact: &Artifact,
        into: &Path,
        limits: &Limits,
    ) -> Result<Summary, StoreError> {
        self.verify(artifact)?;
        let path = self.local_path(artifact)?;
        let file = File::open(&path)
            .map_err(|source| StoreError::Read { path: artifact.path.clone(), source })?;
        unpack::unpack(BufReader::new(file), into, limits)
            .map_err(|source| StoreError::Unpack { path: artifact.path.clone(), source })
    }

    /// Gives an artifact a second name in its directory that later artifacts take over, such as
    /// `latest.tar.gz`; returns the address of that name.
    ///
    /// # Errors
    /// If the name cannot be part of a path, or the link cannot be made.
    pub fn link(&self, artifact: &Artifact, name: &str) -> Result<String, StoreError> {
        let path = self.local_path(artifact)?;
        let (Some(target), true) = (path.file_name(), is_file_name(name)) else {
            return Err(StoreError::IllegalPath { path: name.to_owned() });
        };
        let failed = |source| StoreError::Write { path: artifact.path.clone(), source };
        let unfinished = path.with_file_name(format!("{UNFINISHED}{name}"));
        remove_file(&unfinished)?;
        std::os::unix::fs::symlink(target, &unfinished).map_err(failed)?;
        fs::rename(&unfinished, path.with_file_name(name)).map_err(failed)?;
        let directory = artifact.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        Ok(self.url(&format!("{directory}/{name}")))
    }

    /// Writes the file at a path of the layout: all of it, or nothing.
    fn write_file<T>(
        &self,
        path: &str,
        fill: impl FnOnce(&mut Counting<BufWriter<File>>) -> Result<T, StoreError>,
    ) -> Result<(T, Written), StoreError> {
        let failed = |source| StoreError::Write { path: path.to_owned(), source };
        let place = self.root.join(path);
        let directory = place.parent().unwrap_or(&self.root);
        create_directory(directory)?;
        let _lock = lock(&place)?;

        let unfinished = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(fs::Permissions::from_mode(FILE_MODE))
            .tempfile_in(directory)
            .map_err(failed)?;
        let file = unfinished.as_file().try_clone().map_err(failed)?;
        let hasher = self.options.digest_algorithm.hasher();
        let mut out = Counting { inner: BufWriter::new(file), hasher, size: 0 };
        let filled = fill(&mut out)?;
        out.flush().map_err(failed)?;
        let written = Written { digest: out.hasher.finish(), size: out.size };

        if !self.take_content(&written.digest, &place) {
            unfinished.as_file().sync_all().map_err(failed)?;
            unfinished.persist(&place).map_err(|error| failed(error.error))?;
            self.give_content(&written.digest, &place);
        }
        // The new name must be on disk before a status speaks of it.
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        Ok((filled, written))
    }
}

/// What was written.
struct Written {
    digest: Digest,
    size: u64,
}

/// A writer that takes the digest and the size of what passes through.
struct Counting<W> {
    inner: W,
    hasher: Hasher,
    size: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or(bytes));
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn artifact_path(new: &NewArtifact<'_>) -> Result<String, StoreError> {
    let path = format!("{}/{}", new.key.directory(), new.file_name);
    if !is_file_name(new.file_name) {
        return Err(StoreError::IllegalPath { path });
    }
    Ok(path)
}

/// Takes the lock of an artifact; it is held until the file is closed.
fn lock(place: &Path) -> Result<File, StoreError> {
    let mut path = place.as_os_str().to_owned();
    path.push(LOCK);
    let path = PathBuf::from(path);
    let locked = File::create(&path).and_then(|file| match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(fs::TryLockError::Error(error)) => Err(error),
    });
    locked.map_err(|source| StoreError::Lock { path, source })
}

fn create_directory(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path)
        .map_err(|source| StoreError::CreateDirectory { path: path.to_owned(), source })
}

/// Removes a file; says whether it was there.
fn remove_file(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(StoreError::Remove { path: path.to_owned(), source }),
    }
}

fn digest_of(path: &Path, algorithm: Algorithm) -> io::Result<Digest> {
    let mut hasher = algorithm.hasher();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
