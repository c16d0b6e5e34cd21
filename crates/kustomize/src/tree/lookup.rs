//! Finding nodes by path, and creating what is missing on the way (kyaml's `PathGetter` and `FieldMatcher`).

use super::{Kind, Node, NodeId, Tree};
use crate::error::{Error, Result};

/// Splits a path at `delimiter`; a backslash before it makes it part of the name, and one leading delimiter is ignored.
pub(crate) fn split_path(path: &str, delimiter: char) -> Vec<String> {
    let path = match path.strip_prefix(delimiter) {
        Some(rest) => rest,
        None => path,
    };
    let mut parts: Vec<String> = Vec::new();
    for part in path.split(delimiter) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
}

/// Splits a path at dots, keeping `[key=value]` whole and taking `[a.b.c]` as the field `a.b.c`.
pub(crate) fn split_field_path(path: &str) -> Vec<String> {
    let mut result = Vec::new();
    let mut parts = split_path(path, '.').into_iter();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            result.push(part);
            continue;
        }
        let mut bracketed = part;
        for next in parts.by_ref() {
            bracketed.push('.');
            bracketed.push_str(&next);
            if next.ends_with(']') {
                break;
            }
        }
        if bracketed.contains('=') {
            result.push(bracketed);
        } else {
            result.push(bracketed.trim_matches(['[', ']']).to_owned());
        }
    }
    result
}

/// Whether a path part picks a list element: `[key=value]`.
pub(crate) fn is_list_index(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

/// Whether a path part is a position in a list. Go's `Atoi` also takes a sign.
pub(crate) fn index_number(part: &str) -> Option<usize> {
    part.strip_prefix('+').unwrap_or(part).parse().ok().or_else(|| (part == "-0").then_some(0))
}

/// Takes `[key=value]` apart.
pub(crate) fn split_list_index(part: &str) -> Result<(&str, &str)> {
    let inner = part.strip_suffix(']').unwrap_or(part);
    let inner = inner.strip_prefix('[').unwrap_or(inner);
    inner.split_once('=').ok_or_else(|| {
        Error::new("list path element must contain fieldName=fieldValue for element to match")
    })
}

/// The kind to create for a part, judged by the part that follows.
pub(crate) fn kind_before(next: Option<&str>, last: Kind) -> Kind {
    match next {
        None | Some("") => last,
        Some(next) if is_list_index(next) || index_number(next).is_some() => Kind::Sequence,
        Some(_) => Kind::Mapping,
    }
}

impl Tree {
    /// A field of a mapping: nothing below null, an error below anything else.
    pub(crate) fn get_field(&self, id: NodeId, name: &str) -> Result<Option<NodeId>> {
        if self.is_null(id) {
            return Ok(None);
        }
        self.expect_kind(Some(id), Kind::Mapping)?;
        Ok(self.field(id, name))
    }

    /// Follows a path of fields, positions (`0`, `-` for the last) and list selections (`[name=x]`).
    pub(crate) fn lookup<S: AsRef<str>>(&self, id: NodeId, path: &[S]) -> Result<Option<NodeId>> {
        let mut at = id;
        for part in path.iter().map(|part| part.as_ref().trim()).filter(|part| !part.is_empty()) {
            match self.lookup_part(at, part)? {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn lookup_part(&self, at: NodeId, part: &str) -> Result<Option<NodeId>> {
        if let Ok(number) = part.parse::<i64>() {
            let index = usize::try_from(number)
                .map_err(|_| Error::new(format!("array index {number} cannot be negative")))?;
            self.expect_kind(Some(at), Kind::Sequence)?;
            return Ok(self.items(at).get(index).copied());
        }
        match part {
            "-" => {
                self.expect_kind(Some(at), Kind::Sequence)?;
                Ok(self.items(at).last().copied())
            }
            "*" => Err(Error::new("wildcard is not supported in PathGetter")),
            _ if is_list_index(part) => {
                let (name, value) = split_list_index(part)?;
                self.expect_kind(Some(at), Kind::Sequence)?;
                Ok(self.find_element(at, &[name], &[value]))
            }
            _ => self.get_field(at, part),
        }
    }

    /// The first list element whose fields have these values; with an empty name, the scalar of that value.
    pub(crate) fn find_element<S: AsRef<str>>(
        &self,
        list: NodeId,
        keys: &[S],
        values: &[S],
    ) -> Option<NodeId> {
        let first_value = values.first().map_or("", AsRef::as_ref);
        let primitive = keys.first().is_none_or(|key| key.as_ref().is_empty());
        self.items(list).iter().copied().find(|item| {
            if primitive {
                return self.value(*item) == first_value;
            }
            if self.is_null(*item) || self.kind(*item) != Kind::Mapping {
                return false;
            }
            keys.iter().zip(values).all(|(key, value)| {
                self.field(*item, key.as_ref())
                    .is_some_and(|field| self.value(field) == value.as_ref())
            })
        })
    }

    /// Follows a path and creates what is missing; the last part gets `kind`.
    pub(crate) fn lookup_create<S: AsRef<str>>(
        &mut self,
        id: NodeId,
        kind: Kind,
        path: &[S],
    ) -> Result<Option<NodeId>> {
        let parts: Vec<&str> =
            path.iter().map(|part| part.as_ref().trim()).filter(|part| !part.is_empty()).collect();
        let mut at = id;
        for (index, part) in parts.iter().enumerate() {
            let next = parts.get(index + 1).copied();
            let found = if part.parse::<i64>().is_ok() || *part == "-" || *part == "*" {
                self.lookup_part(at, part)?
            } else if is_list_index(part) {
                Some(self.element_or_new(at, part)?)
            } else {
                self.field_or_new(at, part, kind_before(next, kind))?
            };
            match found {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn element_or_new(&mut self, list: NodeId, part: &str) -> Result<NodeId> {
        let (name, value) = split_list_index(part)?;
        self.expect_kind(Some(list), Kind::Sequence)?;
        if let Some(found) = self.find_element(list, &[name], &[value]) {
            return Ok(found);
        }
        let value = self.add(Node::scalar(value));
        let element = if name.is_empty() {
            value
        } else {
            let key = self.add(Node::scalar(name));
            self.add(Node { content: vec![key, value], ..Node::empty(Kind::Mapping) })
        };
        self.get_mut(list).content.push(element);
        Ok(element)
    }

    /// A field of a mapping, created when it is missing; nothing below null.
    pub(crate) fn field_or_new(
        &mut self,
        id: NodeId,
        name: &str,
        kind: Kind,
    ) -> Result<Option<NodeId>> {
        if self.is_null(id) {
            return Ok(None);
        }
        self.expect_kind(Some(id), Kind::Mapping)?;
        if let Some(found) = self.field(id, name) {
            return Ok(Some(found));
        }
        let value = self.add(Node::empty(kind));
        self.append_field(id, name, value);
        Ok(Some(value))
    }

    /// Adds a field at the end of a mapping without looking whether it is there.
    pub(crate) fn append_field(&mut self, id: NodeId, name: &str, value: NodeId) {
        let key = self.add(Node::scalar(name));
        self.get_mut(id).content.extend([key, value]);
    }
}
