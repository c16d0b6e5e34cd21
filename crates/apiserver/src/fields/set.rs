//! Sets of field paths, kept as a tree.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::path::PathElement;

/// How deep a set may nest when read; JSON itself is limited to this by the decoder.
const MAX_DEPTH: usize = 128;

/// A set of field paths. A node may be a member itself, have members below, or both; nodes without either do not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set(Vec<Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    element: PathElement,
    member: bool,
    below: Set,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl Set {
    /// A set without members.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// A set of paths of plain field names.
    pub fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = Self::new();
        for path in paths {
            let path: Vec<_> = path.iter().map(|name| PathElement::field(name)).collect();
            set.insert(&path);
        }
        set
    }

    /// True if there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a path; the empty path is not tracked.
    pub fn insert(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => self.add_member(last.clone()),
            [first, rest @ ..] => {
                let below = &mut self.node(first.clone()).below;
                below.insert(rest);
            }
        }
    }

    /// Makes a direct child a member.
    pub(super) fn add_member(&mut self, element: PathElement) {
        self.node(element).member = true;
    }

    /// Puts a subtree below a direct child, unless it is empty.
    pub(super) fn add_below(&mut self, element: PathElement, below: Self) {
        if !below.is_empty() {
            let node = self.node(element);
            node.below = if node.below.is_empty() { below } else { node.below.union(&below) };
        }
    }

    /// Must be followed by giving the node a member or something below.
    fn node(&mut self, element: PathElement) -> &mut Node {
        let at = match self.0.last() {
            Some(last) if last.element < element => Err(self.0.len()),
            _ => self.0.binary_search_by(|node| node.element.cmp(&element)),
        };
        let at = at.unwrap_or_else(|at| {
            self.0.insert(at, Node { element, member: false, below: Self::new() });
            at
        });
        #[expect(clippy::indexing_slicing, reason = "the index was just found or inserted")]
        &mut self.0[at]
    }

    fn find(&self, element: &PathElement) -> Option<&Node> {
        let at = self.0.binary_search_by(|node| node.element.cmp(element)).ok()?;
        self.0.get(at)
    }

    /// True if the path is a member.
    pub fn has(&self, path: &[PathElement]) -> bool {
        match path {
            [] => false,
            [last] => self.has_member(last),
            [first, rest @ ..] => self.below(first).is_some_and(|below| below.has(rest)),
        }
    }

    /// True if the direct child is a member.
    pub fn has_member(&self, element: &PathElement) -> bool {
        self.find(element).is_some_and(|node| node.member)
    }

    /// The members below a direct child, if there are any.
    pub fn below(&self, element: &PathElement) -> Option<&Self> {
        self.find(element).map(|node| &node.below).filter(|below| !below.is_empty())
    }

    /// Each direct child: its element, whether it is a member, what is below.
    pub(super) fn children(&self) -> impl Iterator<Item = (&PathElement, bool, &Self)> {
        self.0.iter().map(|node| (&node.element, node.member, &node.below))
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        zip(self, other, |left, right| match (left, right) {
            (Some(node), None) | (None, Some(node)) => Some(node.clone()),
            (Some(left), Some(right)) => Some(Node {
                element: left.element.clone(),
                member: left.member || right.member,
                below: left.below.union(&right.below),
            }),
            (None, None) => None,
        })
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        zip(self, other, |left, right| {
            let (left, right) = (left?, right?);
            Some(Node {
                element: left.element.clone(),
                member: left.member && right.member,
                below: left.below.intersection(&right.below),
            })
        })
    }

    /// What is here but not there. Removing a parent leaves its children, and the other way round.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        zip(self, other, |left, right| {
            let left = left?;
            let Some(right) = right else { return Some(left.clone()) };
            Some(Node {
                element: left.element.clone(),
                member: left.member && !right.member,
                below: left.below.difference(&right.below),
            })
        })
    }

    /// What is here but neither there nor below a member of the other.
    #[must_use]
    pub fn difference_with_children(&self, other: &Self) -> Self {
        zip(self, other, |left, right| {
            let left = left?;
            match right {
                None => Some(left.clone()),
                Some(right) if right.member => None,
                Some(right) => Some(Node {
                    below: left.below.difference_with_children(&right.below),
                    ..left.clone()
                }),
            }
        })
    }

    /// Every path, members before what is below them, each level's members first.
    pub fn paths(&self) -> Vec<Vec<PathElement>> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect(&self, prefix: &mut Vec<PathElement>, paths: &mut Vec<Vec<PathElement>>) {
        for node in self.0.iter().filter(|node| node.member) {
            let mut path = prefix.clone();
            path.push(node.element.clone());
            paths.push(path);
        }
        for node in &self.0 {
            prefix.push(node.element.clone());
            node.below.collect(prefix, paths);
            prefix.pop();
        }
    }

    /// As `FieldsV1` writes it: `{"f:spec":{".":{},"f:replicas":{}}}`.
    pub fn encode(&self) -> Value {
        let mut fields = Map::new();
        for node in &self.0 {
            let mut value = node.below.encode();
            if let (true, Value::Object(below)) =
                (node.member && !node.below.is_empty(), &mut value)
            {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            fields.insert(node.element.encode(), value);
        }
        Value::Object(fields)
    }

    /// Reads `FieldsV1`. `None` if a key is malformed or it nests too deep.
    pub fn decode(fields: &Value) -> Option<Self> {
        decode(fields, 0)
    }
}

fn decode(fields: &Value, depth: usize) -> Option<Set> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut nodes = Vec::new();
    for (key, value) in fields.as_object()? {
        if key == "." {
            continue;
        }
        let element = PathElement::decode(key)?;
        let below = decode(value, depth + 1)?;
        // A node that has nothing below is a leaf, hence a member.
        let member = below.is_empty() || value.get(".").is_some();
        nodes.push(Node { element, member, below });
    }
    nodes.sort_by(|left, right| left.element.cmp(&right.element));
    nodes.dedup_by(|left, right| left.element == right.element);
    Some(Set(nodes))
}

fn zip(
    left: &Set,
    right: &Set,
    join: impl Fn(Option<&Node>, Option<&Node>) -> Option<Node>,
) -> Set {
    let mut nodes = Vec::new();
    let (mut lefts, mut rights) = (left.0.iter().peekable(), right.0.iter().peekable());
    loop {
        let order = match (lefts.peek(), rights.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(left), Some(right)) => left.element.cmp(&right.element),
        };
        let left = if order.is_le() { lefts.next() } else { None };
        let right = if order.is_ge() { rights.next() } else { None };
        nodes.extend(join(left, right).filter(|node| !node.is_empty()));
    }
    Set(nodes)
}
