use crate::{
    Change, ChangeKind, ImageRef, Object, ObjectId, diff, mask_secret_change, mask_secrets, order,
    parse_all, schema, to_yaml,
};
use serde_json::{Value, json};

fn object(kind: &str, namespace: &str, name: &str) -> Object {
    let group = match kind {
        "ClusterRole" | "Role" => "rbac.authorization.k8s.io/v1",
        "Deployment" | "StatefulSet" => "apps/v1",
        _ => "v1",
    };
    let mut value = json!({"apiVersion": group, "kind": kind, "metadata": {"name": name}});
    if !namespace.is_empty() {
        value["metadata"]["namespace"] = namespace.into();
    }
    Object::try_from(value).unwrap()
}

#[test]
fn an_object_needs_a_type_and_a_name() {
    for (value, complaint) in [
        (json!([]), "not an object"),
        (json!({"kind": "A", "metadata": {"name": "a"}}), "apiVersion must be"),
        (json!({"apiVersion": "v1", "kind": 3}), "kind must be a string that is not empty, but 3"),
        (
            json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": ""}}),
            "metadata.name of v1 A",
        ),
    ] {
        let error = Object::try_from(value.clone()).unwrap_err().to_string();
        assert!(error.contains(complaint), "{value}: {error}");
    }
    let generated = json!({"apiVersion": "v1", "kind": "A", "metadata": {"generateName": "a-"}});
    assert_eq!(Object::try_from(generated).unwrap().name(), "");
}

#[test]
fn metadata_is_read_and_written() {
    let mut object = object("Deployment", "", "a");
    assert_eq!((object.group(), object.version(), object.namespace()), ("apps", "v1", None));
    object.set_namespace("ns");
    object.set_label("app", "x");
    object.set_annotation("note", "y");
    assert_eq!(object.labels().collect::<Vec<_>>(), [("app", "x")]);
    assert_eq!(object.annotation("note"), Some("y"));
    object.remove_annotation("note");
    object.remove_annotation("never");
    object.remove_label("app");
    let metadata = json!({"name": "a", "namespace": "ns"});
    assert_eq!(object.as_value()["metadata"], metadata);
    assert_eq!(object.id().to_string(), "Deployment/ns/a");
}

#[test]
fn inventory_entries_are_read_back() {
    for (object, entry) in [
        (object("Deployment", "ns", "a"), "ns_a_apps_Deployment"),
        (object("Namespace", "", "ns"), "_ns__Namespace"),
        (
            object("ClusterRole", "", "system:a:b"),
            "_system__a__b_rbac.authorization.k8s.io_ClusterRole",
        ),
    ] {
        assert_eq!(object.id().to_inventory(), entry);
        assert_eq!(ObjectId::from_inventory(entry).unwrap(), object.id());
    }
    for text in ["", "a_b_c", "ns__g_K", "ns_n_g_", "a_b_c_d_e"] {
        assert!(ObjectId::from_inventory(text).is_err(), "{text}");
    }
}

#[test]
fn documents_and_lists_become_objects() {
    let text = "# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, \
                metadata: {name: a}}\n---\napiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: \
                {name: b}\n---\nkind: Service\napiVersion: v1\nmetadata: {name: \"y\"}\n";
    let objects = parse_all(text).unwrap();
    let ids: Vec<String> = objects.iter().map(|object| object.id().to_string()).collect();
    assert_eq!(ids, ["Secret/a", "ConfigMap/b", "Service/y"]);
    let written = to_yaml(&objects);
    assert!(written.ends_with("---\napiVersion: v1\nkind: Service\nmetadata:\n  name: \"y\"\n"));
    assert_eq!(parse_all(&written).unwrap(), objects);
}

#[test]
fn a_document_that_is_no_object_is_named() {
    for (text, complaint) in [
        ("a: [", "cannot read YAML"),
        ("apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\n\nkind: A\n", "document 2 at line 6"),
        ("apiVersion: v1\nkind: List\nitems: [{kind: A}]\n", "item 0 of the list: apiVersion"),
        ("just text\n", "document 1 at line 1: not an object"),
    ] {
        let error = parse_all(text).unwrap_err().to_string();
        assert!(error.contains(complaint), "{text}: {error}");
    }
    let list = |inner: &str| format!("{{apiVersion: v1, kind: List, items: [{inner}]}}");
    let deep = (0..20).fold("{}".to_owned(), |inner, _| list(&inner));
    assert!(parse_all(&deep).unwrap_err().to_string().contains("lists nested deeper"));
}

