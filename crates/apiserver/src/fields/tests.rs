//! Sequences of writes by several managers, as a real API server answers them.

use serde_json::{Value, json};

use super::{Error, Manager, apply, update};
use crate::schema::TypeRef;

const T1: &str = "2026-01-01T00:00:01Z";
const T2: &str = "2026-01-01T00:00:02Z";

fn deployment() -> TypeRef {
    TypeRef::builtin("apps", "v1", "Deployment").unwrap()
}

fn config_map() -> TypeRef {
    TypeRef::builtin("", "v1", "ConfigMap").unwrap()
}

fn by(name: &str) -> Manager<'_> {
    Manager { name, subresource: "" }
}

fn data(data: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c", "namespace": "n" }, "data": data })
}

fn fields(object: &Value, manager: &str) -> Option<Value> {
    let entries = object["metadata"]["managedFields"].as_array()?;
    entries.iter().find(|entry| entry["manager"] == manager).map(|entry| entry["fieldsV1"].clone())
}

#[test]
fn apply_creates_and_owns_what_it_sets() {
    let object =
        apply(None, &data(json!({ "a": "1" })), &config_map(), (&by("flux"), false), T1).unwrap();
    assert_eq!(object["data"], json!({ "a": "1" }));
    assert_eq!(
        object["metadata"]["managedFields"],
        json!([{
            "manager": "flux", "operation": "Apply", "apiVersion": "v1", "time": T1, "fieldsType": "FieldsV1",
            "fieldsV1": { "f:data": { "f:a": {} } },
        }])
    );
}

#[test]
fn apply_takes_away_what_it_no_longer_sets_unless_another_owns_it() {
    let of = config_map();
    let object =
        apply(None, &data(json!({ "a": "1", "b": "2", "c": "3" })), &of, (&by("one"), false), T1)
            .unwrap();
    let object =
        apply(Some(&object), &data(json!({ "b": "2" })), &of, (&by("two"), false), T1).unwrap();
    let object =
        apply(Some(&object), &data(json!({ "a": "1" })), &of, (&by("one"), false), T2).unwrap();
    assert_eq!(object["data"], json!({ "a": "1", "b": "2" }));
    assert_eq!(fields(&object, "one"), Some(json!({ "f:data": { "f:a": {} } })));
    assert_eq!(fields(&object, "two"), Some(json!({ "f:data": { "f:b": {} } })));
}

#[test]
fn conflicts_name_manager_and_field_and_force_takes_over() {
    let of = config_map();
    let object = update(None, &data(json!({ "a": "1", "b": "1" })), &of, &by("kubectl-create"), T1);
    let applied = data(json!({ "a": "2", "b": "1" }));
    let error = apply(Some(&object), &applied, &of, (&by("flux"), false), T2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"kubectl-create\" using v1: .data.a"
    );
    let Error::Conflict(conflicts) = error else { panic!("a conflict") };
    assert_eq!(
        conflicts.causes(),
        [
            json!({ "reason": "FieldManagerConflict", "message": "conflict with \"kubectl-create\" using v1", "field": ".data.a" })
        ]
    );
    let object = apply(Some(&object), &applied, &of, (&by("flux"), true), T2).unwrap();
    assert_eq!(object["data"]["a"], "2");
    assert_eq!(
        fields(&object, "kubectl-create"),
        Some(json!({ "f:data": { ".": {}, "f:b": {} } }))
    );
    assert_eq!(fields(&object, "flux"), Some(json!({ "f:data": { "f:a": {}, "f:b": {} } })));
}

#[test]
fn several_conflicts_are_listed_by_manager() {
    let of = config_map();
    let object = apply(None, &data(json!({ "a": "1" })), &of, (&by("one"), false), T1).unwrap();
    let object =
        apply(Some(&object), &data(json!({ "b": "1" })), &of, (&by("two"), false), T1).unwrap();
    let error =
        apply(Some(&object), &data(json!({ "a": "x", "b": "x" })), &of, (&by("me"), false), T1)
            .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.a\nconflicts with \"two\":\n- .data.b"
    );
}

#[test]
fn an_apply_without_effect_keeps_the_time() {
    let of = config_map();
    let first = apply(None, &data(json!({ "a": "1" })), &of, (&by("flux"), false), T1).unwrap();
    let second =
        apply(Some(&first), &data(json!({ "a": "1" })), &of, (&by("flux"), false), T2).unwrap();
    assert_eq!(first, second);
}

#[test]
fn list_items_are_merged_by_their_keys() {
    let of = deployment();
    let with = |containers: Value| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d" },
            "spec": { "template": { "spec": { "containers": containers } } },
        })
    };
    let ports = json!([{ "containerPort": 80, "protocol": "TCP" }]);
    let object = apply(
        None,
        &with(json!([{ "name": "a", "image": "a:1", "ports": ports }])),
        &of,
        (&by("one"), false),
        T1,
    )
    .unwrap();
    // The protocol is defaulted in the key: this is the same port.
    let two = with(
        json!([{ "name": "b", "image": "b:1" }, { "name": "a", "ports": [{ "containerPort": 80, "name": "http" }] }]),
    );
    let object = apply(Some(&object), &two, &of, (&by("two"), false), T1).unwrap();
    assert_eq!(
        object["spec"]["template"]["spec"]["containers"],
        json!([
            { "name": "b", "image": "b:1" },
            { "name": "a", "image": "a:1", "ports": [{ "containerPort": 80, "protocol": "TCP", "name": "http" }] },
        ])
    );
    let ports = "k:{\"containerPort\":80,\"protocol\":\"TCP\"}";
    assert_eq!(
        fields(&object, "two").unwrap()["f:spec"]["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"a\"}"],
        json!({ ".": {}, "f:name": {}, "f:ports": { ports: { ".": {}, "f:containerPort": {}, "f:name": {} } } })
    );
}

#[test]
fn undeclared_fields_and_wrong_types_are_refused() {
    let of = deployment();
    let applied = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d", "namespace": "n" },
        "spec": { "replica": 1 },
    });
    let error = apply(None, &applied, &of, (&by("flux"), false), T1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to create typed patch object (n/d; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema"
    );
}

#[test]
fn updates_of_one_manager_add_up_and_the_oldest_are_merged() {
    let of = config_map();
    let mut object = update(None, &data(json!({ "k": "0" })), &of, &by("m0"), T1);
    for index in 1..12 {
        let mut next = object.clone();
        next["data"][format!("k{index}")] = index.to_string().into();
        let time = format!("2026-01-01T00:00:{:02}Z", index + 1);
        object = update(Some(&object), &next, &of, &by(&format!("m{index}")), &time);
    }
    let managers: Vec<_> = object["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["manager"].as_str().unwrap())
        .collect();
    assert_eq!(
        managers,
        ["ancient-changes", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10", "m11"]
    );
    assert_eq!(
        fields(&object, "ancient-changes"),
        Some(json!({ "f:data": { ".": {}, "f:k": {}, "f:k1": {}, "f:k2": {} } }))
    );
}

#[test]
fn an_empty_list_forgets_the_managers() {
    let of = config_map();
    let object = update(None, &data(json!({ "a": "1" })), &of, &by("one"), T1);
    let mut reset = object.clone();
    reset["metadata"]["managedFields"] = json!([]);
    let object = update(Some(&object), &reset, &of, &by("two"), T1);
    assert_eq!(object["metadata"].get("managedFields"), None);
}
