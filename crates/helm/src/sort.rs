//! Cuts rendered files into documents and sorts them for installation.

use std::collections::BTreeMap;

use bytestring::ByteString;
use gotemplate::{Environment, Level, LogLine};
use serde_json::Value as Json;

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
    pub content: ByteString,
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
    documents(text).map(str::to_owned).collect()
}

/// The documents one after the other; there may be very many.
fn documents(text: &str) -> impl Iterator<Item = &str> {
    fn after_separator(text: &str) -> &str {
        text.trim_start_matches([' ', '\t'])
    }
    let text = text.trim_start();
    let mut rest = Some(text.strip_prefix("---").map_or(text, after_separator));
    let all = std::iter::from_fn(move || {
        let text = rest?;
        let Some((document, more)) = text.split_once("\n---") else { return rest.take() };
        rest = Some(after_separator(more));
        // With its last line break.
        text.get(..=document.len())
    });
    all.filter(|document| !document.trim().is_empty()).map(str::trim_start)
}

/// What sorting needs to know of a document.
#[derive(Debug, Default)]
struct Head {
    kind: String,
    name: String,
    annotations: BTreeMap<String, String>,
}

/// The Go type of a document's metadata, as errors show it.
const METADATA: &str = "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }";

impl Head {
    /// Reads the members in the order in which Go meets them, because the first misfit is the error.
    fn read(document: &Json) -> Result<Self> {
        let mut head = Self::default();
        let document = match document {
            Json::Null => return Ok(head),
            Json::Object(document) => document,
            other => return misfit(other, "Go value of type util.SimpleHead"),
        };
        text(document.get("apiVersion"), "SimpleHead.apiVersion")?;
        head.kind = text(document.get("kind"), "SimpleHead.kind")?;
        let metadata = match document.get("metadata") {
            None | Some(Json::Null) => return Ok(head),
            Some(Json::Object(metadata)) => metadata,
            Some(other) => {
                return misfit(
                    other,
                    &format!("Go struct field SimpleHead.metadata of type {METADATA}"),
                );
            }
        };
        match metadata.get("annotations") {
            None | Some(Json::Null) => {}
            Some(Json::Object(annotations)) => {
                for (name, value) in annotations {
                    let value = text(Some(value), ".metadata.annotations")?;
                    head.annotations.insert(name.clone(), value);
                }
            }
            Some(other) => {
                let wanted = "Go struct field .metadata.annotations of type map[string]string";
                return misfit(other, wanted);
            }
        }
        head.name = text(metadata.get("name"), ".metadata.name")?;
        Ok(head)
    }
}

/// A text; numbers and booleans count as what they are written like.
fn text(value: Option<&Json>, field: &str) -> Result<String> {
    match value {
        None | Some(Json::Null) => Ok(String::new()),
        Some(Json::String(text)) => Ok(text.clone()),
        Some(other @ (Json::Array(_) | Json::Object(_))) => {
            misfit(other, &format!("Go struct field {field} of type string"))
        }
        Some(other) => Ok(other.to_string()),
    }
}

fn misfit<T>(found: &Json, wanted: &str) -> Result<T> {
    let found = match found {
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Null | Json::Object(_) => "object",
    };
    Err(Error::new(format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into {wanted}"
    )))
}

/// The most objects and hooks that a chart may have; a release of so many fits into no record.
const MAX_MANIFESTS: usize = 100_000;

/// Sorts rendered files, given by path, into hooks and manifests. Hooks of unknown events are left out, which `log` is told.
///
/// # Errors
/// When a document is no YAML or no mapping.
pub fn sort_manifests(
    files: &BTreeMap<String, ByteString>,
    log: &dyn Environment,
) -> Result<Sorted, Error> {
    let mut sorted = Sorted::default();
    for (path, text) in files {
        let base = path.rsplit('/').next().unwrap_or_default();
        if base.starts_with('_') || text.trim().is_empty() {
            continue;
        }
        for document in documents(text) {
            if sorted.manifests.len() + sorted.hooks.len() >= MAX_MANIFESTS {
                return Err(Error::new(format!(
                    "{path}: the chart has more than {MAX_MANIFESTS} objects"
                )));
            }
            sort_document(&mut sorted, path, text.slice_ref(document), log)?;
        }
    }
    sorted.hooks.sort_by(|a, b| compare_kinds(&a.kind, &b.kind));
    sorted.manifests.sort_by(|a, b| compare_kinds(&a.kind, &b.kind));
    Ok(sorted)
}

fn head(path: &str, document: &str) -> Result<Head> {
    let failed = |error: Error| error.context(format!("YAML parse error on {path}"));
    let json = yaml::to_json_members(document, &["apiVersion", "kind", "metadata"])
        .map_err(|error| failed(conversion(&error)))?;
    Head::read(&json).map_err(failed)
}

fn sort_document(
    sorted: &mut Sorted,
    path: &str,
    document: ByteString,
    log: &dyn Environment,
) -> Result<()> {
    let head = head(path, &document)?;
    let Some(hooks) = head.annotations.get(HOOK) else {
        let name = path.to_owned();
        sorted.manifests.push(Manifest { name, content: document, kind: head.kind });
        return Ok(());
    };
    let list = |name: &str| -> Vec<String> {
        let value = head.annotations.get(name);
        value
            .map(|text| text.split(',').map(|part| part.trim().to_lowercase()).collect())
            .unwrap_or_default()
    };
    let events: Option<Vec<HookEvent>> = hooks.split(',').map(HookEvent::parse).collect();
    let Some(events) = events else {
        let (message, fields) = ("skipping unknown hooks", [("hookTypes", hooks.as_str())]);
        log.log(&LogLine { level: Level::Info, message, fields: &fields });
        return Ok(());
    };
    let weight = head.annotations.get(WEIGHT).and_then(|text| text.parse().ok());
    sorted.hooks.push(Hook {
        name: head.name.clone(),
        kind: head.kind,
        path: path.to_owned(),
        manifest: document.to_string(),
        events,
        weight: weight.unwrap_or_default(),
        delete_policies: list(DELETE),
        output_log_policies: list(OUTPUT),
        ..Hook::default()
    });
    Ok(())
}
