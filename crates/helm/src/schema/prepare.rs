//! Makes a schema ready for use.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};

use regex::bytes::Regex;
use serde_json::Value as Json;

use super::documents::{Documents, Draft, Node, Step, applied, not_followed};
use super::place::ByPlace;
use crate::{Error, Result};

/// A schema that is ready for use: references are resolved, expressions compiled.
pub(super) struct Validator<'s> {
    pub(super) documents: Documents<'s>,
    pub(super) references: ByPlace<(*const Json, &'static str), Node<'s>>,
    pub(super) patterns: HashMap<&'s str, Pattern<'s>>,
    pub(super) root: Node<'s>,
    /// Formats are checked whatever the draft.
    pub(super) formats: bool,
    /// Expressions are known to be good, so that only those are compiled that are needed.
    trusted: bool,
}

/// An expression of a schema.
pub(super) struct Pattern<'s> {
    text: &'s str,
    compiled: OnceCell<Option<Regex>>,
}

impl Pattern<'_> {
    /// The compiled expression; none if it cannot be compiled.
    pub(super) fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| gotemplate::compile_regex(self.text).ok()).as_ref()
    }
}

/// How a schema was come to.
enum Way<'s> {
    /// By a reference with this fragment.
    From(&'s str),
    /// From the schema that was come to so.
    Further(usize, Step<'s>),
}

/// The pointer to a schema, for errors.
fn pointer(ways: &[Way<'_>], at: usize) -> String {
    match ways.get(at) {
        Some(Way::Further(before, step)) => pointer(ways, *before) + &step.to_string(),
        Some(Way::From(fragment)) => (*fragment).to_owned(),
        None => String::new(),
    }
}

/// Keywords that hold a reference, and the draft that began with each.
const REFERENCES: &[(&str, Draft)] =
    &[("$ref", Draft::D4), ("$recursiveRef", Draft::D2019), ("$dynamicRef", Draft::D2020)];

impl<'s> Validator<'s> {
    /// Makes a schema ready; `known` gives the documents that are at hand by URI.
    pub(super) fn new(
        uri: &str,
        schema: &'s Json,
        known: fn(&str) -> Option<&'static Json>,
    ) -> Result<Self> {
        Self::prepared(uri, schema, known, false)
    }

    /// Makes a schema that describes schemas ready: its expressions are known to be good, and formats
    /// are checked whatever the draft.
    pub(super) fn meta(
        uri: &str,
        schema: &'s Json,
        known: fn(&str) -> Option<&'static Json>,
    ) -> Result<Self> {
        let validator = Self::prepared(uri, schema, known, true)?;
        Ok(Self { formats: true, ..validator })
    }

    fn prepared(
        uri: &str,
        schema: &'s Json,
        known: fn(&str) -> Option<&'static Json>,
        trusted: bool,
    ) -> Result<Self> {
        let mut documents = Documents::default();
        let root = documents.add(uri, schema, Draft::D2020)?;
        let (references, patterns) = (ByPlace::default(), HashMap::new());
        let mut validator = Self { documents, references, patterns, root, formats: false, trusted };
        validator.prepare(known)?;
        Ok(validator)
    }

    /// Visits every schema that can be reached.
    fn prepare(&mut self, known: fn(&str) -> Option<&'static Json>) -> Result<()> {
        let fetch = |uri: &str| known(uri).ok_or_else(|| not_followed(uri));
        let mut seen = BTreeSet::new();
        let mut ways = vec![Way::From("")];
        let mut pending = vec![(self.root, 0)];
        while let Some((node, way)) = pending.pop() {
            let Json::Object(map) = node.json else { continue };
            if !seen.insert(node.place()) {
                continue;
            }
            let draft = self.documents.draft(node);
            for (keyword, since) in REFERENCES {
                let reference = map.get(*keyword).and_then(Json::as_str);
                let Some(reference) = reference.filter(|_| draft >= *since) else { continue };
                let target = self.documents.resolve(node, reference, &fetch)?;
                self.references.insert((node.place(), keyword), target);
                let fragment = reference.split_once('#').map_or("", |(_, fragment)| fragment);
                ways.push(Way::From(fragment));
                pending.push((target, ways.len() - 1));
            }
            if draft < Draft::D2019 && map.contains_key("$ref") {
                continue;
            }
            let named = map.get("patternProperties").and_then(Json::as_object);
            for pattern in named.into_iter().flatten() {
                self.compile(node, pattern.0, &|| pointer(&ways, way) + "/patternProperties")?;
            }
            if let Some(pattern) = map.get("pattern").and_then(Json::as_str) {
                self.compile(node, pattern, &|| pointer(&ways, way) + "/pattern")?;
            }
            for (step, inner) in applied(node.json, draft).into_iter().rev() {
                ways.push(Way::Further(way, step));
                pending.push((self.documents.child(node, inner), ways.len() - 1));
            }
        }
        Ok(())
    }

    fn compile(
        &mut self,
        node: Node<'s>,
        pattern: &'s str,
        pointer: &dyn Fn() -> String,
    ) -> Result<()> {
        if self.patterns.contains_key(pattern) {
            return Ok(());
        }
        let compiled = OnceCell::new();
        if self.trusted {
            self.patterns.insert(pattern, Pattern { text: pattern, compiled });
            return Ok(());
        }
        let regex = gotemplate::compile_regex(pattern).map_err(|error| {
            let resource = self.documents.resources.get(node.resource);
            let uri = resource.map_or("", |resource| &resource.uri);
            let place = format!("{uri}#{}", pointer());
            Error::new(format!("invalid regex {pattern:?} at {place:?}: {error}"))
        })?;
        let compiled = OnceCell::from(Some(regex));
        self.patterns.insert(pattern, Pattern { text: pattern, compiled });
        Ok(())
    }
}
