//! Defaults of the kinds that are no workloads, beyond literals.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::builtin::{Fields, Function, ensure, is_set, object, objects, set, text};

/// The function of each type.
pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    (
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
        custom_resource_definition,
    ),
    ("apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionNames", names),
    ("core.v1.LimitRangeItem", limit_range_item),
    ("core.v1.Namespace", namespace),
    ("core.v1.Secret", secret),
    ("core.v1.ServiceSpec", service),
    ("networking.v1.NetworkPolicySpec", network_policy),
    ("rbac.v1.Subject", subject),
    ("resource.v1.DeviceSubRequest", device_request),
    ("resource.v1.ExactDeviceRequest", device_request),
];

fn service(spec: &mut Fields) {
    if text(spec, "sessionAffinity") == "ClientIP" {
        let affinity = ensure(spec, "sessionAffinityConfig");
        if let Some(client) = affinity.and_then(|affinity| ensure(affinity, "clientIP")) {
            set(client, "timeoutSeconds", || 10_800.into());
        }
    } else {
        spec.remove("sessionAffinityConfig");
    }
    for port in objects(spec, "ports") {
        set(port, "protocol", || "TCP".into());
        let target = port.get("targetPort");
        if target
            .is_none_or(|target| target.is_null() || *target == json!(0) || *target == json!(""))
        {
            let number = port.get("port").cloned().unwrap_or_default();
            port.insert("targetPort".to_owned(), number);
        }
    }
    let kind = text(spec, "type").to_owned();
    let external = spec
        .get("externalIPs")
        .and_then(Value::as_array)
        .is_some_and(|addresses| !addresses.is_empty());
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") || (kind == "ClusterIP" && external) {
        set(spec, "externalTrafficPolicy", || "Cluster".into());
    }
    if kind != "ExternalName" {
        set(spec, "internalTrafficPolicy", || "Cluster".into());
    }
    if kind == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", || true.into());
    }
}

/// `stringData` is a way to write `data`; it is never stored.
fn secret(secret: &mut Fields) {
    let Some(Value::Object(plain)) = secret.remove("stringData") else { return };
    if let Some(data) = ensure(secret, "data") {
        for (key, value) in plain {
            let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
            data.insert(key, encoded.into());
        }
    }
}

fn namespace(namespace: &mut Fields) {
    let Some(metadata) = object(namespace, "metadata") else { return };
    let name = text(metadata, "name").to_owned();
    if let (false, Some(labels)) = (name.is_empty(), ensure(metadata, "labels")) {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
    }
}

fn network_policy(spec: &mut Fields) {
    let egress =
        spec.get("egress").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
    set(spec, "policyTypes", || {
        if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) }
    });
}

fn subject(subject: &mut Fields) {
    if matches!(text(subject, "kind"), "User" | "Group") {
        set(subject, "apiGroup", || "rbac.authorization.k8s.io".into());
    }
}

fn names(names: &mut Fields) {
    let kind = text(names, "kind").to_owned();
    set(names, "singular", || kind.to_lowercase().into());
    if !kind.is_empty() {
        set(names, "listKind", || format!("{kind}List").into());
    }
}

fn custom_resource_definition(definition: &mut Fields) {
    let versions =
        definition.get("spec").and_then(|spec| spec.get("versions")).and_then(Value::as_array);
    let stored = versions
        .into_iter()
        .flatten()
        .find(|version| version.get("storage") == Some(&Value::Bool(true)));
    let Some(name) = stored.and_then(|version| version.get("name")).cloned() else { return };
    if let Some(status) = ensure(definition, "status")
        && status.get("storedVersions").and_then(Value::as_array).is_none_or(Vec::is_empty)
    {
        status.insert("storedVersions".to_owned(), json!([name]));
    }
}

fn device_request(request: &mut Fields) {
    if text(request, "allocationMode") == "ExactCount" {
        set(request, "count", || 1.into());
    }
}

/// For containers, a limit defaults to the maximum, a request to the limit or else the minimum.
fn limit_range_item(item: &mut Fields) {
    if text(item, "type") != "Container" {
        return;
    }
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")]
    {
        let Some(amounts) = object(item, from).cloned() else { continue };
        if amounts.is_empty() && !is_set(item, to) {
            continue;
        }
        if let Some(target) = ensure(item, to) {
            for (name, amount) in amounts {
                set(target, &name, || amount);
            }
        }
    }
}
