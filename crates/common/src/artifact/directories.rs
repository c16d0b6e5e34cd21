//! Digests of the directories of an artifact, so that whoever reads one part of it can tell that
//! this part did not change.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::{Algorithm, Digest};

/// The first line of the text form: what follows, and its version.
const HEADER: &str = "v1 sha256";

/// The most directories that are listed, those near the root first. The text stands in the
/// status of an object, which is kept by every watcher, so it stays below about 40 KiB.
pub const MAX_DIRECTORIES: usize = 256;

/// The longest path that is listed, in bytes.
const MAX_PATH: usize = 128;

/// The characters of a digest that are kept: 128 bits, enough for telling changes.
const DIGEST_LENGTH: usize = 32;

/// The digests of directories by path; the root is the empty path.
///
/// Not every directory need be listed: one that is not is covered by the nearest one above it,
/// whose digest changes with everything below.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directories(BTreeMap<String, String>);

impl Directories {
    /// The digest of the nearest listed directory at or above a path, such as `apps/prod`. A
    /// leading `./` and slashes at both ends do not matter; a path that leaves the root has none.
    pub fn covering(&self, path: &str) -> Option<&str> {
        let mut parts: Vec<&str> = path.split('/').filter(|p| !matches!(*p, "" | ".")).collect();
        if parts.contains(&"..") {
            return None;
        }
        loop {
            if let Some(digest) = self.0.get(&parts.join("/")) {
                return Some(digest);
            }
            parts.pop()?;
        }
    }

    /// Keeps the most important ones of all directories: those with the shortest paths.
    pub(super) fn bounded(all: BTreeMap<String, Digest>) -> Self {
        let fits = |path: &str| path.len() <= MAX_PATH && !path.contains(['\n', '\r']);
        let mut kept: Vec<_> = all.into_iter().filter(|(path, _)| fits(path)).collect();
        let depth = |path: &str| if path.is_empty() { 0 } else { path.split('/').count() };
        kept.sort_by(|(a, _), (b, _)| (depth(a), a).cmp(&(depth(b), b)));
        kept.truncate(MAX_DIRECTORIES);
        let short = |digest: Digest| format!("{:.DIGEST_LENGTH$}", digest.hex());
        Self(kept.into_iter().map(|(path, digest)| (path, short(digest))).collect())
    }
}

/// The text form: a header, then a line `<digest> <path>` for each directory.
impl fmt::Display for Directories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        self.0.iter().try_for_each(|(path, digest)| write!(f, "\n{digest} {path}"))
    }
}

/// A text that is no list of directory digests of a version that this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown form of directory digests")]
pub struct DirectoriesError;

impl FromStr for Directories {
    type Err = DirectoriesError;

    fn from_str(text: &str) -> Result<Self, DirectoriesError> {
        let mut lines = text.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(DirectoriesError);
        }
        let hex = |digest: &str| {
            digest.len() == DIGEST_LENGTH && digest.bytes().all(|b| b.is_ascii_hexdigit())
        };
        let entry = |line: &str| match line.split_once(' ') {
            Some((digest, path)) if hex(digest) => Ok((path.to_owned(), digest.to_owned())),
            _ => Err(DirectoriesError),
        };
        let entries: BTreeMap<_, _> = lines.map(entry).collect::<Result<_, _>>()?;
        if entries.len() > MAX_DIRECTORIES {
            return Err(DirectoriesError);
        }
        Ok(Self(entries))
    }
}

/// Makes the digests of directories while a tree is walked in order, each directory before what
/// lies in it.
pub(super) struct Recorder {
    open: Vec<(String, super::Hasher)>,
    done: BTreeMap<String, Digest>,
}

impl Recorder {
    pub(super) fn new() -> Self {
        let root = (String::new(), Algorithm::Sha256.hasher());
        Self { open: vec![root], done: BTreeMap::new() }
    }

    /// Goes into a directory.
    pub(super) fn enter(&mut self, name: &str) {
        let path = match self.open.last() {
            Some((above, _)) if !above.is_empty() => format!("{above}/{name}"),
            _ => name.to_owned(),
        };
        self.open.push((path, Algorithm::Sha256.hasher()));
    }

    /// Goes back out of the directory of this name.
    pub(super) fn leave(&mut self, name: &str) {
        if let Some((path, hasher)) = self.open.pop() {
            let digest = hasher.finish();
            self.add("dir", name, &digest);
            self.done.insert(path, digest);
        }
    }

    /// Goes back out of a directory that is not in the archive.
    pub(super) fn forget(&mut self) {
        self.open.pop();
    }

    /// Adds a file to the current directory.
    pub(super) fn file(&mut self, name: &str, executable: bool, content: &Digest) {
        self.add(if executable { "exe" } else { "file" }, name, content);
    }

    fn add(&mut self, kind: &str, name: &str, digest: &Digest) {
        if let Some((_, hasher)) = self.open.last_mut() {
            // A length in front keeps a name from running into what follows it.
            hasher.update(format!("{kind} {} {name} ", name.len()).as_bytes());
            hasher.update(digest.as_bytes());
        }
    }

    pub(super) fn finish(mut self) -> Directories {
        if let Some((path, hasher)) = self.open.pop() {
            self.done.insert(path, hasher.finish());
        }
        Directories::bounded(self.done)
    }
}

#[cfg(test)]
mod tests;
