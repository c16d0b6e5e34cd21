use crate::emit::{inline_scalar, reads_as_string};
use crate::error::Error;
use crate::node::{Kind, Node, ScalarStyle};
use crate::resolve::Rules;
use serde_json::Value;

/// One step from a node to one below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into the value of a key.
    Key(&'a str),
    /// Into an item, from 0.
    Index(usize),
}

/// A text whose scalars can be changed in place: every byte that is not part of the changed value
/// stays what it is.
///
/// ```
/// use yaml::{Document, Step};
/// let mut document = Document::parse("image:   nginx:1.25 # pinned\n".to_owned())?;
/// document.set(0, &[Step::Key("image")], &"nginx:1.27".into())?;
/// assert_eq!(document.text(), "image:   nginx:1.27 # pinned\n");
/// # Ok::<(), yaml::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Document {
    text: String,
    documents: Vec<Node>,
}

impl Document {
    /// Reads a text with any number of documents.
    pub fn parse(text: String) -> Result<Self, Error> {
        let documents = crate::parse_all(&text)?;
        Ok(Self { text, documents })
    }

    /// The text as it is now.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The trees of the documents.
    pub fn documents(&self) -> &[Node] {
        &self.documents
    }

    /// Writes a scalar (no list, no map) over the scalar at a path of the document with this number,
    /// from 0. The style stays as it was where it can hold the new value; a string is quoted where
    /// a YAML 1.1 reader would take it for something else.
    ///
    /// # Errors
    /// If there is nothing at the path, no scalar stands there, or the value is none.
    pub fn set(&mut self, document: usize, path: &[Step<'_>], value: &Value) -> Result<(), Error> {
        let mut node = self
            .documents
            .get(document)
            .ok_or_else(|| Error::unplaced(&format!("there is no document {document}")))?;
        let mut flow = false;
        for step in path {
            flow |= matches!(
                node.kind,
                Kind::Sequence { flow: true, .. } | Kind::Mapping { flow: true, .. }
            );
            node = descend(node, *step)
                .ok_or_else(|| Error::unplaced(&format!("there is nothing at {step:?}")))?;
        }
        let Kind::Scalar { style, .. } = &node.kind else {
            return Err(Error::unplaced("only scalars can be set in place"));
        };
        let mut rendered = render(value, *style, flow)?;
        let mark = if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let span = node.span.start + mark..node.span.end + mark;
        let (before, old) = self.text.split_at_checked(span.start).unwrap_or_default();
        // A key without a value ends at its colon, a block scalar with its last line.
        if span.is_empty() && before.ends_with(':') {
            rendered.insert(0, ' ');
        }
        if old.get(..span.len()).is_some_and(|old| old.ends_with('\n')) {
            rendered.push('\n');
        }
        let mut text = self.text.clone();
        text.replace_range(span, &rendered);
        *self = Self::parse(text)?;
        Ok(())
    }
}

fn descend<'a>(node: &'a Node, step: Step<'_>) -> Option<&'a Node> {
    match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.items()?.get(index),
    }
}

fn render(value: &Value, style: ScalarStyle, flow: bool) -> Result<String, Error> {
    let text = match value {
        Value::String(text) => text,
        Value::Null | Value::Bool(_) | Value::Number(_) => return Ok(value.to_string()),
        Value::Array(_) | Value::Object(_) => {
            return Err(Error::unplaced("a list or a map cannot be set in place"));
        }
    };
    let wished = match style {
        ScalarStyle::Plain if reads_as_string(text, Rules::V2) => ScalarStyle::Plain,
        // What a line holds needs no block; what it does not hold is escaped.
        ScalarStyle::Literal | ScalarStyle::Folded if reads_as_string(text, Rules::V2) => {
            ScalarStyle::Plain
        }
        ScalarStyle::SingleQuoted => ScalarStyle::SingleQuoted,
        _ => ScalarStyle::DoubleQuoted,
    };
    Ok(inline_scalar(text, wished, flow))
}
