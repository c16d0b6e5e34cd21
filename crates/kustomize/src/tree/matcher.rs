//! Finding every node a replacement's target path names (kyaml's `PathMatcher`).

use super::lookup::{index_number, is_list_index, kind_before, split_list_index};
use super::read;
use super::{Kind, Node, NodeId, Tree};
use crate::error::{Context, Error, Result};
use regex::Regex;

impl Tree {
    /// All nodes that a path names. Parts are fields, positions, `[key=regex]` selections and `*` for every element.
    ///
    /// With `create`, missing fields and elements are made and the last part gets that kind. `None` means that some
    /// field on the way is missing, which the original tells apart from an empty list of matches.
    pub(crate) fn match_path(
        &mut self,
        id: NodeId,
        path: &[String],
        create: Kind,
    ) -> Result<Option<Vec<NodeId>>> {
        let Some((part, rest)) = path.split_first() else {
            return Ok(Some(vec![id]));
        };
        if index_number(part).is_some() {
            return self.match_position(id, part, rest, create);
        }
        if is_list_index(part) {
            return self.match_elements(id, part, rest, create);
        }
        if part == "*" {
            return self.match_every(id, rest, create);
        }
        self.match_field(id, part, rest, create)
    }

    fn match_every(
        &mut self,
        id: NodeId,
        rest: &[String],
        create: Kind,
    ) -> Result<Option<Vec<NodeId>>> {
        self.expect_kind(Some(id), Kind::Sequence)?;
        let mut found = None;
        for item in self.get(id).content.clone() {
            if let Some(matches) = self.match_path(item, rest, create)? {
                found.get_or_insert_with(Vec::new).extend(matches);
            }
        }
        Ok(found)
    }

    fn match_field(
        &mut self,
        id: NodeId,
        name: &str,
        rest: &[String],
        create: Kind,
    ) -> Result<Option<Vec<NodeId>>> {
        let field = match self.get_field(id, name)? {
            Some(field) => field,
            None if create == Kind::None => return Ok(None),
            None => {
                let kind = kind_before(rest.first().map(String::as_str), create);
                let field = self.add(Node::empty(kind));
                self.set_field(id, name, Some(field.into()))?;
                field
            }
        };
        if self.kind(field) == Kind::Scalar && !rest.is_empty() {
            // A document inside a string: matched for its errors only, since what is found there is a copy.
            let inner = read::inner_document(self, self.value(field).to_owned().as_str())?;
            return self.match_path(inner, rest, create);
        }
        self.match_path(field, rest, create)
    }

    fn match_position(
        &mut self,
        id: NodeId,
        part: &str,
        rest: &[String],
        create: Kind,
    ) -> Result<Option<Vec<NodeId>>> {
        let index = index_number(part).unwrap_or_default();
        self.expect_kind(Some(id), Kind::Sequence)?;
        let count = self.items(id).len();
        if count == index && create != Kind::None {
            let kind = kind_before(rest.first().map(String::as_str), create);
            let item = self.add(Node::empty(kind));
            self.get_mut(id).content.push(item);
        }
        let item = self.items(id).get(index).copied().ok_or_else(|| {
            Error::new(format!("index {index} specified but only {count} elements found"))
        })?;
        self.match_path(item, rest, create)
    }

    fn match_elements(
        &mut self,
        id: NodeId,
        part: &str,
        rest: &[String],
        create: Kind,
    ) -> Result<Option<Vec<NodeId>>> {
        let (key, pattern) = split_list_index(part)?;
        let pattern_regex = go_regex(pattern)?;
        self.expect_kind(Some(id), Kind::Sequence)?;
        let found = self.matching_elements(id, key, &pattern_regex, (rest, create))?;
        if create == Kind::None || found.is_some() {
            return Ok(found);
        }
        let value = self.add(Node::scalar(pattern));
        let element = if key.is_empty() {
            value
        } else {
            let key = self.add(Node::scalar(key));
            self.add(Node { content: vec![key, value], ..Node::empty(Kind::Mapping) })
        };
        self.expect_kind(Some(id), Kind::Sequence)
            .context(|| format!("failed to create element for {part:?}"))?;
        self.get_mut(id).content.push(element);
        // A pattern that does not match its own text finds nothing even now; the original would never end here.
        self.matching_elements(id, key, &pattern_regex, (rest, create))
    }

    fn matching_elements(
        &mut self,
        id: NodeId,
        key: &str,
        pattern: &Regex,
        (rest, create): (&[String], Kind),
    ) -> Result<Option<Vec<NodeId>>> {
        let mut found: Option<Vec<NodeId>> = None;
        for item in self.get(id).content.clone() {
            if key.is_empty() {
                if pattern.is_match(read::to_text(self, item)?.trim()) {
                    found.get_or_insert_with(Vec::new).push(item);
                }
                continue;
            }
            let Some(field) = self.field(item, key) else {
                continue;
            };
            if !pattern.is_match(read::to_text(self, field)?.trim()) {
                continue;
            }
            if let Some(matches) = self.match_path(item, rest, create)? {
                found.get_or_insert_with(Vec::new).extend(matches);
            }
        }
        Ok(found.filter(|found| !found.is_empty()))
    }
}

/// Compiles a pattern in Go's syntax, which for what people write here is also Rust's.
pub(crate) fn go_regex(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|_| {
        Error::new(format!(
            "error parsing regexp: {} is not a valid regular expression",
            crate::error::quoted(pattern)
        ))
    })
}
