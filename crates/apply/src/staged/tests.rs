use std::collections::BTreeMap;

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::json;
use testkit::ControlPlane;
use testkit::apiserver::{ApiServer, Options};

mod after;

use self::after::{
    a_cancelled_wait_ends_at_once, a_deployment_is_waited_for_and_a_missing_object_times_out,
    a_job_that_removes_itself_is_done, a_kind_that_comes_late_is_found_by_the_wait,
    a_kind_that_is_out_of_reach_is_not_gone, a_set_whose_pods_crash_has_failed,
    an_object_of_a_version_that_went_is_still_pruned,
    pruning_takes_what_is_ours_and_leaves_the_rest,
    what_somebody_takes_over_meanwhile_is_not_pruned,
};
use super::*;

/// A cluster in memory, and what was applied to it before.
struct World {
    server: Option<ApiServer>,
    cluster: Cluster,
    known: Known,
    applied: Inventory,
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
        let cluster = Cluster::new(client, "ours");
        Self { cluster, server, known: Known::default(), applied: Inventory::default(), options }
    }

    /// Removes what a scenario made.
    async fn clear(&self) {
        let all = kube::api::ListParams::default();
        let params = kube::api::DeleteParams::background();
        for api in [self.config_maps(), self.api("Deployment", "apps/v1", "deployments")] {
            api.delete_collection(&params, &all).await.unwrap();
        }
        for id in ["widgets", "latecomers"] {
            let id = format!("_{id}.example.com_apiextensions.k8s.io_CustomResourceDefinition");
            let id = ObjectId::from_inventory(&id).unwrap();
            let resource = self.cluster.resource_of(&id, "v1").await.unwrap().unwrap();
            if let Some(live) = self.cluster.get(&resource, &id).await.unwrap() {
                self.cluster.delete(&resource, &id, &live).await.unwrap();
                let gone = vec![(id, "v1".to_owned())];
                wait::gone(&self.cluster, gone, &WaitOptions::default()).await.unwrap();
            }
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
        let (known, applied) = (std::mem::take(&mut self.known), self.applied.clone());
        let mut memory = Memory { known, tracker, applied };
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

    /// Whether there were so many requests since the last call; a real server does not tell.
    fn requests_are(&self, count: u64) -> bool {
        self.server.is_none() || self.requests() == count
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
    nothing_is_changed_when_one_of_a_stage_is_refused,
    a_new_object_that_is_refused_keeps_nothing_from_being_there,
    new_objects_cost_one_request_each_and_so_does_a_single_change,
    what_is_there_and_wants_to_be_left_alone_is,
    what_is_refused_but_left_alone_holds_nobody_up,
    kinds_are_written_one_after_the_other,
    what_lives_in_no_namespace_is_named_without_one,
    an_object_is_in_a_set_once,
    what_somebody_takes_over_meanwhile_is_not_pruned,
    a_kind_that_is_out_of_reach_is_not_gone,
    an_object_of_a_version_that_went_is_still_pruned,
    a_kind_that_comes_late_is_found_by_the_wait,
    a_job_that_removes_itself_is_done,
    a_set_whose_pods_crash_has_failed,
    secrets_stay_secret_when_they_are_refused,
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

fn inventory(ids: &[&str]) -> Inventory {
    Inventory::from_entries(ids.iter().map(|id| (*id, "v1"))).unwrap()
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

async fn nothing_is_changed_when_one_of_a_stage_is_refused(world: &mut World) {
    let value = |name: &str, value: &str| config_map(name, json!({"k": value}));
    world.apply(&[value("a", "1"), value("b", "1")]).await.unwrap();
    let mut bad = value("b", "2");
    bad["data"] = json!(["no map"]);
    // With and without knowledge of what is there, and with a new object among them.
    for _ in 0..2 {
        let set = [value("a", "2"), bad.clone(), value("new", "2")];
        let error = world.apply(&set).await.unwrap_err();
        assert!(error.starts_with("ConfigMap/default/b dry-run failed"), "{error}");
        assert_eq!(world.data("a").await, json!({"k": "1"}));
        assert!(world.config_maps().get_opt("new").await.unwrap().is_none());
        world.known = Known::default();
        world.applied = inventory(&["default_a__ConfigMap", "default_b__ConfigMap"]);
    }
    let mut new = value("new", "1");
    new["data"] = json!(["no map"]);
    let error = world.apply(&[value("a", "2"), value("b", "1"), new]).await.unwrap_err();
    assert!(error.starts_with("ConfigMap/default/new dry-run failed"), "{error}");
    assert_eq!(world.data("a").await, json!({"k": "1"}));
}

async fn a_new_object_that_is_refused_keeps_nothing_from_being_there(world: &mut World) {
    let mut bad = config_map("b", json!({"k": "1"}));
    bad["data"] = json!(["no map"]);
    let error = world.apply(&[config_map("a", json!({"k": "1"})), bad.clone()]).await.unwrap_err();
    assert!(error.starts_with("ConfigMap/default/b dry-run failed"), "{error}");
    bad["data"] = json!({"k": "1"});
    let mended = world.apply(&[config_map("a", json!({"k": "1"})), bad]).await.unwrap();
    assert!(mended.ends_with("ConfigMap/default/b created"), "{mended}");
}

async fn new_objects_cost_one_request_each_and_so_does_a_single_change(world: &mut World) {
    let on_foreign = std::sync::Arc::new(|_| {});
    let tracker = Tracker::new(&world.cluster, "owner=me", on_foreign);
    let value = |name: &str, value: &str| config_map(name, json!({"k": value}));
    world.apply_with(&[value("warm", "1")], Some(&tracker)).await.unwrap();
    world.requests();
    let created = [value("a", "1"), value("b", "1"), value("c", "1")];
    world.apply_with(&created, Some(&tracker)).await.unwrap();
    assert!(world.requests_are(3), "three objects, three requests");
    let id = |name: &str| ObjectId::from_inventory(&format!("default_{name}__ConfigMap")).unwrap();
    eventually("the watch", || {
        ["a", "b", "c"].iter().all(|name| tracker.is_unchanged_since(&id(name), "999999999"))
    })
    .await;
    world.requests();
    let changed = [value("a", "1"), value("b", "2"), value("c", "1")];
    let changes = world.apply_with(&changed, Some(&tracker)).await.unwrap();
    assert!(changes.contains("ConfigMap/default/b configured"), "{changes}");
    assert!(world.requests_are(1), "one change, one request");
    eventually("the watch", || tracker.shows(&id("b"))).await;
    world.requests();
    let changed = [value("a", "3"), value("b", "3"), value("c", "1")];
    world.apply_with(&changed, Some(&tracker)).await.unwrap();
    assert!(world.requests_are(4), "two changes are tried before they are made");
}

async fn what_is_there_and_wants_to_be_left_alone_is(world: &mut World) {
    let mut theirs = config_map("theirs", json!({"k": "theirs"}));
    theirs["metadata"]["labels"] = json!({});
    theirs["metadata"]["annotations"] =
        json!({"kustomize.toolkit.fluxcd.io/reconcile": "disabled"});
    let theirs = serde_json::from_value(theirs).unwrap();
    world.config_maps().create(&kube::api::PostParams::default(), &theirs).await.unwrap();
    let changes = world.apply(&[config_map("theirs", json!({"k": "ours"}))]).await.unwrap();
    assert_eq!(changes, "ConfigMap/default/theirs skipped");
    assert_eq!(world.data("theirs").await, json!({"k": "theirs"}));
}

async fn what_is_refused_but_left_alone_holds_nobody_up(world: &mut World) {
    world.cluster = Cluster::new(with_fixed(world.cluster.client()), "ours");
    let mut fixed = config_map("fixed", json!({"k": "1"}));
    fixed["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"});
    world.apply(std::slice::from_ref(&fixed)).await.unwrap();
    fixed["data"] = json!({"k": "2"});
    world.known = Known::default();
    for applied in [Inventory::default(), inventory(&["default_fixed__ConfigMap"])] {
        world.applied = applied;
        let changes = world.apply(&[fixed.clone(), config_map("a", json!({}))]).await.unwrap();
        assert!(changes.contains("ConfigMap/default/fixed skipped"), "{changes}");
    }
}

/// A client that notes which objects are written, in the order in which that is begun and ended.
fn with_notes(client: &Client, notes: &Notes) -> Client {
    let (inner, notes) = (client.clone(), std::sync::Arc::clone(notes));
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let (client, notes) = (inner.clone(), std::sync::Arc::clone(&notes));
        async move {
            let writes = request.method() == http::Method::PATCH;
            let path = request.uri().path().rsplit('/').take(2).collect::<Vec<_>>().join(" of ");
            if writes {
                notes.lock().unwrap().push(format!("begin {path}"));
            }
            let answer = client.send(request).await;
            if writes {
                notes.lock().unwrap().push(format!("end {path}"));
            }
            answer
        }
    });
    Client::new(service, "default")
}

type Notes = std::sync::Arc<std::sync::Mutex<Vec<String>>>;

async fn kinds_are_written_one_after_the_other(world: &mut World) {
    let notes = Notes::default();
    world.cluster = Cluster::new(with_notes(world.cluster.client(), &notes), "ours");
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "account", "namespace": "default"},
    });
    let maps = [config_map("a", json!({})), config_map("b", json!({}))];
    world.apply(&[maps[0].clone(), account, maps[1].clone()]).await.unwrap();
    let notes = notes.lock().unwrap().clone();
    assert_eq!(notes[..2], ["begin account of serviceaccounts", "end account of serviceaccounts"]);
    assert_eq!(notes.len(), 6, "{notes:?}");
}

