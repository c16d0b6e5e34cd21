//! `cargo xtask layout`: which functions the engines' commands run, so that the linker puts them side by side.
//!
//! A function that is called brings its page and the fifteen around it into memory. In a program of tens of megabytes
//! the thousand functions that a build or a rendering runs are everywhere, unless someone says where they belong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};

use crate::bench::corpus::{self, Case};
use crate::cargo;

/// Arguments of `cargo xtask layout`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder with the folders `kustomize` and `charts` of cases.
    folder: Option<PathBuf>,
    /// How many cases of each kind are run.
    #[arg(long, default_value_t = 25)]
    cases: usize,
}

/// Where the list goes.
const LIST: &str = "crates/cli/layout.txt";

const HEAD: &str = "\
# Functions that stand side by side in the program: those of builds, then of builds and renderings, then of renderings, each
# with the crate it was compiled for (a star for those in C). The compiler's hash is there only where others are called so.
# Written by `cargo xtask layout`; a name that is no more does no harm, a new one goes with the rest.
";

/// How many runs of builds and of renderings called a function.
#[derive(Default, Clone, Copy)]
struct Calls {
    builds: usize,
    renderings: usize,
}

/// Runs commands under valgrind and writes the list.
pub(crate) fn run(args: &Args) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let map = scratch.path().join("map");
    let mut build = cargo::command("cargo");
    build.args(["build", "--release", "--workspace", "--bin", "weir"]).env("WEIR_LINK_MAP", &map);
    cargo::check(&mut build)?;
    let map = std::fs::read_to_string(&map).context("the linker wrote no map")?;
    let functions = functions(&map);
    if functions.is_empty() {
        bail!("the linker's map has no functions; only that of LLD can be read");
    }
    let folder = args.folder.clone().unwrap_or_else(cargo::corpus);
    let some = |cases: Vec<Case>| {
        let step = cases.len().div_ceil(args.cases.max(1)).max(1);
        cases.into_iter().step_by(step)
    };
    let mut runs: BTreeMap<String, Calls> = BTreeMap::new();
    let kinds = [
        ("kustomize", corpus::kustomizations(&folder.join("kustomize"))?),
        ("helm", corpus::charts(&folder.join("charts"))?),
    ];
    for (command, cases) in kinds {
        for names in called_by_all(command, some(cases), scratch.path())? {
            for name in names {
                let calls = runs.entry(name).or_default();
                match command {
                    "kustomize" => calls.builds += 1,
                    _ => calls.renderings += 1,
                }
            }
        }
    }
    let list = list(&functions, &runs);
    println!("{} functions in {LIST}", list.lines().count());
    std::fs::write(cargo::root().join(LIST), [HEAD, &list].concat())
        .with_context(|| format!("cannot write {LIST}"))
}

/// The functions that a command calls in each case, a case at a time on every processor. Cases that fail are left out,
/// and named.
fn called_by_all(
    command: &str,
    cases: impl Iterator<Item = Case> + Send,
    scratch: &Path,
) -> Result<Vec<BTreeSet<String>>> {
    let cases = Mutex::new(cases);
    let next = || cases.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = |worker: usize| {
        let out = scratch.join(format!("calls-{worker}"));
        let mut all = Vec::new();
        while let Some(case) = next() {
            match called(command, &case, &out) {
                Ok(names) => all.push(names),
                Err(error) => println!("left out: {error:#}"),
            }
        }
        all
    };
    let workers = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        let work = &work;
        let started: Vec<_> = (0..workers).map(|it| scope.spawn(move || work(it))).collect();
        let mut all = Vec::new();
        for worker in started {
            all.extend(worker.join().map_err(|_| anyhow!("a worker panicked"))?);
        }
        Ok(all)
    })
}

