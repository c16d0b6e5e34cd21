use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Object,
    image::{DEFAULT_EXCLUSION_LIST, ImageRepository},
    kustomize::{DeletionPolicy, Kustomization},
    notification::Receiver,
    source::{GitRepository, HelmRepository},
};

/// An object of a kind with the fields that it must have, and these.
fn object<K: Object + DeserializeOwned>(required: Value, spec: Value) -> K {
    let mut all = required.as_object().unwrap().clone();
    all.extend(spec.as_object().unwrap().clone());
    let metadata = json!({"name": "a", "namespace": "b"});
    let (api_version, kind) = (K::api_version(&()), K::kind(&()));
    let object =
        json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": all});
    serde_json::from_value(object).unwrap()
}

fn kustomization(spec: Value) -> Kustomization {
    let source = json!({"kind": "GitRepository", "name": "a"});
    object(json!({"interval": "10m", "prune": true, "sourceRef": source}), spec)
}

fn check_times(spec: Value, timeout: u64, retry: u64) {
    let object = kustomization(spec);
    assert_eq!(object.spec.timeout(), Ok(Duration::from_secs(timeout)));
    assert_eq!(object.spec.retry_interval(), Ok(Duration::from_secs(retry)));
}

#[test]
fn times_of_a_kustomization_follow_its_interval() {
    check_times(json!({}), 570, 600);
    check_times(json!({"interval": "10s"}), 30, 10);
    check_times(json!({"timeout": "2m", "retryInterval": "5s"}), 120, 5);
    check_times(json!({"timeout": "1s"}), 30, 600);
    let wrong = kustomization(json!({"interval": "often", "retryInterval": "1m"}));
    assert_eq!(wrong.interval().unwrap_err().text, "often");
    assert_eq!(wrong.spec.retry_interval(), Ok(Duration::from_mins(1)));
}

#[test]
fn fields_of_older_versions_are_told() {
    assert!(kustomization(json!({})).deprecated_fields().is_empty());
    let old = kustomization(json!({"validation": "client", "patchesStrategicMerge": [{}]}));
    assert_eq!(old.deprecated_fields(), ["spec.patchesStrategicMerge", "spec.validation"]);
}

#[test]
fn sources_have_the_defaults_of_their_crds() {
    let minimal = json!({"url": "https://example.org", "interval": "1m"});
    let git: GitRepository =
        object(minimal, json!({"include": [{"repository": {"name": "base"}}]}));
    assert_eq!(git.spec.timeout(), Ok(Duration::from_mins(1)));
    assert_eq!(git.spec.include[0].from_path(), "");
    assert_eq!(git.spec.include[0].to_path(), "base");
    assert!(!git.suspended() && git.status().is_none());

    let helm: HelmRepository =
        object(json!({"url": "oci://example.org"}), json!({"type": "oci", "timeout": "5s"}));
    assert!(helm.spec.is_oci());
    assert_eq!(helm.interval(), Ok(Some(Duration::from_mins(1))));
    assert_eq!(helm.spec.timeout(), Ok(Duration::from_secs(5)));
}

#[test]
fn other_kinds_have_the_defaults_of_their_crds() {
    let required = json!({"image": "a", "interval": "5m"});
    let image: ImageRepository = object(required.clone(), json!({}));
    assert_eq!(image.spec.timeout(), Ok(Duration::from_mins(5)));
    assert_eq!(image.spec.exclusion_list(), DEFAULT_EXCLUSION_LIST);
    let none: ImageRepository = object(required, json!({"exclusionList": []}));
    assert!(none.spec.exclusion_list().is_empty());

    let provider = json!([{"issuerURL": "https://a", "validations": []}]);
    let receiver: Receiver = object(
        json!({"type": "generic-oidc", "resources": []}),
        json!({"oidcProviders": provider}),
    );
    assert_eq!(receiver.interval(), Ok(Some(Duration::from_mins(10))));
    assert_eq!(receiver.spec.oidc_providers[0].audience(), "notification-controller");
}

#[test]
fn an_unknown_value_is_kept_as_written() {
    let object = kustomization(json!({"deletionPolicy": "Recycle"}));
    let policy = object.spec.deletion_policy.clone().unwrap();
    assert_eq!(policy, DeletionPolicy::Other("Recycle".to_owned()));
    assert_eq!(serde_json::to_value(&object).unwrap()["spec"]["deletionPolicy"], json!("Recycle"));
    assert_eq!(DeletionPolicy::from("Orphan"), DeletionPolicy::Orphan);
    assert_eq!(DeletionPolicy::VALUES.len(), 4);
}

#[test]
fn a_status_is_made_when_it_is_written() {
    let mut object = kustomization(json!({"suspend": true}));
    assert!(object.suspended());
    object.status_mut().observed_generation = Some(3);
    assert_eq!(object.status().unwrap().observed_generation, Some(3));
}
