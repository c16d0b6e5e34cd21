//! Charts from packages and folders.

use std::fs::FileType;
use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::{Buf as _, Bytes};
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;

use super::{Chart, File};
use crate::ignore::Rules;
use crate::{Error, Result};

/// The most a chart may unpack to, in bytes; Helm's own limit.
const MAX_CHART: u64 = 100 << 20;

/// The most files a chart may have; none comes near, and each costs memory.
const MAX_ENTRIES: usize = 20_000;

/// The longest path of a file in a package, in bytes: that of systems. Each path costs memory.
const MAX_PATH: usize = 4096;

/// The largest `.helmignore`, in bytes, and the most rules in it; each is asked about each file.
const MAX_RULES: u64 = 64 << 10;

/// Folders nested deeper than this are refused, which ends loops of symbolic links.
const MAX_DEPTH: usize = 64;

const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

fn without_mark(data: impl Into<Bytes>) -> Bytes {
    let mut data = data.into();
    if data.starts_with(BYTE_ORDER_MARK) {
        data.advance(BYTE_ORDER_MARK.len());
    }
    data
}

fn too_large() -> Error {
    Error::new(format!("decompressed chart is larger than the maximum size {MAX_CHART}"))
}

impl Chart {
    /// Loads a package (`.tgz`).
    ///
    /// # Errors
    /// When it is no gzipped tar, holds paths outside its folder, is too large, or is no chart.
    pub fn load_archive(data: &[u8]) -> Result<Self, Error> {
        Self::from_files(archive_files(data)?.files)
    }

    /// Loads a folder, honouring `.helmignore`. Symbolic links are followed, but only to what lies
    /// inside `jail`.
    ///
    /// # Errors
    /// When a file cannot be read, a link leaves the jail, or the folder is no chart.
    pub fn load_dir(dir: &Path, jail: &Path) -> Result<Self, Error> {
        Self::load_dir_telling(dir, jail, &mut |_, _| {})
    }

    /// [`Chart::load_dir`], telling of each symbolic link that is met: where it is, and what it leads to.
    ///
    /// # Errors
    /// As [`Chart::load_dir`].
    pub fn load_dir_telling(
        dir: &Path,
        jail: &Path,
        tell: &mut dyn FnMut(&Path, &Path),
    ) -> Result<Self, Error> {
        let failed = |path: &Path, error: &std::io::Error| {
            Error::new(format!("cannot read {}: {error}", path.display()))
        };
        let jail = jail.canonicalize().map_err(|e| failed(jail, &e))?;
        let root = dir.canonicalize().map_err(|e| failed(dir, &e))?;
        let shown = std::path::absolute(dir).map_err(|e| failed(dir, &e))?;
        if shown.is_symlink() {
            tell(&shown, &root);
        }
        let mut rules = ignore_rules(&root, &jail)?;
        rules.add_defaults();
        let mut folder =
            Folder { shown: &shown, jail, rules, tell, files: Vec::new(), left: MAX_CHART };
        folder.walk(&root, "", 0)?;
        Self::from_files(folder.files)
    }
}

/// The rules of a folder's `.helmignore`, if it has one.
fn ignore_rules(root: &Path, jail: &Path) -> Result<Rules> {
    const NAME: &str = ".helmignore";
    let Ok(path) = root.join(NAME).canonicalize() else { return Ok(Rules::default()) };
    if !path.starts_with(jail) {
        return Err(Error::new(format!("{NAME} is a symlink that leaves the chart's source")));
    }
    let failed = |error: std::io::Error| Error::new(format!("error reading {NAME}: {error}"));
    // Opening something else may wait for ever.
    if !std::fs::metadata(&path).map_err(failed)?.is_file() {
        return Err(irregular(NAME));
    }
    let mut data = Vec::new();
    let file = std::fs::File::open(&path).map_err(failed)?;
    file.take(MAX_RULES + 1).read_to_end(&mut data).map_err(failed)?;
    if data.len() as u64 > MAX_RULES {
        return Err(Error::new(format!("{NAME} is larger than {MAX_RULES} bytes")));
    }
    Rules::parse(&String::from_utf8_lossy(&without_mark(data)))
}

fn irregular(name: &str) -> Error {
    Error::new(format!("cannot load irregular file {name} as it has file mode type bits set"))
}

fn too_many_files() -> Error {
    Error::new(format!("the chart has more than {MAX_ENTRIES} files"))
}

/// A folder being read.
struct Folder<'f> {
    /// Where it is, links not followed.
    shown: &'f Path,
    jail: PathBuf,
    rules: Rules,
    /// Told of links.
    tell: &'f mut dyn FnMut(&Path, &Path),
    files: Vec<File>,
    left: u64,
}

