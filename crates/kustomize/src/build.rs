//! A whole build, from a directory to the objects it stands for.

use crate::config::FieldSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::generate::helm::ChartRenderer;
use crate::kustomization::{
    Kustomization, MANAGED_BY_LABEL, ORIGIN_ANNOTATIONS, SortOptions, TRANSFORMER_ANNOTATIONS,
};
use crate::load::{LoadRestriction, Loader};
use crate::origin::Origin;
use crate::remote::Remote;
use crate::resmap::ResMap;
use crate::resource::{
    self, LOCAL_CONFIG, ORIGIN, Resource, TRANSFORMATIONS, build as annotations,
};
use crate::target::{Accumulator, Target};
use crate::transform::{self, hash, references, sort, vars};
use crate::tree::schema::is_namespaced;
use crate::tree::{NodeId, Tree, json, read};
use manifest::Object;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

/// The order of the result where the kustomization does not say one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reorder {
    /// As the objects come in: what Flux does.
    #[default]
    None,
    /// By kind, as `kubectl apply` would like them: what the `kustomize` command does.
    Legacy,
}

/// What changes a build.
#[derive(Clone, Copy, Default)]
pub struct Options<'o> {
    /// Which files may be read.
    pub load_restriction: LoadRestriction,
    /// The order of the result.
    pub reorder: Reorder,
    /// Whether objects are labelled `app.kubernetes.io/managed-by`, as `buildMetadata` can also say.
    pub managed_by_label: bool,
    /// Whether a kustomization's own `openapi.path` adds to the built-in types, as in Flux, instead of taking their
    /// place, as in the `kustomize` command.
    pub extend_builtin_schema: bool,
    /// Fetches remote bases and files; without it they are errors.
    pub remote: Option<&'o dyn Remote>,
    /// Renders Helm charts; without it they are errors.
    pub helm: Option<&'o dyn ChartRenderer>,
}

/// The value of the `managed-by` label: the version whose behaviour this is.
const MANAGED_BY: &str = "kustomize-v5.8.2";

/// Kustomizations that one build may consist of. Diamonds of bases are built once per path to them, so a few dozen
/// files can ask for millions of builds.
const MAX_KUSTOMIZATIONS: usize = 20_000;

/// What comes out of a build, as kustomize prints it.
#[derive(Debug, Default)]
pub struct Built {
    /// The objects as YAML: sorted keys, `---` between them.
    pub yaml: String,
    /// What the user should hear, for instance of deprecated fields.
    pub warnings: Vec<String>,
    /// Where each object stands in the text, and what a file of its own would be called.
    objects: Vec<Printed>,
    /// What the objects were made of, for who ends after printing them and need not take it apart.
    _tree: Tree,
}

/// One object of the text.
#[derive(Debug)]
struct Printed {
    text: Range<usize>,
    /// Its version, kind and name.
    name: String,
    /// Its namespace, if its kind has namespaces.
    namespace: Option<String>,
}

impl Built {
    /// Prints one more object.
    fn print(&mut self, value: &Value) {
        let field = |path: &[&str]| {
            let found = path.iter().try_fold(value, |value, name| value.get(name));
            found.and_then(Value::as_str).unwrap_or_default()
        };
        let (api_version, kind) = (field(&["apiVersion"]), field(&["kind"]));
        let namespace = match field(&["metadata", "namespace"]) {
            "" => "default",
            namespace => namespace,
        };
        let is_namespaced = is_namespaced(api_version, kind) != Some(false);
        let parts = [&api_version.replace('/', "_"), kind, field(&["metadata", "name"])];
        let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if !self.objects.is_empty() {
            self.yaml.push_str("---\n");
        }
        let start = self.yaml.len();
        self.yaml.push_str(&yaml::from_json(value));
        self.objects.push(Printed {
            text: start..self.yaml.len(),
            name: said.join("_"),
            namespace: is_namespaced.then(|| namespace.to_owned()),
        });
    }

