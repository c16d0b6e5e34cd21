//! What applying does, and what it leaves to others.

use serde_json::json;
use tests::World;

use crate::lifecycle::namespaced;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {key: first}\n";

async fn applied(world: &World, file: &str) -> String {
    let revision = world.commit(&[("app/app.yaml", file)]);
    world.source().await;
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    world.applied("app", &revision).await;
    revision
}

pub(crate) async fn drifted_field_is_put_right(world: World) {
    applied(&world, CONFIG).await;
    world.edit("ConfigMap", "one", json!({ "data": { "key": "by hand" } })).await;
    // The interval is ten minutes: only a watch can be as quick as the patience of `sees`.
    world
        .sees("ConfigMap", "one", |it| (it.data.pointer("/data/key")? == "first").then_some(()))
        .await;
}

pub(crate) async fn deleted_object_is_created_again(world: World) {
    applied(&world, CONFIG).await;
    let uid = world.get("ConfigMap", "one").await.and_then(|it| it.metadata.uid);
    world.delete("ConfigMap", "one").await;
    world.sees("ConfigMap", "one", |it| (it.metadata.uid != uid).then_some(())).await;
}

const JOB: &str = "\
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: job, image: 'example.com/job:1'}]
";

pub(crate) async fn immutable_field_needs_force(world: World) {
    applied(&world, JOB).await;
    let uid = world.get("Job", "job").await.and_then(|it| it.metadata.uid);
    let second = world.commit(&[("app/app.yaml", &JOB.replace("job:1", "job:2"))]);
    let message = world.fails("Kustomization", "app", "ReconciliationFailed").await;
    assert!(message.contains(&format!("Job/{}/job", world.namespace)), "{message}");
    assert!(message.contains("field is immutable"), "{message}");
    assert_eq!(
        world.get("Job", "job").await.and_then(|it| it.metadata.uid),
        uid,
        "nothing was deleted"
    );

    world.edit("Kustomization", "app", json!({ "spec": { "force": true } })).await;
    world.applied("app", &second).await;
    let job = world.get("Job", "job").await.unwrap();
    assert_ne!(job.metadata.uid, uid, "it was created again");
    assert_eq!(
        job.data.pointer("/spec/template/spec/containers/0/image").unwrap(),
        "example.com/job:2"
    );
}

pub(crate) async fn definition_and_its_object_in_one_commit(world: World) {
    // A group of the world's own, so that worlds on one cluster do not meet.
    let group = format!("{}.weir.test", world.namespace);
    let definition = format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {{type: object, properties: {{size: {{type: integer}}}}}}
"
    );
    let object = format!(
        "apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: one}}\nspec: {{size: 3}}\n"
    );
    let kustomization = namespaced(&world, &["object.yaml", "definition.yaml"]);
    let files = [
        ("app/object.yaml", &*object),
        ("app/definition.yaml", &definition),
        ("app/kustomization.yaml", &kustomization),
    ];
    let revision = world.commit(&files);
    world.source().await;
    world.kustomization("app", json!({ "wait": true })).await;
    world.applied("app", &revision).await;
    let expected = [
        format!("_widgets.{group}_apiextensions.k8s.io_CustomResourceDefinition"),
        format!("{}_one_{group}_Widget", world.namespace),
    ];
    let mut inventory = world.inventory("app").await;
    inventory.sort();
    assert_eq!(inventory, expected);
    // The definition belongs to the cluster, which outlives this world.
    world.delete("Kustomization", "app").await;
    world.gone("CustomResourceDefinition", &format!("widgets.{group}")).await;
}

pub(crate) async fn fields_of_others_are_kept(world: World) {
    applied(&world, CONFIG).await;
    let theirs = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "one", "namespace": world.namespace, "annotations": { "example.com/owner": "them" } },
        "data": { "other": "theirs" },
    });
    world.apply(&theirs).await;
    let second = world.commit(&[("app/app.yaml", &CONFIG.replace("first", "second"))]);
    world.applied("app", &second).await;
    let one = world.get("ConfigMap", "one").await.unwrap();
    assert_eq!(one.data.pointer("/data").unwrap(), &json!({ "key": "second", "other": "theirs" }));
    assert!(one.metadata.annotations.unwrap_or_default().contains_key("example.com/owner"));
}

pub(crate) async fn substitution_and_overrides_reach_the_cluster(world: World) {
    let file = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data:
  region: ${region}
  tier: ${tier:=small}
  secret: ${token}
  plain: $${region}
";
    let vars = |kind: &str, name: &str, key: &str, data: serde_json::Value| json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name, "namespace": world.namespace }, key: data });
    world
        .apply(&vars("ConfigMap", "vars", "data", json!({ "region": "north", "tier": "large" })))
        .await;
    world.apply(&vars("Secret", "vars", "stringData", json!({ "token": "hidden" }))).await;
    let revision = world.commit(&[("app/app.yaml", file)]);
    world.source().await;
    let spec = json!({
        "targetNamespace": world.namespace,
        "namePrefix": "my-",
        "commonMetadata": { "labels": { "team": "a" } },
        "patches": [{ "patch": "- {op: add, path: /data/patched, value: \"yes\"}", "target": { "kind": "ConfigMap" } }],
        "postBuild": {
            "substitute": { "tier": "inline" },
            "substituteFrom": [
                { "kind": "ConfigMap", "name": "vars" },
                { "kind": "Secret", "name": "vars" },
                { "kind": "Secret", "name": "missing", "optional": true },
            ],
        },
    });
    world.kustomization("app", spec).await;
    world.applied("app", &revision).await;
    let one = world.get("ConfigMap", "my-one").await.unwrap();
    let expected = json!({ "region": "north", "tier": "inline", "secret": "hidden", "plain": "${region}", "patched": "yes" });
    assert_eq!(one.data.pointer("/data").unwrap(), &expected);
    assert_eq!(one.metadata.labels.unwrap_or_default().get("team").map(String::as_str), Some("a"));
}

pub(crate) async fn generated_names_follow_their_content(world: World) {
    let deployment = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: example.com/web:1
          envFrom: [{configMapRef: {name: settings}}]
";
    let kustomization = |value: &str| {
        format!(
            "{}configMapGenerator:\n  - name: settings\n    literals: [level={value}]\nimages:\n  - {{name: example.com/web, newTag: '2'}}\n",
            namespaced(&world, &["deployment.yaml"])
        )
    };
    let first = world.commit(&[
        ("app/deployment.yaml", deployment),
        ("app/kustomization.yaml", &kustomization("info")),
    ]);
    world.source().await;
    world.kustomization("app", json!({ "wait": true })).await;
    world.applied("app", &first).await;
    let reference = "/spec/template/spec/containers/0/envFrom/0/configMapRef/name";
    let name = async || {
        world
            .get("Deployment", "web")
            .await
            .unwrap()
            .data
            .pointer(reference)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    let before = name().await;
    assert!(before.starts_with("settings-"), "{before}");
    assert_eq!(world.value(&before, "level").await.as_deref(), Some("info"));
    let second = world.commit(&[("app/kustomization.yaml", &kustomization("debug"))]);
    world.applied("app", &second).await;
    let after = name().await;
    assert_ne!(before, after);
    assert_eq!(world.value(&after, "level").await.as_deref(), Some("debug"));
    world.gone("ConfigMap", &before).await;
}
