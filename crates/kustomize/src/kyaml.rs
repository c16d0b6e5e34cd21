//! The operations kustomize is made of, on texts: merging two documents, and changing the objects of a stream by one
//! filter. Unlike a build they keep comments, key order and styles.

#[cfg(test)]
mod tests;

use crate::config::parse_field_specs;
use crate::error::{Error, Result};
use crate::kustomization::shape::Reading;
use crate::kustomization::{FieldSpecArgs, Image, Replacement, decode, shapes};
use crate::transform::images::ImageChange;
use crate::transform::namespace::{NamespaceChange, Subjects};
use crate::transform::replacements;
use crate::tree::{NodeId, Tree, merge, read};
use serde::Deserialize;
use serde_json::Value;

/// How [`merge`] treats lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeOptions {
    /// Lists whose elements all have a `name` are merged by it where no schema says otherwise.
    pub infer_lists: bool,
    /// New elements of a list go in front of the old ones.
    pub prepend: bool,
}

/// Merges a strategic patch into a document (kyaml's `merge2.MergeStrings`). Nothing is left if the patch deletes the
/// whole document.
///
/// # Errors
/// If one of the texts is not YAML, or they do not fit together.
pub fn merge(target: &str, patch: &str, options: MergeOptions) -> Result<String> {
    let mut tree = Tree::default();
    let target = read::inner_document(&mut tree, target)?;
    let patch = read::inner_document(&mut tree, patch)?;
    let MergeOptions { infer_lists, prepend } = options;
    let options = merge::MergeOptions { infer_lists, prepend };
    match merge::merge(&mut tree, target, patch, options)? {
        Some(merged) => read::to_text(&tree, merged),
        None => Ok(String::new()),
    }
}

/// A change to every object of a stream.
#[derive(Clone, Debug)]
pub struct Filter {
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Image(Image, Vec<FieldSpecArgs>),
    /// An image wherever there are `containers` or `initContainers`.
    ImageInContainers(Image),
    Namespace(NamespaceChange),
    Replacements(Vec<Replacement>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageFilter {
    image_tag: Value,
    #[serde(default)]
    field_specs: Vec<FieldSpecArgs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamespaceFilter {
    #[serde(rename = "Namespace", alias = "namespace", default)]
    namespace: String,
    #[serde(default)]
    field_specs: Vec<FieldSpecArgs>,
    #[serde(default)]
    unset_only: bool,
    #[serde(default)]
    set_role_binding_subjects: String,
}

#[derive(Deserialize)]
struct ReplacementFilter {
    #[serde(default)]
    replacements: Vec<Value>,
}

impl Filter {
    /// A filter by the name of its Go type (`imagetag.Filter`, `imagetag.LegacyFilter`, `namespace.Filter` or
    /// `replacement.Filter`) and its fields.
    ///
    /// # Errors
    /// If there is no such filter, or the fields are not its.
    pub fn new(name: &str, fields: Value) -> Result<Self> {
        let change = match name {
            "imagetag.Filter" => {
                let filter: ImageFilter = from_fields(fields)?;
                Change::Image(image(filter.image_tag)?, filter.field_specs)
            }
            "imagetag.LegacyFilter" => {
                let filter: ImageFilter = from_fields(fields)?;
                Change::ImageInContainers(image(filter.image_tag)?)
            }
            "namespace.Filter" => {
                let filter: NamespaceFilter = from_fields(fields)?;
                Change::Namespace(NamespaceChange {
                    namespace: filter.namespace,
                    specs: parse_field_specs(&filter.field_specs),
                    unset_only: filter.unset_only,
                    subjects: Subjects::parse(&filter.set_role_binding_subjects)?,
                })
            }
            "replacement.Filter" => {
                let filter: ReplacementFilter = from_fields(fields)?;
                let list = filter.replacements.into_iter();
                let list = list.map(|value| decode(value, &shapes::REPLACEMENT, Reading::Lenient));
                Change::Replacements(list.collect::<Result<_>>()?)
            }
            other => return Err(Error::new(format!("there is no filter {other}"))),
        };
        Ok(Self { change })
    }

    /// Changes the objects of a text with any number of documents and writes them, `---` between them.
    ///
    /// # Errors
    /// If the text is not YAML, or an object is not what the filter can change.
    pub fn apply(&self, text: &str) -> Result<String> {
        let mut tree = Tree::default();
        let objects = read::documents(&mut tree, text)?;
        self.change(&mut tree, &objects)?;
        let texts = objects.iter().map(|object| read::to_text(&tree, *object));
        Ok(texts.collect::<Result<Vec<_>>>()?.join("---\n"))
    }

    fn change(&self, tree: &mut Tree, objects: &[NodeId]) -> Result<()> {
        match &self.change {
            Change::Image(image, specs) => {
                let specs = parse_field_specs(specs);
                let change = ImageChange::new(image);
                objects.iter().try_for_each(|object| change.apply_to(tree, *object, &specs))
            }
            Change::ImageInContainers(image) => {
                let change = ImageChange::new(image);
                objects.iter().try_for_each(|object| change.apply_to_containers(tree, *object))
            }
            Change::Namespace(change) => {
                objects.iter().try_for_each(|object| change.apply_to(tree, *object))
            }
            Change::Replacements(list) => replacements::apply(tree, objects, list),
        }
    }
}

fn from_fields<T: serde::de::DeserializeOwned>(fields: Value) -> Result<T> {
    serde_json::from_value(fields)
        .map_err(|error| Error::new(format!("cannot read filter: {error}")))
}

fn image(value: Value) -> Result<Image> {
    decode(value, &shapes::IMAGE, Reading::Lenient)
}
