//! The union of a live object and an applied configuration: what both set comes from the configuration, nothing is removed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::path::PathElement;
use super::shape::{ListShape, MapShape, Shape, as_list, as_map};
use crate::schema::Schema;

/// Merges `right` into `left`. `None` if nothing remains.
pub(super) fn merge(schema: &Schema, left: Option<&Value>, right: Option<&Value>) -> Option<Value> {
    let shape = if right.is_none() { Shape::of(schema, left) } else { Shape::of(schema, right) };
    match shape {
        Shape::List(list) if !list.is_atomic() => {
            let (lefts, rights) = (as_list(left), as_list(right));
            if lefts.is_some_and(|list| !list.is_empty())
                || rights.is_some_and(|list| !list.is_empty())
            {
                let items = Items::new(list, lefts, rights).merge();
                return (!items.is_empty()).then_some(Value::Array(items));
            }
        }
        Shape::Map(map) if !map.atomic => {
            let (lefts, rights) = (as_map(left), as_map(right));
            if lefts.is_some_and(|map| !map.is_empty()) || rights.is_some_and(|map| !map.is_empty())
            {
                return merge_fields(map, lefts, rights);
            }
        }
        Shape::Scalar(_) | Shape::List(_) | Shape::Map(_) => {}
    }
    right.or(left).cloned()
}

fn merge_fields(
    map: MapShape<'_>,
    lefts: Option<&Map<String, Value>>,
    rights: Option<&Map<String, Value>>,
) -> Option<Value> {
    let mut out = Map::new();
    for (name, left) in lefts.into_iter().flatten() {
        let right = rights.and_then(|fields| fields.get(name));
        let merged = if right.is_none() {
            Some(left.clone())
        } else {
            merge(map.field_or_deduced(name), Some(left), right)
        };
        out.extend(merged.map(|merged| (name.clone(), merged)));
    }
    for (name, right) in rights.into_iter().flatten() {
        if !lefts.is_some_and(|fields| fields.contains_key(name)) {
            let merged = merge(map.field_or_deduced(name), None, Some(right));
            out.extend(merged.map(|merged| (name.clone(), merged)));
        }
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// The items of two lists, told apart by their path elements.
struct Items<'a> {
    list: ListShape<'a>,
    lefts: VecDeque<(PathElement, &'a Value)>,
    rights: VecDeque<(PathElement, &'a Value)>,
    /// The live item of each element; `None` where several share it, which are then not merged but replaced.
    of_left: BTreeMap<PathElement, Option<&'a Value>>,
    of_right: BTreeMap<PathElement, &'a Value>,
}

impl<'a> Items<'a> {
    fn new(
        list: ListShape<'a>,
        lefts: Option<&'a Vec<Value>>,
        rights: Option<&'a Vec<Value>>,
    ) -> Self {
        let indexed = |items: Option<&'a Vec<Value>>| -> VecDeque<_> {
            let items = items.into_iter().flatten();
            items.filter_map(|item| Some((list.element(item).ok()?, item))).collect()
        };
        let (lefts, rights) = (indexed(lefts), indexed(rights));
        let mut of_left = BTreeMap::new();
        for (element, item) in &lefts {
            of_left.entry(element.clone()).and_modify(|item| *item = None).or_insert(Some(*item));
        }
        let of_right = rights.iter().map(|(element, item)| (element.clone(), *item)).collect();
        Self { list, lefts, rights, of_left, of_right }
    }

    /// Items keep the live order as far as the configuration's order of shared items allows; new ones come where the
    /// configuration has them.
    fn merge(mut self) -> Vec<Value> {
        let mut out = Vec::new();
        let mut done: BTreeSet<PathElement> = BTreeSet::new();
        let mut shared: VecDeque<PathElement> = self
            .rights
            .iter()
            .filter(|(element, _)| self.of_left.contains_key(element))
            .map(|(element, _)| element.clone())
            .collect();
        let mut next_shared = shared.pop_front();
        while !self.lefts.is_empty() || !self.rights.is_empty() {
            if let (Some((left, _)), Some((right, _))) = (self.lefts.front(), self.rights.front()) {
                if left == right {
                    self.lefts.pop_front();
                    next_shared = shared.pop_front();
                    self.take_right(&mut out, &mut done);
                    continue;
                }
                let waits = next_shared.as_ref().is_some_and(|next| next != left);
                if waits && self.of_right.contains_key(left) {
                    self.lefts.pop_front();
                    continue;
                }
            }
            if let Some((left, item)) = self.lefts.front() {
                if !self.of_right.contains_key(left) {
                    out.extend(merge(self.list.items, Some(item), None));
                    self.lefts.pop_front();
                    continue;
                }
                if done.contains(left) {
                    self.lefts.pop_front();
                }
            }
            if let Some((right, _)) = self.rights.front() {
                if next_shared.as_ref() == Some(right) {
                    next_shared = shared.pop_front();
                }
                self.take_right(&mut out, &mut done);
            }
        }
        out
    }

    fn take_right(&mut self, out: &mut Vec<Value>, done: &mut BTreeSet<PathElement>) {
        let Some((element, item)) = self.rights.pop_front() else { return };
        let left = self.of_left.get(&element).copied().flatten();
        out.extend(merge(self.list.items, left, Some(item)));
        done.insert(element);
    }
}
