//! From YAML text to trees and back.

use super::{Kind, Node, NodeId, Style, Tag, Tree, json};
use crate::error::{Error, ErrorKind, Result};
use memchr::memmem;
use std::collections::HashMap;
use yaml::ScalarStyle;

/// Nodes that one document may have after aliases are copied. Real documents stay below 100,000; a few lines of
/// aliases of aliases would otherwise fill any memory.
const MAX_NODES: usize = 2_000_000;

impl Tag {
    /// A tag from its short form.
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "" => Self::None,
            "!!null" => Self::Null,
            "!!bool" => Self::Bool,
            "!!str" => Self::Str,
            "!!int" => Self::Int,
            "!!float" => Self::Float,
            "!!timestamp" => Self::Timestamp,
            "!!binary" => Self::Binary,
            "!!merge" => Self::Merge,
            "!!map" => Self::Map,
            "!!seq" => Self::Seq,
            other => Self::Other(other.into()),
        }
    }

    /// The short form.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::None => "",
            Self::Null => "!!null",
            Self::Bool => "!!bool",
            Self::Str => "!!str",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::Binary => "!!binary",
            Self::Merge => "!!merge",
            Self::Map => "!!map",
            Self::Seq => "!!seq",
            Self::Other(name) => name,
        }
    }
}

/// Splits a stream at its `---` lines the way kyaml does.
fn split_documents(text: &str) -> Result<Vec<&str>> {
    let mut documents = Vec::new();
    let mut rest = text;
    let mut from = 0;
    let find = |tail: &str| memmem::find(tail.as_bytes(), b"\n---");
    while let Some(at) = rest.get(from..).and_then(find).map(|at| at + from) {
        let line_start = at + 1;
        let Some(line_length) = rest.get(line_start..).and_then(|tail| tail.find('\n')) else {
            break;
        };
        let separator = rest.get(line_start..line_start + line_length).unwrap_or_default();
        let after = separator.get(3..).unwrap_or_default().trim();
        if !after.is_empty() && !after.starts_with('#') {
            return Err(Error::new(format!("invalid document separator: {}", separator.trim())));
        }
        // The line break before the separator belongs to the document.
        documents.push(rest.get(..line_start).unwrap_or_default());
        rest = rest.get(line_start + line_length + 1..).unwrap_or_default();
        from = 0;
    }
    documents.push(rest);
    Ok(documents)
}

/// The objects of a stream: empty documents left out, a lone `List` taken apart, aliases and merge keys resolved.
pub(crate) fn documents(tree: &mut Tree, text: &str) -> Result<Vec<NodeId>> {
    let cleaned;
    let text = if memmem::find(text.as_bytes(), b"\r\n").is_some() {
        cleaned = text.replace("\r\n", "\n");
        cleaned.as_str()
    } else {
        text
    };
    let parts = split_documents(text)?;
    let alone = parts.len() == 1;
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        let Some(root) = first_document(tree, part)? else {
            continue;
        };
        match list_items(tree, root).filter(|_| alone) {
            Some(items) => found.extend(items),
            None => found.push(root),
        }
    }
    Ok(found)
}

fn list_items(tree: &Tree, root: NodeId) -> Option<Vec<NodeId>> {
    let kind = tree.field(root, "kind").map(|kind| tree.text(kind))?;
    if kind != "List" && kind != "ResourceList" {
        return None;
    }
    match tree.field(root, "items") {
        Some(items) => Some(tree.items(items).to_vec()),
        None => tree.field(root, "functionConfig").map(|_| Vec::new()),
    }
}

fn first_document(tree: &mut Tree, text: &str) -> Result<Option<NodeId>> {
    let parsed = yaml::parse_all(text).map_err(|error| malformed(&error))?;
    match parsed.into_iter().next() {
        Some(node) if !node.is_null() => Loader::new(tree).load(node).map(Some),
        _ => Ok(None),
    }
}

fn malformed(error: &yaml::Error) -> Error {
    Error::of(ErrorKind::MalformedYaml, format!("MalformedYAMLError: {}", error.go_message()))
}

