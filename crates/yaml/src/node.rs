use crate::resolve::{Rules, resolve};
use std::ops::Range;

/// One YAML node with everything a text says about it: order, styles, tags, anchors, comments and
/// where it stood.
///
/// Made by [`parse_all`](crate::parse_all) or in code, written by [`emit`](crate::emit).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// What the node is and holds.
    pub kind: Kind,
    /// The tag in its short form (`!!str`, `!custom`). `None` leaves it to the scalar's text.
    ///
    /// A tag that was set in code and that agrees with the content is not written; `!!str` on a
    /// plain scalar that reads as something else makes the writer quote it.
    pub tag: Option<Box<str>>,
    /// Whether the text itself names the tag, so that the writer must name it too.
    pub explicit_tag: bool,
    /// The name after `&`.
    pub anchor: Option<Box<str>>,
    /// Comments that belong to this node; absent for most nodes, hence the box.
    pub comments: Option<Box<Comments>>,
    /// Line of the node's first character, from 1; 0 if it was made in code.
    pub line: u32,
    /// Column of the node's first character, from 1; 0 if it was made in code.
    pub column: u32,
    /// The bytes of the text that hold the value, without tag and anchor; empty if there are none.
    /// They count from the start of the text, a byte order mark left out.
    pub span: Range<usize>,
}

/// What a [`Node`] holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A single value.
    Scalar {
        /// The value with quotes, escapes and folding undone.
        text: String,
        /// How it is written.
        style: ScalarStyle,
    },
    /// A list.
    Sequence {
        /// The items in order.
        items: Vec<Node>,
        /// Whether it is written as `[a, b]`.
        flow: bool,
    },
    /// A map.
    Mapping {
        /// Keys and values in the order of the text.
        entries: Vec<(Node, Node)>,
        /// Whether it is written as `{a: b}`.
        flow: bool,
    },
    /// `*name`, standing for the last node before it with the anchor `&name`.
    Alias {
        /// The anchor's name.
        name: String,
    },
}

impl Default for Kind {
    /// An empty plain scalar, which reads as null.
    fn default() -> Self {
        Self::Scalar { text: String::new(), style: ScalarStyle::Plain }
    }
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ScalarStyle {
    /// Without quotes.
    #[default]
    Plain,
    /// In `'single'` quotes.
    SingleQuoted,
    /// In `"double"` quotes.
    DoubleQuoted,
    /// As a `|` block.
    Literal,
    /// As a `>` block.
    Folded,
}

/// The comments of a node, each with its `#` and without a line break at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comments {
    /// Lines right above the node.
    pub head: String,
    /// At the end of the node's line.
    pub line: String,
    /// Lines below the node, before an empty line.
    pub foot: String,
    /// Only on a root node: comments above the document, separated from it by an empty line.
    pub document_head: String,
    /// Only on a root node: comments after the document.
    pub document_foot: String,
}

impl Comments {
    fn is_empty(&self) -> bool {
        [&self.head, &self.line, &self.foot, &self.document_head, &self.document_foot]
            .into_iter()
            .all(String::is_empty)
    }
}

