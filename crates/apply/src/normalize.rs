//! Objects in the form in which applying them means what they say.
//!
//! The rules are those of fluxcd/pkg/ssa's normalization, as far as a manifest can show them: what a
//! server derives only when an object is created would be lost, or be left over, when it is applied.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use manifest::Object;
use serde_json::{Map, Value};

use crate::definitions;

/// The object as it is to be applied.
pub(crate) fn normalized(mut object: Object) -> Object {
    let (group, kind) = (object.group().to_owned(), object.kind().to_owned());
    let keeps_status = definitions::is_definition(&object);
    let value = object.as_value_mut();
    if let Some(fields) = value.as_object_mut() {
        if !keeps_status {
            fields.remove("status");
        }
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("creationTimestamp");
        }
    }
    match (group.as_str(), kind.as_str()) {
        ("", "Secret") => encode(value),
        ("", "Service") => protocols(value.pointer_mut("/spec/ports")),
        _ => {
            let containers = containers_of(&group, &kind).and_then(|path| value.pointer_mut(path));
            for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
                protocols(container.get_mut("ports"));
            }
        }
    }
    object
}

fn containers_of(group: &str, kind: &str) -> Option<&'static str> {
    match (group, kind) {
        ("", "Pod") => Some("/spec/containers"),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch", "Job") => {
            Some("/spec/template/spec/containers")
        }
        ("batch", "CronJob") => Some("/spec/jobTemplate/spec/template/spec/containers"),
        _ => None,
    }
}

/// Moves `stringData` into `data`. A server does so too, but keeps no record of it: a key that is
/// taken out of `stringData` would stay in the cluster. What is no text is left for the server to
/// refuse.
fn encode(secret: &mut Value) {
    let Some(fields) = secret.as_object_mut() else { return };
    let Some(Value::Object(plain)) = fields.get("stringData") else { return };
    if !plain.values().all(Value::is_string) {
        return;
    }
    let encoded: Map<String, Value> = plain
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), STANDARD.encode(value.as_str()?).into())))
        .collect();
    match fields.entry("data").or_insert(Value::Null) {
        Value::Object(data) => data.extend(encoded),
        data @ Value::Null => *data = Value::Object(encoded),
        _ => return,
    }
    fields.remove("stringData");
}

/// Ports are told apart by number and protocol, so the protocol must be there.
fn protocols(ports: Option<&mut Value>) {
    for port in ports.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(fields) = port.as_object_mut()
            && fields.get("protocol").is_none_or(Value::is_null)
        {
            fields.insert("protocol".to_owned(), "TCP".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(object: Value, expected: Value) {
        let object = normalized(Object::try_from(object).unwrap());
        assert_eq!(object.as_value(), &expected);
    }

    #[test]
    fn text_in_secrets_is_encoded() {
        let secret = |fields: Value| {
            let mut secret =
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
            secret.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            secret
        };
        check(
            secret(json!({"data": {"a": "YQ==", "b": "Yg=="}, "stringData": {"b": "c"}})),
            secret(json!({"data": {"a": "YQ==", "b": "Yw=="}})),
        );
        check(secret(json!({"stringData": {"b": "c"}})), secret(json!({"data": {"b": "Yw=="}})));
        for left in [json!({"stringData": {"b": 1}}), json!({"data": [], "stringData": {"b": "c"}})]
        {
            check(secret(left.clone()), secret(left));
        }
    }

    #[test]
    fn ports_have_a_protocol_and_nothing_a_status() {
        let deployment = |port: Value| {
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
                "spec": {"template": {"spec": {"containers": [{"name": "c", "ports": [port]}]}}},
            })
        };
        let mut bare = deployment(json!({"containerPort": 80}));
        bare["status"] = json!({"replicas": 1});
        bare["metadata"]["creationTimestamp"] = Value::Null;
        check(bare, deployment(json!({"containerPort": 80, "protocol": "TCP"})));
        let udp = deployment(json!({"containerPort": 53, "protocol": "UDP"}));
        check(udp.clone(), udp);
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "x"}, "status": {"storedVersions": []},
        });
        check(definition.clone(), definition);
    }
}
