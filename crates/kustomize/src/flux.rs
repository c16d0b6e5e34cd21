//! What Flux adds to a kustomization before it builds it (fluxcd/pkg/kustomize).

mod overlay;
#[cfg(test)]
mod tests;

use crate::build::{self, Options, Reorder, build_yaml};
use crate::error::{Context, Error, Result};
use crate::files::{FileKind, Files, MemoryFiles, clean, join};
use crate::kustomization::shape::{Reading, conform};
use crate::kustomization::{API_VERSION, FILE_NAMES, KIND, ORIGIN_ANNOTATIONS, shapes};
use crate::load::LoadRestriction;
use crate::remote::Remote;
use crate::tree::{Tree, read};
use manifest::Object;
use overlay::Overlay;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a Flux Kustomization says about the build. The default adds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Injection {
    /// `spec.targetNamespace`.
    pub target_namespace: Option<String>,
    /// `spec.namePrefix`.
    pub name_prefix: Option<String>,
    /// `spec.nameSuffix`.
    pub name_suffix: Option<String>,
    /// `spec.patches`, after those of the kustomization.
    pub patches: Vec<Patch>,
    /// `spec.images`, merged by name into those of the kustomization.
    pub images: Vec<Image>,
    /// `spec.components`, after those of the kustomization.
    pub components: Vec<String>,
    /// `spec.ignoreMissingComponents`: leave out components that are not there.
    pub ignore_missing_components: bool,
    /// `spec.buildMetadata`, instead of the kustomization's, if not empty.
    pub build_metadata: Vec<String>,
}

/// A patch of either kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The patch itself.
    pub patch: String,
    /// The objects it is for; without one a strategic merge patch is for the object of its id.
    pub target: Option<Selector>,
}

/// Which objects a patch is for; empty parts match anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of Flux's and kustomize's `target`")]
pub struct Selector {
    pub group: String,
    pub version: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub annotation_selector: String,
    pub label_selector: String,
}

/// A change of an image's name, tag or digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of Flux's and kustomize's `images`")]
pub struct Image {
    pub name: String,
    pub new_name: String,
    pub new_tag: String,
    pub digest: String,
}

/// A kustomization file as Flux wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Where it belongs.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Whether there was none before.
    pub created: bool,
}

/// Builds a directory as kustomize-controller does: with a generated kustomization where there is none, with what the
/// Flux Kustomization adds, with any file below the root readable, and not sorted.
///
/// # Errors
/// As [`generate`] and [`crate::build`].
pub fn build(
    files: &dyn Files,
    directory: &Path,
    injection: &Injection,
    remote: Option<&dyn Remote>,
) -> Result<Vec<Object>> {
    build_without(files, directory, injection, &|_, _| false, remote)
}

/// Says of a path, relative to the directory that is built, whether it is left out; and whether it is a directory.
pub type Ignores<'a> = &'a dyn Fn(&Path, bool) -> bool;

/// As [`build`], without what `ignores` says: manifests where a kustomization is generated, and resources, components
/// and definitions of one that is there.
///
/// # Errors
/// As [`build`].
pub fn build_without(
    files: &dyn Files,
    directory: &Path,
    injection: &Injection,
    ignores: Ignores<'_>,
    remote: Option<&dyn Remote>,
) -> Result<Vec<Object>> {
    let generated = generate_without(files, directory, injection, ignores)?;
    let files = Overlay::new(files, generated.path, generated.text.into_bytes());
    let options = Options {
        load_restriction: LoadRestriction::None,
        reorder: Reorder::None,
        extend_builtin_schema: true,
        remote,
        ..Options::default()
    };
    build::build(&files, directory, &options)
}

/// Changes a stream of manifests by patches and images, as `postRenderers` of a HelmRelease do: a kustomization whose only
/// resource is the stream. The order of the objects stays.
///
/// # Errors
/// When the stream is no list of objects, two objects have the same id, or a patch does not apply.
pub fn post_render(manifests: &str, patches: &[Patch], images: &[Image]) -> Result<String> {
    const RESOURCE: &str = "helm-output.yaml";
    let mut files = MemoryFiles::new();
    files.insert("kustomization.yaml", format!("resources:\n- {RESOURCE}\n"));
    files.insert(RESOURCE, manifests);
    let injection =
        Injection { patches: patches.to_vec(), images: images.to_vec(), ..Injection::default() };
    let generated = generate(&files, Path::new("/"), &injection)?;
    files.insert(&generated.path, generated.text);
    let options = Options {
        load_restriction: LoadRestriction::None,
        reorder: Reorder::None,
        ..Options::default()
    };
    Ok(build_yaml(&files, Path::new("/"), &options)?.yaml)
}

/// Sets labels and annotations on objects, over those they have (`spec.commonMetadata`).
pub fn set_common_metadata(
    objects: &mut [Object],
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) {
    for object in objects {
        for (key, value) in labels {
            object.set_label(key, value);
        }
        for (key, value) in annotations {
            object.set_annotation(key, value);
        }
    }
}

