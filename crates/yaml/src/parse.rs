//! Tokens to whatever a [`Build`] makes of them, by libyaml's grammar.

use crate::error::{Error, Mark};
use crate::node::ScalarStyle;
use crate::resolve::Rules;
use crate::scan::{Kind, MAX_DEPTH, Notes, Payload, Scanner, Token};
use std::borrow::Cow;

/// What YAML's own tags start with.
const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// Makes values of a document's parts. Parts come in the order of the text.
pub(crate) trait Build<'a> {
    /// A finished part.
    type Value;
    /// A sequence that is being made.
    type Sequence;
    /// A mapping that is being made.
    type Mapping;

    fn scalar(&mut self, node: Node<'a>, scalar: Scalar<'a>) -> Result<Self::Value, Error>;
    fn alias(&mut self, node: Node<'a>, name: &'a str) -> Result<Self::Value, Error>;
    fn sequence(&mut self, node: Node<'a>, flow: bool) -> Result<Self::Sequence, Error>;
    fn item(&mut self, sequence: &mut Self::Sequence, item: Self::Value) -> Result<(), Error>;
    fn end_sequence(&mut self, sequence: Self::Sequence, end: End) -> Result<Self::Value, Error>;
    fn mapping(&mut self, node: Node<'a>, flow: bool) -> Result<Self::Mapping, Error>;
    /// The key and then the value of an entry.
    fn key(&mut self, mapping: &mut Self::Mapping, key: Self::Value) -> Result<(), Error>;
    fn value(&mut self, mapping: &mut Self::Mapping, value: Self::Value) -> Result<(), Error>;
    fn end_mapping(&mut self, mapping: Self::Mapping, end: End) -> Result<Self::Value, Error>;
    /// The whole document with the comments above and below it.
    fn document(
        &mut self,
        root: Self::Value,
        head: String,
        foot: String,
    ) -> Result<Self::Value, Error>;
}

/// What every node has.
#[derive(Default)]
pub(crate) struct Node<'a> {
    pub(crate) anchor: Option<&'a str>,
    /// In the short form (`!!str`).
    pub(crate) tag: Option<String>,
    pub(crate) notes: Notes,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
    /// The offset behind tag and anchor.
    pub(crate) content: usize,
}

/// The text of a scalar.
pub(crate) struct Scalar<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) style: ScalarStyle,
}

/// The end of a collection.
pub(crate) struct End {
    pub(crate) notes: Notes,
    pub(crate) end: Mark,
}

/// What may stand where a node is expected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Flow,
    Block,
    /// Also a sequence that is not indented, which only keys and values may be.
    BlockOrIndentless,
}

pub(crate) struct Parser<'a, B> {
    scanner: Scanner<'a>,
    rules: Rules,
    build: B,
    /// Handles and prefixes of `%TAG` directives.
    directives: Vec<(String, String)>,
    depth: usize,
    first: bool,
}

