//! Releases as Helm stores them: gzipped JSON in base64.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::chart::{Chart, File, Lock};
use crate::metadata::Metadata;
use crate::values::{Values, with_floats, with_integers};
use crate::{Error, Result};

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookEvent {
    /// Before anything is installed.
    PreInstall,
    /// After everything was installed.
    PostInstall,
    /// Before anything is deleted.
    PreDelete,
    /// After everything was deleted.
    PostDelete,
    /// Before an upgrade.
    PreUpgrade,
    /// After an upgrade.
    PostUpgrade,
    /// Before a rollback.
    PreRollback,
    /// After a rollback.
    PostRollback,
    /// When tests are asked for.
    Test,
}

impl HookEvent {
    /// Reads one name of the annotation `helm.sh/hook`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_lowercase().as_str() {
            "pre-install" => Self::PreInstall,
            "post-install" => Self::PostInstall,
            "pre-delete" => Self::PreDelete,
            "post-delete" => Self::PostDelete,
            "pre-upgrade" => Self::PreUpgrade,
            "post-upgrade" => Self::PostUpgrade,
            "pre-rollback" => Self::PreRollback,
            "post-rollback" => Self::PostRollback,
            "test" | "test-success" => Self::Test,
            _ => return None,
        })
    }
}

/// What became of a hook when it last ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookExecution {
    /// When it started, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// `Unknown`, `Running`, `Succeeded` or `Failed`; empty before the first run.
    pub phase: String,
}

/// A hook of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The object's kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The template it came from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The YAML text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// When it runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<HookEvent>,
    /// What became of it.
    pub last_run: HookExecution,
    /// Lower ones run first.
    #[serde(skip_serializing_if = "is_zero")]
    pub weight: i64,
    /// When it is deleted: `hook-succeeded`, `hook-failed`, `before-hook-creation`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delete_policies: Vec<String>,
    /// When its output is logged: `hook-succeeded`, `hook-failed`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_log_policies: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Hook {
    /// The policies of deletion, with Helm's default when none is given.
    pub fn deletion(&self) -> Vec<&str> {
        if self.delete_policies.is_empty() {
            return vec!["before-hook-creation"];
        }
        self.delete_policies.iter().map(String::as_str).collect()
    }
}

/// The hooks of an event in the order they run: by weight, then by name.
pub(crate) fn in_order(hooks: &[Hook], event: HookEvent) -> Vec<&Hook> {
    let mut chosen: Vec<&Hook> = hooks.iter().filter(|h| h.events.contains(&event)).collect();
    chosen.sort_by(|a, b| (a.weight, &a.name).cmp(&(b.weight, &b.name)));
    chosen
}

/// What is known of a release's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Info {
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_deployed: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_deployed: Option<String>,
    /// RFC 3339; Helm 3 wrote an empty text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<String>,
    /// What last happened, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `deployed`, `failed`, `superseded`, `uninstalled`, `pending-install` and so on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// The revision that a rollback went back to.
    #[serde(skip_serializing_if = "is_zero")]
    pub rollback_revision: i64,
    /// The rendered notes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

/// A release as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// What is known of its life.
    pub info: Info,
    /// The chart that was installed.
    pub chart: Chart,
    /// The user's values.
    pub config: Values,
    /// The rendered objects.
    pub manifest: String,
    /// The rendered hooks.
    pub hooks: Vec<Hook>,
    /// The revision, from 1.
    pub version: i64,
    /// Its namespace.
    pub namespace: String,
    /// `ssa` or `csa`; empty in releases of Helm 3.
    pub apply_method: String,
    /// Labels of the storage object, not part of the record.
    pub labels: BTreeMap<String, String>,
}

/// The record in the order of Helm's fields.
#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default)]
    info: Option<Info>,
    #[serde(default)]
    chart: Option<ChartRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<Json>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    manifest: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hooks: Vec<Hook>,
    #[serde(default, skip_serializing_if = "is_zero")]
    version: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    namespace: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    apply_method: String,
}

#[derive(Serialize, Deserialize)]
struct ChartRecord {
    metadata: Option<Metadata>,
    lock: Option<Lock>,
    templates: Option<Vec<FileRecord>>,
    values: Option<Json>,
    schema: Option<String>,
    #[serde(default = "no_time")]
    schemamodtime: String,
    files: Option<Vec<FileRecord>>,
}

#[derive(Serialize, Deserialize)]
struct FileRecord {
    name: String,
    data: Option<String>,
}

/// Go's zero time.
fn no_time() -> String {
    "0001-01-01T00:00:00Z".to_owned()
}

