//! `weir helm lint`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use helm::{Chart, Mode, Options};

use super::system::System;
use super::{ValueArgs, complain, load};
use crate::output::{self, Exit};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir helm lint ./podinfo --strict")]
pub(super) struct Args {
    /// The charts' folders or packages.
    #[arg(default_value = ".", value_name = "CHART")]
    charts: Vec<PathBuf>,
    /// The namespace to render for.
    #[arg(skip = "default".to_owned())]
    pub(super) namespace: String,
    #[command(flatten)]
    values: ValueArgs,
    /// Fail on warnings too.
    #[arg(long)]
    strict: bool,
    /// Print warnings and errors only.
    #[arg(long)]
    quiet: bool,
    /// Do not check values against schemas.
    #[arg(long)]
    skip_schema_validation: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// What was found: how bad, where, what.
type Finding = (Severity, String, String);

/// Looks at each chart and says what it found.
pub(super) fn run(args: &Args) -> Exit {
    let values = match args.values.merged() {
        Ok(values) => values,
        Err(error) => return complain(&error),
    };
    let limit = if args.strict { Severity::Warning } else { Severity::Error };
    let mut failed = 0;
    for path in &args.charts {
        let findings = findings(args, path, &values);
        let shown: Vec<&Finding> = findings
            .iter()
            .filter(|(severity, ..)| !args.quiet || *severity > Severity::Info)
            .collect();
        if !args.quiet || !shown.is_empty() {
            output::print(&format!("==> Linting {}\n", path.display()));
            for (severity, place, what) in shown {
                output::print(&format!("[{}] {place}: {what}\n", severity.name()));
            }
            output::print("\n");
        }
        failed += usize::from(findings.iter().any(|(severity, ..)| *severity >= limit));
    }
    let count = args.charts.len();
    let summary = format!("{count} chart(s) linted, {failed} chart(s) failed");
    if failed > 0 {
        output::complain(&format!("Error: {summary}"));
        return Exit::Failed;
    }
    if !args.quiet {
        output::print(&format!("{summary}\n"));
    }
    Exit::Done
}

fn findings(args: &Args, path: &Path, values: &helm::Values) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |severity, place: &str, what: String| {
        findings.push((severity, place.to_owned(), what));
    };
    let chart = match load(path) {
        Ok(chart) => chart,
        Err(error) => {
            add(Severity::Error, "Chart.yaml", error.to_string());
            return findings;
        }
    };
    if chart.metadata.icon.is_empty() {
        add(Severity::Info, "Chart.yaml", "icon is recommended".to_owned());
    }
    if helm::Version::parse_strict(&chart.metadata.version).is_err() {
        let version = &chart.metadata.version;
        add(
            Severity::Warning,
            "Chart.yaml",
            format!("version '{version}' is not a valid SemVerV2"),
        );
    }
    if !chart.raw.iter().any(|file| file.name == "values.yaml") {
        add(Severity::Info, "values.yaml", "file does not exist".to_owned());
    }
    if chart.templates.is_empty() {
        add(Severity::Warning, "templates/", "directory does not exist".to_owned());
    }
    for name in chart.missing_dependencies() {
        let what = format!("chart directory is missing these dependencies: {name}");
        add(Severity::Warning, "chart", what);
    }
    if let Err(error) = rendered(args, &chart, values) {
        add(Severity::Error, "templates/", error.to_string());
    }
    findings
}

fn rendered(args: &Args, chart: &Chart, values: &helm::Values) -> Result<(), helm::Error> {
    let options = Options {
        mode: Mode::Lint,
        skip_schema: args.skip_schema_validation,
        ..Options::new("test-release", &args.namespace, &System)
    };
    helm::render(chart, values, &options).map(|_| ())
}