impl Folder<'_> {
    fn walk(&mut self, dir: &Path, prefix: &str, depth: usize) -> Result<()> {
        let failed =
            |error: std::io::Error| Error::new(format!("cannot read {}: {error}", dir.display()));
        if depth > MAX_DEPTH {
            let folder = if prefix.is_empty() { "." } else { prefix };
            return Err(Error::new(format!(
                "folders of the chart are nested deeper than {MAX_DEPTH}: {folder}"
            )));
        }
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            entries.push((entry.file_name(), entry.file_type()));
        }
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, kind) in entries {
            let shown = name.to_string_lossy();
            let path =
                if prefix.is_empty() { shown.into_owned() } else { format!("{prefix}/{shown}") };
            self.entry(dir.join(&name), kind, &path, depth)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        mut target: PathBuf,
        kind: std::io::Result<FileType>,
        name: &str,
        depth: usize,
    ) -> Result<()> {
        let failed = |error: std::io::Error| Error::new(format!("error reading {name}: {error}"));
        let mut kind = kind.map_err(failed)?;
        if kind.is_symlink() {
            target = target
                .canonicalize()
                .map_err(|error| Error::new(format!("error evaluating symlink {name}: {error}")))?;
            (self.tell)(&self.shown.join(name), &target);
            if !target.starts_with(&self.jail) {
                return Err(Error::new(format!(
                    "{name} is a symlink that leaves the chart's source"
                )));
            }
        }
        if kind.is_symlink() {
            kind = std::fs::metadata(&target).map_err(failed)?.file_type();
        }
        if self.rules.ignores(name, kind.is_dir()) {
            return Ok(());
        }
        if kind.is_dir() {
            return self.walk(&target, name, depth + 1);
        }
        if !kind.is_file() {
            return Err(irregular(name));
        }
        if self.files.len() >= MAX_ENTRIES {
            return Err(too_many_files());
        }
        let file = std::fs::File::open(&target).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let too_large = || {
            Error::new(format!(
                "error reading {name}: chart exceeds maximum decompressed size of {MAX_CHART} bytes"
            ))
        };
        self.left = self.left.checked_sub(metadata.len()).ok_or_else(too_large)?;
        let mut data = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        // The file may grow meanwhile.
        file.take(metadata.len()).read_to_end(&mut data).map_err(failed)?;
        let modified = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        self.files.push(File {
            name: name.to_owned(),
            data: without_mark(data),
            modified: modified.map(|time| time.to_string()),
        });
        Ok(())
    }
}

/// What a package unpacks to.
pub(super) struct Package {
    /// Its files, without its top folder.
    pub(super) files: Vec<File>,
    /// The bytes that they keep in memory.
    pub(super) size: u64,
}

/// Unpacks a package.
pub(super) fn archive_files(data: &[u8]) -> Result<Package> {
    let failed = |error: std::io::Error| Error::new(format!("cannot read chart archive: {error}"));
    let unpacked = Unpacked::new(data);
    let all = unpacked.all.get_ref().clone();
    let mut archive = tar::Archive::new(unpacked);
    let mut files = Vec::new();
    let mut size = all.len() as u64;
    let mut left = MAX_CHART;
    for entry in archive.entries_with_seek().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = inner_name(&path)?;
        if files.len() >= MAX_ENTRIES {
            return Err(too_many_files());
        }
        if path.len() > MAX_PATH {
            let start: String = path.chars().take(64).collect();
            return Err(Error::new(format!(
                "the path of a file in the chart is longer than {MAX_PATH} bytes: {start:?}..."
            )));
        }
        if entry.size() > left {
            return Err(too_large());
        }
        let data = if kind.is_gnu_sparse() {
            let mut data = Vec::new();
            entry.by_ref().take(left).read_to_end(&mut data).map_err(failed)?;
            size += data.len() as u64;
            Bytes::from(data)
        } else {
            stretch(&all, &entry).ok_or_else(|| failed(ErrorKind::UnexpectedEof.into()))?
        };
        left = left.saturating_sub(data.len() as u64);
        if left == 0 {
            return Err(too_large());
        }
        files.push(File { name, data: without_mark(data), modified: modified(&mut entry) });
    }
    if files.is_empty() {
        return Err(Error::new("no files in chart archive"));
    }
    Ok(Package { files, size })
}

/// The content of an entry in what its package unpacked to.
fn stretch<R: Read>(all: &Bytes, entry: &tar::Entry<'_, R>) -> Option<Bytes> {
    let start = usize::try_from(entry.raw_file_position()).ok()?;
    let end = start.checked_add(usize::try_from(entry.size()).ok()?)?;
    (end <= all.len()).then(|| all.slice(start..end))
}