/// The first document of a text, whatever it is.
pub(crate) fn inner_document(tree: &mut Tree, text: &str) -> Result<NodeId> {
    let parsed = yaml::parse_all(text).map_err(|error| Error::new(error.go_message()))?;
    match parsed.into_iter().next() {
        Some(node) => Loader::new(tree).load(node),
        None => Ok(tree.add(Node::null())),
    }
}

/// Takes a parsed document into a tree.
struct Loader<'t> {
    tree: &'t mut Tree,
    anchors: HashMap<Box<str>, NodeId>,
    nodes: usize,
}

impl<'t> Loader<'t> {
    fn new(tree: &'t mut Tree) -> Self {
        Self { tree, anchors: HashMap::new(), nodes: 0 }
    }

    fn load(&mut self, node: yaml::Node) -> Result<NodeId> {
        self.count(1)?;
        let tag = match (&node.tag, &node.kind) {
            (None, yaml::Kind::Mapping { .. }) => Tag::Map,
            (None, yaml::Kind::Sequence { .. }) => Tag::Seq,
            (None, yaml::Kind::Scalar { style, .. }) if *style != ScalarStyle::Plain => Tag::Str,
            _ => Tag::from_name(node.short_tag()),
        };
        let tagged = if node.explicit_tag { Style::TAGGED } else { Style::PLAIN };
        let (anchor, comments) = (node.anchor, node.comments);
        let loaded = match node.kind {
            yaml::Kind::Scalar { text, style } => {
                let style = Style(Style::of(style).0 | tagged.0);
                self.tree.add(Node {
                    kind: Kind::Scalar,
                    style,
                    tag,
                    value: text,
                    content: Vec::new(),
                    comments,
                })
            }
            yaml::Kind::Sequence { items, flow } => {
                let content =
                    items.into_iter().map(|item| self.load(item)).collect::<Result<_>>()?;
                let style = Style(flow_style(flow).0 | tagged.0);
                self.tree.add(Node { style, tag, content, comments, ..Node::empty(Kind::Sequence) })
            }
            yaml::Kind::Mapping { entries, flow } => {
                let style = Style(flow_style(flow).0 | tagged.0);
                let content = self.entries(entries)?;
                self.tree.add(Node { style, tag, content, comments, ..Node::empty(Kind::Mapping) })
            }
            yaml::Kind::Alias { name } => {
                let target = self.anchors.get(name.as_str()).copied();
                let target = target.ok_or_else(|| {
                    Error::new(format!("yaml: unknown anchor '{name}' referenced"))
                })?;
                self.copy(target)?
            }
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, loaded);
        }
        Ok(loaded)
    }

    fn count(&mut self, more: usize) -> Result<()> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            return Err(Error::of(
                ErrorKind::Limit,
                format!("document has more than {MAX_NODES} nodes, aliases copied"),
            ));
        }
        Ok(())
    }

    fn copy(&mut self, id: NodeId) -> Result<NodeId> {
        self.count(1)?;
        let mut node = self.tree.get(id).clone();
        for child in &mut node.content {
            *child = self.copy(*child)?;
        }
        Ok(self.tree.add(node))
    }

    /// A mapping's entries, what `<<` brings in appended.
    fn entries(&mut self, entries: Vec<(yaml::Node, yaml::Node)>) -> Result<Vec<NodeId>> {
        let mut content = Vec::with_capacity(entries.len() * 2);
        let mut merged = None;
        for (key, value) in entries {
            let is_merge = key.short_tag() == "!!merge";
            let key = self.load(key)?;
            let value = self.load(value)?;
            if !is_merge {
                content.extend([key, value]);
            } else if merged.replace(value).is_some() {
                return Err(Error::new("duplicate merge key"));
            }
        }
        if let Some(value) = merged {
            for source in self.merge_sources(value)? {
                self.merge_into(&mut content, source)?;
            }
        }
        Ok(content)
    }

    /// The maps behind a `<<`, the one that wins first.
    fn merge_sources(&self, value: NodeId) -> Result<Vec<NodeId>> {
        match self.tree.kind(value) {
            Kind::Mapping => Ok(vec![value]),
            Kind::Sequence => {
                let items = self.tree.items(value);
                if items.iter().any(|item| self.tree.kind(*item) == Kind::Sequence) {
                    return Err(Error::new("invalid map merge: received a nested sequence"));
                }
                if items.iter().any(|item| self.tree.kind(*item) != Kind::Mapping) {
                    return Err(Error::new(
                        "map merge requires map or sequence of maps as the value",
                    ));
                }
                Ok(items.to_vec())
            }
            Kind::Scalar | Kind::None => {
                Err(Error::new("map merge requires map or sequence of maps as the value"))
            }
        }
    }

    fn merge_into(&mut self, content: &mut Vec<NodeId>, source: NodeId) -> Result<()> {
        for (key, value) in self.tree.pairs(source).collect::<Vec<_>>() {
            let name = self.tree.value(key);
            let known = content.iter().step_by(2).any(|key| self.tree.value(*key) == name);
            if !known {
                let (key, value) = (self.copy(key)?, self.copy(value)?);
                content.extend([key, value]);
            }
        }
        Ok(())
    }
}

