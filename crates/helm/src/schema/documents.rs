//! Schema documents: where their parts are, which draft each follows, and what references lead to.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Display};

use serde_json::{Map, Value as Json};

use super::place::ByPlace;
use super::value::Keywords;
use crate::{Error, Result};

/// A version of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    D4,
    D6,
    D7,
    D2019,
    D2020,
}

impl Draft {
    /// The draft that a `$schema` names.
    fn of(uri: &str) -> Option<Self> {
        let uri = uri.strip_suffix('#').unwrap_or(uri);
        let rest = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"));
        Some(match rest.unwrap_or(uri).strip_prefix("json-schema.org/")? {
            "schema" | "draft/2020-12/schema" => Self::D2020,
            "draft/2019-09/schema" => Self::D2019,
            "draft-07/schema" => Self::D7,
            "draft-06/schema" => Self::D6,
            "draft-04/schema" => Self::D4,
            _ => return None,
        })
    }

    pub(super) fn meta(self) -> &'static str {
        match self {
            Self::D4 => "http://json-schema.org/draft-04/schema",
            Self::D6 => "http://json-schema.org/draft-06/schema",
            Self::D7 => "http://json-schema.org/draft-07/schema",
            Self::D2019 => "https://json-schema.org/draft/2019-09/schema",
            Self::D2020 => "https://json-schema.org/draft/2020-12/schema",
        }
    }

    fn id_keyword(self) -> &'static str {
        if self == Self::D4 { "id" } else { "$id" }
    }
}

/// A schema, and the resource it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Node<'s> {
    pub(super) json: &'s Json,
    pub(super) resource: usize,
}

impl Node<'_> {
    /// The identity of the place, whatever its content.
    pub(super) fn place(self) -> *const Json {
        self.json
    }
}

/// A schema with a URI of its own, and what is named in it.
pub(super) struct Resource<'s> {
    pub(super) uri: String,
    pub(super) root: &'s Json,
    pub(super) draft: Draft,
    anchors: BTreeMap<&'s str, Node<'s>>,
    dynamic: BTreeMap<&'s str, Node<'s>>,
    pub(super) recursive: bool,
}

impl<'s> Resource<'s> {
    /// The schema with this `$dynamicAnchor`.
    pub(super) fn dynamic(&self, name: &str) -> Option<Node<'s>> {
        self.dynamic.get(name).copied()
    }
}

/// All documents that take part in a validation.
#[derive(Default)]
pub(super) struct Documents<'s> {
    pub(super) resources: Vec<Resource<'s>>,
    by_uri: HashMap<String, usize>,
    by_place: ByPlace<*const Json, usize>,
}

/// How a keyword holds schemas.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    List,
    Named,
}

/// A keyword with schemas in it, the shape of what it holds, and the drafts that look at it.
type Holder = (&'static str, Shape, Draft, Draft);

const HOLDERS: &[Holder] = &[
    ("allOf", Shape::List, Draft::D4, Draft::D2020),
    ("anyOf", Shape::List, Draft::D4, Draft::D2020),
    ("oneOf", Shape::List, Draft::D4, Draft::D2020),
    ("not", Shape::One, Draft::D4, Draft::D2020),
    ("items", Shape::One, Draft::D4, Draft::D2020),
    ("items", Shape::List, Draft::D4, Draft::D2019),
    ("additionalItems", Shape::One, Draft::D4, Draft::D2019),
    ("prefixItems", Shape::List, Draft::D2020, Draft::D2020),
    ("properties", Shape::Named, Draft::D4, Draft::D2020),
    ("patternProperties", Shape::Named, Draft::D4, Draft::D2020),
    ("additionalProperties", Shape::One, Draft::D4, Draft::D2020),
    ("dependencies", Shape::Named, Draft::D4, Draft::D2020),
    ("contains", Shape::One, Draft::D6, Draft::D2020),
    ("propertyNames", Shape::One, Draft::D6, Draft::D2020),
    ("if", Shape::One, Draft::D7, Draft::D2020),
    ("then", Shape::One, Draft::D7, Draft::D2020),
    ("else", Shape::One, Draft::D7, Draft::D2020),
    ("dependentSchemas", Shape::Named, Draft::D2019, Draft::D2020),
    ("unevaluatedItems", Shape::One, Draft::D2019, Draft::D2020),
    ("unevaluatedProperties", Shape::One, Draft::D2019, Draft::D2020),
];

/// Keywords whose schemas only references lead to.
const DEFINED: &[Holder] = &[
    ("$defs", Shape::Named, Draft::D4, Draft::D2020),
    ("definitions", Shape::Named, Draft::D4, Draft::D2020),
    ("contentSchema", Shape::One, Draft::D4, Draft::D2020),
];

/// A step from a schema to one inside it.
#[derive(Clone, Copy)]
pub(super) enum Step<'s> {
    /// The schema that a keyword holds.
    One(&'static str),
    /// A place in a keyword's list.
    Index(&'static str, usize),
    /// A name in a keyword's table.
    Name(&'static str, &'s str),
}

impl Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(keyword) => write!(f, "/{keyword}"),
            Self::Index(keyword, index) => write!(f, "/{keyword}/{index}"),
            Self::Name(keyword, name) => {
                let name = name.replace('~', "~0").replace('/', "~1");
                write!(f, "/{keyword}/{name}")
            }
        }
    }
}

