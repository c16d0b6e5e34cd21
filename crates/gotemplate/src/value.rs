//! Values as Go's templates see them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Zoned;

use crate::function::Function;
use crate::object::Object;
use crate::text::Str;

mod convert;

pub(crate) use convert::bytes_of;

/// A value of a template, with Go's kinds kept apart.
#[derive(Clone)]
pub enum Value {
    /// No value at all: what a missing map key gives by default.
    Missing,
    /// A nil interface, as a `null` in data.
    Nil,
    /// `bool`.
    Bool(bool),
    /// `int`.
    Int(i64),
    /// `int64`.
    Int64(i64),
    /// `uint8`, a byte of a string.
    Uint8(u8),
    /// `uint64`.
    Uint64(u64),
    /// `float64`.
    Float(f64),
    /// `complex128`.
    Complex(f64, f64),
    /// `string`.
    String(Str),
    /// A slice.
    List(List),
    /// A map with string keys, shared and mutable.
    Map(Map),
    /// `time.Time`.
    Time(Box<Zoned>),
    /// `time.Duration` in nanoseconds.
    Duration(i64),
    /// A function value.
    Function(Rc<Function>),
    /// An object of the host.
    Object(Rc<dyn Object>),
}

/// The static element type of a slice or map, for Go's type names and assignability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Element {
    /// `interface {}`.
    #[default]
    Any,
    /// `string`.
    String,
    /// `int`.
    Int,
    /// `uint8`.
    Byte,
    /// `[]interface {}`.
    List,
    /// `map[string]interface {}`.
    Map,
}

impl Element {
    fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::String => "string",
            Self::Int => "int",
            Self::Byte => "uint8",
            Self::List => "[]interface {}",
            Self::Map => "map[string]interface {}",
        }
    }
}

/// A Go slice; its items are never changed in place.
#[derive(Clone)]
pub struct List {
    items: Rc<Vec<Value>>,
    element: Element,
    nil: bool,
}

impl List {
    /// A `[]interface {}`.
    pub fn new(items: Vec<Value>) -> Self {
        Self { items: Rc::new(items), element: Element::Any, nil: false }
    }

    /// A slice with a static element type.
    pub fn typed(items: Vec<Value>, element: Element) -> Self {
        Self { items: Rc::new(items), element, nil: false }
    }

    /// A nil slice: empty, and `null` in JSON.
    pub fn nil(element: Element) -> Self {
        Self { items: Rc::new(Vec::new()), element, nil: true }
    }

    /// A `[]string`.
    pub fn strings(items: impl IntoIterator<Item = impl Into<Str>>) -> Self {
        Self::typed(items.into_iter().map(|s| Value::String(s.into())).collect(), Element::String)
    }

    /// The items.
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    /// The static element type.
    pub fn element(&self) -> Element {
        self.element
    }

    /// True for a nil slice.
    pub fn is_nil(&self) -> bool {
        self.nil
    }
}

/// A Go map with string keys: clones share the entries.
#[derive(Clone, Default)]
pub struct Map {
    entries: Rc<RefCell<BTreeMap<Str, Value>>>,
    element: Element,
    named: Option<&'static NamedMap>,
}

/// A named map type.
#[derive(Debug)]
pub struct NamedMap {
    /// Go's name of the type.
    pub name: &'static str,
    /// Its methods; `None` when there is no such method.
    pub methods: Methods,
}

/// The methods of a named map type.
pub type Methods = fn(&Map, &str, &[Value]) -> Option<crate::Result<Value>>;

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn new() -> Self {
        Self::default()
    }

    /// A map of these entries with a static element type.
    pub fn typed(entries: BTreeMap<Str, Value>, element: Element) -> Self {
        Self { entries: Rc::new(RefCell::new(entries)), element, named: None }
    }

    /// The same map under a named type with methods, as Helm's `common.Values`.
    #[must_use]
    pub fn named(mut self, named: &'static NamedMap) -> Self {
        self.named = Some(named);
        self
    }

    /// The same map as a plain `map[string]interface {}`.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.named = None;
        self
    }

    /// The methods of the named type.
    pub(crate) fn methods(&self) -> Option<Methods> {
        self.named.map(|named| named.methods)
    }

    /// Takes over the type name of another map.
    #[must_use]
    pub(crate) fn renamed(mut self, other: &Self) -> Self {
        self.named = other.named;
        self
    }

    /// A copy of the value under a key.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.entries.borrow().get(key).cloned()
    }

    /// Sets a key; every clone of the map sees it.
    pub fn set(&self, key: impl Into<Str>, value: Value) {
        self.entries.borrow_mut().insert(key.into(), value);
    }

    /// Removes a key.
    pub fn remove(&self, key: &[u8]) {
        self.entries.borrow_mut().remove(key);
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }

    /// A copy of the entries by sorted key.
    pub fn entries(&self) -> Vec<(Str, Value)> {
        self.entries.borrow().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// The static element type.
    pub fn element(&self) -> Element {
        self.element
    }

    /// True when both are the same map, not only equal ones.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.entries, &other.entries)
    }
}

