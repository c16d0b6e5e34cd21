//! The command line `weir`: try a repository with no cluster, look at what runs, ask for it to run again.
//!
//! Commands, flags, columns and exit codes are those of the `flux` CLI where it has the same command, so fingers and
//! scripts carry over. One file per command stands in `commands/`; [`kinds`] is the table that makes most of them one
//! function for every kind. The crate decides nothing about reconciling: that is the controllers' business.

mod commands;
mod connect;
mod files;
mod kinds;
mod objects;
mod output;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::output::Exit;

/// Keeps Kubernetes clusters in the state that a Git repository describes.
///
/// Try it with no cluster:  weir up docs/examples/fleet --path clusters/staging
#[derive(Debug, Parser)]
#[command(name = "weir", version)]
struct Cli {
    #[command(flatten)]
    connection: connect::Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reconcile a repository before your eyes, with no cluster or on a real one.
    Up(commands::up::Args),
    /// Print the state of objects as a table.
    Get(commands::get::Args),
    /// Ask for an object to be reconciled now, and wait for the outcome.
    Reconcile(commands::reconcile::Args),
    /// Stop reconciling objects until they are resumed.
    Suspend(commands::suspend::Args),
    /// Reconcile suspended objects again, and wait for the outcome.
    Resume(commands::suspend::Args),
    /// Print what an object has applied, as a tree.
    Tree(commands::tree::Args),
    /// Print the version of the client, and of the server when one answers.
    Version(commands::version::Args),
    /// Serve a Kubernetes API from memory, for trying and testing.
    Apiserver(commands::apiserver::Args),
    /// Render, pack and look at charts, with Helm's own flags.
    Helm(commands::helm::Args),
    /// Build kustomizations, with kustomize's own flags.
    Kustomize(commands::kustomize::Args),
    /// Print a completion script for a shell.
    Completion {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// Parses the command line, runs the command and prints what went wrong, if anything did.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::failure(&format!("cannot start the async runtime: {error}"));
            return Exit::Failed.into();
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::failure(&format!("{error:#}"));
            Exit::Failed.into()
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let connection = &cli.connection;
    match cli.command {
        Command::Up(args) => commands::up::run(connection, &args).await,
        Command::Get(args) => commands::get::run(connection, &args).await,
        Command::Reconcile(args) => commands::reconcile::run(connection, &args).await,
        Command::Suspend(args) => commands::suspend::suspend(connection, &args).await,
        Command::Resume(args) => commands::suspend::resume(connection, &args).await,
        Command::Tree(args) => commands::tree::run(connection, &args).await,
        Command::Version(args) => commands::version::run(connection, &args).await,
        Command::Apiserver(args) => commands::apiserver::run(&args).await,
        Command::Helm(args) => commands::helm::run(args, connection.namespace.as_deref()),
        Command::Kustomize(args) => commands::kustomize::run(&args),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "weir", &mut script);
            output::print(&String::from_utf8_lossy(&script));
            Ok(Exit::Done)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
