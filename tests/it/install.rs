//! The manifests that install the controllers, and the manifests that people already have.

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use std::path::{Path, PathBuf};
use tests::World;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Server-side applies as a dry run, which checks everything that a real apply checks.
async fn accepted(world: &World, object: &manifest::Object) -> Result<DynamicObject, String> {
    let kind = GroupVersionKind::gvk(object.group(), object.version(), object.kind());
    let found = pinned_kind(world.client(), &kind).await;
    let (resource, capabilities) = found.map_err(|error| format!("{}: {error}", object.id()))?;
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(world.client().clone(), &resource),
        Scope::Namespaced => {
            Api::namespaced_with(world.client().clone(), &world.namespace, &resource)
        }
    };
    let mut value = object.as_value().clone();
    if let Some(metadata) = value.get_mut("metadata").and_then(serde_json::Value::as_object_mut) {
        metadata.remove("namespace");
    }
    let params = PatchParams::apply("install").force().dry_run();
    let applied = api.patch(object.name(), &params, &Patch::Apply(&value)).await;
    applied.map_err(|error| format!("{}: {error}", object.id()))
}

pub(crate) async fn installation_is_accepted(world: World) {
    let files = kustomize::DirFiles::jailed(&root()).unwrap();
    let options = kustomize::Options {
        load_restriction: kustomize::LoadRestriction::None,
        ..Default::default()
    };
    let objects = kustomize::build(&files, Path::new("/manifests"), &options).unwrap();
    assert!(
        objects.iter().any(|object| object.kind() == "Deployment"),
        "the controllers are among them"
    );
    for object in &objects {
        if let Err(error) = accepted(&world, object).await {
            panic!("{error}");
        }
    }
}

/// Manifests of an optional corpus folder apply unchanged. A fragment without its required fields is applied onto an
/// object that has them, as a patch file would be.
pub(crate) async fn founding_examples_are_accepted(world: World) {
    let folder = root().join("../shared/founding-examples");
    if !folder.is_dir() {
        println!("skipped: the optional corpus folder is not there");
        return;
    }
    let complete = std::fs::read_to_string(folder.join("flux-kustomization.yaml")).unwrap();
    for object in manifest::parse_all(&complete).unwrap() {
        let mut object = object.as_value().clone();
        object["metadata"]["namespace"] = world.namespace.clone().into();
        world.apply(&object).await;
    }
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("flux-")
            && path.extension().is_some_and(|extension| extension == "yaml")
        {
            for object in manifest::parse_all(&std::fs::read_to_string(&path).unwrap()).unwrap() {
                accepted(&world, &object).await.unwrap_or_else(|error| panic!("{name}: {error}"));
                seen += 1;
            }
        }
    }
    assert!(seen >= 9, "only {seen} objects were there");
}
