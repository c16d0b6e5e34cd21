//! `Chart.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use gotemplate::semver::Version;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use crate::{Error, Result};

/// The metadata of a chart. Numbers and booleans where texts are wanted are read as texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// The chart's name.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The project's home page.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub home: String,
    /// Where the source is.
    #[serde(deserialize_with = "texts", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// The chart's version, a semantic version.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// One sentence.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Words to find it by.
    #[serde(deserialize_with = "texts", skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// Who maintains it.
    #[serde(deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<Maintainer>,
    /// The URL of a picture.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// `v1` or `v2`.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// A condition on the values; only used by parents of old charts.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Tags; only used by parents of old charts.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub tags: String,
    /// The version of what is installed.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    /// Whether the chart should no longer be used.
    #[serde(deserialize_with = "boolean", skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// Free annotations.
    #[serde(deserialize_with = "text_map", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// A constraint on the version of Kubernetes.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// The charts it needs.
    #[serde(deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// `application`, `library` or empty.
    #[serde(rename = "type", deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

/// Someone who maintains a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Maintainer {
    /// The name.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The address.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// The home page.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// A chart that another one needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Dependency {
    /// The chart's name.
    #[serde(deserialize_with = "text")]
    pub name: String,
    /// A constraint on its version.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The repository's URL, `alias:NAME`, `@NAME`, `file://PATH`, `oci://...` or empty.
    #[serde(deserialize_with = "text")]
    pub repository: String,
    /// Paths into the values, separated by commas; the first that is a boolean decides.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Tags that can switch it on or off.
    #[serde(deserialize_with = "texts", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What conditions and tags decided.
    #[serde(deserialize_with = "boolean", skip_serializing_if = "std::ops::Not::not")]
    pub enabled: bool,
    /// What of its values the parent takes over: names below `exports`, or `{child, parent}`.
    #[serde(deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub import_values: Vec<Json>,
    /// The name it goes by in the parent.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub alias: String,
}

/// A scalar as Go's YAML reads it into a string.
pub(crate) fn scalar_text(value: Json) -> Option<String> {
    match value {
        Json::Null => Some(String::new()),
        Json::String(text) => Some(text),
        Json::Bool(value) => Some(value.to_string()),
        Json::Number(number) => Some(if let Some(int) = number.as_i64() {
            int.to_string()
        } else {
            let value = gotemplate::Value::Float(number.as_f64().unwrap_or_default());
            gotemplate::to_text(&value).unwrap_or_default().text().into_owned()
        }),
        Json::Array(_) | Json::Object(_) => None,
    }
}

pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Json::deserialize(deserializer)?;
    scalar_text(value).ok_or_else(|| serde::de::Error::custom("cannot unmarshal into string"))
}

pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let values = Option::<Vec<Json>>::deserialize(deserializer)?.unwrap_or_default();
    let texts: Option<Vec<String>> = values.into_iter().map(scalar_text).collect();
    texts.ok_or_else(|| serde::de::Error::custom("cannot unmarshal into string"))
}

pub(crate) fn text_map<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let values = Option::<BTreeMap<String, Json>>::deserialize(deserializer)?.unwrap_or_default();
    let texts: Option<BTreeMap<String, String>> =
        values.into_iter().map(|(key, value)| Some((key, scalar_text(value)?))).collect();
    texts.ok_or_else(|| serde::de::Error::custom("cannot unmarshal into string"))
}

pub(crate) fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(deserializer)?.unwrap_or_default())
}

fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

fn invalid(text: impl std::fmt::Display) -> Error {
    Error::new(format!("validation: {text}"))
}

/// Makes white space plain and drops what cannot be printed.
fn sanitize(text: &mut String) {
    // Without a way out in the middle, so that many bytes are looked at together.
    if text.bytes().fold(true, |all, byte| all & (b' '..=b'~').contains(&byte)) {
        return;
    }
    let clean: String = text
        .chars()
        .filter_map(|c| {
            if c.is_whitespace() {
                return Some(' ');
            }
            (!c.is_control()).then_some(c)
        })
        .collect();
    *text = clean;
}

