use serde_json::json;

use super::*;

fn check(object: Value, expected: &str) {
    let health = of(&object);
    let message = match &health {
        Health::InProgress(message) | Health::Failed(message) | Health::Unknown(message) => message,
        Health::Current | Health::Terminating | Health::NotFound => "",
    };
    let shown = format!("{} {message}", health.as_str());
    assert_eq!(shown.trim_end(), expected, "{object}");
}

fn deployment(status: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 2},
        "spec": {"replicas": 2, "progressDeadlineSeconds": 600}, "status": status,
    })
}

fn rolled_out() -> Value {
    json!({
        "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
        "readyReplicas": 2, "conditions": [
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            {"type": "Available", "status": "True"},
        ],
    })
}

#[test]
fn a_deployment_is_current_when_it_is_rolled_out() {
    check(deployment(rolled_out()), "Current");
    check(deployment(json!({})), "InProgress Deployment has not been observed");
    for (field, value, expected) in [
        (
            "observedGeneration",
            json!(1),
            "InProgress Deployment generation is 2, but latest observed generation is 1",
        ),
        ("replicas", json!(1), "InProgress Replicas: 1/2"),
        ("updatedReplicas", json!(1), "InProgress Updated: 1/2"),
        ("replicas", json!(3), "InProgress Pending termination: 1"),
        ("availableReplicas", json!(1), "InProgress Available: 1/2"),
        ("readyReplicas", json!(0), "InProgress Ready: 0/2"),
        ("conditions", json!([]), "InProgress ReplicaSet not Available"),
        (
            "conditions",
            json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]),
            "Failed Progress deadline exceeded",
        ),
    ] {
        let mut status = rolled_out();
        status[field] = value;
        check(deployment(status), expected);
    }
}

#[test]
fn a_job_must_complete_unless_it_is_suspended() {
    let job = |spec: Value, status: Value| json!({"apiVersion": "batch/v1", "kind": "Job", "spec": spec, "status": status});
    let running = json!({"active": 1, "startTime": "2026-01-01T00:00:00Z"});
    let conditions = |conditions: Value| json!({"failed": 7, "conditions": conditions});
    for (spec, status, expected) in [
        (json!({}), json!({}), "InProgress Job not started. active: 0/1"),
        (json!({}), running, "InProgress Job in progress. success:0, active: 1, failed: 0"),
        (json!({}), conditions(json!([{"type": "Complete", "status": "True"}])), "Current"),
        (
            json!({"completions": 3}),
            conditions(
                json!([{"type": "Failed", "status": "True", "message": "BackoffLimitExceeded"}]),
            ),
            "Failed Job Failed. failed: 7/3: BackoffLimitExceeded",
        ),
        (json!({"suspend": true}), json!({}), "Current"),
    ] {
        check(job(spec, status), expected);
    }
}

#[test]
fn custom_kinds_follow_their_conditions() {
    let object = |conditions: Value| {
        json!({
            "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"generation": 1},
            "status": {"conditions": conditions},
        })
    };
    check(object(json!([])), "Current");
    check(object(json!([{"type": "Ready", "status": "True"}])), "Current");
    check(object(json!([{"type": "Ready", "status": "False", "message": "no"}])), "InProgress no");
    let stalled = json!([
        {"type": "Ready", "status": "False"}, {"type": "Stalled", "status": "True", "message": "bad"},
    ]);
    check(object(stalled), "Failed bad");
    let working = json!([
        {"type": "Ready", "status": "True"}, {"type": "Reconciling", "status": "True", "message": "on it"},
    ]);
    check(object(working), "InProgress on it");
    let both = json!([
        {"type": "Reconciling", "status": "True", "message": "on it"},
        {"type": "Stalled", "status": "True", "message": "bad"},
    ]);
    check(object(both), "InProgress on it");
    check(object(json!([{"type": "Ready", "status": "Odd"}])), "Current");
    check(json!({"kind": "Widget", "metadata": {"deletionTimestamp": "x"}}), "Terminating");
}

