//! Changing names, tags and digests of container images.

use crate::config::FieldSpec;
use crate::error::Result;
use crate::kustomization::Image;
use crate::resmap::ResMap;
use crate::tree::fieldspec::{self, Create};
use crate::tree::{Kind, NodeId, Tree};
use regex::Regex;

/// An image with its name compiled as a pattern.
pub(crate) struct ImageChange<'i> {
    image: &'i Image,
    pattern: Option<Regex>,
}

/// What may follow an image's name: a tag, a digest, or both.
const TAG_AND_DIGEST: &str =
    "(:[a-zA-Z0-9_.{}-]*)?(@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{}-]*)?";

impl<'i> ImageChange<'i> {
    /// A name that is no valid pattern matches nothing.
    pub(crate) fn new(image: &'i Image) -> Self {
        Self { image, pattern: Regex::new(&format!("^{}{TAG_AND_DIGEST}$", image.name)).ok() }
    }

    /// Changes the images of all objects but CustomResourceDefinitions.
    pub(crate) fn apply(&self, tree: &mut Tree, map: &ResMap, specs: &[FieldSpec]) -> Result<()> {
        for object in map.list.iter().filter_map(|resource| resource.node) {
            if !is_definition(tree, object) {
                self.apply_to_containers(tree, object)?;
            }
        }
        for object in map.list.iter().filter_map(|resource| resource.node) {
            self.apply_to(tree, object, specs)?;
        }
        Ok(())
    }

    /// Changes the images where the field specs say.
    pub(crate) fn apply_to(
        &self,
        tree: &mut Tree,
        object: NodeId,
        specs: &[FieldSpec],
    ) -> Result<()> {
        if is_definition(tree, object) {
            return Ok(());
        }
        fieldspec::apply_all(tree, object, specs, &Create::NOTHING, &mut |tree, node| {
            self.set(tree, node)
        })
    }

    /// Changes the images of everything called `containers` or `initContainers`, however deep.
    pub(crate) fn apply_to_containers(&self, tree: &mut Tree, node: NodeId) -> Result<()> {
        match tree.kind(node) {
            Kind::Mapping => {
                for (key, value) in tree.pairs(node).collect::<Vec<_>>() {
                    self.apply_to_containers(tree, value)?;
                    if matches!(tree.value(key), "containers" | "initContainers")
                        && tree.kind(value) == Kind::Sequence
                    {
                        self.set_in_list(tree, value)?;
                    }
                }
                Ok(())
            }
            Kind::Sequence => {
                let items = tree.items(node).to_vec();
                items.into_iter().try_for_each(|item| self.apply_to_containers(tree, item))
            }
            Kind::Scalar | Kind::None => Ok(()),
        }
    }

    fn set_in_list(&self, tree: &mut Tree, list: NodeId) -> Result<()> {
        for item in tree.items(list).to_vec() {
            if let Some(image) = tree.get_field(item, "image")? {
                self.set(tree, image)?;
            }
        }
        Ok(())
    }

    fn set(&self, tree: &mut Tree, node: NodeId) -> Result<()> {
        tree.expect_kind(Some(node), Kind::Scalar)?;
        let Some(new) = self.changed(tree.value(node)) else {
            return Ok(());
        };
        tree.set_scalar_text(node, &new)
    }

    fn changed(&self, old: &str) -> Option<String> {
        // Most images are others; their names tell without a regular expression.
        if !self.pattern.as_ref()?.is_match(old) {
            return None;
        }
        let (mut name, mut tag, mut digest) = split(old);
        let image = self.image;
        if !image.new_name.is_empty() {
            name.clone_from(&image.new_name);
        }
        if !image.new_tag.is_empty() {
            tag.clone_from(&image.new_tag);
            digest.clone_from(&image.digest);
        } else if !image.digest.is_empty() {
            tag.clear();
            digest.clone_from(&image.digest);
        } else if !image.tag_suffix.is_empty() {
            tag.push_str(&image.tag_suffix);
            digest.clear();
        }
        if !tag.is_empty() {
            name = format!("{name}:{tag}");
        }
        if !digest.is_empty() {
            name = format!("{name}@{digest}");
        }
        Some(name)
    }
}

fn is_definition(tree: &Tree, object: NodeId) -> bool {
    tree.field(object, "kind").is_some_and(|kind| tree.value(kind) == "CustomResourceDefinition")
}

/// Name, tag and digest. A colon before the first slash belongs to the registry's port.
fn split(image: &str) -> (String, String, String) {
    let start = image.find('/').unwrap_or(0);
    let tail = image.get(start..).unwrap_or_default();
    let at = tail.find('@').map(|at| at + start);
    let colon = tail.find(':').map(|colon| colon + start);
    let part = |from: usize, to: usize| image.get(from..to).unwrap_or_default().to_owned();
    let end = image.len();
    match (colon, at) {
        (None, None) => (image.to_owned(), String::new(), String::new()),
        (Some(colon), Some(at)) if colon < at => {
            (part(0, colon), part(colon + 1, at), part(at + 1, end))
        }
        (_, Some(at)) => (part(0, at), String::new(), part(at + 1, end)),
        (Some(colon), None) => (part(0, colon), part(colon + 1, end), String::new()),
    }
}
