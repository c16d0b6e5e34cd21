//! The health and metrics endpoints.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// `/healthz` and `/readyz`, which answer while the process does.
pub fn health() -> Router {
    Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(async || "ok"))
}

/// `/metrics`, in the text format of OpenMetrics.
pub fn metrics(metrics: Metrics) -> Router {
    let render = async move || {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([("content-type", kind)], metrics.render())
    };
    Router::new().route("/metrics", get(render))
}

/// Opens a port. `[::]` falls back to `0.0.0.0` on a machine without IPv6.
///
/// # Errors
/// When the port is taken or not allowed.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if address.ip().is_unspecified() && address.is_ipv6() => {
            TcpListener::bind((std::net::Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        result => result,
    }
}

/// Serves until the shutdown.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "endpoint ended");
    }
}