const fn flow_style(flow: bool) -> Style {
    if flow { Style::FLOW } else { Style::PLAIN }
}

/// Whether a text read as YAML 1.1 is something else than a string, which is when kyaml puts quotes around it.
pub(crate) fn looks_like_other_type(text: &str) -> bool {
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    // Words and paths made of these letters only are strings, unless they are one of a few words.
    let first = text.as_bytes().first().copied().unwrap_or_default();
    let harmless = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
    if first.is_ascii_alphabetic() && text.bytes().all(harmless) {
        return is_special_word(text);
    }
    match yaml::to_json(text, yaml::Rules::V2) {
        Ok(value) => !value.is_string(),
        // Infinities and what is no number are floats that JSON does not have.
        Err(error) => error.message.starts_with("json: unsupported value"),
    }
}

fn is_special_word(text: &str) -> bool {
    const LONGEST: usize = 5;
    text.len() <= LONGEST
        && matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
        )
        && !yaml::to_json(text, yaml::Rules::V2).is_ok_and(|value| value.is_string())
}

/// A tree as kyaml prints it.
pub(crate) fn to_text(tree: &Tree, id: NodeId) -> Result<String> {
    let node = to_node(tree, id)?;
    Ok(yaml::emit(&[node], yaml::Style::default()))
}

/// A tree as nodes of the yaml crate.
pub(crate) fn to_node(tree: &Tree, id: NodeId) -> Result<yaml::Node> {
    let node = tree.get(id);
    let tag = (node.tag != Tag::None).then(|| node.tag.name().into());
    let explicit_tag = node.style.has(Style::TAGGED);
    let flow = node.style.has(Style::FLOW);
    let kind = match node.kind {
        Kind::Mapping => {
            let entries =
                tree.pairs(id).map(|(key, value)| Ok((to_node(tree, key)?, to_node(tree, value)?)));
            yaml::Kind::Mapping { entries: entries.collect::<Result<_>>()?, flow }
        }
        Kind::Sequence => {
            let items = tree.items(id).iter().map(|item| to_node(tree, *item));
            yaml::Kind::Sequence { items: items.collect::<Result<_>>()?, flow }
        }
        Kind::Scalar | Kind::None => {
            yaml::Kind::Scalar { text: node.value.clone(), style: scalar_style(node.style) }
        }
    };
    Ok(yaml::Node {
        kind,
        tag,
        explicit_tag,
        comments: node.comments.clone(),
        ..yaml::Node::default()
    })
}

const fn scalar_style(style: Style) -> ScalarStyle {
    if style.has(Style::DOUBLE) {
        ScalarStyle::DoubleQuoted
    } else if style.has(Style::SINGLE) {
        ScalarStyle::SingleQuoted
    } else if style.has(Style::LITERAL) {
        ScalarStyle::Literal
    } else if style.has(Style::FOLDED) {
        ScalarStyle::Folded
    } else {
        ScalarStyle::Plain
    }
}

