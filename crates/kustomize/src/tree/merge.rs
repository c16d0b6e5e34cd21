//! Strategic merge of one tree into another (kyaml's `merge2`).
//!
//! The rules are the original's down to its oddities: fields are visited in sorted order, a merged list gets its new
//! elements in front, an element found by only some of its keys is merged by those, and nulls remove.

mod directive;
mod list;

use super::schema::Schema;
use super::set::Incoming;
use super::{Kind, Node, NodeId, Tree};
use crate::error::{Error, Result};
use directive::Directive;
use std::collections::BTreeSet;

/// How lists are merged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MergeOptions {
    /// Lists of named elements are merged by name where no schema says otherwise.
    pub(crate) infer_lists: bool,
    /// New list elements go in front of the old ones.
    pub(crate) prepend: bool,
}

/// Levels of nesting a merge follows before it gives up: far more than any real object has.
const MAX_DEPTH: usize = 512;

/// Merges `patch` into `target` and returns what remains of it: `None` if the patch deletes it.
pub(crate) fn merge(
    tree: &mut Tree,
    target: NodeId,
    patch: NodeId,
    options: MergeOptions,
) -> Result<Option<NodeId>> {
    let mut merger = Merger { tree, options, path: Vec::new(), depth: 0 };
    let merged = merger.walk(Some(target), Some(patch), None)?;
    Ok(merged.map(|merged| merged.node))
}

struct Merger<'t> {
    tree: &'t mut Tree,
    options: MergeOptions,
    path: Vec<String>,
    depth: usize,
}

/// The two sides of a merge at one place.
#[derive(Clone, Copy)]
struct Sides {
    dest: Option<NodeId>,
    patch: Option<NodeId>,
}

impl Sides {
    fn iter(self) -> impl Iterator<Item = NodeId> {
        self.dest.into_iter().chain(self.patch)
    }
}

