//! Random kustomizations, built by both.

mod fields;
mod objects;
mod patches;
mod rare;

use super::Run;
use super::random::Random;
use anyhow::{Context, Result, bail};
use fields::{Folder, World};
use kustomize::{DirFiles, LoadRestriction, Options, Reorder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Files of a case by path, and the directory to build.
struct Case {
    files: BTreeMap<String, String>,
    directory: String,
    unrestricted: bool,
    unsorted: bool,
}

#[derive(Default)]
struct Tally {
    same: usize,
    errors: usize,
    different: usize,
}

pub(crate) fn run(args: &Run) -> Result<()> {
    let end = Instant::now() + Duration::from_secs_f64(args.minutes * 60.0);
    let scratch = tempfile::tempdir()?;
    let mut tally = Tally::default();
    let mut number = args.seed;
    let last = args.cases.map(|cases| args.seed + cases);
    while Instant::now() < end && last.is_none_or(|last| number < last) {
        let case = case(&mut Random::new(number));
        let folder = scratch.path().join(number.to_string());
        write(&folder, &case)?;
        let theirs = theirs(args, &folder, &case)?;
        let ours = ours(&folder, &case);
        let same = match (&theirs, &ours) {
            (Ok(theirs), Ok(ours)) => theirs == ours || differ_in_hash(&case, ours, theirs),
            (Err(theirs), Err(ours)) => !args.error_texts || theirs.trim() == ours.trim(),
            (Err(theirs), Ok(_)) => fell_over(theirs),
            (Ok(_), Err(_)) => false,
        };
        match (same, &theirs) {
            (true, Ok(_)) => tally.same += 1,
            (true, Err(error)) => {
                tally.errors += 1;
                if args.show_errors {
                    println!(
                        "error in both: {}",
                        error
                            .chars()
                            .rev()
                            .take(160)
                            .collect::<String>()
                            .chars()
                            .rev()
                            .collect::<String>()
                    );
                }
            }
            (false, _) => {
                tally.different += 1;
                keep(args, number, &folder, (&theirs, &ours))?;
            }
        }
        std::fs::remove_dir_all(&folder)?;
        if tally.different >= args.differences {
            break;
        }
        number += 1;
    }
    println!(
        "{} cases: {} the same, {} errors in both, {} different",
        number - args.seed,
        tally.same,
        tally.errors,
        tally.different
    );
    if tally.different > 0 {
        bail!("cases that differ are in {}", args.keep.display());
    }
    Ok(())
}

/// An overlay on a base, maybe with a component and a second base.
fn case(random: &mut Random) -> Case {
    let mut files = BTreeMap::new();
    let mut world = World::default();
    let mut bases = Vec::new();
    for name in ["base", "other"].iter().take(1 + random.below(2)) {
        Folder::base(random, &mut world).write(name, &mut files);
        bases.push(format!("../{name}"));
    }
    let mut components = Vec::new();
    if random.percent(15) {
        Folder::overlay(random, &mut world, std::mem::take(&mut bases), Vec::new())
            .write("middle", &mut files);
        bases.push("../middle".to_owned());
    }
    if random.percent(30) {
        Folder::component(random, &mut world).write("component", &mut files);
        components.push("../component".to_owned());
    }
    Folder::overlay(random, &mut world, bases, components).write("top", &mut files);
    Case {
        files,
        directory: "top".to_owned(),
        unrestricted: random.percent(20),
        unsorted: random.percent(30),
    }
}

fn write(folder: &Path, case: &Case) -> Result<()> {
    for (path, text) in &case.files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "runs the original program")]
fn theirs(args: &Run, folder: &Path, case: &Case) -> Result<Result<String, String>> {
    let mut command = Command::new(&args.program);
    command.arg("build").arg(folder.join(&case.directory));
    if case.unrestricted {
        command.args(["--load-restrictor", "LoadRestrictionsNone"]);
    }
    if case.unsorted {
        command.args(["--reorder", "none"]);
    }
    let output =
        command.output().with_context(|| format!("cannot run {}", args.program.display()))?;
    if output.status.success() {
        return Ok(Ok(String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let at = stderr.find("Error: ").unwrap_or_default();
    Ok(Err(stderr.get(at..).unwrap_or_default().trim_start_matches("Error: ").to_owned()))
}

fn ours(folder: &Path, case: &Case) -> Result<String, String> {
    let files = DirFiles::jailed(Path::new("/")).map_err(|error| error.to_string())?;
    let options = Options {
        load_restriction: if case.unrestricted {
            LoadRestriction::None
        } else {
            LoadRestriction::RootOnly
        },
        reorder: if case.unsorted { Reorder::None } else { Reorder::Legacy },
        ..Options::default()
    };
    let built = kustomize::build_yaml(&files, &folder.join(&case.directory), &options);
    built.map(|built| built.yaml).map_err(|error| error.chain())
}

/// Whether the original fell over itself: it panics on names with commas.
fn fell_over(error: &str) -> bool {
    error.contains("panic: ")
}

/// Whether two results are the same but for name suffixes made of hashes, in a case where a patch changes the kind of
/// what was generated: the original then hashes its parser's state, down to line numbers.
fn differ_in_hash(case: &Case, ours: &str, theirs: &str) -> bool {
    let changes_kind = case.files.values().any(|text| text.contains("allowKindChange: true"));
    let hash = |word: &str| {
        let last = word.trim_end().rsplit('-').next().unwrap_or_default();
        word.trim_end().len() - if last.len() == 10 { 10 } else { 0 }
    };
    let same = |(ours, theirs): (&str, &str)| ours.get(..hash(ours)) == theirs.get(..hash(theirs));
    changes_kind
        && ours.lines().count() == theirs.lines().count()
        && ours.lines().zip(theirs.lines()).all(same)
}

/// Keeps a case with both results.
fn keep(
    args: &Run,
    number: u64,
    folder: &Path,
    results: (&Result<String, String>, &Result<String, String>),
) -> Result<()> {
    let kept: PathBuf = args.keep.join(format!("kustomize-{number}"));
    if kept.exists() {
        std::fs::remove_dir_all(&kept)?;
    }
    copy(folder, &kept)?;
    let text = |result: &Result<String, String>| match result {
        Ok(text) => text.clone(),
        Err(error) => format!("Error: {error}\n"),
    };
    std::fs::write(kept.join("theirs.txt"), text(results.0))?;
    std::fs::write(kept.join("ours.txt"), text(results.1))?;
    println!("different: {}", kept.display());
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
