#![doc = include_str!("../README.md")]

#[cfg(test)]
mod cases;
mod configs;
mod controller;
mod flags;
mod plan;
mod reconcile;
mod settings;
mod sources;
mod steps;
mod waiting;

use std::path::Path;

use common::api::kustomize::DataKind;
use common::api::source::{Bucket, ExternalArtifact, GitRepository, OCIRepository};
use common::artifact::fetch::Retries;
use common::artifact::{Cache, Capacity, Fetcher, Limits};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use runtime::{BoxError, Context, Controller};

use crate::controller::KustomizeController;
use crate::sources::Sources;
use crate::waiting::Waiting;

pub use flags::Flags;
pub use plan::{injection, owner_labels};
pub use settings::{CONCURRENT, GATES, Settings, StageKindError, stage_kind};
pub use steps::inputs::variables;

/// The controller, to be run until the context shuts down. Artifacts are unpacked below
/// `scratch`.
///
/// # Errors
/// When no HTTP client can be made.
pub fn controllers(
    context: &Context,
    settings: Settings,
    scratch: &Path,
) -> Result<impl Future<Output = ()> + Send + use<>, BoxError> {
    let settings = settings.under(context.options());
    let retries = Retries { count: settings.http_retry, ..Retries::default() };
    let mut fetcher = Fetcher::new(reqwest::Client::builder().build()?, Limits::default());
    fetcher = fetcher.with_retries(retries);
    if let Some(host) = &settings.artifact_host {
        fetcher = fetcher.with_host(host);
    }
    let artifacts = Cache::new(fetcher, scratch, Capacity::default());
    let waiting = Waiting::default();
    let sources = Sources::new(waiting.clone());
    let external = settings.gate("ExternalArtifact");
    let configs = !settings.gate("DisableConfigWatchers");
    let parts = (sources.clone(), artifacts, waiting);
    let mut controller =
        Controller::new(context, |links| KustomizeController::new(context, links, settings, parts));
    controller = sources.watched::<GitRepository, _>(controller, context);
    controller = sources.watched::<OCIRepository, _>(controller, context);
    controller = sources.watched::<Bucket, _>(controller, context);
    if external {
        controller = sources.watched::<ExternalArtifact, _>(controller, context);
    }
    if configs {
        controller = configs::watched::<ConfigMap, _>(controller, context, DataKind::ConfigMap);
        controller = configs::watched::<Secret, _>(controller, context, DataKind::Secret);
    }
    Ok(controller.run())
}
