use std::collections::BTreeMap;

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::json;
use testkit::ControlPlane;
use testkit::apiserver::{ApiServer, Options};

use super::*;
use crate::inventory::Inventory;
use crate::prune;
use crate::wait::{Target, wait};

/// A cluster in memory, and what was applied to it before.
struct World {
    server: Option<ApiServer>,
    cluster: Cluster,
    known: Known,
    options: ApplyOptions,
}

impl World {
    fn in_memory() -> Self {
        let server = ApiServer::new(Options::default());
        let client = Client::new(server.service(), "default");
        Self::new(client, Some(server))
    }

    async fn real(plane: &ControlPlane) -> Self {
        let kubeconfig = kube::config::Kubeconfig::from_yaml(&plane.kubeconfig()).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        Self::new(Client::try_from(config).unwrap(), None)
    }

    fn new(client: Client, server: Option<ApiServer>) -> Self {
        let options = ApplyOptions { selector: "owner=me".to_owned(), ..ApplyOptions::default() };
        Self { cluster: Cluster::new(client, "ours"), server, known: Known::default(), options }
    }

    /// Removes what a scenario made.
    async fn clear(&self) {
        let all = kube::api::ListParams::default();
        let params = kube::api::DeleteParams::background();
        for api in [self.config_maps(), self.api("Deployment", "apps/v1", "deployments")] {
            api.delete_collection(&params, &all).await.unwrap();
        }
    }

    async fn apply(&mut self, objects: &[Value]) -> Result<String, String> {
        self.apply_with(objects, None).await
    }

    /// Applies and shows what happened.
    async fn apply_with(
        &mut self,
        objects: &[Value],
        tracker: Option<&Tracker>,
    ) -> Result<String, String> {
        let objects = objects.iter().cloned().map(|o| Object::try_from(o).unwrap()).collect();
        let mut memory = Memory { known: std::mem::take(&mut self.known), tracker };
        let cancel = CancellationToken::new();
        let result = staged(&self.cluster, objects, &self.options, &mut memory, &cancel).await;
        self.known = memory.known;
        result.map(|changes| changes.to_string()).map_err(|error| error.to_string())
    }

    fn api(&self, kind: &str, api_version: &str, plural: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = kube::api::ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        };
        Api::namespaced_with(self.cluster.client().clone(), "default", &resource)
    }

    fn config_maps(&self) -> Api<DynamicObject> {
        self.api("ConfigMap", "v1", "configmaps")
    }

    /// What `kubectl edit` would do.
    async fn edit(&self, name: &str, patch: Value) {
        let params = PatchParams::apply("kubectl-edit");
        let params = PatchParams { force: false, ..params };
        self.config_maps().patch(name, &params, &Patch::Merge(patch)).await.unwrap();
    }

    async fn data(&self, name: &str) -> Value {
        self.config_maps().get(name).await.unwrap().data["data"].clone()
    }

    /// How many requests other than watches there were since the last call.
    fn requests(&self) -> u64 {
        let Some(server) = &self.server else { return 0 };
        let counts = server.requests();
        server.reset_requests();
        counts.into_iter().filter(|(kind, _)| kind.verb != "watch").map(|(_, count)| count).sum()
    }
}

/// Makes a test of each scenario against the API server in memory, and one that runs all of them
/// against a real one where its programs are there.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        mod in_memory {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(&mut super::World::in_memory()).await;
                }
            )+
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_real_api_server_agrees() {
            let Some(tools) = ControlPlane::tools() else {
                println!("skipped: $WEIR_TOOLS names no control plane");
                return;
            };
            let plane = ControlPlane::start(&tools).unwrap();
            $(
                println!("{}", stringify!($name));
                let mut world = World::real(&plane).await;
                $name(&mut world).await;
                world.clear().await;
            )+
        }
    };
}

