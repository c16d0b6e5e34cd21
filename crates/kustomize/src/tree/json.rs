//! Between trees and JSON.

use super::{Kind, Node, NodeId, Style, Tag, Tree};
use crate::error::{Error, ErrorKind, Result, quoted};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use std::fmt::Write as _;

/// Levels of nesting that are turned into JSON.
const MAX_DEPTH: usize = 512;

/// The JSON that the original gets by writing a tree as YAML and reading it again.
pub(crate) fn to_value(tree: &Tree, id: NodeId) -> Result<Value> {
    match value_at(tree, id, 0, false) {
        Ok(value) => Ok(value),
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::Comment) => written_and_read(tree, id),
    }
}

/// Whether a value is a collection in brackets. Empty ones always are.
fn written_in_flow(tree: &Tree, value: NodeId) -> bool {
    let node = tree.get(value);
    let collection = matches!(node.kind, Kind::Mapping | Kind::Sequence);
    collection && (node.content.is_empty() || node.style.has(Style::FLOW))
}

/// Why the meaning of a tree does not simply follow from its nodes.
enum Stop {
    Error(Error),
    /// There is a comment between brackets or right before them. go-yaml's writer puts it where it swallows or moves what follows, so what
    /// is read again has to be found out by doing so.
    Comment,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

fn written_and_read(tree: &Tree, id: NodeId) -> Result<Value> {
    let text = super::read::to_text(tree, id)?;
    yaml::to_json(&text, yaml::Rules::V3).map_err(|error| {
        let problem = error.message;
        Error::new(format!(
            "yaml: {problem} (a comment in or before brackets cannot be kept in a build: remove it, or write the list or map without brackets)"
        ))
    })
}

fn value_at(tree: &Tree, id: NodeId, depth: usize, in_flow: bool) -> Result<Value, Stop> {
    if depth > MAX_DEPTH {
        let message = format!("more than {MAX_DEPTH} levels of nesting");
        return Err(Error::of(ErrorKind::Limit, message).into());
    }
    let node = tree.get(id);
    if in_flow && node.comments.is_some() {
        return Err(Stop::Comment);
    }
    let in_flow = in_flow || node.style.has(Style::FLOW);
    match node.kind {
        Kind::Mapping => {
            let mut map = Map::new();
            for (key, value) in tree.pairs(id) {
                if tree.get(key).comments.is_some() && (in_flow || written_in_flow(tree, value)) {
                    return Err(Stop::Comment);
                }
                let name = key_text(tree, key, depth)?;
                match map.entry(name) {
                    Entry::Vacant(entry) => {
                        entry.insert(value_at(tree, value, depth + 1, in_flow)?);
                    }
                    Entry::Occupied(entry) => {
                        let key = quoted(entry.key());
                        let message = format!("yaml: mapping key {key} already defined");
                        return Err(Error::new(message).into());
                    }
                }
            }
            Ok(Value::Object(map))
        }
        Kind::Sequence => {
            let items = tree.items(id).iter().map(|item| value_at(tree, *item, depth + 1, in_flow));
            Ok(Value::Array(items.collect::<Result<_, _>>()?))
        }
        // Nothing at all cannot be written between brackets, so there it is written as an empty string.
        Kind::Scalar
            if in_flow && node.value.is_empty() && matches!(node.tag, Tag::None | Tag::Null) =>
        {
            Ok(Value::String(String::new()))
        }
        Kind::Scalar if !in_flow && changes_in_writing(node) => Ok(rewritten(node)?),
        // Between brackets a time of day cannot stand without quotes, and with them it is a string.
        Kind::Scalar if in_flow && node.value.contains(':') => {
            let style = Style(node.style.0 | Style::DOUBLE.0);
            Ok(scalar(&Node { style, ..node.clone() })?)
        }
        Kind::Scalar | Kind::None => Ok(scalar(node)?),
    }
}

/// Whether a text of several lines may be another one when it was written as a block and read again: go-yaml doubles
/// breaks before indented lines of folded text, reads some characters as breaks, and does not read tabs at the start.
fn changes_in_writing(node: &Node) -> bool {
    // Most texts are told apart by their bytes, which is much faster.
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    let special = |c: char| {
        matches!(c, '\u{7f}' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
            || (c.is_control() && !matches!(c, '\n' | '\t'))
    };
    node.is_string()
        && node.value.contains('\n')
        && !node.style.has(Style::DOUBLE)
        && !node.style.has(Style::SINGLE)
        && (node.style.has(Style::FOLDED)
            || node.value.starts_with('\t')
            || (!node.value.bytes().all(plain) && node.value.contains(special)))
}

/// What is read again after a text of several lines was written.
fn rewritten(node: &Node) -> Result<Value> {
    let style = if node.style.has(Style::FOLDED) {
        yaml::ScalarStyle::Folded
    } else {
        yaml::ScalarStyle::Literal
    };
    let entry = (yaml::Node::plain("k"), yaml::Node::scalar(node.value.as_str(), style));
    let written = yaml::emit(&[yaml::Node::mapping(vec![entry])], yaml::Style::default());
    let mut read = yaml::to_json(&written, yaml::Rules::V3)
        .map_err(|error| Error::new(format!("yaml: {}", error.message)))?;
    Ok(read.get_mut("k").map(Value::take).unwrap_or_default())
}

/// What is read of JSON by a reader of YAML, as the original does to write its result: U+0085 is a line break, which is
/// folded, and U+007F is refused.
pub(crate) fn reread(mut value: Value) -> Result<Value> {
    reread_in_place(&mut value)?;
    Ok(value)
}

fn reread_in_place(value: &mut Value) -> Result<()> {
    match value {
        Value::String(text) => {
            if text.contains('\u{7f}') {
                return Err(Error::new("yaml: control characters are not allowed"));
            }
            if text.contains('\u{85}') {
                *text = fold(text);
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(reread_in_place),
        Value::Object(map) => map.iter_mut().try_for_each(|(name, value)| {
            reread_in_place(value).map_err(|error| error.during(format!("field '{name}'")))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Folds breaks that stand in quotes: one is a space, of several the first goes and the others are line feeds; spaces beside them go too.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('\u{85}').peekable();
    let mut breaks = 0;
    while let Some(part) = parts.next() {
        let start = if breaks > 0 { part.trim_start_matches(' ') } else { part };
        let is_last = parts.peek().is_none();
        let kept = if is_last { start } else { start.trim_end_matches(' ') };
        if !kept.is_empty() || is_last {
            match breaks {
                0 => {}
                1 => out.push(' '),
                more => out.extend(std::iter::repeat_n('\n', more - 1)),
            }
            out.push_str(kept);
            breaks = 0;
        }
        breaks += 1;
    }
    out
}

fn key_text(tree: &Tree, key: NodeId, depth: usize) -> Result<String> {
    let node = tree.get(key);
    // Below the top every key has to be a string; at the top any scalar will do.
    if node.kind != Kind::Scalar || (depth > 0 && !scalar(node)?.is_string()) {
        return Err(Error::new("json: unsupported type: map[interface {}]interface {}"));
    }
    Ok(node.value.clone())
}

/// What a scalar means, given its tag, style and text.
pub(crate) fn scalar(node: &Node) -> Result<Value> {
    let text = node.value.as_str();
    let quoted_style = node.style.is_quoted() || text.contains('\n');
    match &node.tag {
        Tag::Str | Tag::Binary => return Ok(Value::String(text.to_owned())),
        Tag::None if quoted_style => return Ok(Value::String(text.to_owned())),
        Tag::Null if text.is_empty() => return Ok(Value::Null),
        Tag::Int if !quoted_style && plain_digits(text) => {
            if let Ok(number) = text.parse::<i64>() {
                return Ok(Value::Number(Number::from(number)));
            }
        }
        Tag::Bool if !quoted_style && text == "true" => return Ok(Value::Bool(true)),
        Tag::Bool if !quoted_style && text == "false" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let plain = yaml::Node::plain(text);
    let tag = node.tag.name();
    // A tag that the plain text would get anyway is not written, and then quotes make it a string.
    let says_nothing = tag.is_empty() || plain.short_tag() == tag;
    if says_nothing && quoted_style {
        return Ok(Value::String(text.to_owned()));
    }
    let written = if says_nothing {
        plain
    } else {
        yaml::Node { tag: Some(tag.into()), explicit_tag: true, ..plain }
    };
    written.to_json(yaml::Rules::V3).map_err(|error| Error::new(format!("yaml: {}", error.message)))
}

fn plain_digits(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'))
}

/// A tree that says the same as a JSON value, keys sorted, as if it was written as YAML and read again.
pub(crate) fn from_value(tree: &mut Tree, value: &Value) -> Result<NodeId> {
    readable(value)?;
    Ok(build(tree, value, false))
}

/// As [`from_value`], for what went through Go's generic JSON reader, which knows only 64-bit floats.
pub(crate) fn from_value_as_floats(tree: &mut Tree, value: &Value) -> Result<NodeId> {
    readable(value)?;
    Ok(build(tree, value, true))
}

/// Fails if there is a block of text in a value that go-yaml would write so that it cannot be read again: one that
/// starts with a tab.
fn readable(value: &Value) -> Result<()> {
    if !has_block_with_tab(value) {
        return Ok(());
    }
    let written = yaml::from_json_indented(value, 4);
    yaml::parse_all(&written).map(|_| ()).map_err(|error| Error::new(error.go_message()))
}

fn has_block_with_tab(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            text.starts_with('\t') && yaml::string_style(text) == yaml::ScalarStyle::Literal
        }
        Value::Array(items) => items.iter().any(has_block_with_tab),
        Value::Object(map) => map.values().any(has_block_with_tab),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn build(tree: &mut Tree, value: &Value, floats: bool) -> NodeId {
    match value {
        Value::Null => {
            tree.add(Node { value: "null".to_owned(), ..Node::tagged("null", Tag::Null) })
        }
        Value::Bool(value) => tree.add(Node::tagged(value.to_string(), Tag::Bool)),
        // Go writes this text without quotes and reads it again as the sign for merging.
        Value::String(text) if text == "<<" => tree.add(Node::tagged(text.as_str(), Tag::Merge)),
        Value::String(text) => {
            let style = Style::of(yaml::string_style(text));
            tree.add(Node { style, ..Node::tagged(text.as_str(), Tag::Str) })
        }
        Value::Number(number) => {
            let node = number_node(number, floats);
            tree.add(node)
        }
        Value::Array(items) => {
            let content = items.iter().map(|item| build(tree, item, floats)).collect();
            let style = if items.is_empty() { Style::FLOW } else { Style::PLAIN };
            tree.add(Node { content, tag: Tag::Seq, style, ..Node::empty(Kind::Sequence) })
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            let mut content = Vec::with_capacity(entries.len() * 2);
            for (key, value) in entries {
                content.push(tree.add(Node::string(key.as_str())));
                content.push(build(tree, value, floats));
            }
            let style = if content.is_empty() { Style::FLOW } else { Style::PLAIN };
            tree.add(Node { content, tag: Tag::Map, style, ..Node::empty(Kind::Mapping) })
        }
    }
}

fn number_node(number: &Number, floats: bool) -> Node {
    let whole =
        number.as_i64().map(|n| n.to_string()).or_else(|| number.as_u64().map(|n| n.to_string()));
    match whole {
        Some(text) if !floats => Node::tagged(text, Tag::Int),
        _ => {
            let text = go_float(number.as_f64().unwrap_or_default());
            let tag = if text.contains(['.', 'e', 'n', 'N']) { Tag::Float } else { Tag::Int };
            Node::tagged(text, tag)
        }
    }
}

/// Go's `strconv.FormatFloat(value, 'g', -1, 64)`.
pub(crate) fn go_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..21).contains(&exponent) && (exponent < 6 || value == 0.0) {
        return format!("{value}");
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// JSON as Go's `json.Marshal` writes it: keys sorted, no spaces, `<`, `>`, `&`, U+2028 and U+2029 escaped.
pub(crate) fn go_json(value: &Value) -> String {
    let mut out = String::new();
    write_json(&mut out, value, None);
    out
}

/// JSON as Go's `json.MarshalIndent` writes it with two spaces.
pub(crate) fn go_json_indented(value: &Value) -> String {
    let mut out = String::new();
    write_json(&mut out, value, Some(0));
    out
}

fn write_json(out: &mut String, value: &Value, indent: Option<usize>) {
    let inner = indent.map(|level| level + 1);
    let line = |out: &mut String, level: Option<usize>| {
        if let Some(level) = level {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", level));
        }
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&go_number(number)),
        Value::String(text) => write_string(out, text),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                out.push(if at == 0 { '[' } else { ',' });
                line(out, inner);
                write_json(out, item, inner);
            }
            line(out, indent);
            out.push(']');
        }
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            for (at, (key, item)) in entries.into_iter().enumerate() {
                out.push(if at == 0 { '{' } else { ',' });
                line(out, inner);
                write_string(out, key);
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write_json(out, item, inner);
            }
            line(out, indent);
            out.push('}');
        }
    }
}

/// Go writes floats plainly between 1e-6 and 1e21, and with an exponent without leading zero outside.
fn go_number(number: &Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    let value = number.as_f64().unwrap_or_default();
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => {
                format!("{mantissa}e+{exponent}")
            }
            _ => text,
        };
    }
    format!("{value}")
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
