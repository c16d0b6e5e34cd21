//! Compares our engines with the original programs on random input: `cargo xtask oracle kustomize --minutes 10`.

mod helm;
mod kustomize;
mod random;

use anyhow::Result;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    engine: Engine,
}

#[derive(clap::Subcommand)]
enum Engine {
    /// Random kustomizations over every field, ours against the real `kustomize`.
    Kustomize(Run),
    /// The charts of a folder under random values and flags, ours against the real `helm`.
    Helm(helm::Args),
}

#[derive(clap::Args)]
pub(crate) struct Run {
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
    #[arg(long, default_value = "kustomize")]
    program: PathBuf,
    /// Where cases that differ are kept, one folder each.
    #[arg(long, default_value = "target/oracle")]
    keep: PathBuf,
    /// Stop after this many differences.
    #[arg(long, default_value_t = 20)]
    differences: usize,
    /// Print the end of every error that both have.
    #[arg(long)]
    show_errors: bool,
    /// Errors must have the same text, too.
    #[arg(long)]
    error_texts: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.engine {
        Engine::Kustomize(args) => kustomize::run(args),
        Engine::Helm(args) => helm::run(args),
    }
}
