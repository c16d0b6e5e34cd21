//! `weir helm`: Helm's commands on charts, with its flags and its output.

use helm::{Error, Level, LogLine};

use crate::lazy::Lazy;
use crate::output::{self, Exit};

mod dependency;
mod fetch;
mod files;
mod inflate;
mod lint;
mod locate;
mod package;
mod repositories;
mod settings;
mod show;
mod system;
mod template;
mod values;
mod verify;

pub(super) use inflate::Inflater;

/// Arguments of `weir helm`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: settings::Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print what a chart renders to.
    Template(Lazy<template::Args>),
    /// Pack a chart folder into an archive.
    Package(Lazy<package::Args>),
    /// Look for mistakes in a chart.
    Lint(Lazy<lint::Args>),
    /// Print parts of a chart.
    #[command(visible_alias = "inspect")]
    Show(Lazy<show::Args>),
    /// Look after a chart's dependencies.
    #[command(visible_aliases = ["dep", "dependencies"])]
    Dependency(Lazy<dependency::Args>),
    /// Check a package against its provenance file.
    Verify(Lazy<verify::Args>),
}

/// Runs one of Helm's commands, for a release in `namespace`.
pub(crate) fn run(args: Args, namespace: Option<&str>) -> Exit {
    let mut settings = args.settings;
    let namespace = namespace.map(str::to_owned).or_else(|| settings::variable("HELM_NAMESPACE"));
    if let Some(namespace) = namespace {
        settings.namespace = namespace;
    }
    match &args.command {
        Command::Template(args) => template::run(args, &settings),
        Command::Package(args) => package::run(args, &settings),
        Command::Lint(args) => lint::run(args, &settings),
        Command::Show(args) => show::run(args, &settings),
        Command::Dependency(args) => dependency::run(args, &settings),
        Command::Verify(args) => verify::run(args),
    }
}

/// Prints an error as Helm does, for scripts that look at it.
fn complain(error: &Error) -> Exit {
    output::complain(&format!("Error: {error}"));
    Exit::Failed
}

/// Prints a warning as Helm does.
fn warn(message: &str) {
    log(&LogLine { level: Level::Warn, message, fields: &[] });
}

/// Prints a line of Helm's log.
fn log(line: &LogLine<'_>) {
    output::complain(&line.to_string());
}
