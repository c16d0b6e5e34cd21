use std::fs;
use std::path::Path;

use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{ApiServer, Options, Simulation};

fn open(folder: &Path) -> ApiServer {
    let options = Options { simulation: Simulation::Off, ..Options::default() };
    ApiServer::open(options, folder).unwrap()
}

async fn send(server: &ApiServer, method: &str, path: &str, body: Value) -> (u16, Value) {
    let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).unwrap() };
    let request: http::Request<Full<bytes::Bytes>> =
        http::Request::builder().method(method).uri(path).body(Full::from(bytes)).unwrap();
    let response = server.service().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

const PATH: &str = "/api/v1/namespaces/default/configmaps";

fn config_map(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } })
}

#[tokio::test]
async fn a_reopened_folder_has_the_same_objects_versions_and_token() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let (_, kept) = send(&first, "POST", PATH, config_map("kept")).await;
    send(&first, "POST", PATH, config_map("gone")).await;
    send(&first, "DELETE", &format!("{PATH}/gone"), Value::Null).await;
    let (_, list) = send(&first, "GET", PATH, Value::Null).await;
    let token = first.admin_token().to_owned();
    drop(first);
    let second = open(folder.path());
    assert_eq!(second.admin_token(), token);
    assert_eq!(send(&second, "GET", &format!("{PATH}/kept"), Value::Null).await, (200, kept));
    assert_eq!(send(&second, "GET", &format!("{PATH}/gone"), Value::Null).await.0, 404);
    let version = |list: &Value| {
        list["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap()
    };
    let (_, again) = send(&second, "GET", PATH, Value::Null).await;
    assert!(version(&again) >= version(&list), "the counter never goes back");
    let mode =
        std::os::unix::fs::MetadataExt::mode(&fs::metadata(folder.path().join("secret")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn custom_resources_are_served_again() {
    let folder = tempfile::tempdir().unwrap();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": "as.example.com" },
        "spec": { "group": "example.com", "scope": "Cluster", "names": { "plural": "as", "kind": "A" }, "versions": [
            { "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object" } } }] },
    });
    open(folder.path()).install_crd_values([definition]).unwrap();
    assert_eq!(
        send(&open(folder.path()), "GET", "/apis/example.com/v1/as", Value::Null).await.0,
        200
    );
}

#[tokio::test]
async fn a_cut_off_last_line_is_left_out_and_any_other_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path());
    send(&server, "POST", PATH, config_map("kept")).await;
    drop(server);
    let path = folder.path().join("objects.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{{\"shelf\":\"confi")).unwrap();
    assert_eq!(
        send(&open(folder.path()), "GET", &format!("{PATH}/kept"), Value::Null).await.0,
        200
    );
    fs::write(&path, format!("{{\"shelf\":\"confi\n{whole}")).unwrap();
    let error = ApiServer::open(Options::default(), folder.path()).unwrap_err();
    assert!(error.to_string().starts_with("cannot use the data folder "));
}
