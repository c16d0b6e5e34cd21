//! The artifact storage: what every visit of a source does to it first and last.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use common::{
    api::Object,
    artifact::{
        Artifact, ArtifactKey, Limits, NewArtifact, Store, StoreError, StoreOptions,
        ignore::{IgnoreError, Rules},
    },
    condition::{ConditionType, Reason},
    time::Time,
};
use jiff::Timestamp;
use runtime::{EventType, Run, Stop, chain};
use thiserror::Error;

use crate::Settings;

/// The storage of artifacts. Everything in it blocks.
#[derive(Debug)]
pub(crate) struct Storage {
    store: Store,
}

/// Why something could not be put into an artifact, or taken out of one.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rules about files to leave out cannot be read.
    #[error("failed to load source ignore patterns from repository")]
    Ignore(#[source] IgnoreError),
    /// A revision names no file.
    #[error("revision '{0}' has no hash to name a file by")]
    Revision(String),
    /// A path in an artifact is not there, or leads elsewhere.
    #[error("cannot copy '{}'", path.display())]
    Copy {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Storage {
    /// Opens the storage; `served` is where its files are served.
    pub(crate) fn open(settings: &Settings, served: SocketAddr) -> Result<Self, StorageError> {
        let advertised = settings.storage_adv_addr.clone();
        let options = StoreOptions {
            advertised_host: advertised.unwrap_or_else(|| advertise(served)),
            retention_ttl: settings.retention_ttl,
            retention_records: settings.retention_records,
            digest_algorithm: settings.digest_algorithm,
        };
        Ok(Self { store: Store::open(&settings.storage_path, options)? })
    }

    /// Archives the files at `tree`, but for those that are ignored, as the artifact of `revision`.
    pub(crate) fn archive(
        &self,
        key: &ArtifactKey,
        revision: &str,
        (tree, ignore): (&Path, Option<&str>),
        now: Timestamp,
    ) -> Result<Artifact, StorageError> {
        let rules = Rules::load(tree, ignore).map_err(StorageError::Ignore)?;
        let hash = revision.rsplit_once(':').map(|(_, hash)| hash);
        let hash = hash.ok_or_else(|| StorageError::Revision(revision.to_owned()))?;
        let file_name = format!("{hash}.tar.gz");
        let metadata = std::collections::BTreeMap::new();
        let new =
            NewArtifact { key, revision, file_name: &file_name, metadata, now: Time::from(now) };
        Ok(self.store.archive_dir(new, tree, &rules)?)
    }

    /// Copies the directory or file `from` of an artifact to `to` below `tree`, over what is there.
    pub(crate) fn copy_out(
        &self,
        artifact: &Artifact,
        from: &Path,
        (tree, to): (&Path, &Path),
    ) -> Result<(), StorageError> {
        let failed = |source| StorageError::Copy { path: from.to_owned(), source };
        let unpacked = tempfile::tempdir().map_err(failed)?;
        self.store.unpack(artifact, unpacked.path(), &Limits::default())?;
        // Archives hold files and directories only, so nothing below leads out of it.
        let source = unpacked.path().join(from);
        let copied = match fs::symlink_metadata(&source) {
            Ok(metadata) if metadata.is_dir() => {
                make_directories(tree, to).and_then(|()| copy_directory(&source, &tree.join(to)))
            }
            Ok(_) => make_directories(tree, to.parent().unwrap_or_else(|| Path::new("")))
                .and_then(|()| copy_file(&source, &tree.join(to))),
            Err(_) => {
                let why = "the artifact has no such directory or file";
                Err(io::Error::new(io::ErrorKind::NotFound, why))
            }
        };
        copied.map_err(failed)
    }

    /// Steps one to three of a visit: removes old files, checks the artifact of the status, and puts
    /// the current host into its address.
    fn check(&self, key: &ArtifactKey, artifact: Option<Artifact>, now: Timestamp) -> Checked {
        let collected = self.store.collect_garbage(key, artifact.as_ref(), Time::from(now));
        let mut checked =
            Checked { collected: collected.map(|it| it.files.len()), artifact: None, fault: None };
        let Some(mut artifact) = artifact else { return checked };
        let there = self.store.local_path(&artifact).is_ok_and(|path| is_regular(&path));
        match self.store.verify(&artifact) {
            Ok(()) => {
                self.store.refresh_url(&mut artifact);
                checked.artifact = Some(artifact);
            }
            Err(error) if there => {
                let discarded = self.store.discard(&artifact);
                checked.fault = Some((error, discarded.err()));
            }
            // A file that is gone is no fault worth an event: it is made again.
            Err(_) => {}
        }
        checked
    }
}

/// What [`Storage::check`] found.
struct Checked {
    collected: Result<usize, StoreError>,
    artifact: Option<Artifact>,
    fault: Option<(StoreError, Option<StoreError>)>,
}

fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// The host and port of a server that listens on `served`, for others: as in the original, the
/// host's name for `0.0.0.0` and `localhost` for no host.
fn advertise(served: SocketAddr) -> String {
    let host = match served.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => runtime::events::hostname(),
        IpAddr::V6(ip) if ip.is_unspecified() => None,
        _ => return served.to_string(),
    };
    format!("{}:{}", host.as_deref().unwrap_or("localhost"), served.port())
}

/// Makes the directories of `path` below `root`. What is there is kept, but for links and files: a
/// link may lead out of the root.
fn make_directories(root: &Path, path: &Path) -> io::Result<()> {
    let mut directory = root.to_owned();
    for name in path {
        directory.push(name);
        match fs::symlink_metadata(&directory) {
            Ok(metadata) if metadata.is_dir() => continue,
            Ok(_) => fs::remove_file(&directory)?,
            Err(_) => {}
        }
        fs::create_dir(&directory)?;
    }
    Ok(())
}

/// Copies files and directories; links at the target are replaced, never followed.
fn copy_directory(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            make_directories(to, Path::new(&entry.file_name()))?;
            copy_directory(&entry.path(), &target)?;
        } else {
            copy_file(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(to).is_ok_and(|metadata| metadata.is_symlink()) {
        fs::remove_file(to)?;
    }
    fs::copy(from, to).map(drop)
}

/// What a visit ends with when its files could not be archived.
pub(crate) fn not_archived(error: &StorageError) -> Stop {
    let (reason, what) = match error {
        StorageError::Ignore(_) => {
            let reason = Reason::SourceIgnoreError;
            return Stop::retry(reason, chain(error));
        }
        StorageError::Store(StoreError::CreateDirectory { .. }) => {
            (Reason::DirectoryCreationFailed, "failed to create artifact directory")
        }
        StorageError::Store(StoreError::Lock { .. }) => {
            (Reason::AcquireLockFailed, "failed to acquire lock for artifact")
        }
        _ => (Reason::ArchiveOperationFailed, "unable to archive artifact to storage"),
    };
    Stop::retry(reason, format!("{what}: {}", chain(error)))
}

/// The key of the object of this visit.
pub(crate) fn key<K: Object>(run: &Run<K>) -> Result<ArtifactKey, Stop> {
    ArtifactKey::new(&K::kind(&()), run.namespace(), run.name())
        .map_err(|error| Stop::stall(Reason::IllegalPath, chain(&error)))
}

/// What every visit begins with: old files go, and the artifact in the status is kept only if it is
/// in storage as it was made.
pub(crate) async fn check<K: Object>(
    storage: &Arc<Storage>,
    run: &mut Run<K>,
    place: impl Fn(&mut K::Status) -> &mut Option<Artifact>,
) -> Result<(), Stop> {
    let (storage, key) = (Arc::clone(storage), key(run)?);
    let claimed = run.note(|status| place(status).clone());
    let (had_one, now) = (claimed.is_some(), run.context().clock().now());
    let checked = run.blocking(move || storage.check(&key, claimed, now)).await;
    run.clear_condition(ConditionType::StorageOperationFailed);
    match checked.collected {
        Ok(0) => {}
        Ok(count) => {
            let message = format!("garbage collected {count} artifacts");
            run.event(EventType::Trace, Reason::GarbageCollectionSucceeded, message);
        }
        Err(error) => {
            let message = format!("garbage collection failed: {}", chain(&error));
            run.event(EventType::Warning, Reason::GarbageCollectionFailed, message);
        }
    }
    if let Some((fault, undone)) = checked.fault {
        let message = format!("failed to verify integrity of artifact: {}", chain(&fault));
        run.event(EventType::Warning, Reason::ArtifactVerificationFailed, message);
        if let Some(error) = undone {
            return Err(Stop::retry(Reason::Failed, error));
        }
    }
    let gone = checked.artifact.is_none();
    run.note(|status| *place(status) = checked.artifact);
    if gone {
        run.clear_condition(ConditionType::ArtifactInStorage);
        let message = if had_one {
            "building artifact: disappeared from storage"
        } else {
            "building artifact"
        };
        run.progress(message);
    }
    Ok(())
}

/// What the end of an object means: all its files go.
pub(crate) async fn remove<K: Object>(
    storage: &Arc<Storage>,
    run: &mut Run<K>,
) -> Result<(), Stop> {
    let (storage, key) = (Arc::clone(storage), key(run)?);
    match run.blocking(move || storage.store.remove(&key)).await {
        Ok(true) => {
            let message = "garbage collected artifacts for deleted resource";
            run.event(EventType::Trace, Reason::GarbageCollectionSucceeded, message);
            Ok(())
        }
        Ok(false) => Ok(()),
        Err(error) => {
            let message =
                format!("garbage collection for deleted resource failed: {}", chain(&error));
            Err(Stop::retry(Reason::GarbageCollectionFailed, message))
        }
    }
}
