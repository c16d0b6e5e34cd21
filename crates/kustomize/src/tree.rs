//! The tree every resource of a build lives in.
//!
//! All nodes of a build are kept in one arena and named by [`NodeId`], so a node can hang in several places at once.
//! That is how the original behaves (its nodes are pointers, and a label written by `commonLabels` is *one* node under
//! `metadata/labels`, the selector and the pod template, so a later patch of one changes all three), and it makes
//! moving subtrees between documents free.

pub(crate) mod fieldspec;
pub(crate) mod json;
pub(crate) mod lookup;
pub(crate) mod matcher;
pub(crate) mod merge;
pub(crate) mod read;
pub(crate) mod schema;
pub(crate) mod set;

use crate::error::{Error, Result};
use yaml::ScalarStyle;

/// Names one node of a [`Tree`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct NodeId(u32);

/// What a node is. `Null` nodes are scalars with the tag [`Tag::Null`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Kind {
    /// A node without a kind: what the original creates before it knows better.
    #[default]
    None,
    Scalar,
    Mapping,
    Sequence,
}

impl Kind {
    /// The kind's name as the original prints it in errors.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Scalar => "ScalarNode",
            Self::Mapping => "MappingNode",
            Self::Sequence => "SequenceNode",
        }
    }
}

/// A node's tag, in go-yaml's short form. `None` means "whatever the text looks like".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Tag {
    #[default]
    None,
    Null,
    Bool,
    Str,
    Int,
    Float,
    Timestamp,
    Binary,
    Merge,
    Map,
    Seq,
    Other(Box<str>),
}

/// How a node is written; a set of the constants below.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Style(pub(crate) u8);

impl Style {
    /// No particular style.
    pub(crate) const PLAIN: Self = Self(0);
    /// The tag is written out.
    pub(crate) const TAGGED: Self = Self(1);
    /// `"text"`
    pub(crate) const DOUBLE: Self = Self(2);
    /// `'text'`
    pub(crate) const SINGLE: Self = Self(4);
    /// `|`
    pub(crate) const LITERAL: Self = Self(8);
    /// `>`
    pub(crate) const FOLDED: Self = Self(16);
    /// `{}` or `[]`
    pub(crate) const FLOW: Self = Self(32);

    /// A scalar's style as the reader tells it.
    pub(crate) const fn of(style: ScalarStyle) -> Self {
        match style {
            ScalarStyle::Plain => Self::PLAIN,
            ScalarStyle::SingleQuoted => Self::SINGLE,
            ScalarStyle::DoubleQuoted => Self::DOUBLE,
            ScalarStyle::Literal => Self::LITERAL,
            ScalarStyle::Folded => Self::FOLDED,
        }
    }

    /// Whether any style of `other` is part of this one.
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the text is quoted or a block, so that it can only be a string.
    pub(crate) const fn is_quoted(self) -> bool {
        self.has(Self(Self::DOUBLE.0 | Self::SINGLE.0 | Self::LITERAL.0 | Self::FOLDED.0))
    }
}

/// One node. Mappings keep key, value, key, value… in `content`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) style: Style,
    pub(crate) tag: Tag,
    pub(crate) value: String,
    pub(crate) content: Vec<NodeId>,
    pub(crate) comments: Option<Box<yaml::Comments>>,
}

impl Node {
    /// A scalar whose type follows from its text.
    pub(crate) fn scalar(value: impl Into<String>) -> Self {
        Self { kind: Kind::Scalar, value: value.into(), ..Self::default() }
    }

    /// A scalar that is a string whatever it looks like.
    pub(crate) fn string(value: impl Into<String>) -> Self {
        let value = value.into();
        let style = if value.contains('\n') { Style::LITERAL } else { Style::PLAIN };
        Self { kind: Kind::Scalar, value, style, tag: Tag::Str, ..Self::default() }
    }

    /// A scalar with a tag.
    pub(crate) fn tagged(value: impl Into<String>, tag: Tag) -> Self {
        Self { kind: Kind::Scalar, value: value.into(), tag, ..Self::default() }
    }