/// What a package unpacks to. All of it is in one place, of which files are stretches: unpacking is faster the more of
/// it can be done at once.
struct Unpacked {
    all: Cursor<Bytes>,
    /// Why there is no more. An error behind the last file is none to Helm, which reads no further.
    error: Option<std::io::Error>,
}

impl Unpacked {
    fn new(data: &[u8]) -> Self {
        let mut all = Vec::new();
        let mut decoder = Bounded { inner: MultiGzDecoder::new(data), left: MAX_CHART * 2 };
        let error = decoder.read_to_end(&mut all).err();
        Self { all: Cursor::new(all.into()), error }
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match (self.all.read(buffer)?, &mut self.error) {
            (0, error) if !buffer.is_empty() => error.take().map_or(Ok(0), Err),
            (count, _) => Ok(count),
        }
    }
}

impl Seek for Unpacked {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.all.seek(to)
    }
}

/// Reads no more than so many bytes: what a package unpacks to between its files has no other limit.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            std::io::Error::other(format!("it unpacks to more than {} bytes", MAX_CHART * 2))
        })?;
        Ok(count)
    }
}

/// When an entry was last changed: as its header says, or finer in an extension.
fn modified<R: Read>(entry: &mut tar::Entry<'_, R>) -> Option<String> {
    let seconds = entry.header().mtime().ok();
    let extensions = entry.pax_extensions().ok().flatten().into_iter().flatten().flatten();
    let fine = extensions
        .filter(|extension| extension.key() == Ok("mtime"))
        .find_map(|extension| extension.value().ok()?.parse::<f64>().ok());
    let time = match fine {
        Some(seconds) => {
            Timestamp::from_duration(jiff::SignedDuration::try_from_secs_f64(seconds).ok()?)
        }
        None => Timestamp::from_second(i64::try_from(seconds?).ok()?),
    };
    time.ok().map(|time| time.to_string())
}

/// The path of an archive's entry inside the chart.
fn inner_name(path: &str) -> Result<String> {
    let separator = if path.contains('\\') { '\\' } else { '/' };
    let (top, inner) = path.split_once(separator).unwrap_or((path, ""));
    let inner = inner.replace(separator, "/");
    if inner.starts_with('/') {
        return Err(Error::new("chart illegally contains absolute paths"));
    }
    let clean = clean(&inner);
    if clean.is_empty() {
        return Err(Error::new(format!(
            "chart illegally contains content outside the base directory: {path:?}"
        )));
    }
    if clean.starts_with("..") {
        return Err(Error::new("chart illegally references parent directory"));
    }
    let mut letters = clean.chars();
    let drive = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
    if drive && clean.get(1..3) == Some(":/") {
        return Err(Error::new("chart contains illegally named files"));
    }
    if top == "Chart.yaml" {
        return Err(Error::new("chart yaml not in base directory"));
    }
    Ok(clean)
}

