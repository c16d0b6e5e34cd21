use super::*;

fn owned(name: &str, owner: &Value, blocks: bool) -> Value {
    let mut object = config_map(name, &[]);
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": blocks,
    }]);
    object
}

async fn family(server: &ApiServer) -> Value {
    let (_, owner) = post(server, CONFIG_MAPS, config_map("owner", &[])).await;
    let (status, child) = post(server, CONFIG_MAPS, owned("child", &owner, true)).await;
    assert_eq!(status, StatusCode::CREATED, "{child}");
    post(server, CONFIG_MAPS, owned("grandchild", &child, true)).await;
    owner
}

fn gone(status: StatusCode, _: &Value) -> bool {
    status == StatusCode::NOT_FOUND
}

#[tokio::test]
async fn an_immediate_deletion_answers_with_a_status() {
    let server = server();
    let (_, made) = post(&server, CONFIG_MAPS, config_map("a", &[])).await;
    let (status, answer) = delete(&server, &format!("{CONFIG_MAPS}/a")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&answer["kind"], &answer["status"]), (&"Status".into(), &"Success".into()));
    assert_eq!(
        answer["details"],
        json!({ "kind": "configmaps", "name": "a", "uid": made["metadata"]["uid"] })
    );
}

#[tokio::test]
async fn finalizers_hold_an_object_until_they_go() {
    let server = server();
    let mut object = config_map("a", &[]);
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    post(&server, CONFIG_MAPS, object).await;
    let path = format!("{CONFIG_MAPS}/a");
    let (_, marked) = delete(&server, &path).await;
    assert_eq!(marked["metadata"]["deletionTimestamp"], "2026-11-23T12:00:00Z");
    let (status, refusal) = merge(
        &server,
        &path,
        json!({ "metadata": { "finalizers": ["example.com/hold", "example.com/more"] } }),
    )
    .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refusal["message"]
            .as_str()
            .unwrap()
            .contains("no new finalizers can be added if the object is being deleted")
    );
    assert_eq!(get(&server, &path).await.0, StatusCode::OK);
    merge(&server, &path, json!({ "metadata": { "finalizers": null } })).await;
    assert_eq!(get(&server, &path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn preconditions_are_kept() {
    let server = server();
    post(&server, CONFIG_MAPS, config_map("a", &[])).await;
    let path = format!("{CONFIG_MAPS}/a");
    for condition in [json!({ "uid": "other" }), json!({ "resourceVersion": "1" })] {
        let body =
            json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": condition });
        let (status, refusal) =
            send(&server, Method::DELETE, &path, "application/json", body).await;
        assert_eq!((status, &refusal["reason"]), (StatusCode::CONFLICT, &"Conflict".into()));
    }
    assert_eq!(get(&server, &path).await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn dependents_follow_in_the_background() {
    let server = server();
    family(&server).await;
    delete(&server, &format!("{CONFIG_MAPS}/owner?propagationPolicy=Background")).await;
    assert_eq!(get(&server, &format!("{CONFIG_MAPS}/owner")).await.0, StatusCode::NOT_FOUND);
    eventually(&server, &format!("{CONFIG_MAPS}/grandchild"), gone).await;
    assert_eq!(get(&server, &format!("{CONFIG_MAPS}/child")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn in_the_foreground_the_owner_goes_last() {
    let server = server();
    family(&server).await;
    let child = format!("{CONFIG_MAPS}/child");
    merge(&server, &child, json!({ "metadata": { "finalizers": ["example.com/hold"] } })).await;
    let (status, marked) =
        delete(&server, &format!("{CONFIG_MAPS}/owner?propagationPolicy=Foreground")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(marked["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    eventually(&server, &child, |_, o| o.pointer("/metadata/deletionTimestamp").is_some()).await;
    eventually(&server, &format!("{CONFIG_MAPS}/grandchild"), gone).await;
    assert_eq!(get(&server, &format!("{CONFIG_MAPS}/owner")).await.0, StatusCode::OK);
    merge(&server, &child, json!({ "metadata": { "finalizers": null } })).await;
    eventually(&server, &format!("{CONFIG_MAPS}/owner"), gone).await;
}

#[tokio::test(start_paused = true)]
async fn orphans_stay_and_forget() {
    let server = server();
    family(&server).await;
    delete(&server, &format!("{CONFIG_MAPS}/owner?propagationPolicy=Orphan")).await;
    eventually(&server, &format!("{CONFIG_MAPS}/owner"), gone).await;
    let (_, child) = get(&server, &format!("{CONFIG_MAPS}/child")).await;
    assert_eq!(child["metadata"].get("ownerReferences"), None);
}

#[tokio::test(start_paused = true)]
async fn a_child_of_nobody_is_collected() {
    let server = server();
    let nobody = json!({ "metadata": { "name": "never-was", "uid": "00000000-0000-0000-0000-000000000000" } });
    post(&server, CONFIG_MAPS, owned("child", &nobody, false)).await;
    eventually(&server, &format!("{CONFIG_MAPS}/child"), gone).await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_takes_its_content_along_and_accepts_no_more() {
    let server = server();
    let space = "/api/v1/namespaces/space";
    post(
        &server,
        "/api/v1/namespaces",
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "space" } }),
    )
    .await;
    let (status, _) = get(&server, &format!("{space}/serviceaccounts/default")).await;
    assert_eq!(status, StatusCode::OK);
    let mut held = config_map("held", &[]);
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    post(&server, &format!("{space}/configmaps"), held).await;
    delete(&server, space).await;
    let (status, refusal) =
        post(&server, &format!("{space}/configmaps"), config_map("late", &[])).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(
        refusal["message"],
        "configmaps \"late\" is forbidden: unable to create new content in namespace space because it is being terminated"
    );
    assert_eq!(refusal["details"]["causes"][0]["reason"], "NamespaceTerminating");
    let waiting =
        |_: StatusCode, o: &Value| o.pointer("/status/conditions/3/status") == Some(&"True".into());
    let namespace = eventually(&server, space, waiting).await;
    assert_eq!(namespace["status"]["phase"], "Terminating");
    assert_eq!(
        namespace["status"]["conditions"][4]["message"],
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    );
    merge(
        &server,
        &format!("{space}/configmaps/held"),
        json!({ "metadata": { "finalizers": null } }),
    )
    .await;
    eventually(&server, space, gone).await;
}

#[tokio::test]
async fn the_immortal_namespaces_stay() {
    let server = server();
    let (status, refusal) = delete(&server, "/api/v1/namespaces/default").await;
    assert_eq!(
        (status, &refusal["message"]),
        (
            StatusCode::FORBIDDEN,
            &"namespaces \"default\" is forbidden: this namespace may not be deleted".into()
        )
    );
}
