//! The table, quantities, decoding, patches.

use serde_json::{Value, json};

use super::*;

mod builtin;
mod custom;

#[test]
fn every_line_of_the_table_parses_and_every_reference_leads_somewhere() {
    let kinds: Vec<_> = kinds().collect();
    assert!(kinds.len() > 150, "{}", kinds.len());
    for (group, version, kind) in kinds {
        let of = TypeRef::builtin(group, version, kind).unwrap();
        assert_eq!(of.schema().kind, Kind::Object, "{kind}");
        if !kind.ends_with("List") {
            openapi::v3(&[openapi::Resource {
                of,
                plural: "x".to_owned(),
                namespaced: false,
                subresources: vec![],
            }]);
        }
    }
}

#[test]
fn quantities_are_canonical() {
    let cases = [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1500m", "1500m"),
        ("1024Ki", "1Mi"),
        ("1.5Gi", "1536Mi"),
        ("1000000", "1M"),
        ("100", "100"),
        ("1e3", "1e3"),
        ("12e6", "12e6"),
        ("0", "0"),
        ("0Mi", "0"),
        ("-5", "-5"),
        ("512", "512"),
        ("1000Ki", "1000Ki"),
        ("0.1Ki", "102400m"),
        ("2G", "2G"),
        ("1E", "1E"),
        ("1500", "1500"),
        ("0.001", "1m"),
    ];
    for (text, canonical) in cases {
        assert_eq!(Quantity::parse(text).unwrap().canonical(), canonical, "{text}");
    }
    for text in ["", "x", "1.2.3", "1kk", "--1", "1 Gi"] {
        assert!(Quantity::parse(text).is_err(), "{text}");
    }
}

fn pod(spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": spec })
}

#[test]
fn decoding_drops_unknown_fields_and_normalises_values() {
    let of = TypeRef::builtin("", "v1", "Pod").unwrap();
    let object = pod(json!({
        "foo": 1,
        "containers": [{ "name": "a", "bar": {}, "resources": { "limits": { "cpu": 0.5, "memory": "1024Mi" } } }],
    }));
    let decoded = decode(&of, object).unwrap();
    assert_eq!(
        decoded.unknown,
        ["unknown field \"spec.containers[0].bar\"", "unknown field \"spec.foo\""]
            .map(str::to_owned)
    );
    assert_eq!(
        decoded.object["spec"]["containers"][0]["resources"],
        json!({ "limits": { "cpu": "500m", "memory": "1Gi" } })
    );
}

#[test]
fn decoding_errors_name_the_go_field() {
    let check = |spec: Value, message: &str| {
        let of = TypeRef::builtin("", "v1", "Pod").unwrap();
        assert_eq!(decode(&of, pod(spec)).unwrap_err(), message);
    };
    check(
        json!({ "priority": "x" }),
        "json: cannot unmarshal string into Go struct field PodSpec.spec.priority of type int32",
    );
    check(
        json!({ "containers": {} }),
        "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
    );
    check(
        json!({ "hostNetwork": 1 }),
        "json: cannot unmarshal number into Go struct field PodSpec.spec.hostNetwork of type bool",
    );
    check(
        json!({ "nodeSelector": { "a": true } }),
        "json: cannot unmarshal bool into Go struct field PodSpec.spec.nodeSelector of type string",
    );
}

#[test]
fn strategic_patches_merge_lists_by_key() {
    let check = |live: Value, patch: Value, expected: Value| {
        let of = TypeRef::builtin("", "v1", "Pod").unwrap();
        let merged =
            strategic_merge(&json!({ "spec": live }), &json!({ "spec": patch }), &of).unwrap();
        assert_eq!(merged["spec"], expected);
    };
    check(
        json!({ "containers": [{ "name": "a", "image": "1" }, { "name": "b", "image": "1" }] }),
        json!({ "containers": [{ "name": "b", "image": "2" }] }),
        json!({ "containers": [{ "name": "a", "image": "1" }, { "name": "b", "image": "2" }] }),
    );
    check(
        json!({ "containers": [{ "name": "a" }, { "name": "b" }] }),
        json!({ "containers": [{ "name": "c" }] }),
        json!({ "containers": [{ "name": "c" }, { "name": "a" }, { "name": "b" }] }),
    );
    check(
        json!({ "containers": [{ "name": "a" }, { "name": "b" }] }),
        json!({ "$setElementOrder/containers": [{ "name": "b" }, { "name": "a" }, { "name": "c" }], "containers": [{ "name": "c" }] }),
        json!({ "containers": [{ "name": "b" }, { "name": "a" }, { "name": "c" }] }),
    );
    check(
        json!({ "containers": [{ "name": "a" }, { "name": "b" }] }),
        json!({ "containers": [{ "name": "a", "$patch": "delete" }] }),
        json!({ "containers": [{ "name": "b" }] }),
    );
    check(
        json!({ "volumes": [{ "name": "a", "emptyDir": {} }] }),
        json!({ "volumes": [{ "name": "a", "$retainKeys": ["name", "configMap"], "configMap": { "name": "c" } }] }),
        json!({ "volumes": [{ "name": "a", "configMap": { "name": "c" } }] }),
    );
    check(
        json!({ "nodeName": "x", "priority": 1 }),
        json!({ "nodeName": null }),
        json!({ "priority": 1 }),
    );
    check(
        json!({ "nodeSelector": { "a": "1" } }),
        json!({ "nodeSelector": { "$patch": "replace", "b": "2" } }),
        json!({ "nodeSelector": { "b": "2" } }),
    );
}
