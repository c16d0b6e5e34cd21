//! Selecting objects by patterns on their ids and by labels and annotations.

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::id::ResId;
use crate::resource;
use crate::tree::matcher::go_regex;
use crate::tree::{NodeId, Tree};
use regex::Regex;
use std::collections::BTreeMap;

/// Patterns for the parts of an id, and selectors in Kubernetes' syntax. Empty parts match anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the wire format has them")]
pub(crate) struct Selector {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) annotation_selector: String,
    pub(crate) label_selector: String,
}

impl Selector {
    /// Whether nothing is said about ids.
    pub(crate) fn has_no_id(&self) -> bool {
        [&self.group, &self.version, &self.kind, &self.name, &self.namespace]
            .into_iter()
            .all(String::is_empty)
    }
}

/// A compiled [`Selector`].
pub(crate) struct SelectorRegex<'s> {
    selector: &'s Selector,
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

/// A pattern for a whole text; plain words need no regular expression.
enum Pattern {
    Exact(String),
    Regex(Regex),
}

impl Pattern {
    fn new(pattern: &str) -> Result<Option<Self>> {
        if pattern.is_empty() {
            return Ok(None);
        }
        if pattern
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/' | b':'))
        {
            return Ok(Some(Self::Exact(pattern.to_owned())));
        }
        go_regex(&format!("^(?:{pattern})$")).map(|regex| Some(Self::Regex(regex)))
    }

    fn matches(pattern: Option<&Self>, text: &str) -> bool {
        match pattern {
            None => true,
            Some(Self::Exact(exact)) => exact == text,
            Some(Self::Regex(regex)) => regex.is_match(text),
        }
    }
}

impl<'s> SelectorRegex<'s> {
    pub(crate) fn new(selector: &'s Selector) -> Result<Self> {
        Ok(Self {
            selector,
            group: Pattern::new(&selector.group)?,
            version: Pattern::new(&selector.version)?,
            kind: Pattern::new(&selector.kind)?,
            name: Pattern::new(&selector.name)?,
            namespace: Pattern::new(&selector.namespace)?,
            labels: parse(&selector.label_selector)?,
            annotations: parse(&selector.annotation_selector)?,
        })
    }

    /// Whether group, version and kind of an id fit.
    pub(crate) fn selects_kind(&self, id: &ResId) -> bool {
        Pattern::matches(self.group.as_ref(), &id.gvk.group)
            && Pattern::matches(self.version.as_ref(), &id.gvk.version)
            && Pattern::matches(self.kind.as_ref(), &id.gvk.kind)
    }

    /// Whether an id fits, its namespace as written.
    pub(crate) fn selects_id(&self, id: &ResId) -> bool {
        self.selects_kind(id)
            && Pattern::matches(self.name.as_ref(), &id.name)
            && Pattern::matches(self.namespace.as_ref(), &id.namespace)
    }

    /// Whether nothing is said about ids.
    pub(crate) fn has_no_id(&self) -> bool {
        self.selector.has_no_id()
    }

    /// Whether something is said about labels or annotations.
    pub(crate) fn has_metadata(&self) -> bool {
        !self.selector.label_selector.is_empty() || !self.selector.annotation_selector.is_empty()
    }

    /// Whether labels and annotations fit.
    pub(crate) fn selects_metadata(&self, tree: &Tree, object: NodeId) -> bool {
        (self.labels.is_empty() || all(&self.labels, &resource::labels(tree, object)))
            && (self.annotations.is_empty()
                || all(&self.annotations, &resource::annotations(tree, object)))
    }

    /// Whether an object fits by its original or current name and namespace, its kind, labels and annotations.
    pub(crate) fn selects(&self, tree: &Tree, object: NodeId) -> bool {
        let current = resource::id(tree, object);
        if !self.selects_kind(&current) {
            return false;
        }
        let previous = resource::previous_ids(tree, object);
        let original = previous.first().unwrap_or(&current);
        let namespace =
            |id: &ResId| Pattern::matches(self.namespace.as_ref(), id.effective_namespace());
        let name = |id: &ResId| Pattern::matches(self.name.as_ref(), &id.name);
        (namespace(original) || namespace(&current))
            && (name(original) || name(&current))
            && self.selects_metadata(tree, object)
    }
}

