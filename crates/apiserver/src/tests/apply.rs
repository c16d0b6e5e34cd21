use super::*;

#[tokio::test]
async fn an_apply_creates_owns_and_takes_away() {
    let server = server();
    let path = format!("{CONFIG_MAPS}/a");
    let (status, created) =
        apply(&server, &path, "one", config_map("a", &[("x", "1"), ("y", "1")])).await;
    assert_eq!(status, StatusCode::CREATED);
    let entry = &created["metadata"]["managedFields"][0];
    assert_eq!((&entry["manager"], &entry["operation"]), (&"one".into(), &"Apply".into()));
    assert_eq!(entry["fieldsV1"], json!({ "f:data": { "f:x": {}, "f:y": {} } }));
    let (status, changed) = apply(&server, &path, "one", config_map("a", &[("x", "2")])).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(changed["data"], json!({ "x": "2" }));
    let (_, again) = apply(&server, &path, "one", config_map("a", &[("x", "2")])).await;
    assert_eq!(
        again["metadata"]["resourceVersion"], changed["metadata"]["resourceVersion"],
        "nothing to write"
    );
}

#[tokio::test]
async fn an_apply_conflicts_with_other_managers_unless_forced() {
    let server = server();
    let path = format!("{CONFIG_MAPS}/a");
    apply(&server, &path, "one", config_map("a", &[("x", "1")])).await;
    let (status, refusal) = apply(&server, &path, "two", config_map("a", &[("x", "2")])).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(refusal["message"], "Apply failed with 1 conflict: conflict with \"one\": .data.x");
    assert_eq!(
        refusal["details"]["causes"],
        json!([{ "reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.x" }])
    );
    let forced = format!("{path}?fieldManager=two&force=true");
    let body = config_map("a", &[("x", "2")]);
    let (status, taken) =
        send(&server, Method::PATCH, &forced, "application/apply-patch+yaml", body).await;
    assert_eq!((status, &taken["data"]["x"]), (StatusCode::OK, &"2".into()));
}

#[tokio::test]
async fn yaml_is_a_body_too() {
    let server = server();
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\ndata: {k: v}\n";
    let request = Request::patch(format!("{CONFIG_MAPS}/y?fieldManager=m"))
        .header("content-type", "application/apply-patch+yaml")
        .body(Full::from(yaml))
        .unwrap();
    let (status, made) = exchange(&server, request).await;
    assert_eq!((status, &made["data"]["k"]), (StatusCode::CREATED, &"v".into()));
}

/// Applies that are wrong in themselves: query, body, status, part of the message.
#[tokio::test]
async fn malformed_applies_are_refused() {
    let server = server();
    let path = format!("{CONFIG_MAPS}/a");
    let mut managed = config_map("a", &[]);
    managed["metadata"]["managedFields"] = json!([]);
    let cases = [
        (
            "",
            config_map("a", &[]),
            422,
            "fieldManager: Required value: is required for apply patch",
        ),
        ("fieldManager=m", config_map("b", &[]), 400, "does not match the name on the URL"),
        ("fieldManager=m", managed, 400, "metadata.managedFields must be nil"),
        (
            "fieldManager=m",
            json!({ "kind": "ConfigMap" }),
            400,
            "invalid object type: /, Kind=ConfigMap",
        ),
    ];
    for (query, body, code, part) in cases {
        let url = format!("{path}?{query}");
        let (status, refusal) =
            send(&server, Method::PATCH, &url, "application/apply-patch+yaml", body).await;
        assert_eq!(status.as_u16(), code, "{refusal}");
        assert!(refusal["message"].as_str().unwrap().contains(part), "{refusal}");
    }
}

#[tokio::test]
async fn a_second_apply_of_a_workload_writes_nothing() {
    let server = server();
    let path = format!("{DEPLOYMENTS}/web");
    let (_, first) = apply(&server, &path, "m", deployment("web", 2)).await;
    let (_, second) = apply(&server, &path, "m", deployment("web", 2)).await;
    assert_eq!(first, second);
    assert_eq!(first["spec"]["strategy"]["rollingUpdate"]["maxSurge"], "25%");
    assert_eq!(
        first["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"],
        "IfNotPresent"
    );
}

/// The three older patches: content type, patch, resulting container images.
#[tokio::test]
async fn patches_by_type() {
    let server = server();
    let mut object = deployment("web", 1);
    object["spec"]["template"]["spec"]["containers"] =
        json!([{ "name": "a", "image": "a:1" }, { "name": "b", "image": "b:1" }]);
    post(&server, DEPLOYMENTS, object).await;
    let containers =
        |list: Value| json!({ "spec": { "template": { "spec": { "containers": list } } } });
    let cases = [
        (
            "application/strategic-merge-patch+json",
            containers(json!([{ "name": "b", "image": "b:2" }])),
            json!(["a:1", "b:2"]),
        ),
        (
            "application/json-patch+json",
            json!([{ "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "a:2" }]),
            json!(["a:2", "b:1"]),
        ),
        (
            "application/merge-patch+json",
            containers(json!([{ "name": "c", "image": "c:1" }])),
            json!(["c:1"]),
        ),
    ];
    for (content, patch, images) in cases {
        let url = format!("{DEPLOYMENTS}/web?dryRun=All");
        let (status, patched) = send(&server, Method::PATCH, &url, content, patch).await;
        assert_eq!(status, StatusCode::OK, "{patched}");
        let list = patched["spec"]["template"]["spec"]["containers"].as_array().unwrap().iter();
        assert_eq!(list.map(|c| c["image"].clone()).collect::<Value>(), images);
    }
    let test = json!([{ "op": "test", "path": "/spec/replicas", "value": 5 }]);
    let (status, refusal) = send(
        &server,
        Method::PATCH,
        &format!("{DEPLOYMENTS}/web"),
        "application/json-patch+json",
        test,
    )
    .await;
    assert_eq!((status, &refusal["reason"]), (StatusCode::UNPROCESSABLE_ENTITY, &"Invalid".into()));
    let (status, _) =
        send(&server, Method::PATCH, &format!("{DEPLOYMENTS}/web"), "text/plain", json!({})).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn scale_is_read_and_written_beside_the_object() {
    let server = server();
    post(&server, DEPLOYMENTS, deployment("web", 1)).await;
    let path = format!("{DEPLOYMENTS}/web/scale");
    let (_, scale) = get(&server, &path).await;
    assert_eq!(
        (&scale["kind"], &scale["spec"]["replicas"], &scale["status"]["selector"]),
        (&"Scale".into(), &1.into(), &"app=web".into())
    );
    let (status, scaled) = merge(&server, &path, json!({ "spec": { "replicas": 4 } })).await;
    assert_eq!((status, &scaled["spec"]["replicas"]), (StatusCode::OK, &4.into()));
    assert_eq!(get(&server, &format!("{DEPLOYMENTS}/web")).await.1["spec"]["replicas"], 4);
    let (status, _) = merge(&server, &path, json!({ "spec": { "replicas": -1 } })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}