fn check_order(sort: fn(&mut [Object]), expected: &[&str]) {
    let mut objects: Vec<Object> = [
        ("ValidatingWebhookConfiguration", "", "w"),
        ("Deployment", "b", "d"),
        ("Deployment", "a", "d"),
        ("Widget", "a", "x"),
        ("Namespace", "", "n"),
        ("CustomResourceDefinition", "", "c"),
        ("ClusterRole", "", "r"),
        ("Gadget", "a", "x"),
        ("Secret", "a", "s"),
    ]
    .into_iter()
    .map(|(kind, namespace, name)| object(kind, namespace, name))
    .collect();
    sort(&mut objects);
    let ids: Vec<String> = objects.iter().map(|object| object.id().to_string()).collect();
    assert_eq!(ids, expected);
}

#[test]
fn flux_applies_definitions_first_and_webhooks_last() {
    let first_to_last = [
        "CustomResourceDefinition/c",
        "Namespace/n",
        "ClusterRole/r",
        "Secret/a/s",
        "Deployment/a/d",
        "Deployment/b/d",
        "Gadget/a/x",
        "Widget/a/x",
        "ValidatingWebhookConfiguration/w",
    ];
    check_order(order::apply, &first_to_last);
    let last_to_first: Vec<&str> = first_to_last.iter().rev().copied().collect();
    check_order(order::delete, &last_to_first);
}

#[test]
fn kustomize_sorts_the_core_group_last() {
    check_order(
        order::legacy,
        &[
            "Namespace/n",
            "CustomResourceDefinition/c",
            "ClusterRole/r",
            "Secret/a/s",
            "Deployment/a/d",
            "Deployment/b/d",
            "Gadget/a/x",
            "Widget/a/x",
            "ValidatingWebhookConfiguration/w",
        ],
    );
    let widget = json!({"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {"name": "w"}});
    let mut objects = [object("Widget", "", "w"), Object::try_from(widget).unwrap()];
    order::legacy(&mut objects);
    assert_eq!(objects[0].group(), "x.io");
}

#[test]
fn helm_keeps_the_order_of_equal_kinds() {
    check_order(
        order::helm_install,
        &[
            "Namespace/n",
            "Secret/a/s",
            "CustomResourceDefinition/c",
            "ClusterRole/r",
            "Deployment/b/d",
            "Deployment/a/d",
            "ValidatingWebhookConfiguration/w",
            "Gadget/a/x",
            "Widget/a/x",
        ],
    );
    check_order(
        order::helm_uninstall,
        &[
            "ValidatingWebhookConfiguration/w",
            "Deployment/b/d",
            "Deployment/a/d",
            "ClusterRole/r",
            "CustomResourceDefinition/c",
            "Secret/a/s",
            "Namespace/n",
            "Gadget/a/x",
            "Widget/a/x",
        ],
    );
}

fn shown(change: &Change) -> String {
    let path = change.dotted_path();
    match &change.kind {
        ChangeKind::Added(value) => format!("{path} + {value}"),
        ChangeKind::Removed(value) => format!("{path} - {value}"),
        ChangeKind::Changed { from, to } => format!("{path} {from} -> {to}"),
    }
}

#[test]
fn differences_are_found_where_they_are() {
    for (old, new, expected) in [
        (json!({"a": 1}), json!({"a": 1}), &[][..]),
        (json!({"a": 1, "b": 2}), json!({"b": 3, "c": 4}), &["a - 1", "b 2 -> 3", "c + 4"]),
        (json!({"a": {"b": [1]}}), json!({"a": {"b": {}}}), &["a.b [1] -> {}"]),
        (
            json!({"c": [{"name": "x", "v": 1}, {"name": "y"}]}),
            json!({"c": [{"name": "y"}, {"name": "x", "v": 2}, {"name": "z"}]}),
            &["c.x.v 1 -> 2", "c.z + {\"name\":\"z\"}"],
        ),
        (json!([1, 2, 3, 4]), json!([1, 9, 4]), &["1 2 -> 9", "2 - 3"]),
        (json!([{"name": "a"}, {"name": "a"}]), json!([{"name": "a"}]), &["1 - {\"name\":\"a\"}"]),
        (json!(1), json!("1"), &[" 1 -> \"1\""]),
    ] {
        let changes: Vec<String> = diff(&old, &new).iter().map(shown).collect();
        assert_eq!(changes, expected, "{old} {new}");
    }
}

fn secret(data: Value) -> Object {
    let copy = format!("{{\"data\":{data}}}");
    let annotations = json!({"kubectl.kubernetes.io/last-applied-configuration": copy});
    let metadata = json!({"name": "s", "annotations": annotations});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data});
    Object::try_from(secret).unwrap()
}

