//! `weir helm lint`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use helm::capabilities::KubeVersion;
use helm::lint::{Entry, Finding, Folder, Options, Severity};
use helm::{Chart, Error, Values};

use super::complain;
use super::files::{MAX_PACKAGE, io_error, load_folder, read_limited, read_regular};
use super::settings::Settings;
use super::system::System;
use super::template::kube_version;
use super::values::ValueArgs;
use crate::output::{self, Exit};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir helm lint ./podinfo --strict")]
#[expect(clippy::struct_excessive_bools, reason = "every flag is one of Helm's")]
pub(super) struct Args {
    /// The charts' folders or packages.
    #[arg(required = true, value_name = "CHART")]
    charts: Vec<PathBuf>,
    #[command(flatten)]
    values: ValueArgs,
    /// Fail on warnings too.
    #[arg(long)]
    strict: bool,
    /// Look at the charts in `charts/` too.
    #[arg(long)]
    with_subcharts: bool,
    /// Print warnings and errors only.
    #[arg(long)]
    quiet: bool,
    /// Do not check values against schemas.
    #[arg(long)]
    skip_schema_validation: bool,
    /// The version of Kubernetes that charts see, and that says which API versions are outdated.
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
}

/// Looks at each chart and says what it found.
pub(super) fn run(args: &Args, settings: &Settings) -> Exit {
    let given = args.kube_version.as_ref().filter(|version| !version.is_empty());
    let prepared = given.map(|version| kube_version(version)).transpose();
    let prepared = prepared.and_then(|version| Ok((version, args.values.merged(settings)?)));
    let (version, values) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return complain(&error),
    };
    let mut paths = args.charts.clone();
    if args.with_subcharts {
        for path in &args.charts {
            subcharts(&path.join("charts"), &mut paths, 0);
        }
    }
    let limit = if args.strict { Severity::Warning } else { Severity::Error };
    let (mut out, mut failed, mut notable) = (String::new(), 0, false);
    for path in &paths {
        let found = findings(args, path, (&values, version.clone()), settings);
        let warned = match &found {
            Ok(found) => found.iter().any(|it| it.severity > Severity::Info),
            Err(_) => true,
        };
        notable |= warned;
        if args.quiet && !warned {
            continue;
        }
        out.extend(["==> Linting ", &path.display().to_string(), "\n"]);
        match &found {
            Ok(found) => {
                for finding in found.iter().filter(|it| !args.quiet || it.severity > Severity::Info)
                {
                    out.extend([finding.to_string().as_str(), "\n"]);
                }
                failed += usize::from(found.iter().any(|it| it.severity >= limit));
            }
            Err(error) => {
                out.extend(["Error ", &error.to_string(), "\n"]);
                failed += 1;
            }
        }
        out.push('\n');
    }
    output::print(&out);
    let summary = format!("{} chart(s) linted, {failed} chart(s) failed", paths.len());
    if failed > 0 {
        return complain(&Error::new(summary));
    }
    if !args.quiet || notable {
        output::print(&format!("{summary}\n"));
    }
    Exit::Done
}

/// Folders are not followed deeper than this.
const MAX_DEPTH: usize = 16;

/// The charts below a folder, in the order of their names.
fn subcharts(folder: &Path, paths: &mut Vec<PathBuf>, depth: usize) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    for path in found {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let is_folder = std::fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        if is_folder && depth < MAX_DEPTH {
            subcharts(&path, paths, depth + 1);
        } else if name == "Chart.yaml" {
            paths.push(folder.to_owned());
        } else if is_package(&name) {
            paths.push(path);
        }
    }
}

fn is_package(name: &str) -> bool {
    [".tgz", ".tar.gz"].iter().any(|extension| name.ends_with(extension))
}

fn findings(
    args: &Args,
    path: &Path,
    (values, kube_version): (&Values, Option<KubeVersion>),
    settings: &Settings,
) -> Result<Vec<Finding>, Error> {
    let options = Options {
        values,
        namespace: &settings.namespace,
        kube_version,
        skip_schema: args.skip_schema_validation,
        environment: &System::of(settings),
    };
    if is_package(&path.to_string_lossy()) {
        return packed(path, &options);
    }
    let file = |name: &str| path.join(name);
    let chart_yaml = file("Chart.yaml");
    let metadata = std::fs::metadata(&chart_yaml).map_err(|error| {
        let why = io_error("stat", &chart_yaml, &error);
        Error::new(format!("unable to check Chart.yaml file in chart: {why}"))
    })?;
    let content = |name: &str| {
        let path = file(name);
        path.exists().then(|| read_regular(&path, MAX_PACKAGE)).transpose()
    };
    let entry = |name: &str| match std::fs::metadata(file(name)) {
        Ok(metadata) if metadata.is_dir() => Entry::Folder,
        Ok(_) => Entry::File,
        Err(_) => Entry::Absent,
    };
    let chart_yaml = if metadata.is_dir() { None } else { content("Chart.yaml")? };
    let (values, schema) = (content("values.yaml")?, content("values.schema.json")?);
    let shown = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let shown: PathBuf = shown.components().collect();
    let folder = Folder {
        path: &shown.to_string_lossy(),
        metadata: chart_yaml.as_deref(),
        values: values.as_deref(),
        schema: schema.as_deref(),
        templates: entry("templates"),
        crds: entry("crds"),
        chart: load_folder(path),
    };
    Ok(helm::lint::run(&folder, &options))
}

/// A package is looked at as if it lay unpacked.
fn packed(path: &Path, options: &Options<'_>) -> Result<Vec<Finding>, Error> {
    let data = read_limited(path, MAX_PACKAGE)
        .map_err(|error| Error::new(format!("unable to open tarball: {error}")))?;
    let chart = Chart::load_archive(&data)
        .map_err(|error| Error::new(format!("unable to extract tarball: {error}")))?;
    let content = |name: &str| {
        let file = chart.raw.iter().find(|file| file.name == name);
        file.map(|file| file.data.clone())
    };
    let entry = |name: &str| {
        let there = chart.raw.iter().any(|file| file.name.starts_with(name));
        if there { Entry::Folder } else { Entry::Absent }
    };
    let (metadata, values) = (content("Chart.yaml"), content("values.yaml"));
    let schema = content("values.schema.json");
    let folder = Folder {
        path: &path.to_string_lossy(),
        metadata: metadata.as_deref(),
        values: values.as_deref(),
        schema: schema.as_deref(),
        templates: entry("templates/"),
        crds: entry("crds/"),
        chart: Ok(chart.clone()),
    };
    Ok(helm::lint::run(&folder, options))
}
