use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One difference between two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it is.
    pub path: Vec<Step>,
    /// What it is.
    pub kind: ChangeKind,
}

/// What happened to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was not there.
    Added(Value),
    /// It is gone.
    Removed(Value),
    /// It was another one.
    Changed {
        /// What it was.
        from: Value,
        /// What it is.
        to: Value,
    },
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The field of a map.
    Key(String),
    /// The item of a list with this name.
    Item(String),
    /// The item of a list at this place, from 0.
    Index(usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(name) | Self::Item(name) => f.write_str(name),
            Self::Index(index) => write!(f, "{index}"),
        }
    }
}

impl Change {
    /// The path as people write it, `spec.template.spec.containers.app.image`.
    pub fn dotted_path(&self) -> String {
        let steps: Vec<String> = self.path.iter().map(ToString::to_string).collect();
        steps.join(".")
    }
}

/// Fields that tell the items of a list apart, the first one that all items have.
const NAMES: [&str; 3] = ["name", "key", "id"];

/// What must change to make `new` of `old`, maps field by field in sorted order. The items of a list
/// are compared by their `name`, `key` or `id` if every item has one of its own, else by place, with
/// what is the same at both ends left out.
pub fn diff(old: &Value, new: &Value) -> Vec<Change> {
    let mut differ = Differ { path: Vec::new(), changes: Vec::new() };
    differ.compare(old, new);
    differ.changes
}

struct Differ {
    path: Vec<Step>,
    changes: Vec<Change>,
}

impl Differ {
    fn compare(&mut self, old: &Value, new: &Value) {
        match (old, new) {
            (old, new) if old == new => {}
            (Value::Object(old), Value::Object(new)) => self.maps(old, new),
            (Value::Array(old), Value::Array(new)) => self.lists(old, new),
            (old, new) => self.note(ChangeKind::Changed { from: old.clone(), to: new.clone() }),
        }
    }

    fn note(&mut self, kind: ChangeKind) {
        self.changes.push(Change { path: self.path.clone(), kind });
    }

    fn at(&mut self, step: Step, old: Option<&Value>, new: Option<&Value>) {
        self.path.push(step);
        match (old, new) {
            (Some(old), Some(new)) => self.compare(old, new),
            (Some(old), None) => self.note(ChangeKind::Removed(old.clone())),
            (None, Some(new)) => self.note(ChangeKind::Added(new.clone())),
            (None, None) => {}
        }
        self.path.pop();
    }

    fn maps(&mut self, old: &Map<String, Value>, new: &Map<String, Value>) {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            self.at(Step::Key(name.clone()), old.get(name), new.get(name));
        }
    }

    fn lists(&mut self, old: &[Value], new: &[Value]) {
        match named(old, new) {
            Some((old_names, new_names)) => self.named_lists(&old_names, &new_names),
            None => self.plain_lists(old, new),
        }
    }

    fn named_lists(&mut self, old: &Named<'_>, new: &Named<'_>) {
        for (name, value) in &old.items {
            self.at(Step::Item((*name).to_owned()), Some(value), new.get(name));
        }
        for (name, value) in &new.items {
            if old.get(name).is_none() {
                self.at(Step::Item((*name).to_owned()), None, Some(value));
            }
        }
    }

    fn plain_lists(&mut self, old: &[Value], new: &[Value]) {
        let front = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let rest = |list: &[Value]| list.get(front..).unwrap_or_default().to_vec();
        let (mut old, mut new) = (rest(old), rest(new));
        while let (Some(a), Some(b)) = (old.last(), new.last())
            && a == b
        {
            old.pop();
            new.pop();
        }
        for at in 0..old.len().max(new.len()) {
            self.at(Step::Index(front + at), old.get(at), new.get(at));
        }
    }
}

/// The items of a list with the names that tell them apart.
struct Named<'a> {
    items: Vec<(&'a str, &'a Value)>,
    places: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Named<'a> {
    fn new(list: &'a [Value], field: &str) -> Option<Self> {
        let items: Option<Vec<_>> =
            list.iter().map(|item| Some((item.get(field)?.as_str()?, item))).collect();
        let items = items?;
        let places: BTreeMap<_, _> = items.iter().copied().collect();
        (places.len() == items.len()).then_some(Self { items, places })
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.places.get(name).copied()
    }
}

fn named<'a>(old: &'a [Value], new: &'a [Value]) -> Option<(Named<'a>, Named<'a>)> {
    NAMES.iter().find_map(|field| Some((Named::new(old, field)?, Named::new(new, field)?)))
}
