//! `weir helm template`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use helm::capabilities::KubeVersion;
use helm::{Capabilities, Options, Rendered, TextOptions};

use super::system::System;
use super::{ValueArgs, complain, load};
use crate::output::{self, Exit};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  weir helm template podinfo ./podinfo -n demo --set replicaCount=2"
)]
#[expect(clippy::struct_excessive_bools, reason = "every flag is one of Helm's")]
pub(super) struct Args {
    /// The release's name; may be left out.
    #[arg(value_name = "NAME")]
    first: String,
    /// The chart's folder or package.
    #[arg(value_name = "CHART")]
    second: Option<PathBuf>,
    /// The release's namespace.
    #[arg(skip = "default".to_owned())]
    pub(super) namespace: String,
    #[command(flatten)]
    values: ValueArgs,
    /// Print CRDs too.
    #[arg(long)]
    include_crds: bool,
    /// Render as for an upgrade.
    #[arg(long)]
    is_upgrade: bool,
    /// Leave hooks out.
    #[arg(long)]
    no_hooks: bool,
    /// Leave test hooks out.
    #[arg(long)]
    skip_tests: bool,
    /// The version of Kubernetes that charts see.
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// More API versions that charts see.
    #[arg(long, short, value_delimiter = ',', value_name = "VERSION")]
    api_versions: Vec<String>,
    /// Do not check values against schemas.
    #[arg(long)]
    skip_schema_validation: bool,
    /// Let `getHostByName` ask the resolver.
    #[arg(long)]
    enable_dns: bool,
    /// Print only what came from these templates.
    #[arg(long, short, value_name = "TEMPLATE")]
    show_only: Vec<String>,
    /// Write one file per template into this folder.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Accepted for scripts.
    #[arg(long, hide = true)]
    debug: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    match args.rendered() {
        Ok(rendered) => args.write(&rendered),
        Err(error) if error.is_rendering() && !args.debug => {
            output::complain(&format!(
                "Error: {error}\n\nUse --debug flag to render out invalid YAML"
            ));
            Ok(Exit::Failed)
        }
        Err(error) => Ok(complain(&error)),
    }
}

impl Args {
    fn name_and_chart(&self) -> (&str, &Path) {
        match &self.second {
            Some(chart) => (&self.first, chart),
            None => ("release-name", Path::new(&self.first)),
        }
    }

    fn rendered(&self) -> Result<Rendered, helm::Error> {
        let (name, path) = self.name_and_chart();
        let mut capabilities = Capabilities::default();
        if let Some(version) = &self.kube_version {
            capabilities.kube_version = KubeVersion::parse(version).map_err(|error| {
                helm::Error::new(format!("invalid kube version '{version}': {error}"))
            })?;
        }
        capabilities.api_versions.extend(self.api_versions.iter().cloned());
        let values = self.values.merged()?;
        let chart = load(path)?;
        if !matches!(chart.metadata.kind.as_str(), "" | "application") {
            let kind = &chart.metadata.kind;
            return Err(helm::Error::new(format!("{kind} charts are not installable")));
        }
        if chart.metadata.deprecated {
            output::complain("level=WARN msg=\"this chart is deprecated\"");
        }
        let missing = chart.missing_dependencies();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Err(helm::Error::new(format!(
                "an error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {missing}"
            )));
        }
        let options = Options {
            is_upgrade: self.is_upgrade,
            capabilities,
            dns: self.enable_dns,
            skip_schema: self.skip_schema_validation,
            ..Options::new(name, &self.namespace, &System)
        };
        helm::render(&chart, &values, &options)
    }

    fn write(&self, rendered: &Rendered) -> Result<Exit> {
        let options = TextOptions {
            include_crds: self.include_crds,
            no_hooks: self.no_hooks,
            skip_tests: self.skip_tests,
        };
        let text = rendered.text_with(options);
        if let Some(folder) = &self.output_dir {
            return write_files(&text, folder);
        }
        if self.show_only.is_empty() {
            output::print(&text);
            return Ok(Exit::Done);
        }
        let documents = helm::split_manifests(&text);
        for wanted in &self.show_only {
            let chosen: Vec<&String> = documents
                .iter()
                .filter(|document| {
                    source(document)
                        .and_then(|path| path.split_once('/'))
                        .is_some_and(|(_, path)| path == wanted || helm::matches_file(wanted, path))
                })
                .collect();
            if chosen.is_empty() {
                let error = format!("could not find template {wanted} in chart");
                return Ok(complain(&helm::Error::new(error)));
            }
            for document in chosen {
                output::print(&format!("---\n{document}\n"));
            }
        }
        Ok(Exit::Done)
    }
}

/// The template that a printed document came from.
fn source(document: &str) -> Option<&str> {
    document.lines().find_map(|line| line.strip_prefix("# Source: "))
}

fn write_files(text: &str, folder: &Path) -> Result<Exit> {
    let mut files: std::collections::BTreeMap<&str, String> = std::collections::BTreeMap::new();
    let documents = helm::split_manifests(text);
    for document in &documents {
        if let Some(path) = source(document) {
            files.entry(path).or_default().extend(["---\n", document.as_str()]);
        }
    }
    for (path, text) in files {
        let target = folder.join(path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("cannot make {}", parent.display()))?;
        }
        std::fs::write(&target, text)
            .with_context(|| format!("cannot write {}", target.display()))?;
        output::print(&format!("wrote {}\n", target.display()));
    }
    Ok(Exit::Done)
}
