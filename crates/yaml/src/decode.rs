//! Nodes as JSON values: what `Unmarshal` of the two go-yaml dialects followed by Go's JSON gives.

use crate::error::{Error, Mark};
use crate::node::{Kind, Node, ScalarStyle};
use crate::number::{format_float, format_float_key, json_number};
use crate::resolve::{Resolved, Rules, resolve, resolve_tagged};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

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

impl Node {
    /// The value of this node as JSON, read by the given rules; aliases and merge keys resolved.
    ///
    /// # Errors
    /// What Go refuses: equal keys (v3), keys that are no strings (v3) or null or collections
    /// (both), infinities, text that does not fit its tag, aliases that are unknown, contain
    /// themselves, or make up nearly all of the document.
    pub fn to_json(&self, rules: Rules) -> Result<Value, Error> {
        Decoder::new(Reading::plain(rules)).value(self)
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            offset: self.span.start,
            line: self.line.saturating_sub(1),
            column: self.column.saturating_sub(1),
        }
    }

    fn error(&self, message: impl Into<String>) -> Error {
        if self.line == 0 {
            return Error { line: 0, column: 0, message: message.into() };
        }
        Error::new(self.mark(), message)
    }
}

pub(crate) struct Decoder<'a> {
    reading: Reading,
    anchors: BTreeMap<&'a str, &'a Node>,
    /// Aliases being followed, to see those that lead to themselves.
    open: BTreeSet<&'a str>,
    budget: Budget,
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

impl<'a> Decoder<'a> {
    pub(crate) fn new(reading: Reading) -> Self {
        Self { reading, anchors: BTreeMap::new(), open: BTreeSet::new(), budget: Budget::default() }
    }

    pub(crate) fn value(&mut self, node: &'a Node) -> Result<Value, Error> {
        if !self.budget.spend(1, !self.open.is_empty()) {
            return Err(node.error("document contains excessive aliasing"));
        }
        if let Some(anchor) = &node.anchor
            && self.open.is_empty()
        {
            self.anchors.insert(anchor, node);
        }
        match &node.kind {
            Kind::Alias { name } => self.alias(node, name),
            Kind::Scalar { text, style } => {
                json_scalar(node.tag.as_deref(), text, *style, self.reading.rules)
                    .map_err(|message| node.error(message))
            }
            Kind::Sequence { items, .. } => items
                .iter()
                .map(|item| self.value(item))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Kind::Mapping { entries, .. } => self.mapping(entries).map(Value::Object),
        }
    }

    fn alias(&mut self, node: &'a Node, name: &'a str) -> Result<Value, Error> {
        let Some(target) = self.anchors.get(name).copied() else {
            return Err(node.error(format!("unknown anchor '{name}' referenced")));
        };
        if !self.open.insert(name) {
            return Err(node.error(format!("anchor '{name}' value contains itself")));
        }
        let value = self.value(target);
        self.open.remove(name);
        value
    }

    fn mapping(&mut self, entries: &'a [(Node, Node)]) -> Result<Map<String, Value>, Error> {
        let mut map = Map::new();
        let mut merges = Vec::new();
        for (key, value) in entries {
            if is_merge(key, self.reading.rules) {
                match self.reading.rules {
                    Rules::V2 => {
                        for part in self.merged(value)? {
                            map.extend(part);
                        }
                    }
                    Rules::V3 => merges.push((key, value)),
                }
                continue;
            }
            let name = self.key(key)?;
            let value = self.value(value)?;
            if self.reading.unique_keys && map.contains_key(&name) {
                return Err(key.error(format!("key {name:?} already set in map")));
            }
            map.insert(name, value);
        }
        if let Some((second, _)) = merges.get(1) {
            return Err(second.error("mapping key \"<<\" already defined"));
        }
        for (_, value) in merges {
            for (key, value) in self.merged(value)?.into_iter().rev().flatten() {
                map.entry(key).or_insert(value);
            }
        }
        Ok(map)
    }

    /// The mappings a merge key brings in, the one with the least weight first.
    fn merged(&mut self, node: &'a Node) -> Result<Vec<Map<String, Value>>, Error> {
        let items = node.items().unwrap_or_else(|| std::slice::from_ref(node));
        let mut maps = Vec::with_capacity(items.len());
        for item in items.iter().rev() {
            let target = match &item.kind {
                Kind::Alias { name } => self.anchors.get(name.as_str()).copied(),
                _ => None,
            };
            let is_map = target.unwrap_or(item).is_mapping();
            match self.value(item)? {
                Value::Object(map) if is_map => maps.push(map),
                _ => {
                    let message = "map merge requires map or sequence of maps as the value";
                    return Err(item.error(message));
                }
            }
        }
        Ok(maps)
    }

