//! Looks for mistakes in a chart, rule by rule as `helm lint` does.

use std::fmt;

use serde_json::Value as Json;

use crate::capabilities::KubeVersion;
use crate::chart::{Chart, check_values};
use crate::values::{Merge, Values, from_yaml};
use crate::{Environment, Error, schema};

mod addresses;
mod deprecations;
mod metadata;
mod names;
mod templates;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A recommendation.
    Info,
    /// Works, but should not be so.
    Warning,
    /// Will not work.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        })
    }
}

/// Something that is wrong with a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file or folder.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}", self.severity, self.path, self.message)
    }
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Absent,
    /// A folder.
    Folder,
    /// Something else.
    File,
}

/// A chart's folder, as far as its files say more than the chart loaded from it.
#[derive(Debug)]
pub struct Folder<'f> {
    /// Its path, as findings name it.
    pub path: &'f str,
    /// The content of `Chart.yaml`; `None` when it is a folder.
    pub metadata: Option<&'f [u8]>,
    /// The content of `values.yaml`, if there is one.
    pub values: Option<&'f [u8]>,
    /// The content of `values.schema.json`, if there is one.
    pub schema: Option<&'f [u8]>,
    /// What `templates` is.
    pub templates: Entry,
    /// What `crds` is.
    pub crds: Entry,
    /// The chart, or why it cannot be loaded.
    pub chart: Result<Chart, Error>,
}

/// How to look.
pub struct Options<'o> {
    /// The user's values.
    pub values: &'o Values,
    /// The namespace to render for.
    pub namespace: &'o str,
    /// The Kubernetes version, if not the default one.
    pub kube_version: Option<KubeVersion>,
    /// Whether values are not checked against schemas.
    pub skip_schema: bool,
    /// Time and randomness for the templates.
    pub environment: &'o dyn Environment,
}

/// Collects findings; its methods return whether the rule held.
#[derive(Default)]
struct Linter {
    findings: Vec<Finding>,
}

impl Linter {
    fn rule<T>(&mut self, severity: Severity, path: &str, outcome: Result<T, String>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(message) => {
                self.findings.push(Finding { severity, path: path.to_owned(), message });
                None
            }
        }
    }

    fn error<T>(&mut self, path: &str, outcome: Result<T, String>) -> Option<T> {
        self.rule(Severity::Error, path, outcome)
    }

    fn warning<T>(&mut self, path: &str, outcome: Result<T, String>) -> Option<T> {
        self.rule(Severity::Warning, path, outcome)
    }

    fn info<T>(&mut self, path: &str, outcome: Result<T, String>) -> Option<T> {
        self.rule(Severity::Info, path, outcome)
    }
}

/// An error's text unless something holds.
fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Everything that is wrong with a chart, in the order of Helm's rules.
pub fn run(folder: &Folder<'_>, options: &Options<'_>) -> Vec<Finding> {
    let mut linter = Linter::default();
    metadata::check(&mut linter, folder);
    values(&mut linter, folder, options);
    templates::check(&mut linter, folder, options);
    dependencies(&mut linter, folder);
    crds(&mut linter, folder);
    linter.findings
}

/// The chart's own values, with the user's over them, against the chart's own schema; subcharts
/// are not looked at.
fn values(linter: &mut Linter, folder: &Folder<'_>, options: &Options<'_>) {
    const FILE: &str = "values.yaml";
    let exists = folder.values.ok_or_else(|| "file does not exist".to_owned());
    let Some(data) = linter.info(FILE, exists) else { return };
    let checked = || {
        let both = [Some(data), folder.schema].into_iter().flatten();
        check_values(both).map_err(|error| error.to_string())?;
        let own = from_yaml(&String::from_utf8_lossy(data))
            .map_err(|error| format!("unable to parse YAML: {error}"))?;
        let mut values = options.values.clone();
        Merge::coalescing(Some(options.environment)).tables(&mut values, own);
        match folder.schema.filter(|schema| !schema.is_empty() && !options.skip_schema) {
            Some(schema) => {
                schema::validate(schema, &Json::Object(values)).map_err(|error| error.to_string())
            }
            None => Ok(()),
        }
    };
    linter.error(FILE, checked());
}

fn dependencies(linter: &mut Linter, folder: &Folder<'_>) {
    let loaded = folder.chart.as_ref();
    let loaded = loaded.map_err(|error| format!("unable to load chart\n\t{error}"));
    let Some(chart) = linter.error("", loaded) else { return };
    let wanted = &chart.metadata.dependencies;
    let extra: Vec<&str> = chart
        .dependencies
        .iter()
        .map(Chart::name)
        .filter(|name| !wanted.iter().any(|dependency| dependency.name == *name))
        .collect();
    let complaint = || format!("chart metadata is missing these dependencies: {}", extra.join(","));
    linter.error(folder.path, ensure(extra.is_empty(), complaint));

    let mut seen = std::collections::BTreeSet::new();
    let keys = wanted.iter().map(|d| if d.alias.is_empty() { &d.name } else { &d.alias });
    let double: Vec<&str> = keys.filter(|key| !seen.insert(*key)).map(String::as_str).collect();
    let complaint = || format!("multiple dependencies with name or alias: {}", double.join(","));
    linter.error(folder.path, ensure(double.is_empty(), complaint));

    let missing = chart.missing_dependencies();
    let complaint =
        || format!("chart directory is missing these dependencies: {}", missing.join(","));
    linter.warning(folder.path, ensure(missing.is_empty(), complaint));
}

fn crds(linter: &mut Linter, folder: &Folder<'_>) {
    if folder.crds == Entry::Absent {
        return;
    }
    let is_folder = ensure(folder.crds == Entry::Folder, || "not a directory".to_owned());
    if linter.error("crds/", is_folder).is_none() {
        return;
    }
    let loaded = folder.chart.as_ref().map_err(ToString::to_string);
    let Some(chart) = linter.error("crds/", loaded) else { return };
    for crd in chart.crds() {
        for document in templates::documents(&String::from_utf8_lossy(&crd.data)) {
            let read = document.and_then(|document| templates::Head::read(&document));
            let read = read.map_err(|error| format!("unable to parse YAML: {error}"));
            let Some(head) = linter.error(&crd.name, read) else { return };
            let Some(head) = head else { continue };
            let group = head.api_version.starts_with("apiextensions.k8s.io");
            let complaint = || "apiVersion is not in 'apiextensions.k8s.io'".to_owned();
            linter.error(&crd.name, ensure(group, complaint));
            let kind = head.kind == "CustomResourceDefinition";
            let complaint = || "object kind is not 'CustomResourceDefinition'".to_owned();
            linter.error(&crd.name, ensure(kind, complaint));
        }
    }
}
