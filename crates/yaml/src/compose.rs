//! Events to nodes.

use crate::error::{Error, Mark};
use crate::node::{Kind, Node, ScalarStyle};
use saphyr_parser::{Event, Parser, ScalarStyle as Read, Span, Tag};
use std::collections::BTreeMap;

/// Deepest nesting that is read. Manifests stay below 50; recursion needs a bound.
const MAX_DEPTH: usize = 500;

pub(crate) fn documents(text: &str) -> Result<Vec<Node>, Error> {
    let mut composer = Composer { events: Parser::new_from_str(text), names: BTreeMap::new() };
    let mut documents = Vec::new();
    loop {
        let (event, _) = composer.next()?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::DocumentStart(_) => {
                let first = composer.next()?;
                documents.push(composer.node(first, 0)?);
            }
            _ => {}
        }
    }
}

struct Composer<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    names: BTreeMap<usize, String>,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Error> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(e)) => Err(Error::new(mark(e.marker()), e.info())),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Result<Node, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::new(mark(&span.start), "exceeded max depth"));
        }
        let (kind, anchor, tag) = match event {
            Event::Alias(id) => {
                let name = self.names.get(&id).cloned().unwrap_or_else(|| id.to_string());
                (Kind::Alias { name }, 0, None)
            }
            Event::Scalar(text, style, anchor, tag) => {
                (Kind::Scalar { text: text.into_owned(), style: style_of(style) }, anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => {
                let mut items = Vec::new();
                loop {
                    let next = self.next()?;
                    if next.0 == Event::SequenceEnd {
                        break;
                    }
                    items.push(self.node(next, depth + 1)?);
                }
                (Kind::Sequence { items, flow: false }, anchor, tag)
            }
            Event::MappingStart(anchor, tag) => {
                let mut entries = Vec::new();
                loop {
                    let next = self.next()?;
                    if next.0 == Event::MappingEnd {
                        break;
                    }
                    let key = self.node(next, depth + 1)?;
                    let next = self.next()?;
                    entries.push((key, self.node(next, depth + 1)?));
                }
                (Kind::Mapping { entries, flow: false }, anchor, tag)
            }
            _ => return Err(Error::new(mark(&span.start), "unexpected event")),
        };
        if anchor > 0 {
            self.names.insert(anchor, anchor.to_string());
        }
        let at = mark(&span.start);
        Ok(Node {
            kind,
            explicit_tag: tag.is_some(),
            tag: tag.map(|t| short_tag(&t).into()),
            anchor: (anchor > 0).then(|| anchor.to_string().into()),
            comments: None,
            line: at.line + 1,
            column: at.column + 1,
            span: span.start.index()..span.end.index(),
        })
    }
}

fn style_of(style: Read) -> ScalarStyle {
    match style {
        Read::Plain => ScalarStyle::Plain,
        Read::SingleQuoted => ScalarStyle::SingleQuoted,
        Read::DoubleQuoted => ScalarStyle::DoubleQuoted,
        Read::Literal => ScalarStyle::Literal,
        Read::Folded => ScalarStyle::Folded,
    }
}

fn short_tag(tag: &Tag) -> String {
    match tag.handle.as_str() {
        "tag:yaml.org,2002:" => format!("!!{}", tag.suffix),
        handle => format!("{handle}{}", tag.suffix),
    }
}

fn mark(marker: &saphyr_parser::Marker) -> Mark {
    Mark {
        offset: marker.index(),
        line: u32::try_from(marker.line().saturating_sub(1)).unwrap_or(u32::MAX),
        column: u32::try_from(marker.col()).unwrap_or(u32::MAX),
    }
}
