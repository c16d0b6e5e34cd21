//! Running a controller as a process of its own: endpoints, signals, leader election, shutdown.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::clients::{self, ClientError};
use crate::clock::{Clock, SystemClock};
use crate::context::{Context, Options, Parts};
use crate::election::{Election, lease_name};
use crate::flags::{Address, CommonFlags};
use crate::metrics::Metrics;
use crate::{events, serve};

/// Why a controller could not start, or stopped.
#[derive(Debug, Error)]
pub enum StartError {
    /// No client for the cluster.
    #[error("cannot connect to the cluster")]
    Client(#[from] ClientError),
    /// A port could not be opened.
    #[error("cannot listen on the {what} address {address}")]
    Listen {
        /// Which endpoint.
        what: &'static str,
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Signals could not be awaited.
    #[error("cannot await signals")]
    Signal(#[source] io::Error),
    /// Another instance took over.
    #[error("leader election lost")]
    LeaseLost,
}

/// How long the last events may take to leave after the controllers have ended.
const LAST_EVENTS: Duration = Duration::from_secs(5);

/// Runs `controllers` as the process `name` until SIGTERM, SIGINT or the loss of the lease.
///
/// Health and metrics are served at once; the controllers start when this instance leads.
///
/// # Errors
/// When the cluster cannot be reached, a port is taken, or the lease is lost.
pub async fn run<F, Controllers>(
    name: &str,
    flags: &CommonFlags,
    options: Options,
    controllers: F,
) -> Result<(), StartError>
where
    F: FnOnce(Context) -> Controllers,
    Controllers: Future<Output = ()>,
{
    let shutdown = CancellationToken::new();
    let metrics = Metrics::default();
    let client = clients::connect(flags.kubeconfig.as_deref(), &metrics).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let graceful = options.graceful_shutdown;
    let selector = options.watch_label_selector.clone();
    let parts = Parts {
        clock: Some(Arc::clone(&clock)),
        options,
        metrics: Some(metrics.clone()),
        shutdown: Some(shutdown.clone()),
        ..Parts::default()
    };
    let context = Context::new(name, client.clone(), parts);
    open(&context, "health", flags.health_addr, serve::health()).await?;
    let metrics = serve::metrics(metrics);
    open(&context, "metrics", flags.metrics_addr, metrics).await?;
    end_on_signal(&context)?;

    let ended = if flags.election.enable_leader_election {
        let namespace = runtime_namespace(flags, &client);
        let lease = lease_name(name, selector.as_deref());
        let identity = identity(clock.as_ref());
        let election =
            Election::new(client, (&namespace, lease), identity, flags.election.clone(), clock);
        lead(&election, &shutdown, controllers(context.clone())).await
    } else {
        controllers(context.clone()).await;
        Ok(())
    };
    shutdown.cancel();
    context.finish(graceful.min(LAST_EVENTS)).await;
    ended
}

/// Runs the controllers while the lease is ours.
async fn lead(
    election: &Election,
    shutdown: &CancellationToken,
    controllers: impl Future<Output = ()>,
) -> Result<(), StartError> {
    if !election.acquire(shutdown).await {
        return Ok(());
    }
    tracing::info!("this instance leads");
    let mut controllers = std::pin::pin!(controllers);
    let lost = tokio::select! {
        lost = election.hold(shutdown) => lost,
        () = &mut controllers => {
            election.release().await;
            return Ok(());
        }
    };
    // Visits end first; only then may another instance begin.
    shutdown.cancel();
    if lost {
        // Another one begins when the lease has expired, whether we are done or not: what is left of
        // it is all the time there is. A visit may be dropped at any point.
        if tokio::time::timeout(election.margin(), controllers).await.is_err() {
            tracing::warn!("visits under way were dropped, another instance may lead now");
        }
        return Err(StartError::LeaseLost);
    }
    controllers.await;
    election.release().await;
    Ok(())
}

async fn open(
    context: &Context,
    what: &'static str,
    address: Address,
    router: axum::Router,
) -> Result<(), StartError> {
    let Address(Some(address)) = address else { return Ok(()) };
    let listener = serve::listen(address).await.map_err(|source| StartError::Listen {
        what,
        address: address.to_string(),
        source,
    })?;
    context.spawn(serve::serve(listener, router, context.shutdown().clone()));
    Ok(())
}

fn end_on_signal(context: &Context) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signal)?;
    let shutdown = context.shutdown().clone();
    context.spawn(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM, shutting down"),
            _ = interrupt.recv() => tracing::info!("interrupted, shutting down"),
            () = shutdown.cancelled() => {}
        }
        shutdown.cancel();
    });
    Ok(())
}

fn runtime_namespace(flags: &CommonFlags, client: &kube::Client) -> String {
    match flags.runtime_namespace.as_str() {
        "" => client.default_namespace().to_owned(),
        namespace => namespace.to_owned(),
    }
}

/// Who holds a lease: the Pod's name and a number, since a restarted container is another holder.
fn identity(clock: &dyn Clock) -> String {
    let host = events::hostname().unwrap_or_else(|| "unknown".to_owned());
    format!("{host}_{:016x}", clock.chance().to_bits() ^ u64::from(std::process::id()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_openapi::api::coordination::v1::Lease;
    use kube::Client;
    use kube::api::{Api, Patch, PatchParams};
    use testkit::apiserver::{ApiServer, Options};
    use tokio::time::Instant;

    use super::*;
    use crate::flags::ElectionFlags;

    #[tokio::test]
    async fn who_lost_the_lease_is_done_before_another_one_may_begin() {
        let server = ApiServer::new(Options::default());
        let client = Client::new(server.service(), "default");
        let flags = ElectionFlags {
            enable_leader_election: true,
            lease_duration: Duration::from_millis(1500),
            renew_deadline: Duration::from_secs(1),
            retry_period: Duration::from_millis(50),
            release_on_cancel: true,
        };
        let lease = ("default", "x-leader-election".to_owned());
        let election =
            Election::new(client.clone(), lease, "us".to_owned(), flags, Arc::new(SystemClock));
        let shutdown = CancellationToken::new();
        // A visit that does not end, whatever it is told.
        let leading = lead(&election, &shutdown, std::future::pending());
        let thief = async {
            let api: Api<Lease> = Api::namespaced(client, "default");
            while api.get_opt("x-leader-election").await.unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let stolen = Patch::Merge(serde_json::json!({"spec": {"holderIdentity": "them"}}));
            api.patch("x-leader-election", &PatchParams::default(), &stolen).await.unwrap();
            Instant::now()
        };
        let (ended, stolen) = tokio::join!(leading, thief);
        assert!(matches!(ended, Err(StartError::LeaseLost)));
        assert!(shutdown.is_cancelled());
        assert!(stolen.elapsed() < Duration::from_secs(2), "took {:?}", stolen.elapsed());
    }
}
