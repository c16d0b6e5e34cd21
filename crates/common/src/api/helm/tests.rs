use serde_json::json;

use super::HelmRelease;
use crate::api::Object;

fn release(name: &str, mut spec: serde_json::Value) -> HelmRelease {
    spec["interval"] = json!("10m");
    let object = json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": "apps"},
        "spec": spec,
    });
    serde_json::from_value(object).unwrap()
}

fn check_name(name: &str, spec: serde_json::Value, expected: &str) {
    assert_eq!(release(name, spec).release_name(), expected);
}

#[test]
fn names_of_releases() {
    check_name("web", json!({}), "web");
    check_name("web", json!({"targetNamespace": "prod"}), "prod-web");
    check_name("web", json!({"targetNamespace": "prod", "releaseName": "site"}), "site");
    // The digest is that of `printf <name> | sha256sum`.
    let long = "a".repeat(54);
    let expected = format!("{}-a3f01b693925", "a".repeat(40));
    check_name(&long, json!({}), &expected);
}

#[test]
fn namespaces_default_to_that_of_the_object() {
    let plain = release("web", json!({}));
    assert_eq!(
        (plain.release_namespace(), plain.storage_namespace()),
        ("apps".into(), "apps".into())
    );
    let other = release("web", json!({"targetNamespace": "a", "storageNamespace": "b"}));
    assert_eq!((other.release_namespace(), other.storage_namespace()), ("a".into(), "b".into()));
}

#[test]
fn zero_history_is_all_of_it() {
    assert_eq!(release("web", json!({})).spec.max_history(), Some(5));
    assert_eq!(release("web", json!({"maxHistory": 0})).spec.max_history(), None);
    assert_eq!(release("web", json!({"maxHistory": 9})).spec.max_history(), Some(9));
}

#[test]
fn timeouts_of_actions_fall_back() {
    let release = release("web", json!({"timeout": "2m", "install": {"timeout": "1m"}}));
    let spec = &release.spec;
    let own = spec.install.as_ref().unwrap().timeout.as_ref();
    assert_eq!(own.unwrap().get().unwrap().as_secs(), 60);
    assert_eq!(spec.timeout().unwrap().as_secs(), 120);
}

#[test]
fn fields_of_older_versions_are_told() {
    let spec = json!({
        "chart": {"spec": {
            "chart": "web",
            "sourceRef": {"kind": "HelmRepository", "name": "charts"},
            "valuesFile": "values-prod.yaml",
            "valuesFiles": ["values.yaml"],
        }},
        "postRenderers": [{"kustomize": {"patchesStrategicMerge": [{"kind": "X"}]}}],
    });
    let release = release("web", spec);
    let fields =
        ["spec.chart.spec.valuesFile", "spec.postRenderers.kustomize.patchesStrategicMerge"];
    assert_eq!(release.deprecated_fields(), fields);
    let chart = &release.spec.chart.as_ref().unwrap().spec;
    let files: Vec<&str> = chart.values_files().collect();
    assert_eq!(files, ["values-prod.yaml", "values.yaml"]);
    assert!(self::release("web", json!({})).deprecated_fields().is_empty());
}
