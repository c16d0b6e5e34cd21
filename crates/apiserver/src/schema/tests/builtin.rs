//! Built-in kinds: defaults, what Go writes, rules.

use serde_json::{Value, json};

use super::super::*;

fn type_of(object: &Value) -> TypeRef {
    let version = object["apiVersion"].as_str().unwrap();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    TypeRef::builtin(group, version, object["kind"].as_str().unwrap()).unwrap()
}

/// The object as it would be stored, without what admission adds.
fn stored(object: &Value) -> Value {
    let of = type_of(object);
    let mut object = decode(&of, object.clone()).unwrap().object;
    default(&of, &mut object);
    fill(&of, &mut object);
    object
}

fn deployment(spec: Value) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d" }, "spec": spec })
}

fn with_containers(containers: &Value) -> Value {
    deployment(json!({
        "selector": { "matchLabels": { "a": "b" } },
        "template": { "metadata": { "labels": { "a": "b" } }, "spec": { "containers": containers } },
    }))
}

#[test]
fn a_deployment_gets_the_defaults_of_a_real_server() {
    let object = stored(&with_containers(
        &json!([{ "name": "a", "image": "x", "livenessProbe": { "tcpSocket": { "port": 1 } } }]),
    ));
    assert_eq!(
        object["spec"],
        json!({
            "progressDeadlineSeconds": 600,
            "replicas": 1,
            "revisionHistoryLimit": 10,
            "selector": { "matchLabels": { "a": "b" } },
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } },
            "template": {
                "metadata": { "labels": { "a": "b" } },
                "spec": {
                    "containers": [{
                        "name": "a",
                        "image": "x",
                        "imagePullPolicy": "Always",
                        "livenessProbe": {
                            "tcpSocket": { "port": 1 },
                            "failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1,
                        },
                        "resources": {},
                        "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File",
                    }],
                    "dnsPolicy": "ClusterFirst",
                    "restartPolicy": "Always",
                    "schedulerName": "default-scheduler",
                    "securityContext": {},
                    "terminationGracePeriodSeconds": 30,
                },
            },
        })
    );
    assert_eq!(object["status"], json!({}));
}

#[test]
fn storing_twice_changes_nothing() {
    let objects = [
        with_containers(
            &json!([{ "name": "a", "image": "x:1", "ports": [{ "containerPort": 80 }] }]),
        ),
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "stringData": { "a": "b" } }),
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" }, "spec": { "ports": [{ "port": 80 }] } }),
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "j" }, "spec": { "template": {} } }),
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "r" }, "rules": [] }),
    ];
    for object in objects {
        let once = stored(&object);
        assert_eq!(stored(&once), once);
    }
}

#[test]
fn empty_values_are_written_as_go_writes_them() {
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "r", "labels": {} }, "rules": [] });
    let role = stored(&role);
    assert_eq!(role["rules"], Value::Null);
    assert_eq!(role["metadata"], json!({ "name": "r" }));
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": { "hostNetwork": false } });
    let pod = stored(&pod);
    assert_eq!(pod["spec"].get("hostNetwork"), None);
    assert_eq!(pod["spec"]["containers"], Value::Null);
}

#[test]
fn secrets_store_string_data_as_data() {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "data": { "a": "eA==", "b": "eA==" },
        "stringData": { "a": "hello" },
    });
    let secret = stored(&secret);
    assert_eq!(secret["data"], json!({ "a": "aGVsbG8=", "b": "eA==" }));
    assert_eq!(secret.get("stringData"), None);
    assert_eq!(secret["type"], "Opaque");
}

#[test]
fn broken_objects_are_refused_in_the_words_of_a_real_server() {
    let check = |object: Value, expected: &[&str]| {
        let of = type_of(&object);
        let errors: Vec<_> =
            validate(&of, &stored(&object), None).iter().map(ToString::to_string).collect();
        assert_eq!(errors, expected);
    };
    let container = |more: Value| {
        let mut container = json!({ "name": "a", "image": "x" });
        container.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with_containers(&json!([container]))
    };
    check(with_containers(&json!([{ "name": "a", "image": "x" }])), &[]);
    check(with_containers(&json!([])), &["spec.template.spec.containers: Required value"]);
    let at = "spec.template.spec.containers[0]";
    check(
        container(json!({ "resources": { "limits": { "cpu": "1" }, "requests": { "cpu": "2" } } })),
        &[&format!(
            "{at}.resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"
        )],
    );
    check(
        container(json!({ "livenessProbe": {} })),
        &[&format!("{at}.livenessProbe: Required value: must specify a handler type")],
    );
    check(
        container(json!({ "volumeMounts": [{ "name": "v", "mountPath": "/v" }] })),
        &[&format!("{at}.volumeMounts[0].name: Not found: \"v\"")],
    );
    check(
        container(json!({ "ports": [{ "containerPort": 70000 }] })),
        &[&format!(
            "{at}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"
        )],
    );
    let service = |spec: Value| json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" }, "spec": spec });
    check(service(json!({})), &["spec.ports: Required value"]);
    check(
        service(json!({ "ports": [{ "port": 80 }, { "port": 81 }] })),
        &["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
    );
    let cron = |schedule: &str| {
        let template = json!({ "spec": { "restartPolicy": "Never", "containers": [{ "name": "a", "image": "x" }] } });
        json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "c" },
            "spec": { "schedule": schedule, "jobTemplate": { "spec": { "template": template } } },
        })
    };
    check(cron("*/5 0-6 * jan,dec mon"), &[]);
    check(cron("@hourly"), &[]);
    check(
        cron("99 * * * *"),
        &["spec.schedule: Invalid value: \"99 * * * *\": end of range (99) above maximum (59): 99"],
    );
}

/// Every `$ref` leads to one of the schemas.
fn check_references(value: &Value, schemas: &serde_json::Map<String, Value>) {
    if let Some(target) = value.get("$ref").and_then(Value::as_str) {
        let name = target.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|value| check_references(value, schemas)),
        Value::Array(items) => items.iter().for_each(|value| check_references(value, schemas)),
        _ => {}
    }
}

#[test]
fn openapi_documents_hold_everything_they_refer_to() {
    let of = TypeRef::builtin("apps", "v1", "Deployment").unwrap();
    let resource = openapi::Resource {
        of,
        plural: "deployments".to_owned(),
        namespaced: true,
        subresources: vec!["status".to_owned()],
    };
    let document = openapi::v3(&[resource]);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    check_references(&document, schemas);
    let deployment = &schemas["io.k8s.api.apps.v1.Deployment"];
    assert_eq!(
        deployment["x-kubernetes-group-version-kind"],
        json!([{ "group": "apps", "version": "v1", "kind": "Deployment" }])
    );
    assert!(
        document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status"]
            .is_object()
    );
}