#[test]
fn pods_claims_services_and_definitions_have_rules_of_their_own() {
    let pod = |status: Value| json!({"apiVersion": "v1", "kind": "Pod", "status": status});
    check(pod(json!({"phase": "Succeeded"})), "Current");
    let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    check(pod(ready), "Current");
    let crashing = json!({"phase": "Running", "containerStatuses": [
        {"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
    ]});
    check(pod(crashing), "Failed Containers in CrashLoop state: web");
    check(pod(json!({"phase": "Failed"})), "Current");
    check(pod(json!({"phase": "Pending"})), "InProgress Pod is in the Pending phase");
    let nowhere = json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"},
    ]});
    check(pod(nowhere), "InProgress Pod has not been scheduled");
    let starting = json!({"phase": "Pending", "containerStatuses": [
        {"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
    ]});
    check(pod(starting), "InProgress Pod is in the Pending phase");
    let kind = |kind: &str, fields: Value| {
        let mut object = json!({"apiVersion": "v1", "kind": kind});
        object.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        object
    };
    check(kind("PersistentVolumeClaim", json!({"status": {"phase": "Bound"}})), "Current");
    check(kind("PersistentVolumeClaim", json!({})), "InProgress PVC is not Bound. phase: unknown");
    check(kind("Service", json!({"spec": {"type": "ClusterIP"}})), "Current");
    check(
        kind("Service", json!({"spec": {"type": "LoadBalancer"}})),
        "InProgress ClusterIP not set. Service type: LoadBalancer",
    );
    let crd = |conditions: Value| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "status": {"conditions": conditions},
        })
    };
    check(crd(json!([])), "InProgress Install in progress");
    check(crd(json!([{"type": "Established", "status": "True"}])), "Current");
    let taken = json!([{"type": "NamesAccepted", "status": "False", "message": "taken"}]);
    check(crd(taken), "Failed taken");
}

#[test]
fn sets_wait_for_every_replica() {
    let set = |kind: &str, spec: Value, status: Value| json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"generation": 1}, "spec": spec, "status": status});
    let done = json!({
        "observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "currentReplicas": 2,
        "currentRevision": "a", "updateRevision": "a",
    });
    let mut behind = done.clone();
    behind["updateRevision"] = json!("b");
    check(set("StatefulSet", json!({"replicas": 2}), done), "Current");
    check(
        set("StatefulSet", json!({"replicas": 2}), behind.clone()),
        "InProgress Waiting for updated revision to match current",
    );
    let partition = json!({"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}});
    check(set("StatefulSet", partition, behind.clone()), "InProgress Updated: 0/1");
    behind["updatedReplicas"] = json!(2);
    let defaulted = json!({"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 0}}});
    check(set("StatefulSet", defaulted, behind), "Current");
    check(
        set("StatefulSet", json!({"updateStrategy": {"type": "OnDelete"}}), json!({})),
        "Current",
    );
    let daemon = json!({
        "observedGeneration": 1, "desiredNumberScheduled": 3, "currentNumberScheduled": 3,
        "updatedNumberScheduled": 3, "numberAvailable": 2, "numberReady": 3,
    });
    check(set("DaemonSet", json!({}), daemon), "InProgress Available: 2/3");
    let replica_set = json!({"fullyLabeledReplicas": 2, "availableReplicas": 2, "readyReplicas": 2, "replicas": 2});
    check(set("ReplicaSet", json!({"replicas": 2}), replica_set), "Current");
}

#[test]
fn the_pods_of_a_set_are_found_by_its_selector() {
    let set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "spec": {"selector": {"matchLabels": {"app": "db"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "old", "operator": "DoesNotExist"},
        ]}},
    });
    assert_eq!(pods_of(&set).as_deref(), Some("app=db,tier in (a,b),!old"));
    assert_eq!(pods_of(&json!({"apiVersion": "apps/v1", "kind": "Deployment"})), None);
    let mut pod = json!({"kind": "Pod", "apiVersion": "v1", "status": {
        "phase": "Running", "containerStatuses": [
            {"name": "db", "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
        ],
    }});
    assert!(is_failed_pod(&pod));
    pod["metadata"] = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
    assert!(!is_failed_pod(&pod));
}