/// The kustomization file of a directory with what Flux adds; generated from the manifests below where there is none.
///
/// # Errors
/// If a file below a directory without kustomization is no manifest, if the kustomization cannot be read, and on
/// components that are not local and relative.
pub fn generate(files: &dyn Files, directory: &Path, injection: &Injection) -> Result<Generated> {
    generate_without(files, directory, injection, &|_, _| false)
}

/// As [`generate`], without what `ignores` says.
///
/// # Errors
/// As [`generate`].
pub fn generate_without(
    files: &dyn Files,
    directory: &Path,
    injection: &Injection,
    ignores: Ignores<'_>,
) -> Result<Generated> {
    let directory = clean(directory);
    let existing = FILE_NAMES
        .into_iter()
        .map(|name| directory.join(name))
        .find(|path| files.kind(path) == Some(FileKind::File));
    let created = existing.is_none();
    let path = existing.unwrap_or_else(|| directory.join("kustomization.yaml"));
    let mut fields = if created {
        scanned_fields(files, &directory, ignores)?
    } else {
        existing_fields(files, &path)?
    };
    leave_out(files, &directory, &mut fields, ignores);
    if !created && !has_items(&fields, "resources") {
        // Keeps a kustomization with nothing but components from counting as empty.
        fields.insert("buildMetadata".to_owned(), json!([ORIGIN_ANNOTATIONS]));
    }
    inject(&mut fields, injection);
    add_components(files, &directory, &mut fields, injection)?;
    if !injection.build_metadata.is_empty() {
        fields.insert("buildMetadata".to_owned(), json!(injection.build_metadata));
    }
    Ok(Generated { path, text: yaml::from_json(&Value::Object(fields)), created })
}

fn has_items(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).and_then(Value::as_array).is_some_and(|items| !items.is_empty())
}

/// The fields of an existing kustomization. Flux drops unknown ones, so that there a misspelled `resources` builds to
/// nothing and everything is pruned; here they are errors.
fn existing_fields(files: &dyn Files, path: &Path) -> Result<Map<String, Value>> {
    let reading = || format!("cannot read '{}'", path.display());
    let content = files.read(path).map_err(Error::from).context(reading)?;
    let text =
        String::from_utf8(content).map_err(|_| Error::new("not UTF-8 text")).context(reading)?;
    let mut value = yaml::to_json(&text, yaml::Rules::V2)
        .map_err(|error| {
            Error::new(format!("error converting YAML to JSON: {}", error.go_message()))
        })
        .context(reading)?;
    conform(&mut value, &shapes::KUSTOMIZATION, Reading::Known).context(reading)?;
    let mut fields = match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    for (name, default) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        fields.entry(name).or_insert_with(|| default.into());
    }
    Ok(fields)
}

/// A kustomization of all manifests below a directory.
fn scanned_fields(
    files: &dyn Files,
    directory: &Path,
    ignores: Ignores<'_>,
) -> Result<Map<String, Value>> {
    let mut scan = Scan { files, ignores, found: Vec::new() };
    scan.directory(directory, ".", 0)?;
    let resources = scan.found;
    let mut fields = Map::new();
    fields.insert("apiVersion".to_owned(), API_VERSION.into());
    fields.insert("kind".to_owned(), KIND.into());
    if resources.is_empty() {
        // Keeps the kustomization from counting as empty.
        fields.insert("namespace".to_owned(), "_placeholder".into());
    } else {
        fields.insert("resources".to_owned(), resources.into());
    }
    Ok(fields)
}

/// Directories inside each other that are looked through.
const MAX_DEPTH: usize = 100;

/// A look through directories for manifests and kustomizations.
struct Scan<'a> {
    files: &'a dyn Files,
    ignores: Ignores<'a>,
    found: Vec<String>,
}

impl Scan<'_> {
    fn directory(&mut self, directory: &Path, relative: &str, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            let message = format!(
                "directories below '{}' are nested more than {MAX_DEPTH} deep",
                directory.display()
            );
            return Err(Error::of(crate::ErrorKind::Limit, message));
        }
        for name in self.files.list(directory)? {
            let path = directory.join(&name);
            let relative = format!("{relative}/{name}");
            let is_directory = self.files.kind(&path) == Some(FileKind::Directory);
            if is_directory && !self.files.is_link(&path) {
                let is_kustomization =
                    |name: &&str| self.files.kind(&path.join(name)) == Some(FileKind::File);
                if FILE_NAMES.iter().any(is_kustomization) {
                    self.found.push(relative);
                } else {
                    self.directory(&path, &relative, depth + 1)?;
                }
            } else if !is_directory
                && is_yaml(&path)
                && !(self.ignores)(&relative_path(&relative), false)
            {
                check_manifest(self.files, &path)?;
                self.found.push(relative);
            }
        }
        Ok(())
    }
}

