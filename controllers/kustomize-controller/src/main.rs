//! kustomize-controller as a process of its own.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use kustomize_controller::Flags;
use runtime::{BoxError, SystemClock, chain, logs};

fn main() -> ExitCode {
    let flags = Flags::parse();
    let started =
        logs::init(flags.common.log_level, flags.common.log_encoding, Arc::new(SystemClock));
    match started.map_err(BoxError::from).and_then(|()| run(&flags)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = chain(error.as_ref()), "kustomize-controller ended");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(flags: &Flags) -> Result<(), BoxError> {
    let (options, settings) = (flags.options()?, flags.settings());
    for flag in flags.without_effect() {
        tracing::error!(flag, "this flag has no effect in this version");
    }
    let scratch = tempfile::Builder::new().prefix("artifacts-").tempdir()?;
    runtime::run("kustomize-controller", &flags.common, options, |context| async move {
        match kustomize_controller::controllers(&context, settings, scratch.path()) {
            Ok(controllers) => controllers.await,
            Err(error) => tracing::error!(error = chain(error.as_ref()), "cannot start"),
        }
    })
    .await?;
    Ok(())
}