    /// The objects as files of their own, by name: `kind` and name, and the namespace if there are several.
    pub fn individual_files(&self) -> Vec<(String, &str)> {
        let namespaces = self.objects.iter().filter_map(|object| object.namespace.as_deref());
        let several = namespaces.collect::<BTreeSet<&str>>().len() > 1;
        let file = |object: &Printed| {
            let prefix = object.namespace.as_deref().filter(|_| several);
            let prefix = prefix.map(|prefix| format!("{prefix}_")).unwrap_or_default();
            let text = self.yaml.get(object.text.clone()).unwrap_or_default();
            (format!("{prefix}{}.yaml", object.name).to_lowercase(), text)
        };
        self.objects.iter().map(file).collect()
    }
}

/// Builds the kustomization in a directory.
///
/// # Errors
/// Everything that kustomize refuses too, what would run programs, and an object that Kubernetes could not take because
/// it has no `apiVersion`, which kustomize itself does not mind. The chain of sources names file and field.
pub fn build(files: &dyn Files, directory: &Path, options: &Options<'_>) -> Result<Vec<Object>> {
    let mut build = Build::new(options);
    let map = build.run(files, directory)?;
    let object =
        |value: Value| Object::try_from(value).map_err(|error| Error::new(error.to_string()));
    build.values(files, &map).map(|value| object(value?)).collect()
}

/// As [`build`], for callers that print the result: the objects need not be complete. Each is printed as soon as it is
/// known, because all of them as values would take more memory than everything else.
///
/// # Errors
/// As [`build`].
pub fn build_yaml(files: &dyn Files, directory: &Path, options: &Options<'_>) -> Result<Built> {
    let mut build = Build::new(options);
    let map = build.run(files, directory)?;
    let mut built = Built::default();
    for value in build.values(files, &map) {
        built.print(&value?);
    }
    Ok(Built { warnings: build.warnings, _tree: build.tree, ..built })
}

/// The state of one build.
pub(crate) struct Build<'o> {
    pub(crate) tree: Tree,
    pub(crate) options: Options<'o>,
    warnings: Vec<String>,
    kustomizations: usize,
}

impl<'o> Build<'o> {
    fn new(options: &Options<'o>) -> Self {
        Self { tree: Tree::default(), options: *options, warnings: Vec::new(), kustomizations: 0 }
    }

    fn run(&mut self, files: &dyn Files, directory: &Path) -> Result<ResMap> {
        if self.options.extend_builtin_schema {
            self.tree.schemas.keep_builtin();
        }
        let loader =
            Loader::new(files, self.options.remote, directory, self.options.load_restriction)?;
        let mut target = Target::load(self, loader)?;
        target.set_schema(self, true)?;
        let wanted = Wanted::of(&target.kustomization, &self.options);
        if !target.kustomization.build_metadata.is_empty() {
            target.origin = Some(Origin::default());
        }
        let all = target.accumulate(self, Accumulator::default())?;
        self.finish(all, &wanted)
    }

    /// The steps that are done once, for everything together.
    fn finish(&mut self, all: Accumulator, wanted: &Wanted) -> Result<ResMap> {
        let config = all.config();
        let Accumulator { mut map, vars, .. } = all;
        let tree = &mut self.tree;
        hash::add_suffixes(tree, &map)?;
        references::update(tree, &map, &config.name_reference)?;
        vars::resolve(tree, &map, &vars, &config.var_reference)?;
        drop_local(tree, &mut map)?;
        match &wanted.sort {
            Some(options) => sort::by_options(tree, &mut map, options)?,
            None if self.options.reorder == Reorder::Legacy => sort::by_kind(tree, &mut map, None),
            None => {}
        }
        if wanted.managed_by {
            let label = [("app.kubernetes.io/managed-by".to_owned(), MANAGED_BY.to_owned())].into();
            transform::set_all(
                tree,
                &map,
                &label,
                &[FieldSpec::everywhere("metadata/labels", true)],
            )?;
        }
        for object in map.list.iter().filter_map(|resource| resource.node) {
            wanted.clean(tree, object)?;
        }
        Ok(map)
    }

