//! `weir helm show`.

use std::path::PathBuf;

use anyhow::Result;
use helm::Chart;

use super::{complain, load};
use crate::output::{self, Exit};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir helm show values ./podinfo-6.1.0.tgz")]
pub(super) struct Args {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, clap::Subcommand)]
enum Part {
    /// Everything.
    All(ChartArg),
    /// `Chart.yaml`.
    Chart(ChartArg),
    /// `values.yaml`.
    Values(ChartArg),
    /// The README.
    Readme(ChartArg),
    /// The CRDs.
    Crds(ChartArg),
}

#[derive(Debug, clap::Args)]
struct ChartArg {
    /// The chart's folder or package.
    chart: PathBuf,
}

/// Prints one part of a chart.
pub(super) fn run(args: &Args) -> Result<Exit> {
    let (Part::All(path)
    | Part::Chart(path)
    | Part::Values(path)
    | Part::Readme(path)
    | Part::Crds(path)) = &args.part;
    let chart = match load(&path.chart) {
        Ok(chart) => chart,
        Err(error) => return Ok(complain(&error)),
    };
    let mut out = String::new();
    match args.part {
        Part::All(_) => {
            out.push_str(&metadata(&chart)?);
            for text in [values(&chart), readme(&chart), crds(&chart)] {
                if !text.is_empty() {
                    let separated = text.starts_with("---\n");
                    out.push_str(if separated { "" } else { "---\n" });
                    out.push_str(&text);
                }
            }
        }
        Part::Chart(_) => out = metadata(&chart)?,
        Part::Values(_) => out = values(&chart),
        Part::Readme(_) => out = readme(&chart),
        Part::Crds(_) => out = crds(&chart),
    }
    output::print(&out);
    Ok(Exit::Done)
}

fn metadata(chart: &Chart) -> Result<String> {
    Ok(format!("{}\n", helm::to_yaml(&serde_json::to_value(&chart.metadata)?)))
}

fn values(chart: &Chart) -> String {
    let file = chart.raw.iter().find(|file| file.name == "values.yaml");
    file.map(|file| format!("{}\n", String::from_utf8_lossy(&file.data))).unwrap_or_default()
}

fn readme(chart: &Chart) -> String {
    let is_readme =
        |name: &str| matches!(name.to_lowercase().as_str(), "readme.md" | "readme.txt" | "readme");
    let file = chart.files.iter().find(|file| is_readme(&file.name));
    file.map(|file| format!("{}\n", String::from_utf8_lossy(&file.data))).unwrap_or_default()
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
