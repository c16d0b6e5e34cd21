use super::*;

#[tokio::test]
async fn a_created_object_has_what_the_system_gives() {
    let server = server();
    let (status, created) = post(&server, CONFIG_MAPS, config_map("a", &[("k", "v")])).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(created["metadata"]["creationTimestamp"], "2026-11-23T12:00:00Z");
    assert_eq!(created["metadata"]["namespace"], "default");
    assert_eq!(created["metadata"]["uid"].as_str().unwrap().len(), 36);
    assert!(created["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > 1);
    assert!(created["metadata"].get("generation").is_none());
    let (status, read) = get(&server, &format!("{CONFIG_MAPS}/a")).await;
    assert_eq!((status, read), (StatusCode::OK, created));
}

/// Refused creations: path, body, status, reason, message.
#[tokio::test]
async fn refusals_of_creations_read_as_the_real_ones() {
    let server = server();
    post(&server, CONFIG_MAPS, config_map("there", &[])).await;
    let cases = [
        (
            CONFIG_MAPS,
            config_map("there", &[]),
            409,
            "AlreadyExists",
            "configmaps \"there\" already exists",
        ),
        (
            "/api/v1/namespaces/nowhere/configmaps",
            config_map("a", &[]),
            404,
            "NotFound",
            "namespaces \"nowhere\" not found",
        ),
        (
            CONFIG_MAPS,
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": {} }),
            422,
            "Invalid",
            "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required",
        ),
        (
            CONFIG_MAPS,
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "namespace": "other" } }),
            400,
            "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            CONFIG_MAPS,
            json!({ "apiVersion": "v2", "kind": "ConfigMap", "metadata": { "name": "a" } }),
            400,
            "BadRequest",
            "the API version in the data (v2) does not match the expected API version (v1)",
        ),
        (
            "/apis/apps/v1/namespaces/default/things",
            json!({}),
            404,
            "NotFound",
            "the server could not find the requested resource",
        ),
    ];
    for (path, body, code, reason, message) in cases {
        let (status, refusal) = post(&server, path, body).await;
        assert_eq!(
            (status.as_u16(), &refusal["reason"], &refusal["message"]),
            (code, &reason.into(), &message.into())
        );
        assert_eq!(
            (&refusal["kind"], &refusal["status"], &refusal["code"]),
            (&"Status".into(), &"Failure".into(), &code.into())
        );
    }
}

#[tokio::test]
async fn names_are_checked_by_the_rule_of_their_kind() {
    let server = server();
    let cases = [
        ("/api/v1/namespaces/default/configmaps", "v1", "ConfigMap", "a.b", true),
        ("/api/v1/namespaces/default/configmaps", "v1", "ConfigMap", "A", false),
        ("/api/v1/namespaces", "v1", "Namespace", "a.b", false),
        ("/api/v1/namespaces", "v1", "Namespace", "ok", true),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "a:B",
            true,
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "a/b",
            false,
        ),
    ];
    for (path, api_version, kind, name, good) in cases {
        let object =
            json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } });
        let (status, body) = post(&server, path, object).await;
        assert_eq!(status == StatusCode::CREATED, good, "{kind} {name}: {body}");
    }
}

#[tokio::test]
async fn generated_names_start_with_their_base() {
    let server = server();
    let object =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "generateName": "made-" } });
    let (_, first) = post(&server, CONFIG_MAPS, object.clone()).await;
    let (_, second) = post(&server, CONFIG_MAPS, object).await;
    let name = |o: &Value| o["metadata"]["name"].as_str().unwrap().to_owned();
    assert!(name(&first).starts_with("made-") && name(&first).len() == 10);
    assert_ne!(name(&first), name(&second));
}

