//! From files to objects: the kustomize build, substitution, and our labels. Pure but for reading
//! the files, and on the pool for blocking work.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use common::api::kustomize::Kustomization;
use common::artifact::{Algorithm, Artifact, Digest, Tree};
use common::condition::Reason;
use kustomize::flux::{self, Injection};
use kustomize::{DirFiles, FileKind, Files, substitute};
use manifest::Object;
use runtime::{OrStop, Run, Stop};

use crate::plan::Plan;
use crate::steps::inputs::Inputs;

/// The objects of a revision.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) objects: Vec<Object>,
    /// SHA-256 of their YAML, as `sha256:<hex>`.
    pub(crate) digest: String,
}

/// A digest of everything that decides what is rendered.
pub(crate) fn fingerprint(object: &Kustomization, artifact: &Artifact, inputs: &Inputs) -> String {
    // Without a generation (a server that keeps none) the spec itself must do.
    let generation = object.metadata.generation;
    let spec = generation.is_none().then(|| serde_json::to_string(&object.spec).ok());
    let text = format!(
        "{:?} {generation:?} {spec:?} {} {} {:?} {}",
        object.metadata.uid, artifact.digest, artifact.revision, inputs.vars, inputs.strict
    );
    Digest::of(Algorithm::Sha256, text.as_bytes()).to_string()
}

/// Renders the objects.
pub(crate) async fn objects(
    run: &Run<Kustomization>,
    plan: &Plan,
    tree: Arc<Tree>,
    inputs: Inputs,
) -> Result<Rendered, Stop> {
    let (injection, path) = (plan.injection.clone(), plan.path.clone());
    let (metadata, owner) = (plan.common_metadata.clone(), plan.owner.clone());
    let rendered = run.blocking(move || {
        let mut objects = build(&tree.path(), &path, &injection)?;
        if let Some(vars) = &inputs.vars {
            objects = objects
                .into_iter()
                .map(|object| substitute::object(object, vars, inputs.strict))
                .collect::<Result<_, _>>()
                .or_stop(Reason::BuildFailed)?;
        }
        let yaml = manifest::to_yaml(&objects);
        let digest = Digest::of(Algorithm::Sha256, yaml.as_bytes()).to_string();
        for object in &mut objects {
            for (key, value) in &owner {
                object.set_label(key, value);
            }
        }
        flux::set_common_metadata(&mut objects, &metadata.labels, &metadata.annotations);
        Ok(Rendered { objects, digest })
    });
    rendered.await
}

/// The kustomize build of a directory of the artifact. Nothing outside of the artifact is read.
fn build(root: &Path, path: &str, injection: &Injection) -> Result<Vec<Object>, Stop> {
    let files = DirFiles::jailed(root).or_stop(Reason::ArtifactFailed)?;
    let directory = inside(path);
    if files.kind(&directory) != Some(FileKind::Directory) {
        let message = format!(
            "kustomization path not found: '{}' is no directory of the artifact",
            directory.display()
        );
        return Err(Stop::retry(Reason::ArtifactFailed, message));
    }
    flux::build(&files, &directory, injection, None).map_err(|error| {
        Stop::retry(
            Reason::BuildFailed,
            format!("kustomize build failed: {}", runtime::chain(&error)),
        )
    })
}

/// A path of a spec below the root of the artifact: `..` never leads above it.
fn inside(path: &str) -> PathBuf {
    let mut inside = PathBuf::from("/");
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => inside.push(name),
            Component::ParentDir => {
                inside.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_the_root() {
        for (path, expected) in [
            ("", "/"),
            ("./apps/prod/", "/apps/prod"),
            ("/apps", "/apps"),
            ("../../etc", "/etc"),
            ("apps/../..", "/"),
        ] {
            assert_eq!(inside(path), Path::new(expected), "{path}");
        }
    }
}
