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
        let proxy = Proxy::from_secret(&data).map_err(|error| {
            refused("failed to configure proxy options", &error, &of_secret(run, &proxy.name))
        })?;
        remote.proxy = Some(proxy);
    }
    let mut login = None;
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
        login = Some(data);
    }
    let place = match &spec.secret_ref {
        Some(secret) => of_secret(run, &secret.name),
        None => "spec.secretRef, which is not set".to_owned(),
    };
    let unusable = |error| refused("failed to configure authentication options", &error, &place);
    if let Some(data) = &login {
        remote.credentials = Credentials::from_secret(data).map_err(unusable)?;
    }
    // The Secret may be completed later, so this is tried again.
    remote.credentials.check(&remote.url).map_err(unusable)?;
    Ok(remote)
}

fn of_secret(run: &Run<GitRepository>, name: &str) -> String {
    format!("the secret '{}/{name}'", run.namespace())
}

fn refused(what: &str, error: &git::Error, place: &str) -> Stop {
    let message = format!("{what}: {} in {place}", chain(error));
    Stop::retry(Reason::AuthenticationFailed, message)
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
