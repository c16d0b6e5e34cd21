//! Cuts rendered files into documents and sorts them for installation.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::metadata::text_map;
use crate::order::compare_kinds;
use crate::release::{Hook, HookEvent};
use crate::values::conversion;
use crate::{Error, Result};

/// One rendered object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// The template it came from.
    pub name: String,
    /// The YAML text.
    pub content: String,
    /// Its kind; empty when it has none.
    pub kind: String,
}

/// Manifests and hooks in the order of installation.
#[derive(Debug, Clone, Default)]
pub struct Sorted {
    /// The hooks, by kind.
    pub hooks: Vec<Hook>,
    /// The other objects, by kind.
    pub manifests: Vec<Manifest>,
}

const HOOK: &str = "helm.sh/hook";
const WEIGHT: &str = "helm.sh/hook-weight";
const DELETE: &str = "helm.sh/hook-delete-policy";
const OUTPUT: &str = "helm.sh/hook-output-log-policy";

/// The documents of a text, cut at lines that start with `---`; empty ones are dropped.
pub fn split_manifests(text: &str) -> Vec<String> {
    let mut documents = Vec::new();
    let mut current = String::new();
    for line in text.trim_start().split_inclusive('\n') {
        match line.strip_prefix("---") {
            Some(rest) => {
                documents.push(std::mem::take(&mut current));
                current.push_str(rest.trim_start_matches([' ', '\t']));
            }
            None => current.push_str(line),
        }
    }
    documents.push(current);
    documents
        .into_iter()
        .filter(|document| !document.trim().is_empty())
        .map(|document| document.trim_start().to_owned())
        .collect()
}

/// What sorting needs to know of a document.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Head {
    #[serde(deserialize_with = "lenient_text")]
    kind: String,
    metadata: Option<HeadMetadata>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HeadMetadata {
    #[serde(deserialize_with = "lenient_text")]
    name: String,
    #[serde(deserialize_with = "text_map")]
    annotations: BTreeMap<String, String>,
}

fn lenient_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            return Err(serde::de::Error::custom("cannot unmarshal into string"));
        }
        other => other.to_string(),
    })
}

/// Sorts rendered files, given by path, into hooks and manifests.
///
/// # Errors
/// When a document is no YAML or no mapping.
pub fn sort_manifests(files: &BTreeMap<String, String>) -> Result<Sorted, Error> {
    let mut sorted = Sorted::default();
    for (path, text) in files {
        let base = path.rsplit('/').next().unwrap_or_default();
        if base.starts_with('_') || text.trim().is_empty() {
            continue;
        }
        for document in split_manifests(text) {
            sort_document(&mut sorted, path, document)?;
        }
    }
    sorted.hooks.sort_by(|a, b| compare_kinds(&a.kind, &b.kind));
    sorted.manifests.sort_by(|a, b| compare_kinds(&a.kind, &b.kind));
    Ok(sorted)
}

fn head(path: &str, document: &str) -> Result<Head> {
    let failed = |error: Error| error.context(format!("YAML parse error on {path}"));
    let json =
        yaml::to_json(document, yaml::Rules::V2).map_err(|error| failed(conversion(&error)))?;
    let kind = match &json {
        serde_json::Value::Bool(_) => Some("bool"),
        serde_json::Value::Number(_) => Some("number"),
        serde_json::Value::String(_) => Some("string"),
        serde_json::Value::Array(_) => Some("array"),
        serde_json::Value::Null | serde_json::Value::Object(_) => None,
    };
    if let Some(kind) = kind {
        return Err(failed(Error::new(format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} into Go value of type util.SimpleHead"
        ))));
    }
    let head: Option<Head> = serde_json::from_value(json).map_err(|error| {
        failed(Error::new(format!("error unmarshaling JSON: while decoding JSON: {error}")))
    })?;
    Ok(head.unwrap_or_default())
}

fn sort_document(sorted: &mut Sorted, path: &str, document: String) -> Result<()> {
    let head = head(path, &document)?;
    let metadata = head.metadata.unwrap_or_default();
    let Some(hooks) = metadata.annotations.get(HOOK) else {
        let name = path.to_owned();
        sorted.manifests.push(Manifest { name, content: document, kind: head.kind });
        return Ok(());
    };
    let list = |name: &str| -> Vec<String> {
        let value = metadata.annotations.get(name);
        value
            .map(|text| text.split(',').map(|part| part.trim().to_lowercase()).collect())
            .unwrap_or_default()
    };
    let events: Option<Vec<HookEvent>> = hooks.split(',').map(HookEvent::parse).collect();
    // A document with an unknown event is dropped, as Helm does.
    let Some(events) = events else { return Ok(()) };
    let weight = metadata.annotations.get(WEIGHT).and_then(|text| text.parse().ok());
    sorted.hooks.push(Hook {
        name: metadata.name.clone(),
        kind: head.kind,
        path: path.to_owned(),
        manifest: document,
        events,
        weight: weight.unwrap_or_default(),
        delete_policies: list(DELETE),
        output_log_policies: list(OUTPUT),
        ..Hook::default()
    });
    Ok(())
}