/// The schemas inside a schema that its draft applies, each with the step to it.
pub(super) fn applied(json: &Json, draft: Draft) -> Vec<(Step<'_>, &Json)> {
    let mut found = Vec::new();
    let Json::Object(map) = json else { return found };
    let keywords = Keywords::of(map);
    let tuple = map.get("items").is_some_and(Json::is_array);
    for holder in HOLDERS {
        let wanted = match holder.0 {
            "then" | "else" => map.contains_key("if"),
            "additionalItems" => tuple,
            _ => true,
        };
        if wanted {
            held((map, keywords), holder, draft, &mut |step, json| found.push((step, json)));
        }
    }
    found
}

/// The schemas right inside a schema, whether it applies them or not.
fn inner(json: &Json) -> Vec<&Json> {
    let mut found = Vec::new();
    let Json::Object(map) = json else { return found };
    let keywords = Keywords::of(map);
    for holder in HOLDERS.iter().chain(DEFINED) {
        held((map, keywords), holder, holder.2, &mut |_, json| found.push(json));
    }
    found
}

fn held<'s>(
    (map, keywords): (&'s Map<String, Json>, Keywords),
    holder: &Holder,
    draft: Draft,
    found: &mut dyn FnMut(Step<'s>, &'s Json),
) {
    let (keyword, shape, first, last) = *holder;
    if draft < first || draft > last || !keywords.may_have(keyword) {
        return;
    }
    match (shape, map.get(keyword)) {
        (Shape::One, Some(inner)) if is_schema(inner) => found(Step::One(keyword), inner),
        (Shape::List, Some(Json::Array(items))) => {
            for (index, inner) in items.iter().enumerate() {
                found(Step::Index(keyword, index), inner);
            }
        }
        (Shape::Named, Some(Json::Object(named))) => {
            for (name, inner) in named.iter().filter(|(_, inner)| is_schema(inner)) {
                found(Step::Name(keyword, name), inner);
            }
        }
        _ => {}
    }
}

fn is_schema(json: &Json) -> bool {
    json.is_object() || json.is_boolean()
}

impl<'s> Documents<'s> {
    /// Adds a document under a URI; its draft is the one it names, or else `draft`.
    pub(super) fn add(&mut self, uri: &str, root: &'s Json, draft: Draft) -> Result<Node<'s>> {
        let draft = named_draft(root, uri)?.unwrap_or(draft);
        let resource = self.resource(uri.to_owned(), root, draft);
        if let Some(id) = own_id(root, draft) {
            let uri = join(uri, id);
            self.by_uri.insert(uri.clone(), resource);
            if let Some(resource) = self.resources.get_mut(resource) {
                resource.uri = uri;
            }
        }
        self.scan(Node { json: root, resource }, true)?;
        Ok(Node { json: root, resource })
    }

    fn resource(&mut self, uri: String, root: &'s Json, draft: Draft) -> usize {
        let index = self.resources.len();
        let recursive = root.get("$recursiveAnchor").and_then(Json::as_bool) == Some(true);
        self.by_uri.insert(uri.clone(), index);
        self.by_place.insert(root, index);
        let (anchors, dynamic) = (BTreeMap::new(), BTreeMap::new());
        self.resources.push(Resource { uri, root, draft, anchors, dynamic, recursive });
        index
    }

    /// Finds the resources and anchors below a schema. Schemas nest as deep as JSON is read.
    fn scan(&mut self, node: Node<'s>, root: bool) -> Result<()> {
        let mut node = node;
        let Some(resource) = self.resources.get(node.resource) else { return Ok(()) };
        let (mut draft, base) = (resource.draft, resource.uri.clone());
        if !root {
            let named = match own_id(node.json, draft) {
                Some(_) => named_draft(node.json, &base)?,
                None => None,
            };
            if let Some(named) = named {
                draft = named;
            }
            if let Some(id) = own_id(node.json, draft) {
                node.resource = self.resource(join(&base, id), node.json, draft);
            }
        }
        self.anchors(node, draft);
        for inner in inner(node.json) {
            self.scan(Node { json: inner, resource: node.resource }, false)?;
        }
        Ok(())
    }

    fn anchors(&mut self, node: Node<'s>, draft: Draft) {
        let text = |name: &str| node.json.get(name).and_then(Json::as_str);
        let Some(resource) = self.resources.get_mut(node.resource) else { return };
        if draft < Draft::D2019 {
            let anchor = text(draft.id_keyword()).and_then(|id| id.split_once('#'));
            if let Some((_, anchor)) = anchor.filter(|(_, anchor)| !anchor.is_empty()) {
                resource.anchors.insert(anchor, node);
            }
            return;
        }
        resource.anchors.extend(text("$anchor").map(|anchor| (anchor, node)));
        if draft >= Draft::D2020
            && let Some(anchor) = text("$dynamicAnchor")
        {
            resource.anchors.insert(anchor, node);
            resource.dynamic.insert(anchor, node);
        }
    }

    /// The draft that a schema follows.
    pub(super) fn draft(&self, node: Node<'s>) -> Draft {
        self.resources.get(node.resource).map_or(Draft::D2020, |resource| resource.draft)
    }

    /// A schema inside another.
    pub(super) fn child(&self, node: Node<'s>, json: &'s Json) -> Node<'s> {
        let place: *const Json = json;
        let resource = self.by_place.get(&place).copied().unwrap_or(node.resource);
        Node { json, resource }
    }

