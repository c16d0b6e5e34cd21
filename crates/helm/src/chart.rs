//! A chart in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::metadata::{Dependency, Metadata};
use crate::values::{Values, from_yaml_documents};
use crate::{Error, Result};

mod load;

/// A file of a chart, named by its path inside the chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// The path, with slashes.
    pub name: String,
    /// The content; clones share it.
    pub data: Bytes,
    /// When it was last changed, RFC 3339 as Go writes it; `None` when that is not known.
    pub modified: Option<String>,
}

impl File {
    /// A file with this name and content, of unknown age.
    pub fn new(name: impl Into<String>, data: impl Into<Bytes>) -> Self {
        Self { name: name.into(), data: data.into(), modified: None }
    }
}

/// `Chart.lock`: the versions that the dependencies were resolved to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    /// When it was written, RFC 3339.
    pub generated: String,
    /// The digest over the requirements and the locked dependencies.
    pub digest: String,
    /// The locked dependencies.
    pub dependencies: Vec<Dependency>,
}

/// A chart with the charts it depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chart {
    /// `Chart.yaml`.
    pub metadata: Metadata,
    /// `Chart.lock` or `requirements.lock`.
    pub lock: Option<Lock>,
    /// What stands in `templates/`.
    pub templates: Vec<File>,
    /// `values.yaml`.
    pub values: Values,
    /// `values.schema.json`.
    pub schema: Option<Bytes>,
    /// All other files that templates may read.
    pub files: Vec<File>,
    /// All files as they were loaded.
    pub raw: Vec<File>,
    /// The charts in `charts/`.
    pub dependencies: Vec<Self>,
    /// When `Chart.yaml` was last changed, RFC 3339.
    pub modified: Option<String>,
    /// When the schema was last changed; Go's zero time without one, `None` in records of Helm 3.
    pub schema_modified: Option<String>,
}

/// Go's zero time.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// A CustomResourceDefinition file of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crd {
    /// The path inside its chart.
    pub name: String,
    /// The path from the root chart's name on.
    pub filename: String,
    /// The content.
    pub data: Bytes,
}

impl Chart {
    /// The chart's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Builds a chart from its files. `charts/` may hold folders and packages.
    ///
    /// # Errors
    /// When `Chart.yaml` is missing or invalid, or a file cannot be read.
    pub fn from_files(files: Vec<File>) -> Result<Self, Error> {
        build(files, 0, &mut Room::default())
    }

    /// The CRDs of the chart and of the charts below it.
    pub fn crds(&self) -> Vec<Crd> {
        let mut crds = Vec::new();
        self.collect_crds(self.name(), &mut crds);
        crds
    }

    fn collect_crds(&self, path: &str, crds: &mut Vec<Crd>) {
        for file in &self.files {
            if file.name.starts_with("crds/") && is_manifest(&file.name) {
                let filename = format!("{path}/{}", file.name);
                crds.push(Crd { name: file.name.clone(), filename, data: file.data.clone() });
            }
        }
        for dependency in &self.dependencies {
            dependency.collect_crds(&format!("{path}/charts/{}", dependency.name()), crds);
        }
    }

    /// The names of dependencies in `Chart.yaml` that `charts/` does not hold.
    pub fn missing_dependencies(&self) -> Vec<String> {
        let present = |name: &str| self.dependencies.iter().any(|chart| chart.name() == name);
        let wanted = self.metadata.dependencies.iter().map(|dependency| &dependency.name);
        wanted.filter(|name| !present(name)).cloned().collect()
    }
}

fn is_manifest(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    matches!(extension.as_deref(), Some("yaml" | "yml" | "json"))
}

/// The most that all packages in a chart's `charts/`, and in theirs, may unpack to, in bytes. Each may hold what a chart
/// may, so a few megabytes of packages could ask for any amount of memory.
const MAX_PACKAGES: u64 = 400 << 20;

/// Charts nested deeper than this are refused.
const MAX_NESTING: usize = 32;

/// The most bytes that `Chart.yaml`, a lock or the requirements may have. They are lists of names.
pub(crate) const MAX_METADATA: usize = 4 << 20;

/// The most values that a chart's files of values and schemas may hold, with those of all charts below it. The largest
/// charts have some ten thousand, and each takes up to a kilobyte: a package of some kilobytes could ask for gigabytes.
const MAX_VALUES: usize = 1_000_000;

/// What a chart and all charts below it may still take.
struct Room {
    /// Bytes that come out of packages.
    packages: u64,
    values: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { packages: MAX_PACKAGES, values: MAX_VALUES }
    }
}

impl Room {
    /// Takes the room for the values of a file.
    fn take_values(&mut self, data: &[u8]) -> Result<()> {
        self.values = self.values.checked_sub(signs(data)).ok_or_else(|| {
            let what = "values and schemas of the chart may hold";
            Error::new(format!("{what} more than {MAX_VALUES} values"))
        })?;
        Ok(())
    }
}

