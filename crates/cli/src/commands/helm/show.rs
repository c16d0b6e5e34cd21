//! `weir helm show`.

use anyhow::Result;
use helm::{Chart, Error};

use super::complain;
use super::locate::ChartArgs;
use super::settings::Settings;
use crate::output::{self, Exit};

mod jsonpath;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir helm show values ./podinfo-6.1.0.tgz")]
pub(super) struct Args {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, clap::Subcommand)]
enum Part {
    /// Everything.
    All(ShowArgs),
    /// `Chart.yaml`.
    Chart(ShowArgs),
    /// `values.yaml`.
    Values(ValuesArgs),
    /// The README.
    Readme(ShowArgs),
    /// The CRDs.
    Crds(ShowArgs),
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The chart: a folder, a package, REPOSITORY/CHART or a URL.
    #[arg(value_name = "CHART")]
    name: String,
    #[command(flatten)]
    chart: ChartArgs,
}

#[derive(Debug, clap::Args)]
struct ValuesArgs {
    #[command(flatten)]
    show: ShowArgs,
    /// Print only what this JSONPath expression selects, such as `{.image.tag}`.
    #[arg(long, default_value = "", value_name = "EXPRESSION")]
    jsonpath: String,
}

/// Prints one part of a chart.
pub(super) fn run(args: &Args, settings: &Settings) -> Exit {
    match args.part.text(settings) {
        Ok(text) => {
            output::print(&text);
            Exit::Done
        }
        Err(error) => complain(&error),
    }
}

impl Part {
    fn text(&self, settings: &Settings) -> Result<String, Error> {
        let (Self::All(args)
        | Self::Chart(args)
        | Self::Readme(args)
        | Self::Crds(args)
        | Self::Values(ValuesArgs { show: args, .. })) = self;
        args.chart.trace_version("original chart version", settings);
        let chart = args.chart.locate(&args.name, settings)?.load()?;
        match self {
            Self::All(_) => {
                let mut out = metadata(&chart)?;
                for text in [values(&chart), readme(&chart)].into_iter().flatten() {
                    out.extend(["---\n", &text]);
                }
                Ok(out + &crds(&chart))
            }
            Self::Chart(_) => metadata(&chart),
            Self::Values(args) if !args.jsonpath.is_empty() => {
                jsonpath::print(&args.jsonpath, &chart.values)
            }
            Self::Values(_) => Ok(values(&chart).unwrap_or_default()),
            Self::Readme(_) => Ok(readme(&chart).unwrap_or_default()),
            Self::Crds(_) => Ok(crds(&chart)),
        }
    }
}

fn metadata(chart: &Chart) -> Result<String, Error> {
    let json = serde_json::to_value(&chart.metadata);
    let json = json.map_err(|error| Error::new(error.to_string()))?;
    Ok(format!("{}\n", helm::to_yaml(&json)))
}

fn values(chart: &Chart) -> Option<String> {
    let file = chart.raw.iter().find(|file| file.name == "values.yaml");
    file.map(|file| format!("{}\n", String::from_utf8_lossy(&file.data)))
}

fn readme(chart: &Chart) -> Option<String> {
    let is_readme =
        |name: &str| matches!(name.to_lowercase().as_str(), "readme.md" | "readme.txt" | "readme");
    let file = chart.files.iter().find(|file| is_readme(&file.name));
    file.map(|file| format!("{}\n", String::from_utf8_lossy(&file.data)))
}

fn crds(chart: &Chart) -> String {
    let mut out = String::new();
    for crd in chart.crds() {
        let text = String::from_utf8_lossy(&crd.data);
        out.push_str(if text.starts_with("---") { "" } else { "---\n" });
        out.push_str(&text);
        out.push('\n');
    }
    out
}
