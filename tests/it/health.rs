//! Waiting until it is healthy.

use serde_json::json;
use tests::{World, condition};

fn deployment(name: &str, annotation: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 1
  progressDeadlineSeconds: 2
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}, annotations: {{{annotation}}}}}
    spec: {{containers: [{{name: web, image: 'example.com/web:1'}}]}}
"
    )
}

/// Keeps Pods from becoming ready, in both tiers.
const NEVER: &str = "weir.dev/simulate: never-ready";

pub(crate) async fn failing_check_then_a_fix(world: World) {
    world.commit(&[("app/web.yaml", &deployment("web", NEVER))]);
    world.source().await;
    world.kustomization("app", json!({ "targetNamespace": world.namespace, "wait": true })).await;
    let message = world.fails("Kustomization", "app", "HealthCheckFailed").await;
    assert!(message.contains(&format!("Deployment/{}/web", world.namespace)), "{message}");
    let app = world.get("Kustomization", "app").await.unwrap();
    assert_eq!(
        condition(&app, "Healthy").map(|c| (c.0, c.1)),
        Some(("False", "HealthCheckFailed"))
    );

    let fixed = world.commit(&[("app/web.yaml", &deployment("web", ""))]);
    let app = world.applied("app", &fixed).await;
    assert_eq!(condition(&app, "Healthy").map(|c| c.0), Some("True"));
}

pub(crate) async fn named_check_waits_for_that_object_only(world: World) {
    let files =
        [("app/good.yaml", &*deployment("good", "")), ("app/bad.yaml", &deployment("bad", NEVER))];
    let revision = world.commit(&files);
    world.source().await;
    let check = json!([{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "good", "namespace": world.namespace }]);
    world
        .kustomization("app", json!({ "targetNamespace": world.namespace, "healthChecks": check }))
        .await;
    world.applied("app", &revision).await;
}