/// A path of a kustomization, relative to its directory and without `.`; `..` may lead out of it.
fn relative_path(path: &str) -> PathBuf {
    PathBuf::from(crate::files::join_relative("", path))
}

/// Takes paths that are ignored out of the lists that name files.
fn leave_out(
    files: &dyn Files,
    directory: &Path,
    fields: &mut Map<String, Value>,
    ignores: Ignores<'_>,
) {
    for name in ["resources", "components", "crds"] {
        let Some(Value::Array(paths)) = fields.get_mut(name) else { continue };
        paths.retain(|path| {
            let Some(path) = path.as_str().filter(|path| !crate::load::is_url(path)) else {
                return true;
            };
            let is_directory = files.kind(&join(directory, path)) == Some(FileKind::Directory);
            !ignores(&relative_path(path), is_directory)
        });
        if paths.is_empty() {
            fields.remove(name);
        }
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn check_manifest(files: &dyn Files, path: &Path) -> Result<()> {
    let content = files.read(path)?;
    let decoding = || format!("failed to decode Kubernetes YAML from {}", path.display());
    let text =
        String::from_utf8(content).map_err(|_| Error::new("not UTF-8 text")).context(decoding)?;
    read::objects(&mut Tree::default(), &text).context(decoding)?;
    Ok(())
}

fn inject(fields: &mut Map<String, Value>, injection: &Injection) {
    let texts = [
        ("namespace", &injection.target_namespace),
        ("namePrefix", &injection.name_prefix),
        ("nameSuffix", &injection.name_suffix),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            fields.insert(name.to_owned(), text.as_str().into());
        }
    }
    let patches = injection.patches.iter().map(|patch| {
        let mut entry = Map::new();
        entry.insert("patch".to_owned(), patch.patch.as_str().into());
        if let Some(target) = &patch.target {
            entry.insert("target".to_owned(), selector(target));
        }
        Value::Object(entry)
    });
    edit_list(fields, "patches", |list| list.extend(patches));
    edit_list(fields, "images", |list| {
        for image in &injection.images {
            add_image(list, image);
        }
    });
}

/// Changes a list field, which is created where it is missing and left out where it stays empty.
fn edit_list(fields: &mut Map<String, Value>, name: &str, edit: impl FnOnce(&mut Vec<Value>)) {
    let mut items = match fields.remove(name) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    edit(&mut items);
    if !items.is_empty() {
        fields.insert(name.to_owned(), Value::Array(items));
    }
}

fn selector(selector: &Selector) -> Value {
    let fields = [
        ("group", &selector.group),
        ("version", &selector.version),
        ("kind", &selector.kind),
        ("namespace", &selector.namespace),
        ("name", &selector.name),
        ("annotationSelector", &selector.annotation_selector),
        ("labelSelector", &selector.label_selector),
    ];
    let said = fields.into_iter().filter(|(_, text)| !text.is_empty());
    Value::Object(said.map(|(name, text)| (name.to_owned(), text.as_str().into())).collect())
}

/// Merges an image into the entry of its name. Tag and digest both say which version, so they change together.
fn add_image(images: &mut Vec<Value>, image: &Image) {
    let known = images
        .iter_mut()
        .find(|known| known.get("name").and_then(Value::as_str).unwrap_or_default() == image.name)
        .and_then(Value::as_object_mut);
    let mut fresh = Map::new();
    let is_new = known.is_none();
    let entry = known.unwrap_or(&mut fresh);
    entry.insert("name".to_owned(), image.name.as_str().into());
    if !image.new_name.is_empty() {
        entry.insert("newName".to_owned(), image.new_name.as_str().into());
    }
    if !image.new_tag.is_empty() || !image.digest.is_empty() {
        for (name, text) in [("newTag", &image.new_tag), ("digest", &image.digest)] {
            if text.is_empty() {
                entry.remove(name);
            } else {
                entry.insert(name.to_owned(), text.as_str().into());
            }
        }
    }
    if is_new {
        images.push(Value::Object(fresh));
    }
}

fn add_components(
    files: &dyn Files,
    directory: &Path,
    fields: &mut Map<String, Value>,
    injection: &Injection,
) -> Result<()> {
    for component in &injection.components {
        if !is_local_and_relative(component) {
            return Err(Error::new(format!(
                "component path '{component}' must be local and relative"
            )));
        }
        let missing = files.kind(&join(directory, component)).is_none();
        if !(missing && injection.ignore_missing_components) {
            edit_list(fields, "components", |list| list.push(component.as_str().into()));
        }
    }
    Ok(())
}

fn is_local_and_relative(path: &str) -> bool {
    const REMOTE: [&str; 8] =
        ["git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/"];
    let lower = path.to_ascii_lowercase();
    let remote =
        REMOTE.iter().any(|prefix| lower.len() > prefix.len() && lower.starts_with(prefix));
    !remote
        && !path.starts_with('/')
        && !lower.strip_prefix("file://").unwrap_or(&lower).starts_with('/')
}
