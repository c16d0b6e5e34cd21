//! Services.

use serde_json::Value;

use super::super::super::FieldError;
use super::place::{At, Errors, PORT, internal};

pub(super) fn service(service: &At<'_>, errors: &mut Errors) {
    let spec = service.at("spec");
    let kind = spec.at("type").text();
    let headless = spec.at("clusterIP").text() == "None";
    if spec.at("ports").count() == 0 && !headless && kind != "ExternalName" {
        errors.push(spec.at("ports").required(""));
    }
    spec.at("type").one_of(&["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"], errors);
    match kind {
        "LoadBalancer" if headless => {
            errors.push(
                spec.at("clusterIPs")
                    .invalid_whole("may not be set to 'None' for LoadBalancer services"),
            );
        }
        "NodePort" if headless => {
            errors.push(
                spec.at("clusterIPs")
                    .invalid_whole("may not be set to 'None' for NodePort services"),
            );
        }
        "ExternalName" => external_name(&spec, errors),
        _ => {}
    }
    ports(&spec, kind, headless, errors);
    spec.at("selector").labels(errors);
    spec.at("sessionAffinity").one_of(&["ClientIP", "None"], errors);
    addresses(&spec, kind, errors);
    policies(&spec, kind, errors);
}

fn external_name(spec: &At<'_>, errors: &mut Errors) {
    let name = spec.at("externalName");
    if name.is_blank() {
        errors.push(name.required(""));
    } else {
        let trimmed = At { value: name.value, path: name.path.clone() };
        let ends_with_dot = name.text().ends_with('.');
        if !ends_with_dot {
            trimmed.dns_subdomain(errors);
        }
    }
}

fn ports(spec: &At<'_>, kind: &str, headless: bool, errors: &mut Errors) {
    let list = spec.items("ports");
    let mut names: Vec<&str> = Vec::new();
    let mut seen: Vec<(Option<i64>, &str)> = Vec::new();
    for port in &list {
        let name = port.at("name");
        if !name.is_blank() {
            name.dns_label(errors);
            if names.contains(&name.text()) {
                errors.push(name.duplicate());
            }
            names.push(name.text());
        } else if list.len() > 1 {
            errors.push(name.required(""));
        }
        let number = port.at("port");
        number.port(errors);
        let protocol = port.at("protocol");
        protocol.one_of(&["SCTP", "TCP", "UDP"], errors);
        port.at("targetPort").port(errors);
        let node = port.at("nodePort");
        let used = node.int().is_some_and(|port| port != 0);
        if used && (kind == "ClusterIP" || kind == "ExternalName") {
            errors.push(node.forbidden(&format!("may not be used when `type` is '{kind}'")));
        }
        if used && node.int().is_some_and(|port| !(1..=65535).contains(&port)) {
            errors.push(node.invalid(PORT));
        }
        let key = (number.int(), protocol.text());
        if !headless && seen.contains(&key) {
            let error = FieldError::duplicate(&port.path, port.value);
            errors.push(FieldError { value: Some(internal_port(&number, &protocol)), ..error });
        }
        seen.push(key);
    }
}

/// A port as the server shows its own type in messages.
fn internal_port(number: &At<'_>, protocol: &At<'_>) -> String {
    let (none, zero, empty) = (Value::Null, Value::from(0), Value::from(""));
    internal(&[
        ("Name", &empty),
        ("Protocol", protocol.value),
        ("AppProtocol", &none),
        ("Port", number.value),
        ("TargetPort", &zero),
        ("NodePort", &zero),
    ])
}

fn addresses(spec: &At<'_>, kind: &str, errors: &mut Errors) {
    for address in spec.items("clusterIPs").iter().filter(|address| address.text() != "None") {
        address.ip(errors);
    }
    if spec.at("clusterIPs").count() == 0 && !matches!(spec.at("clusterIP").text(), "" | "None") {
        At { path: "spec.clusterIPs[0]".to_owned(), ..spec.at("clusterIP") }.ip(errors);
    }
    for address in spec.items("externalIPs") {
        address.ip(errors);
    }
    let ranges = spec.at("loadBalancerSourceRanges");
    // The messages spell the field like this.
    let path = ranges.path.replace("loadBalancer", "LoadBalancer");
    if ranges.count() > 0 && kind != "LoadBalancer" {
        errors.push(FieldError::forbidden(&path, "may only be used when `type` is 'LoadBalancer'"));
    }
    for (index, range) in spec.items("loadBalancerSourceRanges").into_iter().enumerate() {
        At { path: format!("{path}[{index}]"), ..range }.cidr(errors);
    }
    let class = spec.at("loadBalancerClass");
    if class.is_set() && kind != "LoadBalancer" {
        errors.push(class.forbidden("may only be used when `type` is 'LoadBalancer'"));
    }
}

fn policies(spec: &At<'_>, kind: &str, errors: &mut Errors) {
    let external = spec.at("externalTrafficPolicy");
    let reachable = matches!(kind, "NodePort" | "LoadBalancer")
        || (kind == "ClusterIP" && spec.at("externalIPs").count() > 0);
    if !external.is_blank() && !reachable {
        errors.push(external.invalid("may only be set for externally-accessible services"));
    } else if !external.is_blank() {
        external.one_of(&["Cluster", "Local"], errors);
    }
    spec.at("internalTrafficPolicy").one_of_if_set(&["Cluster", "Local"], errors);
}