scenarios! {
    objects_are_created_then_unchanged_then_configured,
    nothing_is_written_when_one_of_a_stage_is_refused,
    drift_is_corrected_and_foreign_fields_are_left,
    what_kubectl_added_goes_with_the_takeover_and_stays_with_merge,
    if_not_present_creates_and_then_leaves_alone,
    ignored_fields_are_left_to_whoever_set_them,
    an_immutable_field_needs_force,
    a_definition_is_ready_before_its_objects_are_sent,
    pruning_takes_what_is_ours_and_leaves_the_rest,
    a_deployment_is_waited_for_and_a_missing_object_times_out,
    a_cancelled_wait_ends_at_once,
    a_watched_set_that_nobody_changed_costs_no_request_and_drift_is_told,
    an_impersonated_account_may_do_what_its_roles_allow,
}

fn config_map(name: &str, data: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default", "labels": {"owner": "me"}},
        "data": data,
    })
}

async fn objects_are_created_then_unchanged_then_configured(world: &mut World) {
    let (a, b) = (config_map("a", json!({"k": "1"})), config_map("b", json!({"k": "1"})));
    let created = "ConfigMap/default/a created\nConfigMap/default/b created";
    assert_eq!(world.apply(&[a.clone(), b.clone()]).await.unwrap(), created);
    let unchanged = "ConfigMap/default/a unchanged\nConfigMap/default/b unchanged";
    assert_eq!(world.apply(&[a.clone(), b.clone()]).await.unwrap(), unchanged);
    let changed = config_map("b", json!({"k": "2"}));
    let configured = "ConfigMap/default/a unchanged\nConfigMap/default/b configured";
    assert_eq!(world.apply(&[a, changed]).await.unwrap(), configured);
    assert_eq!(world.data("b").await, json!({"k": "2"}));
}

async fn nothing_is_written_when_one_of_a_stage_is_refused(world: &mut World) {
    let mut bad = config_map("b", json!({"k": "1"}));
    bad["data"] = json!(["no map"]);
    let error = world.apply(&[config_map("a", json!({"k": "1"})), bad]).await.unwrap_err();
    assert!(error.starts_with("ConfigMap/default/b dry-run failed"), "{error}");
    assert!(world.config_maps().get_opt("a").await.unwrap().is_none());
}

async fn drift_is_corrected_and_foreign_fields_are_left(world: &mut World) {
    let object = config_map("a", json!({"k": "1"}));
    world.apply(std::slice::from_ref(&object)).await.unwrap();
    world.edit("a", json!({"data": {"k": "changed"}})).await;
    assert_eq!(
        world.apply(std::slice::from_ref(&object)).await.unwrap(),
        "ConfigMap/default/a configured"
    );
    assert_eq!(world.data("a").await, json!({"k": "1"}));
}

async fn what_kubectl_added_goes_with_the_takeover_and_stays_with_merge(world: &mut World) {
    let mut object = config_map("a", json!({"k": "1"}));
    world.apply(std::slice::from_ref(&object)).await.unwrap();
    object["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/ssa": "Merge"});
    world.apply(std::slice::from_ref(&object)).await.unwrap();
    world.edit("a", json!({"data": {"extra": "x"}})).await;
    world.apply(std::slice::from_ref(&object)).await.unwrap();
    assert_eq!(world.data("a").await, json!({"k": "1", "extra": "x"}));
    object["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/ssa": "Override"});
    world.apply(std::slice::from_ref(&object)).await.unwrap();
    assert_eq!(world.data("a").await, json!({"k": "1"}));
}

async fn if_not_present_creates_and_then_leaves_alone(world: &mut World) {
    let mut object = config_map("a", json!({"k": "1"}));
    object["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"});
    assert_eq!(
        world.apply(std::slice::from_ref(&object)).await.unwrap(),
        "ConfigMap/default/a created"
    );
    object["data"] = json!({"k": "2"});
    assert_eq!(
        world.apply(std::slice::from_ref(&object)).await.unwrap(),
        "ConfigMap/default/a skipped"
    );
    assert_eq!(world.data("a").await, json!({"k": "1"}));
}

async fn ignored_fields_are_left_to_whoever_set_them(world: &mut World) {
    world.options.ignore = vec![IgnoreRule { paths: vec!["/data/k".to_owned()], target: None }];
    let object = config_map("a", json!({"k": "1", "l": "1"}));
    world.apply(std::slice::from_ref(&object)).await.unwrap();
    world.edit("a", json!({"data": {"k": "theirs"}})).await;
    assert_eq!(
        world.apply(std::slice::from_ref(&object)).await.unwrap(),
        "ConfigMap/default/a unchanged"
    );
    let object = config_map("a", json!({"k": "1", "l": "2"}));
    assert_eq!(
        world.apply(std::slice::from_ref(&object)).await.unwrap(),
        "ConfigMap/default/a configured"
    );
    assert_eq!(world.data("a").await, json!({"k": "theirs", "l": "2"}));
}

