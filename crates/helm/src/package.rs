//! Packs a chart.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use serde_json::Value as Json;

use crate::chart::Chart;
use crate::values::with_integers;
use crate::{Error, Result};

/// What Helm writes into the gzip header's extra field, to be known by.
const EXTRA: &[u8] = b"rr\x28\x00aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=";

/// The name of a package: `NAME-VERSION.tgz`.
pub fn file_name(chart: &Chart) -> String {
    format!("{}-{}.tgz", chart.name(), chart.metadata.version)
}

/// Packs a chart with the charts below it. The same chart gives the same bytes: all files carry
/// `modified`, in seconds since 1970, and stand in the chart's order.
///
/// # Errors
/// When the metadata or the schema is invalid.
pub fn package(chart: &Chart, modified: u64) -> Result<Vec<u8>, Error> {
    chart.metadata.clone().validate().map_err(|e| e.context("chart validation"))?;
    let failed = |error: std::io::Error| Error::new(format!("cannot pack chart: {error}"));
    let gzip = GzBuilder::new().extra(EXTRA).comment("Helm").mtime(0);
    let gzip = gzip.write(Vec::new(), Compression::default());
    let mut builder = Builder { archive: tar::Builder::new(gzip), modified };
    builder.chart(chart, chart.name())?;
    builder.archive.into_inner().map_err(failed)?.finish().map_err(failed)
}

struct Builder<W: Write> {
    archive: tar::Builder<W>,
    modified: u64,
}

impl<W: Write> Builder<W> {
    fn chart(&mut self, chart: &Chart, base: &str) -> Result<()> {
        let old = chart.metadata.api_version == "v1";
        let mut metadata = chart.metadata.clone();
        if old {
            // They stand in requirements.yaml.
            metadata.dependencies.clear();
        }
        self.yaml(&format!("{base}/Chart.yaml"), &metadata)?;
        if let Some(lock) = chart.lock.as_ref().filter(|_| !old) {
            self.yaml(&format!("{base}/Chart.lock"), lock)?;
        }
        for file in chart.raw.iter().filter(|file| file.name == "values.yaml") {
            self.file(&format!("{base}/values.yaml"), &file.data)?;
        }
        if let Some(schema) = &chart.schema {
            if serde_json::from_slice::<Json>(schema).is_err() {
                return Err(Error::new("invalid JSON in values.schema.json"));
            }
            self.file(&format!("{base}/values.schema.json"), schema)?;
        }
        for file in chart.templates.iter().chain(&chart.files) {
            self.file(&format!("{base}/{}", file.name), &file.data)?;
        }
        for dependency in &chart.dependencies {
            self.chart(dependency, &format!("{base}/charts/{}", dependency.name()))?;
        }
        Ok(())
    }

    fn yaml(&mut self, name: &str, value: &impl serde::Serialize) -> Result<()> {
        let json = serde_json::to_value(value).map_err(|e| Error::new(e.to_string()))?;
        self.file(name, yaml::from_json(&with_integers(&json)).as_bytes())
    }

    fn file(&mut self, name: &str, data: &[u8]) -> Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(data.len() as u64);
        header.set_mtime(self.modified);
        self.archive
            .append_data(&mut header, name, data)
            .map_err(|error| Error::new(format!("cannot pack {name}: {error}")))
    }
}
