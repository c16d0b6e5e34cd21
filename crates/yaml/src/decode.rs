//! Documents as JSON values: what `Unmarshal` of the two go-yaml dialects followed by Go's JSON
//! gives. One builder does it for texts, without a tree in between, and for trees.

mod scalar;
mod shown;

use crate::error::{Error, Mark};
use crate::node::{self, Node, ScalarStyle};
use crate::number::format_float;
use crate::parse::{self, Build, End, Parser, Scalar};
use crate::resolve::Rules;
use crate::scan::Notes;
use scalar::{WrongKey, check_key, check_scalar, json_key, json_scalar};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How to treat what Go's several entry points treat differently.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) rules: Rules,
    /// Whether an equal key is an error (always so in v3).
    pub(crate) unique_keys: bool,
}

impl Reading {
    pub(crate) fn plain(rules: Rules) -> Self {
        Self { rules, unique_keys: rules == Rules::V3 }
    }
}

/// The documents of a text as JSON, one after the other.
pub(crate) struct Documents<'a> {
    parser: Parser<'a, Json<'a>>,
    reading: Reading,
}

impl<'a> Documents<'a> {
    pub(crate) fn new(text: &'a str, reading: Reading) -> Result<Self, Error> {
        let parser = Parser::new(text, reading.rules, false, Json::new(reading))?;
        Ok(Self { parser, reading })
    }

    /// The same, but of documents that are mappings other members than these are left out. There must
    /// be no aliases and merges, and equal keys must be allowed.
    pub(crate) fn only(mut self, members: &'static [&'static str]) -> Self {
        self.parser.build().members = Some(members);
        self
    }

    /// The next document and the line its content starts on, from 1.
    pub(crate) fn next_document(&mut self) -> Result<Option<(Value, u32)>, Error> {
        let Some((document, line)) = self.parser.next_document()? else {
            return Ok(None);
        };
        Ok(Some((document.json(self.reading.rules)?, line)))
    }
}

impl Node {
    /// The value of this node as JSON, read by the given rules; aliases and merge keys resolved.
    /// It is the value one would read from the node's text as [`emit`](crate::emit) writes it.
    ///
    /// # Errors
    /// What Go refuses: equal keys (v3), keys that are no strings (v3) or null or collections
    /// (both), infinities, text that does not fit its tag, aliases that are unknown, contain
    /// themselves, or make up nearly all of the document.
    pub fn to_json(&self, rules: Rules) -> Result<Value, Error> {
        let mut build = Json::new(Reading::plain(rules));
        let parsed = feed(self, &mut build).and_then(|parsed| build.checked(parsed));
        let value = parsed.and_then(|parsed| parsed.json(rules));
        value.map_err(|error| if self.line == 0 { error.without_place() } else { error })
    }
}

/// Walks a tree as the parser walks a text.
fn feed<'a>(node: &'a Node, build: &mut Json<'a>) -> Result<Parsed<'a>, Error> {
    let start = Mark {
        offset: node.span.start,
        line: node.line.saturating_sub(1),
        column: node.column.saturating_sub(1),
    };
    let (tag, quote) = node.shown_tag();
    let properties = parse::Node {
        anchor: node.anchor.as_deref(),
        tag: tag.map(str::to_owned),
        start,
        ..parse::Node::default()
    };
    let end = || End { notes: Notes::default(), end: start };
    match &node.kind {
        node::Kind::Alias { name } => build.alias(properties, name),
        node::Kind::Scalar { text, style } => {
            let style = if quote { ScalarStyle::DoubleQuoted } else { *style };
            build.scalar(properties, Scalar { text: Cow::Borrowed(text), style })
        }
        node::Kind::Sequence { items, flow } => {
            let mut sequence = build.sequence(properties, *flow)?;
            for item in items {
                let item = feed(item, build)?;
                build.item(&mut sequence, item)?;
            }
            build.end_sequence(sequence, end())
        }
        node::Kind::Mapping { entries, flow } => {
            let mut mapping = build.mapping(properties, *flow)?;
            for (key, value) in entries {
                let key = feed(key, build)?;
                build.key(&mut mapping, key)?;
                let value = feed(value, build)?;
                build.value(&mut mapping, value)?;
            }
            build.end_mapping(mapping, end())
        }
    }
}

/// A part of a document. What a scalar means is decided where it is used: as a key or as a value.
#[derive(Debug, Clone)]
pub(crate) struct Parsed<'a> {
    content: Content<'a>,
    at: Mark,
    /// Nodes in it, aliases expanded.
    size: usize,
    alias: bool,
}

#[derive(Debug, Clone)]
enum Content<'a> {
    Scalar { text: Cow<'a, str>, style: ScalarStyle, tag: Option<String> },
    Json(Value),
}

