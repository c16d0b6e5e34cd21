//! `weir helm dependency`.

use std::path::{Path, PathBuf};

use helm::{Chart, Dependency, Error, Version};

use super::complain;
use super::fetch::ConnectionArgs;
use super::files::{clean, load};
use super::settings::{Settings, default_keyring, source_date};
use crate::output::{self, Exit};

mod manager;

use manager::{Manager, Verification};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say which dependencies a chart has and whether they are there.
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Put the locked dependencies into `charts/`; without a lock as `update`.
    Build(FetchArgs),
    /// Put the newest fitting dependencies into `charts/` and lock them.
    #[command(visible_alias = "up")]
    Update(FetchArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// The chart's folder or package.
    #[arg(default_value = ".", value_name = "CHART")]
    chart: PathBuf,
    /// The widest that a column may be.
    #[arg(long, default_value_t = 80, value_name = "COLUMNS")]
    max_col_width: usize,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir helm dependency build ./umbrella")]
struct FetchArgs {
    /// The chart's folder.
    #[arg(default_value = ".", value_name = "CHART")]
    chart: PathBuf,
    /// Check packages against their provenance files.
    #[arg(long)]
    verify: bool,
    /// The key ring with those whose signature counts.
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
    /// Use the indexes that were fetched before.
    #[arg(long)]
    skip_refresh: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Where the progress goes.
pub(super) trait Say {
    /// Prints a piece of text.
    fn say(&self, text: &str);
}

/// To standard output.
struct Loud;

impl Say for Loud {
    fn say(&self, text: &str) {
        output::print(text);
    }
}

/// Nowhere.
pub(super) struct Quiet;

impl Say for Quiet {
    fn say(&self, _: &str) {}
}

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods themselves are of one lifetime, not of any"
)]
pub(super) fn run(args: &Args, settings: &Settings) -> Exit {
    let done = match &args.command {
        Command::List(args) => list(args),
        Command::Build(args) => args.manager(settings, Verification::IfPossible, |it| it.build()),
        Command::Update(args) => args.manager(settings, Verification::Always, |it| it.update()),
    };
    match done {
        Ok(()) => Exit::Done,
        Err(error) => complain(&error),
    }
}

impl FetchArgs {
    fn manager(
        &self,
        settings: &Settings,
        verification: Verification,
        act: fn(&Manager<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let keyring = self.keyring.clone().unwrap_or_else(default_keyring);
        let path = clean(&self.chart);
        let mut manager = Manager::new(&path, settings, &self.connection, source_date()?, &Loud)?;
        manager.verification = self.verify.then_some((verification, keyring));
        manager.skip_refresh = self.skip_refresh;
        act(&manager)
    }
}

/// Updates a chart's dependencies on behalf of another command.
pub(super) fn update(
    path: &Path,
    settings: &Settings,
    connection: &ConnectionArgs,
    date: Option<u64>,
) -> Result<(), Error> {
    update_with(path, settings, connection, date, &Loud)
}

/// As [`update`], with its progress elsewhere.
pub(super) fn update_with(
    path: &Path,
    settings: &Settings,
    connection: &ConnectionArgs,
    date: Option<u64>,
    say: &dyn Say,
) -> Result<(), Error> {
    Manager::new(path, settings, connection, date, say)?.update()
}

fn list(args: &ListArgs) -> Result<(), Error> {
    let path = clean(&args.chart);
    let chart = load(&path)?;
    let charts = path.join("charts");
    if chart.metadata.dependencies.is_empty() {
        output::print(&format!("WARNING: no dependencies at {}\n", charts.display()));
        return Ok(());
    }
    let heading = ["NAME", "VERSION", "REPOSITORY", "STATUS"].map(str::to_owned);
    let rows = chart.metadata.dependencies.iter().map(|dependency| {
        let Dependency { name, version, repository, .. } = dependency;
        let status = status(&charts, dependency, &chart).to_owned();
        [name.clone(), version.clone(), repository.clone(), status]
    });
    let rows: Vec<[String; 4]> = std::iter::once(heading).chain(rows).collect();
    output::print(&format!("{}\n", table(&rows, args.max_col_width)));
    output::print(&strangers(&charts, &chart));
    Ok(())
}

/// Rows with columns as wide as their widest cell, up to a limit; 0 is none. At least one letter of
/// a cell is shown, so that a narrow column is wider than its limit.
fn table(rows: &[[String; 4]], limit: usize) -> String {
    let limit = if limit == 0 { usize::MAX } else { limit };
    let length = |text: &String| text.chars().count();
    let shown = |cell: &String| {
        if length(cell) > limit {
            let kept = limit.saturating_sub(3).max(1);
            cell.chars().take(kept).chain("...".chars()).collect()
        } else {
            cell.clone()
        }
    };
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(length).max();
    let widths: Vec<usize> = (0..4).map(|column| width(column).unwrap_or(0).min(limit)).collect();
    let line = |row: &[String; 4]| {
        let cells = row.each_ref().map(shown).into_iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("\t")
    };
    rows.iter().map(line).map(|line| line + "\n").collect()
}

/// Packages of a chart in `charts/`: `NAME-*.tgz`.
fn packages(charts: &Path, name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(charts).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| version_in(path, name).is_some()).collect();
    found.sort();
    found
}

/// What stands between the name and the extension of a package.
fn version_in(path: &Path, name: &str) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let version = file.strip_prefix(name)?.strip_prefix('-')?.strip_suffix(".tgz")?;
    Some(version.to_owned())
}

fn status(charts: &Path, dependency: &Dependency, parent: &Chart) -> &'static str {
    let name = &dependency.name;
    let mut archives = packages(charts, name);
    if archives.len() > 1 {
        archives.retain(|path| {
            version_in(path, name).is_some_and(|it| Version::parse_strict(&it).is_ok())
        });
        if archives.len() > 1 {
            return "too many matches";
        }
    }
    if let Some(archive) = archives.first() {
        return match load(archive) {
            Err(_) => "corrupt",
            Ok(chart) if chart.name() != name => "misnamed",
            Ok(chart) => fits(dependency, &chart).unwrap_or("ok"),
        };
    }
    let unpacked = parent.dependencies.iter().rfind(|chart| chart.name() == name);
    match unpacked {
        None => "missing",
        Some(chart) => fits(dependency, chart).unwrap_or("unpacked"),
    }
}

/// What is wrong with the version of a dependency, if anything is.
fn fits(dependency: &Dependency, chart: &Chart) -> Option<&'static str> {
    let found = &chart.metadata.version;
    if *found == dependency.version {
        return None;
    }
    if Version::parse(found).is_err() {
        return Some("invalid version");
    }
    match helm::satisfies(found, &dependency.version) {
        Ok(true) => None,
        Ok(false) => Some("wrong version"),
        Err(_) => Some("invalid version"),
    }
}

/// Warnings about what lies in `charts/` and is no dependency.
fn strangers(charts: &Path, chart: &Chart) -> String {
    let entries = std::fs::read_dir(charts).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let mut out = String::new();
    for path in paths {
        let package = path.extension().is_some_and(|extension| extension == "tgz");
        if !path.is_dir() && !package {
            continue;
        }
        let quoted = format!("{:?}", path.display().to_string());
        let Ok(found) = load(&path) else {
            out.extend(["WARNING: ", &quoted, " is not a chart.\n"]);
            continue;
        };
        if !chart.metadata.dependencies.iter().any(|it| it.name == found.name()) {
            out.extend(["WARNING: ", &quoted, " is not in Chart.yaml.\n"]);
        }
    }
    out
}
