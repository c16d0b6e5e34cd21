//! Clients for clusters: our own, and those that kubeconfigs in Secrets lead to.

use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::client::ClientBuilder;
use kube::client::retry::RetryPolicy;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use thiserror::Error;
use tower::Service;
use tower::buffer::BufferLayer;
use tower::layer::layer_fn;
use tower::retry::RetryLayer;

use crate::metrics::Metrics;

/// How long a request to a remote cluster may take, as in the original.
const REMOTE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no client.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Neither a kubeconfig nor a cluster around us.
    #[error("cannot find a cluster")]
    Infer(#[source] Box<kube::config::InferConfigError>),
    /// The kubeconfig is unusable. What it holds is not repeated.
    #[error("cannot read kubeconfig")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// The kubeconfig says something that is not allowed.
    #[error("{0}")]
    Refused(&'static str),
    /// TLS could not be set up.
    #[error("cannot make a client")]
    Client(#[source] Box<kube::Error>),
}

/// A client from this file, or from `KUBECONFIG`, `~/.kube/config`, or the Pod's service account.
///
/// # Errors
/// When none of them leads to a cluster.
pub async fn connect(kubeconfig: Option<&Path>, metrics: &Metrics) -> Result<Client, ClientError> {
    let config = match kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(ClientError::Kubeconfig)?;
            from_kubeconfig(file).await?
        }
        None => Config::infer().await.map_err(|error| ClientError::Infer(Box::new(error)))?,
    };
    client(config, metrics)
}

/// What a kubeconfig from a Secret may do beyond naming a server and credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allow {
    /// Run the exec plugins it names (`--insecure-kubeconfig-exec`).
    pub exec: bool,
    /// Skip TLS verification if it says so (`--insecure-kubeconfig-tls`).
    pub insecure_tls: bool,
}

/// A client from the text of a kubeconfig that somebody else wrote: what runs programs, reads
/// files or weakens TLS is dropped first.
///
/// # Errors
/// When the text is no kubeconfig or nothing usable is left of it.
pub async fn from_secret(
    text: &str,
    allow: Allow,
    metrics: &Metrics,
) -> Result<Client, ClientError> {
    let kubeconfig = Kubeconfig::from_yaml(text).map_err(ClientError::Kubeconfig)?;
    let mut config = from_kubeconfig(sanitized(kubeconfig, allow)).await?;
    config.connect_timeout = Some(REMOTE_TIMEOUT);
    config.write_timeout = Some(REMOTE_TIMEOUT);
    client(config, metrics)
}

async fn from_kubeconfig(kubeconfig: Kubeconfig) -> Result<Config, ClientError> {
    let options = KubeConfigOptions::default();
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(ClientError::Kubeconfig)
}

/// Delays and number of tries when the server is busy (429, 503, 504). A reconcile that gives up is
/// tried again anyway, so there is no point in holding it for long.
const RETRY: (Duration, Duration, u32) = (Duration::from_millis(50), Duration::from_secs(5), 6);

fn client(mut config: Config, metrics: &Metrics) -> Result<Client, ClientError> {
    config.default_retry = false;
    let host = config.cluster_url.authority().map(ToString::to_string).unwrap_or_default();
    let (counted, host) = (metrics.clone(), Arc::<str>::from(host));
    let builder = ClientBuilder::try_from(config);
    let builder = builder.map_err(|error| ClientError::Client(Box::new(error)))?;
    let (first, longest, tries) = RETRY;
    let policy = RetryPolicy::new(first, longest, tries, true);
    let policy = policy.map_err(|_| ClientError::Refused("delays of retries are out of order"))?;
    // Innermost, so that a request that is tried again counts again.
    let count =
        layer_fn(move |inner| Counted { inner, metrics: counted.clone(), host: Arc::clone(&host) });
    let builder = builder.with_layer(&count);
    Ok(builder.with_layer(&BufferLayer::new(1024)).with_layer(&RetryLayer::new(policy)).build())
}

/// Counts requests by their answers.
#[derive(Clone)]
struct Counted<S> {
    inner: S,
    metrics: Metrics,
    host: Arc<str>,
}

impl<S, B, A> Service<http::Request<B>> for Counted<S>
where
    S: Service<http::Request<B>, Response = http::Response<A>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    A: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let (metrics, host) = (self.metrics.clone(), Arc::clone(&self.host));
        let method = request.method().clone();
        let answer = self.inner.call(request);
        async move {
            let answer = answer.await;
            let code = answer.as_ref().map(|answer| answer.status().as_u16().to_string());
            let code = code.unwrap_or_else(|_| "<error>".to_owned());
            metrics.requested(method.as_str(), &host, &code);
            answer
        }
        .boxed()
    }
}

/// Keeps the host, certificates and keys given in line, basic and bearer credentials, and the
/// proxy; everything else goes. (CVE-2022-24817: a kubeconfig is a program if one lets it.)
fn sanitized(mut kubeconfig: Kubeconfig, allow: Allow) -> Kubeconfig {
    for cluster in kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        cluster.certificate_authority = None;
        if !allow.insecure_tls {
            cluster.insecure_skip_tls_verify = None;
        }
    }
    for user in kubeconfig.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        user.token_file = None;
        user.client_certificate = None;
        user.client_key = None;
        user.auth_provider = None;
        user.impersonate = None;
        user.impersonate_uid = None;
        user.impersonate_groups = None;
        user.impersonate_user_extra = None;
        if !allow.exec {
            user.exec = None;
        }
    }
    kubeconfig
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters:
- name: c
  cluster: {server: 'https://remote:6443', insecure-skip-tls-verify: true, certificate-authority: /etc/passwd}
users:
- name: u
  user:
    token: t
    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
    client-certificate: /etc/passwd
    client-key: /etc/shadow
    as: system:admin
    auth-provider: {name: gcp, config: {cmd-path: /bin/sh}}
    exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, args: [-c, id]}
";

    #[test]
    fn a_foreign_kubeconfig_runs_nothing_and_reads_no_files() {
        let kept = sanitized(Kubeconfig::from_yaml(HOSTILE).unwrap(), Allow::default());
        let text = serde_json::to_string(&kept).unwrap();
        for gone in ["exec", "/bin/sh", "/etc/", "tokenFile", "insecure", "auth-provider", "\"as\""]
        {
            assert!(!text.contains(gone), "{gone} is left in {text}");
        }
        assert!(text.contains("https://remote:6443") && text.contains("\"token\":\"t\""));
    }

    #[test]
    fn flags_allow_exec_and_insecure_tls_one_by_one() {
        let kubeconfig = || Kubeconfig::from_yaml(HOSTILE).unwrap();
        let exec = sanitized(kubeconfig(), Allow { exec: true, insecure_tls: false });
        let text = serde_json::to_string(&exec).unwrap();
        assert!(text.contains("exec") && !text.contains("insecure"));
        let tls = sanitized(kubeconfig(), Allow { exec: false, insecure_tls: true });
        let text = serde_json::to_string(&tls).unwrap();
        assert!(!text.contains("exec") && text.contains("insecure"));
    }
}