impl Merger<'_> {
    fn walk(
        &mut self,
        dest: Option<NodeId>,
        patch: Option<NodeId>,
        schema: Option<Schema>,
    ) -> Result<Option<Incoming>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::of(
                crate::ErrorKind::Limit,
                format!("more than {MAX_DEPTH} levels of nesting"),
            ));
        }
        let sides = Sides { dest, patch };
        let schema = self.schema(sides, schema);
        let kind = sides.iter().find(|id| !self.tree.is_null(*id)).map(|id| self.tree.kind(id));
        let merged = match kind {
            None => self.walk_map(sides, schema),
            Some(Kind::None) => Ok(None),
            Some(kind) => {
                self.tree.expect_kind(dest, kind)?;
                self.tree.expect_kind(patch, kind)?;
                match kind {
                    Kind::Mapping => self.walk_map(sides, schema),
                    Kind::Sequence if self.is_merged_list(sides, schema.as_ref()) => {
                        self.walk_merged_list(sides, schema)
                    }
                    Kind::Sequence => Ok(self.take_patch(sides)),
                    Kind::Scalar | Kind::None => Ok(self.take_patch(sides)),
                }
            }
        };
        self.depth -= 1;
        merged
    }

    /// A comment's schema first, then what the parent said, then what the object's own type says.
    fn schema(&self, sides: Sides, from_parent: Option<Schema>) -> Option<Schema> {
        let in_comment = sides
            .iter()
            .filter(|id| !self.tree.is_null(*id))
            .find_map(|id| self.tree.schemas.in_comments(self.tree.get(id)));
        in_comment.or(from_parent).or_else(|| {
            sides.iter().filter(|id| !self.tree.is_null(*id)).find_map(|id| {
                let kind = self.tree.field(id, "kind")?;
                let api_version = self.tree.field(id, "apiVersion")?;
                self.tree.schemas.of_kind(self.tree.text(api_version), self.tree.text(kind))
            })
        })
    }

    fn is_merged_list(&self, sides: Sides, schema: Option<&Schema>) -> bool {
        match schema {
            Some(schema) => schema.merges(),
            None => self.options.infer_lists && sides.iter().any(|id| self.has_names(id)),
        }
    }

    /// Whether every element of a list has a `name`.
    fn has_names(&self, list: NodeId) -> bool {
        !self.tree.is_null(list)
            && self.tree.items(list).iter().all(|item| self.tree.field(*item, "name").is_some())
    }

    fn adopt_style(&mut self, sides: Sides) {
        let (Some(dest), Some(patch)) = (sides.dest, sides.patch) else {
            return;
        };
        self.tree.take_comments(dest, patch);
        let node = self.tree.get(dest);
        if node.kind != Kind::Scalar && node.content.is_empty() {
            self.tree.get_mut(dest).style = self.tree.get(patch).style;
        }
    }

    /// Scalars and replaced lists: the patch wins if it says anything.
    fn take_patch(&mut self, sides: Sides) -> Option<Incoming> {
        self.adopt_style(sides);
        sides.patch.or(sides.dest).map(Incoming::from)
    }

    fn walk_map(&mut self, sides: Sides, schema: Option<Schema>) -> Result<Option<Incoming>> {
        let Some(merged) = self.choose_map(sides)? else {
            return Ok(None);
        };
        let sides = Sides { dest: Some(merged.node), patch: sides.patch };
        for name in self.field_names(sides) {
            self.walk_field(merged.node, sides, &name, schema.as_ref())?;
        }
        Ok(Some(merged))
    }

    /// Which of the two maps to go on with.
    fn choose_map(&mut self, sides: Sides) -> Result<Option<Incoming>> {
        self.adopt_style(sides);
        let Some(dest) = sides.dest.filter(|dest| !self.tree.is_null(*dest)) else {
            if let Some(patch) = sides.patch
                && matches!(directive::take(self.tree, patch), Ok(Directive::Delete))
            {
                return Ok(None);
            }
            if sides.patch.is_none()
                && let Some(dest) = sides.dest
                && !self.tree.value(dest).is_empty()
            {
                // A null spelled out in the target stays.
                let null = Node::tagged(self.tree.value(dest), super::Tag::Null);
                return Ok(Some(Incoming { node: self.tree.add(null), keep_null: true }));
            }
            return Ok(sides.patch.map(Incoming::from));
        };
        self.by_directive(dest, sides.patch)
    }

    /// What a patch over something that exists leaves: nothing, the patch, or the target to merge into.
    fn by_directive(&mut self, dest: NodeId, patch: Option<NodeId>) -> Result<Option<Incoming>> {
        let Some(patch) = patch else {
            return Ok(Some(dest.into()));
        };
        if self.tree.is_null(patch) {
            return Ok(None);
        }
        Ok(match directive::take(self.tree, patch)? {
            Directive::Delete => None,
            Directive::Replace => Some(patch.into()),
            Directive::Merge => Some(dest.into()),
        })
    }

    fn field_names(&self, sides: Sides) -> BTreeSet<String> {
        sides
            .iter()
            .filter(|id| !self.tree.is_null(*id))
            .flat_map(|id| self.tree.pairs(id).map(|(key, _)| self.tree.value(key).to_owned()))
            .collect()
    }

    fn walk_field(
        &mut self,
        merged: NodeId,
        sides: Sides,
        name: &str,
        schema: Option<&Schema>,
    ) -> Result<()> {
        let dest = sides.dest.and_then(|id| self.tree.pair(id, name));
        let patch = sides.patch.and_then(|id| self.tree.pair(id, name));
        let in_comment = [dest, patch].into_iter().flatten().find_map(|(key, value)| {
            let schemas = &self.tree.schemas;
            schemas
                .in_comments(self.tree.get(value))
                .or_else(|| schemas.in_comments(self.tree.get(key)))
        });
        let schema =
            in_comment.or_else(|| schema.and_then(|schema| self.tree.schemas.field(schema, name)));
        self.path.push(name.to_owned());
        let value =
            self.walk(dest.map(|(_, value)| value), patch.map(|(_, value)| value), schema)?;
        self.path.pop();
        let key_style = match (value, patch) {
            (Some(value), Some((key, from))) if value.node == from => self.tree.get(key).style,
            _ => super::Style::PLAIN,
        };
        let key = Node { style: key_style, ..Node::default() };
        self.tree.set_field_with_key(merged, name, value, &key)
    }
}
