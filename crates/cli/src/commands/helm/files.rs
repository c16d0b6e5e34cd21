//! Reading and writing with Go's words for what goes wrong.

use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use helm::{Chart, Error, Level, LogLine};

/// The largest file with values, a schema or a key that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// The largest package that is read, in bytes.
pub(super) const MAX_PACKAGE: u64 = 100 << 20;

/// An error of the system as Go says it: `open FILE: no such file or directory`.
pub(super) fn io_error(operation: &str, path: &Path, error: &std::io::Error) -> Error {
    let what = match error.kind() {
        ErrorKind::NotFound => "no such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => "is a directory".to_owned(),
        ErrorKind::NotADirectory => "not a directory".to_owned(),
        ErrorKind::AlreadyExists => "file exists".to_owned(),
        _ => error.to_string(),
    };
    Error::new(format!("{operation} {}: {what}", path.display()))
}

/// The content of a file, up to a limit.
pub(super) fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let file = std::fs::File::open(path).map_err(|error| io_error("open", path, &error))?;
    let mut data = Vec::new();
    file.take(limit + 1).read_to_end(&mut data).map_err(|error| io_error("read", path, &error))?;
    if data.len() as u64 > limit {
        return Err(Error::new(format!("{} is larger than {limit} bytes", path.display())));
    }
    Ok(data)
}

/// The content of a file of a chart, up to a limit. Opening what is no file may wait for ever.
pub(super) fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let found = std::fs::metadata(path).map_err(|error| io_error("stat", path, &error))?;
    if found.is_dir() {
        return Err(Error::new(format!("read {}: is a directory", path.display())));
    }
    if !found.is_file() {
        let path = path.display();
        return Err(Error::new(format!(
            "cannot load irregular file {path} as it has file mode type bits set"
        )));
    }
    read_limited(path, limit)
}

/// An error unless a folder has a `Chart.yaml`.
pub(super) fn detect(folder: &Path) -> Result<(), Error> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let file: PathBuf =
        folder.components().chain([Component::Normal("Chart.yaml".as_ref())]).collect();
    std::fs::metadata(&file).map(drop).map_err(|error| {
        let why = io_error("open", &file, &error);
        Error::new(format!("unable to detect chart at {}: {why}", file.display()))
    })
}

/// The content of a file that a person names; `-` is standard input.
pub(super) fn read(path: &str) -> Result<Vec<u8>, Error> {
    if path.trim() != "-" {
        return read_limited(Path::new(path), MAX_FILE);
    }
    let mut data = Vec::new();
    let stdin = std::io::stdin();
    stdin
        .lock()
        .take(MAX_FILE + 1)
        .read_to_end(&mut data)
        .map_err(|error| io_error("read", Path::new("/dev/stdin"), &error))?;
    if data.len() as u64 > MAX_FILE {
        return Err(Error::new(format!("standard input is larger than {MAX_FILE} bytes")));
    }
    Ok(data)
}

/// Writes a file whole: under another name first, then renamed.
pub(super) fn write(path: &Path, data: &[u8]) -> Result<(), Error> {
    let failed = |error: &std::io::Error| io_error("open", path, error);
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    let mut file = builder.permissions(mode).tempfile_in(folder).map_err(|e| failed(&e))?;
    std::io::Write::write_all(&mut file, data).map_err(|e| failed(&e))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

/// A path without `.` and, where that is clear, without `..`.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if clean.file_name().is_some() => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    if clean.as_os_str().is_empty() { PathBuf::from(".") } else { clean }
}

/// Makes a folder and those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(|error| io_error("mkdir", path, &error))
}

/// A chart from a folder. A person's own folder may link to wherever it likes; the log tells.
pub(super) fn load_folder(path: &Path) -> Result<Chart, Error> {
    Chart::load_dir_telling(path, Path::new("/"), &mut |link, target| {
        let message = "found symbolic link in path. Contents of linked file included and used";
        let fields = [("path", &*link.to_string_lossy()), ("resolved", &*target.to_string_lossy())];
        super::log(&LogLine { level: Level::Info, message, fields: &fields });
    })
}

/// A chart from a folder or a package.
pub(super) fn load(path: &Path) -> Result<Chart, Error> {
    let found = std::fs::metadata(path).map_err(|error| io_error("stat", path, &error))?;
    if found.is_dir() {
        return load_folder(path);
    }
    let data = read_limited(path, MAX_PACKAGE)?;
    if !data.starts_with(&[0x1f, 0x8b]) {
        let shown = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let shown = shown.display();
        if [".yml", ".yaml"].iter().any(|extension| path.to_string_lossy().ends_with(extension)) {
            return Err(Error::new(format!(
                "file '{shown}' seems to be a YAML file, but expected a gzipped archive"
            )));
        }
        return Err(Error::new(format!(
            "file '{shown}' does not appear to be a gzipped archive; got '{}'",
            content_type(&data)
        )));
    }
    Chart::load_archive(&data)
}

/// The kind of a file that is no archive, as far as it matters here: a text is told from other files when it fills what
/// Helm looks at.
fn content_type(data: &[u8]) -> &'static str {
    let text = data.get(..512).is_some_and(|head| {
        let plain = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
        head.iter().all(plain)
    });
    if text { "text/plain; charset=utf-8" } else { "application/octet-stream" }
}
