//! One namespace, one repository, and the controllers that follow it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use runtime::{Context, Gates, Options, Parts};
use serde_json::{Value, json};
use source_controller::{LocalRepositories, Settings};
use tempfile::TempDir;
use testkit::GitRepository;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::expect::eventually;
use crate::objects::{condition, text};

/// Numbers the worlds of a process, so that those on one cluster keep apart.
static WORLDS: AtomicUsize = AtomicUsize::new(0);

/// What a scenario acts in.
pub struct World {
    /// The cluster.
    pub cluster: Cluster,
    /// The only namespace that the controllers look at. Scenarios put their objects there, too.
    pub namespace: String,
    /// The repository that `GitRepository` objects made by [`World::source`] mean.
    pub repository: GitRepository,
    running: Option<Running>,
    storage: TempDir,
    /// Where artifacts are served; the same after a restart, as behind a Service.
    address: SocketAddr,
}

struct Running {
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl World {
    /// A new namespace and an empty repository, with the controllers at work.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub async fn new(cluster: &Cluster) -> Self {
        let mut world = Self::without_controllers(cluster).await;
        world.start();
        world
    }

    /// The same, with nobody looking at it yet.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub async fn without_controllers(cluster: &Cluster) -> Self {
        let namespace =
            format!("world-{}-{}", std::process::id(), WORLDS.fetch_add(1, Ordering::Relaxed));
        let repository = GitRepository::init().expect("git works");
        let storage = tempfile::tempdir().expect("a temporary folder");
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        drop(listener);
        let cluster = cluster.clone();
        let world = Self { cluster, namespace, repository, running: None, storage, address };
        let name = world.namespace.clone();
        world
            .apply(
                &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }),
            )
            .await;
        world
    }

    /// Starts source-controller and kustomize-controller.
    pub fn start(&mut self) {
        let shutdown = CancellationToken::new();
        let parts = || Parts {
            options: self.options(),
            shutdown: Some(shutdown.clone()),
            ..Parts::default()
        };
        let client = self.cluster.client.clone();
        let sources = Context::new("source-controller", client.clone(), parts());
        let applies = Context::new("kustomize-controller", client, parts());
        let settings = self.settings();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            source_controller::controllers(sources, settings)
                .await
                .expect("source-controller starts");
        });
        let scratch = self.storage.path().join("scratch");
        let controllers = kustomize_controller::controllers(
            &applies,
            kustomize_controller::Settings::default(),
            &scratch,
        );
        tasks.spawn(controllers.expect("kustomize-controller starts"));
        self.running = Some(Running { shutdown, tasks });
    }

    /// Ends the controllers, as at a rollout.
    pub async fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.shutdown.cancel();
            while running.tasks.join_next().await.is_some() {}
        }
    }

    fn options(&self) -> Options {
        Options {
            watch_namespace: Some(self.namespace.clone()),
            requeue_dependency: Duration::from_millis(300),
            min_retry_delay: Duration::from_millis(200),
            gates: Gates::new(&[
                ("ExternalArtifact", true),
                ("StrictPostBuildSubstitutions", true),
            ]),
            ..Options::default()
        }
    }

    fn settings(&self) -> Settings {
        let key = git::RepositoryKey::of(&self.url()).expect("a repository URL");
        let local = git::Local { path: self.repository.path().to_owned(), worktree: false };
        Settings {
            storage_path: self.storage.path().join("storage"),
            storage_addr: self.address,
            local: LocalRepositories::from_iter([(key, local)]),
            ..Settings::default()
        }
    }

    /// The URL that stands for the repository; it names no host that could be reached.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://git.invalid/{}.git", self.namespace)
    }

    /// Where artifacts are kept.
    #[must_use]
    pub fn storage(&self) -> &std::path::Path {
        self.storage.path()
    }

    /// Writes files and commits them; returns the revision that will be applied.
    ///
    /// # Panics
    /// When Git refuses.
    pub fn commit(&self, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            self.repository.write(path, content).expect("a file can be written");
        }
        let id = self.repository.commit("change").expect("git commits");
        format!("main@sha1:{id}")
    }

    /// Removes files and commits that.
    ///
    /// # Panics
    /// When Git refuses.
    pub fn remove(&self, paths: &[&str]) -> String {
        for path in paths {
            self.repository.git(&["rm", "-q", "-r", path]).expect("git removes");
        }
        self.commit(&[])
    }

    /// Applies the GitRepository `repo`.
    pub async fn source(&self) {
        let spec = json!({ "interval": "10m", "url": self.url(), "ref": { "branch": "main" } });
        self.apply(&self.object("source.toolkit.fluxcd.io/v1", "GitRepository", "repo", spec))
            .await;
    }

    /// Applies a Kustomization of `repo`; `spec` is laid over `interval`, `path: ./NAME`, `prune`, and the source.
    pub async fn kustomization(&self, name: &str, spec: Value) {
        let mut whole = json!({
            "interval": "10m",
            "retryInterval": "500ms",
            "timeout": "30s",
            "path": format!("./{name}"),
            "prune": true,
            "sourceRef": { "kind": "GitRepository", "name": "repo" },
        });
        if let (Some(whole), Value::Object(spec)) = (whole.as_object_mut(), spec) {
            whole.extend(spec);
        }
        self.apply(&self.object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name, whole))
            .await;
    }

    fn object(&self, api_version: &str, kind: &str, name: &str, spec: Value) -> Value {
        json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": { "name": name, "namespace": self.namespace },
            "spec": spec,
        })
    }

    /// Applies any object as a person would, by force.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub async fn apply(&self, object: &Value) -> DynamicObject {
        let field = |pointer: &str| {
            object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let api =
            self.api_at(&field("/apiVersion"), &field("/kind"), Some(field("/metadata/namespace")));
        let params = PatchParams::apply("scenario").force();
        let applied = api.patch(&field("/metadata/name"), &params, &Patch::Apply(object)).await;
        applied.unwrap_or_else(|error| panic!("{object} is not accepted: {error}"))
    }

    /// Changes an object by a merge patch, as a person would with `kubectl edit`.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub async fn edit(&self, kind: &str, name: &str, patch: Value) {
        let changed =
            self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        changed.unwrap_or_else(|error| panic!("{kind} {name} cannot be changed: {error}"));
    }

    /// Deletes an object.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub async fn delete(&self, kind: &str, name: &str) {
        let deleted = self.api(kind).delete(name, &DeleteParams::background()).await;
        deleted.unwrap_or_else(|error| panic!("{kind} {name} cannot be deleted: {error}"));
    }

    /// The object, if it is there.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub async fn get(&self, kind: &str, name: &str) -> Option<DynamicObject> {
        self.api(kind)
            .get_opt(name)
            .await
            .unwrap_or_else(|error| panic!("cannot read {kind} {name}: {error}"))
    }

    /// Waits until the Kustomization is ready at this revision.
    pub async fn applied(&self, name: &str, revision: &str) -> DynamicObject {
        eventually(&format!("Kustomization {name} is ready at {revision}"), async || {
            let object = self.get("Kustomization", name).await.ok_or("it does not exist")?;
            let ready = condition(&object, "Ready").is_some_and(|(status, ..)| status == "True");
            let observed =
                object.data.pointer("/status/observedGeneration").and_then(Value::as_i64);
            let current = observed == object.metadata.generation;
            let at = text(&object, "/status/lastAppliedRevision") == revision;
            if ready && current && at { Ok(object) } else { Err(status(&object)) }
        })
        .await
    }

    /// Waits until the object's `Ready` condition is False for this reason, and returns its message.
    pub async fn fails(&self, kind: &str, name: &str, reason: &str) -> String {
        eventually(&format!("{kind} {name} fails with {reason}"), async || {
            let object = self.get(kind, name).await.ok_or("it does not exist")?;
            match condition(&object, "Ready") {
                Some(("False", found, message)) if found == reason => Ok(message.to_owned()),
                _ => Err(status(&object)),
            }
        })
        .await
    }

    /// As [`Self::fails`], with a message that has one of these parts: what came before it may fail for the same reason.
    pub async fn fails_with(&self, kind: &str, name: &str, reason: &str, parts: &[&str]) {
        eventually(&format!("{kind} {name} fails with {reason}, {parts:?}"), async || {
            let object = self.get(kind, name).await.ok_or("it does not exist")?;
            match condition(&object, "Ready") {
                Some(("False", found, message))
                    if found == reason && parts.iter().any(|part| message.contains(part)) =>
                {
                    Ok(())
                }
                _ => Err(status(&object)),
            }
        })
        .await;
    }

    /// Waits until the object is there and `look` finds what it looks for in it.
    pub async fn sees<T>(
        &self,
        kind: &str,
        name: &str,
        look: impl Fn(&DynamicObject) -> Option<T>,
    ) -> T {
        eventually(&format!("{kind} {name} is as expected"), async || {
            let object = self.get(kind, name).await.ok_or("it does not exist")?;
            look(&object).ok_or_else(|| serde_json::to_string(&object).unwrap_or_default())
        })
        .await
    }

    /// Waits until the object is gone.
    pub async fn gone(&self, kind: &str, name: &str) {
        eventually(&format!("{kind} {name} is gone"), async || match self.get(kind, name).await {
            None => Ok(()),
            Some(object) => Err(format!("it is there, {}", status(&object))),
        })
        .await;
    }

    /// The value of a ConfigMap's key, once it is there.
    pub async fn value(&self, configmap: &str, key: &str) -> Option<String> {
        let object = self.get("ConfigMap", configmap).await?;
        object.data.pointer(&format!("/data/{key}")).and_then(Value::as_str).map(str::to_owned)
    }

    /// The ids of a Kustomization's inventory, in order.
    pub async fn inventory(&self, name: &str) -> Vec<String> {
        let object = self.get("Kustomization", name).await;
        let entries = object
            .as_ref()
            .and_then(|object| object.data.pointer("/status/inventory/entries")?.as_array());
        let ids = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.get("id")?.as_str().map(str::to_owned));
        ids.collect()
    }

    /// A client of the cluster.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.cluster.client
    }

    /// Objects of a kind that scenarios use, in the world's namespace where the kind has one.
    ///
    /// # Panics
    /// For a kind that is not in the list.
    #[must_use]
    pub fn api(&self, kind: &str) -> Api<DynamicObject> {
        let api_version = match kind {
            "GitRepository" => "source.toolkit.fluxcd.io/v1",
            "Kustomization" => "kustomize.toolkit.fluxcd.io/v1",
            "Deployment" | "StatefulSet" => "apps/v1",
            "Job" => "batch/v1",
            "Widget" => "weir.test/v1",
            "CustomResourceDefinition" => "apiextensions.k8s.io/v1",
            "ClusterRole" => "rbac.authorization.k8s.io/v1",
            "ConfigMap" | "Secret" | "Service" | "Namespace" | "ServiceAccount" | "Event" => "v1",
            other => panic!("{other} is not in the list of kinds"),
        };
        self.api_at(api_version, kind, Some(self.namespace.clone()))
    }

    fn api_at(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<String>,
    ) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let kind = GroupVersionKind::gvk(group, version, kind);
        let resource = ApiResource::from_gvk(&kind);
        let cluster_wide =
            ["Namespace", "CustomResourceDefinition", "ClusterRole"].contains(&kind.kind.as_str());
        match namespace.filter(|namespace| !cluster_wide && !namespace.is_empty()) {
            Some(namespace) => {
                Api::namespaced_with(self.cluster.client.clone(), &namespace, &resource)
            }
            None => Api::all_with(self.cluster.client.clone(), &resource),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.shutdown.cancel();
        }
    }
}

fn status(object: &DynamicObject) -> String {
    let status = object.data.get("status").map(ToString::to_string).unwrap_or_default();
    format!("{} has status {status}", object.name_any())
}