#[test]
fn secrets_are_masked() {
    let mut masked = secret(json!({"a": "c2VjcmV0", "b": "c2VjcmV0"}));
    mask_secrets(&mut masked);
    assert_eq!(masked.as_value()["data"], json!({"a": "*****", "b": "*****"}));
    assert!(!masked.as_value().to_string().contains("c2VjcmV0"));
    let mut config = object("ConfigMap", "", "c");
    config.as_value_mut()["data"] = json!({"a": "b"});
    mask_secrets(&mut config);
    assert_eq!(config.as_value()["data"]["a"], "b");
}

#[test]
fn a_changed_secret_shows_that_it_changed() {
    let mut old = secret(json!({"same": "c2FtZQ==", "key": "b2xk", "gone": "Z29uZQ=="}));
    let mut new = secret(json!({"same": "c2FtZQ==", "key": "bmV3"}));
    mask_secret_change(&mut old, &mut new);
    let changes: Vec<String> = diff(old.as_value(), new.as_value()).iter().map(shown).collect();
    assert_eq!(
        changes,
        ["data.gone - \"*****\"", "data.key \"***** (before)\" -> \"***** (after)\""]
    );
    assert_eq!(old.as_value()["data"]["same"], "*****");
}

#[test]
fn image_references_print_as_they_were_read() {
    for (text, registry, repository, tag, digest) in [
        ("nginx", "docker.io", "library/nginx", None, None),
        ("bitnami/redis:7", "docker.io", "bitnami/redis", Some("7"), None),
        ("localhost:5000/a/b:v1", "localhost:5000", "a/b", Some("v1"), None),
        ("ghcr.io/a@sha256:0aF", "ghcr.io", "a", None, Some("sha256:0aF")),
        ("r.io/a:1@sha256:00", "r.io", "a", Some("1"), Some("sha256:00")),
    ] {
        let image: ImageRef = text.parse().unwrap();
        assert_eq!(image.to_string(), text);
        assert_eq!((image.registry(), image.repository().as_str()), (registry, repository));
        assert_eq!((image.tag.as_deref(), image.digest.as_deref()), (tag, digest));
    }
    for text in ["", ":1", "a:", "a@", "a@sha256", "a/", "/a", "a b", "a:b:c", "a@sha256:xyz"] {
        assert!(text.parse::<ImageRef>().is_err(), "{text}");
    }
    let pinned: ImageRef = "a/b:1@sha256:00".parse().unwrap();
    assert_eq!(pinned.with_tag("2").to_string(), "a/b:2");
}

#[test]
fn built_in_kinds_are_known() {
    assert_eq!(schema::is_namespaced("apps", "Deployment"), Some(true));
    assert_eq!(schema::is_namespaced("", "Namespace"), Some(false));
    assert_eq!(schema::is_namespaced("example.org", "Widget"), None);
    let versions: Vec<&str> =
        schema::versions("autoscaling", "HorizontalPodAutoscaler").map(|k| k.version).collect();
    assert_eq!(versions, ["v1", "v2"]);
    let ingress = schema::builtin().find(|kind| kind.kind == "Ingress").unwrap();
    assert_eq!((ingress.group, ingress.plural), ("networking.k8s.io", "ingresses"));
}