    /// An empty node of a kind, without a tag.
    pub(crate) fn empty(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// A node that says null.
    pub(crate) fn null() -> Self {
        Self { tag: Tag::Null, ..Self::default() }
    }

    /// Whether the node is null, `{}`, `[]` or nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.tag == Tag::Null
            || match self.kind {
                Kind::Mapping | Kind::Sequence => self.content.is_empty(),
                Kind::None => self.value.is_empty() && self.content.is_empty(),
                Kind::Scalar => false,
            }
    }

    /// Whether the node is a scalar that counts as a string: tagged so, or not tagged at all.
    pub(crate) fn is_string(&self) -> bool {
        self.kind == Kind::Scalar && matches!(self.tag, Tag::Str | Tag::None)
    }
}

/// The arena.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    /// What is known of the types of the objects in here.
    pub(crate) schemas: schema::Schemas,
}

impl Tree {
    /// Takes a node in.
    pub(crate) fn add(&mut self, node: Node) -> NodeId {
        let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(node);
        NodeId(id)
    }

    /// The node behind an id.
    #[expect(
        clippy::indexing_slicing,
        reason = "ids come from `add` of this arena, which never shrinks"
    )]
    pub(crate) fn get(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The node behind an id, to be changed.
    #[expect(
        clippy::indexing_slicing,
        reason = "ids come from `add` of this arena, which never shrinks"
    )]
    pub(crate) fn get_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    pub(crate) fn kind(&self, id: NodeId) -> Kind {
        self.get(id).kind
    }

    pub(crate) fn value(&self, id: NodeId) -> &str {
        &self.get(id).value
    }

    pub(crate) fn is_null(&self, id: NodeId) -> bool {
        self.get(id).tag == Tag::Null
    }

    /// The text of a scalar; empty for null.
    pub(crate) fn text(&self, id: NodeId) -> &str {
        if self.is_null(id) { "" } else { self.value(id) }
    }

    /// A sequence's items (or whatever hangs below the node).
    pub(crate) fn items(&self, id: NodeId) -> &[NodeId] {
        &self.get(id).content
    }

    /// A mapping's pairs in order.
    pub(crate) fn pairs(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        self.get(id).content.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value))
    }

    /// The first pair with this key, if the node is a mapping.
    pub(crate) fn pair(&self, id: NodeId, key: &str) -> Option<(NodeId, NodeId)> {
        if self.kind(id) != Kind::Mapping {
            return None;
        }
        self.pairs(id).find(|(name, _)| self.value(*name) == key)
    }

    /// The value of a field, if the node is a mapping that has it.
    pub(crate) fn field(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.pair(id, key).map(|(_, value)| value)
    }

    /// A deep copy.
    pub(crate) fn copy(&mut self, id: NodeId) -> NodeId {
        let mut node = self.get(id).clone();
        for child in &mut node.content {
            *child = self.copy(*child);
        }
        self.add(node)
    }

    /// Makes `target` look like `source`, sharing the source's children: what an assignment through a pointer does.
    pub(crate) fn overwrite(&mut self, target: NodeId, source: NodeId) {
        if target != source {
            *self.get_mut(target) = self.get(source).clone();
        }
    }

    /// Fails unless the node is missing, null or of the wanted kind.
    pub(crate) fn expect_kind(&self, id: Option<NodeId>, kind: Kind) -> Result<()> {
        match id {
            Some(id) if !self.is_null(id) && self.kind(id) != kind => {
                Err(self.wrong_kind(id, kind))
            }
            _ => Ok(()),
        }
    }

    fn wrong_kind(&self, id: NodeId, wanted: Kind) -> Error {
        let got = self.kind(id);
        // What it holds is not shown: it may be a secret.
        let message = format!("wrong node kind: expected {} but got {}", wanted.name(), got.name());
        Error::wrong_kind(message, got == Kind::Scalar)
    }
}