/// Drops nested values one by one: a template can nest a million maps, and dropping those
/// recursively would overflow the stack.
fn drop_flat(mut pending: Vec<Value>) {
    while let Some(value) = pending.pop() {
        match value {
            Value::List(mut list) => {
                if let Some(items) = Rc::get_mut(&mut list.items) {
                    pending.append(items);
                }
            }
            Value::Map(map) => {
                if Rc::strong_count(&map.entries) == 1
                    && let Ok(mut entries) = map.entries.try_borrow_mut()
                {
                    pending.extend(std::mem::take(&mut *entries).into_values());
                }
            }
            _ => {}
        }
    }
}

impl Drop for List {
    fn drop(&mut self) {
        if let Some(items) = Rc::get_mut(&mut self.items)
            && items.iter().any(|i| matches!(i, Value::List(_) | Value::Map(_)))
        {
            drop_flat(std::mem::take(items));
        }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if Rc::strong_count(&self.entries) != 1 {
            return;
        }
        let Ok(mut entries) = self.entries.try_borrow_mut() else { return };
        if entries.values().any(|v| matches!(v, Value::List(_) | Value::Map(_))) {
            drop_flat(std::mem::take(&mut *entries).into_values().collect());
        }
    }
}

impl FromIterator<(Str, Value)> for Map {
    fn from_iter<T: IntoIterator<Item = (Str, Value)>>(entries: T) -> Self {
        Self::typed(entries.into_iter().collect(), Element::Any)
    }
}

impl Value {
    /// A string value.
    pub fn string(text: impl Into<Str>) -> Self {
        Self::String(text.into())
    }

    /// A `[]interface {}` value.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::new(items))
    }

    /// A host object.
    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Rc::new(object))
    }

    /// True for a nil interface or no value.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Missing | Self::Nil)
    }

    /// Go's name of the type, as `%T` prints it.
    pub fn type_name(&self) -> String {
        match self {
            Self::Missing | Self::Nil => "<nil>".to_owned(),
            Self::Bool(_) => "bool".to_owned(),
            Self::Int(_) => "int".to_owned(),
            Self::Int64(_) => "int64".to_owned(),
            Self::Uint8(_) => "uint8".to_owned(),
            Self::Uint64(_) => "uint64".to_owned(),
            Self::Float(_) => "float64".to_owned(),
            Self::Complex(..) => "complex128".to_owned(),
            Self::String(_) => "string".to_owned(),
            Self::List(list) => format!("[]{}", list.element.type_name()),
            Self::Map(map) => match map.named {
                Some(named) => named.name.to_owned(),
                None => format!("map[string]{}", map.element.type_name()),
            },
            Self::Time(_) => "time.Time".to_owned(),
            Self::Duration(_) => "time.Duration".to_owned(),
            Self::Function(function) => function.type_name(),
            Self::Object(object) => object.type_name(),
        }
    }

    /// Go's name of the kind, as `kindOf` gives it.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) | Self::Duration(_) => "int64",
            Self::Uint8(_) => "uint8",
            Self::Uint64(_) => "uint64",
            Self::Float(_) => "float64",
            Self::Complex(..) => "complex128",
            Self::String(_) => "string",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Time(_) => "struct",
            Self::Function(_) => "func",
            Self::Object(object) => object.kind_name(),
        }
    }

    /// Whether `if` takes it as true: not the zero value of its kind.
    pub fn truth(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(b) => *b,
            Self::Int(i) | Self::Int64(i) | Self::Duration(i) => *i != 0,
            Self::Uint8(i) => *i != 0,
            Self::Uint64(i) => *i != 0,
            Self::Float(f) => *f != 0.0,
            Self::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Self::String(s) => !s.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Time(_) | Self::Function(_) => true,
            Self::Object(object) => object.entries().is_none_or(|entries| !entries.is_empty()),
        }
    }

    /// The text of a string value.
    pub fn as_str(&self) -> Option<&Str> {
        match self {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    /// The map of a map value.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The items of a slice value.
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }
}
