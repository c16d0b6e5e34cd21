//! What changes manifests after rendering.

use std::collections::BTreeMap;

use bytestring::ByteString;
use gotemplate::Environment;
use serde_json::Value as Json;

use crate::sort::{sort_manifests, split_manifests};
use crate::{Error, Result};

/// Changes a stream of manifests (kustomize patches, for example).
pub trait PostRenderer {
    /// The changed stream.
    ///
    /// # Errors
    /// When it cannot be changed.
    fn run(&self, manifests: &str) -> Result<String, Error>;
}

impl<F: Fn(&str) -> Result<String>> PostRenderer for F {
    fn run(&self, manifests: &str) -> Result<String> {
        self(manifests)
    }
}

/// Which documents go through a post-renderer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// All in one stream, hooks included: Helm 4's way.
    #[default]
    Combined,
    /// Hooks in a stream of their own.
    Separate,
    /// Hooks not at all: Helm 3's way.
    NoHooks,
}

/// Tells which file a document came from while it is away.
const FILENAME: &str = "postrenderer.helm.sh/postrender-filename";

type Files = BTreeMap<String, ByteString>;

/// Sends rendered files through a post-renderer.
pub(crate) fn apply(
    renderer: &(dyn PostRenderer + Sync),
    strategy: Strategy,
    files: Files,
    log: &dyn Environment,
) -> Result<Files> {
    let failed = |what: &str, error: Error| error.context(format!("error while {what}"));
    if strategy == Strategy::Combined {
        let merged = merge(&files).map_err(|e| e.context("error merging manifests"))?;
        let out = renderer.run(&merged).map_err(|e| failed("running post render on files", e))?;
        return split(&out, "").map_err(|e| failed("parsing post rendered output", e));
    }
    let sorted = sort_manifests(&files, log)?;
    let hooks = sorted.hooks.into_iter().map(|hook| (hook.path, hook.manifest.into()));
    let manifests = sorted.manifests.into_iter().map(|m| (m.name, m.content));
    let groups = [
        ("hooks", joined(hooks), strategy == Strategy::Separate),
        ("manifests", joined(manifests), true),
    ];
    let mut out = Vec::new();
    for (name, group, rendered) in groups {
        if group.is_empty() {
            continue;
        }
        let group = if rendered {
            let merged = merge(&group).map_err(|e| e.context(format!("error merging {name}")))?;
            let text = renderer
                .run(&merged)
                .map_err(|e| failed(&format!("running post render on {name}"), e))?;
            split(&text, name)
                .map_err(|e| failed(&format!("parsing post rendered output for {name}"), e))?
        } else {
            group
        };
        out.extend(group);
    }
    Ok(joined(out))
}

fn joined(documents: impl IntoIterator<Item = (String, ByteString)>) -> Files {
    let mut by_file: BTreeMap<String, Vec<ByteString>> = BTreeMap::new();
    for (path, text) in documents {
        by_file.entry(path).or_default().push(text);
    }
    by_file.into_iter().map(|(path, texts)| (path, texts.join("\n---\n").into())).collect()
}

fn documents(text: &str) -> Result<Vec<yaml::Node>> {
    yaml::parse_all(text).map_err(|error| Error::new(error.to_string()))
}

/// All documents in one stream, each annotated with its file.
fn merge(files: &Files) -> Result<String> {
    let mut all = Vec::new();
    for (path, text) in files {
        let base = path.rsplit('/').next().unwrap_or_default();
        if base.starts_with('_') {
            continue;
        }
        for document in split_manifests(text) {
            let nodes = documents(&document).map_err(|e| e.context(format!("parsing {path}")))?;
            for mut node in nodes {
                if node.is_null() {
                    continue;
                }
                annotate(&mut node, path)?;
                all.push(node);
            }
        }
    }
    Ok(yaml::emit(&all, yaml::Style::default()))
}

fn mapping<'n>(node: &'n mut yaml::Node, key: &str) -> Result<&'n mut yaml::Node> {
    let broken = || Error::new(format!("{key} is not a mapping"));
    if node.get(key).is_none_or(yaml::Node::is_null) {
        node.remove(key);
        node.insert(key, yaml::Node::mapping(Vec::new())).map_err(|_| broken())?;
    }
    node.get_mut(key).filter(|node| node.is_mapping()).ok_or_else(broken)
}

fn annotate(node: &mut yaml::Node, path: &str) -> Result<()> {
    let metadata = mapping(node, "metadata")?;
    let annotations = mapping(metadata, "annotations")?;
    annotations.remove(FILENAME);
    annotations
        .insert(FILENAME, yaml::Node::string(path))
        .map_err(|_| Error::new("metadata.annotations is not a mapping"))
}

/// The documents of a stream by the file they are annotated with.
fn split(text: &str, group: &str) -> Result<Files> {
    let mut by_file: BTreeMap<String, Vec<yaml::Node>> = BTreeMap::new();
    for (index, mut node) in documents(text)?.into_iter().enumerate() {
        if node.is_null() {
            continue;
        }
        let fallback = match group {
            "" => format!("generated-by-postrender-{index}.yaml"),
            group => format!("generated-by-postrender-{group}-{index}.yaml"),
        };
        let path = take_annotation(&mut node).unwrap_or(fallback);
        by_file.entry(path).or_default().push(node);
    }
    let files = by_file.into_iter();
    Ok(files
        .map(|(path, nodes)| (path, yaml::emit(&nodes, yaml::Style::default()).into()))
        .collect())
}

/// Removes the annotation, and what became empty without it.
fn take_annotation(node: &mut yaml::Node) -> Option<String> {
    let metadata = node.get_mut("metadata")?;
    let annotations = metadata.get_mut("annotations")?;
    let (_, value) = annotations.remove(FILENAME)?;
    if annotations.entries().is_some_and(<[_]>::is_empty) {
        metadata.remove("annotations");
    }
    if metadata.entries().is_some_and(<[_]>::is_empty) {
        node.remove("metadata");
    }
    value.to_json(yaml::Rules::V3).ok().and_then(|json| match json {
        Json::String(path) => Some(path),
        _ => None,
    })
}