    fn key(&mut self, key: &'a Node) -> Result<String, Error> {
        if !self.budget.spend(1, !self.open.is_empty()) {
            return Err(key.error("document contains excessive aliasing"));
        }
        if let Some(anchor) = &key.anchor
            && self.open.is_empty()
        {
            self.anchors.insert(anchor, key);
        }
        match &key.kind {
            Kind::Scalar { text, style } => {
                json_key(key.tag.as_deref(), text, *style, self.reading.rules)
                    .map_err(|message| key.error(message))
            }
            Kind::Alias { name } => match self.anchors.get(name.as_str()).copied() {
                Some(target) if target.is_scalar() => self.key(target),
                Some(_) => Err(key.error("invalid map key: a sequence or mapping")),
                None => Err(key.error(format!("unknown anchor '{name}' referenced"))),
            },
            _ => Err(key.error("invalid map key: a sequence or mapping")),
        }
    }
}

fn is_merge(key: &Node, rules: Rules) -> bool {
    match &key.kind {
        Kind::Scalar { text, style } if text == "<<" => match key.tag.as_deref() {
            None => *style == ScalarStyle::Plain,
            Some("!") => rules == Rules::V3,
            Some(tag) => tag == "!!merge",
        },
        _ => false,
    }
}

/// A scalar as a JSON value.
pub(crate) fn json_scalar(
    tag: Option<&str>,
    text: &str,
    style: ScalarStyle,
    rules: Rules,
) -> Result<Value, String> {
    match meaning(tag, text, style, rules)? {
        Resolved::Null => Ok(Value::Null),
        Resolved::Bool(b) => Ok(Value::Bool(b)),
        Resolved::Int(n) => Ok(Value::Number(n)),
        Resolved::Float(f) => match json_number(f) {
            Some(n) => Ok(Value::Number(n)),
            None => Err(format!("json: unsupported value: {text}")),
        },
        Resolved::Timestamp(time) if rules == Rules::V3 => Ok(Value::String(time.to_string())),
        Resolved::Text if tag == Some("!!binary") => binary(text).map(Value::String),
        Resolved::Timestamp(_) | Resolved::Text => Ok(Value::String(text.to_owned())),
    }
}

/// A scalar as a JSON key.
pub(crate) fn json_key(
    tag: Option<&str>,
    text: &str,
    style: ScalarStyle,
    rules: Rules,
) -> Result<String, String> {
    match meaning(tag, text, style, rules)? {
        Resolved::Text if tag == Some("!!binary") => binary(text),
        Resolved::Text => Ok(text.to_owned()),
        _ if rules == Rules::V3 => Err(format!("json: unsupported map key `{text}`: not a string")),
        Resolved::Null => Err("unsupported map key of type: null".to_owned()),
        Resolved::Bool(b) => Ok(b.to_string()),
        Resolved::Int(n) if n.as_i64().is_none() => {
            Err(format!("unsupported map key of type: uint64, key: {n}"))
        }
        Resolved::Int(n) => Ok(n.to_string()),
        Resolved::Float(f) => Ok(format_float_key(f)),
        Resolved::Timestamp(_) => Ok(text.to_owned()),
    }
}

fn meaning(
    tag: Option<&str>,
    text: &str,
    style: ScalarStyle,
    rules: Rules,
) -> Result<Resolved, String> {
    match tag {
        Some("!") | None if style != ScalarStyle::Plain => Ok(Resolved::Text),
        Some("!") if rules == Rules::V3 => Ok(resolve(text, rules)),
        Some(tag) => resolve_tagged(tag, text, rules),
        None => Ok(resolve(text, rules)),
    }
}

/// Decodes `!!binary`; bytes that are no UTF-8 become replacement characters, as in Go's JSON.
fn binary(text: &str) -> Result<String, String> {
    let bytes = decode_base64(text)
        .ok_or_else(|| "!!binary value contains invalid base64 data".to_owned())?;
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Ok(out)
}

/// Standard base64 with padding; line breaks are skipped, as Go's decoder does.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let mut out = Vec::with_capacity(symbols.len() / 4 * 3);
    let (groups, rest) = symbols.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    for (n, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|b| **b == b'=').count();
        if padding > 2 || (padding > 0 && n + 1 != groups.len()) {
            return None;
        }
        let mut bits = 0u32;
        for (at, symbol) in group.iter().enumerate() {
            let value = if at + padding < 4 { sextet(*symbol)? } else { 0 };
            bits = bits << 6 | value;
        }
        out.extend(bits.to_be_bytes().into_iter().skip(1).take(3 - padding));
    }
    Some(out)
}

fn sextet(symbol: u8) -> Option<u32> {
    let value = match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
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
