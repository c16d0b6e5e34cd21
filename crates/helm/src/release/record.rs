//! The record itself: JSON in the order and spelling of Go's encoder, gzip, base64.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::{Hook, Info, Release, is_zero};
use crate::chart::{Chart, File, Lock};
use crate::metadata::Metadata;
use crate::values::{Values, with_floats};
use crate::{Error, Result, gojson};

#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default)]
    info: Option<Info>,
    #[serde(default)]
    chart: Option<ChartRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "apart")]
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
    #[serde(default, deserialize_with = "apart")]
    values: Option<Json>,
    schema: Option<String>,
    /// Helm 3 does not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schemamodtime: Option<String>,
    files: Option<Vec<FileRecord>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modtime: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct FileRecord {
    name: String,
    data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modtime: Option<String>,
}

/// Reads values by themselves: as deep as they may be, they would be too deep inside of the record.
fn apart<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    let text = Option::<Box<RawValue>>::deserialize(deserializer)?;
    let values = text.map(|text| serde_json::from_str(text.get())).transpose();
    values.map_err(serde::de::Error::custom)
}

/// The largest record that is unpacked, in bytes: Secrets hold 1 MiB, which gzip can hardly blow
/// up to more than this.
const MAX_RECORD: u64 = 512 << 20;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];

impl Release {
    /// The JSON of the record, as Go writes it.
    ///
    /// # Errors
    /// When a part cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        gojson::to_string(&Record {
            name: self.name.clone(),
            info: Some(self.info.clone()),
            chart: Some(chart_record(&self.chart)),
            config: (!self.config.is_empty()).then(|| Json::Object(self.config.clone())),
            manifest: self.manifest.clone(),
            hooks: self.hooks.clone(),
            version: self.version,
            namespace: self.namespace.clone(),
            apply_method: self.apply_method.clone(),
        })
    }

    /// The data of the storage object: base64 of gzip of the JSON.
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
        let bytes = STANDARD.decode(data.trim()).map_err(|e| failed(&e))?;
        if !bytes.starts_with(GZIP_MAGIC) {
            return Self::from_json(&bytes);
        }
        let mut json = Vec::new();
        let mut decoder = GzDecoder::new(bytes.as_slice()).take(MAX_RECORD + 1);
        decoder.read_to_end(&mut json).map_err(|e| failed(&e))?;
        if json.len() as u64 > MAX_RECORD {
            return Err(failed(&format!("it unpacks to more than {MAX_RECORD} bytes")));
        }
        Self::from_json(&json)
    }

    fn from_json(json: &[u8]) -> Result<Self> {
        let record: Record = serde_json::from_slice(json).map_err(|e| failed(&e))?;
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
            labels: std::collections::BTreeMap::new(),
        })
    }
}

/// Says nothing of the content: it may hold secrets.
fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::new(format!("cannot decode the release record: {error}"))
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
        modtime: file.modified.clone(),
    };
    (!files.is_empty()).then(|| files.iter().map(record).collect())
}

fn chart_record(chart: &Chart) -> ChartRecord {
    ChartRecord {
        metadata: Some(chart.metadata.clone()),
        lock: chart.lock.clone(),
        templates: file_records(&chart.templates),
        values: Some(Json::Object(chart.values.clone())),
        schema: chart.schema.as_ref().map(|schema| STANDARD.encode(schema)),
        schemamodtime: chart.schema_modified.clone(),
        files: file_records(&chart.files),
        modtime: chart.modified.clone(),
    }
}

fn files_of(records: Option<Vec<FileRecord>>) -> Result<Vec<File>> {
    let file = |record: FileRecord| {
        let data = STANDARD.decode(record.data.unwrap_or_default());
        let data = data.map_err(|_| failed(&format!("{} is not base64", record.name)))?;
        Ok(File { name: record.name, data: data.into(), modified: record.modtime })
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
        schema: schema.map_err(|_| failed(&"the schema is not base64"))?.map(Into::into),
        files: files_of(record.files)?,
        modified: record.modtime,
        schema_modified: record.schemamodtime,
        ..Chart::default()
    })
}
