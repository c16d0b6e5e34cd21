//! Everything around the controller: an API server in this process, a Git server on loopback.

use std::{collections::BTreeMap, fmt::Debug, path::PathBuf, time::Duration};

use apiserver::ApiServer;
use common::{
    api::{meta::ConditionStatus, source::GitRepository},
    condition::{self, ConditionType},
    names::{RECONCILE_REQUEST, SOURCE_CONTROLLER},
};
use k8s_openapi::api::core::v1::{Event, Secret};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    runtime::wait::await_condition,
};
use runtime::{Context, Options, context::Parts};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{GitRepository as Source, GitServer, HttpOptions};

use crate::{Settings, controllers};

const NAMESPACE: &str = "team";

/// How long something may take that should take milliseconds; for busy machines.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct World {
    pub(super) api: ApiServer,
    pub(super) client: Client,
    pub(super) storage: TempDir,
    pub(super) git: GitServer,
    context: Context,
}

impl World {
    pub(super) async fn start() -> Self {
        Self::start_with(HttpOptions::default(), |_| {}).await
    }

    pub(super) async fn start_with(http: HttpOptions, change: impl FnOnce(&mut Settings)) -> Self {
        let api = ApiServer::new(apiserver::Options::default());
        api.install_crd_values(common::api::crd::all().into_iter().map(|crd| crd.object)).unwrap();
        let client = Client::new(api.service(), "default");
        let options = Options {
            min_retry_delay: Duration::from_millis(20),
            max_retry_delay: Duration::from_millis(200),
            requeue_dependency: Duration::from_millis(50),
            graceful_shutdown: Duration::from_secs(1),
            ..Options::default()
        };
        let context =
            Context::new(SOURCE_CONTROLLER, client.clone(), Parts { options, ..Parts::default() });
        let storage = tempfile::tempdir().unwrap();
        let mut settings =
            Settings { storage_path: storage.path().to_owned(), ..Settings::default() };
        change(&mut settings);
        let running = context.clone();
        context.spawn(async move { controllers(running, settings).await.unwrap() });
        let git = GitServer::http(http).unwrap();
        let world = Self { api, client, storage, git, context };
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(world.client.clone());
        namespaces
            .create(&PostParams::default(), &serde_json::from_value(namespace).unwrap())
            .await
            .unwrap();
        world
    }

    /// A repository with one commit, and its URL.
    pub(super) fn repository(&self, name: &str) -> (Source, String) {
        let repository = self.git.create(name).unwrap();
        repository.write("app.yaml", "version: 1\n").unwrap();
        repository.write("docs/guide.md", "guide\n").unwrap();
        repository.commit("Start").unwrap();
        (repository, self.git.url(name))
    }

