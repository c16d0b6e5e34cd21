use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};

use super::{Crd, all};

mod compare;

/// The CRDs of an older or of the newest release of the original, by file name.
fn corpus(folder: &str) -> Option<BTreeMap<String, Value>> {
    let path = corpus_root().join("spec").join(folder);
    let Ok(entries) = fs::read_dir(&path) else {
        eprintln!("skipped: no corpus folder {}", path.display());
        return None;
    };
    let mut crds = BTreeMap::new();
    for entry in entries {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        let value = serde_yaml::from_str(&text).unwrap();
        crds.insert(entry.file_name().into_string().unwrap(), value);
    }
    assert!(!crds.is_empty(), "{} is empty", path.display());
    Some(crds)
}

/// The optional corpus folder beside the repository, or where `WEIR_CORPUS` says.
#[expect(clippy::disallowed_methods, reason = "the place of optional test data")]
fn corpus_root() -> PathBuf {
    match std::env::var("WEIR_CORPUS") {
        Ok(path) => path.into(),
        Err(_) => [env!("CARGO_MANIFEST_DIR"), "..", "..", "..", "shared"].iter().collect(),
    }
}

#[test]
fn schemas_are_those_of_the_original() {
    let (Some(newest), Some(older)) = (corpus("crds"), corpus("crds-older")) else { return };
    let ours: BTreeMap<String, Crd> = all().into_iter().map(|c| (c.file_name(), c)).collect();
    assert!(newest.keys().eq(ours.keys()), "one file per kind on both sides");
    let mut found = Vec::new();
    for (file, theirs) in &newest {
        found.extend(compare::newest(file, &ours[file].object, theirs));
    }
    for (file, theirs) in &older {
        let (kind, _) = file.split_once('@').unwrap();
        let file = format!("{kind}.yaml");
        found.extend(compare::older(&file, &ours[&file].object, theirs));
    }
    compare::judge(&found, include_str!("../differences.txt"));
}

fn crd(plural: &str) -> Value {
    all().into_iter().find(|crd| crd.plural == plural).unwrap().object
}

#[test]
fn every_version_is_served_and_the_newest_stored() {
    for crd in all() {
        let versions = crd.object["spec"]["versions"].as_array().unwrap();
        for (index, version) in versions.iter().enumerate() {
            assert_eq!(version["served"], json!(true), "{}", crd.plural);
            assert_eq!(version["storage"], json!(index == 0), "{}", crd.plural);
            assert_eq!(version["schema"], versions[0]["schema"], "one schema for all versions");
        }
    }
    let releases = crd("helmreleases");
    assert_eq!(
        releases["spec"]["versions"][2]["deprecationWarning"],
        json!("v2beta1 HelmRelease is deprecated, upgrade to v2")
    );
}

#[test]
fn optional_fields_are_defaulted_not_nullable() {
    let object = crd("gitrepositories");
    let timeout = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/timeout";
    assert_eq!(
        object.pointer(timeout).unwrap(),
        &json!({
            "default": "60s",
            "description": "Time for one operation of Git, such as a clone.",
            "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$",
            "type": "string",
        })
    );
}

/// What Kubernetes asks of a structural schema: a type everywhere, and no keyword beyond its own.
#[test]
fn schemas_are_structural() {
    const KEYS: &[&str] = &[
        "additionalProperties",
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "minItems",
        "minLength",
        "minimum",
        "pattern",
        "properties",
        "required",
        "type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    ];
    fn check(schema: &Value, path: &str) {
        let map = schema.as_object().unwrap();
        for key in map.keys() {
            assert!(KEYS.contains(&key.as_str()), "{path}: {key}");
        }
        let free = map.get("x-kubernetes-preserve-unknown-fields").is_some();
        assert!(free || schema["type"].is_string(), "{path}: no type");
        for key in ["items", "additionalProperties"] {
            if let Some(inner) = map.get(key) {
                check(inner, &format!("{path}[]"));
            }
        }
        for (name, inner) in map.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            let described = inner.get("description").is_some() || path.is_empty();
            assert!(described, "{path}.{name} has no description");
            check(inner, &format!("{path}.{name}"));
        }
    }
    for crd in all() {
        check(&crd.object["spec"]["versions"][0]["schema"]["openAPIV3Schema"], "");
    }
}

/// Every object that a manifest may hold reads into the types and comes out as it went in.
#[test]
fn manifests_pass_through_the_types_unchanged() {
    let text = include_str!("tests/manifests.yaml");
    let mut kinds = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let value: Value = serde::Deserialize::deserialize(document).unwrap();
        let kind = value["kind"].as_str().unwrap().to_owned();
        assert_eq!(round_trip(&kind, value.clone()), value, "{kind}");
        kinds.push(kind);
    }
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), all().len(), "an example of every kind");
}

fn round_trip(kind: &str, value: Value) -> Value {
    use crate::api::{helm, image, kustomize, notification, source, source_extensions};
    fn through<T: serde::Serialize + serde::de::DeserializeOwned>(value: Value) -> Value {
        let object: T = serde_json::from_value(value).unwrap();
        serde_json::to_value(object).unwrap()
    }
    match kind {
        "GitRepository" => through::<source::GitRepository>(value),
        "OCIRepository" => through::<source::OCIRepository>(value),
        "Bucket" => through::<source::Bucket>(value),
        "HelmRepository" => through::<source::HelmRepository>(value),
        "HelmChart" => through::<source::HelmChart>(value),
        "ExternalArtifact" => through::<source::ExternalArtifact>(value),
        "ArtifactGenerator" => through::<source_extensions::ArtifactGenerator>(value),
        "Kustomization" => through::<kustomize::Kustomization>(value),
        "HelmRelease" => through::<helm::HelmRelease>(value),
        "Alert" => through::<notification::Alert>(value),
        "Provider" => through::<notification::Provider>(value),
        "Receiver" => through::<notification::Receiver>(value),
        "ImageRepository" => through::<image::ImageRepository>(value),
        "ImagePolicy" => through::<image::ImagePolicy>(value),
        "ImageUpdateAutomation" => through::<image::ImageUpdateAutomation>(value),
        other => panic!("no type for {other}"),
    }
}

/// Only the ExternalArtifact may do without a spec, as in the original.
#[test]
fn an_external_artifact_may_have_no_spec() {
    let object = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "ExternalArtifact",
        "metadata": {"name": "a"},
    });
    let object: crate::api::source::ExternalArtifact = serde_json::from_value(object).unwrap();
    assert_eq!(object.spec.source_ref, None);
}
