//! From files to objects: the kustomize build, substitution, and our labels. Pure but for reading
//! the files, and on the pool for blocking work.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use common::api::kustomize::Kustomization;
use common::artifact::{Algorithm, Artifact, Digest, Tree};
use common::condition::Reason;
use kustomize::flux::{self, Injection};
use kustomize::{DirFiles, FileError, FileKind, Files, Remote, substitute};
use manifest::Object;
use runtime::{OrStop, Run, Stop};

use crate::plan::Plan;
use crate::settings::Settings;
use crate::steps::inputs::Inputs;
use crate::steps::remote::Bases;

/// The objects of a revision.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) objects: Vec<Object>,
    /// SHA-256 of their YAML, as `sha256:<hex>`.
    pub(crate) digest: String,
    /// The directories of the artifact that were looked into.
    pub(crate) directories: BTreeSet<String>,
    /// Whether it is made of more than the artifact.
    pub(crate) remote: bool,
}

/// What a render was made of: while it holds, another one would yield the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Basis {
    /// Digest of the spec and the variables.
    inputs: String,
    /// Digest of the artifact.
    artifact: String,
    /// Digests of the directories that were looked into, if the artifact names them.
    directories: Option<BTreeMap<String, String>>,
}

impl Basis {
    /// What a render of this object would be made of, before it is known what it looks into.
    pub(crate) fn new(object: &Kustomization, artifact: &Artifact, inputs: &Inputs) -> Self {
        // Without a generation (a server that keeps none) the spec itself must do.
        let generation = object.metadata.generation;
        let spec = generation.is_none().then(|| serde_json::to_string(&object.spec).ok());
        let uid = &object.metadata.uid;
        let text = format!("{uid:?} {generation:?} {spec:?} {:?} {}", inputs.vars, inputs.strict);
        Self {
            inputs: Digest::of(Algorithm::Sha256, text.as_bytes()).to_string(),
            artifact: artifact.digest.clone(),
            directories: None,
        }
    }

    /// The same, with what the render looked into.
    pub(crate) fn with(mut self, artifact: &Artifact, rendered: &BTreeSet<String>) -> Self {
        self.directories = artifact.directories().and_then(|digests| {
            let digest = |path: &String| Some((path.clone(), digests.covering(path)?.to_owned()));
            rendered.iter().map(digest).collect()
        });
        self
    }

    /// Whether what was made on this basis is what `now` would make: the inputs are the same, and so
    /// is the artifact, or (unless `whole` asks for the whole of it) every directory that matters.
    pub(crate) fn holds_for(&self, now: &Self, artifact: &Artifact, whole: bool) -> bool {
        if self.inputs != now.inputs {
            return false;
        }
        let same_directories = || {
            let (Some(before), Some(digests)) = (&self.directories, artifact.directories()) else {
                return false;
            };
            before.iter().all(|(path, digest)| digests.covering(path) == Some(digest))
        };
        self.artifact == now.artifact || (!whole && same_directories())
    }
}

/// Renders the objects.
pub(crate) async fn objects(
    run: &Run<Kustomization>,
    (plan, settings): (&Plan, &Settings),
    tree: Arc<Tree>,
    inputs: Inputs,
) -> Result<Rendered, Stop> {
    let (injection, path) = (plan.injection.clone(), plan.path.clone());
    let (metadata, owner) = (plan.common_metadata.clone(), plan.owner.clone());
    let bases = (!settings.no_remote_bases).then(Bases::new).transpose();
    let bases = bases.or_stop(Reason::BuildFailed)?;
    let rendered = run.blocking(move || {
        let (mut objects, directories) = build(&tree.path(), &path, &injection, bases.as_ref())?;
        let remote = bases.as_ref().is_some_and(Bases::were_used);
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
        Ok(Rendered { objects, digest, directories, remote })
    });
    rendered.await
}

/// Refuses a path that is no directory of the artifact.
pub(crate) fn check_path(tree: &Tree, path: &str) -> Result<(), Stop> {
    let files = DirFiles::jailed(&tree.path()).or_stop(Reason::ArtifactFailed)?;
    let directory = inside(path);
    if files.kind(&directory) == Some(FileKind::Directory) {
        return Ok(());
    }
    let shown = directory.display();
    let message =
        format!("kustomization path not found: '{shown}' is no directory of the artifact");
    Err(Stop::retry(Reason::ArtifactFailed, message))
}

