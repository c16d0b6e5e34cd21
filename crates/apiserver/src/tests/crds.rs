use super::*;

const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";

fn widgets() -> Value {
    let schema = json!({ "openAPIV3Schema": { "type": "object", "properties": {
        "spec": { "type": "object", "required": ["size"], "properties": {
            "size": { "type": "integer", "minimum": 1 },
            "colour": { "type": "string", "default": "red", "enum": ["red", "blue"] },
            "replicas": { "type": "integer" },
        } },
        "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
    } } });
    let columns = json!([
        { "name": "Size", "type": "integer", "jsonPath": ".spec.size" },
        { "name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" },
    ]);
    let version = |name: &str, storage: bool| {
        json!({ "name": name, "served": true, "storage": storage, "schema": schema,
            "additionalPrinterColumns": columns,
            "subresources": { "status": {}, "scale": { "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas" } } })
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "widgets.example.com" },
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": { "plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["all"] },
            "versions": [version("v1", true), version("v1beta1", false)],
        },
    })
}

fn widget(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "example.com/v1", "kind": "Widget", "metadata": { "name": name }, "spec": spec })
}

fn with_widgets() -> ApiServer {
    let server = server();
    server.install_crd_values([widgets()]).unwrap();
    server
}

#[tokio::test]
async fn an_installed_kind_is_served_at_once() {
    let server = server();
    assert_eq!(get(&server, WIDGETS).await.0, StatusCode::NOT_FOUND);
    let (status, made) =
        post(&server, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", widgets()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (_, stored) =
        get(&server, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com")
            .await;
    let conditions: Vec<(&str, &str)> = stored["status"]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["type"].as_str().unwrap(), c["status"].as_str().unwrap()))
        .collect();
    assert_eq!(conditions, [("NamesAccepted", "True"), ("Established", "True")]);
    assert_eq!(stored["status"]["storedVersions"], json!(["v1"]));
    assert_eq!(stored["spec"]["names"]["listKind"], "WidgetList");
    let (_, discovery) = get(&server, "/apis/example.com/v1").await;
    let names: Vec<&str> = discovery["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["widgets", "widgets/scale", "widgets/status"]);
}

#[tokio::test]
async fn objects_are_pruned_defaulted_and_validated() {
    let server = with_widgets();
    let (_, made) = post(&server, WIDGETS, widget("w", json!({ "size": 2, "junk": true }))).await;
    assert_eq!(made["spec"], json!({ "size": 2, "colour": "red" }));
    let cases = [
        (json!({}), "spec.size: Required value"),
        (
            json!({ "size": 0 }),
            "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1",
        ),
        (
            json!({ "size": 1, "colour": "green" }),
            "spec.colour: Unsupported value: \"green\": supported values: \"red\", \"blue\"",
        ),
    ];
    for (spec, message) in cases {
        let (status, refusal) = post(&server, WIDGETS, widget("bad", spec)).await;
        let expected = format!("Widget.example.com \"bad\" is invalid: {message}");
        assert_eq!(
            (status, &refusal["message"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &expected.into())
        );
    }
}

#[tokio::test]
async fn every_served_version_shows_the_same_object() {
    let server = with_widgets();
    post(&server, WIDGETS, widget("w", json!({ "size": 2 }))).await;
    let beta = "/apis/example.com/v1beta1/namespaces/default/widgets";
    let (_, old) = get(&server, &format!("{beta}/w")).await;
    assert_eq!(old["apiVersion"], "example.com/v1beta1");
    let (_, changed) = merge(&server, &format!("{beta}/w"), json!({ "spec": { "size": 3 } })).await;
    assert_eq!(
        (&changed["apiVersion"], &changed["metadata"]["generation"]),
        (&"example.com/v1beta1".into(), &2.into())
    );
    assert_eq!(get(&server, &format!("{WIDGETS}/w")).await.1["spec"]["size"], 3);
    let (_, list) = get(&server, beta).await;
    assert_eq!(
        (&list["kind"], &list["items"][0]["apiVersion"]),
        (&"WidgetList".into(), &"example.com/v1beta1".into())
    );
}

#[tokio::test]
async fn updates_of_custom_objects_name_their_version() {
    let server = with_widgets();
    post(&server, WIDGETS, widget("w", json!({ "size": 2 }))).await;
    let (status, refusal) =
        put(&server, &format!("{WIDGETS}/w"), widget("w", json!({ "size": 3 }))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        refusal["message"],
        "widgets.example.com \"w\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    );
}

#[tokio::test]
async fn status_and_scale_are_apart() {
    let server = with_widgets();
    post(&server, WIDGETS, widget("w", json!({ "size": 2, "replicas": 1 }))).await;
    let path = format!("{WIDGETS}/w");
    let ready = json!({ "status": { "replicas": 1, "conditions": [{ "type": "Ready", "status": "True" }] } });
    let (_, with_status) = merge(&server, &format!("{path}/status"), ready).await;
    assert_eq!(with_status["metadata"]["generation"], 1);
    merge(&server, &format!("{path}/scale"), json!({ "spec": { "replicas": 3 } })).await;
    let (_, scaled) = get(&server, &path).await;
    assert_eq!(
        (&scaled["spec"]["replicas"], &scaled["metadata"]["generation"]),
        (&3.into(), &2.into())
    );
    let request =
        Request::get(WIDGETS).header("accept", "application/json;as=Table;g=meta.k8s.io;v=v1");
    let (_, table) = exchange(&server, request.body(Full::default()).unwrap()).await;
    assert_eq!(table["rows"][0]["cells"], json!(["w", 2, "True"]));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_definition_takes_its_objects_along() {
    let server = with_widgets();
    post(&server, WIDGETS, widget("w", json!({ "size": 2 }))).await;
    let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com";
    delete(&server, definition).await;
    eventually(&server, definition, |status, _| status == StatusCode::NOT_FOUND).await;
    eventually(&server, WIDGETS, |status, _| status == StatusCode::NOT_FOUND).await;
    server.install_crd_values([widgets()]).unwrap();
    assert_eq!(get(&server, WIDGETS).await.1["items"], json!([]));
}

/// Definitions that are refused, by what is done to a good one.
#[test]
fn broken_definitions_are_refused() {
    let cases: [(&str, Value, &str); 4] = [
        (
            "/metadata/name",
            "other.example.com".into(),
            "metadata.name: Invalid value: \"other.example.com\": must be spec.names.plural",
        ),
        (
            "/spec/versions/0/storage",
            false.into(),
            "must have exactly one version marked as storage version",
        ),
        ("/spec/scope", "Galaxy".into(), "spec.scope: Unsupported value: \"Galaxy\""),
        ("/spec/versions/0/schema", json!({}), "schemas are required"),
    ];
    for (pointer, value, message) in cases {
        let mut definition = widgets();
        *definition.pointer_mut(pointer).unwrap() = value;
        let why = server().install_crd_values([definition]).unwrap_err().to_string();
        assert!(why.contains(message), "{why}");
    }
}

#[tokio::test]
async fn a_new_version_of_a_definition_replaces_the_old() {
    let server = with_widgets();
    let mut next = widgets();
    next["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        ["colour"]["default"] = "blue".into();
    let yaml = serde_yaml::to_string(&next).unwrap();
    server.install_crds(&format!("---\n{yaml}---\n")).unwrap();
    let (_, made) = post(&server, WIDGETS, widget("w", json!({ "size": 2 }))).await;
    assert_eq!(made["spec"]["colour"], "blue");
}

#[tokio::test]
async fn a_second_definition_cannot_take_the_names_of_a_first() {
    let server = with_widgets();
    let mut other = widgets();
    other["metadata"]["name"] = "gadgets.example.com".into();
    other["spec"]["names"] = json!({ "plural": "gadgets", "kind": "Gadget", "shortNames": ["wd"] });
    server.install_crd_values([other]).unwrap();
    let (_, stored) =
        get(&server, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.example.com")
            .await;
    assert_eq!(stored["status"]["conditions"][0]["message"], "\"wd\" is already in use");
    assert_eq!(
        get(&server, "/apis/example.com/v1/namespaces/default/gadgets").await.0,
        StatusCode::NOT_FOUND
    );
}
