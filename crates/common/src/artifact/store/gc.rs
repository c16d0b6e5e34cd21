//! Removes files that are no longer current.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{ArtifactKey, LOCK, Store, StoreError, UNFINISHED, remove_file};
use crate::{artifact::Artifact, time::Time};

/// The most files of an object that are looked at in one go, as in the original.
const MAX_FILES: usize = 1000;

/// The longest time for one object, as in the original.
const BUDGET: Duration = Duration::from_secs(5);

/// After this time a file that was not finished never will be.
const UNFINISHED_TTL: Duration = Duration::from_hours(1);

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// The names of the artifacts' files, oldest first.
    pub files: Vec<String>,
    /// Whether a limit ended the work before it was done; the next run goes on.
    pub partial: bool,
}

/// A file of an object.
struct Candidate {
    name: String,
    path: PathBuf,
    age: Duration,
}

impl Store {
    /// Removes files of an object: all that are older than the retention time, and then the
    /// oldest, until as many are left as are to be kept. The current one stays in any case, and
    /// so does what is being written.
    ///
    /// # Errors
    /// If the directory cannot be read or a file cannot be removed.
    pub fn collect_garbage(
        &self,
        key: &ArtifactKey,
        current: Option<&Artifact>,
        now: Time,
    ) -> Result<Collected, StoreError> {
        let deadline = Instant::now() + BUDGET;
        let directory = self.root.join(key.directory());
        let current = current.and_then(|artifact| artifact.path.rsplit('/').next());
        let (mut candidates, partial) = candidates(&directory, now)?;
        candidates.sort_by(|a, b| b.age.cmp(&a.age).then_with(|| a.name.cmp(&b.name)));

        let mut collected = Collected { partial, ..Collected::default() };
        for file in self.garbage(candidates, current) {
            if Instant::now() > deadline {
                collected.partial = true;
                break;
            }
            remove_file(&file.path)?;
            remove_file(&directory.join(format!("{}{LOCK}", file.name)))?;
            collected.files.push(file.name);
        }
        if !collected.files.is_empty() {
            self.collect_content()?;
        }
        Ok(collected)
    }

    /// The files to remove, of all files from the oldest to the newest.
    fn garbage(&self, files: Vec<Candidate>, current: Option<&str>) -> Vec<Candidate> {
        let is_current = |file: &Candidate| Some(file.name.as_str()) == current;
        let old = |file: &Candidate| file.age > self.options.retention_ttl;
        let unfinished = |file: &Candidate| file.name.starts_with(UNFINISHED);
        let total = files.iter().filter(|file| !unfinished(file)).count();
        let mut excess = total.saturating_sub(self.options.retention_records);
        let expired: BTreeSet<String> = files
            .iter()
            .filter(|file| !unfinished(file) && !is_current(file) && old(file))
            .map(|file| file.name.clone())
            .collect();
        excess = excess.saturating_sub(expired.len());
        let mut garbage = Vec::new();
        for file in files {
            let remove = if unfinished(&file) {
                file.age > UNFINISHED_TTL
            } else if is_current(&file) {
                false
            } else if expired.contains(&file.name) {
                true
            } else if excess > 0 {
                excess -= 1;
                true
            } else {
                false
            };
            if remove {
                garbage.push(file);
            }
        }
        garbage
    }
}

/// The regular files of a directory but for locks, and whether there are more.
fn candidates(directory: &Path, now: Time) -> Result<(Vec<Candidate>, bool), StoreError> {
    let failed =
        |source| StoreError::Read { path: directory.to_string_lossy().into_owned(), source };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), false)),
        Err(error) => return Err(failed(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        if !metadata.is_file() || name.ends_with(LOCK) {
            continue;
        }
        if files.len() >= MAX_FILES {
            return Ok((files, true));
        }
        let modified = metadata.modified().map_err(failed)?;
        let modified = jiff::Timestamp::try_from(modified).map_err(io::Error::other);
        let age = now.timestamp().duration_since(modified.map_err(failed)?);
        // A file from the future is new.
        let age = Duration::try_from(age).unwrap_or_default();
        files.push(Candidate { name, path: entry.path(), age });
    }
    Ok((files, false))
}