/// The kustomize build of a directory of the artifact, and the directories it looked into. Nothing
/// outside of the artifact is read.
fn build(
    root: &Path,
    path: &str,
    injection: &Injection,
    bases: Option<&Bases>,
) -> Result<(Vec<Object>, BTreeSet<String>), Stop> {
    let files = DirFiles::jailed(root).or_stop(Reason::ArtifactFailed)?;
    let files = Recorded { files, directories: RefCell::default() };
    let directory = inside(path);
    let remote = bases.map(|bases| bases as &dyn Remote);
    let objects = flux::build(&files, &directory, injection, remote).map_err(|error| {
        let message = format!("kustomize build failed: {}", runtime::chain(&error));
        Stop::retry(Reason::BuildFailed, message)
    })?;
    files.note(&directory);
    Ok((objects, outermost(&files.directories.into_inner())))
}

/// Files that remember which directories were looked into.
struct Recorded {
    files: DirFiles,
    directories: RefCell<BTreeSet<PathBuf>>,
}

impl Recorded {
    fn note(&self, directory: &Path) {
        // What cannot be resolved can only be found missing again if nothing above it changes.
        let real = directory.ancestors().find_map(|ancestor| self.files.canonical(ancestor).ok());
        self.directories.borrow_mut().insert(real.unwrap_or_else(|| PathBuf::from("/")));
    }

    /// Notes the directory that decides what is at a path. To be a directory says nothing of what
    /// is in it, and is not noted.
    fn note_path(&self, path: &Path) {
        if self.files.kind(path) != Some(FileKind::Directory) {
            let real = self.files.canonical(path).unwrap_or_else(|_| path.to_owned());
            self.note(real.parent().unwrap_or(path));
        }
    }
}

impl Files for Recorded {
    fn read(&self, path: &Path) -> Result<Vec<u8>, FileError> {
        self.note_path(path);
        self.files.read(path)
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        self.note_path(path);
        self.files.kind(path)
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, FileError> {
        self.note(path);
        self.files.list(path)
    }

    fn canonical(&self, path: &Path) -> Result<PathBuf, FileError> {
        self.files.canonical(path)
    }

    fn is_link(&self, path: &Path) -> bool {
        self.files.is_link(path)
    }
}

/// The directories that are in no other of them, as text without the leading slash: the digest of a
/// directory covers everything below it.
fn outermost(directories: &BTreeSet<PathBuf>) -> BTreeSet<String> {
    let is_covered = |directory: &Path| {
        directory.ancestors().skip(1).any(|ancestor| directories.contains(ancestor))
    };
    let outer = directories.iter().filter(|directory| !is_covered(directory));
    outer.map(|directory| directory.to_string_lossy().trim_start_matches('/').to_owned()).collect()
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
    fn a_build_notes_the_directories_it_looked_into() {
        let root = tempfile::tempdir().unwrap();
        let config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\n";
        for (path, text) in [
            ("base/kustomization.yaml", "resources: [b.yaml]\n"),
            ("base/b.yaml", config_map),
            ("app/kustomization.yaml", "resources: [../base]\n"),
            ("other/x.yaml", "x: 1\n"),
            ("plain/deep/b.yaml", config_map),
        ] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        for (path, expected) in [("app", vec!["app", "base"]), ("plain", vec!["plain"])] {
            let (_, directories) = build(root.path(), path, &Injection::default(), None).unwrap();
            assert_eq!(directories.into_iter().collect::<Vec<_>>(), expected, "{path}");
        }
    }

    #[test]
    fn a_directory_stands_for_all_below_it() {
        let paths = ["/apps/prod", "/apps/prod/patches", "/base", "/basement"];
        let directories = paths.iter().map(PathBuf::from).collect();
        let outer: Vec<String> = outermost(&directories).into_iter().collect();
        assert_eq!(outer, ["apps/prod", "base", "basement"]);
    }

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
