//! A cluster in memory with the controller running on it, and a server of artifacts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::artifact::ignore::Rules;
use common::artifact::{ArtifactKey, NewArtifact, Store, StoreOptions, serve};
use kube::Client;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
};
use runtime::{Context, Observation, Observed, Options, Parts};
use serde_json::{Value, json};
use testkit::ControlPlane;
use testkit::apiserver::{ApiServer, Options as ServerOptions};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Settings;

const CRDS: [&str; 5] = [
    include_str!("../../../../crds/kustomize.toolkit.fluxcd.io_kustomizations.yaml"),
    include_str!("../../../../crds/source.toolkit.fluxcd.io_gitrepositories.yaml"),
    include_str!("../../../../crds/source.toolkit.fluxcd.io_ocirepositories.yaml"),
    include_str!("../../../../crds/source.toolkit.fluxcd.io_buckets.yaml"),
    include_str!("../../../../crds/source.toolkit.fluxcd.io_externalartifacts.yaml"),
];

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct World {
    server: Option<ApiServer>,
    client: Client,
    store: Store,
    context: Context,
    finished: Arc<AtomicU64>,
    artifacts: AtomicU64,
    offered: Arc<AtomicBool>,
    _scratch: tempfile::TempDir,
    _tasks: JoinSet<()>,
}

impl World {
    /// A world in memory.
    pub(super) async fn in_memory() -> Self {
        let server = ApiServer::new(ServerOptions::default());
        for crd in CRDS {
            server.install_crds(crd).unwrap();
        }
        let client = Client::new(server.service(), "default");
        Self::new(client, Some(server)).await
    }

    /// A world with a real API server.
    pub(super) async fn real(plane: &ControlPlane) -> Self {
        let kubeconfig = kube::config::Kubeconfig::from_yaml(&plane.kubeconfig()).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        let client = Client::try_from(config).unwrap();
        let objects = CRDS.iter().flat_map(|crd| manifest::parse_all(crd).unwrap()).collect();
        let cluster = apply::Cluster::new(client.clone(), "tests");
        let (options, mut memory) = (apply::ApplyOptions::default(), apply::Memory::default());
        apply::staged(&cluster, objects, &options, &mut memory, &CancellationToken::new())
            .await
            .unwrap();
        Self::new(client, None).await
    }

    /// Removes what a case made, and ends the controller.
    pub(super) async fn clear(self) {
        for kind in ["Kustomization", "GitRepository"] {
            for object in self.api(kind).list(&ListParams::default()).await.unwrap() {
                let name = object.metadata.name.unwrap();
                self.merge(kind, &name, json!({"metadata": {"finalizers": null}})).await;
                self.api(kind).delete(&name, &DeleteParams::default()).await.ok();
            }
        }
        self.context.shutdown().cancel();
        let everything = ListParams::default();
        let params = DeleteParams::default();
        for kind in ["Kustomization", "ConfigMap", "Secret", "Deployment", "Event"] {
            self.api(kind).delete_collection(&params, &everything).await.unwrap();
        }
    }

