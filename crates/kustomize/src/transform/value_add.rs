//! Writing one value into fields of objects (`ValueAddTransformer`).

use crate::error::{Context, Error, Result};
use crate::kustomization::shape::Reading;
use crate::kustomization::{decode, shapes};
use crate::load::Loader;
use crate::resmap::{ResMap, Selector};
use crate::transform::namespace::NamespaceChange;
use crate::tree::lookup::split_path;
use crate::tree::{Kind, NodeId, Tree};
use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Target {
    selector: Option<Selector>,
    field_path: String,
    file_path_position: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Targets {
    targets: Vec<Target>,
}

/// The transformer's configuration.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ValueAdd {
    value: String,
    targets: Vec<Target>,
    target_file_path: String,
}

impl ValueAdd {
    /// Fills in what the configuration leaves to files and directories, and checks it.
    pub(crate) fn complete(mut self, loader: &Loader<'_>) -> Result<Self> {
        self.value = self.value.trim().to_owned();
        if self.value.is_empty() {
            self.value = loader.directory_name();
        }
        if !self.target_file_path.is_empty() {
            let text = loader.load_text(&self.target_file_path)?;
            let value = yaml::to_json(&text, yaml::Rules::V2)
                .map_err(|error| Error::new(format!("{}: {error}", self.target_file_path)))?;
            let more: Targets = decode(value, &shapes::VALUE_TARGETS, Reading::Lenient)
                .context(|| self.target_file_path.clone())?;
            self.targets.extend(more.targets);
        }
        if self.targets.is_empty() {
            return Err(Error::new("must specify at least one target"));
        }
        for target in &self.targets {
            if target.field_path.is_empty() {
                return Err(Error::new("fieldPath cannot be empty"));
            }
            if target.file_path_position < 0 {
                let position = target.file_path_position;
                return Err(Error::new(format!(
                    "value of FilePathPosition ({position}) cannot be negative"
                )));
            }
        }
        Ok(self)
    }

    /// Writes the value everywhere.
    pub(crate) fn apply(&self, tree: &mut Tree, map: &ResMap) -> Result<()> {
        for target in &self.targets {
            let places = match &target.selector {
                None => (0..map.list.len()).collect(),
                Some(selector) => map.select(tree, selector)?,
            };
            for object in places.into_iter().filter_map(|at| map.list.get(at)?.node) {
                self.apply_to(tree, object, target)?;
            }
        }
        Ok(())
    }

    fn apply_to(&self, tree: &mut Tree, object: NodeId, target: &Target) -> Result<()> {
        if target.field_path == "metadata/namespace" {
            let change =
                NamespaceChange { namespace: self.value.clone(), ..NamespaceChange::default() };
            return change.apply_to(tree, object);
        }
        let path = split_path(&target.field_path, '/');
        let Some(field) = tree.lookup_create(object, Kind::Scalar, &path)? else {
            return Ok(());
        };
        tree.expect_kind(Some(field), Kind::Scalar)?;
        let new = match usize::try_from(target.file_path_position) {
            Ok(position) if position > 0 => {
                insert_part(tree.value(field), position - 1, &self.value)
            }
            _ => self.value.clone(),
        };
        tree.set_scalar_text(field, &new)
    }
}

/// Inserts a part into a path; the leading slash does not count as one.
fn insert_part(path: &str, position: usize, part: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    let joined = parts.join("/");
    if absolute { format!("/{joined}") } else { joined }
}
