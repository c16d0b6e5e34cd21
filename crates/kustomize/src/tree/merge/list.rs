//! Merging lists whose elements are told apart by keys.

use super::{Merger, Sides};
use crate::error::{Error, Result};
use crate::tree::schema::Schema;
use crate::tree::set::Incoming;
use crate::tree::{Kind, Node, NodeId, Tag};
use std::collections::BTreeSet;

impl Merger<'_> {
    pub(super) fn walk_merged_list(
        &mut self,
        sides: Sides,
        schema: Option<Schema>,
    ) -> Result<Option<Incoming>> {
        self.adopt_style(sides);
        let chosen = match sides.dest.filter(|dest| !self.tree.is_null(*dest)) {
            None => sides.patch.map(Incoming::from),
            Some(dest) => self.by_directive(dest, sides.patch)?,
        };
        let Some(Incoming { node: dest, .. }) = chosen else {
            return Ok(None);
        };
        let sides = Sides { dest: Some(dest), patch: sides.patch };
        let mut keys = schema.as_ref().map(Schema::merge_keys).unwrap_or_default();
        if keys.is_empty() && !schema.as_ref().is_some_and(Schema::merges) {
            keys.push(self.infer_key(sides)?);
        }
        let (keys, values) = if keys.is_empty() {
            (vec![String::new()], self.scalar_values(sides))
        } else {
            let values = self.key_values(sides, &keys);
            (keys, values)
        };
        let element = schema.as_ref().and_then(|schema| self.tree.schemas.elements(schema));
        self.merge_elements(sides, dest, ListKeys { keys, values }, element.as_ref())
    }

    fn infer_key(&self, sides: Sides) -> Result<String> {
        let mut key = "";
        for list in sides.iter().filter(|list| !self.tree.items(*list).is_empty()) {
            let new = if self.has_names(list) { "name" } else { "" };
            if !key.is_empty() && key != new {
                let path = self.path.join(".");
                return Err(Error::new(format!(
                    "conflicting merge keys [{key},{new}] for field {path}"
                )));
            }
            key = new;
        }
        if key.is_empty() {
            return Err(Error::new(format!(
                "no merge key found for field {}",
                self.path.join(".")
            )));
        }
        Ok(key.to_owned())
    }

    /// The two lists in the order in which their elements shall appear.
    fn in_order(&self, sides: Sides) -> impl Iterator<Item = NodeId> + use<> {
        let (first, second) = if self.options.prepend {
            (sides.patch, sides.dest)
        } else {
            (sides.dest, sides.patch)
        };
        first.into_iter().chain(second)
    }

    fn scalar_values(&self, sides: Sides) -> Vec<Vec<String>> {
        let mut seen = BTreeSet::new();
        let mut values = Vec::new();
        for list in self.in_order(sides) {
            for item in self.tree.items(list) {
                let value = self.tree.value(*item);
                if seen.insert(value) {
                    values.push(vec![value.to_owned()]);
                }
            }
        }
        values
    }

    fn key_values(&self, sides: Sides, keys: &[String]) -> Vec<Vec<String>> {
        let mut values: Vec<Vec<String>> = Vec::new();
        for list in self.in_order(sides).filter(|list| !self.tree.is_null(*list)) {
            for item in self.tree.items(list) {
                let of_item: Vec<String> = keys
                    .iter()
                    .map(|key| match self.tree.field(*item, key) {
                        Some(field) if !self.tree.get(field).is_empty() => {
                            self.tree.value(field).to_owned()
                        }
                        _ => String::new(),
                    })
                    .collect();
                if !values.contains(&of_item) {
                    values.push(of_item);
                }
            }
        }
        values
    }

    fn merge_elements(
        &mut self,
        sides: Sides,
        dest: NodeId,
        mut list: ListKeys,
        element: Option<&Schema>,
    ) -> Result<Option<Incoming>> {
        let added = self.tree.add(Node::empty(Kind::Sequence));
        if list.keys.len() > 1 {
            list.unify();
        }
        let mut keys = list.keys.clone();
        for at in 0..list.values.len() {
            let Some((valid_keys, valid_values)) = list.valid(at) else {
                continue;
            };
            keys.clone_from(&valid_keys);
            let merged = self.merge_element(sides, (&valid_keys, &valid_values), element)?;
            let Some(merged) = merged else {
                self.tree.set_element(dest, None, &valid_keys, &valid_values)?;
                continue;
            };
            for (key, value) in valid_keys.iter().zip(&valid_values) {
                if self.tree.field(merged, key).is_none() && !value.is_empty() {
                    let value = self.tree.add(Node::scalar(value));
                    if key.is_empty() {
                        self.tree.set_scalar(merged, value)?;
                    } else {
                        self.tree.set_field(merged, key, Some(value.into()))?;
                    }
                }
            }
            self.tree.set_element(added, Some(merged), &valid_keys, &valid_values)?;
        }
        let mut result = dest;
        if !list.values.is_empty() {
            let (into, from) = if self.options.prepend { (added, dest) } else { (dest, added) };
            self.append_elements(into, from, &keys)?;
            result = into;
        }
        Ok((!self.tree.is_null(result)).then(|| result.into()))
    }

    /// Merges the element that both sides may have; `None` if it is gone afterwards.
    fn merge_element(
        &mut self,
        sides: Sides,
        (keys, values): (&[String], &[String]),
        schema: Option<&Schema>,
    ) -> Result<Option<NodeId>> {
        let (keys, values) = valid_keys(std::slice::from_ref(&values.to_vec()), values, keys);
        let find = |list: Option<NodeId>| {
            list.filter(|list| self.tree.kind(*list) == Kind::Sequence)
                .and_then(|list| self.tree.find_element(list, &keys, &values))
        };
        let (dest, patch) = (find(sides.dest), find(sides.patch));
        let path = std::mem::take(&mut self.path);
        let merged = self.walk(dest, patch, schema.cloned());
        self.path = path;
        Ok(merged?.map(|merged| merged.node).filter(|merged| {
            let node = self.tree.get(*merged);
            node.tag != Tag::Null && (node.kind != Kind::Mapping || !node.content.is_empty())
        }))
    }

    /// Adds the elements of one list to another, each in the place of the one with its key values.
    fn append_elements(&mut self, into: NodeId, from: NodeId, keys: &[String]) -> Result<()> {
        for element in self.tree.get(from).content.clone() {
            if keys.first().is_none_or(String::is_empty) {
                let value = self.tree.value(element).to_owned();
                self.tree.set_element(into, Some(element), &[String::new()], &[value])?;
                continue;
            }
            let mut values = Vec::new();
            for key in keys {
                match self.tree.get_field(element, key)? {
                    Some(value) => values.push(self.tree.value(value).to_owned()),
                    None => self.tree.get_mut(into).content.push(element),
                }
            }
            if keys.len() > 1 {
                self.tree.set_element(into, None, keys, &values)?;
            }
            self.tree.set_element(into, Some(element), keys, &values)?;
        }
        Ok(())
    }
}

