//! Runs recorded answers of the original tools against our engines: `cargo xtask vectors DIR`.
//!
//! `DIR` holds one folder per kind with one JSON file per case; the formats stand in its README. A
//! kind is a file below this module and a line in [`KINDS`].

mod envsubst;
mod gotemplate;
mod helm;
mod kustomize;
mod kyaml;
mod yaml;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// The kinds that can be run, each with its folder's name.
const KINDS: &[(&str, Run)] = &[
    ("envsubst", envsubst::run),
    ("gotemplate", gotemplate::run),
    ("helm", helm::run),
    ("kustomize", kustomize::run),
    ("kyaml", kyaml::run),
    ("sprig", gotemplate::run_sprig),
    ("strvals", helm::run_strvals),
    ("yaml", yaml::run),
];

/// Runs one case.
type Run = fn(&Case) -> Outcome;

/// Cases may recurse deeply before an engine's own limit stops them.
const STACK_BYTES: usize = 64 << 20;

/// How many differences are shown per kind unless `--all` is given.
const SHOWN: usize = 10;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder with one folder per kind of case.
    dir: PathBuf,
    /// Run this kind only (may be repeated).
    #[arg(long)]
    kind: Vec<String>,
    /// Run only cases whose name contains this text.
    #[arg(long)]
    filter: Option<String>,
    /// Show every difference, not only the first ones.
    #[arg(long)]
    all: bool,
}

/// One case: what stood in its file, or in one element of it.
pub(crate) struct Case {
    /// `kind/case`.
    pub(crate) name: String,
    /// The file's JSON.
    pub(crate) value: Value,
}

impl Case {
    /// A member that is text; `""` if it is absent.
    pub(crate) fn text(&self, member: &str) -> &str {
        self.value.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// A member that is true or false; false if it is absent.
    pub(crate) fn flag(&self, member: &str) -> bool {
        self.value.get(member).and_then(Value::as_bool).unwrap_or_default()
    }

    /// Compares a result with the case's `expected` text or its `error`. Of an error only its
    /// presence is asked for.
    pub(crate) fn compare(&self, got: Result<String, String>) -> Outcome {
        let expected = self.value.get("expected").and_then(Value::as_str);
        match (expected, got) {
            (Some(expected), Ok(got)) => same_text(expected, &got),
            (Some(_), Err(error)) => Outcome::Failed(format!("unexpected error: {error}")),
            (None, Err(_)) => Outcome::Passed,
            (None, Ok(got)) => {
                let error = self.text("error");
                Outcome::Failed(format!("expected the error: {error}\ngot:\n{got}"))
            }
        }
    }
}

/// What came of a case.
pub(crate) enum Outcome {
    Passed,
    /// What differs.
    Failed(String),
    /// Nothing runs this sort of case yet.
    Unsupported,
}

/// Passes if both texts are the same, else shows the first line that differs.
pub(crate) fn same_text(expected: &str, got: &str) -> Outcome {
    if expected == got {
        return Outcome::Passed;
    }
    let mut expected_lines = expected.split('\n');
    let mut got_lines = got.split('\n');
    for line in 1.. {
        match (expected_lines.next(), got_lines.next()) {
            (Some(e), Some(g)) if e == g => {}
            (None, None) => break,
            (e, g) => {
                let e = e.unwrap_or("(end)");
                let g = g.unwrap_or("(end)");
                return Outcome::Failed(format!("line {line}:\n  expected: {e}\n  got:      {g}"));
            }
        }
    }
    Outcome::Failed("texts differ".to_owned())
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    unsupported: usize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut total = Tally::default();
    for kind in kinds(args)? {
        let Some((_, run)) = KINDS.iter().find(|(name, _)| *name == kind) else {
            let cases = files(&args.dir.join(&kind))?.len();
            println!("{kind}: not supported, {cases} files");
            continue;
        };
        let tally = run_kind(args, &kind, *run)?;
        print!("{kind}: {} passed, {} failed", tally.passed, tally.failed);
        match tally.unsupported {
            0 => println!(),
            n => println!(", {n} not supported"),
        }
        total.passed += tally.passed;
        total.failed += tally.failed;
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed > 0 {
        bail!("{} cases differ", total.failed);
    }
    Ok(())
}

fn kinds(args: &Args) -> Result<Vec<String>> {
    let mut kinds = Vec::new();
    for entry in std::fs::read_dir(&args.dir).with_context(|| args.dir.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            kinds.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    kinds.sort();
    if let Some(unknown) = args.kind.iter().find(|kind| !kinds.contains(kind)) {
        bail!("no folder {unknown} in {}", args.dir.display());
    }
    kinds.retain(|kind| args.kind.is_empty() || args.kind.contains(kind));
    Ok(kinds)
}

fn run_kind(args: &Args, kind: &str, run: Run) -> Result<Tally> {
    let mut tally = Tally::default();
    for case in cases(&args.dir.join(kind), kind)? {
        if args.filter.as_ref().is_some_and(|filter| !case.name.contains(filter)) {
            continue;
        }
        match run_case(&case, run) {
            Outcome::Passed => tally.passed += 1,
            Outcome::Unsupported => tally.unsupported += 1,
            Outcome::Failed(difference) => {
                tally.failed += 1;
                if args.all || tally.failed <= SHOWN {
                    println!("--- {}\n{difference}", case.name);
                }
            }
        }
    }
    Ok(tally)
}

/// Runs one case on a thread of its own: a panic is a failure of this case only.
fn run_case(case: &Case, run: Run) -> Outcome {
    let outcome = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let guarded = move || catch_unwind(AssertUnwindSafe(|| run(case)));
        thread.spawn_scoped(scope, guarded).map(std::thread::ScopedJoinHandle::join)
    });
    match outcome {
        Ok(Ok(Ok(outcome))) => outcome,
        Ok(_) => Outcome::Failed("panicked".to_owned()),
        Err(error) => Outcome::Failed(format!("cannot start a thread: {error}")),
    }
}

fn cases(dir: &Path, kind: &str) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for path in files(dir)? {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = format!("{kind}/{}", stem.unwrap_or_default());
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        match value {
            Value::Array(elements) => {
                cases.extend(
                    elements
                        .into_iter()
                        .enumerate()
                        .map(|(n, value)| Case { name: format!("{name}#{n}"), value }),
                );
            }
            value => cases.push(Case { name, value }),
        }
    }
    Ok(cases)
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
