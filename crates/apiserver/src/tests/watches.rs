use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::watcher::{self, watcher};

use super::*;

fn client(server: &ApiServer) -> kube::Client {
    kube::Client::new(server.service(), "default")
}

fn typed(name: &str, value: &str) -> ConfigMap {
    serde_json::from_value(config_map(name, &[("k", value)])).unwrap()
}

/// The lines of a raw watch that ends by its own timeout or error.
async fn lines(server: &ApiServer, path: &str) -> Vec<Value> {
    let request = Request::get(path).body(Full::<bytes::Bytes>::default()).unwrap();
    let response = server.service().oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    bytes
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect()
}

fn kinds(lines: &[Value]) -> Vec<(&str, &str)> {
    let name = |l: &Value| l["object"]["metadata"]["name"].as_str().map(str::to_owned);
    lines
        .iter()
        .filter(|l| name(l).as_deref() != Some("kube-root-ca.crt"))
        .map(|l| {
            (
                l["type"].as_str().unwrap(),
                l["object"]["metadata"]["name"].as_str().unwrap_or_default(),
            )
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_version_tells_what_came_after() {
    let server = server();
    let (_, first) = post(&server, CONFIG_MAPS, config_map("a", &[("k", "1")])).await;
    let from = first["metadata"]["resourceVersion"].as_str().unwrap();
    merge(&server, &format!("{CONFIG_MAPS}/a"), json!({ "data": { "k": "2" } })).await;
    post(&server, CONFIG_MAPS, config_map("b", &[])).await;
    delete(&server, &format!("{CONFIG_MAPS}/a")).await;
    let seen = lines(
        &server,
        &format!("{CONFIG_MAPS}?watch=true&resourceVersion={from}&timeoutSeconds=1"),
    )
    .await;
    assert_eq!(kinds(&seen), [("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]);
    let versions: Vec<u64> = seen
        .iter()
        .map(|l| l["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(versions.is_sorted() && versions[0] > from.parse().unwrap());
}

#[tokio::test(start_paused = true)]
async fn objects_enter_and_leave_a_selected_watch() {
    let server = server();
    let from = get(&server, CONFIG_MAPS).await.1["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    post(&server, CONFIG_MAPS, config_map("a", &[])).await;
    let path = format!("{CONFIG_MAPS}/a");
    merge(&server, &path, json!({ "metadata": { "labels": { "on": "y" } } })).await;
    merge(&server, &path, json!({ "data": { "k": "v" } })).await;
    merge(&server, &path, json!({ "metadata": { "labels": { "on": null } } })).await;
    delete(&server, &path).await;
    let watch =
        format!("{CONFIG_MAPS}?watch=1&resourceVersion={from}&labelSelector=on&timeoutSeconds=1");
    let seen = lines(&server, &watch).await;
    assert_eq!(kinds(&seen), [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_list_ends_its_first_part_with_a_marked_bookmark() {
    let server = server();
    post(&server, CONFIG_MAPS, config_map("a", &[])).await;
    let watch = format!(
        "{CONFIG_MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=61"
    );
    let seen = lines(&server, &watch).await;
    assert_eq!(
        kinds(&seen),
        [("ADDED", "a"), ("BOOKMARK", ""), ("BOOKMARK", "")],
        "the second comes after a minute"
    );
    assert_eq!(seen[2]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(seen[2]["object"]["kind"], "ConfigMap");
    assert_eq!(seen[3]["object"]["metadata"].get("annotations"), None);
}

#[tokio::test]
async fn what_is_too_old_is_gone() {
    let server =
        ApiServer::new(Options { window: 3, simulation: Simulation::Off, ..Options::default() });
    let from = get(&server, CONFIG_MAPS).await.1["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    for n in 0..5 {
        post(&server, CONFIG_MAPS, config_map(&format!("c{n}"), &[])).await;
    }
    // As an event: a client that meets the code itself would ask for the same version for ever.
    let (status, event) =
        get(&server, &format!("{CONFIG_MAPS}?watch=1&resourceVersion={from}")).await;
    assert_eq!((status, &event["type"]), (StatusCode::OK, &"ERROR".into()));
    let refusal = &event["object"];
    assert_eq!((&refusal["code"], &refusal["reason"]), (&410.into(), &"Expired".into()));
    let said = refusal["message"].as_str().unwrap();
    assert!(said.starts_with(&format!("too old resource version: {from} (")), "{said}");
}

#[tokio::test]
async fn a_reader_that_falls_behind_is_cut() {
    let server =
        ApiServer::new(Options { window: 3, simulation: Simulation::Off, ..Options::default() });
    let request = Request::get(format!(
        "{CONFIG_MAPS}?watch=1&resourceVersion=0&fieldSelector=metadata.name!%3Dkube-root-ca.crt"
    ));
    let response = server
        .service()
        .oneshot(request.body(Full::<bytes::Bytes>::default()).unwrap())
        .await
        .unwrap();
    for n in 0..5 {
        post(&server, CONFIG_MAPS, config_map(&format!("c{n}"), &[])).await;
    }
    // Nothing was read meanwhile; what is read now is the end.
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let event: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&"ERROR".into(), &410.into()));
}

#[tokio::test]
async fn a_restart_ends_watches_and_keeps_objects() {
    let server = server();
    let api: Api<ConfigMap> = Api::default_namespaced(client(&server));
    api.create(&PostParams::default(), &typed("a", "1")).await.unwrap();
    let mut watch = api.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Added(_)))));
    assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Added(_)))));
    server.restart();
    assert!(watch.next().await.is_none());
    assert_eq!(api.get("a").await.unwrap().data.unwrap()["k"], "1");
}

#[tokio::test]
async fn kubes_watcher_follows_by_both_strategies() {
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let server = server();
        let api: Api<ConfigMap> = Api::default_namespaced(client(&server));
        api.create(&PostParams::default(), &typed("a", "1")).await.unwrap();
        let mut events = watcher(api.clone(), config.labels("app")).boxed();
        let labelled = json!({ "metadata": { "labels": { "app": "x" } } });
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            match event.unwrap() {
                watcher::Event::Init | watcher::Event::InitApply(_) => {}
                watcher::Event::InitDone => {
                    api.patch("a", &PatchParams::default(), &Patch::Merge(&labelled))
                        .await
                        .unwrap();
                }
                watcher::Event::Apply(object) => {
                    seen.push(format!("apply {}", object.metadata.name.unwrap()));
                    api.delete("a", &DeleteParams::default()).await.unwrap();
                }
                watcher::Event::Delete(object) => {
                    seen.push(format!("delete {}", object.metadata.name.unwrap()));
                    break;
                }
            }
        }
        assert_eq!(seen, ["apply a", "delete a"]);
    }
}
