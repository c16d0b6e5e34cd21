//! Nodes as YAML, by go-yaml v3's encoder: order, styles, tags, anchors and comments are kept.
//!
//! The encoder hands comments to its emitter ahead of the node they belong to, and each place that
//! can write a comment takes what is there. Some comments are therefore written later than one
//! would think; [`Pending`] keeps them as the emitter does, so that they land where Go puts them.

use super::scalar::{Analysis, Place, is_break};
use super::writer::{Dialect, Parent, Writer};
use crate::node::{Kind, Node, ScalarStyle};

/// Keys longer than this, in bytes, are written after `? `.
const LONGEST_SIMPLE_KEY: usize = 128;

/// How [`emit`] lays nodes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns per level, 2 to 9.
    pub indent: usize,
    /// Whether items of a sequence are indented under their key.
    pub sequences: SequenceIndent,
}

impl Default for Style {
    /// kyaml's: two columns, compact sequences.
    fn default() -> Self {
        Self { indent: 2, sequences: SequenceIndent::Compact }
    }
}

/// Where the items of a sequence start that is the value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceIndent {
    /// `- ` is in the key's column.
    Compact,
    /// `- ` is one level deeper.
    Wide,
}

/// Writes documents as go-yaml v3's encoder does, `---` between them. Nothing is folded.
pub fn emit(documents: &[Node], style: Style) -> String {
    let step = if (2..=9).contains(&style.indent) { style.indent } else { 2 };
    let mut encoder = Encoder {
        writer: Writer::new(Dialect::V3, step, usize::MAX),
        compact: style.sequences == SequenceIndent::Compact,
        pending: Pending::default(),
        flow_level: 0,
    };
    for (n, document) in documents.iter().enumerate() {
        encoder.document(document, n == 0);
    }
    encoder.writer.out
}

/// Comments the encoder handed over and nothing has written yet.
#[derive(Default)]
struct Pending {
    head: String,
    line: String,
    foot: String,
    tail: String,
    key_line: String,
}

impl Pending {
    fn after_item(&self) -> bool {
        !(self.line.is_empty() && self.foot.is_empty() && self.tail.is_empty())
    }
}

fn hand_over(register: &mut String, comment: &str) {
    if !comment.is_empty() {
        comment.clone_into(register);
    }
}

struct Encoder {
    writer: Writer,
    compact: bool,
    pending: Pending,
    flow_level: usize,
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct Context {
    indent: Option<usize>,
    parent: Parent,
    mapping: bool,
    role: Role,
}

/// What a node is to the mapping it may lie in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A value, an item, the root.
    Value,
    /// A key. Its foot comment is written after its value.
    Key,
    /// A key on one line.
    SimpleKey,
}

impl Context {
    const ROOT: Self =
        Self { indent: None, parent: Parent::Flow, mapping: false, role: Role::Value };
}

impl Encoder {
    fn document(&mut self, root: &Node, first: bool) {
        let comments = root.comments.as_deref().cloned().unwrap_or_default();
        hand_over(&mut self.pending.head, &comments.document_head);
        if !first {
            self.writer.indent(0);
            self.writer.indicator("---");
            self.writer.indent(0);
        }
        if !self.pending.head.is_empty() {
            self.head_comment(0);
            self.writer.put_break();
        }
        self.announce(root, "", &comments.foot);
        self.head_comment(0);
        self.node(root, Context::ROOT, 0);
        hand_over(&mut self.pending.foot, &comments.document_foot);
        self.writer.foot_indent = Some(0);
        self.foot_comment(0);
        self.writer.foot_indent = None;
        self.writer.indent(0);
    }

    /// Hands over the comments that come with a node's first event. Collections bring their line
    /// and foot comments with their last one.
    fn announce(&mut self, node: &Node, tail: &str, foot: &str) {
        if !node.is_sequence() {
            hand_over(&mut self.pending.tail, tail);
        }
        hand_over(&mut self.pending.head, node.head_comment());
        if !(node.is_sequence() || node.is_mapping()) {
            hand_over(&mut self.pending.line, node.line_comment());
            hand_over(&mut self.pending.foot, foot);
        }
    }