impl Parsed<'_> {
    fn json(self, rules: Rules) -> Result<Value, Error> {
        match self.content {
            Content::Json(value) => Ok(value),
            Content::Scalar { text, style, tag } => json_scalar(tag.as_deref(), text, style, rules)
                .map_err(|message| Error::new(self.at, message)),
        }
    }

    /// Whether [`Parsed::json`] gives a value.
    fn check(&self, rules: Rules) -> Result<(), Error> {
        match &self.content {
            Content::Json(_) => Ok(()),
            Content::Scalar { text, style, tag } => {
                check_scalar(tag.as_deref(), text, *style, rules)
                    .map_err(|message| Error::new(self.at, message))
            }
        }
    }

    /// Whether it can be a key. The error has no words: they come from a reading that leaves nothing out.
    fn check_key(&self, rules: Rules) -> Result<(), Error> {
        let right = match &self.content {
            Content::Scalar { text, style, tag } => {
                check_key(tag.as_deref(), text, *style, rules).is_ok()
            }
            Content::Json(_) => false,
        };
        if right { Ok(()) } else { Err(Error::new(self.at, "invalid map key")) }
    }

    fn is_merge(&self, rules: Rules) -> bool {
        match &self.content {
            Content::Scalar { text, style, tag } if text == "<<" && !self.alias => {
                match tag.as_deref() {
                    None => *style == ScalarStyle::Plain,
                    Some("!") => rules == Rules::V2 || *style == ScalarStyle::Plain,
                    Some(tag) => tag == "!!merge",
                }
            }
            _ => false,
        }
    }
}

enum Anchor<'a> {
    /// Being read, with a number that tells anchors of the same name apart.
    Open(usize),
    Done(Parsed<'a>),
}

/// Builds JSON.
pub(crate) struct Json<'a> {
    reading: Reading,
    anchors: BTreeMap<&'a str, Anchor<'a>>,
    opened: usize,
    budget: Budget,
    /// The only members of a document that are wanted.
    members: Option<&'static [&'static str]>,
    /// Collections that are being read.
    depth: usize,
    /// Whether what is being read is only checked.
    unwanted: bool,
    /// What Go would complain about after it read the whole document.
    wrong: Option<Error>,
}

/// A collection being read: where it is, its size so far, and its anchor.
pub(crate) struct Frame<'a> {
    at: Mark,
    size: usize,
    anchor: Option<(&'a str, usize)>,
}

pub(crate) struct MapFrame<'a> {
    frame: Frame<'a>,
    map: Map<String, Value>,
    key: Option<Key>,
    merges: Vec<Parsed<'a>>,
}

enum Key {
    Merge,
    /// Of an entry that is only checked.
    Unwanted,
    Name(String),
    /// One that has no form as text, with its type and value as Go shows them.
    Unsupported(Mark, String),
}

impl<'a> Json<'a> {
    fn new(reading: Reading) -> Self {
        Self {
            reading,
            anchors: BTreeMap::new(),
            opened: 0,
            budget: Budget::default(),
            members: None,
            depth: 0,
            unwanted: false,
            wrong: None,
        }
    }

    /// Keeps an error for the end of the document: Go reads all of it before it looks at what it means, in several
    /// rounds, and the first error of the first of them counts.
    fn complain(&mut self, error: Error) {
        if self.wrong.as_ref().is_none_or(|wrong| error.round() < wrong.round()) {
            self.wrong = Some(error);
        }
    }

    /// Whether a member of a document is not wanted.
    fn leaves_out(&self, name: &str) -> bool {
        self.members.is_some_and(|members| !members.contains(&name))
    }