/// The objects of a stream, each checked to have a kind and a name, lists of objects taken apart.
pub(crate) fn objects(tree: &mut Tree, text: &str) -> Result<Vec<NodeId>> {
    const MAX_LIST_DEPTH: usize = 100;
    let loaded = documents(tree, text)?;
    let mut pending: std::collections::VecDeque<(NodeId, usize)> = Vec::new().into();
    pending.extend(checked(tree, loaded)?.into_iter().map(|object| (object, 0)));
    let mut found = Vec::with_capacity(pending.len());
    while let Some((object, depth)) = pending.pop_front() {
        let kind = tree.field(object, "kind").map_or("", |kind| tree.value(kind));
        let items = if kind.ends_with("List") { tree.field(object, "items") } else { None };
        let Some(items) = items else {
            found.push(object);
            continue;
        };
        if tree.is_null(items) {
            continue;
        }
        if tree.kind(items) != Kind::Sequence {
            return Err(Error::new(format!(
                "expected array in {kind}/items, but found something else"
            )));
        }
        if depth > MAX_LIST_DEPTH {
            return Err(Error::of(
                ErrorKind::Limit,
                format!("lists of objects are nested more than {MAX_LIST_DEPTH} deep"),
            ));
        }
        for item in tree.items(items).to_vec() {
            // The original takes these lists apart as JSON, so that whatever was text is quoted from now on.
            let text = json::go_json(&json::to_value(tree, item)?);
            let objects = documents(tree, &text)?;
            pending.extend(checked(tree, objects)?.into_iter().map(|object| (object, depth + 1)));
        }
    }
    Ok(found)
}

/// Leaves out empty documents and refuses those that are no objects.
fn checked(tree: &Tree, nodes: Vec<NodeId>) -> Result<Vec<NodeId>> {
    let mut kept = Vec::with_capacity(nodes.len());
    for node in nodes {
        if tree.get(node).is_empty() {
            continue;
        }
        check_object(tree, node)?;
        kept.push(node);
    }
    Ok(kept)
}

/// Refuses what has no kind or no name.
pub(crate) fn check_object(tree: &Tree, node: NodeId) -> Result<()> {
    let filled = |name: &str| tree.field(node, name).filter(|field| !tree.get(*field).is_empty());
    let (api_version, kind, meta) = (filled("apiVersion"), filled("kind"), filled("metadata"));
    let said = |name: &str| {
        meta.and_then(|meta| tree.field(meta, name)).filter(|field| !tree.get(*field).is_empty())
    };
    let says_anything =
        ["name", "namespace", "labels", "annotations"].iter().any(|name| said(name).is_some());
    if api_version.is_none() && kind.is_none() && !says_anything {
        return Err(Error::new("missing Resource metadata"));
    }
    let text = |field: Option<NodeId>| field.map_or("", |field| tree.text(field));
    let describe = || {
        let map = |name: &str| {
            let pairs = said(name).into_iter().flat_map(|map| tree.pairs(map));
            let mut pairs: Vec<_> = pairs
                .map(|(key, value)| format!("{}:{}", tree.text(key), tree.text(value)))
                .collect();
            pairs.sort();
            format!("map[{}]", pairs.join(" "))
        };
        let (name, namespace) = (text(said("name")), text(said("namespace")));
        let (api_version, kind) = (text(api_version), text(kind));
        format!(
            "{{{{{api_version} {kind}}} {{{{{name} {namespace}}} {} {}}}}}",
            map("labels"),
            map("annotations")
        )
    };
    if text(kind).is_empty() {
        return Err(Error::new(format!("missing kind in object {}", describe())));
    }
    if !text(kind).ends_with("List") && text(said("name")).is_empty() {
        return Err(Error::new(format!("missing metadata.name in object {}", describe())));
    }
    Ok(())
}