    /// The schema that a reference leads to; `fetch` gives documents that are not here yet.
    pub(super) fn resolve(
        &mut self,
        from: Node<'s>,
        reference: &str,
        fetch: &dyn Fn(&str) -> Result<&'s Json>,
    ) -> Result<Node<'s>> {
        let base = self.resources.get(from.resource).map_or("", |resource| resource.uri.as_str());
        let whole = join(base, reference);
        let (uri, fragment) = whole.split_once('#').unwrap_or((&whole, ""));
        let index = match self.by_uri.get(uri) {
            Some(index) => *index,
            None => self.add(uri, fetch(uri)?, self.draft(from))?.resource,
        };
        let Some(resource) = self.resources.get(index) else {
            return Err(Error::new(format!("json-pointer in {whole:?} not found")));
        };
        let root = Node { json: resource.root, resource: index };
        let fragment = decoded(fragment);
        if fragment.is_empty() {
            return Ok(root);
        }
        match fragment.strip_prefix('/') {
            Some(pointer) => self
                .pointed(root, pointer)
                .ok_or_else(|| Error::new(format!("json-pointer in {whole:?} not found"))),
            None => resource.anchors.get(fragment.as_str()).copied().ok_or_else(|| {
                Error::new(format!("anchor in {whole:?} not found in schema {uri:?}"))
            }),
        }
    }

    fn pointed(&self, root: Node<'s>, pointer: &str) -> Option<Node<'s>> {
        pointer.split('/').try_fold(root, |node, token| {
            let token = token.replace("~1", "/").replace("~0", "~");
            let json = match node.json {
                Json::Object(map) => map.get(&token)?,
                Json::Array(items) => items.get(token.parse::<usize>().ok()?)?,
                _ => return None,
            };
            Some(self.child(node, json))
        })
    }
}

/// The draft that a schema names, if it names one.
pub(super) fn named_draft(json: &Json, uri: &str) -> Result<Option<Draft>> {
    match json.get("$schema").and_then(Json::as_str) {
        None => Ok(None),
        Some(named) => match Draft::of(named) {
            Some(draft) => Ok(Some(draft)),
            None if !named.contains(':') => Err(Error::new(format!(
                "invalid $schema in {:?}: not a known draft",
                format!("{uri}#")
            ))),
            None => Err(not_followed(named.strip_suffix('#').unwrap_or(named))),
        },
    }
}

/// True for the whole URI of a draft.
pub(super) fn is_known_draft(uri: &str) -> bool {
    uri.starts_with("http") && Draft::of(uri).is_some()
}

/// The error about a document that would have to be read from elsewhere.
pub(super) fn not_followed(uri: &str) -> Error {
    Error::new(format!("failing loading {uri:?}: references to other documents are not followed"))
}

/// The identifier of a schema without its fragment, if it has one.
fn own_id(json: &Json, draft: Draft) -> Option<&str> {
    if draft < Draft::D2019 && json.get("$ref").is_some() {
        return None;
    }
    let id = json.get(draft.id_keyword())?.as_str()?;
    let id = id.split_once('#').map_or(id, |(id, _)| id);
    Some(id).filter(|id| !id.is_empty())
}

fn decoded(fragment: &str) -> String {
    let mut out = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let byte = byte.filter(|_| *first == b'%');
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A reference against its base, RFC 3986.
fn join(base: &str, reference: &str) -> String {
    let scheme = reference.split_once(':').map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    }) {
        return reference.to_owned();
    }
    let base = base.split_once('#').map_or(base, |(base, _)| base);
    if reference.is_empty() || reference.starts_with('#') {
        return format!("{base}{reference}");
    }
    let Some((scheme, rest)) = base.split_once("://") else {
        return reference.to_owned();
    };
    if let Some(rest) = reference.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let (wanted, fragment) = match reference.find('#') {
        Some(at) => reference.split_at(at),
        None => (reference, ""),
    };
    let merged = if wanted.starts_with('/') {
        wanted.to_owned()
    } else {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{wanted}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in merged.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("{scheme}://{authority}/{}{fragment}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn references_join_their_base() {
        for (reference, joined) in [
            ("#/a", "file:///values.schema.json#/a"),
            ("other.json#b", "file:///other.json#b"),
            ("./x/../y.json", "file:///y.json"),
            ("/z", "file:///z"),
            ("http://a/b#c", "http://a/b#c"),
            ("urn:x:y", "urn:x:y"),
        ] {
            assert_eq!(join("file:///values.schema.json", reference), joined);
        }
    }
}
