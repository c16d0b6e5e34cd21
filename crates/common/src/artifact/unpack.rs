//! Unpacks archives that others made, without trusting them.
//!
//! As in the original (fluxcd/pkg, `tar`), only files and directories are made, symlinks are
//! skipped, and anything else is an error, as is a name that leads out of the directory. Every
//! archive is read within limits, so that a small one that unpacks to a huge tree is refused
//! before it fills the disk.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Component, Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

mod reader;

use self::reader::{Entry, Reader};

/// What an archive may be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the compressed file.
    pub archive_bytes: u64,
    /// Bytes of all unpacked files together, and of what the archive says about them.
    pub unpacked_bytes: u64,
    /// Files and directories.
    pub entries: u64,
    /// Names in a path.
    pub depth: usize,
}

/// Far above every repository of manifests or chart, and far below what fills a node: 1 GiB
/// compressed, 4 GiB and 500,000 entries unpacked, 128 directories deep.
impl Default for Limits {
    fn default() -> Self {
        Self { archive_bytes: 1 << 30, unpacked_bytes: 4 << 30, entries: 500_000, depth: 128 }
    }
}

/// An archive that is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is no `tar.gz`, or it is damaged.
    #[error("cannot read the archive after entry {after:?}")]
    Read {
        /// The last entry that could be read; empty for the first.
        after: String,
        /// Why.
        source: io::Error,
    },
    /// An entry cannot be written.
    #[error("cannot write entry {entry:?} of the archive")]
    Write {
        /// The name of the entry.
        entry: String,
        /// Why.
        source: io::Error,
    },
    /// An entry is none that may be in an archive.
    #[error("entry {entry:?} of the archive {fault}")]
    Entry {
        /// The name of the entry.
        entry: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A limit is passed.
    #[error("entry {entry:?} of the archive is beyond the limit of {limit} {unit}")]
    Limit {
        /// The name of the entry.
        entry: String,
        /// The limit.
        limit: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// The directory to unpack into is not empty, or cannot be made.
    #[error("cannot unpack into {}", path.display())]
    Target {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What was unpacked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Bytes of all files.
    pub bytes: u64,
    /// Files and directories.
    pub entries: u64,
    /// Symlinks that were skipped.
    pub skipped: u64,
}

/// Unpacks a `tar.gz` into a directory, which is made if it does not exist and must be empty.
///
/// Files get the mode 0600, or 0700 if they are executable; owners and times are not kept.
///
/// # Errors
/// If the archive is damaged, has an entry that it may not have, or passes a limit. What was
/// unpacked until then stays: the caller throws the directory away.
pub fn unpack(archive: impl Read, into: &Path, limits: &Limits) -> Result<Summary, UnpackError> {
    prepare(into).map_err(|source| UnpackError::Target { path: into.to_owned(), source })?;
    let mut unpacker = Unpacker { into, limits, summary: Summary::default() };
    let mut reader = Reader::new(MultiGzDecoder::new(archive), limits.unpacked_bytes);
    while let Some(entry) = reader.next()? {
        unpacker.entry(&entry, &mut reader)?;
    }
    Ok(unpacker.summary)
}

fn prepare(into: &Path) -> io::Result<()> {
    fs::create_dir_all(into)?;
    match fs::read_dir(into)?.next() {
        None => Ok(()),
        Some(_) => Err(io::ErrorKind::DirectoryNotEmpty.into()),
    }
}

struct Unpacker<'a> {
    into: &'a Path,
    limits: &'a Limits,
    summary: Summary,
}

impl Unpacker<'_> {
    fn entry<R: Read>(&mut self, entry: &Entry, reader: &mut Reader<R>) -> Result<(), UnpackError> {
        self.summary.entries += 1;
        if self.summary.entries > self.limits.entries {
            return Err(entry.limit(self.limits.entries, "entries"));
        }
        let path = self.safe_path(entry)?;
        match entry.type_ {
            EntryType::Directory => {
                fs::create_dir_all(&path).map_err(|source| entry.write_failed(source))
            }
            EntryType::Regular | EntryType::Continuous => self.file(entry, &path, reader),
            EntryType::Symlink => {
                self.summary.skipped += 1;
                Ok(())
            }
            EntryType::Link => Err(entry.fault("is a hard link")),
            _ => Err(entry.fault("is neither a file nor a directory")),
        }
    }

    fn file<R: Read>(
        &mut self,
        entry: &Entry,
        path: &Path,
        reader: &mut Reader<R>,
    ) -> Result<(), UnpackError> {
        if path == self.into {
            return Err(entry.fault("is a file without a name"));
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| entry.write_failed(source))?;
        }
        // A later entry of the same name takes the place of an earlier one, as tar does it.
        let mode = if entry.executable { 0o700 } else { 0o600 };
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(mode).open(path);
        let mut file = file.map_err(|source| entry.write_failed(source))?;
        reader.copy_content(entry, &mut file)?;
        self.summary.bytes += entry.size;
        Ok(())
    }

    /// Where an entry goes: always inside of the directory. Nothing in it is a symlink, since the
    /// directory was empty and none is made.
    fn safe_path(&self, entry: &Entry) -> Result<PathBuf, UnpackError> {
        let mut path = self.into.to_owned();
        let mut depth = 0;
        if entry.name.is_empty() || entry.name.contains(&0) {
            return Err(entry.fault("has an invalid name"));
        }
        for component in Path::new(std::ffi::OsStr::from_bytes(&entry.name)).components() {
            match component {
                Component::Normal(name) => path.push(name),
                Component::CurDir => continue,
                Component::ParentDir => return Err(entry.fault("has a name with ..")),
                Component::RootDir | Component::Prefix(_) => {
                    return Err(entry.fault("has an absolute name"));
                }
            }
            depth += 1;
            if depth > self.limits.depth {
                return Err(entry.limit(self.limits.depth as u64, "directories"));
            }
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests;
