//! Documents as node trees, comments and all, the way go-yaml v3 builds them.

use crate::error::Error;
use crate::node::{Comments, Kind, Node};
use crate::parse::{self, Build, End, Parser, Scalar};
use crate::resolve::Rules;
use crate::scan::Notes;
use std::collections::BTreeSet;

/// Reads every document of a text.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, Error> {
    let mut parser = Parser::new(text, Rules::V3, true, Composer::default())?;
    let mut documents = Vec::new();
    while let Some((document, _)) = parser.next_document()? {
        documents.push(document);
    }
    Ok(documents)
}

#[derive(Default)]
struct Composer<'a> {
    anchors: BTreeSet<&'a str>,
}

impl<'a> Composer<'a> {
    fn node(&mut self, node: parse::Node<'a>, kind: Kind) -> Node {
        self.anchors.extend(node.anchor);
        let tag = node.tag.filter(|tag| tag != "!");
        Node {
            kind,
            explicit_tag: tag.is_some(),
            tag: tag.map(String::into_boxed_str),
            anchor: node.anchor.map(Box::from),
            comments: comments(node.notes),
            line: node.start.line + 1,
            column: node.start.column + 1,
            span: node.content..node.end.offset.max(node.content),
        }
    }
}

fn comments(notes: Notes) -> Option<Box<Comments>> {
    if notes.head.is_empty() && notes.line.is_empty() && notes.foot.is_empty() {
        return None;
    }
    let Notes { head, line, foot, stem: _ } = notes;
    Some(Box::new(Comments { head, line, foot, ..Comments::default() }))
}

/// Takes the foot comment off a node.
fn take_foot(node: &mut Node) -> String {
    let mut foot = String::new();
    if node.comments.is_some() {
        node.edit_comments(|comments| foot = std::mem::take(&mut comments.foot));
    }
    foot
}

fn set_end(node: &mut Node, end: End) {
    node.span.end = end.end.offset;
    if node.comments.is_some() || !end.notes.line.is_empty() || !end.notes.foot.is_empty() {
        node.edit_comments(|comments| {
            comments.line = end.notes.line;
            comments.foot = end.notes.foot;
        });
    }
}

impl<'a> Build<'a> for Composer<'a> {
    type Value = Node;
    type Sequence = (Node, Vec<Node>);
    type Mapping = MappingNode;

    fn scalar(&mut self, node: parse::Node<'a>, scalar: Scalar<'a>) -> Result<Node, Error> {
        let Scalar { text, style } = scalar;
        Ok(self.node(node, Kind::Scalar { text: text.into_owned(), style }))
    }

    fn alias(&mut self, node: parse::Node<'a>, name: &'a str) -> Result<Node, Error> {
        if !self.anchors.contains(name) {
            let problem = format!("unknown anchor '{name}' referenced");
            return Err(Error::new(node.start, problem));
        }
        Ok(self.node(node, Kind::Alias { name: name.to_owned() }))
    }

    fn sequence(&mut self, node: parse::Node<'a>, flow: bool) -> Result<Self::Sequence, Error> {
        Ok((self.node(node, Kind::Sequence { items: Vec::new(), flow }), Vec::new()))
    }

    fn item(&mut self, sequence: &mut Self::Sequence, item: Node) -> Result<(), Error> {
        sequence.1.push(item);
        Ok(())
    }

    fn end_sequence(&mut self, sequence: Self::Sequence, end: End) -> Result<Node, Error> {
        let (mut node, children) = sequence;
        if let Kind::Sequence { items, .. } = &mut node.kind {
            *items = children;
        }
        set_end(&mut node, end);
        Ok(node)
    }

    fn mapping(&mut self, node: parse::Node<'a>, flow: bool) -> Result<MappingNode, Error> {
        let node = self.node(node, Kind::Mapping { entries: Vec::new(), flow });
        Ok(MappingNode { node, flow, entries: Vec::new(), key: None })
    }

    fn key(&mut self, mapping: &mut MappingNode, mut key: Node) -> Result<(), Error> {
        // A foot above a key belongs to what came before it.
        if !mapping.flow
            && let Some((previous, _)) = mapping.entries.last_mut()
        {
            let foot = take_foot(&mut key);
            if !foot.is_empty() {
                previous.edit_comments(|comments| comments.foot = foot);
            }
        }
        mapping.key = Some(key);
        Ok(())
    }

    fn value(&mut self, mapping: &mut MappingNode, mut value: Node) -> Result<(), Error> {
        let mut key = mapping.key.take().unwrap_or_default();
        if key.foot_comment().is_empty() {
            let foot = take_foot(&mut value);
            if !foot.is_empty() {
                key.edit_comments(|comments| comments.foot = foot);
            }
        }
        mapping.entries.push((key, value));
        Ok(())
    }

    fn end_mapping(&mut self, mapping: MappingNode, end: End) -> Result<Node, Error> {
        let MappingNode { mut node, flow, mut entries, key: _ } = mapping;
        set_end(&mut node, end);
        if !flow && let Some((last, _)) = entries.last_mut() {
            let foot = take_foot(&mut node);
            if !foot.is_empty() {
                last.edit_comments(|comments| comments.foot = foot);
            }
        }
        if let Kind::Mapping { entries: empty, .. } = &mut node.kind {
            *empty = entries;
        }
        Ok(node)
    }

    fn document(&mut self, mut root: Node, head: String, foot: String) -> Result<Node, Error> {
        if !head.is_empty() || !foot.is_empty() {
            root.edit_comments(|comments| {
                comments.document_head = head;
                comments.document_foot = foot;
            });
        }
        Ok(root)
    }
}

struct MappingNode {
    node: Node,
    flow: bool,
    entries: Vec<(Node, Node)>,
    key: Option<Node>,
}
