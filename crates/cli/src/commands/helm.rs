//! `weir helm`: Helm's commands on charts, with its flags and its output.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use helm::{Chart, Values};

use crate::output::{self, Exit};

mod dependency;
mod lint;
mod show;
mod system;
mod template;

/// Arguments of `weir helm`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print what a chart renders to.
    Template(Box<template::Args>),
    /// Pack a chart folder into an archive.
    Package(PackageArgs),
    /// Look for mistakes in a chart.
    Lint(lint::Args),
    /// Print parts of a chart.
    Show(show::Args),
    /// Look after a chart's dependencies.
    #[command(visible_alias = "dep")]
    Dependency(dependency::Args),
}

/// Runs one of Helm's commands, for a release in `namespace`.
pub(crate) fn run(mut args: Args, namespace: Option<&str>) -> Result<Exit> {
    if let Some(namespace) = namespace {
        match &mut args.command {
            Command::Template(args) => namespace.clone_into(&mut args.namespace),
            Command::Lint(args) => namespace.clone_into(&mut args.namespace),
            Command::Package(_) | Command::Show(_) | Command::Dependency(_) => {}
        }
    }
    match &args.command {
        Command::Template(args) => template::run(args),
        Command::Package(args) => package(args),
        Command::Lint(args) => Ok(lint::run(args)),
        Command::Show(args) => show::run(args),
        Command::Dependency(args) => dependency::run(args),
    }
}

/// Values from files and flags, as all of Helm's commands take them.
#[derive(Debug, clap::Args)]
struct ValueArgs {
    /// Values in a YAML file; `-` is standard input (may be repeated, later ones win).
    #[arg(long, short = 'f', value_name = "FILE")]
    values: Vec<PathBuf>,
    /// Set values: `a.b=1,c={x,y}`.
    #[arg(long, value_name = "VALUES")]
    set: Vec<String>,
    /// Set values that are texts whatever they look like.
    #[arg(long, value_name = "VALUES")]
    set_string: Vec<String>,
    /// Set values given as JSON.
    #[arg(long, value_name = "VALUES")]
    set_json: Vec<String>,
    /// Set values to the content of files: `key=path`.
    #[arg(long, value_name = "VALUES")]
    set_file: Vec<String>,
    /// Set one value to the text as it is.
    #[arg(long, value_name = "VALUE")]
    set_literal: Vec<String>,
}

impl ValueArgs {
    /// The values in Helm's order: files, JSON, plain, texts, files' contents, literals.
    fn merged(&self) -> Result<Values, helm::Error> {
        let mut values = Values::new();
        for path in &self.values {
            let text = read_text(path)?;
            let more = helm::from_yaml(&text).map_err(|error| {
                helm::Error::new(format!("failed to parse {}: {error}", path.display()))
            })?;
            values = helm::merge_maps(values, more);
        }
        let failed = |flag: &str, error: helm::Error| {
            helm::Error::new(format!("failed parsing --{flag} data: {error}"))
        };
        for text in &self.set_json {
            helm::strvals::set_json(text, &mut values).map_err(|e| failed("set-json", e))?;
        }
        for text in &self.set {
            helm::strvals::set(text, &mut values).map_err(|e| failed("set", e))?;
        }
        for text in &self.set_string {
            helm::strvals::set_string(text, &mut values).map_err(|e| failed("set-string", e))?;
        }
        let read = |path: &str| read_text(Path::new(path));
        for text in &self.set_file {
            helm::strvals::set_file(text, &mut values, &read).map_err(|e| failed("set-file", e))?;
        }
        for text in &self.set_literal {
            helm::strvals::set_literal(text, &mut values).map_err(|e| failed("set-literal", e))?;
        }
        Ok(values)
    }
}

fn read_text(path: &Path) -> Result<String, helm::Error> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| helm::Error::new(format!("open {}: {error}", path.display())))
}

/// A chart from a folder or a package. A person's own folder may link to wherever it likes.
fn load(path: &Path) -> Result<Chart, helm::Error> {
    if path.is_dir() {
        return Chart::load_dir(path, Path::new("/"));
    }
    let data = std::fs::read(path).map_err(|error| {
        helm::Error::new(format!("path {:?} not found: {error}", path.display()))
    })?;
    Chart::load_archive(&data)
}

/// Prints an error as Helm does, for scripts that look at it.
fn complain(error: &helm::Error) -> Exit {
    output::complain(&format!("Error: {error}"));
    Exit::Failed
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir helm package charts/podinfo -d dist --version 6.1.1")]
struct PackageArgs {
    /// The charts' folders.
    #[arg(required = true, value_name = "CHART")]
    charts: Vec<PathBuf>,
    /// The folder to write to.
    #[arg(long, short, default_value = ".", value_name = "DIR")]
    destination: PathBuf,
    /// Write this version instead of the chart's own.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Write this application version instead of the chart's own.
    #[arg(long, value_name = "VERSION")]
    app_version: Option<String>,
}

fn package(args: &PackageArgs) -> Result<Exit> {
    for path in &args.charts {
        let mut chart = match load(path) {
            Ok(chart) => chart,
            Err(error) => return Ok(complain(&error)),
        };
        if let Some(version) = &args.version {
            chart.metadata.version.clone_from(version);
        }
        if let Some(version) = &args.app_version {
            chart.metadata.app_version.clone_from(version);
        }
        let missing = chart.missing_dependencies();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Ok(complain(&helm::Error::new(format!(
                "found in Chart.yaml, but missing in charts/ directory: {missing}"
            ))));
        }
        // The same chart gives the same bytes, whenever it is packed.
        let data = match helm::package(&chart, 0) {
            Ok(data) => data,
            Err(error) => return Ok(complain(&error)),
        };
        std::fs::create_dir_all(&args.destination)
            .with_context(|| format!("cannot make {}", args.destination.display()))?;
        let target = args.destination.join(helm::package_name(&chart));
        std::fs::write(&target, data)
            .with_context(|| format!("cannot write {}", target.display()))?;
        output::print(&format!(
            "Successfully packaged chart and saved it to: {}\n",
            target.display()
        ));
    }
    Ok(Exit::Done)
}
