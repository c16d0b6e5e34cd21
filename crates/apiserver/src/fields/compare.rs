//! What changed between two values, as sets of fields.

use std::collections::BTreeMap;

use serde_json::Value;

use super::path::PathElement;
use super::set::Set;
use super::shape::{ListShape, MapShape, Shape, as_list, as_map, same};
use crate::schema::Schema;

/// The fields that differ.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Only on the left.
    pub(super) removed: Set,
    /// On both sides, but different.
    pub(super) modified: Set,
    /// Only on the right.
    pub(super) added: Set,
}

impl Comparison {
    /// Compares two objects of the same type.
    pub(super) fn of(schema: &Schema, left: &Value, right: &Value) -> Self {
        let mut comparison = Self::default();
        comparison.visit(schema, &mut Vec::new(), Some(left), Some(right));
        comparison
    }

    /// The comparison without what the filter resets.
    pub(super) fn without(self, reset: &Set) -> Self {
        if reset.is_empty() {
            return self;
        }
        Self {
            removed: self.removed.difference_with_children(reset),
            modified: self.modified.difference_with_children(reset),
            added: self.added.difference_with_children(reset),
        }
    }

    /// What the right side set.
    pub(super) fn changed(&self) -> Set {
        self.modified.union(&self.added)
    }

    fn visit(
        &mut self,
        schema: &Schema,
        path: &mut Vec<PathElement>,
        left: Option<&Value>,
        right: Option<&Value>,
    ) {
        let (left_shape, right_shape) = (Shape::of(schema, left), Shape::of(schema, right));
        let mut leaf = false;
        if right.is_none() {
            leaf = self.shape(left_shape, path, left, right);
        } else if left.is_none() || left_shape.same_sort(&right_shape) {
            leaf = self.shape(right_shape, path, left, right);
        } else {
            leaf |= self.shape(left_shape, path, left, right);
            leaf |= self.shape(right_shape, path, left, right);
        }
        if !leaf {
            match (left, right) {
                (None, _) => self.added.insert(path),
                (_, None) => self.removed.insert(path),
                _ => {}
            }
        }
    }

    /// Returns true if the place was compared as one.
    fn shape(
        &mut self,
        shape: Shape<'_>,
        path: &mut Vec<PathElement>,
        left: Option<&Value>,
        right: Option<&Value>,
    ) -> bool {
        match shape {
            Shape::List(list) if !list.is_atomic() => {
                let (lefts, rights) = (as_list(left), as_list(right));
                if lefts.is_some_and(|list| !list.is_empty())
                    || rights.is_some_and(|list| !list.is_empty())
                {
                    self.items(list, path, lefts, rights);
                    return false;
                }
            }
            Shape::Map(map) if !map.atomic => {
                let (lefts, rights) = (as_map(left), as_map(right));
                if lefts.is_some_and(|map| !map.is_empty())
                    || rights.is_some_and(|map| !map.is_empty())
                {
                    self.fields(map, path, left, right);
                    return false;
                }
            }
            Shape::Scalar(_) | Shape::List(_) | Shape::Map(_) => {}
        }
        match (left, right) {
            (None, _) => self.added.insert(path),
            (_, None) => self.removed.insert(path),
            (Some(left), Some(right)) if !same(left, right) => self.modified.insert(path),
            _ => {}
        }
        true
    }

    fn fields(
        &mut self,
        map: MapShape<'_>,
        path: &mut Vec<PathElement>,
        left: Option<&Value>,
        right: Option<&Value>,
    ) {
        let (lefts, rights) = (as_map(left), as_map(right));
        let mut visit = |name: &str, left: Option<&Value>, right: Option<&Value>| {
            path.push(PathElement::field(name));
            self.visit(map.field_or_deduced(name), path, left, right);
            path.pop();
        };
        for (name, left) in lefts.into_iter().flatten() {
            let right = rights.and_then(|fields| fields.get(name));
            // Equal subtrees change nothing; most of an object is equal.
            if right != Some(left) {
                visit(name, Some(left), right);
            }
        }
        for (name, right) in rights.into_iter().flatten() {
            if !lefts.is_some_and(|fields| fields.contains_key(name)) {
                visit(name, None, Some(right));
            }
        }
    }

    fn items(
        &mut self,
        list: ListShape<'_>,
        path: &mut Vec<PathElement>,
        lefts: Option<&Vec<Value>>,
        rights: Option<&Vec<Value>>,
    ) {
        let mut items: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        for item in lefts.into_iter().flatten() {
            if let Ok(element) = list.element(item) {
                items.entry(element).or_default().0.push(item);
            }
        }
        for item in rights.into_iter().flatten() {
            if let Ok(element) = list.element(item) {
                items.entry(element).or_default().1.push(item);
            }
        }
        for (element, (lefts, rights)) in items {
            path.push(element);
            self.item(list, path, &lefts, &rights);
            path.pop();
        }
    }

    /// Items that share a key are compared as one.
    fn item(
        &mut self,
        list: ListShape<'_>,
        path: &mut Vec<PathElement>,
        lefts: &[&Value],
        rights: &[&Value],
    ) {
        match (lefts, rights) {
            ([], []) => {}
            ([] | [_], [] | [_]) => {
                self.visit(list.items, path, lefts.first().copied(), rights.first().copied());
            }
            ([_, _, ..], [_, _, ..]) => {
                let equal = lefts.len() == rights.len()
                    && lefts.iter().zip(rights).all(|(a, b)| same(a, b));
                if !equal {
                    self.modified.insert(path);
                }
            }
            ([_, _, ..], rights) => {
                if let Some(right) = rights.first() {
                    self.visit(list.items, path, None, Some(right));
                }
                self.removed.insert(path);
            }
            (lefts, [_, _, ..]) => {
                if let Some(left) = lefts.first() {
                    self.visit(list.items, path, Some(left), None);
                }
                self.added.insert(path);
            }
        }
    }
}
