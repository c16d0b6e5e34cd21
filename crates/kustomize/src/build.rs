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

/// Bytes after which a piece of the result ends with the object that it is at.
const PIECE: usize = 10 << 10;

/// What comes out of a build.
#[derive(Debug, Default)]
pub struct Built {
    /// The objects as JSON, in order.
    pub values: Vec<Value>,
    /// What the user should hear, for instance of deprecated fields.
    pub warnings: Vec<String>,
}

impl Built {
    /// The objects as kustomize prints them: sorted keys, `---` between them.
    pub fn to_yaml(&self) -> String {
        self.pieces().collect()
    }

    /// The same in pieces of some 10 KiB or one large object, for who need not have all of it in memory at once.
    pub fn pieces(&self) -> impl Iterator<Item = String> {
        let mut left = self.values.iter().enumerate();
        std::iter::from_fn(move || {
            let mut piece = String::new();
            while piece.len() < PIECE
                && let Some((at, value)) = left.next()
            {
                piece.push_str(if at == 0 { "" } else { "---\n" });
                piece.push_str(&yaml::from_json(value));
            }
            (!piece.is_empty()).then_some(piece)
        })
    }

    /// The objects as files of their own, by name: `kind` and name, and the namespace if there are several.
    pub fn individual_files(&self) -> Vec<(String, String)> {
        let text = |value: &Value, path: &[&str]| {
            let found = path.iter().try_fold(value, |value, name| value.get(name));
            found.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let namespace = |value: &Value| {
            let namespaced = is_namespaced(&text(value, &["apiVersion"]), &text(value, &["kind"]));
            let namespace = text(value, &["metadata", "namespace"]);
            (namespaced != Some(false))
                .then(|| if namespace.is_empty() { "default".to_owned() } else { namespace })
        };
        let namespaces: BTreeSet<String> = self.values.iter().filter_map(namespace).collect();
        let file = |value: &Value| {
            let api_version = text(value, &["apiVersion"]).replace('/', "_");
            let parts = [api_version, text(value, &["kind"]), text(value, &["metadata", "name"])];
            let said: Vec<_> = parts.iter().filter(|part| !part.is_empty()).cloned().collect();
            let prefix = namespace(value).filter(|_| namespaces.len() > 1);
            let name =
                prefix.map(|prefix| prefix + "_").unwrap_or_default() + &said.join("_") + ".yaml";
            (name.to_lowercase(), yaml::from_json(value))
        };
        self.values.iter().map(file).collect()
    }

    /// The objects, each checked to be one that Kubernetes could take.
    ///
    /// # Errors
    /// If an object has no `apiVersion`; kustomize itself does not mind.
    pub fn into_objects(self) -> Result<Vec<Object>> {
        let object =
            |value: Value| Object::try_from(value).map_err(|error| Error::new(error.to_string()));
        self.values.into_iter().map(object).collect()
    }
}

/// Builds the kustomization in a directory.
///
/// # Errors
/// Everything that kustomize refuses too, and what would run programs. The chain of sources names file and field.
pub fn build(files: &dyn Files, directory: &Path, options: &Options<'_>) -> Result<Vec<Object>> {
    build_values(files, directory, options)?.into_objects()
}

/// As [`build`], for callers that print the result: the objects need not be complete.
///
/// # Errors
/// As [`build`].
pub fn build_values(files: &dyn Files, directory: &Path, options: &Options<'_>) -> Result<Built> {
    let mut build =
        Build { tree: Tree::default(), options: *options, warnings: Vec::new(), kustomizations: 0 };
    let values = build.run(files, directory)?;
    Ok(Built { values, warnings: build.warnings })
}

/// The state of one build.
pub(crate) struct Build<'o> {
    pub(crate) tree: Tree,
    pub(crate) options: Options<'o>,
    warnings: Vec<String>,
    kustomizations: usize,
}

impl Build<'_> {
    fn run(&mut self, files: &dyn Files, directory: &Path) -> Result<Vec<Value>> {
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
        let map = self.finish(all, &wanted)?;
        self.values(files, &map)
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

    fn values(&self, files: &dyn Files, map: &ResMap) -> Result<Vec<Value>> {
        let value = |resource: &Resource| {
            let object = resource.node?;
            let value = json::to_value(&self.tree, object).and_then(json::reread);
            Some(value.map_err(|error| {
                place(files, resource, error)
                    .during(format!("object {}", resource::id(&self.tree, object)))
            }))
        };
        map.list.iter().filter_map(value).collect()
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
    use serde_json::json;

    #[test]
    fn pieces_are_cut_between_objects() {
        let values = (0..500).map(|at| json!({ "name": format!("an object, number {at}") }));
        let built = Built { values: values.collect(), ..Built::default() };
        let pieces: Vec<String> = built.pieces().collect();
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() < 2 * PIECE));
        let documents: Vec<String> = built.values.iter().map(yaml::from_json).collect();
        assert_eq!(pieces.concat(), documents.join("---\n"));
    }
}
