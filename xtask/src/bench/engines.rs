//! An engine beside the tool that it mirrors: CPU as a process, start-up included, peak memory, and CPU in process.

use std::fmt::Write as _;
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
    /// Measure what was built before. The peak memory of children is told for all there have been, compilers too, so
    /// the command builds first and then runs itself with this flag.
    #[arg(long, hide = true)]
    built: bool,
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

    /// The example that runs the engine alone.
    fn example(self) -> &'static str {
        match self {
            Self::Kustomize => "kustomize-build",
            Self::Helm => "helm-template",
        }
    }

    fn cases(self, folder: Option<&Path>) -> Result<Vec<Case>> {
        let corpus = cargo::corpus();
        match self {
            Self::Kustomize => corpus::kustomizations(folder.unwrap_or(&corpus.join("kustomize"))),
            Self::Helm => corpus::charts(folder.unwrap_or(&corpus.join("charts"))),
        }
    }
}

/// How many of the largest cases are measured in process, and how many of those that take the real tool longest.
const LARGEST: usize = 3;

/// The CPU seconds that the real engine works on each of them, so that both are measured long enough to tell.
const LONG_ENOUGH: f64 = 2.0;

/// The most rounds for that.
const MOST_ROUNDS: f64 = 300.0;

/// Builds what is measured, then measures in a process of its own.
pub(super) fn run(engine: Engine, args: &Args) -> Result<()> {
    let folder = tools::folder()?;
    if args.built {
        return measure_all(engine, args, &folder);
    }
    tools::all()?;
    tools::library()?;
    // All of the workspace, so that features of dependencies, and with them what is built, stay the same; and the program
    // as it is installed, without the features that only examples ask for.
    cargo::run(&["build", "--release", "--workspace", "--bin", "weir"])?;
    cargo::run(&["build", "--release", "--workspace", "--example", engine.example()])?;
    let myself = std::env::current_exe().context("where is this program?")?;
    let mut again = cargo::command(&myself.display().to_string());
    again.args(["bench", engine.name(), "--built", "--rounds", &args.rounds.to_string()]);
    again.args(&args.folder);
    cargo::check(&mut again)
}

/// Runs every case by both programs and prints the totals, the cases with the least lead, and the largest in process.
fn measure_all(engine: Engine, args: &Args, tools: &Path) -> Result<()> {
    let cases = engine.cases(args.folder.as_deref()).context("name a folder of cases")?;
    if cases.is_empty() {
        bail!("there are no cases that are expected to succeed");
    }
    let release = cargo::target_dir().join("release");
    // As installed: what a linker has just written lies scattered in the page cache, and starts slower than a copy of it.
    let installed = tempfile::tempdir()?;
    let install = |program: &Path| -> Result<PathBuf> {
        let copy = installed.path().join(program.file_name().unwrap_or_default());
        std::fs::copy(program, &copy)
            .with_context(|| format!("cannot copy {}", program.display()))?;
        Ok(copy)
    };
    let (ours, real) = (install(&release.join("weir"))?, install(&tools.join(engine.name()))?);
    let mut cases = as_processes(engine, args.rounds, cases, (&ours, &real))?;
    let library = tools.join("library");
    cases.retain(|(case, _)| case.library.is_some());
    cases.sort_by_key(|(case, _)| std::cmp::Reverse(case.size));
    let mut slowest = cases.split_off(LARGEST.min(cases.len()));
    slowest.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    for (case, _) in cases.iter().chain(slowest.iter().take(LARGEST)) {
        let (mine, theirs) = in_process(engine, case, (&release, &library))?;
        println!(
            "  in process: ours {:.2} ms, real {:.2} ms, ratio {:.1}, {} bytes of output, {}",
            1e3 * mine,
            1e3 * theirs,
            theirs / mine,
            case.size,
            case.name
        );
    }
    if matches!(engine, Engine::Kustomize) {
        thousand(args.rounds, (&ours, &real))?;
    }
    Ok(())
}