/// Resolves `.` and `..`; empty for the folder itself.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package of one file after `Chart.yaml`, whose path is written as it is.
    fn package(path: &str, kind: tar::EntryType, content: &[u8]) -> Vec<u8> {
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
            Vec::new(),
            flate2::Compression::fast(),
        ));
        let mut add = |path: &str, kind, content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(content.len() as u64);
            let name = &mut header.as_gnu_mut().unwrap().name;
            name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            builder.append(&header, content).unwrap();
        };
        add("a/Chart.yaml", tar::EntryType::Regular, b"apiVersion: v2\nname: a\nversion: 1.0.0\n");
        add(path, kind, content);
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn error(package: &[u8]) -> String {
        Chart::load_archive(package).unwrap_err().to_string()
    }

    #[test]
    fn paths_of_packages_stay_inside_and_short() {
        let regular = tar::EntryType::Regular;
        for (path, expected) in [
            ("a/../../b", "chart illegally references parent directory"),
            ("a//b", "chart illegally contains absolute paths"),
            ("a/.", "chart illegally contains content outside the base directory: \"a/.\""),
            ("a/c:/b", "chart contains illegally named files"),
            ("a\\..\\..\\b", "chart illegally references parent directory"),
        ] {
            assert_eq!(error(&package(path, regular, b"x")), expected, "{path}");
        }
        let kept = Chart::load_archive(&package("/etc/b", regular, b"x")).unwrap();
        assert_eq!(kept.files[0].name, "etc/b");
        let long = "a/".repeat(2049);
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
            Vec::new(),
            flate2::Compression::fast(),
        ));
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        builder.append_data(&mut header, &long, b"x".as_slice()).unwrap();
        let error = error(&builder.into_inner().unwrap().finish().unwrap());
        let expected = "the path of a file in the chart is longer than 4096 bytes: \"a/a/";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn packages_are_read_up_to_their_last_file() {
        let whole = package("a/b", tar::EntryType::Regular, &[b'x'; 1000]);
        let last = |package: &[u8]| {
            let chart = Chart::load_archive(package);
            chart.map(|chart| chart.files[0].data.len()).map_err(|error| error.to_string())
        };
        assert_eq!(last(&whole), Ok(1000));
        let garbage = [whole.as_slice(), b"garbage"].concat();
        assert_eq!(last(&garbage), Ok(1000));
        let mut tar = Vec::new();
        MultiGzDecoder::new(whole.as_slice()).read_to_end(&mut tar).unwrap();
        let packed = |tar: &[u8]| {
            let mut packed =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            std::io::Write::write_all(&mut packed, tar).unwrap();
            packed.finish().unwrap()
        };
        let content = 3 * 512..3 * 512 + 1000;
        assert_eq!(last(&packed(&tar[..content.end])), Ok(1000));
        let expected = "cannot read chart archive: unexpected end of file";
        assert_eq!(last(&packed(&tar[..content.end - 1])), Err(expected.to_owned()));
        assert!(
            last(&whole[..whole.len() / 2]).unwrap_err().starts_with("cannot read chart archive")
        );
    }

    #[test]
    fn sparse_files_have_their_holes() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_size(512);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..3].copy_from_slice(b"a/b");
        gnu.set_real_size(2048);
        gnu.sparse[0].set_offset(1024);
        gnu.sparse[0].set_length(512);
        gnu.sparse[1].set_offset(2048);
        gnu.sparse[1].set_length(0);
        header.set_cksum();
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
            Vec::new(),
            flate2::Compression::default(),
        ));
        let metadata = b"apiVersion: v2\nname: a\nversion: 1.0.0\n";
        let mut plain = tar::Header::new_gnu();
        plain.set_size(metadata.len() as u64);
        builder.append_data(&mut plain, "a/Chart.yaml", metadata.as_slice()).unwrap();
        builder.append(&header, [b'x'; 512].as_slice()).unwrap();
        let package = builder.into_inner().unwrap().finish().unwrap();
        let chart = Chart::load_archive(&package).unwrap();
        let expected = [vec![0; 1024], vec![b'x'; 512], vec![0; 512]].concat();
        assert_eq!(chart.files[0].data, expected);
    }

    #[test]
    fn what_stands_between_files_has_a_limit() {
        let long_name = package("x", tar::EntryType::GNULongName, &vec![b'a'; 201 << 20]);
        let expected = "cannot read chart archive: it unpacks to more than 209715200 bytes";
        assert_eq!(error(&long_name), expected);
    }

    #[test]
    fn the_files_of_a_folder_have_limits() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("Chart.yaml"), "apiVersion: v2\nname: a\nversion: 1.0.0\n").unwrap();
        let load = || {
            let loaded = Chart::load_dir(folder.path(), folder.path());
            loaded.map(drop).map_err(|error| error.to_string())
        };
        let rules = |text: &str| std::fs::write(path(".helmignore"), text).unwrap();
        rules(&"#\n".repeat(1 << 15));
        assert_eq!(load(), Ok(()));
        rules(&"#\n".repeat((1 << 15) + 1));
        assert_eq!(load(), Err(".helmignore is larger than 65536 bytes".to_owned()));
        std::fs::remove_file(path(".helmignore")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", path(".helmignore")).unwrap();
        let expected = ".helmignore is a symlink that leaves the chart's source";
        assert_eq!(load(), Err(expected.to_owned()));
        std::fs::remove_file(path(".helmignore")).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(path(".helmignore")).unwrap();
        let irregular = "cannot load irregular file .helmignore as it has file mode type bits set";
        assert_eq!(load(), Err(irregular.to_owned()));
        std::fs::remove_file(path(".helmignore")).unwrap();
        std::os::unix::fs::symlink(".", path("loop")).unwrap();
        let expected = "folders of the chart are nested deeper than 64: loop/loop/loop";
        assert!(load().unwrap_err().starts_with(expected));
        std::fs::remove_file(path("loop")).unwrap();
        std::fs::File::create(path("values.yaml")).unwrap().set_len(1 << 30).unwrap();
        let expected =
            "error reading values.yaml: chart exceeds maximum decompressed size of 104857600 bytes";
        assert_eq!(load(), Err(expected.to_owned()));
    }
}
