//! source-controller as a process of its own.

use std::{
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use clap::Parser as _;
use common::names::SOURCE_CONTROLLER;
use runtime::SystemClock;
use source_controller::{Flags, SetupError, controllers};

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    match run(&flags).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "source-controller ended");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: &Flags) -> anyhow::Result<()> {
    runtime::logs::init(flags.common.log_level, flags.common.log_encoding, Arc::new(SystemClock))?;
    let options = flags.options()?;
    let refused: Arc<OnceLock<SetupError>> = Arc::default();
    let not_set_up = Arc::clone(&refused);
    let settings = flags.settings();
    runtime::run(SOURCE_CONTROLLER, &flags.common, options, |context| async move {
        if let Err(error) = controllers(context.clone(), settings).await {
            // Set once: there is one set of controllers.
            let _ = not_set_up.set(error);
            context.shutdown().cancel();
        }
    })
    .await?;
    match Arc::into_inner(refused).and_then(OnceLock::into_inner) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}