    /// With one worker, so that whoever holds it would be noticed.
    async fn new(client: Client, server: Option<ApiServer>) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let mut tasks = JoinSet::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = scratch.path().join("store");
        let advertised_host = listener.local_addr().unwrap().to_string();
        let store = Store::open(&root, StoreOptions { advertised_host, ..StoreOptions::default() });
        let offered = Arc::new(AtomicBool::new(true));
        let gate = Arc::clone(&offered);
        let router = serve::router(&root).layer(axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                let open = gate.load(Ordering::SeqCst);
                async move {
                    if open {
                        Ok(next.run(request).await)
                    } else {
                        Err(axum::http::StatusCode::FORBIDDEN)
                    }
                }
            },
        ));
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });

        let finished: Arc<AtomicU64> = Arc::default();
        let counter = Arc::clone(&finished);
        let options = Options {
            concurrent: 1,
            gates: runtime::Gates::new(crate::GATES),
            ..Options::default()
        };
        let parts = Parts {
            options,
            observer: Some(Arc::new(move |seen: &Observation<'_>| {
                if matches!(seen.what, Observed::Finished { .. }) {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            })),
            ..Parts::default()
        };
        let context = Context::new("kustomize-controller", client.clone(), parts);
        let cache = scratch.path().join("cache");
        tasks.spawn(crate::controllers(&context, Settings::default(), &cache).unwrap());
        Self {
            server,
            client,
            store: store.unwrap(),
            context,
            finished,
            artifacts: AtomicU64::new(0),
            offered,
            _scratch: scratch,
            _tasks: tasks,
        }
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let (group, version, plural) = match kind {
            "Kustomization" => ("kustomize.toolkit.fluxcd.io", "v1", "kustomizations"),
            "GitRepository" => ("source.toolkit.fluxcd.io", "v1", "gitrepositories"),
            "ConfigMap" => ("", "v1", "configmaps"),
            "Secret" => ("", "v1", "secrets"),
            "Deployment" => ("apps", "v1", "deployments"),
            "ClusterRole" => ("rbac.authorization.k8s.io", "v1", "clusterroles"),
            "Event" => ("", "v1", "events"),
            other => panic!("no kind {other} here"),
        };
        let api_version =
            if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let resource = ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version,
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        };
        if kind == "ClusterRole" {
            return Api::all_with(self.client.clone(), &resource);
        }
        Api::namespaced_with(self.client.clone(), "default", &resource)
    }

    pub(super) async fn create(&self, object: Value) {
        let api = self.api(object["kind"].as_str().unwrap());
        let object = serde_json::from_value(object).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
    }

    pub(super) async fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let object = self.api(kind).get_opt(name).await.unwrap();
        object.map(|object| serde_json::to_value(object).unwrap())
    }

    pub(super) async fn delete(&self, kind: &str, name: &str) {
        self.api(kind).delete(name, &DeleteParams::default()).await.unwrap();
    }

    pub(super) async fn merge(&self, kind: &str, name: &str, patch: Value) {
        let params =
            PatchParams { field_manager: Some("someone".to_owned()), ..PatchParams::default() };
        self.api(kind).patch(name, &params, &Patch::Merge(patch)).await.unwrap();
    }

    /// Asks for a visit by annotation.
    pub(super) async fn request(&self, name: &str, token: &str) {
        let annotations = json!({"reconcile.fluxcd.io/requestedAt": token});
        self.merge("Kustomization", name, json!({"metadata": {"annotations": annotations}})).await;
    }

    /// A GitRepository with an artifact of these files.
    pub(super) async fn source(&self, name: &str, revision: &str, files: &[(&str, &str)]) {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let number = self.artifacts.fetch_add(1, Ordering::SeqCst);
        let key = ArtifactKey::new("GitRepository", "default", name).unwrap();
        let new = NewArtifact {
            key: &key,
            revision,
            file_name: &format!("{number}.tar.gz"),
            metadata: std::collections::BTreeMap::new(),
            now: self.context.clock().now().into(),
        };
        let artifact = self.store.archive_dir(new, directory.path(), &Rules::default()).unwrap();
        if self.get("GitRepository", name).await.is_none() {
            self.create(json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"interval": "1m", "url": "https://example.com/repo"},
            }))
            .await;
        }
        let status = json!({"status": {"artifact": artifact}});
        let params = PatchParams::default();
        self.api("GitRepository").patch_status(name, &params, &Patch::Merge(status)).await.unwrap();
    }

    /// Whether the server of artifacts hands them out.
    pub(super) fn offer_artifacts(&self, offered: bool) {
        self.offered.store(offered, Ordering::SeqCst);
    }

    /// Waits until something holds.
    pub(super) async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let started = std::time::Instant::now();
        while !holds().await {
            if started.elapsed() > PATIENCE {
                let all = self.api("Kustomization").list(&ListParams::default()).await.unwrap();
                let shown = serde_json::to_string_pretty(&all.items).unwrap();
                panic!("not in time: {what}\n{shown}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn until_ready_says(
        &self,
        name: &str,
        status: &str,
        (reason, part): (&str, &str),
    ) -> Value {
        self.until(&format!("{name} {status} {reason} {part}"), async || {
            let Some(object) = self.get("Kustomization", name).await else { return false };
            condition(&object, "Ready").is_some_and(|ready| {
                ready["status"] == status
                    && ready["reason"] == reason
                    && ready["message"].as_str().unwrap().contains(part)
            })
        })
        .await;
        self.get("Kustomization", name).await.unwrap()
    }

    /// Waits until a Kustomization is ready with this message.
    pub(super) async fn ready(&self, name: &str, message: &str) -> Value {
        self.until_ready_says(name, "True", ("ReconciliationSucceeded", message)).await
    }

    /// Waits until a Kustomization is not ready for this reason.
    pub(super) async fn not_ready(&self, name: &str, reason: &str, part: &str) -> Value {
        self.until_ready_says(name, "False", (reason, part)).await
    }

    /// Waits until a request was handled.
    pub(super) async fn handled(&self, name: &str, token: &str) {
        self.until(&format!("{name} handled {token}"), async || {
            let object = self.get("Kustomization", name).await.unwrap();
            object["status"]["lastHandledReconcileAt"] == token
        })
        .await;
    }

    /// Waits for an event with this reason and text.
    pub(super) async fn event(&self, reason: &str, part: &str) -> Value {
        let find = async || {
            let events = self.api("Event").list(&ListParams::default()).await.unwrap();
            events.into_iter().map(|event| serde_json::to_value(event).unwrap()).find(|event| {
                event["reason"] == reason && event["message"].as_str().unwrap().contains(part)
            })
        };
        self.until(&format!("event {reason} {part}"), async || find().await.is_some()).await;
        find().await.unwrap()
    }

    /// All events so far, as `Type Reason: message`.
    pub(super) async fn events(&self) -> Vec<String> {
        let events = self.api("Event").list(&ListParams::default()).await.unwrap();
        let text = |event: &DynamicObject, field: &str| {
            event.data[field].as_str().unwrap_or_default().to_owned()
        };
        let line = |event: &DynamicObject| {
            let [kind, reason, message] =
                ["type", "reason", "message"].map(|field| text(event, field));
            format!("{kind} {reason}: {message}")
        };
        events.iter().map(line).collect()
    }

    /// Waits until no visit has ended for a moment: watches have settled.
    pub(super) async fn quiet(&self) {
        loop {
            let before = self.finished.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(200)).await;
            if self.finished.load(Ordering::SeqCst) == before {
                return;
            }
        }
    }

    /// The requests since the last call, watches left out, as `verb resource: count`; a real server
    /// does not tell.
    pub(super) fn requests(&self) -> Option<Vec<String>> {
        let server = self.server.as_ref()?;
        let counts = server.requests().into_iter().filter(|(kind, _)| kind.verb != "watch");
        let counts =
            counts.map(|(kind, count)| format!("{} {}: {count}", kind.verb, kind.resource));
        let counts = counts.collect();
        server.reset_requests();
        Some(counts)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.context.shutdown().cancel();
    }
}

/// A condition of an object.
pub(super) fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == name)
}

/// A Kustomization of the source `podinfo`.
pub(super) fn kustomization(name: &str, extra: Value) -> Value {
    let mut spec = json!({
        "interval": "1h", "prune": true, "targetNamespace": "default",
        "sourceRef": {"kind": "GitRepository", "name": "podinfo"},
    });
    spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "default"}, "spec": spec,
    })
}

/// The manifest of a ConfigMap with one value.
pub(super) fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  k: \"{value}\"\n")
}
