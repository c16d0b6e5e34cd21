//! The project's own tasks: `cargo xtask <task>`. Everything here may run programs; nothing else in the workspace may.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task prints what it found")]

mod bench;
mod cargo;
mod layout;
mod oracle;
mod schema;
mod test;
mod tidy;
mod tools;
mod vectors;

use std::process::ExitCode;

use clap::Parser;

/// Tasks for people who work on Weir.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Run every test that this machine can run, and say what was skipped.
    Test(test::Args),
    /// Check what the style rules say can be checked: edges, licences, file sizes, generated files.
    Tidy,
    /// Build the real programs that tests compare with or run against, once, into a cache.
    Tools(tools::Args),
    /// Measure an engine beside the real tool, or the controllers on a real API server.
    Bench(bench::Args),
    /// Compare our engines with the original programs on random input.
    Oracle(oracle::Args),
    /// Run recorded answers of the original tools against our engines.
    Vectors(vectors::Args),
    /// Write the tables of Kubernetes' built-in types from its OpenAPI document (needs Go).
    Schema,
    /// Find the functions that `weir kustomize build` and `weir helm template` run, for the linker (needs valgrind).
    Layout(layout::Args),
    /// Write the custom resource definitions in `crds/` from the types in `crates/common`.
    Crds,
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Test(args) => test::run(&args),
        Task::Tidy => tidy::run(),
        Task::Bench(args) => bench::run(&args),
        Task::Tools(args) => tools::run(&args).map(|_| ()),
        Task::Oracle(args) => oracle::run(&args),
        Task::Vectors(args) => vectors::run(&args),
        Task::Schema => schema::run(),
        Task::Layout(args) => layout::run(&args),
        Task::Crds => cargo::run(&["run", "--quiet", "--package", "common", "--example", "crds"]),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
