//! `weir up`: a repository reconciled before your eyes, on the embedded API server or a real cluster.

mod cluster;
mod controllers;
mod repository;
mod seed;
mod show;
mod state;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::stream::{BoxStream, StreamExt, select_all};
use kube::api::DynamicObject;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::cluster::Cluster;
use self::controllers::Controllers;
use self::repository::{Repository, Wanted};
use self::seed::Seed;
use self::show::Show;
use self::state::{Id, Items};
use crate::connect::Flags;
use crate::kinds::{self, Kind};
use crate::objects;
use crate::output::{self, Exit};

/// With nothing new for so long, everything that was about to happen has been seen.
const QUIET: Duration = Duration::from_millis(400);
/// Lines about what happened that wait to be printed; when the terminal is slower than that, some are left out.
const LINES: usize = 1024;

/// Arguments of `weir up`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  weir up                                      the repository in this folder
  weir up docs/examples/fleet --path clusters/staging
  weir up https://git.example.com/fleet.git --branch main --path clusters/staging --once
  weir up . --worktree                         uncommitted files too")]
pub(crate) struct Args {
    /// A Git repository on disk, a plain folder, or a repository's URL.
    #[arg(default_value = ".", value_name = "PATH or URL")]
    source: String,
    /// The folder of the repository that describes the cluster.
    #[arg(long, default_value = ".", value_name = "DIR")]
    path: String,
    /// The branch to follow; by default the one checked out, or the default one of a URL's repository.
    #[arg(long)]
    branch: Option<String>,
    /// Read this URL's repository from a folder on disk; may be given several times.
    #[arg(long, value_name = "URL=PATH")]
    map: Vec<String>,
    /// Follow the files as they are, committed or not.
    #[arg(long)]
    worktree: bool,
    /// End when everything is ready (exit code 0), or failed (exit code 1), or --timeout is over (1).
    #[arg(long)]
    once: bool,
    /// Where the embedded API server listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: SocketAddr,
    /// Where to write the kubeconfig of the embedded API server.
    #[arg(long, default_value = ".weir/kubeconfig", value_name = "FILE")]
    kubeconfig_out: PathBuf,
}

/// Runs until everything is done (`--once`) or until it is interrupted.
pub(crate) async fn run(flags: &Flags, args: &Args) -> Result<Exit> {
    let wanted = Wanted {
        source: &args.source,
        branch: args.branch.as_deref(),
        map: &args.map,
        worktree: args.worktree,
    };
    let repository = Repository::open(&wanted)?;
    let files = repository.files()?;
    let seed = Seed::find(&repository, &files.path().join("files"), &args.path)?;
    drop(files);

    let cluster = match &flags.kubeconfig {
        None => Cluster::embedded(args.listen, &args.kubeconfig_out).await?,
        Some(_) => Cluster::real(flags).await?,
    };
    output::print(&format!("reconciling {}\n", repository.description));
    if let Some(kubeconfig) = &cluster.kubeconfig {
        output::print(&format!(
            "the cluster: kubectl --kubeconfig {} get all -A\n",
            kubeconfig.display()
        ));
    }
    seed.apply(&cluster.client).await?;
    if flags.kubeconfig.is_none() {
        seed.apply_accounts(&cluster.client).await?;
    }
    output::print(&format!("applied {}\n", seed.describe()));

    let (lines, printed) = mpsc::channel(LINES);
    let controllers = Controllers::start(&cluster.client, repository, lines).await?;
    let exit = follow(&cluster, args, flags.timeout, printed).await;
    controllers.stop().await;
    exit
}

/// Shows what happens until there is nothing left to wait for, or until a person ends it.
async fn follow(
    cluster: &Cluster,
    args: &Args,
    timeout: Duration,
    mut lines: mpsc::Receiver<String>,
) -> Result<Exit> {
    let mut show = Show::new();
    let mut items = Items::new();
    let mut changes = select_all(watched(cluster).map(|kind| watch(cluster, kind)));
    let deadline = Instant::now() + timeout;
    let mut quiet_at = Instant::now() + QUIET;
    let mut told = false;
    loop {
        tokio::select! {
            change = changes.next() => {
                let Some(change) = change else { bail!("the cluster's watches ended") };
                change.apply(&mut items);
                show.update(&items);
                quiet_at = Instant::now() + QUIET;
            }
            Some(line) = lines.recv() => show.line(&line),
            () = tokio::time::sleep_until(quiet_at), if !told && state::settled(&items).is_some() => {
                let exit = state::settled(&items).unwrap_or(Exit::Failed);
                if args.once {
                    show.line(if exit == Exit::Done { "everything is ready" } else { "not everything is ready" });
                    return Ok(exit);
                }
                told = true;
                show.line(&next_steps(cluster, exit));
            }
            () = tokio::time::sleep_until(deadline), if args.once => {
                show.line(&format!("not everything was ready after {} s", timeout.as_secs()));
                return Ok(Exit::Failed);
            }
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("cannot wait for an interrupt")?;
                return Ok(Exit::Done);
            }
        }
    }
}

/// What a newcomer may want to try now.
fn next_steps(cluster: &Cluster, exit: Exit) -> String {
    let state = match exit {
        Exit::Done => {
            "everything is ready; commits are followed. Ctrl-C ends it. Try in another terminal:"
        }
        Exit::Failed => {
            "not everything is ready; it goes on with the next commit. Ctrl-C ends it. Look closer:"
        }
    };
    let file = cluster
        .kubeconfig
        .as_ref()
        .map_or_else(|| "~/.kube/config".to_owned(), |path| path.display().to_string());
    let weir = output::program();
    format!(
        "{state}\n  {weir} --kubeconfig {file} get kustomizations -A\n  kubectl --kubeconfig {file} get deployments -A\n  \
         kubectl --kubeconfig {file} get events -n flux-system"
    )
}

/// A change of an object that is reconciled.
enum Change {
    Is(Id, Box<DynamicObject>),
    Gone(Id),
    /// The watch was interrupted and goes on; nothing to do.
    None,
}

impl Change {
    fn apply(self, items: &mut Items) {
        match self {
            Self::Is(id, object) => {
                items.insert(id, *object);
            }
            Self::Gone(id) => {
                items.remove(&id);
            }
            Self::None => {}
        }
    }
}

/// Kinds that are shown. Those without a controller here only matter on a cluster where nobody else may have one.
fn watched(cluster: &Cluster) -> impl Iterator<Item = &'static Kind> {
    let embedded = cluster.is_embedded();
    kinds::ALL.iter().copied().chain(kinds::UNATTENDED.iter().filter(move |_| embedded))
}

fn watch(cluster: &Cluster, kind: &'static Kind) -> BoxStream<'static, Change> {
    let api = objects::api(&cluster.client, kind, None);
    let events = watcher(api, watcher::Config::default()).default_backoff();
    let changes = events.map(move |event| match event {
        Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => {
            Change::Is(state::id(kind, &object), Box::new(object))
        }
        Ok(watcher::Event::Delete(object)) => Change::Gone(state::id(kind, &object)),
        Ok(watcher::Event::Init | watcher::Event::InitDone) | Err(_) => Change::None,
    });
    changes.boxed()
}