#[tokio::test]
async fn a_stale_update_is_a_conflict_and_an_equal_one_changes_nothing() {
    let server = server();
    let path = format!("{CONFIG_MAPS}/a");
    let (_, first) = post(&server, CONFIG_MAPS, config_map("a", &[("k", "1")])).await;
    let mut next = first.clone();
    next["data"]["k"] = "2".into();
    let (status, second) = put(&server, &path, next.clone()).await;
    assert_eq!(status, StatusCode::OK);
    let (status, refusal) = put(&server, &path, next).await;
    assert_eq!((status, &refusal["reason"]), (StatusCode::CONFLICT, &"Conflict".into()));
    assert_eq!(
        refusal["message"],
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to \
         the latest version and try again"
    );
    let (_, same) = put(&server, &path, second.clone()).await;
    assert_eq!(same["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn the_generation_counts_changes_of_the_spec_only() {
    let server = server();
    let path = format!("{DEPLOYMENTS}/web");
    let generation = |o: &Value| o["metadata"]["generation"].as_i64().unwrap();
    let (_, created) = post(&server, DEPLOYMENTS, deployment("web", 1)).await;
    assert_eq!(generation(&created), 1);
    let (_, labelled) =
        merge(&server, &path, json!({ "metadata": { "labels": { "a": "b" } } })).await;
    assert_eq!(generation(&labelled), 1);
    let (_, scaled) = merge(&server, &path, json!({ "spec": { "replicas": 2 } })).await;
    assert_eq!(generation(&scaled), 2);
    let (_, status) =
        merge(&server, &format!("{path}/status"), json!({ "status": { "replicas": 7 } })).await;
    assert_eq!((generation(&status), &status["status"]["replicas"]), (2, &7.into()));
    // Neither endpoint writes the other's half.
    let (_, kept) = merge(&server, &path, json!({ "status": { "replicas": 9 } })).await;
    assert_eq!(kept["status"]["replicas"], 7);
    let (_, kept) =
        merge(&server, &format!("{path}/status"), json!({ "spec": { "replicas": 9 } })).await;
    assert_eq!(kept["spec"]["replicas"], 2);
}

/// Updates that must be refused: object, merge patch, message.
#[tokio::test]
async fn immutable_fields_stay() {
    let server = server();
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "o" },
        "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "i" }] } } },
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "o" },
        "spec": { "clusterIP": "10.96.0.77", "ports": [{ "port": 80 }] },
    });
    let frozen = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "o" }, "immutable": true, "data": { "a": "b" },
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "o" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r" },
    });
    let cases = [
        (
            DEPLOYMENTS,
            deployment("o", 1),
            json!({ "spec": { "selector": { "matchLabels": { "x": "y" } }, "template": { "metadata": { "labels": { "x": "y" } } } } }),
            "Deployment.apps \"o\" is invalid: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"o\",\"x\":\"y\"}}: \
             field is immutable",
        ),
        (
            "/apis/batch/v1/namespaces/default/jobs",
            job,
            json!({ "spec": { "completionMode": "Indexed" } }),
            "Job.batch \"o\" is invalid: spec.completionMode: Invalid value: \"Indexed\": field is immutable",
        ),
        (
            "/api/v1/namespaces/default/services",
            service,
            json!({ "spec": { "clusterIP": "10.96.0.78", "clusterIPs": ["10.96.0.78"] } }),
            "Service \"o\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.96.0.78\"]: may not change once set",
        ),
        (
            CONFIG_MAPS,
            frozen,
            json!({ "data": { "a": "c" } }),
            "ConfigMap \"o\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
            binding,
            json!({ "roleRef": { "name": "other" } }),
            "RoleBinding.rbac.authorization.k8s.io \"o\" is invalid: roleRef: Invalid value: \
             {\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"other\"}: field is immutable",
        ),
    ];
    for (path, object, patch, message) in cases {
        let (status, body) = post(&server, path, object).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let (status, refusal) = merge(&server, &format!("{path}/o"), patch).await;
        assert_eq!(
            (status, &refusal["message"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &message.into())
        );
        assert_eq!(refusal["details"]["causes"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn dry_runs_answer_and_store_nothing() {
    let server = server();
    let (status, made) =
        post(&server, &format!("{CONFIG_MAPS}?dryRun=All"), config_map("a", &[])).await;
    assert_eq!((status, &made["metadata"]["name"]), (StatusCode::CREATED, &"a".into()));
    assert_eq!(get(&server, &format!("{CONFIG_MAPS}/a")).await.0, StatusCode::NOT_FOUND);
    post(&server, CONFIG_MAPS, config_map("a", &[("k", "1")])).await;
    let (_, changed) =
        merge(&server, &format!("{CONFIG_MAPS}/a?dryRun=All"), json!({ "data": { "k": "2" } }))
            .await;
    assert_eq!(changed["data"]["k"], "2");
    assert_eq!(delete(&server, &format!("{CONFIG_MAPS}/a?dryRun=All")).await.0, StatusCode::OK);
    assert_eq!(get(&server, &format!("{CONFIG_MAPS}/a")).await.1["data"]["k"], "1");
}

#[tokio::test]
async fn unknown_fields_are_warned_about_refused_or_ignored() {
    let server = server();
    let mut object = config_map("a", &[]);
    object["dataa"] = json!({});
    let request = |validation: &str| {
        let path = format!("{CONFIG_MAPS}?dryRun=All&fieldValidation={validation}");
        Request::post(path).body(Full::from(serde_json::to_vec(&object).unwrap())).unwrap()
    };
    let warned = server.service().oneshot(request("Warn")).await.unwrap();
    assert_eq!(warned.status(), StatusCode::CREATED);
    assert_eq!(warned.headers()["warning"], "299 - \"unknown field \\\"dataa\\\"\"");
    let (status, refusal) = exchange(&server, request("Strict")).await;
    assert_eq!((status, &refusal["reason"]), (StatusCode::BAD_REQUEST, &"BadRequest".into()));
    assert!(
        refusal["message"]
            .as_str()
            .unwrap()
            .ends_with("strict decoding error: unknown field \"dataa\"")
    );
    let ignored = server.service().oneshot(request("Ignore")).await.unwrap();
    assert!(ignored.status() == StatusCode::CREATED && !ignored.headers().contains_key("warning"));
}

#[tokio::test]
async fn a_key_that_stands_twice_is_warned_about_or_refused() {
    let server = server();
    let twice = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":{"k":"1","k":"2"}}"#;
    let request = |validation: &str| {
        let path = format!("{CONFIG_MAPS}?dryRun=All&fieldValidation={validation}");
        Request::post(path).body(Full::from(twice)).unwrap()
    };
    let warned = server.service().oneshot(request("Warn")).await.unwrap();
    assert_eq!(warned.headers()["warning"], "299 - \"duplicate field \\\"data.k\\\"\"");
    let (status, refusal) = exchange(&server, request("Strict")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        refusal["message"],
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: duplicate field \"data.k\""
    );
}

#[tokio::test]
async fn events_are_one_store_with_two_faces() {
    let server = server();
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": { "name": "e" }, "reason": "Made", "message": "made it",
        "type": "Normal", "count": 3, "involvedObject": { "kind": "Pod", "name": "p", "namespace": "default" },
    });
    post(&server, "/api/v1/namespaces/default/events", event).await;
    let (status, newer) = get(&server, "/apis/events.k8s.io/v1/namespaces/default/events/e").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (
            &newer["apiVersion"],
            &newer["note"],
            &newer["regarding"]["name"],
            &newer["deprecatedCount"]
        ),
        (&"events.k8s.io/v1".into(), &"made it".into(), &"p".into(), &3.into())
    );
    let selected = "/api/v1/events?fieldSelector=involvedObject.name%3Dp,reason!%3DOther";
    assert_eq!(get(&server, selected).await.1["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn autoscalers_convert_between_versions() {
    let server = server();
    let one = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "h" },
        "spec": { "maxReplicas": 5, "targetCPUUtilizationPercentage": 70,
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" } },
    });
    let (status, body) =
        post(&server, "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers", one)
            .await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let (_, two) =
        get(&server, "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/h").await;
    assert_eq!(two["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 70);
    let (_, one) =
        get(&server, "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/h").await;
    assert_eq!(one["spec"]["targetCPUUtilizationPercentage"], 70);
    assert_eq!(one["metadata"].get("annotations"), None);
}

#[tokio::test]
async fn services_get_addresses_and_keep_them() {
    let server = server();
    let path = "/api/v1/namespaces/default/services";
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" },
        "spec": { "type": "NodePort", "ports": [{ "port": 80 }] } });
    let (_, first) = apply(&server, &format!("{path}/s"), "me", service.clone()).await;
    let (_, second) = apply(&server, &format!("{path}/s"), "me", service).await;
    assert!(first["spec"]["clusterIP"].as_str().unwrap().starts_with("10.96."));
    assert!(first["spec"]["ports"][0]["nodePort"].as_i64().unwrap() >= 30_000);
    assert_eq!(first, second, "a second apply changes nothing");
}

#[tokio::test]
async fn requests_are_counted_by_verb_and_resource() {
    let server = server();
    server.reset_requests();
    post(&server, CONFIG_MAPS, config_map("a", &[])).await;
    get(&server, &format!("{CONFIG_MAPS}/a")).await;
    get(&server, CONFIG_MAPS).await;
    merge(&server, &format!("{DEPLOYMENTS}/x/status"), json!({})).await;
    let counts = server.requests();
    let counted: Vec<(&str, &str, u64)> =
        counts.iter().map(|(k, n)| (k.verb, k.resource.as_str(), *n)).collect();
    let expected = [
        ("create", "configmaps", 1),
        ("get", "configmaps", 1),
        ("list", "configmaps", 1),
        ("patch", "deployments.apps/status", 1),
    ];
    assert_eq!(counted, expected);
    assert_eq!(counts.keys().filter(|k| k.is_write()).count(), 2);
}