/// An error unless the values and the schema of a chart hold as much as those of a chart may.
pub(crate) fn check_values<'d>(files: impl IntoIterator<Item = &'d [u8]>) -> Result<()> {
    let mut room = Room::default();
    files.into_iter().try_for_each(|data| room.take_values(data))
}

/// How many values a YAML or JSON text can hold at most: none is without a sign or a line of its own. Written so that the
/// compiler looks at many bytes at once.
fn signs(text: &[u8]) -> usize {
    let is_sign =
        |byte: u8| b"\n\r,:[{?-".iter().fold(0, |found, sign| found | u8::from(byte == *sign));
    1 + text.iter().map(|byte| usize::from(is_sign(*byte))).sum::<usize>()
}

pub(crate) fn utf8<'d>(data: &'d [u8], name: &str) -> Result<&'d str> {
    std::str::from_utf8(data)
        .map_err(|_| Error::new(format!("cannot load {name}: yaml: invalid leading UTF-8 octet")))
}

fn build(files: Vec<File>, depth: usize, room: &mut Room) -> Result<Chart> {
    if depth > MAX_NESTING {
        return Err(Error::new(format!("charts are nested deeper than {MAX_NESTING}")));
    }
    let mut chart = Chart { schema_modified: Some(NO_TIME.to_owned()), ..Chart::default() };
    let mut document = Json::Object(serde_json::Map::new());
    let mut found = false;
    for file in files.iter().filter(|file| file.name == "Chart.yaml") {
        found = true;
        chart.modified.clone_from(&file.modified);
        document = parse(file, "Chart.yaml")?;
        overlay(&mut chart.metadata, &document, "Chart.yaml")?;
        if chart.metadata.api_version.is_empty() {
            "v1".clone_into(&mut chart.metadata.api_version);
        }
    }
    let mut subcharts: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for file in &files {
        if matches!(file.name.as_str(), "values.yaml" | "values.schema.json") {
            let taken = room.take_values(&file.data);
            taken.map_err(|error| error.context(format!("cannot load {}", file.name)))?;
        }
        sort_in(&mut chart, &mut document, file, &mut subcharts)?;
    }
    chart.raw = files;
    if !found {
        return Err(Error::new("Chart.yaml file is missing"));
    }
    chart.metadata.validate()?;
    for (name, files) in subcharts {
        if let Some(subchart) = subchart(&chart, &name, files, (depth, room))? {
            chart.dependencies.push(subchart);
        }
    }
    Ok(chart)
}

/// Reads a YAML file as JSON.
fn parse(file: &File, name: &str) -> Result<Json> {
    if file.data.len() > MAX_METADATA {
        return Err(Error::new(format!("cannot load {name}: larger than {MAX_METADATA} bytes")));
    }
    let text = utf8(&file.data, name)?;
    yaml::to_json(text, yaml::Rules::V2).map_err(|error| {
        let shown = error.go_message();
        Error::new(format!("cannot load {name}: error converting YAML to JSON: {shown}"))
    })
}

fn overlay(metadata: &mut Metadata, document: &Json, name: &str) -> Result<()> {
    if document.is_null() {
        return Ok(());
    }
    *metadata = serde_json::from_value(document.clone()).map_err(|error| {
        Error::new(format!(
            "cannot load {name}: error unmarshaling JSON: while decoding JSON: {error}"
        ))
    })?;
    Ok(())
}

fn lock(file: &File) -> Result<Lock> {
    let document = parse(file, &file.name)?;
    let lock: Option<Lock> = serde_json::from_value(document)
        .map_err(|error| Error::new(format!("cannot load {}: {error}", file.name)))?;
    Ok(lock.unwrap_or_default())
}

fn sort_in(
    chart: &mut Chart,
    document: &mut Json,
    file: &File,
    subcharts: &mut BTreeMap<String, Vec<File>>,
) -> Result<()> {
    let old = chart.metadata.api_version == "v1";
    match file.name.as_str() {
        "Chart.yaml" => {}
        "Chart.lock" => chart.lock = Some(lock(file)?),
        "values.yaml" => chart.values = load_values(&file.data)?,
        "values.schema.json" => {
            chart.schema = Some(file.data.clone());
            chart.schema_modified =
                Some(file.modified.clone().unwrap_or_else(|| NO_TIME.to_owned()));
        }
        "requirements.yaml" => {
            // Its fields add to those of Chart.yaml.
            let more = parse(file, "requirements.yaml")?;
            if let (Json::Object(all), Json::Object(more)) = (&mut *document, more) {
                all.extend(more);
            }
            let version = chart.metadata.api_version.clone();
            overlay(&mut chart.metadata, document, "requirements.yaml")?;
            chart.metadata.api_version = version;
            if old {
                chart.files.push(file.clone());
            }
        }
        "requirements.lock" => {
            chart.lock = Some(lock(file)?);
            if old {
                chart.files.push(file.clone());
            }
        }
        name if name.starts_with("templates/") => chart.templates.push(file.clone()),
        name => match name.strip_prefix("charts/") {
            Some(inner) if !has_extension(inner, "prov") => {
                let folder = inner.split('/').next().unwrap_or_default().to_owned();
                let file = File { name: inner.to_owned(), ..file.clone() };
                subcharts.entry(folder).or_default().push(file);
            }
            _ => chart.files.push(file.clone()),
        },
    }
    Ok(())
}

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit('/')
        .next()
        .and_then(|last| last.rsplit_once('.'))
        .is_some_and(|(_, e)| e == extension)
}

