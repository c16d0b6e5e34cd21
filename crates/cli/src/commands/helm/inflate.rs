//! Charts in kustomizations, rendered as `kustomize build --enable-helm` has Helm do it.

use std::path::Path;

use helm::{Capabilities, TextOptions, Values};
use kustomize::{ChartRenderer, ChartRequest};

use super::locate::ChartArgs;
use super::settings::Settings;
use super::system::System;
use super::template::{for_kustomization, kube_version};

/// Renders charts, and fetches those that are not there.
pub(in crate::commands) struct Inflater {
    /// For charts for which the kustomization says nothing.
    api_versions: Vec<String>,
    kube_version: String,
}

impl Inflater {
    pub(in crate::commands) fn new(api_versions: &[String], kube_version: &str) -> Self {
        Self { api_versions: api_versions.to_vec(), kube_version: kube_version.to_owned() }
    }
}

/// The address of a chart in a repository or registry, as `helm pull` takes it.
fn pull_name(repo: &str, name: &str) -> (String, String) {
    if repo.starts_with("oci://") {
        return (String::new(), format!("{}/{name}", repo.trim_end_matches('/')));
    }
    (repo.to_owned(), name.to_owned())
}

impl ChartRenderer for Inflater {
    fn prepare(&self, request: &ChartRequest<'_>) -> Result<(), String> {
        let chart = request.chart;
        let path = Path::new(&request.chart_home).join(&chart.name);
        if path.is_dir() {
            return Ok(());
        }
        if chart.repo.is_empty() {
            return Err(format!(
                "no repo specified for pull, no chart found at '{}'",
                if path.exists() { path.display().to_string() } else { String::new() }
            ));
        }
        let (repo, name) = pull_name(&chart.repo, &chart.name);
        ChartArgs::of(&repo, &chart.version, chart.devel)
            .unpack(
                &name,
                Path::new(&request.chart_home),
                &Settings::in_folder(request.config_home),
            )
            .map_err(|error| error.to_string())
    }

    fn render(&self, request: &ChartRequest<'_>) -> Result<String, String> {
        let chart = request.chart;
        let mut capabilities = Capabilities::default();
        let version =
            if chart.kube_version.is_empty() { &self.kube_version } else { &chart.kube_version };
        if !version.is_empty() {
            capabilities.kube_version = kube_version(version).map_err(|error| error.to_string())?;
        }
        let more =
            if chart.api_versions.is_empty() { &self.api_versions } else { &chart.api_versions };
        let more = more.iter().flat_map(|versions| versions.split(','));
        capabilities.api_versions.extend(more.map(str::to_owned));
        let mut values = Values::new();
        for text in &request.values {
            let more = helm::from_yaml_documents(text).map_err(|error| error.to_string())?;
            values = helm::merge_maps(values, more);
        }
        let namespace = match chart.namespace.as_str() {
            "" => "default",
            namespace => namespace,
        };
        let system = System::silent();
        let options = helm::Options { capabilities, ..helm::Options::new("", namespace, &system) };
        let text = TextOptions {
            include_crds: chart.include_crds,
            no_hooks: chart.skip_hooks,
            skip_tests: chart.skip_tests,
        };
        let path = Path::new(&request.chart_home).join(&chart.name);
        for_kustomization(
            &chart.release_name,
            &chart.name_template,
            &path,
            &values,
            (options, text),
        )
        .map_err(|error| error.to_string())
    }
}
