//! A schema as field ownership sees it: every place is a scalar, a list or a map.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::path::{PathElement, Scalar};
use crate::schema::{Additional, Kind, ListType, Schema};

/// Stands for what no schema declares: maps are granular, lists are one value.
static DEDUCED: LazyLock<Schema> = LazyLock::new(Schema::any);

/// Which scalars a place takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarKind {
    /// Any scalar.
    Untyped,
    /// Numbers.
    Numeric,
    /// Strings.
    Text,
    /// Booleans.
    Boolean,
}

/// What a place is, for a given value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape<'a> {
    Scalar(ScalarKind),
    List(ListShape<'a>),
    Map(MapShape<'a>),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ListShape<'a> {
    pub(super) list_type: &'a ListType,
    pub(super) items: &'a Schema,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct MapShape<'a> {
    pub(super) atomic: bool,
    node: &'a Schema,
}

impl<'a> Shape<'a> {
    /// The shape of `value` at a place described by `place`. Where the schema takes several shapes, the value decides; where
    /// it takes none that fits, the schema's first shape is returned and the caller sees the mismatch.
    pub(super) fn of(place: &'a Schema, value: Option<&Value>) -> Self {
        let node = place.resolve();
        let scalar = scalar_kind(node).map(Shape::Scalar);
        let list = || {
            matches!(node.kind, Kind::Array | Kind::Any | Kind::IntOrString | Kind::Raw)
                .then(|| list(node))
        };
        let map = || {
            matches!(node.kind, Kind::Object | Kind::Any | Kind::IntOrString | Kind::Raw)
                .then(|| map(place, node))
        };
        let fitting = match value {
            Some(Value::Number(_) | Value::String(_) | Value::Bool(_)) => scalar,
            Some(Value::Array(_)) => list(),
            Some(Value::Object(_)) => map(),
            Some(Value::Null) | None => None,
        };
        fitting.or_else(map).or(scalar).or_else(list).unwrap_or(Shape::Scalar(ScalarKind::Untyped))
    }

    /// True if both are of the same sort, so that one walk covers both sides.
    pub(super) fn same_sort(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

fn scalar_kind(node: &Schema) -> Option<ScalarKind> {
    match node.kind {
        Kind::Any | Kind::IntOrString | Kind::Quantity | Kind::Raw => Some(ScalarKind::Untyped),
        Kind::Integer | Kind::Number => Some(ScalarKind::Numeric),
        Kind::Boolean => Some(ScalarKind::Boolean),
        Kind::String => match node.format.as_deref() {
            None | Some("" | "byte") => Some(ScalarKind::Text),
            Some(_) => Some(ScalarKind::Untyped),
        },
        Kind::Object | Kind::Array => None,
    }
}

fn list(node: &Schema) -> Shape<'_> {
    Shape::List(ListShape {
        list_type: &node.list_type,
        items: node.items.as_deref().unwrap_or(&DEDUCED),
    })
}

fn map<'a>(place: &Schema, node: &'a Schema) -> Shape<'a> {
    let atomic = place.atomic_map.or(node.atomic_map).unwrap_or(node.kind == Kind::Raw);
    Shape::Map(MapShape { atomic, node })
}

impl<'a> MapShape<'a> {
    /// The schema of a key, and whether it is a named field. `None` if the schema does not know the key.
    pub(super) fn field(&self, name: &str) -> Option<(&'a Schema, bool)> {
        if let Some(field) = self.node.properties.get(name) {
            return Some((field, true));
        }
        match &self.node.additional {
            Additional::Typed(schema) => Some((schema, false)),
            Additional::Open => Some((&DEDUCED, false)),
            Additional::Closed => None,
            Additional::Unset => {
                (self.node.open || self.node.properties.is_empty()).then_some((&*DEDUCED, false))
            }
        }
    }

    /// The schema of a key; what is unknown is deduced.
    pub(super) fn field_or_deduced(&self, name: &str) -> &'a Schema {
        self.field(name).map_or(&DEDUCED, |(schema, _)| schema)
    }

    /// True if no field is named and anything goes.
    pub(super) fn is_deduced(&self) -> bool {
        self.node.properties.is_empty()
            && !matches!(self.node.additional, Additional::Typed(_) | Additional::Closed)
    }
}

impl ListShape<'_> {
    /// True if the list is owned as one.
    pub(super) fn is_atomic(&self) -> bool {
        *self.list_type == ListType::Atomic
    }

    /// The path element of an item.
    ///
    /// # Errors
    /// The item cannot be told apart: it is null, of the wrong sort, or lacks all key fields.
    pub(super) fn element(&self, item: &Value) -> Result<PathElement, String> {
        match self.list_type {
            ListType::Atomic => Err("invalid indexing of non-associative list".to_owned()),
            ListType::Set => set_element(item),
            ListType::Map(keys) => self.keyed_element(keys, item),
        }
    }

    fn keyed_element(&self, keys: &[Box<str>], item: &Value) -> Result<PathElement, String> {
        let fields = match item {
            Value::Object(fields) => fields,
            Value::Null => {
                return Err("associative list with keys may not have a null element".to_owned());
            }
            _ => return Err("associative list with keys may not have non-map elements".to_owned()),
        };
        let schema = self.items.resolve();
        let mut found: Vec<_> = Vec::with_capacity(keys.len());
        for key in keys {
            let default = || schema.properties.get(key).and_then(|field| field.default.as_ref());
            if let Some(value) = fields.get(&**key).or_else(default) {
                found.push(((&**key).into(), Scalar(value.clone())));
            }
        }
        if found.is_empty() && !keys.is_empty() {
            let names: Vec<_> = keys.iter().map(|key| format!("{key:?}")).collect();
            return Err(format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
                names.join(" ")
            ));
        }
        found.sort();
        Ok(PathElement::Key(found))
    }
}

fn set_element(item: &Value) -> Result<PathElement, String> {
    match item {
        Value::Object(_) => {
            Err("associative list without keys has an element that's a map type".to_owned())
        }
        Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
        Value::Null => {
            Err("associative list without keys has an element that's an explicit null".to_owned())
        }
        scalar => Ok(PathElement::Value(Scalar(scalar.clone()))),
    }
}

/// The list in a value; `None` for null, a missing value or one of another sort.
pub(super) fn as_list(value: Option<&Value>) -> Option<&Vec<Value>> {
    value.and_then(Value::as_array)
}

/// The map in a value; `None` for null, a missing value or one of another sort.
pub(super) fn as_map(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

/// Equality in which numbers are equal by value and the order of fields does not matter.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.as_f64() == b.as_f64() && (a.is_f64() || b.is_f64()))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => left == right,
    }
}