    fn announce_end(&mut self, node: &Node, tail: &str, context: Context) {
        hand_over(&mut self.pending.tail, tail);
        hand_over(&mut self.pending.line, node.line_comment());
        if context.role == Role::Value {
            hand_over(&mut self.pending.foot, node.foot_comment());
        }
    }

    /// Writes a node and what belongs after it; `at` is the level comments are written at.
    fn node(&mut self, node: &Node, context: Context, at: usize) {
        self.begin(node, context);
        self.after(at);
        self.children(node, context);
    }

    /// The comments a parent writes once the first event of a child is out.
    fn after(&mut self, at: usize) {
        self.line_comment();
        self.foot_comment(at);
    }

    /// Anchor, tag, and all of a scalar or an alias.
    fn begin(&mut self, node: &Node, context: Context) {
        if let Kind::Alias { name } = &node.kind {
            self.writer.indicator("*");
            self.writer.name(name);
            return;
        }
        if let Some(anchor) = node.anchor.as_deref().filter(|a| !a.is_empty()) {
            self.writer.indicator("&");
            self.writer.name(anchor);
        }
        let (tag, quote) = node.shown_tag();
        if let Some(tag) = tag {
            self.tag(tag);
        }
        if let Kind::Scalar { text, style } = &node.kind {
            self.scalar(text, wished_style(text, *style, quote), context);
        }
    }

    fn tag(&mut self, tag: &str) {
        self.writer.space();
        if tag.starts_with('!') {
            let handle = if tag.starts_with("!!") { "!!" } else { "!" };
            let suffix = tag.strip_prefix(handle).unwrap_or_default();
            self.writer.put_str(handle);
            self.tag_content(suffix);
        } else {
            self.writer.put_str("!<");
            self.tag_content(tag);
            self.writer.put('>');
        }
        self.writer.whitespace = false;
        self.writer.indention = false;
    }