async fn what_lives_in_no_namespace_is_named_without_one(world: &mut World) {
    let object = |value: Value| Object::try_from(value).unwrap();
    let mut definition = definition();
    definition["spec"]["scope"] = json!("Cluster");
    let set = vec![
        object(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "r", "namespace": "default"}, "rules": [],
        })),
        object(definition),
        object(json!({
            "apiVersion": "example.com/v1", "kind": "Widget",
            "metadata": {"name": "w", "namespace": "default"},
        })),
        object(config_map("a", json!({}))),
        object(json!({
            "apiVersion": "example.com/v1", "kind": "Unknown",
            "metadata": {"name": "u", "namespace": "default"},
        })),
    ];
    let placed = world.cluster.placed(set).await.unwrap();
    let ids: Vec<String> = placed.iter().map(|object| object.id().to_string()).collect();
    assert_eq!(
        ids,
        [
            "ClusterRole/r",
            "CustomResourceDefinition/widgets.example.com",
            "Widget/w",
            "ConfigMap/default/a",
            "Unknown/default/u",
        ]
    );
}

async fn an_object_is_in_a_set_once(world: &mut World) {
    let a = || config_map("a", json!({}));
    let error = world.apply(&[a(), config_map("b", json!({})), a()]).await.unwrap_err();
    assert_eq!(error, "ConfigMap/default/a is in the set twice");
    assert!(world.config_maps().get_opt("b").await.unwrap().is_none());
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
        "ConfigMap/default/a configured",
        "its ownership is taken over, its value is not"
    );
    assert_eq!(world.data("a").await, json!({"k": "theirs", "l": "1"}));
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

async fn secrets_stay_secret_when_they_are_refused(world: &mut World) {
    let secret = |data: Value| {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "namespace": "default"}, "stringData": data,
        })
    };
    for data in
        [json!({"a": 123_456_789}), json!({"a": ["hunter2-hunter2"]}), json!("hunter2-hunter2")]
    {
        let error = world.apply(&[secret(data)]).await.unwrap_err();
        assert!(error.starts_with("Secret/default/s dry-run failed"), "{error}");
        assert!(!error.contains("123456789") && !error.contains("hunter2"), "{error}");
    }
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
    assert!(error.to_string().starts_with("Secret/a/s is SOPS encrypted"), "{error}");
    let kept = json!({"sops": {"mac": "x"}, "metadata": {
        "name": "s", "namespace": "a",
        "annotations": {"kustomize.toolkit.fluxcd.io/decrypt": "disabled"},
    }});
    assert!(check(&object(kept)).is_ok());
    let generated = json!({"metadata": {"generateName": "s-"}});
    assert!(check(&object(generated)).is_err());
}