    /// A finished document, if nothing is wrong with it.
    fn checked(&mut self, root: Parsed<'a>) -> Result<Parsed<'a>, Error> {
        match self.wrong.take() {
            Some(wrong) => Err(wrong),
            None => Ok(root),
        }
    }

    /// A part as JSON; null in the place of one that is wrong.
    fn json(&mut self, parsed: Parsed<'a>) -> Value {
        parsed.json(self.reading.rules).unwrap_or_else(|error| {
            self.complain(error);
            Value::Null
        })
    }

    fn open(&mut self, node: &parse::Node<'a>) -> Frame<'a> {
        self.budget.spend(1, false);
        self.depth += 1;
        let anchor = node.anchor.map(|name| {
            self.opened += 1;
            self.anchors.insert(name, Anchor::Open(self.opened));
            (name, self.opened)
        });
        Frame { at: node.start, size: 1, anchor }
    }

    fn close(&mut self, frame: Frame<'a>, value: Value) -> Parsed<'a> {
        self.depth = self.depth.saturating_sub(1);
        let Frame { at, size, anchor } = frame;
        let parsed = Parsed { content: Content::Json(value), at, size, alias: false };
        // An anchor of the same name inside this collection came later and stays.
        if let Some((name, number)) = anchor
            && matches!(self.anchors.get(name), Some(Anchor::Open(n)) if *n == number)
        {
            self.anchors.insert(name, Anchor::Done(parsed.clone()));
        }
        parsed
    }

    /// Takes over the entries of the mappings a merge key names.
    fn merge(&self, map: &mut Map<String, Value>, merged: Parsed<'a>) -> Result<(), Error> {
        let at = merged.at;
        let wrong = || Error::new(at, "map merge requires map or sequence of maps as the value");
        let maps = match merged.content {
            Content::Json(Value::Object(map)) => vec![map],
            Content::Json(Value::Array(items)) if !merged.alias => items
                .into_iter()
                .map(|item| match item {
                    Value::Object(map) => Ok(map),
                    _ => Err(wrong()),
                })
                .collect::<Result<_, _>>()?,
            _ => return Err(wrong()),
        };
        match self.reading.rules {
            // What comes first in the sequence is set last, and wins over earlier keys too.
            Rules::V2 => {
                for (name, value) in maps.into_iter().rev().flatten() {
                    if self.reading.unique_keys && map.contains_key(&name) {
                        return Err(Error::new(at, format!("key {name:?} already set in map")));
                    }
                    map.insert(name, value);
                }
            }
            Rules::V3 => {
                for (name, value) in maps.into_iter().flatten() {
                    map.entry(name).or_insert(value);
                }
            }
        }
        Ok(())
    }
}

impl<'a> Build<'a> for Json<'a> {
    type Value = Parsed<'a>;
    type Sequence = (Frame<'a>, Vec<Value>);
    type Mapping = MapFrame<'a>;

    fn scalar(&mut self, node: parse::Node<'a>, scalar: Scalar<'a>) -> Result<Parsed<'a>, Error> {
        self.budget.spend(1, false);
        let Scalar { text, style } = scalar;
        let content = Content::Scalar { text, style, tag: node.tag };
        let parsed = Parsed { content, at: node.start, size: 1, alias: false };
        if let Some(name) = node.anchor {
            self.anchors.insert(name, Anchor::Done(parsed.clone()));
        }
        Ok(parsed)
    }

    fn alias(&mut self, node: parse::Node<'a>, name: &'a str) -> Result<Parsed<'a>, Error> {
        self.budget.spend(1, false);
        let problem = match self.anchors.get(name) {
            None => {
                let problem = format!("unknown anchor '{name}' referenced");
                return Err(Error::new(node.start, problem));
            }
            Some(Anchor::Open(_)) => format!("anchor '{name}' value contains itself"),
            Some(Anchor::Done(parsed)) if self.budget.spend(parsed.size, true) => {
                let size = parsed.size + 1;
                return Ok(Parsed { at: node.start, alias: true, size, ..parsed.clone() });
            }
            Some(Anchor::Done(_)) => "document contains excessive aliasing".to_owned(),
        };
        self.complain(Error::new(node.start, problem));
        Ok(Parsed { content: Content::Json(Value::Null), at: node.start, size: 1, alias: true })
    }

    fn sequence(&mut self, node: parse::Node<'a>, _flow: bool) -> Result<Self::Sequence, Error> {
        Ok((self.open(&node), Vec::new()))
    }

    fn item(&mut self, sequence: &mut Self::Sequence, item: Parsed<'a>) -> Result<(), Error> {
        sequence.0.size += item.size;
        if self.unwanted {
            return item.check(self.reading.rules);
        }
        sequence.1.push(self.json(item));
        Ok(())
    }

    fn end_sequence(&mut self, sequence: Self::Sequence, _: End) -> Result<Parsed<'a>, Error> {
        Ok(self.close(sequence.0, Value::Array(sequence.1)))
    }