impl<'a, B: Build<'a>> Parser<'a, B> {
    /// A parser of `text` that keeps comments if asked to.
    pub(crate) fn new(
        text: &'a str,
        rules: Rules,
        comments: bool,
        build: B,
    ) -> Result<Self, Error> {
        let mut scanner = Scanner::new(text, rules, comments)?;
        scanner.peek()?;
        scanner.take();
        Ok(Self { scanner, rules, build, directives: Vec::new(), depth: 0, first: true })
    }

    /// What makes the values.
    pub(crate) fn build(&mut self) -> &mut B {
        &mut self.build
    }

    /// The next document and the line its content starts on, from 1.
    pub(crate) fn next_document(&mut self) -> Result<Option<(B::Value, u32)>, Error> {
        let mut kind = self.scanner.peek()?;
        while !self.first && kind == Kind::DocumentEnd {
            self.scanner.take();
            kind = self.scanner.peek()?;
        }
        if kind == Kind::StreamEnd {
            return Ok(None);
        }
        let directives = [Kind::VersionDirective, Kind::TagDirective, Kind::DocumentStart];
        let implicit = self.first && !directives.contains(&kind);
        self.first = false;
        self.directives.clear();
        let head = if implicit { self.document_head() } else { String::new() };
        if !implicit {
            self.document_start()?;
        }
        let (kind, start) = self.scanner.front()?;
        let empty = !implicit
            && (directives.contains(&kind) || matches!(kind, Kind::DocumentEnd | Kind::StreamEnd));
        let root = if empty { self.empty(start)? } else { self.node(Place::Block)? };
        if self.scanner.peek()? == Kind::DocumentEnd {
            self.scanner.take();
        }
        let notes = self.notes();
        let foot = if notes.foot.is_empty() { notes.head } else { notes.foot };
        Ok(Some((self.build.document(root, head, foot)?, start.line + 1)))
    }

    /// Splits what stands above the last empty line off the head of the first node.
    fn document_head(&mut self) -> String {
        let Some(notes) = self.scanner.notes() else { return String::new() };
        let ends_empty = notes.head.strip_suffix('\n').map(|head| (head.to_owned(), String::new()));
        let split = ends_empty.or_else(|| {
            let (head, rest) = notes.head.rsplit_once("\n\n")?;
            Some((head.to_owned(), rest.to_owned()))
        });
        let Some((head, rest)) = split else { return String::new() };
        notes.head = rest;
        head
    }

    fn document_start(&mut self) -> Result<(), Error> {
        let mut version = false;
        loop {
            let (kind, start) = self.scanner.front()?;
            if kind == Kind::DocumentStart {
                self.scanner.take();
                return Ok(());
            }
            if !matches!(kind, Kind::VersionDirective | Kind::TagDirective) {
                return Err(self.error(start, None, "did not find expected <document start>"));
            }
            match self.scanner.take().payload {
                Payload::Version(..) if version => {
                    return Err(self.error(start, None, "found duplicate %YAML directive"));
                }
                Payload::Version(1, 1) => version = true,
                Payload::Tag(tag) if self.directives.iter().any(|(handle, _)| *handle == tag.0) => {
                    return Err(self.error(start, None, "found duplicate %TAG directive"));
                }
                Payload::Tag(tag) => self.directives.push(*tag),
                _ => return Err(self.error(start, None, "found incompatible YAML document")),
            }
        }
    }

    fn error(&self, at: Mark, context: Option<Mark>, problem: &str) -> Error {
        Error::parser(self.rules, at, context, problem)
    }

    /// Takes the comments noted so far.
    fn notes(&mut self) -> Notes {
        self.scanner.notes().map(std::mem::take).unwrap_or_default()
    }

    /// Takes the head comment of a collection that is the item of a sequence.
    fn stem(&mut self) -> Notes {
        let stem = self.scanner.notes().map(|notes| std::mem::take(&mut notes.stem));
        Notes { head: stem.unwrap_or_default(), ..Notes::default() }
    }

    /// A null that is not written.
    fn empty(&mut self, at: Mark) -> Result<B::Value, Error> {
        let node = Node { start: at, end: at, content: at.offset, ..Node::default() };
        self.build.scalar(node, Scalar { text: Cow::Borrowed(""), style: ScalarStyle::Plain })
    }

    fn node(&mut self, place: Place) -> Result<B::Value, Error> {
        let (kind, start) = self.scanner.front()?;
        if kind == Kind::Alias {
            return self.alias(start);
        }
        let mut node = Node { start, end: start, ..Node::default() };
        self.properties(&mut node)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let problem = format!("exceeded max depth of {MAX_DEPTH}");
            return Err(self.error(start, None, &problem));
        }
        let value = self.content(node, place)?;
        self.depth -= 1;
        Ok(value)
    }

    fn alias(&mut self, start: Mark) -> Result<B::Value, Error> {
        let notes = self.notes();
        let token = self.scanner.take();
        let content = start.offset;
        let node = Node { notes, start, end: token.end, content, ..Node::default() };
        let name = if let Payload::Name(name) = token.payload { name } else { "" };
        self.build.alias(node, name)
    }

    /// Tag and anchor, in either order.
    fn properties(&mut self, node: &mut Node<'a>) -> Result<(), Error> {
        loop {
            let (kind, start) = self.scanner.front()?;
            match kind {
                Kind::Anchor if node.anchor.is_none() => {}
                Kind::Tag if node.tag.is_none() => {}
                _ => return Ok(()),
            }
            let token = self.scanner.take();
            node.end = token.end;
            match token.payload {
                Payload::Name(name) => node.anchor = Some(name),
                Payload::Tag(tag) => {
                    node.tag = Some(self.resolve_tag(&tag, start, node.start)?);
                }
                _ => {}
            }
        }
    }

    fn resolve_tag(&self, tag: &(String, String), at: Mark, node: Mark) -> Result<String, Error> {
        let (handle, suffix) = (tag.0.as_str(), tag.1.as_str());
        let declared = self.directives.iter().find(|(declared, _)| declared == handle);
        let tag = match (handle, declared) {
            ("", _) => suffix.to_owned(),
            (_, Some((_, prefix))) => format!("{prefix}{suffix}"),
            ("!" | "!!", None) => return Ok(format!("{handle}{suffix}")),
            _ => return Err(self.error(at, Some(node), "found undefined tag handle")),
        };
        Ok(match tag.strip_prefix(TAG_PREFIX) {
            Some(short) => format!("!!{short}"),
            None => tag,
        })
    }

    fn content(&mut self, mut node: Node<'a>, place: Place) -> Result<B::Value, Error> {
        let (kind, start) = self.scanner.front()?;
        node.content = start.offset;
        let block = place != Place::Flow;
        match kind {
            Kind::BlockEntry if place == Place::BlockOrIndentless => self.indentless_sequence(node),
            Kind::Scalar => {
                node.notes = self.notes();
                let token = self.scanner.take();
                node.end = token.end;
                self.scalar(node, token)
            }
            Kind::FlowSequenceStart => {
                node.notes = self.notes();
                self.flow_sequence(node)
            }
            Kind::FlowMappingStart => {
                node.notes = self.notes();
                self.flow_mapping(node)
            }
            Kind::BlockSequenceStart if block => {
                node.notes = self.stem();
                self.block_sequence(node)
            }
            Kind::BlockMappingStart if block => {
                node.notes = self.stem();
                self.block_mapping(node)
            }
            _ if node.anchor.is_some() || node.tag.is_some() => {
                node.content = node.end.offset;
                let scalar = Scalar { text: Cow::Borrowed(""), style: ScalarStyle::Plain };
                self.build.scalar(node, scalar)
            }
            _ => Err(self.error(start, Some(node.start), "did not find expected node content")),
        }
    }

    fn scalar(&mut self, node: Node<'a>, token: Token<'a>) -> Result<B::Value, Error> {
        let scalar = match token.payload {
            Payload::Scalar(text, style) => Scalar { text, style },
            _ => Scalar { text: Cow::Borrowed(""), style: ScalarStyle::Plain },
        };
        self.build.scalar(node, scalar)
    }

    fn block_sequence(&mut self, node: Node<'a>) -> Result<B::Value, Error> {
        let context = Some(self.scanner.take().start);
        let mut sequence = self.build.sequence(node, false)?;
        loop {
            let (kind, start) = self.scanner.front()?;
            match kind {
                Kind::BlockEntry => {
                    let item = self.entry(&[Kind::BlockEntry, Kind::BlockEnd])?;
                    self.build.item(&mut sequence, item)?;
                }
                Kind::BlockEnd => {
                    self.scanner.take();
                    let end = End { notes: Notes::default(), end: start };
                    return self.build.end_sequence(sequence, end);
                }
                _ => return Err(self.error(start, context, "did not find expected '-' indicator")),
            }
        }
    }

    fn indentless_sequence(&mut self, node: Node<'a>) -> Result<B::Value, Error> {
        let mut sequence = self.build.sequence(node, false)?;
        loop {
            let (kind, start) = self.scanner.front()?;
            if kind != Kind::BlockEntry {
                let end = End { notes: Notes::default(), end: start };
                return self.build.end_sequence(sequence, end);
            }
            let ends = [Kind::BlockEntry, Kind::Key, Kind::Value, Kind::BlockEnd];
            let item = self.entry(&ends)?;
            self.build.item(&mut sequence, item)?;
        }
    }

    /// `-` and what follows it, which is nothing if one of `ends` does.
    fn entry(&mut self, ends: &[Kind]) -> Result<B::Value, Error> {
        let stem = self.scanner.notes().map_or(0, |notes| notes.head.len());
        let end = self.scanner.take().end;
        if stem > 0 {
            self.split_stem(stem)?;
        }
        if ends.contains(&self.scanner.peek()?) {
            return self.empty(end);
        }
        self.node(Place::Block)
    }

    /// Gives the comment above `-` to the collection behind it as a whole.
    fn split_stem(&mut self, length: usize) -> Result<(), Error> {
        let kind = self.scanner.peek()?;
        if !matches!(kind, Kind::BlockSequenceStart | Kind::BlockMappingStart) {
            return Ok(());
        }
        if let Some(notes) = self.scanner.notes() {
            let rest = notes.head.split_off(length);
            notes.stem = std::mem::take(&mut notes.head);
            rest.strip_prefix('\n').unwrap_or_default().clone_into(&mut notes.head);
        }
        Ok(())
    }

    fn block_mapping(&mut self, node: Node<'a>) -> Result<B::Value, Error> {
        let context = Some(self.scanner.take().start);
        let mut mapping = self.build.mapping(node, false)?;
        loop {
            let (kind, start) = self.scanner.front()?;
            match kind {
                Kind::Key => {
                    let end = self.scanner.take().end;
                    let key = self.block_part(end)?;
                    self.build.key(&mut mapping, key)?;
                    let (kind, start) = self.scanner.front()?;
                    let value = if kind == Kind::Value {
                        let end = self.scanner.take().end;
                        self.block_part(end)?
                    } else {
                        self.empty(start)?
                    };
                    self.build.value(&mut mapping, value)?;
                }
                Kind::BlockEnd => {
                    let notes = self.notes();
                    self.scanner.take();
                    return self.build.end_mapping(mapping, End { notes, end: start });
                }
                _ => return Err(self.error(start, context, "did not find expected key")),
            }
        }
    }

    /// What follows KEY or VALUE in a block mapping.
    fn block_part(&mut self, end: Mark) -> Result<B::Value, Error> {
        match self.scanner.peek()? {
            Kind::Key | Kind::Value | Kind::BlockEnd => self.empty(end),
            _ => self.node(Place::BlockOrIndentless),
        }
    }

    fn flow_sequence(&mut self, node: Node<'a>) -> Result<B::Value, Error> {
        let start = self.scanner.take().start;
        let mut sequence = self.build.sequence(node, true)?;
        let mut first = true;
        while self.flow_goes_on(Kind::FlowSequenceEnd, first, start)? {
            let item = if self.scanner.peek()? == Kind::Key {
                self.single_pair()?
            } else {
                self.node(Place::Flow)?
            };
            self.build.item(&mut sequence, item)?;
            first = false;
        }
        let notes = self.notes();
        let end = self.scanner.take().end;
        self.build.end_sequence(sequence, End { notes, end })
    }

    /// Whether an item follows, having gone over the comma before it.
    fn flow_goes_on(&mut self, close: Kind, first: bool, open: Mark) -> Result<bool, Error> {
        let (kind, start) = self.scanner.front()?;
        if kind == close {
            return Ok(false);
        }
        if !first {
            if kind != Kind::FlowEntry {
                let sequence = close == Kind::FlowSequenceEnd;
                let bracket = if sequence { ']' } else { '}' };
                let problem = format!("did not find expected ',' or '{bracket}'");
                return Err(self.error(start, Some(open), &problem));
            }
            self.scanner.take();
        }
        Ok(self.scanner.peek()? != close)
    }

    /// `key: value` as the item of a flow sequence, which is a mapping of its own.
    fn single_pair(&mut self) -> Result<B::Value, Error> {
        let token = self.scanner.take();
        let node = Node { start: token.start, end: token.end, ..Node::default() };
        let mut mapping = self.build.mapping(node, true)?;
        let ends = [Kind::Value, Kind::FlowEntry, Kind::FlowSequenceEnd];
        let key = if ends.contains(&self.scanner.peek()?) {
            let end = self.scanner.take().end;
            self.empty(end)?
        } else {
            self.node(Place::Flow)?
        };
        self.build.key(&mut mapping, key)?;
        let value = self.flow_value(Kind::FlowSequenceEnd)?;
        self.build.value(&mut mapping, value)?;
        let (_, end) = self.scanner.front()?;
        self.build.end_mapping(mapping, End { notes: Notes::default(), end })
    }

    /// `: value`, or nothing.
    fn flow_value(&mut self, close: Kind) -> Result<B::Value, Error> {
        let (mut kind, mut start) = self.scanner.front()?;
        if kind == Kind::Value {
            self.scanner.take();
            (kind, start) = self.scanner.front()?;
            if kind != Kind::FlowEntry && kind != close {
                return self.node(Place::Flow);
            }
        }
        self.empty(start)
    }

    fn flow_mapping(&mut self, node: Node<'a>) -> Result<B::Value, Error> {
        let start = self.scanner.take().start;
        let mut mapping = self.build.mapping(node, true)?;
        let mut first = true;
        while self.flow_goes_on(Kind::FlowMappingEnd, first, start)? {
            first = false;
            if self.scanner.peek()? == Kind::Key {
                self.scanner.take();
                let (kind, start) = self.scanner.front()?;
                let key = match kind {
                    Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd => self.empty(start)?,
                    _ => self.node(Place::Flow)?,
                };
                self.build.key(&mut mapping, key)?;
                let value = self.flow_value(Kind::FlowMappingEnd)?;
                self.build.value(&mut mapping, value)?;
            } else {
                let key = self.node(Place::Flow)?;
                self.build.key(&mut mapping, key)?;
                let (_, start) = self.scanner.front()?;
                let value = self.empty(start)?;
                self.build.value(&mut mapping, value)?;
            }
        }
        let notes = self.notes();
        let end = self.scanner.take().end;
        self.build.end_mapping(mapping, End { notes, end })
    }
}
