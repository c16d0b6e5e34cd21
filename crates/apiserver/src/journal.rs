//! Objects kept on disk: one line of JSON per change, read back and compacted when a server opens the
//! folder. Lines are handed to the operating system at once and not synced: a crash of the machine may
//! lose the last changes, never the file.

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::core::Core;
use crate::object;
use crate::store::Key;

const OBJECTS: &str = "objects.jsonl";
const SECRET: &str = "secret";
/// Secrets lie in these files.
const OWNER_ONLY: u32 = 0o600;

/// The open file that changes are written to.
#[derive(Debug)]
pub(crate) struct Journal(Mutex<File>);

impl Journal {
    /// Writes the new state of an object.
    pub(crate) fn put(&self, shelf: &str, object: &Value) {
        self.write(&json!({ "shelf": shelf, "object": object }));
    }

    /// Writes that an object is gone; `last` has the revision of its end.
    pub(crate) fn gone(&self, shelf: &str, key: &Key, last: &Value) {
        let revision = object::resource_version(last).unwrap_or(0);
        self.write(
            &json!({ "shelf": shelf, "gone": [key.namespace, key.name], "revision": revision }),
        );
    }

    fn write(&self, line: &Value) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(why) = file.write_all(format!("{line}\n").as_bytes()) {
            tracing::error!(error = %why, "cannot keep a change on disk");
        }
    }
}

/// Reads the folder into an empty server and keeps what changes from now on.
pub(crate) fn open(core: &mut Core, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let secret = read_secret(&folder.join(SECRET), core.secret)?;
    core.set_secret(secret);
    let path = folder.join(OBJECTS);
    match File::open(&path) {
        Ok(file) => replay(core, BufReader::new(file))?,
        Err(why) if why.kind() == io::ErrorKind::NotFound => {}
        Err(why) => return Err(why),
    }
    let journal = compact(core, &path)?;
    core.store.keep(Journal(Mutex::new(journal)));
    Ok(())
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(OWNER_ONLY);
    options
}

/// The folder's secret; a new folder gets `fresh`.
fn read_secret(path: &Path, fresh: [u8; 32]) -> io::Result<[u8; 32]> {
    match fs::read(path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the secret is not 32 bytes")),
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            private().truncate(true).open(path)?.write_all(&fresh)?;
            Ok(fresh)
        }
        Err(why) => Err(why),
    }
}

/// A line that cannot be read is an error, except the last: it may have been cut off by a crash.
fn replay(core: &Core, lines: impl BufRead) -> io::Result<()> {
    let mut broken: Option<serde_json::Error> = None;
    for line in lines.split(b'\n') {
        if let Some(why) = broken.take() {
            return Err(why.into());
        }
        match serde_json::from_slice(&line?) {
            Ok(change) => replay_one(core, &change),
            Err(why) => broken = Some(why),
        }
    }
    if let Some(why) = broken {
        tracing::warn!(error = %why, "the last change on disk is incomplete and left out");
    }
    Ok(())
}

fn replay_one(core: &Core, change: &Value) {
    let Some(name) = change.get("shelf").and_then(Value::as_str) else { return };
    let shelf = core.store.shelf(name);
    if let Some(object) = change.get("object") {
        let key = Key::new(object::namespace(object), object::name(object));
        core.addresses.reserve(object);
        core.store.restore(shelf, key, object.clone());
    } else if let Some([Value::String(namespace), Value::String(name)]) =
        change.get("gone").and_then(Value::as_array).map(Vec::as_slice)
    {
        let revision = change.get("revision").and_then(Value::as_u64).unwrap_or(0);
        core.store.forget(shelf, &Key::new(namespace, name), revision);
    }
}

/// Writes the present state beside the old file, then puts it in its place.
fn compact(core: &Core, path: &Path) -> io::Result<File> {
    let fresh: PathBuf = path.with_extension("new");
    let mut out = BufWriter::new(private().truncate(true).open(&fresh)?);
    for (shelf, objects) in core.store.dump() {
        for stored in objects {
            writeln!(out, "{}", json!({ "shelf": shelf, "object": stored.value }))?;
        }
    }
    // The counter outlives the objects.
    writeln!(
        out,
        "{}",
        json!({ "shelf": "", "gone": ["", ""], "revision": core.store.revision() })
    )?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&fresh, path)?;
    OpenOptions::new().append(true).open(path)
}
