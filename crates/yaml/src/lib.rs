//! YAML as Go's yaml libraries read and write it.
//!
//! Kubernetes, Helm, Flux and kustomize agree on YAML only because all of them use the same Go
//! code, with its YAML 1.1 booleans, its natural key order and its comment placement. This crate
//! gives the same answers: the values of sigs.k8s.io/yaml ([`Rules::V2`]) and of go-yaml v3
//! ([`Rules::V3`]), and the bytes both would write.
//!
//! ```
//! let value = yaml::to_json("on: 0o17\n", yaml::Rules::V2)?;
//! assert_eq!(yaml::from_json(&value), "\"true\": 15\n");
//! # Ok::<(), yaml::Error>(())
//! ```
//!
//! Deliberately not here: serde, streaming from readers, and YAML 1.2 where Go does not follow it.

mod compose;
mod decode;
mod document;
mod emit;
mod error;
mod node;
mod number;
mod order;
mod parse;
mod resolve;
mod scan;
#[cfg(test)]
mod tests;

pub use document::{Document, Step};
pub use emit::{SequenceIndent, Style, emit, from_json, from_json_indented, string_style};
pub use error::Error;
pub use node::{Comments, Kind, Node, ScalarStyle};
pub use resolve::Rules;

use decode::{Documents, Reading};
use serde_json::Value;

/// Reads the first document of `text` as JSON; no document at all is null.
///
/// # Errors
/// What Go's `Unmarshal` refuses, see [`Node::to_json`], and text that is not YAML.
pub fn to_json(text: &str, rules: Rules) -> Result<Value, Error> {
    first(text, Reading::plain(rules))
}

/// Reads the first document like [`to_json`] under [`Rules::V2`], but need not give other members of
/// it than these if it is a mapping. All of it is checked all the same.
pub fn to_json_members(text: &str, members: &'static [&'static str]) -> Result<Value, Error> {
    // An alias may stand for a part of another member, and a merge looks into its items.
    if text.contains('&') || text.contains("<<") {
        return to_json(text, Rules::V2);
    }
    let mut documents = Documents::new(text, Reading::plain(Rules::V2))?.only(members);
    match documents.next_document() {
        Ok(document) => Ok(document.map_or(Value::Null, |(value, _)| value)),
        // The message may show what was left out.
        Err(_) => to_json(text, Rules::V2),
    }
}

/// Reads the first document like [`to_json`] under [`Rules::V2`], but equal keys are an error: this
/// is `YAMLToJSONStrict` of sigs.k8s.io/yaml.
pub fn to_json_strict(text: &str) -> Result<Value, Error> {
    first(text, Reading { rules: Rules::V2, unique_keys: true })
}

/// Reads every document of `text` as JSON; documents that are null or empty are left out.
pub fn to_json_all(text: &str, rules: Rules) -> Result<Vec<Value>, Error> {
    let documents = to_json_documents(text, rules)?;
    Ok(documents.into_iter().map(|document| document.value).collect())
}

/// Like [`to_json_all`], with the place of each document.
pub fn to_json_documents(text: &str, rules: Rules) -> Result<Vec<JsonDocument>, Error> {
    let mut reader = Documents::new(text, Reading::plain(rules))?;
    let mut documents = Vec::new();
    let mut number = 0;
    while let Some((value, line)) = reader.next_document()? {
        number += 1;
        if !value.is_null() {
            documents.push(JsonDocument { number, line, value });
        }
    }
    Ok(documents)
}

/// A document of a text with several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonDocument {
    /// Which document of the text it is, from 1, empty ones counted.
    pub number: usize,
    /// The line its content starts on, from 1.
    pub line: u32,
    /// Its content.
    pub value: Value,
}

fn first(text: &str, reading: Reading) -> Result<Value, Error> {
    let document = Documents::new(text, reading)?.next_document()?;
    Ok(document.map_or(Value::Null, |(value, _)| value))
}

/// Reads every document of `text` as a tree; an empty document is a null scalar.
pub fn parse_all(text: &str) -> Result<Vec<Node>, Error> {
    compose::documents(text)
}