/// The keys of a list's elements and the values they have on either side.
struct ListKeys {
    keys: Vec<String>,
    values: Vec<Vec<String>>,
}

impl ListKeys {
    /// Fills gaps: elements that agree where both have a value are the same element.
    fn unify(&mut self) {
        let count = self.values.len();
        for first in 0..count {
            for second in 0..count {
                let (Some(a), Some(b)) = (self.values.get(first), self.values.get(second)) else {
                    continue;
                };
                let Some(both) = combine(a, b) else {
                    continue;
                };
                for at in [first, second] {
                    if let Some(values) = self.values.get_mut(at) {
                        values.clone_from(&both);
                    }
                }
            }
        }
    }

    /// The keys by which to find the element at a position, and their values.
    fn valid(&self, at: usize) -> Option<(Vec<String>, Vec<String>)> {
        let values = self.values.get(at)?;
        (!values.is_empty()).then(|| valid_keys(&self.values, values, &self.keys))
    }
}

fn combine(a: &[String], b: &[String]) -> Option<Vec<String>> {
    let mut common = false;
    let mut both = Vec::with_capacity(a.len());
    for (a, b) in a.iter().zip(b) {
        if a == b {
            common = true;
            both.push(a.clone());
        } else if !a.is_empty() && !b.is_empty() {
            return None;
        } else {
            both.push(if a.is_empty() { b.clone() } else { a.clone() });
        }
    }
    common.then_some(both)
}

/// Leaves out the keys for which no element has a value; if none has any, all keys stay.
fn valid_keys(
    all: &[Vec<String>],
    values: &[String],
    keys: &[String],
) -> (Vec<String>, Vec<String>) {
    let used: BTreeSet<&str> = all
        .iter()
        .flat_map(|values| {
            values
                .iter()
                .zip(keys)
                .filter(|(value, _)| !value.is_empty())
                .map(|(_, key)| key.as_str())
        })
        .collect();
    if used.is_empty() {
        return (keys.to_vec(), values.to_vec());
    }
    let valid = keys.iter().filter(|key| used.contains(key.as_str())).cloned().collect();
    let values = values
        .iter()
        .zip(keys)
        .filter(|(_, key)| used.contains(key.as_str()))
        .map(|(value, _)| value.clone());
    (valid, values.collect())
}
