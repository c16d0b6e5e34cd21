//! Who we are to the server: credentials and proxy from Secrets.

use std::collections::BTreeMap;

use common::{api::source::GitRepository, condition::Reason, names::secret::GITHUB_APP_ID};
use git::{Credentials, Limits, Proxy, Remote};
use runtime::{Run, Stop, chain, secrets};

use crate::git_repository::{GitRepositoryController, plan::Plan};

/// The remote with everything needed to reach it.
pub(in crate::git_repository) async fn remote(
    controller: &GitRepositoryController,
    run: &Run<GitRepository>,
    plan: &Plan,
) -> Result<Remote, Stop> {
    let spec = &run.object().spec;
    let mut remote = Remote::new(plan.url.clone());
    remote.limits = Limits { timeout: plan.timeout, ..Limits::default() };
    remote.ssh = controller.ssh.clone();
    remote.cancel = run.context().shutdown().child_token();
    if let Some(local) = controller.local.get(&spec.url) {
        // Read in place: there is no server that could ask for credentials.
        remote.local = Some(local.clone());
        return Ok(remote);
    }
    if let Some(proxy) = &spec.proxy_secret_ref {
        let data = read(run, &proxy.name).await?;
        let proxy = Proxy::from_secret(&data)
            .map_err(|error| refused("failed to configure proxy options", &error))?;
        remote.proxy = Some(proxy);
    }
    if let Some(secret) = &spec.secret_ref {
        let data = read(run, &secret.name).await?;
        if data.get(GITHUB_APP_ID).is_some_and(|id| !id.is_empty()) {
            let message = format!(
                "secretRef '{}/{}' has github app data but provider is not set to github",
                run.namespace(),
                secret.name
            );
            return Err(Stop::retry(Reason::InvalidProviderConfiguration, message));
        }
        remote.credentials = Credentials::from_secret(&data).map_err(|error| unusable(&error))?;
    }
    // The Secret may be completed later, so this is tried again.
    remote.credentials.check(&remote.url).map_err(|error| unusable(&error))?;
    Ok(remote)
}

fn unusable(error: &git::Error) -> Stop {
    refused("failed to configure authentication options", error)
}

fn refused(what: &str, error: &git::Error) -> Stop {
    Stop::retry(Reason::AuthenticationFailed, format!("{what}: {}", chain(error)))
}

async fn read(run: &Run<GitRepository>, name: &str) -> Result<BTreeMap<String, Vec<u8>>, Stop> {
    let found = secrets::read(
        run.context().client(),
        (run.namespace(), name),
        Reason::AuthenticationFailed,
    )
    .await;
    found.map(|secret| secret.entries().clone()).map_err(|stop| {
        let message =
            format!("failed to get secret '{}/{name}': {}", run.namespace(), stop.message());
        Stop::retry(Reason::AuthenticationFailed, message)
    })
}