/// The functions that a command calls, which valgrind writes into a file.
fn called(command: &str, case: &Case, out: &Path) -> Result<BTreeSet<String>> {
    let mut valgrind = cargo::command("valgrind");
    valgrind
        .args(["--tool=callgrind", "--demangle=no"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(cargo::target_dir().join("release/weir"))
        .arg(command)
        .args(&case.arguments)
        .current_dir(&case.folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    cargo::check(&mut valgrind).with_context(|| format!("{} failed", case.name))?;
    let text = std::fs::read_to_string(out)?;
    // `fn=(12) name` the first time, with `'2` behind it for a function in itself; `fn=(12)` from then on.
    let names = text.lines().filter_map(|line| {
        let named = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn="))?;
        let name = named.split_once(") ")?.1;
        Some(name.split('\'').next().unwrap_or(name).to_owned())
    });
    Ok(names.collect())
}

/// In the place of a crate: wherever the function stands.
const ANY: &str = "*";

/// What compilers put before the name of a function in the name of its section.
const MARKS: [&str; 4] = ["unlikely.", "startup.", "exit.", "hot."];

/// One function of the program.
struct Function {
    /// The crate whose object file it stands in; generic functions of others among them.
    package: String,
    /// The name as the linker has it.
    symbol: String,
    /// One of [`MARKS`], or nothing.
    mark: &'static str,
}

impl Function {
    /// Its name in the list, with more or less of the symbol.
    fn name<'f>(&'f self, symbol: &'f str) -> (&'f str, &'static str, &'f str) {
        (&self.package, self.mark, symbol)
    }
}

/// Cuts off the compiler's hash, `17h` and sixteen digits, and what the optimiser puts behind a name.
fn without_hash(symbol: &str) -> &str {
    let symbol = symbol.split(".llvm.").next().unwrap_or(symbol);
    let is_hash =
        |rest: &str| rest.len() >= 16 && rest.bytes().take(16).all(|byte| byte.is_ascii_hexdigit());
    match symbol.rsplit_once("17h") {
        Some((name, rest)) if is_hash(rest) => symbol.get(..name.len() + 3).unwrap_or(symbol),
        _ => symbol,
    }
}

/// The functions of a map that stand in sections of their own, in its order.
fn functions(map: &str) -> Vec<Function> {
    map.lines().filter_map(function).collect()
}

/// Reads `ADDRESS ADDRESS SIZE ALIGN PATH/weir-HASH.CRATE-HASH.….rcgu.o:(.text.SYMBOL)`.
fn function(line: &str) -> Option<Function> {
    let (file, section) = line.split_once(":(.text.")?;
    let section = section.strip_suffix(')')?;
    let mark = MARKS.into_iter().find(|mark| section.starts_with(mark)).unwrap_or_default();
    let symbol = section.strip_prefix(mark).unwrap_or(section);
    let file = file.rsplit('/').next().unwrap_or(file);
    let package = if file.ends_with(".rcgu.o") {
        let part = file.split('.').nth(1)?;
        part.rsplit_once('-').map_or(part, |(package, _)| package)
    } else {
        // Compiled from C, or with the compiler: in an archive, and without a hash.
        ANY
    };
    Some(Function { package: package.to_owned(), symbol: symbol.to_owned(), mark })
}

/// The lines of the list. What most runs call stands in the middle, so that what one run calls is one stretch; where that
/// is equal they are in the map's order.
fn list(functions: &[Function], runs: &BTreeMap<String, Calls>) -> String {
    let mut named: BTreeMap<_, usize> = BTreeMap::new();
    for function in functions {
        *named.entry(function.name(without_hash(&function.symbol))).or_default() += 1;
    }
    let mut places = BTreeMap::new();
    for (place, function) in functions.iter().enumerate() {
        let Some(calls) = runs.get(&function.symbol) else { continue };
        let short = function.name(without_hash(&function.symbol));
        let symbol = function.symbol.split(".llvm.").next().unwrap_or_default();
        let name = if named.get(&short) == Some(&1) { short } else { function.name(symbol) };
        let rank = match *calls {
            Calls { builds, renderings: 0 } => (0, builds),
            Calls { builds: 0, renderings } => (2, usize::MAX - renderings),
            Calls { builds, renderings } => (1, usize::MAX - builds.min(renderings)),
        };
        places.entry(name).or_insert((rank, place));
    }
    let mut sorted: Vec<_> = places.into_iter().collect();
    sorted.sort_by_key(|(_, rank)| *rank);
    let mut text = String::new();
    for ((package, mark, symbol), _) in sorted {
        let _ = writeln!(text, "{package} {mark}{symbol}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_listed_by_runs() {
        let map = "\
  a33f00   a33f00     11f    16         /t/deps/weir-aa.yaml-bb.yaml.cc-cgu.0.rcgu.o.rcgu.o:(.text._ZN4yaml4scan17h0123456789abcdefE)
  a33f90   a33f90     11f    16         /t/deps/weir-aa.yaml-bb.yaml.cc-cgu.0.rcgu.o.rcgu.o:(.text._ZN4yaml4scan17h1123456789abcdefE)
  a34f00   a34f00     11f    16         /t/deps/weir-aa.helm-bb.helm.cc-cgu.0.rcgu.o.rcgu.o:(.text._ZN4core4drop17h0123456789abcdefE.llvm.12)
  a35f00   a35f00     11f    16         /t/deps/weir-aa.helm-bb.helm.cc-cgu.0.rcgu.o.rcgu.o:(.text.unlikely._ZN4helm4fail17h0123456789abcdefE)
  a36f00   a36f00     11f    16         /t/deps/weir-aa.helm-bb.helm.cc-cgu.0.rcgu.o.rcgu.o:(.text._ZN4helm5never17h0123456789abcdefE)
  a37f00   a37f00     11f    16         /t/deps/weir-aa.alloc-bb.alloc.cc-cgu.0.rcgu.o.rcgu.o:(.text._RNvNtCs1_5alloc4grow.llvm.34)
  a38f00   a38f00     11f    16         /t/deps/weir-aa.weir.cc-cgu.0.rcgu.o.rcgu.o:(.text.main)
  a39f00   a39f00     11f    16         /t/deps/libaws_lc_sys-aa.rlib(bb-cpu.o):(.text.startup.cpuid_setup)
  a36f00   a36f00     11f     1                 _ZN4helm5never17h0123456789abcdefE
";
        let functions = functions(map);
        assert_eq!(functions.len(), 8);
        let called = [
            ("_ZN4yaml4scan17h0123456789abcdefE", 1, 1),
            ("_ZN4core4drop17h0123456789abcdefE.llvm.12", 2, 2),
            ("_ZN4helm4fail17h0123456789abcdefE", 0, 1),
            ("_RNvNtCs1_5alloc4grow.llvm.34", 0, 2),
            ("main", 2, 0),
            ("cpuid_setup", 1, 0),
        ];
        let calls = |builds, renderings| Calls { builds, renderings };
        let runs = called.map(|(name, b, r)| (name.to_owned(), calls(b, r))).into();
        let expected = [
            "* startup.cpuid_setup",
            "weir main",
            "helm _ZN4core4drop17h",
            "yaml _ZN4yaml4scan17h0123456789abcdefE",
            "alloc _RNvNtCs1_5alloc4grow",
            "helm unlikely._ZN4helm4fail17h",
        ];
        assert_eq!(list(&functions, &runs).lines().collect::<Vec<_>>(), expected);
    }
}
