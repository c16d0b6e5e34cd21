//! The controllers, all in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use kube::Client;
use runtime::{Context, EventType, Gates, Observation, Observed, Options, Parts};
use source_controller::LocalRepositories;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::repository::{Folder, Repository};

/// How often a plain folder is looked at.
const FOLDER_INTERVAL: Duration = Duration::from_millis(250);
/// What waits for something outside looks again after so long; a person is waiting, too.
const REQUEUE: Duration = Duration::from_secs(2);

/// Controllers at work; [`Controllers::stop`] lets them finish what they have begun.
pub(super) struct Controllers {
    shutdown: CancellationToken,
    folder_ends: Arc<AtomicBool>,
    tasks: JoinSet<()>,
    storage: TempDir,
}

impl Controllers {
    /// Starts them; what they do is told by `lines`.
    pub(super) async fn start(
        client: &Client,
        repository: Repository,
        lines: mpsc::Sender<String>,
    ) -> Result<Self> {
        let storage = tempfile::Builder::new()
            .prefix("weir-artifacts-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        let mut started = Self {
            shutdown: CancellationToken::new(),
            folder_ends: Arc::default(),
            tasks: JoinSet::new(),
            storage,
        };
        let root = started.storage.path().to_owned();
        let sources = source_controller::Settings {
            storage_path: root.join("storage"),
            storage_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            local: LocalRepositories::from_iter(repository.local),
            ..source_controller::Settings::default()
        };
        let context = started.context(
            "source-controller",
            client,
            source_controller::settings::GATES,
            &lines,
        );
        let (failed, failure) = tokio::sync::oneshot::channel();
        started.tasks.spawn(async move {
            if let Err(error) = source_controller::controllers(context, sources).await {
                let _nobody_asks = failed.send(error);
            }
        });
        let mut gates = kustomize_controller::GATES.to_vec();
        // Whoever makes external artifacts may be there or not; without one, the message says so.
        gates.retain(|(name, _)| *name != "ExternalArtifact");
        gates.push(("ExternalArtifact", true));
        let context = started.context("kustomize-controller", client, &gates, &lines);
        let settings = kustomize_controller::Settings::default();
        let controllers =
            kustomize_controller::controllers(&context, settings, &root.join("scratch"));
        started.tasks.spawn(
            controllers
                .map_err(|error| anyhow!(error))
                .context("cannot start kustomize-controller")?,
        );
        if let Some(folder) = repository.folder {
            let ends = Arc::clone(&started.folder_ends);
            started.tasks.spawn_blocking(move || follow(folder, &ends, &lines));
        }
        // A port that cannot be opened is known at once; nothing else of the sources fails at the start.
        match tokio::time::timeout(Duration::from_millis(50), failure).await {
            Ok(Ok(error)) => Err(error).context("cannot start source-controller"),
            Ok(Err(_)) | Err(_) => Ok(started),
        }
    }

    fn context(
        &self,
        name: &str,
        client: &Client,
        gates: &[(&str, bool)],
        lines: &mpsc::Sender<String>,
    ) -> Context {
        let lines = lines.clone();
        let observer: runtime::Observer = Arc::new(move |seen: &Observation<'_>| {
            if let Some(line) = line(seen) {
                // A terminal that is slower than the controllers loses lines, never holds them up.
                let _full = lines.try_send(line);
            }
        });
        let options =
            Options { requeue_dependency: REQUEUE, gates: Gates::new(gates), ..Options::default() };
        let parts = Parts {
            options,
            observer: Some(observer),
            shutdown: Some(self.shutdown.clone()),
            ..Parts::default()
        };
        Context::new(name, client.clone(), parts)
    }

    /// Ends them: no new visits, those under way come to their end.
    pub(super) async fn stop(mut self) {
        self.shutdown.cancel();
        self.folder_ends.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Commits a plain folder's files whenever they change. Runs on a thread of its own: it reads files.
fn follow(mut folder: Folder, ends: &AtomicBool, lines: &mpsc::Sender<String>) {
    let mut said = String::new();
    while !ends.load(Ordering::Relaxed) {
        std::thread::sleep(FOLDER_INTERVAL);
        if let Err(error) = folder.mirror.update() {
            let problem = format!("  {error}");
            if problem != said {
                let _full = lines.try_send(problem.clone());
                said = problem;
            }
        }
    }
}

/// What a person is told about an observation, if anything.
fn line(seen: &Observation<'_>) -> Option<String> {
    let Observed::Event(note) = seen.what else { return None };
    if note.event_type == EventType::Trace {
        return None;
    }
    let message: Vec<&str> = note.message.lines().collect();
    Some(format!("  {} {}: {}", seen.kind, seen.key, message.join("\n    ")))
}
