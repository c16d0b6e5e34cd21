use super::*;

fn simulated() -> ApiServer {
    server_with(Simulation::On { step: Duration::from_millis(5) })
}

fn condition<'o>(object: &'o Value, kind: &str) -> &'o Value {
    let none = &Value::Null;
    let list = object.pointer("/status/conditions").and_then(Value::as_array);
    list.and_then(|l| l.iter().find(|c| c["type"] == kind)).unwrap_or(none)
}

fn observed(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

fn rolled_out(replicas: u64) -> impl Fn(StatusCode, &Value) -> bool {
    move |_, o| {
        let status = &o["status"];
        observed(o)
            && ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]
                .iter()
                .all(|f| status[f] == replicas)
            && condition(o, "Progressing")["reason"] == "NewReplicaSetAvailable"
            && condition(o, "Available")["status"] == "True"
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_rolls_out_scales_and_updates() {
    let server = simulated();
    let path = format!("{DEPLOYMENTS}/web");
    post(&server, DEPLOYMENTS, deployment("web", 2)).await;
    eventually(&server, &path, rolled_out(2)).await;
    merge(&server, &path, json!({ "spec": { "replicas": 3 } })).await;
    eventually(&server, &path, rolled_out(3)).await;
    let image = json!([{ "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "example.com/main:2" }]);
    send(&server, Method::PATCH, &path, "application/json-patch+json", image).await;
    let done = eventually(&server, &path, rolled_out(3)).await;
    assert_eq!(done["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    let pods = "/api/v1/namespaces/default/pods";
    let updated = |_: StatusCode, l: &Value| {
        let images = l["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["spec"]["containers"][0]["image"].clone());
        images.collect::<Value>()
            == json!(["example.com/main:2", "example.com/main:2", "example.com/main:2"])
    };
    eventually(&server, pods, updated).await;
    delete(&server, &path).await;
    eventually(&server, pods, |_, l| l["items"] == json!([])).await;
    eventually(&server, "/apis/apps/v1/replicasets", |_, l| l["items"] == json!([])).await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_deployment_exceeds_its_deadline_and_recovers() {
    let server = simulated();
    let path = format!("{DEPLOYMENTS}/web");
    let mut object = deployment("web", 1);
    object["metadata"]["annotations"] = json!({ "weir.dev/simulate": "fail" });
    post(&server, DEPLOYMENTS, object).await;
    let late = |_: StatusCode, o: &Value| {
        condition(o, "Progressing")["reason"] == "ProgressDeadlineExceeded"
    };
    let failed = eventually(&server, &path, late).await;
    assert_eq!(condition(&failed, "Available")["status"], "False");
    let crashed = |_: StatusCode, l: &Value| {
        l.pointer("/items/0/status/containerStatuses/0/state/waiting/reason")
            == Some(&"CrashLoopBackOff".into())
    };
    eventually(&server, "/api/v1/namespaces/default/pods", crashed).await;
    merge(
        &server,
        &path,
        json!({ "metadata": { "annotations": { "weir.dev/simulate": null } },
        "spec": { "template": { "metadata": { "annotations": { "try": "2" } } } } }),
    )
    .await;
    eventually(&server, &path, rolled_out(1)).await;
}

#[tokio::test(start_paused = true)]
async fn what_never_gets_ready_stays_in_progress() {
    let server = simulated();
    let mut object = deployment("web", 1);
    object["spec"]["template"]["metadata"]["annotations"] =
        json!({ "weir.dev/simulate": "never-ready" });
    post(&server, DEPLOYMENTS, object).await;
    let running =
        |_: StatusCode, l: &Value| l.pointer("/items/0/status/phase") == Some(&"Running".into());
    eventually(&server, "/api/v1/namespaces/default/pods", running).await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    let (_, now) = get(&server, &format!("{DEPLOYMENTS}/web")).await;
    assert_eq!(
        (&now["status"]["replicas"], &now["status"]["readyReplicas"]),
        (&1.into(), &Value::Null)
    );
    assert_eq!(condition(&now, "Progressing")["reason"], "ReplicaSetUpdated");
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_has_numbered_pods_and_bound_claims() {
    let server = simulated();
    let sets = "/apis/apps/v1/namespaces/default/statefulsets";
    let set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "db" },
        "spec": {
            "replicas": 2, "serviceName": "db", "selector": { "matchLabels": { "app": "db" } },
            "template": { "metadata": { "labels": { "app": "db" } }, "spec": { "containers": [{ "name": "c", "image": "i",
                "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }] } },
            "volumeClaimTemplates": [{ "metadata": { "name": "data" }, "spec": { "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": { "storage": "1Gi" } } } }],
        },
    });
    let (status, body) = post(&server, sets, set).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let ready = |replicas: u64| {
        move |_: StatusCode, o: &Value| {
            let status = &o["status"];
            observed(o)
                && status["readyReplicas"] == replicas
                && status["updatedReplicas"] == replicas
                && status["currentRevision"] == status["updateRevision"]
        }
    };
    let first = eventually(&server, &format!("{sets}/db"), ready(2)).await;
    for claim in ["data-db-0", "data-db-1"] {
        let path = format!("/api/v1/namespaces/default/persistentvolumeclaims/{claim}");
        eventually(&server, &path, |_, o| o["status"]["phase"] == "Bound").await;
    }
    let image = json!([{ "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "i:2" }]);
    send(&server, Method::PATCH, &format!("{sets}/db"), "application/json-patch+json", image).await;
    let second = eventually(&server, &format!("{sets}/db"), ready(2)).await;
    assert_ne!(first["status"]["updateRevision"], second["status"]["updateRevision"]);
    assert_eq!(
        get(&server, "/api/v1/namespaces/default/pods/db-1").await.1["spec"]["containers"][0]["image"],
        "i:2"
    );
}

#[tokio::test(start_paused = true)]
async fn a_daemon_set_runs_on_every_node() {
    let server = simulated();
    let sets = "/apis/apps/v1/namespaces/default/daemonsets";
    let set = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": { "name": "agent" },
        "spec": { "selector": { "matchLabels": { "app": "agent" } }, "template": { "metadata": { "labels": { "app": "agent" } },
            "spec": { "containers": [{ "name": "c", "image": "i" }] } } },
    });
    post(&server, sets, set).await;
    let done = |_: StatusCode, o: &Value| {
        let number = |f: &str| o["status"][f].as_u64().unwrap_or(0);
        observed(o)
            && number("desiredNumberScheduled") == 1
            && number("updatedNumberScheduled") == 1
            && number("numberAvailable") == 1
    };
    eventually(&server, &format!("{sets}/agent"), done).await;
}

fn job(name: &str, annotations: Value) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name, "annotations": annotations },
        "spec": { "backoffLimit": 1, "template": { "spec": { "restartPolicy": "Never",
            "containers": [{ "name": "c", "image": "i" }] } } },
    })
}

#[tokio::test(start_paused = true)]
async fn jobs_complete_or_fail() {
    let server = simulated();
    let jobs = "/apis/batch/v1/namespaces/default/jobs";
    post(&server, jobs, job("good", json!({}))).await;
    let good = eventually(&server, &format!("{jobs}/good"), |_, o| {
        condition(o, "Complete")["status"] == "True"
    })
    .await;
    assert_eq!(
        (&good["status"]["succeeded"], &good["status"]["active"]),
        (&1.into(), &Value::Null)
    );
    post(&server, jobs, job("bad", json!({ "weir.dev/simulate": "fail" }))).await;
    let bad = eventually(&server, &format!("{jobs}/bad"), |_, o| {
        condition(o, "Failed")["status"] == "True"
    })
    .await;
    assert_eq!(
        (&bad["status"]["failed"], &condition(&bad, "Failed")["reason"]),
        (&2.into(), &"BackoffLimitExceeded".into())
    );
    let mut brief = job("brief", json!({}));
    brief["spec"]["ttlSecondsAfterFinished"] = 30.into();
    post(&server, jobs, brief).await;
    eventually(&server, &format!("{jobs}/brief"), |_, o| {
        condition(o, "Complete")["status"] == "True"
    })
    .await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    eventually(&server, &format!("{jobs}/brief"), |status, _| status == StatusCode::NOT_FOUND)
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_service_finds_its_pods_and_its_load_balancer() {
    let server = simulated();
    post(&server, DEPLOYMENTS, deployment("web", 2)).await;
    let services = "/api/v1/namespaces/default/services";
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
        "spec": { "type": "LoadBalancer", "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": 8080 }] } });
    post(&server, services, service).await;
    eventually(&server, &format!("{services}/web"), |_, o| {
        o.pointer("/status/loadBalancer/ingress/0/ip").is_some()
    })
    .await;
    let full = |_: StatusCode, l: &Value| {
        let ready = |e: &Value| e["conditions"]["ready"] == true;
        let endpoints = l.pointer("/items/0/endpoints").and_then(Value::as_array);
        endpoints.is_some_and(|e| e.len() == 2 && e.iter().all(ready))
    };
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3Dweb";
    let slices = eventually(&server, slices, full).await;
    assert_eq!(slices["items"][0]["ports"][0]["port"], 8080);
}

#[tokio::test(start_paused = true)]
async fn an_eviction_respects_the_budget() {
    let server = simulated();
    post(&server, DEPLOYMENTS, deployment("web", 2)).await;
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let budget = json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "web" },
        "spec": { "minAvailable": 2, "selector": { "matchLabels": { "app": "web" } } } });
    post(&server, budgets, budget).await;
    eventually(&server, &format!("{budgets}/web"), |_, o| o["status"]["currentHealthy"] == 2).await;
    let (_, pods) = get(&server, "/api/v1/namespaces/default/pods").await;
    let name = pods["items"][0]["metadata"]["name"].as_str().unwrap();
    let path = format!("/api/v1/namespaces/default/pods/{name}/eviction");
    let eviction =
        json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": name } });
    let (status, refusal) = post(&server, &path, eviction.clone()).await;
    assert_eq!(
        (status, &refusal["reason"]),
        (StatusCode::TOO_MANY_REQUESTS, &"TooManyRequests".into())
    );
    merge(&server, &format!("{budgets}/web"), json!({ "spec": { "minAvailable": 1 } })).await;
    eventually(&server, &format!("{budgets}/web"), |_, o| o["status"]["disruptionsAllowed"] == 1)
        .await;
    assert_eq!(post(&server, &path, eviction).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn without_simulation_nothing_moves() {
    let server = server();
    post(&server, DEPLOYMENTS, deployment("web", 2)).await;
    tokio::task::yield_now().await;
    assert_eq!(get(&server, &format!("{DEPLOYMENTS}/web")).await.1["status"], json!({}));
    assert_eq!(get(&server, "/api/v1/pods").await.1["items"], json!([]));
    assert_eq!(get(&server, "/api/v1/nodes").await.1["items"], json!([]));
}