/// The largest record that is unpacked, in bytes: Secrets hold 1 MiB, which gzip can hardly blow
/// up to more than this.
const MAX_RECORD: u64 = 512 << 20;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];

impl Release {
    /// The hooks of an event in the order they run.
    pub fn hooks_for(&self, event: HookEvent) -> Vec<&Hook> {
        in_order(&self.hooks, event)
    }

    /// The JSON of the record, as Go writes it.
    ///
    /// # Errors
    /// When a part cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        let record = Record {
            name: self.name.clone(),
            info: Some(self.info.clone()),
            chart: Some(chart_record(&self.chart)),
            config: (!self.config.is_empty())
                .then(|| with_integers(&Json::Object(self.config.clone()))),
            manifest: self.manifest.clone(),
            hooks: self.hooks.clone(),
            version: self.version,
            namespace: self.namespace.clone(),
            apply_method: self.apply_method.clone(),
        };
        let text = serde_json::to_string(&record).map_err(|e| Error::new(e.to_string()))?;
        Ok(go_escapes(&text))
    }

    /// The data of the storage Secret: base64 of gzip of the JSON.
    ///
    /// # Errors
    /// When a part cannot be written as JSON.
    pub fn encode(&self) -> Result<String, Error> {
        let json = self.to_json()?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let failed = |error: std::io::Error| Error::new(error.to_string());
        encoder.write_all(json.as_bytes()).map_err(failed)?;
        Ok(STANDARD.encode(encoder.finish().map_err(failed)?))
    }

    /// Reads what [`Release::encode`] or Helm wrote; JSON that is not gzipped is read too.
    ///
    /// # Errors
    /// When it is no record.
    pub fn decode(data: &str) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::new(format!("cannot decode the release record: {error}"))
        };
        let bytes = STANDARD.decode(data.trim()).map_err(|e| failed(&e))?;
        let mut json = bytes.clone();
        if bytes.starts_with(GZIP_MAGIC) {
            json.clear();
            let mut decoder = GzDecoder::new(bytes.as_slice()).take(MAX_RECORD);
            decoder.read_to_end(&mut json).map_err(|e| failed(&e))?;
        }
        let record: Record = serde_json::from_slice(&json).map_err(|e| failed(&e))?;
        Ok(Self {
            name: record.name,
            info: record.info.unwrap_or_default(),
            chart: record.chart.map(chart_of).transpose()?.unwrap_or_default(),
            config: object(record.config),
            manifest: record.manifest,
            hooks: record.hooks,
            version: record.version,
            namespace: record.namespace,
            apply_method: record.apply_method,
            labels: BTreeMap::new(),
        })
    }
}

fn object(json: Option<Json>) -> Values {
    match json.map(with_floats) {
        Some(Json::Object(map)) => map,
        _ => Values::new(),
    }
}

fn file_records(files: &[File]) -> Option<Vec<FileRecord>> {
    let record = |file: &File| FileRecord {
        name: file.name.clone(),
        data: Some(STANDARD.encode(&file.data)),
    };
    (!files.is_empty()).then(|| files.iter().map(record).collect())
}

fn chart_record(chart: &Chart) -> ChartRecord {
    ChartRecord {
        metadata: Some(chart.metadata.clone()),
        lock: chart.lock.clone(),
        templates: file_records(&chart.templates),
        values: Some(with_integers(&Json::Object(chart.values.clone()))),
        schema: chart.schema.as_ref().map(|schema| STANDARD.encode(schema)),
        schemamodtime: no_time(),
        files: file_records(&chart.files),
    }
}

fn files_of(records: Option<Vec<FileRecord>>) -> Result<Vec<File>> {
    let file = |record: FileRecord| {
        let data = STANDARD.decode(record.data.unwrap_or_default());
        let data = data.map_err(|_| Error::new(format!("{} is not base64", record.name)))?;
        Ok(File { name: record.name, data })
    };
    records.unwrap_or_default().into_iter().map(file).collect()
}

fn chart_of(record: ChartRecord) -> Result<Chart> {
    let schema = record.schema.map(|schema| STANDARD.decode(schema)).transpose();
    Ok(Chart {
        metadata: record.metadata.unwrap_or_default(),
        lock: record.lock,
        templates: files_of(record.templates)?,
        values: object(record.values),
        schema: schema.map_err(|_| Error::new("the schema is not base64"))?,
        files: files_of(record.files)?,
        raw: Vec::new(),
        dependencies: Vec::new(),
    })
}

/// Go escapes these characters in JSON; they stand in strings only.
pub(crate) fn go_escapes(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}