    /// The objects as JSON, in order.
    fn values<'v>(
        &'v self,
        files: &'v dyn Files,
        map: &'v ResMap,
    ) -> impl Iterator<Item = Result<Value>> + 'v {
        map.list.iter().filter_map(move |resource| {
            let object = resource.node?;
            let value = json::to_value(&self.tree, object).and_then(json::reread);
            Some(value.map_err(|error| {
                place(files, resource, error)
                    .during(format!("object {}", resource::id(&self.tree, object)))
            }))
        })
    }

    /// Counts one more kustomization.
    pub(crate) fn count_kustomization(&mut self) -> Result<()> {
        self.kustomizations += 1;
        if self.kustomizations > MAX_KUSTOMIZATIONS {
            return Err(Error::of(
                ErrorKind::Limit,
                format!("more than {MAX_KUSTOMIZATIONS} kustomizations in one build"),
            ));
        }
        Ok(())
    }

    pub(crate) fn warn_about_old_fields(&mut self, kustomization: &Kustomization) {
        self.warnings.extend(kustomization.old_fields.iter().cloned());
    }
}

/// An error about an object with the file that the object stands in. If that file alone has an error, as a key that is
/// there twice, it is the better one: it has a line.
fn place(files: &dyn Files, resource: &Resource, error: Error) -> Error {
    let Some(file) = &resource.file else {
        return error;
    };
    let text = files.read(file).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let of_file = text.and_then(|text| yaml::to_json_all(&text, yaml::Rules::V3).err());
    let error = of_file.map_or(error, |of_file| Error::new(of_file.to_string()));
    error.during(file.display().to_string())
}

/// What the top kustomization says about the form of the result.
struct Wanted {
    sort: Option<SortOptions>,
    managed_by: bool,
    origins: bool,
    transformations: bool,
}

impl Wanted {
    fn of(kustomization: &Kustomization, options: &Options<'_>) -> Self {
        Self {
            sort: kustomization.sort_options.clone(),
            managed_by: options.managed_by_label || kustomization.wants(MANAGED_BY_LABEL),
            origins: kustomization.wants(ORIGIN_ANNOTATIONS),
            transformations: kustomization.wants(TRANSFORMER_ANNOTATIONS),
        }
    }

    /// Takes off the annotations that were only for the build.
    fn clean(&self, tree: &mut Tree, object: NodeId) -> Result<()> {
        let mut all = resource::annotations(tree, object);
        if self.origins && self.transformations && all.is_empty() {
            return Ok(());
        }
        for name in annotations::ALL {
            all.remove(*name);
        }
        if !self.origins {
            all.remove(ORIGIN);
        }
        if !self.transformations {
            all.remove(TRANSFORMATIONS);
        }
        resource::set_annotations(tree, object, &all)
    }
}

/// Leaves out what is marked as configuration of tools.
fn drop_local(tree: &Tree, map: &mut ResMap) -> Result<()> {
    for resource in &map.list {
        if let Some(object) = resource.node {
            read::check_object(tree, object)?;
        }
    }
    map.list.retain(|resource| {
        let local =
            resource.node.and_then(|object| resource::annotation(tree, object, LOCAL_CONFIG));
        local.is_none_or(|local| local == "false")
    });
    // Transformers other than those for namespaces and patches don't look for conflicts.
    let all = std::mem::take(&mut map.list);
    map.append_all(tree, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryFiles;

    #[test]
    fn files_are_named_by_their_objects() {
        let object = |kind: &str, namespace: &str| {
            format!("apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: A\n{namespace}")
        };
        let names = |second: &str| {
            let (one, two) = (object("Deployment", ""), object("StatefulSet", second));
            let mut files = MemoryFiles::new();
            files.insert("kustomization.yaml", "resources: [a.yaml]\n");
            files.insert("a.yaml", format!("{one}---\n{two}"));
            let built = build_yaml(&files, Path::new("/"), &Options::default()).unwrap();
            assert_eq!(built.yaml, format!("{one}---\n{two}"));
            let parts = built.individual_files();
            assert_eq!(parts.iter().map(|(_, text)| *text).collect::<Vec<_>>(), [one, two]);
            parts.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["apps_v1_deployment_a.yaml", "apps_v1_statefulset_a.yaml"]);
        let several = ["default_apps_v1_deployment_a.yaml", "web_apps_v1_statefulset_a.yaml"];
        assert_eq!(names("  namespace: web\n"), several);
    }
}
