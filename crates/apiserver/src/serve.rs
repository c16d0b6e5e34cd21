//! The server on a socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::service::{Service, Trust};

/// How long open requests may take to end at shutdown.
const DRAIN: Duration = Duration::from_secs(2);

/// A server that listens; ends when it is shut down or dropped.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Handle {
    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets requests that are under way end (watches are cut), and returns
    /// when all have.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take()
            && let Err(why) = task.await
        {
            tracing::warn!(error = %why, "the listener ended badly");
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Listens on `address` and answers with `service`.
#[expect(
    clippy::disallowed_methods,
    reason = "the accept loop; it owns its connections in a JoinSet and the handle owns it"
)]
pub(crate) async fn listen(service: Service, address: SocketAddr) -> io::Result<Handle> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(accept(listener, service, stopped));
    Ok(Handle { address, stop, task: Some(task) })
}

async fn accept(listener: TcpListener, service: Service, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Small answers should not wait for the peer's acknowledgement.
                    if let Err(why) = stream.set_nodelay(true) {
                        tracing::debug!(error = %why, "cannot set TCP_NODELAY");
                    }
                    let trust = if peer.ip().is_loopback() { Trust::Local } else { Trust::Nobody };
                    let service = Service { trust, ..service.clone() };
                    connections.spawn(connection(TokioIo::new(stream), service, stopped.clone()));
                }
                Err(why) => {
                    tracing::warn!(error = %why, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::debug!("connections cut at shutdown");
    }
}

async fn connection(
    stream: TokioIo<tokio::net::TcpStream>,
    service: Service,
    mut stopped: watch::Receiver<bool>,
) {
    let mut epoch = service.core.epoch.subscribe();
    let builder = Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection(stream, TowerToHyperService::new(service));
    tokio::pin!(serving);
    tokio::select! {
        // A client that goes away in the middle is its own business.
        _ = serving.as_mut() => {}
        _ = stopped.changed() => {
            serving.as_mut().graceful_shutdown();
            let _ended = tokio::time::timeout(DRAIN / 2, serving).await;
        }
        // A restart: as when the process dies.
        _ = epoch.changed() => {}
    }
}