fn load_values(data: &[u8]) -> Result<Values> {
    let text = utf8(data, "values.yaml")?;
    from_yaml_documents(text).map_err(|error| error.context("cannot load values.yaml"))
}

/// Builds a chart in `charts/`: a folder, or a package.
fn subchart(
    chart: &Chart,
    name: &str,
    files: Vec<File>,
    (depth, room): (usize, &mut Room),
) -> Result<Option<Chart>> {
    if name.starts_with(['_', '.']) {
        return Ok(None);
    }
    let parent = chart.name();
    let context =
        |error: Error| error.context(format!("error unpacking subchart {name} in {parent}"));
    if has_extension(name, "tgz") {
        let Some(file) = files.first() else { return Ok(None) };
        if file.name != name {
            return Err(Error::new(format!(
                "error unpacking subchart tar in {parent}: expected {name}, got {}",
                file.name
            )));
        }
        let load::Package { files: inner, size } =
            load::archive_files(&file.data).map_err(context)?;
        room.packages = room.packages.checked_sub(size).ok_or_else(|| {
            let what = format!("packages in charts/ hold more than {MAX_PACKAGES} bytes");
            context(Error::new(what))
        })?;
        return build(inner, depth + 1, room).map(Some).map_err(context);
    }
    let inner: Vec<File> = files
        .into_iter()
        .filter_map(|file| {
            let (_, inner) = file.name.split_once('/')?;
            Some(File { name: inner.to_owned(), ..file })
        })
        .collect();
    build(inner, depth + 1, room).map(Some).map_err(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, data: &[u8]) -> File {
        File { name: name.to_owned(), data: Bytes::copy_from_slice(data), modified: None }
    }

    #[test]
    fn packages_share_the_room_for_a_chart() {
        let metadata = b"apiVersion: v2\nname: inner\nversion: 1.0.0\n";
        let inner = vec![file("Chart.yaml", metadata), file("filler.txt", &[b'x'; 1000])];
        let package = crate::package(&Chart::from_files(inner).unwrap(), 0).unwrap();
        let outer = || {
            let packages = ["a", "b"].map(|name| file(&format!("charts/{name}.tgz"), &package));
            [vec![file("Chart.yaml", metadata)], packages.to_vec()].concat()
        };
        let room = |packages| Room { packages, ..Room::default() };
        assert_eq!(build(outer(), 0, &mut room(8192)).unwrap().dependencies.len(), 2);
        let error = build(outer(), 0, &mut room(6000)).unwrap_err().to_string();
        assert!(error.contains("unpacking subchart b.tgz in inner: packages in charts/ hold more"));
    }

    #[test]
    fn values_and_metadata_have_limits() {
        let metadata = "apiVersion: v2\nname: a\nversion: 1.0.0\n";
        let load = |name: &str, data: &[u8]| {
            let files = vec![file("Chart.yaml", metadata.as_bytes()), file(name, data)];
            Chart::from_files(files).map(drop).map_err(|error| error.to_string())
        };
        let limit = "values and schemas of the chart may hold more than 1000000 values";
        for (name, data) in [
            ("values.yaml", format!("a:\n{}", "- a\n".repeat(MAX_VALUES / 2 + 10))),
            ("values.yaml", format!("a: [{}]", "a,".repeat(MAX_VALUES))),
            ("values.schema.json", format!("[{}]", "{},".repeat(MAX_VALUES / 2))),
        ] {
            assert_eq!(load(name, data.as_bytes()), Err(format!("cannot load {name}: {limit}")));
        }
        let half = "a: [".to_owned() + &"a,".repeat(MAX_VALUES / 2) + "]";
        assert_eq!(load("values.yaml", b"a: text, and more of it\n"), Ok(()));
        let sub = "charts/s/Chart.yaml";
        let both = [
            ("Chart.yaml", metadata),
            ("values.yaml", &half),
            (sub, metadata),
            ("charts/s/values.yaml", &half),
        ];
        let files = both.map(|(name, text)| file(name, text.as_bytes())).to_vec();
        let error = Chart::from_files(files).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("error unpacking subchart s in a: cannot load values.yaml: {limit}")
        );
        let long = format!("dependencies:\n{}", "- {name: a}\n".repeat(400_000));
        let limit = "cannot load Chart.lock: larger than 4194304 bytes";
        assert_eq!(load("Chart.lock", long.as_bytes()), Err(limit.to_owned()));
    }
}
