//! Noticing commits (and, on request, edits) in a repository on this disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant, UNIX_EPOCH},
};

use gix::hash::Kind;

use super::Repository;
use crate::{Error, Local, ObjectId, worktree};

/// How often is looked, when looking is quick.
const INTERVAL: Duration = Duration::from_millis(200);

/// Looking takes at most one part in this many of the time.
const SHARE: u32 = 20;

/// Notices when a repository's references move, or with [`Local::worktree`] when its files change.
///
/// It polls names, sizes and times, which works on every file system, costs microseconds for
/// references, and slows itself down where a work tree is large.
#[derive(Debug)]
pub struct Watch {
    local: Local,
    /// Where references are kept.
    git_dir: PathBuf,
    /// Where HEAD is kept; another directory in a linked work tree.
    head_dir: PathBuf,
    seen: ObjectId,
}

impl Watch {
    /// Starts watching; what happened before is not reported.
    ///
    /// # Errors
    /// When there is no repository.
    pub fn new(local: Local) -> Result<Self, Error> {
        let repository = Repository::open(&local)?;
        let git_dir = repository.objects().common_dir().to_owned();
        let head_dir = repository.objects().git_dir().to_owned();
        let mut watch = Self { local, git_dir, head_dir, seen: ObjectId::null(Kind::Sha1) };
        watch.seen = watch.state();
        Ok(watch)
    }

    /// Waits until something changed. Dropping the future loses nothing: a change is reported by the
    /// next call.
    pub async fn changed(&mut self) {
        let mut pause = INTERVAL;
        loop {
            tokio::time::sleep(pause).await;
            let begun = Instant::now();
            let state = self.state();
            if state != self.seen {
                self.seen = state;
                return;
            }
            pause = INTERVAL.max(begun.elapsed() * SHARE);
        }
    }

    /// A digest of everything that moves with a commit, a new tag, a fetch, or an edit.
    fn state(&self) -> ObjectId {
        let mut hasher = gix::hash::hasher(Kind::Sha1);
        for file in [self.head_dir.join("HEAD"), self.git_dir.join("packed-refs")] {
            hasher.update(&fs::read(file).unwrap_or_default());
        }
        // References are tiny files, so their content is as cheap to compare as their times.
        let _ = each_file(&self.git_dir.join("refs"), &mut |path| {
            hasher.update(path.as_os_str().as_encoded_bytes());
            hasher.update(&fs::read(path).unwrap_or_default());
        });
        if self.local.worktree
            && let Ok(repository) = Repository::open(&self.local)
        {
            for file in worktree::list(repository.objects()).unwrap_or_default() {
                hasher.update(file.path.as_os_str().as_encoded_bytes());
                let modified = file
                    .metadata
                    .modified()
                    .ok()
                    .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                hasher.update(&modified.unwrap_or_default().as_nanos().to_le_bytes());
                hasher.update(&file.metadata.len().to_le_bytes());
            }
        }
        hasher.try_finalize().unwrap_or_else(|_| ObjectId::null(Kind::Sha1))
    }
}

fn each_file(directory: &Path, visit: &mut dyn FnMut(&Path)) -> io::Result<()> {
    let mut entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_type()?.is_dir() {
            each_file(&entry.path(), visit)?;
        } else {
            visit(&entry.path());
        }
    }
    Ok(())
}