    fn mapping(&mut self, node: parse::Node<'a>, _flow: bool) -> Result<MapFrame<'a>, Error> {
        let frame = self.open(&node);
        Ok(MapFrame { frame, map: Map::new(), key: None, merges: Vec::new() })
    }

    fn key(&mut self, mapping: &mut MapFrame<'a>, key: Parsed<'a>) -> Result<(), Error> {
        mapping.frame.size += key.size;
        let rules = self.reading.rules;
        let at = key.at;
        if key.is_merge(rules) {
            if rules == Rules::V3 && !mapping.merges.is_empty() {
                self.complain(Error::new(at, "mapping key \"<<\" already defined"));
            }
            mapping.key = Some(Key::Merge);
            return Ok(());
        }
        if self.unwanted {
            mapping.key = Some(Key::Unwanted);
            return key.check_key(rules);
        }
        let name = match key.content {
            Content::Scalar { text, style, tag } => json_key(tag.as_deref(), text, style, rules),
            Content::Json(value) => {
                Err(WrongKey::Other(format!("invalid map key: {}", shown::value(&value, rules))))
            }
        };
        match name {
            Ok(name) if rules == Rules::V3 && mapping.map.contains_key(&name) => {
                self.complain(Error::new(at, format!("mapping key {name:?} already defined")));
            }
            Ok(name) if self.depth == 1 && self.leaves_out(&name) => {
                self.unwanted = true;
                mapping.key = Some(Key::Unwanted);
            }
            Ok(name) => mapping.key = Some(Key::Name(name)),
            Err(WrongKey::Unsupported(shown)) => mapping.key = Some(Key::Unsupported(at, shown)),
            Err(WrongKey::Other(problem)) => self.complain(Error::new(at, problem)),
        }
        Ok(())
    }

    fn value(&mut self, mapping: &mut MapFrame<'a>, value: Parsed<'a>) -> Result<(), Error> {
        mapping.frame.size += value.size;
        match mapping.key.take() {
            // What is wrong with the value counts, even where the key is wrong too.
            None => drop(self.json(value)),
            Some(Key::Unwanted) => {
                self.unwanted &= self.depth > 1;
                return value.check(self.reading.rules);
            }
            Some(Key::Unsupported(at, key)) => {
                let value = self.json(value);
                let value = shown::lone_value(&value, self.reading.rules);
                let problem = format!("unsupported map key of type: {key}, value: {value}");
                self.complain(Error::new(at, problem));
            }
            Some(Key::Merge) if self.reading.rules == Rules::V3 => mapping.merges.push(value),
            Some(Key::Merge) => {
                let merged = self.merge(&mut mapping.map, value);
                merged.unwrap_or_else(|error| self.complain(error));
            }
            Some(Key::Name(name)) => {
                if self.reading.unique_keys && mapping.map.contains_key(&name) {
                    let problem = format!("key {name:?} already set in map");
                    self.complain(Error::unmarshal(value.at, problem));
                }
                let value = self.json(value);
                mapping.map.insert(name, value);
            }
        }
        Ok(())
    }

    fn end_mapping(&mut self, mapping: MapFrame<'a>, _: End) -> Result<Parsed<'a>, Error> {
        let MapFrame { frame, mut map, merges, .. } = mapping;
        for merged in merges {
            let merged = self.merge(&mut map, merged);
            merged.unwrap_or_else(|error| self.complain(error));
        }
        Ok(self.close(frame, Value::Object(map)))
    }

    fn document(&mut self, root: Parsed<'a>, _: String, _: String) -> Result<Parsed<'a>, Error> {
        // v2 forgets anchors at the end of a document, v3 does not.
        if self.reading.rules == Rules::V2 {
            self.anchors.clear();
        }
        self.checked(root)
    }
}

/// go-yaml's guard against documents that are mostly aliases: the more nodes were decoded, the
/// smaller the part of them that aliases may have produced.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    decoded: usize,
    aliased: usize,
}

impl Budget {
    const LOW: usize = 400_000;
    const HIGH: usize = 4_000_000;

    /// Counts `nodes` more nodes, and says whether that is still acceptable.
    pub(crate) fn spend(&mut self, nodes: usize, in_alias: bool) -> bool {
        self.decoded = self.decoded.saturating_add(nodes);
        if in_alias {
            self.aliased = self.aliased.saturating_add(nodes);
        }
        self.aliased <= 100 || self.decoded <= 1000 || self.ratio() <= Self::allowed(self.decoded)
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio of counts far below 2^53")]
    fn ratio(&self) -> f64 {
        self.aliased as f64 / self.decoded as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio of counts far below 2^53")]
    fn allowed(decoded: usize) -> f64 {
        match decoded {
            n if n <= Self::LOW => 0.99,
            n if n >= Self::HIGH => 0.10,
            n => 0.99 - 0.89 * ((n - Self::LOW) as f64 / (Self::HIGH - Self::LOW) as f64),
        }
    }
}

impl Node {
    /// A tree with the same value as `value`, in block style, keys in the order of the map.
    pub fn from_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::null(),
            Value::Bool(b) => Self::plain(b.to_string()),
            Value::Number(n) => Self::plain(number_text(n)),
            Value::String(text) => Self::string(text),
            Value::Array(items) => Self::sequence(items.iter().map(Self::from_json).collect()),
            Value::Object(map) => Self::mapping(
                map.iter().map(|(k, v)| (Self::string(k), Self::from_json(v))).collect(),
            ),
        }
    }
}

fn number_text(n: &serde_json::Number) -> String {
    match n.as_f64() {
        Some(f) if !(n.is_i64() || n.is_u64()) => format_float(f),
        _ => n.to_string(),
    }
}
