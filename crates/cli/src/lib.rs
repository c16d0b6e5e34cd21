//! The command line `weir`: try a repository with no cluster, look at what runs, ask for it to run again.
//!
//! Commands, flags, columns and exit codes are those of the `flux` CLI where it has the same command, so fingers and
//! scripts carry over. One file per command stands in `commands/`; [`kinds`] is the table that makes most of them one
//! function for every kind. The crate decides nothing about reconciling: that is the controllers' business.

mod commands;
mod connect;
mod files;
mod kinds;
mod lazy;
mod objects;
mod output;
mod switches;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory, Parser, Subcommand};

use crate::lazy::Lazy;
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
    #[command(flatten)]
    Online(Online),
    /// Render, pack and look at charts, with Helm's own flags.
    Helm(Lazy<commands::helm::Args>),
    /// Build kustomizations, with kustomize's own flags.
    Kustomize(Lazy<commands::kustomize::Args>),
    /// Print a completion script for a shell.
    Completion {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// Commands that wait for a network.
#[derive(Debug, Subcommand)]
enum Online {
    /// Reconcile a repository before your eyes, with no cluster or on a real one.
    Up(Lazy<commands::up::Args>),
    /// Print the state of objects as a table.
    Get(Lazy<commands::get::Args>),
    /// Ask for an object to be reconciled now, and wait for the outcome.
    Reconcile(Lazy<commands::reconcile::Args>),
    /// Stop reconciling objects until they are resumed.
    Suspend(Lazy<commands::suspend::Args>),
    /// Reconcile suspended objects again, and wait for the outcome.
    Resume(Lazy<commands::suspend::Args>),
    /// Print what an object has applied, as a tree.
    Tree(Lazy<commands::tree::Args>),
    /// Print what a Kustomization would apply.
    Build(Lazy<commands::build::Args>),
    /// Print the version of the client, and of the server when one answers.
    Version(Lazy<commands::version::Args>),
    /// Serve a Kubernetes API from memory, for trying and testing.
    Apiserver(Lazy<commands::apiserver::Args>),
}

/// Parses the command line, runs the command and prints what went wrong, if anything did.
pub fn main() -> ExitCode {
    let arguments = switches::plain(std::env::args_os().collect(), Cli::command);
    let Cli { connection, command } = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _closed_pipe = error.print();
            // A mistake in the arguments is a failure like others, as with flux, helm and kustomize.
            return if error.use_stderr() { Exit::Failed } else { Exit::Done }.into();
        }
    };
    let result = match command {
        Command::Online(command) => online(&connection, command),
        Command::Helm(args) => {
            Ok(commands::helm::run(args.into_inner(), connection.namespace.as_deref()))
        }
        Command::Kustomize(args) => commands::kustomize::run(&args),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "weir", &mut script);
            output::print(&String::from_utf8_lossy(&script));
            Ok(Exit::Done)
        }
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::failure(&format!("{error:#}"));
            Exit::Failed.into()
        }
    }
}

/// Starts the async runtime, which the other commands do without: scripts run them by the thousand.
fn online(connection: &connect::Flags, command: Online) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the async runtime")?;
    runtime.block_on(async {
        match command {
            Online::Up(args) => commands::up::run(connection, &args).await,
            Online::Get(args) => commands::get::run(connection, &args).await,
            Online::Reconcile(args) => commands::reconcile::run(connection, &args).await,
            Online::Suspend(args) => commands::suspend::suspend(connection, &args).await,
            Online::Resume(args) => commands::suspend::resume(connection, &args).await,
            Online::Tree(args) => commands::tree::run(connection, &args).await,
            Online::Build(args) => commands::build::run(connection, &args).await,
            Online::Version(args) => commands::version::run(connection, &args).await,
            Online::Apiserver(args) => commands::apiserver::run(&args).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }

    /// Commands are defined late, and the words for their arguments must not replace those for the command.
    #[test]
    fn commands_keep_what_they_are_about() {
        let mut cli = super::Cli::command();
        cli.build();
        let about = |path: &[&str]| {
            let command = path.iter().try_fold(&cli, |at, name| at.find_subcommand(name));
            command.and_then(clap::Command::get_about).map(ToString::to_string)
        };
        let helm = "Render, pack and look at charts, with Helm's own flags";
        assert_eq!(about(&["helm"]).as_deref(), Some(helm));
        let build = "Print the objects that a kustomization stands for";
        assert_eq!(about(&["kustomize", "build"]).as_deref(), Some(build));
    }
}
