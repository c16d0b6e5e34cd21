//! `cargo xtask test`: every test that this machine can run, and a list of what was skipped.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::{cargo, tools};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Also run every scenario against a real kube-apiserver; builds it first (about 15 minutes of CPU, once).
    #[arg(long)]
    real: bool,
    /// Passed on to `cargo test`, such as a package or a name.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// The search path with the folder of the real programs before everything else.
fn with_tools(folder: &Path) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders)
        .context("the folder of the real programs has a name that no search path takes")
}

/// Runs the workspace's tests, in both tiers when the real programs are there.
pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = if args.real { tools::all()? } else { tools::folder()? };
    let real = tools::present(&folder);
    if args.real && !real {
        bail!("{} lacks a program; run `cargo xtask tools`", folder.display());
    }
    // Scenarios about processes start the controllers as processes; cargo test alone does not build them.
    cargo::run(&["build", "--workspace", "--bins"])?;
    let mut command = cargo::command("cargo");
    command.args(["test", "--workspace", "--no-fail-fast"]).args(&args.rest);
    if real {
        command.env("WEIR_TOOLS", &folder);
    }
    // Tests that only need a client (kubectl, kustomize, helm) find it by its name.
    command.env("PATH", with_tools(&folder)?);
    if args.real {
        command.env("WEIR_REQUIRE_REAL", "1");
    }
    let done = cargo::check(&mut command);
    if !real {
        println!(
            "skipped: the tier against a real kube-apiserver (cargo xtask test --real builds what it needs)"
        );
    }
    for (path, what) in [
        ("../shared/spec/crds", "comparison with the upstream CRDs"),
        ("../shared/corpus", "corpus"),
    ] {
        if !cargo::root().join(path).exists() {
            println!("skipped: {what} (the optional corpus folder is not there)");
        }
    }
    done
}
