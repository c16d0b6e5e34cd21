//! How the program is linked.

use std::collections::BTreeMap;
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

/// A script that puts these functions first, and the constants of the crates that most of them are from. The names end in
/// a hash of the compiler's, for which a star stands.
fn linker_script(layout: &str) -> String {
    let lines = layout.lines().filter(|line| !line.starts_with('#'));
    let mut packages: BTreeMap<&str, usize> = BTreeMap::new();
    let mut script = "SECTIONS {\n.text.first : {\n".to_owned();
    for (package, function) in lines.filter_map(|line| line.split_once(' ')) {
        if package == "*" {
            let _ = writeln!(script, "*(.text.{function})");
            continue;
        }
        let _ = writeln!(script, "*.{package}[-.]*.o(.text.{function}*)");
        *packages.entry(package).or_default() += 1;
    }
    script.push_str("}\n}\nINSERT BEFORE .text;\nSECTIONS {\n.rodata.first : {\n");
    for (package, _) in packages.iter().filter(|(_, functions)| **functions >= MANY) {
        let _ = writeln!(script, "*.{package}[-.]*.o(.rodata .rodata.*)");
    }
    script + "}\n}\nINSERT BEFORE .rodata;\n"
}