/// A client for a server that refuses any change to the ConfigMap `fixed` once it is there.
fn with_fixed(client: &Client) -> Client {
    let inner = client.clone();
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let client = inner.clone();
        async move {
            let path = request.uri().path().to_owned();
            if request.method() == http::Method::PATCH && path.ends_with("/configmaps/fixed") {
                let look = http::Request::get(path).body(Vec::new()).unwrap();
                if client.request::<Value>(look).await.is_ok() {
                    let status = json!({
                        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 422,
                        "reason": "Invalid", "message": "data: Forbidden: field is immutable",
                    });
                    let body = kube::client::Body::from(status.to_string().into_bytes());
                    let answer = http::Response::builder().status(422).body(body).unwrap();
                    return Ok::<_, kube::Error>(answer);
                }
            }
            client.send(request).await
        }
    });
    Client::new(service, "default")
}

async fn an_immutable_field_needs_force(world: &mut World) {
    world.cluster = Cluster::new(with_fixed(world.cluster.client()), "ours");
    let fixed = |value: &str| config_map("fixed", json!({"k": value}));
    assert_eq!(world.apply(&[fixed("1")]).await.unwrap(), "ConfigMap/default/fixed created");
    let before = world.config_maps().get("fixed").await.unwrap();
    let refused = world.apply(&[fixed("2")]).await.unwrap_err();
    assert!(refused.ends_with("(Invalid): data: Forbidden: field is immutable"), "{refused}");
    world.options.force = true;
    assert_eq!(world.apply(&[fixed("2")]).await.unwrap(), "ConfigMap/default/fixed created");
    let after = world.config_maps().get("fixed").await.unwrap();
    assert_ne!(after.metadata.uid, before.metadata.uid);
    assert_eq!(world.data("fixed").await, json!({"k": "2"}));
}

/// The definition of the kind `Widget`.
fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            }}}],
        },
    })
}

async fn a_definition_is_ready_before_its_objects_are_sent(world: &mut World) {
    let widget = json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "w", "namespace": "made-here"}, "spec": {"size": 1},
    });
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "made-here"}});
    let changes = world.apply(&[widget, definition(), namespace]).await.unwrap();
    assert_eq!(
        changes,
        "CustomResourceDefinition/widgets.example.com created\nNamespace/made-here created\n\
         Widget/made-here/w created"
    );
}

async fn pruning_takes_what_is_ours_and_leaves_the_rest(world: &mut World) {
    let mut kept = config_map("kept", json!({}));
    kept["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/prune": "disabled"});
    let mut foreign = config_map("foreign", json!({}));
    foreign["metadata"]["labels"] = json!({"owner": "other"});
    world.apply(&[config_map("mine", json!({})), kept, foreign]).await.unwrap();
    let stale = Inventory::from_entries([
        ("default_mine__ConfigMap", "v1"),
        ("default_kept__ConfigMap", "v1"),
        ("default_foreign__ConfigMap", "v1"),
        ("default_never__ConfigMap", "v1"),
        ("default_old_gone.example.com_Thing", "v1"),
    ])
    .unwrap();
    let owner = BTreeMap::from([("owner".to_owned(), "me".to_owned())]);
    let pruned = prune::delete(&world.cluster, &stale, &owner).await;
    assert!(pruned.failed.is_empty(), "{:?}", pruned.failed);
    assert_eq!(pruned.changes.changed().to_string(), "ConfigMap/default/mine deleted");
    assert!(world.config_maps().get_opt("mine").await.unwrap().is_none());
    assert!(world.config_maps().get_opt("kept").await.unwrap().is_some());
    assert!(world.config_maps().get_opt("foreign").await.unwrap().is_some());
}

