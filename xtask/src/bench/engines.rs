//! An engine's command beside the tool that it mirrors: CPU as a process, start-up included, and peak memory.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::corpus::{self, Case};
use crate::{cargo, tools};

/// Arguments of the engines' benchmarks.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder of cases.
    #[arg(default_value = None)]
    folder: Option<PathBuf>,
    /// How often each case is run by each program.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

/// Which engine.
#[derive(Clone, Copy)]
pub(super) enum Engine {
    Kustomize,
    Helm,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::Kustomize => "kustomize",
            Self::Helm => "helm",
        }
    }

    fn cases(self, folder: Option<&Path>) -> Result<Vec<Case>> {
        let corpus = cargo::root().join("../shared/corpus/open");
        match self {
            Self::Kustomize => corpus::kustomizations(folder.unwrap_or(&corpus.join("kustomize"))),
            Self::Helm => corpus::charts(folder.unwrap_or(&corpus.join("charts"))),
        }
    }
}

/// Runs every case by both programs and prints the totals, and the cases with the least lead.
pub(super) fn run(engine: Engine, args: &Args) -> Result<()> {
    let cases = engine.cases(args.folder.as_deref()).context("name a folder of cases")?;
    if cases.is_empty() {
        bail!("there are no cases that are expected to succeed");
    }
    let real = tools::all()?.join(engine.name());
    // All of the workspace, so that features of dependencies, and with them what is built, stay the same.
    cargo::run(&["build", "--release", "--workspace", "--bin", "weir"])?;
    let ours = cargo::target_dir()?.join("release/weir");

    // The system tells the peak of all children so far, so the smaller program goes first, once through all cases;
    // that also fills the page cache for both.
    for case in &cases {
        measure(&ours, Some(engine.name()), case)?;
    }
    let my_peak = peak()?;
    let mut mine = vec![Duration::ZERO; cases.len()];
    let mut theirs = vec![Duration::ZERO; cases.len()];
    for _ in 0..args.rounds {
        for ((case, mine), theirs) in cases.iter().zip(&mut mine).zip(&mut theirs) {
            *mine += measure(&ours, Some(engine.name()), case)?;
            *theirs += measure(&real, None, case)?;
        }
    }
    let their_peak = peak()?;

    let total =
        |times: &[Duration]| times.iter().sum::<Duration>().as_secs_f64() / f64::from(args.rounds);
    let count = u32::try_from(cases.len()).map(f64::from)?;
    println!("{}: {} cases, {} rounds", engine.name(), cases.len(), args.rounds);
    println!(
        "  CPU per run: ours {:.2} ms, real {:.2} ms",
        1e3 * total(&mine) / count,
        1e3 * total(&theirs) / count
    );
    println!("  CPU ratio: {:.1}", total(&theirs) / total(&mine));
    println!(
        "  peak RSS: ours {:.1} MiB, real {:.1} MiB, ratio {:.1}",
        my_peak,
        their_peak,
        their_peak / my_peak
    );
    let mut leads: Vec<(f64, &str)> = mine
        .iter()
        .zip(&theirs)
        .zip(&cases)
        .map(|((mine, theirs), case)| {
            (theirs.as_secs_f64() / mine.as_secs_f64().max(1e-6), case.name.as_str())
        })
        .collect();
    leads.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (lead, name) in leads.iter().take(5) {
        println!("  least lead: {lead:.1} times, {name}");
    }
    Ok(())
}

/// The CPU time of one run of a case.
fn measure(program: &Path, subcommand: Option<&str>, case: &Case) -> Result<Duration> {
    let before = cpu()?;
    let mut command = cargo::command(&program.display().to_string());
    command.args(subcommand).args(&case.arguments).current_dir(&case.folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().with_context(|| format!("cannot run {}", program.display()))?;
    if !status.success() {
        bail!("{} fails on {}", program.display(), case.name);
    }
    Ok(cpu()?.saturating_sub(before))
}

/// User and system time of all children that have ended.
fn cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

/// The largest resident set of any child so far, in MiB.
fn peak() -> Result<f64> {
    let kib = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    Ok(f64::from(u32::try_from(kib)?) / 1024.0)
}