/// One requirement of a label selector.
#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

fn all(requirements: &[Requirement], labels: &BTreeMap<String, String>) -> bool {
    requirements.iter().all(|requirement| {
        let value = labels.get(&requirement.key);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &requirement.test {
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
            Test::In(values) => value.is_some_and(|value| values.contains(value)),
            Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Test::Greater(limit) => number().is_some_and(|number| number > *limit),
            Test::Less(limit) => number().is_some_and(|number| number < *limit),
        }
    })
}

/// Reads a label selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
fn parse(selector: &str) -> Result<Vec<Requirement>> {
    let mut words = Words { rest: selector };
    let mut requirements = Vec::new();
    if words.peek().is_none() {
        return Ok(requirements);
    }
    loop {
        requirements.push(requirement(&mut words)?);
        match words.next() {
            None => return Ok(requirements),
            Some(",") if words.peek().is_some() => {}
            Some(",") => return Err(found("", "identifier after ','")),
            Some(other) => return Err(found(other, "',' or 'end of string'")),
        }
    }
}

fn requirement(words: &mut Words<'_>) -> Result<Requirement> {
    let first = words.next().unwrap_or_default();
    if first == "!" {
        let key = words.next().unwrap_or_default();
        return Ok(Requirement { key: key_of(key)?, test: Test::Missing });
    }
    let key = key_of(first)?;
    let Some(operator) = words.peek().filter(|word| *word != ",") else {
        return Ok(Requirement { key, test: Test::Exists });
    };
    words.next();
    let test = match operator {
        "=" | "==" => Test::In(vec![value(words)]),
        "!=" => Test::NotIn(vec![value(words)]),
        "in" => Test::In(values(words)?),
        "notin" => Test::NotIn(values(words)?),
        ">" => Test::Greater(number(words)?),
        "<" => Test::Less(number(words)?),
        other => return Err(found(other, "in, notin, =, ==, !=, gt, lt")),
    };
    Ok(Requirement { key, test })
}

fn found(word: &str, expected: &str) -> Error {
    Error::new(format!("unable to parse requirement: found '{word}', expected: {expected}"))
}

fn key_of(word: &str) -> Result<String> {
    let name = word.rsplit('/').next().unwrap_or_default();
    let valid = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if valid { Ok(word.to_owned()) } else { Err(found(word, "!, identifier, or 'end of string'")) }
}

fn value(words: &mut Words<'_>) -> String {
    match words.peek() {
        None | Some(",") => String::new(),
        Some(word) => {
            words.next();
            word.to_owned()
        }
    }
}

fn number(words: &mut Words<'_>) -> Result<i64> {
    let word = words.next().unwrap_or_default();
    word.parse().map_err(|_| {
        Error::new(format!("for 'Gt', 'Lt' operators, the value must be an integer, not '{word}'"))
    })
}

fn values(words: &mut Words<'_>) -> Result<Vec<String>> {
    match words.next() {
        Some("(") => {}
        other => return Err(found(other.unwrap_or_default(), "'('")),
    }
    let mut values = Vec::new();
    let mut pending = String::new();
    loop {
        match words.next() {
            Some(")") => {
                values.push(pending);
                return Ok(values);
            }
            Some(",") => values.push(std::mem::take(&mut pending)),
            Some(word) if pending.is_empty() => word.clone_into(&mut pending),
            other => return Err(found(other.unwrap_or_default(), "',' or ')'")),
        }
    }
}

/// The words and signs of a label selector.
struct Words<'s> {
    rest: &'s str,
}

impl<'s> Words<'s> {
    fn peek(&self) -> Option<&'s str> {
        Words { rest: self.rest }.next()
    }

    fn next(&mut self) -> Option<&'s str> {
        let rest = self.rest.trim_start();
        let is_sign = |c: char| matches!(c, '=' | '!' | '(' | ')' | '>' | '<');
        let length = match rest.chars().next()? {
            ',' => 1,
            '=' if rest.starts_with("==") => 2,
            '!' if rest.starts_with("!=") => 2,
            c if is_sign(c) => 1,
            _ => rest
                .find(|c: char| c == ',' || is_sign(c) || c.is_whitespace())
                .unwrap_or(rest.len()),
        };
        let (word, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(word)
    }
}
