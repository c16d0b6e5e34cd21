//! Writing into the tree (kyaml's `FieldSetter`, `FieldClearer` and `ElementSetter`).

use super::read::looks_like_other_type;
use super::{Kind, Node, NodeId, Style, Tag, Tree};
use crate::error::Result;

/// A value on its way into a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming {
    /// The node to write.
    pub(crate) node: NodeId,
    /// A null that shall be written as such, where other nulls remove the field.
    pub(crate) keep_null: bool,
}

impl From<NodeId> for Incoming {
    fn from(node: NodeId) -> Self {
        Self { node, keep_null: false }
    }
}

impl Tree {
    /// A string that would be read as something else gets quotes, as kyaml does before writing it.
    fn quote_if_needed(&mut self, value: NodeId) {
        let node = self.get(value);
        if node.is_string() && node.style == Style::PLAIN && looks_like_other_type(&node.value) {
            self.get_mut(value).style = Style::DOUBLE;
        }
    }

    /// Replaces a scalar by another node, keeping the old style.
    pub(crate) fn set_scalar(&mut self, target: NodeId, value: NodeId) -> Result<()> {
        self.quote_if_needed(value);
        self.expect_kind(Some(target), Kind::Scalar)?;
        if self.is_null(value) {
            return Ok(());
        }
        self.get_mut(value).style = self.get(target).style;
        self.overwrite(target, value);
        Ok(())
    }

    /// Replaces a scalar's text; its type then follows from the text, its style stays.
    pub(crate) fn set_scalar_text(&mut self, target: NodeId, text: &str) -> Result<()> {
        let value = self.add(Node::scalar(text));
        self.set_scalar(target, value)
    }

    /// Sets a field of a mapping: `None` and null remove it, an existing one keeps its place and style.
    pub(crate) fn set_field(
        &mut self,
        id: NodeId,
        name: &str,
        value: Option<Incoming>,
    ) -> Result<()> {
        self.set_field_with_key(id, name, value, &Node::default())
    }

    /// As [`Tree::set_field`]; a key that has to be created takes style and comments of `key`.
    pub(crate) fn set_field_with_key(
        &mut self,
        id: NodeId,
        name: &str,
        value: Option<Incoming>,
        key: &Node,
    ) -> Result<()> {
        if let Some(value) = value {
            self.quote_if_needed(value.node);
        }
        let value = match value {
            Some(value) if value.keep_null || !self.is_null(value.node) => value.node,
            _ => return self.clear_field(id, name).map(|_| ()),
        };
        if let Some(field) = self.get_field(id, name)? {
            self.get_mut(value).style = self.get(field).style;
            self.overwrite(field, value);
            return Ok(());
        }
        let key = Node { style: key.style, comments: key.comments.clone(), ..Node::scalar(name) };
        let key = self.add(key);
        self.get_mut(id).content.extend([key, value]);
        Ok(())
    }

    /// Removes a field and returns its value.
    pub(crate) fn clear_field(&mut self, id: NodeId, name: &str) -> Result<Option<NodeId>> {
        self.expect_kind(Some(id), Kind::Mapping)?;
        let Some(at) = self.pairs(id).position(|(key, _)| self.value(key) == name) else {
            return Ok(None);
        };
        let mut removed = self.get_mut(id).content.drain(at * 2..at * 2 + 2);
        Ok(removed.nth(1))
    }

    /// Puts a list element in the place of those with the same key values, or at the end; without one, removes them.
    ///
    /// Empty elements are dropped on the way, as in the original.
    pub(crate) fn set_element(
        &mut self,
        list: NodeId,
        element: Option<NodeId>,
        keys: &[String],
        values: &[String],
    ) -> Result<()> {
        self.expect_kind(Some(list), Kind::Sequence)?;
        let by_field = keys.first().is_some_and(|key| !key.is_empty())
            && values.first().is_some_and(|v| !v.is_empty());
        let mut kept = Vec::with_capacity(self.items(list).len() + 1);
        let mut matched = false;
        for item in self.get(list).content.clone() {
            if self.is_null(item)
                || (self.kind(item) == Kind::Mapping && self.items(item).is_empty())
            {
                continue;
            }
            if by_field && self.kind(item) != Kind::Mapping {
                kept.push(item);
                continue;
            }
            if !self.element_has(item, keys, values)? {
                if !values.is_empty() {
                    kept.push(item);
                }
                continue;
            }
            matched = true;
            kept.extend(element);
        }
        if let Some(element) = element.filter(|element| !self.is_null(*element) && !matched) {
            kept.push(element);
        }
        self.get_mut(list).content = kept;
        Ok(())
    }

    fn element_has(&self, item: NodeId, keys: &[String], values: &[String]) -> Result<bool> {
        let mut has = false;
        for (index, key) in keys.iter().enumerate() {
            if let Some(value) = values.get(index) {
                has = self.element_matches(item, key, value)?;
            }
            if !has {
                return Ok(false);
            }
        }
        Ok(has)
    }

    /// Whether a list element's field (or the element itself, for an empty key) has this value; an empty value
    /// asks only whether the field is there.
    fn element_matches(&self, item: NodeId, key: &str, value: &str) -> Result<bool> {
        if key.is_empty() {
            self.expect_kind(Some(item), Kind::Scalar)?;
            return Ok(self.text(item) == value);
        }
        let field = self.get_field(item, key)?;
        Ok(field.is_some_and(|field| value.is_empty() || self.value(field) == value))
    }

    /// Copies the comments that `source` has over those of `target`.
    pub(crate) fn take_comments(&mut self, target: NodeId, source: NodeId) {
        let Some(from) = self.get(source).comments.clone() else {
            return;
        };
        let to = self.get_mut(target).comments.get_or_insert_with(Box::<yaml::Comments>::default);
        for (to, from) in
            [(&mut to.head, from.head), (&mut to.line, from.line), (&mut to.foot, from.foot)]
        {
            if !from.is_empty() {
                *to = from;
            }
        }
    }

    /// Adds a string field at the end of a mapping.
    pub(crate) fn append_string(&mut self, id: NodeId, name: &str, value: &str) {
        let value = self.add(Node::string(value));
        self.append_field(id, name, value);
    }

    /// Sets a field to a string.
    pub(crate) fn set_string(&mut self, id: NodeId, name: &str, value: &str) -> Result<()> {
        let value = self.add(Node::string(value));
        self.set_field(id, name, Some(value.into()))
    }

    /// Sets a field to a scalar whose type follows from its text unless quotes are needed.
    pub(crate) fn set_text(&mut self, id: NodeId, name: &str, value: &str) -> Result<()> {
        let value = self.add(Node::scalar(value));
        self.set_field(id, name, Some(value.into()))
    }

    /// An empty mapping with its tag.
    pub(crate) fn new_map(&mut self) -> NodeId {
        self.add(Node { tag: Tag::Map, ..Node::empty(Kind::Mapping) })
    }
}
