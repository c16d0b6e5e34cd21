//! The index of a chart repository.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _, Seek, SeekFrom};

use gotemplate::semver::{Constraint, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::metadata::{Metadata, boolean, text, texts};
use crate::values::conversion;
use crate::{Error, Result};

mod pieces;
mod scan;

/// One version of a chart in an index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChartVersion {
    /// What `Chart.yaml` says.
    #[serde(flatten)]
    pub metadata: Metadata,
    /// Where the package is, absolute or relative to the repository.
    #[serde(deserialize_with = "texts")]
    pub urls: Vec<String>,
    /// When it was added, RFC 3339.
    #[serde(deserialize_with = "text")]
    pub created: String,
    /// Whether it was withdrawn.
    #[serde(deserialize_with = "boolean", skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// SHA-256 of the package in hexadecimal.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub digest: String,
}

impl ChartVersion {
    /// The version as an index keeps it; `None` for those that Helm skips.
    fn kept(mut self) -> Option<Self> {
        if self.metadata.api_version.is_empty() {
            "v1".clone_into(&mut self.metadata.api_version);
        }
        if self.created.is_empty() {
            NO_TIME.clone_into(&mut self.created);
        }
        let passes = self.metadata.validate().err().is_none_or(|error| {
            error.to_string().contains("more than one dependency with name or alias")
        });
        passes.then_some(self)
    }
}

/// The index of a chart repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepositoryIndex {
    /// `v1`.
    pub api_version: String,
    /// When it was written, RFC 3339.
    pub generated: String,
    /// The versions of each chart, newest first.
    pub entries: BTreeMap<String, Vec<ChartVersion>>,
    /// The public keys of those who sign its charts.
    pub public_keys: Vec<String>,
    /// Free annotations.
    pub annotations: BTreeMap<String, String>,
    /// What the server that made it says about itself.
    pub server_info: serde_json::Map<String, Json>,
}

/// The largest index that is read, in bytes; the largest public ones have about 50 MB.
const MAX_INDEX: u64 = 256 << 20;

/// Go's zero time, which stands for a time that is not known.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

