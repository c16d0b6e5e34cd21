//! Archives of directory trees: `tar.gz` whose bytes depend on nothing but the files.
//!
//! As the original does (fluxcd/pkg, `artifact/storage`): names are relative, owner and times are
//! zero, modes are 0600, 0700 for what is executable, and 0750 for directories; what is neither a
//! file nor a directory is left out. Entries come in order of name, a directory before what lies
//! in it, the root as `.` first. The tar stream is, byte for byte, the one that the original makes of
//! the same tree. The compressed bytes are not, since the compressor is another one; they are the
//! same for the same version of it, which the lock file pins.

use std::{
    ffi::OsString,
    fs::{self, File, Metadata},
    io::{self, Read, Write},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

use super::{
    Algorithm, Digest, Hasher,
    directories::{Directories, Recorder},
    ignore::Rules,
};

mod ustar;

const FILE_MODE: u32 = 0o600;
const EXECUTABLE_MODE: u32 = 0o700;
const DIRECTORY_MODE: u32 = 0o750;

/// The deepest directory that is archived. Deeper than any path that a system call takes.
const MAX_DEPTH: usize = 1024;

/// An archive that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file or directory cannot be read.
    #[error("cannot read {} for the archive", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The archive cannot be written.
    #[error("cannot write the archive at {}", path.display())]
    Write {
        /// The file or directory that was being added.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file has another size than a moment ago.
    #[error("{} changed while it was archived", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Directories are nested too deeply.
    #[error("{} is nested more than {MAX_DEPTH} directories deep", path.display())]
    Depth {
        /// The directory.
        path: PathBuf,
    },
}

/// Writes the archive of a directory, without what the rules leave out; returns the digests of
/// its directories.
///
/// # Errors
/// If anything in the directory cannot be read or the output cannot be written. The output is
/// then incomplete.
pub fn write(root: &Path, rules: &Rules, out: impl Write) -> Result<Directories, ArchiveError> {
    let gzip = GzEncoder::new(out, Compression::default());
    let mut writer = Writer {
        tar: ustar::Writer::new(gzip),
        root,
        rules,
        walks_ignored: rules.take_back(),
        names: Vec::new(),
        directories: Recorder::new(),
    };
    let failed = |source| ArchiveError::Write { path: root.to_owned(), source };
    writer.tar.directory(b".", DIRECTORY_MODE).map_err(failed)?;
    writer.directory(root)?;
    let gzip = writer.tar.finish().map_err(failed)?;
    gzip.finish().and_then(|mut out| out.flush()).map_err(failed)?;
    Ok(writer.directories.finish())
}

struct Writer<'a, W: Write> {
    tar: ustar::Writer<GzEncoder<W>>,
    root: &'a Path,
    rules: &'a Rules,
    walks_ignored: bool,
    /// Where the walk is, as names from the root on.
    names: Vec<String>,
    directories: Recorder,
}

impl<W: Write> Writer<'_, W> {
    /// Adds what lies in a directory; says whether that was anything.
    fn directory(&mut self, path: &Path) -> Result<bool, ArchiveError> {
        if self.names.len() >= MAX_DEPTH {
            return Err(ArchiveError::Depth { path: path.to_owned() });
        }
        let mut added = false;
        for name in sorted_names(path)? {
            let path = path.join(&name);
            // Looks at the link itself, never at what it points to.
            let metadata = fs::symlink_metadata(&path).map_err(|e| read_failed(&path, e))?;
            self.names.push(name.to_string_lossy().into_owned());
            added |= self.entry(&path, &metadata)?;
            self.names.pop();
        }
        Ok(added)
    }

    /// Adds a file or a directory; says whether anything was added.
    fn entry(&mut self, path: &Path, metadata: &Metadata) -> Result<bool, ArchiveError> {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let ignored = self.rules.ignores_names(&names, metadata.is_dir());
        let name = self.names.last().cloned().unwrap_or_default();
        if metadata.is_dir() {
            if ignored && !self.walks_ignored {
                return Ok(false);
            }
            if !ignored {
                let added = self.tar.directory(relative(self.root, path), DIRECTORY_MODE);
                added.map_err(|source| write_failed(path, source))?;
            }
            self.directories.enter(&name);
            let added = self.directory(path)?;
            if ignored && !added {
                self.directories.forget();
                return Ok(false);
            }
            self.directories.leave(&name);
            return Ok(true);
        }
        if ignored || !metadata.is_file() {
            return Ok(false);
        }
        let executable = metadata.permissions().mode() & 0o111 != 0;
        let digest = self.file(path, metadata.len(), executable)?;
        self.directories.file(&name, executable, &digest);
        Ok(true)
    }

    /// Adds a file; returns the digest of its content.
    fn file(&mut self, path: &Path, size: u64, executable: bool) -> Result<Digest, ArchiveError> {
        let file = File::open(path).map_err(|error| read_failed(path, error))?;
        let mode = if executable { EXECUTABLE_MODE } else { FILE_MODE };
        let mut content = Content::new(file, size);
        let name = relative(self.root, path);
        let appended = self.tar.file(name, mode, size, &mut content);
        match (content.fault.take(), appended) {
            (Some(Fault::Changed), _) => return Err(changed(path)),
            (Some(Fault::Read(source)), _) => return Err(read_failed(path, source)),
            (None, appended) => appended.map_err(|source| write_failed(path, source))?,
        }
        if content.has_more().map_err(|source| read_failed(path, source))? {
            return Err(changed(path));
        }
        Ok(content.hasher.finish())
    }
}

/// The name of an entry.
fn relative<'a>(root: &Path, path: &'a Path) -> &'a [u8] {
    path.strip_prefix(root).unwrap_or(path).as_os_str().as_bytes()
}

fn sorted_names(directory: &Path) -> Result<Vec<OsString>, ArchiveError> {
    let entries = fs::read_dir(directory).map_err(|error| read_failed(directory, error))?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    let mut names: Vec<_> =
        names.collect::<Result<_, _>>().map_err(|error| read_failed(directory, error))?;
    names.sort();
    Ok(names)
}

fn read_failed(path: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::Read { path: path.to_owned(), source }
}

fn write_failed(path: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::Write { path: path.to_owned(), source }
}

fn changed(path: &Path) -> ArchiveError {
    ArchiveError::Changed { path: path.to_owned() }
}

/// The content of a file: exactly as many bytes as its header says, and their digest.
struct Content {
    file: File,
    left: u64,
    hasher: Hasher,
    fault: Option<Fault>,
}

/// Why the content is not what the header says.
enum Fault {
    Changed,
    Read(io::Error),
}

impl Content {
    fn new(file: File, size: u64) -> Self {
        Self { file, left: size, hasher: Algorithm::Sha256.hasher(), fault: None }
    }

    /// Whether the file has grown since its size was taken.
    fn has_more(&mut self) -> io::Result<bool> {
        self.file.read(&mut [0]).map(|count| count > 0)
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..wanted).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        match self.file.read(buffer) {
            Ok(0) => {
                self.fault = Some(Fault::Changed);
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Ok(count) => {
                self.left = self.left.saturating_sub(count as u64);
                self.hasher.update(buffer.get(..count).unwrap_or_default());
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.fault = Some(Fault::Read(error));
                Err(kind.into())
            }
        }
    }
}

#[cfg(test)]
mod tests;