impl Metadata {
    /// Checks and cleans the metadata as Helm does on loading.
    ///
    /// # Errors
    /// When a required field is absent or a field has a value it must not have.
    pub fn validate(&mut self) -> Result<(), Error> {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            sanitize(text);
        }
        self.sources.iter_mut().chain(&mut self.keywords).for_each(sanitize);
        if self.api_version.is_empty() {
            return Err(invalid("chart.metadata.apiVersion is required"));
        }
        if self.name.is_empty() {
            return Err(invalid("chart.metadata.name is required"));
        }
        if self.name == "." || self.name == ".." {
            return Err(invalid(format!("chart.metadata.name {:?} is not allowed", self.name)));
        }
        if self.name.contains('/') {
            return Err(invalid(format!("chart.metadata.name {:?} is invalid", self.name)));
        }
        if self.version.is_empty() {
            return Err(invalid("chart.metadata.version is required"));
        }
        if Version::parse(&self.version).is_err() {
            return Err(invalid(format!("chart.metadata.version {:?} is invalid", self.version)));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return Err(invalid("chart.metadata.type must be application or library"));
        }
        for maintainer in &mut self.maintainers {
            sanitize(&mut maintainer.name);
            sanitize(&mut maintainer.email);
            sanitize(&mut maintainer.url);
        }
        self.validate_dependencies()
    }

    fn validate_dependencies(&mut self) -> Result<()> {
        let mut keys = BTreeSet::new();
        let is_alone = self.dependencies.len() == 1;
        for dependency in &mut self.dependencies {
            sanitize(&mut dependency.name);
            sanitize(&mut dependency.version);
            sanitize(&mut dependency.repository);
            sanitize(&mut dependency.condition);
            dependency.tags.iter_mut().for_each(sanitize);
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            if !dependency.alias.chars().all(allowed) {
                return Err(invalid(format!(
                    "dependency {:?} has disallowed characters in the alias",
                    dependency.name
                )));
            }
            let key =
                if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
            if !is_alone && !keys.insert(key.clone()) {
                return Err(invalid(format!(
                    "more than one dependency with name or alias {key:?}"
                )));
            }
        }
        Ok(())
    }

    /// True for a chart that only lends its definitions.
    pub fn is_library(&self) -> bool {
        self.kind.eq_ignore_ascii_case("library")
    }
}

/// True when the version satisfies the constraint; false also when either cannot be read.
pub(crate) fn compatible(constraint: &str, version: &str) -> bool {
    let version = Version::parse(version);
    let constraint = gotemplate::semver::Constraint::parse(constraint);
    matches!((version, constraint), (Ok(version), Ok(constraint)) if constraint.check(&version))
}

/// The fields of `Chart.yaml`, of its maintainers and of its dependencies.
const FIELDS: &[&str] = &[
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
];
const MAINTAINER_FIELDS: &[&str] = &["name", "email", "url"];
const DEPENDENCY_FIELDS: &[&str] =
    &["name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias"];

/// The first field of `Chart.yaml` that nobody knows. Case does not matter, as in Go.
pub(crate) fn unknown_field(document: &Json) -> Option<&str> {
    fn unknown<'j>(object: &'j Json, known: &[&str]) -> Option<&'j str> {
        let mut keys = object.as_object()?.keys();
        keys.find(|key| !known.iter().any(|it| it.eq_ignore_ascii_case(key))).map(String::as_str)
    }
    let inside = |list: &str, known: &[&str]| {
        document.get(list)?.as_array()?.iter().find_map(|item| unknown(item, known))
    };
    // Go meets fields in the order of its own JSON: sorted.
    let mut keys = document.as_object()?.keys();
    keys.find_map(|key| match key.as_str() {
        "maintainers" => inside("maintainers", MAINTAINER_FIELDS),
        "dependencies" => inside("dependencies", DEPENDENCY_FIELDS),
        key => (!FIELDS.iter().any(|it| it.eq_ignore_ascii_case(key))).then_some(key),
    })
}
