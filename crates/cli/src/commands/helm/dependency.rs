//! `weir helm dependency`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use helm::{Chart, Dependency, RepositoryIndex, Source};

use super::{complain, load};
use crate::output::{self, Exit, Table};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say which dependencies a chart has and whether they are there.
    #[command(visible_alias = "ls")]
    List(ChartArg),
    /// Put the locked dependencies into `charts/`; those of `file://` repositories only.
    Build(ChartArg),
    /// As `build`, and write the lock anew.
    #[command(visible_alias = "up")]
    Update(ChartArg),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir helm dependency build ./umbrella")]
struct ChartArg {
    /// The chart's folder.
    #[arg(default_value = ".")]
    chart: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    let (path, update) = match &args.command {
        Command::List(arg) => return Ok(list(&arg.chart)),
        Command::Build(arg) => (&arg.chart, false),
        Command::Update(arg) => (&arg.chart, true),
    };
    let chart = match load(path) {
        Ok(chart) => chart,
        Err(error) => return Ok(complain(&error)),
    };
    match build(path, &chart, update)? {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Ok(complain(&error)),
    }
}

fn list(path: &Path) -> Exit {
    let chart = match load(path) {
        Ok(chart) => chart,
        Err(error) => return complain(&error),
    };
    let mut table = Table::new(&["NAME", "VERSION", "REPOSITORY", "STATUS"]);
    for dependency in &chart.metadata.dependencies {
        let there = chart.dependencies.iter().any(|sub| sub.name() == dependency.name);
        let status = if there { "ok" } else { "missing" };
        table.push(vec![
            dependency.name.clone(),
            dependency.version.clone(),
            dependency.repository.clone(),
            status.to_owned(),
        ]);
    }
    output::print(&table.render(true));
    Exit::Done
}

/// Dependencies that lie beside the chart.
struct Local<'a> {
    root: &'a Path,
}

impl Local<'_> {
    fn path(&self, repository: &str, name: &str) -> PathBuf {
        match repository.strip_prefix("file://") {
            Some(path) => self.root.join(path),
            None => self.root.join("charts").join(name),
        }
    }
}

fn no_download(repository: &str) -> helm::Error {
    helm::Error::new(format!(
        "dependencies in {repository} must be fetched elsewhere: this command does not download"
    ))
}

impl Source for Local<'_> {
    fn index(&self, repository: &str) -> Result<&RepositoryIndex, helm::Error> {
        Err(no_download(repository))
    }

    fn tags(&self, repository: &str, _: &str) -> Result<Vec<String>, helm::Error> {
        Err(no_download(repository))
    }

    fn local(&self, repository: &str, name: &str) -> Result<String, helm::Error> {
        load(&self.path(repository, name)).map(|chart| chart.metadata.version)
    }
}

/// Packs the dependencies into `charts/`; the inner error is Helm's own.
fn build(path: &Path, chart: &Chart, update: bool) -> Result<Result<(), helm::Error>> {
    let wanted = &chart.metadata.dependencies;
    if let Some(lock) = chart.lock.as_ref().filter(|_| !update)
        && !lock.fits(wanted)
    {
        return Ok(Err(helm::Error::new(
            "the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please update the dependencies",
        )));
    }
    let source = Local { root: path };
    let remote = |d: &&Dependency| {
        !d.repository.is_empty()
            && !d.repository.starts_with("file://")
            && !chart.dependencies.iter().any(|sub| sub.name() == d.name)
    };
    if let Some(remote) = wanted.iter().find(remote) {
        return Ok(Err(no_download(&remote.repository)));
    }
    let local: Vec<Dependency> =
        wanted.iter().filter(|d| d.repository.starts_with("file://")).cloned().collect();
    let charts = path.join("charts");
    for dependency in &local {
        let inner = match load(&source.path(&dependency.repository, &dependency.name)) {
            Ok(inner) => inner,
            Err(error) => return Ok(Err(error)),
        };
        let data = match helm::package(&inner, 0) {
            Ok(data) => data,
            Err(error) => return Ok(Err(error)),
        };
        std::fs::create_dir_all(&charts)
            .with_context(|| format!("cannot make {}", charts.display()))?;
        let target = charts.join(helm::package_name(&inner));
        std::fs::write(&target, data)
            .with_context(|| format!("cannot write {}", target.display()))?;
        output::print(&format!("Saved {}\n", target.display()));
    }
    if local.len() == wanted.len() && (update || chart.lock.is_none()) {
        return write_lock(path, wanted, &source);
    }
    Ok(Ok(()))
}

#[expect(clippy::disallowed_methods, reason = "the command line is where time comes from")]
fn write_lock(
    path: &Path,
    wanted: &[Dependency],
    source: &Local<'_>,
) -> Result<Result<(), helm::Error>> {
    let now = jiff::Timestamp::now().to_string();
    match helm::resolve(wanted, source, &now) {
        Ok(resolved) => {
            let target = path.join("Chart.lock");
            let text = helm::to_yaml(&serde_json::to_value(&resolved.lock)?);
            std::fs::write(&target, text)
                .with_context(|| format!("cannot write {}", target.display()))?;
            Ok(Ok(()))
        }
        Err(error) => Ok(Err(error)),
    }
}
