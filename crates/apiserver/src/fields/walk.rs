//! Walks over one value: which fields it sets, and the value without some of its fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::path::PathElement;
use super::set::Set;
use super::shape::{ListShape, MapShape, Shape};
use crate::schema::{ListType, Schema};

/// Every leaf and every list or map item that the value mentions.
pub(super) fn field_set(schema: &Schema, value: &Value) -> Set {
    match leaf_or_fields(schema, value) {
        Fields::Leaf => Set::new(),
        Fields::Below(set) => set,
    }
}

enum Fields {
    /// The place is owned as one.
    Leaf,
    /// The place is owned by its parts, of which there may be none.
    Below(Set),
}

fn leaf_or_fields(schema: &Schema, value: &Value) -> Fields {
    match Shape::of(schema, Some(value)) {
        Shape::Scalar(_) => Fields::Leaf,
        Shape::List(list) if list.is_atomic() => Fields::Leaf,
        Shape::Map(map) if map.atomic => Fields::Leaf,
        Shape::List(list) => Fields::Below(list_fields(list, value)),
        Shape::Map(map) => Fields::Below(map_fields(map, value)),
    }
}

fn list_fields(list: ListShape<'_>, value: &Value) -> Set {
    let mut set = Set::new();
    let items = value.as_array().into_iter().flatten();
    let items: Vec<_> = items.filter_map(|item| Some((list.element(item).ok()?, item))).collect();
    let mut counts: BTreeMap<&PathElement, usize> = BTreeMap::new();
    for (element, _) in &items {
        *counts.entry(element).or_default() += 1;
    }
    for (element, item) in &items {
        // Items with the same key are owned together, as one.
        if counts.get(element) == Some(&1)
            && let Fields::Below(below) = leaf_or_fields(list.items, item)
        {
            set.add_below(element.clone(), below);
        }
        set.add_member(element.clone());
    }
    set
}

fn map_fields(map: MapShape<'_>, value: &Value) -> Set {
    let mut set = Set::new();
    for (name, field) in value.as_object().into_iter().flatten() {
        let Some((schema, declared)) = map.field(name) else { continue };
        let empty = field.is_null() || field.as_object().is_some_and(Map::is_empty);
        let member = match leaf_or_fields(schema, field) {
            Fields::Leaf => true,
            Fields::Below(below) => {
                set.add_below(PathElement::field(name), below);
                empty || !declared
            }
        };
        if member {
            set.add_member(PathElement::field(name));
        }
    }
    set
}

/// The value without the members of `gone`. A container that loses all it held becomes null.
pub(super) fn remove(schema: &Schema, value: &Value, gone: &Set) -> Value {
    match Shape::of(schema, Some(value)) {
        Shape::Scalar(_) => value.clone(),
        Shape::List(list) if !list.is_atomic() => remove_items(list, value, gone),
        Shape::Map(map) if !map.atomic => remove_fields(map, value, gone),
        Shape::List(_) | Shape::Map(_) => Value::Null,
    }
}

fn remove_items(list: ListShape<'_>, value: &Value, gone: &Set) -> Value {
    let mut kept = Vec::new();
    for item in value.as_array().into_iter().flatten() {
        match list.element(item) {
            Ok(element) if gone.has_member(&element) => {}
            Ok(element) => kept.push(match gone.below(&element) {
                Some(below) => remove(list.items, item, below),
                None => item.clone(),
            }),
            Err(_) => kept.push(item.clone()),
        }
    }
    if kept.is_empty() { Value::Null } else { Value::Array(kept) }
}

fn remove_fields(map: MapShape<'_>, value: &Value, gone: &Set) -> Value {
    let mut kept = Map::new();
    for (name, field) in value.as_object().into_iter().flatten() {
        let element = PathElement::field(name);
        if gone.has_member(&element) {
            continue;
        }
        let field = match gone.below(&element) {
            Some(below) => remove(map.field_or_deduced(name), field, below),
            None => field.clone(),
        };
        kept.insert(name.clone(), field);
    }
    if kept.is_empty() { Value::Null } else { Value::Object(kept) }
}

/// The set with every named field that has members below it made a member too.
pub(super) fn with_named_fields(schema: &Schema, set: &Set) -> Set {
    let mut out = Set::new();
    for (element, member, below) in set.children() {
        let (declared, child) = child_schema(schema, element);
        if member || (declared && !below.is_empty()) {
            out.add_member(element.clone());
        }
        match child {
            Some(child) => out.add_below(element.clone(), with_named_fields(child, below)),
            None => out.add_below(element.clone(), below.clone()),
        }
    }
    out
}

/// Whether the element is a named field, and the schema of what it leads to.
fn child_schema<'a>(schema: &'a Schema, element: &PathElement) -> (bool, Option<&'a Schema>) {
    let object = Value::Object(Map::new());
    match element {
        PathElement::Field(name) => match Shape::of(schema, Some(&object)) {
            Shape::Map(map) => match map.field(name) {
                Some((child, declared)) => (declared, Some(child)),
                None => (false, None),
            },
            Shape::Scalar(_) | Shape::List(_) => (false, None),
        },
        PathElement::Key(_) => match Shape::of(schema, Some(&Value::Array(Vec::new()))) {
            Shape::List(list) => (false, Some(list.items)),
            Shape::Scalar(_) | Shape::Map(_) => (false, None),
        },
        PathElement::Value(_) | PathElement::Index(_) => (false, None),
    }
}

/// The set after the schema turned a granular place into an atomic one: what was owned below is owned as one.
pub(super) fn reconciled(schema: &Schema, set: &Set) -> Set {
    let mut out = Set::new();
    for (element, member, below) in set.children() {
        let child = child_schema(schema, element).1;
        if child.is_some_and(is_atomic) && !below.is_empty() {
            out.add_member(element.clone());
            continue;
        }
        if member {
            out.add_member(element.clone());
        }
        match child {
            Some(child) => out.add_below(element.clone(), reconciled(child, below)),
            None => out.add_below(element.clone(), below.clone()),
        }
    }
    out
}

/// True if [`reconciled`] would change the set.
pub(super) fn has_stale_parts(schema: &Schema, set: &Set) -> bool {
    set.children().filter(|(_, _, below)| !below.is_empty()).any(|(element, _, below)| {
        child_schema(schema, element)
            .1
            .is_some_and(|child| is_atomic(child) || has_stale_parts(child, below))
    })
}

fn is_atomic(schema: &Schema) -> bool {
    match Shape::of(schema, None) {
        Shape::Map(map) => map.atomic && !map.is_deduced(),
        Shape::List(list) => *list.list_type == ListType::Atomic,
        Shape::Scalar(_) => false,
    }
}