impl Node {
    /// A plain scalar that means whatever its text means.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::scalar(text, ScalarStyle::Plain)
    }

    /// A scalar with a style and no tag of its own.
    pub fn scalar(text: impl Into<String>, style: ScalarStyle) -> Self {
        Self { kind: Kind::Scalar { text: text.into(), style }, ..Self::default() }
    }

    /// A string: written plain where that reads back as the same string, quoted where not.
    pub fn string(text: impl Into<String>) -> Self {
        Self { tag: Some("!!str".into()), ..Self::plain(text) }
    }

    /// `null`.
    pub fn null() -> Self {
        Self { tag: Some("!!null".into()), ..Self::plain("null") }
    }

    /// A block mapping of these entries.
    pub fn mapping(entries: Vec<(Self, Self)>) -> Self {
        Self { kind: Kind::Mapping { entries, flow: false }, ..Self::default() }
    }

    /// A block sequence of these items.
    pub fn sequence(items: Vec<Self>) -> Self {
        Self { kind: Kind::Sequence { items, flow: false }, ..Self::default() }
    }

    /// The scalar's text, whatever its type; `None` for other kinds of node.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn entries(&self) -> Option<&[(Self, Self)]> {
        match &self.kind {
            Kind::Mapping { entries, .. } => Some(entries),
            _ => None,
        }
    }

    /// The entries of a mapping, to be changed.
    pub fn entries_mut(&mut self) -> Option<&mut Vec<(Self, Self)>> {
        match &mut self.kind {
            Kind::Mapping { entries, .. } => Some(entries),
            _ => None,
        }
    }

    /// The items of a sequence.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::Sequence { items, .. } => Some(items),
            _ => None,
        }
    }

    /// The items of a sequence, to be changed.
    pub fn items_mut(&mut self) -> Option<&mut Vec<Self>> {
        match &mut self.kind {
            Kind::Sequence { items, .. } => Some(items),
            _ => None,
        }
    }

    /// Whether this is a mapping.
    pub fn is_mapping(&self) -> bool {
        matches!(self.kind, Kind::Mapping { .. })
    }

    /// Whether this is a sequence.
    pub fn is_sequence(&self) -> bool {
        matches!(self.kind, Kind::Sequence { .. })
    }

    /// Whether this is a scalar.
    pub fn is_scalar(&self) -> bool {
        matches!(self.kind, Kind::Scalar { .. })
    }

    /// Whether this is a scalar that reads as null under the rules of go-yaml v3.
    pub fn is_null(&self) -> bool {
        self.is_scalar() && self.short_tag() == "!!null"
    }

    /// The value of the first entry with this key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.entries()?.iter().find(|(k, _)| k.as_str() == Some(key))?;
        Some(&entry.1)
    }

    /// The value of the first entry with this key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let entry = self.entries_mut()?.iter_mut().find(|(k, _)| k.as_str() == Some(key))?;
        Some(&mut entry.1)
    }

    /// Sets the value of a key, at its place if the mapping has it, else at the end; the comments
    /// of a value that is replaced are lost. Gives the node back if this is no mapping.
    pub fn insert(&mut self, key: &str, value: Self) -> Result<(), Self> {
        if let Some(old) = self.get_mut(key) {
            *old = value;
            return Ok(());
        }
        match self.entries_mut() {
            Some(entries) => {
                entries.push((Self::string(key), value));
                Ok(())
            }
            None => Err(value),
        }
    }

    /// Takes the first entry with this key out of the mapping.
    pub fn remove(&mut self, key: &str) -> Option<(Self, Self)> {
        let entries = self.entries_mut()?;
        let at = entries.iter().position(|(k, _)| k.as_str() == Some(key))?;
        Some(entries.remove(at))
    }

    /// The tag this node has in the end, in its short form: the one that is set, or what go-yaml
    /// v3 makes of the text. An alias has none (`""`).
    pub fn short_tag(&self) -> &str {
        if let Some(tag) = &self.tag {
            return tag;
        }
        match &self.kind {
            Kind::Sequence { .. } => "!!seq",
            Kind::Mapping { .. } => "!!map",
            Kind::Alias { .. } => "",
            Kind::Scalar { text, style: ScalarStyle::Plain } if text == "<<" => "!!merge",
            Kind::Scalar { text, style: ScalarStyle::Plain } => resolve(text, Rules::V3).tag(),
            Kind::Scalar { .. } => "!!str",
        }
    }

    /// The tag the text shows, and whether a plain scalar must be quoted to keep its tag `!!str`.
    ///
    /// A tag that the text does not ask for is shown only if reading would not find it by itself.
    pub(crate) fn shown_tag(&self) -> (Option<&str>, bool) {
        let Some(tag) = self.tag.as_deref().filter(|tag| !tag.is_empty()) else {
            return (self.implied_merge(), false);
        };
        if self.explicit_tag {
            return (Some(tag), false);
        }
        match &self.kind {
            Kind::Mapping { .. } if tag == "!!map" => (None, false),
            Kind::Sequence { .. } if tag == "!!seq" => (None, false),
            Kind::Scalar { style, .. } if tag == "!!str" && *style != ScalarStyle::Plain => {
                (None, false)
            }
            Kind::Scalar { text, .. } => match resolve(text, Rules::V3).tag() {
                implied if implied == tag => (None, false),
                _ if tag == "!!str" => (None, true),
                _ => (Some(tag), false),
            },
            _ => (Some(tag), false),
        }
    }

    /// go-yaml v3 reads a plain `<<` as a merge key and then finds that its text alone would not
    /// say so; it writes `!!merge <<`.
    fn implied_merge(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::Scalar { text, style: ScalarStyle::Plain } if text == "<<" => Some("!!merge"),
            _ => None,
        }
    }

    /// The comment lines above the node, `""` if there are none.
    pub fn head_comment(&self) -> &str {
        self.comments.as_deref().map_or("", |c| &c.head)
    }

    /// The comment at the end of the node's line, `""` if there is none.
    pub fn line_comment(&self) -> &str {
        self.comments.as_deref().map_or("", |c| &c.line)
    }

    /// The comment lines below the node, `""` if there are none.
    pub fn foot_comment(&self) -> &str {
        self.comments.as_deref().map_or("", |c| &c.foot)
    }

    /// Changes the comments; the box goes away with the last of them.
    pub fn edit_comments(&mut self, edit: impl FnOnce(&mut Comments)) {
        let mut comments = self.comments.take().unwrap_or_default();
        edit(&mut comments);
        self.comments = (!comments.is_empty()).then_some(comments);
    }
}
