//! How the program is linked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

fn main() -> std::io::Result<()> {
    for input in ["build.rs", LAYOUT] {
        println!("cargo:rerun-if-changed={input}");
    }
    // As Go links its programs, because scripts start this one by the thousand. Of a program this size that can be at
    // any address the loader writes 70,000 addresses at each start, which touches 300 pages and takes 1 ms.
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo:rustc-link-arg-bins=-no-pie");
        if takes_scripts() {
            let script = Path::new(&variable("OUT_DIR")).join("layout.ld");
            std::fs::write(&script, linker_script(&std::fs::read_to_string(LAYOUT)?))?;
            println!("cargo:rustc-link-arg-bins=-T{}", script.display());
        }
    }
    // `cargo xtask layout` asks for the linker's map.
    println!("cargo:rerun-if-env-changed={MAP}");
    let map = variable(MAP);
    if !map.is_empty() {
        println!("cargo:rustc-link-arg-bins=-Wl,-Map={map}");
    }
    Ok(())
}

/// The functions that stand together in the program, written by `cargo xtask layout`.
const LAYOUT: &str = "layout.txt";

const MAP: &str = "WEIR_LINK_MAP";

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts by variables")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn target(key: &str) -> String {
    variable(&format!("CARGO_CFG_TARGET_{key}"))
}

/// Whether a release is linked by the linker that comes with the compiler. Others may not know linker scripts, and
/// matching names takes ten seconds, which a build for tests need not spend.
fn takes_scripts() -> bool {
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    variable("PROFILE") == "release"
        && target("ARCH") == "x86_64"
        && variable("RUSTC_LINKER").is_empty()
        && !["link-arg", "linker"].iter().any(|own| flags.contains(own))
}

/// From this many functions of the list on, the constants of a crate stand together too.
const MANY: usize = 10;

/// A script that puts these functions first, and the constants of the crates that most of them are from.
fn linker_script(layout: &str) -> String {
    let lines = layout.lines().filter(|line| !line.starts_with('#'));
    let functions: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(' ')).collect();
    let mut script = "SECTIONS {\n.text.first : {\n".to_owned();
    for (package, function) in &functions {
        let objects = objects(package);
        let _ = if function.ends_with(HASH) {
            writeln!(script, "{objects}(.text.{function}*)")
        } else {
            writeln!(script, "{objects}(.text.{function} .text.{function}.llvm.*)")
        };
    }
    // Then all that are called so, for compilers and versions of crates that hash otherwise.
    let mut names = BTreeSet::new();
    for (package, function) in &functions {
        let name = without_hash(function);
        if name != *function && names.insert((package, name)) {
            let _ = writeln!(script, "{}(.text.{name}*)", objects(package));
        }
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (package, _) in functions.iter().filter(|(package, _)| *package != ANY) {
        *counts.entry(package).or_default() += 1;
    }
    counts.retain(|_, functions| *functions >= MANY);
    script.push_str("}\n}\nINSERT BEFORE .text;\nSECTIONS {\n.rodata.first : {\n");
    for package in counts.keys() {
        let _ = writeln!(script, "{}(.rodata .rodata.*)", objects(package));
    }
    script.push_str("}\n}\nINSERT BEFORE .rodata;\nSECTIONS {\n.data.rel.ro : {\n");
    for package in counts.keys() {
        let _ = writeln!(script, "{}(.data.rel.ro .data.rel.ro.*)", objects(package));
    }
    script + "*(.data.rel.ro .data.rel.ro.*)\n}\n}\nINSERT BEFORE .dynamic;\n"
}

/// In the place of a crate: whatever object file it is.
const ANY: &str = "*";

/// The object files of a crate, as linker scripts name them.
fn objects(package: &str) -> String {
    if package == ANY { ANY.to_owned() } else { format!("*.{package}[-.]*.o") }
}

/// Before the sixteen digits of the compiler's hash.
const HASH: &str = "17h";

/// A name without the digits of its hash.
fn without_hash(function: &str) -> &str {
    function.rfind(HASH).and_then(|at| function.get(..at + HASH.len())).unwrap_or(function)
}
