//! The whole server through `kube`'s client in process, and through `kubectl` on a socket.

mod access;
mod apply;
mod crds;
mod deletion;
mod kubectl;
mod lists;
mod objects;
mod watches;
mod workloads;

use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{ApiServer, Clock, Options, Simulation};

/// A server whose uids, names and times are the same in every run.
fn server() -> ApiServer {
    server_with(Simulation::Off)
}

fn server_with(simulation: Simulation) -> ApiServer {
    let clock = Clock::fixed("2026-11-23T12:00:00Z".parse().unwrap());
    ApiServer::new(Options { simulation, clock, seed: Some(1), ..Options::default() })
}

/// One HTTP exchange: status and JSON body (text bodies become JSON strings).
async fn send(
    server: &ApiServer,
    method: Method,
    path: &str,
    content: &str,
    body: Value,
) -> (StatusCode, Value) {
    let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).unwrap() };
    let mut request = Request::builder().method(method).uri(path);
    if !content.is_empty() {
        request = request.header("content-type", content);
    }
    exchange(server, request.body(Full::from(bytes)).unwrap()).await
}

async fn exchange(server: &ApiServer, request: Request<Full<bytes::Bytes>>) -> (StatusCode, Value) {
    let response = server.service().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
    (status, body)
}

async fn get(server: &ApiServer, path: &str) -> (StatusCode, Value) {
    send(server, Method::GET, path, "", Value::Null).await
}

async fn post(server: &ApiServer, path: &str, body: Value) -> (StatusCode, Value) {
    send(server, Method::POST, path, "application/json", body).await
}

async fn put(server: &ApiServer, path: &str, body: Value) -> (StatusCode, Value) {
    send(server, Method::PUT, path, "application/json", body).await
}

async fn delete(server: &ApiServer, path: &str) -> (StatusCode, Value) {
    send(server, Method::DELETE, path, "", Value::Null).await
}

async fn merge(server: &ApiServer, path: &str, body: Value) -> (StatusCode, Value) {
    send(server, Method::PATCH, path, "application/merge-patch+json", body).await
}

/// Server-side apply as `manager`.
async fn apply(server: &ApiServer, path: &str, manager: &str, body: Value) -> (StatusCode, Value) {
    let path = format!("{path}?fieldManager={manager}");
    send(server, Method::PATCH, &path, "application/apply-patch+yaml", body).await
}

fn config_map(name: &str, data: &[(&str, &str)]) -> Value {
    let data: std::collections::BTreeMap<_, _> = data.iter().copied().collect();
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": data })
}

/// Asks again until the answer satisfies, in (paused or real) time of the runtime.
async fn eventually(
    server: &ApiServer,
    path: &str,
    wanted: impl Fn(StatusCode, &Value) -> bool,
) -> Value {
    const PATIENCE: Duration = Duration::from_secs(20);
    let asking = async {
        loop {
            let (status, body) = get(server, path).await;
            if wanted(status, &body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(body) => body,
        Err(late) => panic!("{late}: {path} is {:?}", get(server, path).await),
    }
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "main", "image": "example.com/main:1" }] },
            },
        },
    })
}
