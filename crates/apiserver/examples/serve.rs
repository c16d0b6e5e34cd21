//! Serves an empty cluster: `cargo run -p apiserver --example serve -- ADDRESS KUBECONFIG [--still] [CRD.yaml...]`.
//! With `--still`, workloads keep the status that clients write.
//!
//! The command line `weir apiserver` does the same; this needs nothing but the crate.

use std::error::Error;

use apiserver::{ApiServer, Options, Simulation};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address =
        arguments.next().ok_or("the first argument is the address to listen on")?.parse()?;
    let kubeconfig =
        arguments.next().ok_or("the second argument is where to write the kubeconfig")?;
    let (flags, files): (Vec<String>, Vec<String>) = arguments.partition(|a| a == "--still");
    let mut options = Options::default();
    if !flags.is_empty() {
        options.simulation = Simulation::Off;
    }
    let server = ApiServer::new(options);
    for file in files {
        server.install_crds(&std::fs::read_to_string(file)?)?;
    }
    let listening = server.serve(address).await?;
    std::fs::write(kubeconfig, server.kubeconfig(listening.address()))?;
    tokio::signal::ctrl_c().await?;
    listening.shutdown().await;
    Ok(())
}
