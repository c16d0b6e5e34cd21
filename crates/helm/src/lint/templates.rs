//! The rules for templates and what they render to.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Entry, Folder, Linter, Options, deprecations, ensure, names};
use crate::capabilities::Capabilities;
use crate::render::{Mode, on_large_stack, prepared};
use crate::{Error, engine};

const FOLDER: &str = "templates/";

pub(super) fn check(linter: &mut Linter, folder: &Folder<'_>, options: &Options<'_>) {
    let exists = folder.templates != Entry::Absent;
    if linter.warning(FOLDER, ensure(exists, || "directory does not exist".to_owned())).is_none() {
        return;
    }
    let is_folder = ensure(folder.templates == Entry::Folder, || "not a directory".to_owned());
    if linter.error(FOLDER, is_folder).is_none() {
        return;
    }
    let loaded = folder.chart.as_ref().map_err(ToString::to_string);
    let Some(chart) = linter.error(FOLDER, loaded) else { return };
    let mut capabilities = Capabilities::default();
    if let Some(version) = &options.kube_version {
        capabilities.kube_version = version.clone();
    }
    let kubernetes = capabilities.kube_version.clone();
    let rendering = crate::Options {
        mode: Mode::Lint,
        skip_schema: options.skip_schema,
        capabilities,
        ..crate::Options::new("test-release", options.namespace, options.environment)
    };
    // What is wrong with dependencies is no finding of this rule.
    let schema = |error: &Error| error.to_string().starts_with("values don't meet");
    let (chart, values) = match prepared(chart, options.values, &rendering) {
        Ok(prepared) => prepared,
        Err(error) => {
            if schema(&error) {
                linter.error::<()>(FOLDER, Err(error.to_string()));
            }
            return;
        }
    };
    // Linting is neither an installation nor an upgrade.
    let release = json!({
        "Name": "test-release",
        "Namespace": options.namespace,
        "Revision": 0,
        "IsUpgrade": false,
        "IsInstall": false,
        "Service": "Helm",
    });
    let rendered = on_large_stack(|| engine::render_all(&chart, &values, &release, &rendering));
    let Some(rendered) = linter.error(FOLDER, rendered.map_err(|e| e.to_string())) else { return };
    for template in &chart.templates {
        let name = &template.name;
        let extension = extension(name);
        let allowed = matches!(extension, ".yaml" | ".yml" | ".tpl" | ".txt");
        linter.error(name, ensure(allowed, || {
            format!(
                "file extension '{extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt"
            )
        }));
        if !matches!(extension.to_lowercase().as_str(), ".yaml" | ".yml") {
            continue;
        }
        let content = rendered.get(&format!("{}/{name}", chart.name()));
        let content = content.map_or("", |text| &**text);
        if content.trim().is_empty() {
            continue;
        }
        linter.warning(name, top_indent(content));
        for document in documents(content) {
            let read = document.and_then(|document| Head::read(&document));
            let read = read.map_err(|error| format!("unable to parse YAML: {error}"));
            let Some(head) = linter.error(name, read) else { return };
            let Some(head) = head else { continue };
            linter.warning(name, names::check(&head.kind, &head.metadata.name));
            if !head.api_version.is_empty() && !head.kind.is_empty() {
                let outdated = deprecations::check(&head.api_version, &head.kind, &kubernetes);
                linter.warning(name, outdated);
            }
            linter.error(name, selector(&head, content));
            linter.error(name, list_annotations(&head, content));
        }
    }
}

/// As Go sees it: from the last dot of the last name.
fn extension(name: &str) -> &str {
    let base = name.rsplit('/').next().unwrap_or(name);
    base.rfind('.').and_then(|dot| base.get(dot..)).unwrap_or_default()
}

fn top_indent(content: &str) -> Result<(), String> {
    let first = content.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    ensure(!first.starts_with([' ', '\t']), || {
        let line = gotemplate::quote(first.as_bytes());
        format!("document starts with an illegal indent: {line}, which may cause parsing problems")
    })
}

fn selector(head: &Head, content: &str) -> Result<(), String> {
    let needed =
        matches!(head.kind.as_str(), "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet");
    let there = content.contains("matchLabels") || content.contains("matchExpressions");
    ensure(!needed || there, || {
        let name = gotemplate::quote(head.metadata.name.as_bytes());
        format!("a {} must contain matchLabels or matchExpressions, and {name} does not", head.kind)
    })
}

fn list_annotations(head: &Head, content: &str) -> Result<(), String> {
    if head.kind != "List" {
        return Ok(());
    }
    let json = yaml::to_json(content, yaml::Rules::V2).map_err(|error| {
        format!("unable to parse YAML: error converting YAML to JSON: {}", error.go_message())
    })?;
    let items = json.get("items").and_then(Json::as_array).into_iter().flatten();
    let ignored = items
        .filter_map(|item| item.pointer("/metadata/annotations"))
        .any(|it| it.get("helm.sh/resource-policy").is_some());
    ensure(!ignored, || {
        "annotation 'helm.sh/resource-policy' within List objects are ignored".to_owned()
    })
}

/// What rules need to know of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Head {
    #[serde(deserialize_with = "lenient_text")]
    pub(super) api_version: String,
    #[serde(deserialize_with = "lenient_text")]
    pub(super) kind: String,
    metadata: HeadMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HeadMetadata {
    #[serde(deserialize_with = "lenient_text")]
    name: String,
}

/// A text; numbers and booleans count as what they are written like.
fn lenient_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Json::deserialize(deserializer)? {
        Json::Null => String::new(),
        Json::String(text) => text,
        Json::Array(_) | Json::Object(_) => {
            return Err(serde::de::Error::custom("cannot unmarshal into string"));
        }
        other => other.to_string(),
    })
}

impl Head {
    /// Reads a document; `None` for an empty one.
    pub(super) fn read(document: &str) -> Result<Option<Self>, String> {
        let mut json = yaml::to_json(document, yaml::Rules::V2)
            .map_err(|error| format!("error converting YAML to JSON: {}", error.go_message()))?;
        if json.get("metadata").is_some_and(Json::is_null)
            && let Some(map) = json.as_object_mut()
        {
            map.remove("metadata");
        }
        let failed =
            |what: String| format!("error unmarshaling JSON: while decoding JSON: json: {what}");
        let kind = match &json {
            Json::Null => return Ok(None),
            Json::Object(_) => {
                return serde_json::from_value(json)
                    .map(Some)
                    .map_err(|error| failed(error.to_string()));
            }
            Json::Bool(_) => "bool",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
        };
        Err(failed(format!("cannot unmarshal {kind} into Go value of type rules.k8sYamlStruct")))
    }
}

/// The documents of a stream: cut at lines that hold `---` and at most a comment.
pub(super) fn documents(text: &str) -> Vec<Result<String, String>> {
    let mut documents = Vec::new();
    let mut current = String::new();
    for line in text.split_inclusive('\n') {
        let Some(rest) = line.strip_prefix("---") else {
            current.push_str(line);
            continue;
        };
        let rest = rest.trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            documents.push(Err(format!("invalid Yaml document separator: {rest}")));
            return documents;
        }
        if !current.is_empty() {
            documents.push(Ok(std::mem::take(&mut current)));
        }
    }
    if !current.is_empty() {
        documents.push(Ok(current));
    }
    documents
}