/// CPU seconds of a round in process: what more rounds take longer than one.
fn in_process(
    engine: Engine,
    case: &Case,
    (release, library): (&Path, &Path),
) -> Result<(f64, f64)> {
    let mine = release.join("examples").join(engine.example());
    let both = |count: f64| -> Result<(Duration, Duration)> {
        let count = count.to_string();
        let repeat = ["--repeat".to_owned(), count.clone()];
        let ours = [case.arguments.as_slice(), &repeat].concat();
        let head = [engine.name().to_owned(), count];
        let theirs = [&head, case.library.as_deref().unwrap_or_default()].concat();
        Ok((measure(&mine, &ours, case)?, measure(library, &theirs, case)?))
    };
    let once = both(1.0)?;
    let rounds = (LONG_ENOUGH / once.1.as_secs_f64()).clamp(1.0, MOST_ROUNDS).ceil();
    let more = both(1.0 + rounds)?;
    let each = |once: Duration, more: Duration| more.saturating_sub(once).as_secs_f64() / rounds;
    Ok((each(once.0, more.0), each(once.1, more.1)))
}

/// A kustomization of 1,000 objects that get a prefix, a namespace and labels.
fn thousand(rounds: u32, (ours, real): (&Path, &Path)) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut objects = String::new();
    for number in 0..1000 {
        let _ = write!(
            objects,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{number}\ndata:\n  key: value {number}\n"
        );
    }
    std::fs::write(folder.path().join("objects.yaml"), objects)?;
    let kustomization =
        "namePrefix: a-\nnamespace: b\nlabels:\n- pairs: {c: d}\nresources:\n- objects.yaml\n";
    std::fs::write(folder.path().join("kustomization.yaml"), kustomization)?;
    let directory = folder.path().display().to_string();
    let case = Case {
        name: "1,000 objects".to_owned(),
        folder: folder.path().to_path_buf(),
        arguments: vec!["build".to_owned(), directory],
        library: None,
        size: 0,
    };
    let (mut mine, mut theirs) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..rounds {
        mine += measure(ours, &with_subcommand(Engine::Kustomize, &case), &case)?;
        theirs += measure(real, &case.arguments, &case)?;
    }
    println!(
        "  1,000 objects, as a process: ours {:.1} ms, real {:.1} ms",
        1e3 * mine.as_secs_f64() / f64::from(rounds),
        1e3 * theirs.as_secs_f64() / f64::from(rounds)
    );
    Ok(())
}

/// What follows `weir` to run a case.
fn with_subcommand(engine: Engine, case: &Case) -> Vec<String> {
    let mut arguments = vec![engine.name().to_owned()];
    arguments.extend(case.arguments.iter().cloned());
    arguments
}

/// Runs every case as a process and prints what that takes; gives the cases with what the real tool takes.
fn as_processes(
    engine: Engine,
    rounds: u32,
    cases: Vec<Case>,
    (ours, real): (&Path, &Path),
) -> Result<Vec<(Case, Duration)>> {
    // The system tells the peak of all children so far, so the smaller program goes first, once through all cases;
    // that also fills the page cache for both.
    let run = |case: &Case| measure(ours, &with_subcommand(engine, case), case).is_ok();
    let (cases, failed): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(run);
    let my_peak = peak()?;
    for case in failed {
        if measure(real, &case.arguments, &case).is_ok() {
            bail!("{} fails on {}, and the real tool does not", ours.display(), case.name);
        }
        println!("left out, both fail: {}", case.name);
    }
    let mut mine = vec![Duration::ZERO; cases.len()];
    let mut theirs = vec![Duration::ZERO; cases.len()];
    for _ in 0..rounds {
        for ((case, mine), theirs) in cases.iter().zip(&mut mine).zip(&mut theirs) {
            *mine += measure(ours, &with_subcommand(engine, case), case)?;
            *theirs += measure(real, &case.arguments, case)?;
        }
    }
    let their_peak = peak()?;

    let total =
        |times: &[Duration]| times.iter().sum::<Duration>().as_secs_f64() / f64::from(rounds);
    let count = u32::try_from(cases.len()).map(f64::from)?;
    println!("{}: {} cases, {} rounds", engine.name(), cases.len(), rounds);
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
    Ok(cases.into_iter().zip(theirs).collect())
}

/// The CPU time of one run of a case.
fn measure(program: &Path, arguments: &[String], case: &Case) -> Result<Duration> {
    let before = cpu()?;
    let mut command = cargo::command(&program.display().to_string());
    command.args(arguments).current_dir(&case.folder);
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
