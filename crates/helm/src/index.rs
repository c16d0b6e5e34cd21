//! The index of a chart repository.

use std::collections::BTreeMap;

use gotemplate::semver::{Constraint, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::metadata::Metadata;
use crate::values::conversion;
use crate::{Error, Result};

/// One version of a chart in an index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChartVersion {
    /// What `Chart.yaml` says.
    #[serde(flatten)]
    pub metadata: Metadata,
    /// Where the package is, absolute or relative to the repository.
    pub urls: Vec<String>,
    /// When it was added, RFC 3339.
    pub created: String,
    /// Whether it was withdrawn.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// SHA-256 of the package in hexadecimal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
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
}

/// The largest index that is read, in bytes; the largest public ones have about 50 MB.
const MAX_INDEX: usize = 256 << 20;

impl RepositoryIndex {
    /// Reads an index. One written the usual way is read chart by chart, so that memory is bounded
    /// by the largest chart and by what is kept. Entries that Helm would skip are skipped.
    ///
    /// # Errors
    /// When it is too large, empty, no YAML, or has no `apiVersion`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_INDEX {
            return Err(Error::new(format!("the index is larger than {MAX_INDEX} bytes")));
        }
        if text.is_empty() {
            return Err(Error::new("empty index.yaml file"));
        }
        let mut index = match pieces(text) {
            Some((head, entries)) => Self::from_pieces(&head, &entries)?,
            None => Self::from_json(&read(text)?),
        };
        if index.api_version.is_empty() {
            return Err(Error::new("no API version specified"));
        }
        index.sort();
        Ok(index)
    }

    fn from_pieces(head: &str, entries: &[&str]) -> Result<Self> {
        let mut index = Self::from_json(&read(head)?);
        for piece in entries {
            index.add_entries(&read(piece)?);
        }
        Ok(index)
    }

    fn from_json(json: &Json) -> Self {
        let text =
            |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let mut index = Self {
            api_version: text("apiVersion"),
            generated: text("generated"),
            entries: BTreeMap::new(),
        };
        if let Some(entries) = json.get("entries") {
            index.add_entries(entries);
        }
        index
    }

    fn add_entries(&mut self, entries: &Json) {
        for (name, versions) in entries.as_object().into_iter().flatten() {
            let kept = versions.as_array().into_iter().flatten().filter_map(|json| {
                let mut version: ChartVersion = serde_json::from_value(json.clone()).ok()?;
                if version.metadata.api_version.is_empty() {
                    "v1".clone_into(&mut version.metadata.api_version);
                }
                let valid = version.metadata.validate();
                let skippable = valid.as_ref().err().is_some_and(|error| {
                    error.to_string().contains("more than one dependency with name or alias")
                });
                (valid.is_ok() || skippable).then_some(version)
            });
            self.entries.entry(name.clone()).or_default().extend(kept);
        }
    }

    /// Sorts the versions of each chart, newest first.
    pub fn sort(&mut self) {
        for versions in self.entries.values_mut() {
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
        Ok(yaml::from_json(&serde_json::json!({
            "apiVersion": self.api_version,
            "entries": entries,
            "generated": self.generated,
        })))
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

fn read(text: &str) -> Result<Json> {
    if text.trim_start().starts_with('{')
        && let Ok(json) = serde_json::from_str(text)
    {
        return Ok(json);
    }
    yaml::to_json(text, yaml::Rules::V2).map_err(|error| conversion(&error))
}

/// Cuts an index in block style into what stands around `entries` and one piece for each chart;
/// `None` when it is written in another way.
fn pieces(text: &str) -> Option<(String, Vec<&str>)> {
    // Anchors and tags could reach across pieces.
    if text.trim_start().starts_with('{') || text.contains(": &") || text.contains(": *") {
        return None;
    }
    let mut head = String::new();
    let mut entries = Vec::new();
    let mut inside = false;
    let mut start: Option<usize> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let blank = line.trim().is_empty();
        let top = indent == 0 && !blank && !line.starts_with(['#', '-']);
        if top {
            entries.extend(start.take().and_then(|start| text.get(start..at)));
            inside = line.trim_end() == "entries:";
        } else if inside && indent == 2 && !line.trim_start().starts_with(['-', '#']) && !blank {
            entries.extend(start.replace(at).and_then(|start| text.get(start..at)));
        } else if inside && start.is_none() && !blank {
            return None;
        }
        if !inside {
            head.push_str(line);
        }
        at += line.len();
    }
    entries.extend(start.and_then(|start| text.get(start..)));
    (!entries.is_empty()).then_some((head, entries))
}
