//! Helm charts in kustomizations. The rendering itself is the caller's.

use crate::error::{Context, Error, ErrorKind, Result, quoted};
use crate::kustomization::{HelmChart, HelmGlobals};
use crate::load::Loader;
use crate::resource::{self, build};
use crate::tree::merge::{MergeOptions, merge};
use crate::tree::{NodeId, Tree, json, read};
use serde_json::Value;

/// Renders a Helm chart to a stream of objects. A build without one refuses `helmCharts`.
pub trait ChartRenderer {
    /// Sees to it that the chart's directory is there, below the request's chart home. Called before values are read.
    ///
    /// # Errors
    /// A text that says why it cannot be.
    fn prepare(&self, request: &ChartRequest<'_>) -> Result<(), String>;

    /// The chart's manifests as YAML documents.
    ///
    /// # Errors
    /// A text that says why not.
    fn render(&self, request: &ChartRequest<'_>) -> Result<String, String>;
}

/// A chart to render.
#[derive(Clone, Debug)]
pub struct ChartRequest<'r> {
    /// The chart as the kustomization names it; its namespace is the kustomization's if it has none of its own.
    pub chart: &'r HelmChart,
    /// The directory, as the build's [`Files`](crate::Files) see it, that holds the chart's directory.
    pub chart_home: String,
    /// The directory with Helm's configuration, such as credentials for registries; empty for none.
    pub config_home: &'r str,
    /// The user's values as YAML texts, in the order in which they count: those of `valuesFile` (without one the chart's
    /// own) merged with the inline values as `valuesMerge` says, then the additional files. Empty while preparing.
    pub values: Vec<String>,
}

/// What errors say about a chart: its entry, without what is not set.
pub(crate) fn describe(chart: &HelmChart, globals: &HelmGlobals) -> String {
    let mut entry = serde_json::to_value(chart).unwrap_or_default();
    if let Some(fields) = entry.as_object_mut() {
        fields.insert("chartHome".to_owned(), globals.chart_home.as_str().into());
        fields.insert("configHome".to_owned(), globals.config_home.as_str().into());
        fields.retain(|_, value| match value {
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty(),
            Value::Bool(on) => *on,
            Value::Null | Value::Number(_) => true,
        });
    }
    let shown = yaml::from_json(&entry);
    format!("trouble configuring builtin HelmChartInflationGenerator with config: `\n{shown}`")
}

const OVERRIDE: &str = "override";
const MERGE: &str = "merge";
const REPLACE: &str = "replace";

/// A chart that may be rendered.
pub(crate) struct Configured<'r> {
    renderer: &'r dyn ChartRenderer,
    /// The texts of the additional values files.
    additional: Vec<String>,
}

/// Checks a chart's entry, and that its files may be read, before anything is fetched.
pub(crate) fn configure<'r>(
    loader: &Loader<'_>,
    renderer: Option<&'r dyn ChartRenderer>,
    chart: &HelmChart,
) -> Result<Configured<'r>> {
    let renderer =
        renderer.ok_or_else(|| Error::of(ErrorKind::Unsupported, "must specify --enable-helm"))?;
    check(chart)?;
    let mut additional = Vec::new();
    for file in &chart.additional_values_files {
        let text = loader.load_text(file);
        additional.push(text.context(|| "could not load additionalValuesFile".to_owned())?);
    }
    Ok(Configured { renderer, additional })
}

/// Renders a chart into objects.
pub(crate) fn inflate(
    tree: &mut Tree,
    loader: &Loader<'_>,
    configured: Configured<'_>,
    (chart, globals): (&HelmChart, &HelmGlobals),
) -> Result<Vec<NodeId>> {
    let Configured { renderer, additional } = configured;
    let home = if globals.chart_home.is_empty() { "charts" } else { &globals.chart_home };
    let mut chart_home = crate::files::join(loader.root(), home).display().to_string();
    if !chart.version.is_empty() && !chart.repo.is_empty() {
        chart_home = format!("{chart_home}/{}-{}", chart.name, chart.version);
    }
    let mut request =
        ChartRequest { chart, chart_home, config_home: &globals.config_home, values: Vec::new() };
    renderer.prepare(&request).map_err(Error::new)?;
    request.values.push(values(tree, loader, chart, &request.chart_home)?);
    request.values.extend(additional);
    let text = renderer
        .render(&request)
        .map_err(|message| Error::new(message).during(format!("rendering chart {}", chart.name)))?;
    let objects = read::objects(tree, &text)?;
    for object in &objects {
        resource::set_annotation(tree, *object, build::HELM_GENERATED, "true")?;
    }
    Ok(objects)
}

fn check(chart: &HelmChart) -> Result<()> {
    if chart.name.is_empty() {
        return Err(Error::new("chart name cannot be empty"));
    }
    if chart.release_name.starts_with('-') {
        return Err(Error::new(format!(
            "releaseName must not start with '-', got {}",
            quoted(&chart.release_name)
        )));
    }
    if chart.name.starts_with('-') {
        return Err(Error::new(format!(
            "chart name must not start with '-', got {}",
            quoted(&chart.name)
        )));
    }
    match chart.values_merge.as_str() {
        "" | OVERRIDE | MERGE | REPLACE => Ok(()),
        _ => Err(Error::new(format!("valuesMerge must be one of [{MERGE} {OVERRIDE} {REPLACE}]"))),
    }
}

/// The text of the values file, or of the chart's own values, with the inline values merged in.
fn values(
    tree: &mut Tree,
    loader: &Loader<'_>,
    chart: &HelmChart,
    chart_home: &str,
) -> Result<String> {
    let inline = Value::Object(chart.values_inline.clone());
    if !chart.values_inline.is_empty() && chart.values_merge == REPLACE {
        return Ok(yaml::from_json(&inline));
    }
    let own = format!("{chart_home}/{}/values.yaml", chart.name);
    let file = if chart.values_file.is_empty() { &own } else { &chart.values_file };
    let text = loader.load_text(file)?;
    if chart.values_inline.is_empty() {
        return Ok(text);
    }
    let file = read::inner_document(tree, &text)
        .context(|| "could not parse values file into rnode".to_owned())?;
    let inline = json::from_value(tree, &inline)?;
    let (target, patch) = if chart.values_merge == MERGE { (inline, file) } else { (file, inline) };
    let merged = merge(tree, target, patch, MergeOptions::default())
        .context(|| "could not merge values".to_owned())?;
    match merged {
        Some(merged) => json::to_value(tree, merged).map(|merged| yaml::from_json(&merged)),
        None => Ok(String::new()),
    }
}
