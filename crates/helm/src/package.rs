//! Packs a chart.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
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

impl Chart {
    /// Makes all files of the chart, and of the charts below it, as old as `seconds` since 1970
    /// says.
    pub fn stamp(&mut self, seconds: u64) {
        let time = i64::try_from(seconds).ok().and_then(|it| Timestamp::from_second(it).ok());
        let Some(time) = time.map(|time| time.to_string()) else { return };
        self.modified = Some(time.clone());
        if self.schema.is_some() {
            self.schema_modified = Some(time.clone());
        }
        if let Some(lock) = &mut self.lock {
            lock.generated.clone_from(&time);
        }
        let files = self.templates.iter_mut().chain(&mut self.files).chain(&mut self.raw);
        files.for_each(|file| file.modified = Some(time.clone()));
        self.dependencies.iter_mut().for_each(|chart| chart.stamp(seconds));
    }
}

/// A time in seconds since 1970, rounded; Go's zero time is none.
fn seconds(time: Option<&str>) -> Option<u64> {
    let time: Timestamp = time?.parse().ok()?;
    let rounded = time.as_nanosecond().checked_add(500_000_000)?.div_euclid(1_000_000_000);
    u64::try_from(rounded).ok()
}

/// Packs a chart with the charts below it, in the chart's order. Files keep their age; those of
/// unknown age get `now`, in seconds since 1970. The same chart gives the same bytes.
///
/// # Errors
/// When the metadata or the schema is invalid.
pub fn package(chart: &Chart, now: u64) -> Result<Vec<u8>, Error> {
    chart.metadata.clone().validate().map_err(|e| e.context("chart validation"))?;
    let failed = |error: std::io::Error| Error::new(format!("cannot pack chart: {error}"));
    let gzip = GzBuilder::new().extra(EXTRA).comment("Helm").mtime(0);
    let gzip = gzip.write(Vec::new(), Compression::default());
    let mut builder = Builder { archive: tar::Builder::new(gzip), now };
    builder.chart(chart, chart.name())?;
    builder.archive.into_inner().map_err(failed)?.finish().map_err(failed)
}

struct Builder<W: Write> {
    archive: tar::Builder<W>,
    now: u64,
}

impl<W: Write> Builder<W> {
    fn chart(&mut self, chart: &Chart, base: &str) -> Result<()> {
        let old = chart.metadata.api_version == "v1";
        let mut metadata = chart.metadata.clone();
        if old {
            // They stand in requirements.yaml.
            metadata.dependencies.clear();
        }
        self.yaml(&format!("{base}/Chart.yaml"), &metadata, chart.modified.as_deref())?;
        if let Some(lock) = chart.lock.as_ref().filter(|_| !old) {
            self.yaml(&format!("{base}/Chart.lock"), lock, Some(&lock.generated))?;
        }
        for file in chart.raw.iter().filter(|file| file.name == "values.yaml") {
            self.file(&format!("{base}/values.yaml"), &file.data, file.modified.as_deref())?;
        }
        if let Some(schema) = &chart.schema {
            if serde_json::from_slice::<Json>(schema).is_err() {
                return Err(Error::new("invalid JSON in values.schema.json"));
            }
            let modified = chart.schema_modified.as_deref();
            self.file(&format!("{base}/values.schema.json"), schema, modified)?;
        }
        for file in chart.templates.iter().chain(&chart.files) {
            self.file(&format!("{base}/{}", file.name), &file.data, file.modified.as_deref())?;
        }
        for dependency in &chart.dependencies {
            self.chart(dependency, &format!("{base}/charts/{}", dependency.name()))?;
        }
        Ok(())
    }

    fn yaml(
        &mut self,
        name: &str,
        value: &impl serde::Serialize,
        modified: Option<&str>,
    ) -> Result<()> {
        let json = serde_json::to_value(value).map_err(|e| Error::new(e.to_string()))?;
        self.file(name, yaml::from_json(&with_integers(&json)).as_bytes(), modified)
    }

    fn file(&mut self, name: &str, data: &[u8], modified: Option<&str>) -> Result<()> {
        let failed = |error| Error::new(format!("cannot pack {name}: {error}"));
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_device_major(0).map_err(failed)?;
        header.set_device_minor(0).map_err(failed)?;
        header.set_size(data.len() as u64);
        header.set_mtime(seconds(modified).unwrap_or(self.now));
        if header.set_path(name).is_err() {
            // Longer than the header holds.
            return self.archive.append_data(&mut header, name, data).map_err(failed);
        }
        header.set_cksum();
        // As Go writes it: six digits, a null and a space.
        let sum = header.cksum().map_err(failed)?;
        if let Some(field) = header.as_mut_bytes().get_mut(148..156) {
            field.copy_from_slice(format!("{:06o}\0 ", sum & 0o777_777).as_bytes());
        }
        self.archive.append(&header, data).map_err(failed)
    }
}