    pub(super) fn objects(&self) -> Api<GitRepository> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Creates a GitRepository with the given fields beside interval and branch.
    pub(super) async fn create(&self, name: &str, spec: Value) {
        let mut object = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"interval": "1h", "ref": {"branch": "main"}},
        });
        object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let object: GitRepository = serde_json::from_value(object).unwrap();
        self.objects().create(&PostParams::default(), &object).await.unwrap();
    }

    pub(super) async fn patch(&self, name: &str, patch: Value) {
        self.objects().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub(super) async fn request(&self, name: &str, token: &str) {
        self.patch(name, json!({"metadata": {"annotations": {RECONCILE_REQUEST: token}}})).await;
    }

    pub(super) async fn delete(&self, name: &str) {
        self.objects().delete(name, &DeleteParams::default()).await.unwrap();
    }

    pub(super) async fn secret(&self, name: &str, data: &[(&str, &str)]) {
        let data: BTreeMap<&str, &str> = data.iter().copied().collect();
        let secret = json!({"metadata": {"name": name}, "stringData": data});
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), NAMESPACE);
        secrets
            .create(&PostParams::default(), &serde_json::from_value(secret).unwrap())
            .await
            .unwrap();
    }

    /// Waits until the object looks as wanted.
    pub(super) async fn until(
        &self,
        name: &str,
        wanted: impl Fn(&GitRepository) -> bool + Send,
    ) -> GitRepository {
        let condition = |object: Option<&GitRepository>| object.is_some_and(&wanted);
        let waited =
            tokio::time::timeout(PATIENCE, await_condition(self.objects(), name, condition)).await;
        if let Ok(found) = waited {
            return found.unwrap().unwrap();
        }
        panic!("{name} never became as wanted; events: {:#?}", self.events().await)
    }

    pub(super) async fn until_gone(&self, name: &str) {
        let gone = await_condition(self.objects(), name, |object: Option<&GitRepository>| {
            object.is_none()
        });
        tokio::time::timeout(PATIENCE, gone).await.unwrap().unwrap();
    }

    /// Waits until the object is ready for its current generation.
    pub(super) async fn ready(&self, name: &str) -> GitRepository {
        self.until(name, |object| {
            let status = object.status.clone().unwrap_or_default();
            status.observed_generation == object.metadata.generation
                && is(object, ConditionType::Ready, &ConditionStatus::True)
        })
        .await
    }

    /// Waits until the object is ready at the commit.
    pub(super) async fn ready_at(&self, name: &str, commit: &str) -> GitRepository {
        self.until(name, |object| {
            revision(object).is_some_and(|revision| revision.ends_with(commit))
                && is(object, ConditionType::Ready, &ConditionStatus::True)
        })
        .await
    }

    /// Waits until `Ready` is false for this reason, and returns its message.
    pub(super) async fn failed(&self, name: &str, reason: &str) -> (GitRepository, String) {
        let object = self
            .until(name, |object| {
                found(object, ConditionType::Ready)
                    .is_some_and(|it| it.0 == ConditionStatus::False && it.1 == reason)
            })
            .await;
        let message = found(&object, ConditionType::Ready).unwrap().2;
        (object, message)
    }

    /// The events so far, as type, reason and message, in the order of their reasons.
    pub(super) async fn events(&self) -> Vec<(String, String, String)> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), NAMESPACE);
        let events = events.list(&ListParams::default()).await.unwrap();
        let mut found: Vec<_> = events
            .into_iter()
            .map(|event| {
                (
                    event.type_.unwrap_or_default(),
                    event.reason.unwrap_or_default(),
                    event.message.unwrap_or_default(),
                )
            })
            .collect();
        found.sort();
        found
    }

    /// Waits for an event with this reason whose message contains the text.
    pub(super) async fn event(&self, reason: &str, text: &str) {
        let events: Api<Event> = Api::namespaced(self.client.clone(), NAMESPACE);
        let wanted = |event: &Event| {
            event.reason.as_deref() == Some(reason)
                && event.message.as_deref().unwrap_or_default().contains(text)
        };
        let looking = async {
            let mut stream =
                Box::pin(kube::runtime::watcher(events, kube::runtime::watcher::Config::default()));
            while let Some(event) = futures::StreamExt::next(&mut stream).await {
                use kube::runtime::watcher::Event::{Apply, InitApply};
                if let Ok(Apply(event) | InitApply(event)) = event
                    && wanted(&event)
                {
                    return;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, looking).await;
        assert!(waited.is_ok(), "no event {reason} with '{text}' among {:#?}", self.events().await);
    }

    /// Downloads the object's artifact and returns its files with their contents.
    pub(super) async fn artifact(&self, object: &GitRepository) -> BTreeMap<String, String> {
        let artifact = object.status.as_ref().unwrap().artifact.as_ref().unwrap();
        let bytes = reqwest::get(&artifact.url)
            .await
            .unwrap()
            .error_for_status()
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(artifact.size, Some(i64::try_from(bytes.len()).unwrap()));
        let digest = common::artifact::Digest::of(common::artifact::Algorithm::Sha256, &bytes);
        assert_eq!(artifact.digest, digest.to_string());
        let mut files = BTreeMap::new();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_ref()));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            if entry.header().entry_type().is_file() {
                let name = entry.path().unwrap().display().to_string();
                let mut text = String::new();
                std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
                files.insert(name, text);
            }
        }
        files
    }

    /// The file of the object's artifact.
    pub(super) fn file(&self, object: &GitRepository) -> PathBuf {
        self.storage.path().join(&object.status.as_ref().unwrap().artifact.as_ref().unwrap().path)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.context.shutdown().cancel();
    }
}

pub(super) fn revision(object: &GitRepository) -> Option<&str> {
    Some(object.status.as_ref()?.artifact.as_ref()?.revision.as_str())
}

/// Status, reason and message of a condition.
pub(super) fn found(
    object: &GitRepository,
    kind: ConditionType,
) -> Option<(ConditionStatus, String, String)> {
    let condition = condition::get(&object.status.as_ref()?.conditions, kind)?;
    Some((condition.status.clone(), condition.reason.clone(), condition.message.clone()))
}

pub(super) fn is(object: &GitRepository, kind: ConditionType, status: &ConditionStatus) -> bool {
    found(object, kind).is_some_and(|(found, _, _)| found == *status)
}

/// Asserts that a condition is there with this status and reason, and that its message contains the text.
#[track_caller]
pub(super) fn expect(
    object: &GitRepository,
    kind: ConditionType,
    wanted: (ConditionStatus, &str, &str),
) {
    let (status, reason, message) =
        found(object, kind).unwrap_or_else(|| panic!("no {kind}: {}", shown(object)));
    assert_eq!((&status, reason.as_str()), (&wanted.0, wanted.1), "{message}");
    assert!(message.contains(wanted.2), "{message}");
}

fn shown(object: &impl Debug) -> String {
    format!("{object:#?}")
}