async fn a_deployment_is_waited_for_and_a_missing_object_times_out(world: &mut World) {
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    });
    world.apply(std::slice::from_ref(&deployment)).await.unwrap();
    let id = Object::try_from(deployment).unwrap().id();
    let options = WaitOptions { timeout: Duration::from_secs(20), ..WaitOptions::default() };
    wait(&world.cluster, vec![Target::applied(id.clone(), "v1")], &options).await.unwrap();
    let missing = ObjectId { name: "missing".to_owned(), ..id };
    let options = WaitOptions { timeout: Duration::from_millis(200), ..options };
    let error =
        wait(&world.cluster, vec![Target::named(missing, "v1")], &options).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "timeout waiting for: [Deployment/default/missing status: 'NotFound']"
    );
}

async fn a_cancelled_wait_ends_at_once(world: &mut World) {
    let id = ObjectId::from_inventory("default_missing__ConfigMap").unwrap();
    let options = WaitOptions { timeout: Duration::from_hours(1), ..WaitOptions::default() };
    options.cancel.cancel();
    let ended = wait(&world.cluster, vec![Target::named(id, "v1")], &options).await;
    assert!(matches!(ended, Err(Error::Cancelled)));
}

/// Waits until the condition holds; the watch needs a moment, no more.
async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen");
}

async fn a_watched_set_that_nobody_changed_costs_no_request_and_drift_is_told(world: &mut World) {
    let told: std::sync::Arc<std::sync::Mutex<Vec<String>>> = std::sync::Arc::default();
    let listener = std::sync::Arc::clone(&told);
    let on_foreign = std::sync::Arc::new(move |foreign: crate::Foreign| {
        listener.lock().unwrap().push(foreign.id.to_string());
    });
    let tracker = Tracker::new(&world.cluster, "owner=me", on_foreign);
    let objects = [config_map("a", json!({"k": "1"})), config_map("b", json!({"k": "1"}))];
    world.apply_with(&objects, Some(&tracker)).await.unwrap();
    let id = |name: &str| ObjectId::from_inventory(&format!("default_{name}__ConfigMap")).unwrap();
    eventually("the watch", || {
        ["a", "b"].iter().all(|name| tracker.is_unchanged_since(&id(name), "999999999"))
    })
    .await;
    world.requests();
    let unchanged = "ConfigMap/default/a unchanged\nConfigMap/default/b unchanged";
    assert_eq!(world.apply_with(&objects, Some(&tracker)).await.unwrap(), unchanged);
    assert_eq!(world.requests(), 0);
    assert_eq!(
        told.lock().unwrap().as_slice(),
        <[String; 0]>::default(),
        "own writes are no drift"
    );

    world.edit("b", json!({"data": {"k": "theirs"}})).await;
    eventually("the drift", || told.lock().unwrap().as_slice() == ["ConfigMap/default/b"]).await;
    world.requests();
    let corrected = "ConfigMap/default/a unchanged\nConfigMap/default/b configured";
    assert_eq!(world.apply_with(&objects, Some(&tracker)).await.unwrap(), corrected);
    assert_eq!(world.data("b").await, json!({"k": "1"}));
}

async fn an_impersonated_account_may_do_what_its_roles_allow(world: &mut World) {
    let account =
        crate::Identity::ServiceAccount { namespace: "default".into(), name: "nobody".into() };
    let cluster = world.cluster.acting_as(&account);
    let objects = vec![Object::try_from(config_map("a", json!({}))).unwrap()];
    let mut memory = Memory::default();
    let cancel = CancellationToken::new();
    let error = staged(&cluster, objects, &world.options, &mut memory, &cancel).await.unwrap_err();
    assert!(error.to_string().contains("system:serviceaccount:default:nobody"), "{error}");
}

#[test]
fn what_is_encrypted_or_nameless_is_refused() {
    let object = |extra: Value| {
        let mut value = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "a"},
        });
        value.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        Object::try_from(value).unwrap()
    };
    assert!(check(&object(json!({}))).is_ok());
    let error = check(&object(json!({"sops": {"mac": "x"}}))).unwrap_err();
    assert!(error.to_string().starts_with("Secret/a/s: is SOPS encrypted"), "{error}");
    let generated = json!({"metadata": {"generateName": "s-"}});
    assert!(check(&object(generated)).is_err());
}
