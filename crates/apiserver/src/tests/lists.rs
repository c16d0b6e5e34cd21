use super::*;

async fn with_ten() -> ApiServer {
    let server = server();
    for n in 0..10 {
        let mut object = config_map(&format!("cm-{n}"), &[]);
        object["metadata"]["labels"] =
            json!({ "parity": if n % 2 == 0 { "even" } else { "odd" }, "n": n.to_string() });
        post(&server, CONFIG_MAPS, object).await;
    }
    server
}

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|i| i["metadata"]["name"].as_str().unwrap().to_owned())
        .filter(|n| n.starts_with("cm-"))
        .collect()
}

/// Selectors and how many of the ten they match.
#[tokio::test]
async fn selectors_choose() {
    let server = with_ten().await;
    let cases = [
        ("labelSelector=parity%3Deven", 5),
        ("labelSelector=parity%21%3Deven", 5),
        ("labelSelector=n+in+(1,2,3)", 3),
        ("labelSelector=n+notin+(1,2,3),parity", 7),
        ("labelSelector=!parity", 0),
        ("labelSelector=n%3E7", 2),
        ("fieldSelector=metadata.name%3Dcm-4", 1),
        ("fieldSelector=metadata.name!%3Dcm-4,metadata.namespace%3Ddefault", 9),
    ];
    for (query, count) in cases {
        let (status, list) = get(&server, &format!("{CONFIG_MAPS}?{query}")).await;
        assert_eq!((status, names(&list).len()), (StatusCode::OK, count), "{query}");
    }
    let (status, refusal) = get(&server, &format!("{CONFIG_MAPS}?fieldSelector=data.k%3Dv")).await;
    assert_eq!(
        (status, &refusal["message"]),
        (StatusCode::BAD_REQUEST, &"\"data.k\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"".into())
    );
}

#[tokio::test]
async fn pages_show_the_moment_of_the_first() {
    let server = with_ten().await;
    let (_, first) = get(&server, &format!("{CONFIG_MAPS}?limit=4&labelSelector=parity")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    delete(&server, &format!("{CONFIG_MAPS}/cm-5")).await;
    post(&server, CONFIG_MAPS, config_map("cm-4a", &[])).await;
    let mut seen = names(&first);
    let mut next = Some(token.to_owned());
    while let Some(token) = next {
        let (_, page) =
            get(&server, &format!("{CONFIG_MAPS}?limit=4&labelSelector=parity&continue={token}"))
                .await;
        assert_eq!(page["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
        seen.extend(names(&page));
        next = page["metadata"]["continue"].as_str().map(str::to_owned);
    }
    let expected: Vec<String> = (0..10).map(|n| format!("cm-{n}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_remaining_items_are_counted_without_a_selector() {
    let server = with_ten().await;
    let (_, page) = get(&server, &format!("{CONFIG_MAPS}?limit=3")).await;
    assert_eq!(
        page["metadata"]["remainingItemCount"], 8,
        "ten of ours and the root certificates, less three"
    );
}

#[tokio::test]
async fn resource_versions_of_lists_are_honoured() {
    let server = with_ten().await;
    let (_, now) = get(&server, CONFIG_MAPS).await;
    let version: u64 = now["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
    delete(&server, &format!("{CONFIG_MAPS}/cm-0")).await;
    let (_, then) = get(
        &server,
        &format!("{CONFIG_MAPS}?resourceVersion={version}&resourceVersionMatch=Exact"),
    )
    .await;
    assert_eq!(names(&then).len(), 10);
    let (_, newer) = get(
        &server,
        &format!("{CONFIG_MAPS}?resourceVersion={version}&resourceVersionMatch=NotOlderThan"),
    )
    .await;
    assert_eq!(names(&newer).len(), 9);
    let (status, refusal) =
        get(&server, &format!("{CONFIG_MAPS}?resourceVersion={}", version + 100)).await;
    assert_eq!((status, &refusal["reason"]), (StatusCode::GATEWAY_TIMEOUT, &"Timeout".into()));
    server.restart();
    let (status, refusal) = get(
        &server,
        &format!("{CONFIG_MAPS}?resourceVersion={version}&resourceVersionMatch=Exact"),
    )
    .await;
    assert_eq!((status, &refusal["reason"]), (StatusCode::GONE, &"Expired".into()));
}

#[tokio::test]
async fn items_of_built_in_lists_carry_no_kind() {
    let server = with_ten().await;
    let (_, list) = get(&server, CONFIG_MAPS).await;
    assert_eq!((&list["kind"], &list["apiVersion"]), (&"ConfigMapList".into(), &"v1".into()));
    assert!(
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|i| i.get("kind").is_none() && i.get("apiVersion").is_none())
    );
}

#[tokio::test]
async fn metadata_alone_and_tables_are_negotiated() {
    let server = with_ten().await;
    let ask = |accept: &str| {
        Request::get(format!("{CONFIG_MAPS}?labelSelector=n%3D1"))
            .header("accept", accept)
            .body(Full::default())
            .unwrap()
    };
    let (_, partial) =
        exchange(&server, ask("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"))
            .await;
    assert_eq!(partial["kind"], "PartialObjectMetadataList");
    assert_eq!(partial["items"][0]["metadata"]["name"], "cm-1");
    assert!(partial["items"][0].get("data").is_none());
    let (_, table) =
        exchange(&server, ask("application/json;as=Table;g=meta.k8s.io;v=v1,application/json"))
            .await;
    let columns: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(columns, ["Name", "Data", "Age"]);
    assert_eq!(table["rows"][0]["cells"], json!(["cm-1", 0, "0s"]));
    let (status, _) = exchange(&server, ask("text/html")).await;
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let server = with_ten().await;
    let (status, gone) =
        delete(&server, &format!("{CONFIG_MAPS}?labelSelector=parity%3Dodd")).await;
    assert_eq!((status, names(&gone).len()), (StatusCode::OK, 5));
    assert_eq!(names(&get(&server, CONFIG_MAPS).await.1).len(), 5);
}
