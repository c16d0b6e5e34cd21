//! Charts under random values and flags, rendered by both.
//!
//! Templates may ask for random names, keys or the time, and Go walks its maps in no order, so a case that differs is
//! given to the original a second time: lines that differ between its own two answers are not compared.

mod case;
mod mutate;

use super::random::Random;
use anyhow::{Context, Result, bail};
use case::Case;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder of charts: `NAME/{chart,cases/CASE/{case.json,values.yaml}}`, or plain chart folders.
    corpus: Option<PathBuf>,
    /// How long to go on.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Start of the random numbers; each case's own number is printed with it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop after this many cases.
    #[arg(long)]
    cases: Option<u64>,
    /// The original program.
    #[arg(long, default_value = "helm")]
    program: PathBuf,
    /// Where cases that differ are kept, one folder each.
    #[arg(long, default_value = "target/oracle")]
    keep: PathBuf,
    /// Stop after this many differences.
    #[arg(long, default_value_t = 20)]
    differences: usize,
    /// Only charts whose name contains this.
    #[arg(long)]
    chart: Option<String>,
    /// Render every chart once as it is, with no change.
    #[arg(long)]
    plain: bool,
}

type Outcome = Result<String, String>;

/// How two answers compare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    SameError,
    /// They differ only where the original differs from itself.
    Unstable,
    Different,
}

#[derive(Default)]
struct Tally {
    same: usize,
    errors: usize,
    unstable: usize,
    different: usize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let corpus = args.corpus.clone().unwrap_or_else(|| crate::cargo::corpus().join("charts"));
    let charts = case::charts(&corpus, args.chart.as_deref())?;
    if charts.is_empty() {
        bail!("there are no charts in {}", corpus.display());
    }
    let end = Instant::now() + Duration::from_secs_f64(args.minutes * 60.0);
    let scratch = tempfile::tempdir()?;
    let mut tally = Tally::default();
    let mut number = args.seed;
    let last = match (args.plain, args.cases) {
        (true, _) => Some(args.seed + charts.len() as u64),
        (false, cases) => cases.map(|cases| args.seed + cases),
    };
    while Instant::now() < end && last.is_none_or(|last| number < last) {
        let case = if args.plain {
            let index = usize::try_from(number - args.seed)?;
            charts.get(index).map(Case::plain).context("there is no such chart")?
        } else {
            Case::random(&mut Random::new(number), &charts, scratch.path())?
        };
        let ours = case.ours();
        let theirs = theirs(args, &case)?;
        match verdict(args, &case, &theirs, &ours)? {
            Verdict::Same => tally.same += 1,
            Verdict::SameError => tally.errors += 1,
            Verdict::Unstable => tally.unstable += 1,
            Verdict::Different => {
                tally.different += 1;
                keep(args, number, &case, (&theirs, &ours))?;
            }
        }
        if tally.different >= args.differences {
            break;
        }
        number += 1;
    }
    println!(
        "{} cases: {} the same, {} the same error, {} the same but for what the original changes by itself, {} different",
        number - args.seed,
        tally.same,
        tally.errors,
        tally.unstable,
        tally.different
    );
    if tally.different > 0 {
        bail!("cases that differ are in {}", args.keep.display());
    }
    Ok(())
}

fn verdict(args: &Args, case: &Case, theirs: &Outcome, ours: &Outcome) -> Result<Verdict> {
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) if theirs == ours => return Ok(Verdict::Same),
        (Err(theirs), Err(ours)) if theirs.trim() == ours.trim() => return Ok(Verdict::SameError),
        (Err(theirs), Err(ours)) if words(theirs) == words(ours) => return Ok(Verdict::Unstable),
        _ => {}
    }
    // Several more answers of the original show what of it is chance.
    for _ in 0..4 {
        let again = self::theirs(args, case)?;
        match (theirs, &again, ours) {
            (Ok(one), Ok(two), Ok(ours)) if one != two && stable_lines_agree(one, two, ours) => {
                return Ok(Verdict::Unstable);
            }
            (_, Ok(again), Ok(ours)) if again == ours => return Ok(Verdict::Unstable),
            (_, Err(again), Err(ours)) if again.trim() == ours.trim() => {
                return Ok(Verdict::Unstable);
            }
            _ => {}
        }
    }
    Ok(Verdict::Different)
}

/// The words of an error, sorted: the original walks maps in no order.
fn words(error: &str) -> Vec<&str> {
    let mut words: Vec<&str> = error.split([' ', ',', '\n']).filter(|w| !w.is_empty()).collect();
    words.sort_unstable();
    words
}

fn stable_lines_agree(one: &str, two: &str, ours: &str) -> bool {
    let (one, two, ours): (Vec<_>, Vec<_>, Vec<_>) =
        (one.lines().collect(), two.lines().collect(), ours.lines().collect());
    one.len() == two.len()
        && one.len() == ours.len()
        && one.iter().zip(&two).zip(&ours).all(|((one, two), ours)| one != two || one == ours)
}

#[expect(clippy::disallowed_methods, reason = "runs the original program")]
fn theirs(args: &Args, case: &Case) -> Result<Outcome> {
    let output = Command::new(&args.program)
        .arg("template")
        .args(case.arguments())
        .output()
        .with_context(|| format!("cannot run {}", args.program.display()))?;
    if output.status.success() {
        return Ok(Ok(String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let first = stderr.starts_with("Error: ").then_some(0);
    let at = first
        .or_else(|| {
            Some(
                stderr.find(
                    "
Error: ",
                )? + 1,
            )
        })
        .unwrap_or_default();
    let error = stderr.get(at..).unwrap_or_default();
    let error = error.trim().strip_prefix("Error: ").unwrap_or(error);
    let error = error.strip_suffix("Use --debug flag to render out invalid YAML").unwrap_or(error);
    Ok(Err(error.trim().to_owned()))
}

/// Keeps a case with both results.
fn keep(args: &Args, number: u64, case: &Case, results: (&Outcome, &Outcome)) -> Result<()> {
    let kept = args.keep.join(format!("helm-{number}"));
    if kept.exists() {
        std::fs::remove_dir_all(&kept)?;
    }
    std::fs::create_dir_all(&kept)?;
    if let Some(values) = case.values() {
        std::fs::copy(values, kept.join("values.yaml"))?;
    }
    let text = |result: &Outcome| match result {
        Ok(text) => text.clone(),
        Err(error) => format!("Error: {}\n", error.trim()),
    };
    std::fs::write(kept.join("command.txt"), case.arguments().join("\n"))?;
    std::fs::write(kept.join("theirs.txt"), text(results.0))?;
    std::fs::write(kept.join("ours.txt"), text(results.1))?;
    println!("different: {} {}", kept.display(), Path::new(case.chart()).display());
    Ok(())
}