impl RepositoryIndex {
    /// Reads an index; see [`RepositoryIndex::read`].
    ///
    /// # Errors
    /// When it is too large, empty, no YAML, or has no `apiVersion`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::read(std::io::Cursor::new(text))
    }

    /// Reads an index. One written the usual way is read version by version, so that memory is
    /// taken for what is kept only. Versions that Helm would skip are skipped.
    ///
    /// # Errors
    /// When it cannot be read, is too large, empty, no YAML, or has no `apiVersion`.
    pub fn read(mut source: impl BufRead + Seek) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::new(format!("cannot read the index: {error}"));
        let size = source.seek(SeekFrom::End(0)).map_err(failed)?;
        source.rewind().map_err(failed)?;
        if size > MAX_INDEX {
            return Err(Error::new(format!("the index is larger than {MAX_INDEX} bytes")));
        }
        if size == 0 {
            return Err(Error::new("empty index.yaml file"));
        }
        let mut index = if let Some(index) = pieces::read(&mut source)? {
            index
        } else {
            source.rewind().map_err(failed)?;
            let mut text = String::new();
            source.take(MAX_INDEX).read_to_string(&mut text).map_err(failed)?;
            Self::from_json(&whole(&text)?)?
        };
        if index.api_version.is_empty() {
            return Err(Error::new("no API version specified"));
        }
        index.sort();
        Ok(index)
    }

    /// What stands around the entries.
    fn from_head(json: &Json) -> Result<Self> {
        let text =
            |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let broken =
            |field: &str, error: serde_json::Error| Error::new(format!("{field}: {error}"));
        let field = |name: &str| json.get(name).filter(|it| !it.is_null()).cloned();
        let keys = field("publicKeys").map(serde_json::from_value).transpose();
        let annotations = field("annotations").map(serde_json::from_value).transpose();
        Ok(Self {
            api_version: text("apiVersion"),
            generated: text("generated"),
            entries: BTreeMap::new(),
            public_keys: keys.map_err(|e| broken("publicKeys", e))?.unwrap_or_default(),
            annotations: annotations.map_err(|e| broken("annotations", e))?.unwrap_or_default(),
            server_info: json
                .get("serverInfo")
                .and_then(Json::as_object)
                .cloned()
                .unwrap_or_default(),
        })
    }

    fn from_json(json: &Json) -> Result<Self> {
        let mut index = Self::from_head(json)?;
        for (name, versions) in json.get("entries").and_then(Json::as_object).into_iter().flatten()
        {
            let versions = versions.as_array().into_iter().flatten();
            let read = versions.filter_map(|json| serde_json::from_value(json.clone()).ok());
            index.entries.insert(name.clone(), read.filter_map(ChartVersion::kept).collect());
        }
        Ok(index)
    }

    /// Sorts the versions of each chart, newest first.
    pub fn sort(&mut self) {
        for versions in self.entries.values_mut() {
            versions.shrink_to_fit();
            versions.sort_by_cached_key(|version| {
                std::cmp::Reverse(Key(Version::parse(&version.metadata.version).ok().map(Ordered)))
            });
        }
    }

    /// The version that a constraint selects: an exactly equal text first, else the newest that
    /// satisfies it. An empty constraint means the newest that is no prerelease.
    ///
    /// # Errors
    /// When there is no such chart or version, or the constraint cannot be read.
    pub fn get(&self, name: &str, constraint: &str) -> Result<&ChartVersion, Error> {
        let versions = self.entries.get(name).ok_or_else(|| Error::new("no chart name found"))?;
        if versions.is_empty() {
            return Err(Error::new("no chart version found"));
        }
        let wanted = if constraint.is_empty() { "*" } else { constraint };
        let parsed = Constraint::parse(wanted)?;
        if let Some(exact) = versions.iter().find(|v| v.metadata.version == constraint) {
            return Ok(exact);
        }
        let fits = |version: &&ChartVersion| {
            Version::parse(&version.metadata.version).is_ok_and(|v| parsed.check(&v))
        };
        versions
            .iter()
            .find(fits)
            .ok_or_else(|| Error::new(format!("no chart version found for {name}-{constraint}")))
    }

    /// True when a constraint selects a version.
    pub fn has(&self, name: &str, constraint: &str) -> bool {
        self.get(name, constraint).is_ok()
    }

    /// Adds what another index has and this one has not.
    pub fn merge(&mut self, other: Self) {
        for version in other.entries.into_values().flatten() {
            let name = version.metadata.name.clone();
            if !self.has(&name, &version.metadata.version) {
                self.entries.entry(name).or_default().push(version);
            }
        }
    }

    /// Adds a packaged chart.
    ///
    /// # Errors
    /// When the metadata is invalid.
    pub fn add(&mut self, mut version: ChartVersion) -> Result<(), Error> {
        if version.metadata.api_version.is_empty() {
            "v1".clone_into(&mut version.metadata.api_version);
        }
        if version.created.is_empty() {
            NO_TIME.clone_into(&mut version.created);
        }
        version.metadata.validate()?;
        let name = version.metadata.name.clone();
        self.entries.entry(name).or_default().push(version);
        Ok(())
    }

    /// The charts whose name, description or keywords hold a text, newest version each.
    pub fn search(&self, text: &str) -> Vec<&ChartVersion> {
        let wanted = text.to_lowercase();
        let holds = |part: &str| part.to_lowercase().contains(&wanted);
        let newest = self.entries.values().filter_map(|versions| versions.first());
        newest
            .filter(|version| {
                let metadata = &version.metadata;
                holds(&metadata.name)
                    || holds(&metadata.description)
                    || metadata.keywords.iter().any(|keyword| holds(keyword))
            })
            .collect()
    }

    /// The index as Helm writes it.
    ///
    /// # Errors
    /// When a part cannot be written as JSON.
    pub fn to_yaml(&self) -> Result<String, Error> {
        let failed = |error: serde_json::Error| Error::new(error.to_string());
        let entries = serde_json::to_value(&self.entries).map_err(failed)?;
        let generated = if self.generated.is_empty() { NO_TIME } else { &self.generated };
        let mut index = serde_json::json!({
            "apiVersion": self.api_version,
            "entries": entries,
            "generated": generated,
        });
        if let Some(fields) = index.as_object_mut() {
            if !self.public_keys.is_empty() {
                fields.insert("publicKeys".to_owned(), self.public_keys.clone().into());
            }
            if !self.annotations.is_empty() {
                let annotations = serde_json::to_value(&self.annotations).map_err(failed)?;
                fields.insert("annotations".to_owned(), annotations);
            }
            if !self.server_info.is_empty() {
                fields.insert("serverInfo".to_owned(), Json::Object(self.server_info.clone()));
            }
        }
        Ok(yaml::from_json(&index))
    }
}

/// Orders versions; what is no version comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key(Option<Ordered>);

struct Ordered(Version);

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.0.compare(&other.0).is_eq()
    }
}

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.compare(&other.0)
    }
}

fn whole(text: &str) -> Result<Json> {
    if text.trim_start().starts_with('{')
        && let Ok(json) = serde_json::from_str(text)
    {
        return Ok(json);
    }
    yaml::to_json_strict(text).map_err(|error| conversion(&error))
}

#[cfg(test)]
mod tests;
