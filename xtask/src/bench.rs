//! `cargo xtask bench`: our release binary beside the real tool, on the same inputs, in one run.

pub(crate) mod corpus;
mod engines;

use anyhow::Result;
use clap::Subcommand;

use crate::cargo;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// `weir kustomize build` beside `kustomize build`, over a folder of kustomizations.
    Kustomize(engines::Args),
    /// `weir helm template` beside `helm template`, over a folder of charts.
    Helm(engines::Args),
    /// source-controller and kustomize-controller on a real kube-apiserver.
    Skeleton,
}

/// Runs one benchmark and prints its figures.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Kustomize(args) => engines::run(engines::Engine::Kustomize, args),
        What::Helm(args) => engines::run(engines::Engine::Helm, args),
        What::Skeleton => {
            let tools = crate::tools::all()?;
            // All of the workspace, so that features of dependencies, and with them what is built, stay the same.
            let controllers = ["--bin", "source-controller", "--bin", "kustomize-controller"];
            let release = ["build", "--release", "--workspace"];
            cargo::run(&[&release[..], &controllers[..]].concat())?;
            let mut bench = cargo::command("cargo");
            bench
                .args(["bench", "--profile", "release", "--workspace", "--bench", "skeleton"])
                .env("WEIR_TOOLS", tools);
            cargo::check(&mut bench)
        }
    }
}