    fn tag_content(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_ascii_alphanumeric() || "-;/?:@&=+$,_.~*'()[]".contains(c) {
                self.writer.put(c);
            } else {
                let mut buffer = [0; 4];
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    self.writer.put_str(&format!("%{byte:02X}"));
                }
            }
        }
    }

    fn scalar(&mut self, text: &str, wished: ScalarStyle, context: Context) {
        let place =
            Place { flow: self.flow_level > 0, simple_key: context.role == Role::SimpleKey };
        let analysis = Analysis::of(text, Dialect::V3);
        let style = analysis.choose(wished, place);
        let parent = if context.indent.is_none() { Parent::Flow } else { context.parent };
        let indent = self.writer.deeper(context.indent, parent);
        match style {
            ScalarStyle::Literal => {
                self.writer.block_header(text, "|");
                self.block_comment();
                self.writer.literal_body(text, indent);
            }
            ScalarStyle::Folded => {
                self.writer.block_header(text, ">");
                self.block_comment();
                self.writer.folded_body(text, indent);
            }
            _ => self.writer.scalar(text, style, indent, context.role != Role::SimpleKey),
        }
    }

    fn children(&mut self, node: &Node, context: Context) {
        match &node.kind {
            Kind::Sequence { items, flow } => {
                if *flow || self.flow_level > 0 || items.is_empty() {
                    self.flow_sequence(node, items, context);
                } else {
                    self.block_sequence(node, items, context);
                }
            }
            Kind::Mapping { entries, flow } => {
                if *flow || self.flow_level > 0 || entries.is_empty() {
                    self.flow_mapping(node, entries, context);
                } else {
                    self.block_mapping(node, entries, context);
                }
            }
            Kind::Scalar { .. } | Kind::Alias { .. } => {}
        }
    }

    fn block_sequence(&mut self, node: &Node, items: &[Node], context: Context) {
        let deeper = self.block_level(context);
        let compact = context.indent.is_some()
            && context.parent != Parent::BlockSequence
            && context.mapping
            && (self.writer.column == 0 || !self.writer.indention)
            && self.compact;
        let inner = if compact { deeper.saturating_sub(2) } else { deeper };
        let child = Context {
            indent: Some(inner),
            parent: Parent::BlockSequence,
            mapping: false,
            role: Role::Value,
        };
        for item in items {
            self.announce(item, "", item.foot_comment());
            self.head_comment(inner);
            self.writer.indent(inner);
            self.writer.block_indicator("-");
            self.node(item, child, inner);
        }
        self.announce_end(node, "", context);
    }

    fn block_level(&self, context: Context) -> usize {
        let parent = if context.indent.is_none() { Parent::Other } else { context.parent };
        self.writer.deeper(context.indent, parent)
    }

    fn block_mapping(&mut self, node: &Node, entries: &[(Node, Node)], context: Context) {
        let inner = self.block_level(context);
        let child = Context {
            indent: Some(inner),
            parent: Parent::Other,
            mapping: true,
            role: Role::Value,
        };
        let mut tail = "";
        for (key, value) in entries {
            self.announce(key, tail, "");
            self.head_comment(inner);
            self.writer.indent(inner);
            if !self.pending.line.is_empty() {
                self.pending.key_line = std::mem::take(&mut self.pending.line);
            }
            self.block_key(key, child, inner);
            self.announce(value, "", value.foot_comment());
            self.key_line_comment(value);
            self.node(value, child, inner);
            tail = key.foot_comment();
        }
        self.announce_end(node, tail, context);
        self.head_comment(inner);
    }

    fn block_key(&mut self, key: &Node, context: Context, indent: usize) {
        if is_simple_key(key) {
            let context = Context { role: Role::SimpleKey, ..context };
            self.begin(key, context);
            self.children(key, context);
            self.writer.tight_indicator(":");
        } else {
            let context = Context { role: Role::Key, ..context };
            self.writer.block_indicator("?");
            self.begin(key, context);
            self.children(key, context);
            self.writer.indent(indent);
            self.writer.block_indicator(":");
        }
    }

    /// A line comment between a key and a value that starts on the next line.
    fn key_line_comment(&mut self, value: &Node) {
        if self.pending.key_line.is_empty() {
            return;
        }
        match &value.kind {
            Kind::Scalar { .. } if self.pending.line.is_empty() => {
                self.pending.line = std::mem::take(&mut self.pending.key_line);
            }
            Kind::Sequence { flow: false, .. } | Kind::Mapping { flow: false, .. } => {
                std::mem::swap(&mut self.pending.line, &mut self.pending.key_line);
                self.line_comment();
                std::mem::swap(&mut self.pending.line, &mut self.pending.key_line);
            }
            _ => {}
        }
    }

    fn flow_level(&self, context: Context) -> usize {
        let parent = if context.indent.is_none() { Parent::Flow } else { context.parent };
        self.writer.deeper(context.indent, parent)
    }

    fn flow_sequence(&mut self, node: &Node, items: &[Node], context: Context) {
        self.writer.opening_indicator("[");
        let inner = self.flow_level(context);
        self.flow_level += 1;
        let child = Context {
            indent: Some(inner),
            parent: Parent::Other,
            mapping: false,
            role: Role::Value,
        };
        let mut comma_written = true;
        for item in items {
            self.announce(item, "", item.foot_comment());
            if !comma_written {
                self.writer.tight_indicator(",");
            }
            self.flow_head(inner);
            comma_written = self.pending.after_item();
            self.begin(item, child);
            self.flow_after(inner);
            self.children(item, child);
        }
        self.announce_end(node, "", context);
        self.flow_level -= 1;
        if self.writer.column == 0 {
            self.writer.indent(context.indent.unwrap_or(0));
        }
        self.writer.tight_indicator("]");
        self.after(context.indent.unwrap_or(0));
    }

    fn flow_head(&mut self, indent: usize) {
        self.head_comment(indent);
        if self.writer.column == 0 {
            self.writer.indent(indent);
        }
    }

    fn flow_after(&mut self, indent: usize) {
        if self.pending.after_item() {
            self.writer.tight_indicator(",");
        }
        self.after(indent);
    }

    fn flow_mapping(&mut self, node: &Node, entries: &[(Node, Node)], context: Context) {
        self.writer.opening_indicator("{");
        let inner = self.flow_level(context);
        self.flow_level += 1;
        let child = Context {
            indent: Some(inner),
            parent: Parent::Other,
            mapping: true,
            role: Role::Value,
        };
        let mut comma_written = true;
        let mut tail = "";
        for (key, value) in entries {
            self.announce(key, tail, "");
            tail = key.foot_comment();
            if !comma_written {
                self.writer.tight_indicator(",");
            }
            self.flow_head(inner);
            self.flow_key(key, child);
            self.announce(value, "", value.foot_comment());
            comma_written = self.pending.after_item();
            self.begin(value, child);
            self.flow_after(inner);
            self.children(value, child);
        }
        self.announce_end(node, tail, context);
        let pending = &self.pending;
        let comments =
            !(pending.head.is_empty() && pending.foot.is_empty() && pending.tail.is_empty());
        if comments && !comma_written {
            self.writer.tight_indicator(",");
        }
        self.head_comment(inner);
        self.flow_level -= 1;
        self.writer.tight_indicator("}");
        self.after(context.indent.unwrap_or(0));
    }

    fn flow_key(&mut self, key: &Node, context: Context) {
        if is_simple_key(key) {
            let context = Context { role: Role::SimpleKey, ..context };
            self.begin(key, context);
            self.children(key, context);
            self.writer.tight_indicator(":");
        } else {
            let context = Context { role: Role::Key, ..context };
            self.writer.indicator("?");
            self.begin(key, context);
            self.children(key, context);
            self.writer.indicator(":");
        }
    }

    fn head_comment(&mut self, indent: usize) {
        let tail = std::mem::take(&mut self.pending.tail);
        if !tail.is_empty() {
            self.writer.indent(indent);
            self.comment(&tail, indent);
            self.writer.foot_indent = Some(indent);
        }
        let head = std::mem::take(&mut self.pending.head);
        if !head.is_empty() {
            self.writer.indent(indent);
            self.comment(&head, indent);
        }
    }

    fn line_comment(&mut self) {
        let line = std::mem::take(&mut self.pending.line);
        if !line.is_empty() {
            self.writer.space();
            self.comment(&line, 0);
        }
    }

    /// The line comment in the header of a block scalar, or at least the end of that line.
    fn block_comment(&mut self) {
        if self.pending.line.is_empty() {
            self.writer.put_break();
        } else {
            self.line_comment();
        }
    }

    fn foot_comment(&mut self, indent: usize) {
        let foot = std::mem::take(&mut self.pending.foot);
        if !foot.is_empty() {
            self.writer.indent(indent);
            self.comment(&foot, indent);
            self.writer.foot_indent = Some(indent);
        }
    }

    fn comment(&mut self, comment: &str, indent: usize) {
        let (mut breaks, mut pound) = (false, false);
        for c in comment.chars() {
            if is_break(c) {
                self.writer.put_value_break(c);
                breaks = true;
                pound = false;
                continue;
            }
            if breaks {
                self.writer.indent(indent);
            }
            if !pound && c != '#' {
                self.writer.put_str("# ");
            }
            pound = true;
            self.writer.put(c);
            self.writer.indention = false;
            breaks = false;
        }
        if !breaks {
            self.writer.put_break();
        }
        self.writer.whitespace = true;
    }
}

fn wished_style(text: &str, style: ScalarStyle, quote: bool) -> ScalarStyle {
    match style {
        ScalarStyle::Plain if text.contains('\n') => ScalarStyle::Literal,
        ScalarStyle::Plain if quote => ScalarStyle::DoubleQuoted,
        style => style,
    }
}

fn is_simple_key(key: &Node) -> bool {
    let length = match &key.kind {
        Kind::Alias { name } => return name.len() <= LONGEST_SIMPLE_KEY,
        Kind::Scalar { text, .. } if text.contains(is_break) => return false,
        Kind::Scalar { text, .. } => text.len(),
        Kind::Sequence { items, .. } if items.is_empty() => 0,
        Kind::Mapping { entries, .. } if entries.is_empty() => 0,
        Kind::Sequence { .. } | Kind::Mapping { .. } => return false,
    };
    let anchor = key.anchor.as_deref().map_or(0, str::len);
    let tag = key.shown_tag().0.map_or(0, str::len);
    length + anchor + tag <= LONGEST_SIMPLE_KEY
}
