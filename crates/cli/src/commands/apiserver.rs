//! `weir apiserver`: the embedded API server on its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::files;
use crate::output::{self, Exit};

/// Arguments of `weir apiserver`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  weir apiserver --listen 127.0.0.1:8001 --kubeconfig-out kubeconfig"
)]
pub(crate) struct Args {
    /// Where it listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: SocketAddr,
    /// Where to write a kubeconfig for it.
    #[arg(long, default_value = ".weir/kubeconfig", value_name = "FILE")]
    kubeconfig_out: PathBuf,
    /// Keep objects in this folder over restarts; in memory only without it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Install the definitions of the toolkit.fluxcd.io kinds.
    #[arg(long)]
    crds: bool,
}

/// Serves until it is interrupted.
pub(crate) async fn run(args: &Args) -> Result<Exit> {
    let options = apiserver::Options::default();
    let server = match &args.data {
        Some(folder) => apiserver::ApiServer::open(options, folder)?,
        None => apiserver::ApiServer::new(options),
    };
    if args.crds {
        server.install_crd_values(common::api::crd::all().into_iter().map(|crd| crd.object))?;
    }
    let handle = server
        .serve(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    files::write_private(&args.kubeconfig_out, &server.kubeconfig(handle.address()))?;
    output::print(&format!(
        "serving on http://{}; try: kubectl --kubeconfig {} get namespaces\n",
        handle.address(),
        args.kubeconfig_out.display()
    ));
    tokio::signal::ctrl_c().await.context("cannot wait for an interrupt")?;
    handle.shutdown().await;
    Ok(Exit::Done)
}
