//! Ingresses and NetworkPolicies.

use std::net::IpAddr;

use serde_json::Value;

use super::super::super::FieldError;
use super::place::{At, Errors, PORT};
use crate::names;

const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must \
    consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', \
    regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

pub(super) fn ingress(ingress: &At<'_>, errors: &mut Errors) {
    let spec = ingress.at("spec");
    for tls in spec.items("tls") {
        for name in tls.items("hosts") {
            host(&name, errors);
        }
        let secret = tls.at("secretName");
        if !secret.is_blank() {
            secret.dns_subdomain(errors);
        }
    }
    let class = spec.at("ingressClassName");
    if class.is_set() {
        class.dns_subdomain(errors);
    }
    let fallback = spec.at("defaultBackend");
    if fallback.is_set() {
        backend(&fallback, errors);
    } else if spec.at("rules").count() == 0 {
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid(&spec.path, spec.at("rules").value, detail));
    }
    for rule in spec.items("rules") {
        let name = rule.at("host");
        if name.text().parse::<IpAddr>().is_ok() {
            errors.push(name.invalid("must be a DNS name, not an IP address"));
        } else if !name.is_blank() {
            host(&name, errors);
        }
        let http = rule.at("http");
        if http.is_set() && http.at("paths").count() == 0 {
            errors.push(http.at("paths").required(""));
        }
        for path in http.items("paths") {
            ingress_path(&path, errors);
        }
    }
}

fn host(name: &At<'_>, errors: &mut Errors) {
    let text = name.text();
    if text.contains('*') {
        let rest = text.strip_prefix("*.");
        if !rest.is_some_and(|rest| !rest.contains('*') && names::is_dns_subdomain(rest)) {
            errors.push(name.invalid(WILDCARD));
        }
    } else {
        name.dns_subdomain(errors);
    }
}

fn ingress_path(place: &At<'_>, errors: &mut Errors) {
    let (kind, path) = (place.at("pathType"), place.at("path"));
    let absolute = path.text().starts_with('/');
    match kind.text() {
        "" => {
            errors.push(kind.required("pathType must be specified"));
            return;
        }
        "Exact" | "Prefix" => {
            if !absolute {
                errors.push(shown(&path).invalid("must be an absolute path"));
            }
            for sequence in ["//", "/./", "/../", "%2f", "%2F"] {
                if path.text().contains(sequence) {
                    errors.push(path.invalid(format!("must not contain '{sequence}'")));
                }
            }
            for suffix in ["/..", "/."] {
                if path.text().ends_with(suffix) {
                    errors.push(path.invalid(format!("cannot end with '{suffix}'")));
                }
            }
        }
        "ImplementationSpecific" => {
            if !path.is_blank() && !absolute {
                errors.push(path.invalid("must be an absolute path"));
            }
        }
        _ => kind.one_of(&["Exact", "ImplementationSpecific", "Prefix"], errors),
    }
    backend(&place.at("backend"), errors);
}

/// What is missing shows as an empty string.
fn shown<'a>(place: &At<'a>) -> At<'a> {
    static EMPTY: Value = Value::String(String::new());
    let value = if place.is_set() { place.value } else { &EMPTY };
    At { value, path: place.path.clone() }
}

fn backend(place: &At<'_>, errors: &mut Errors) {
    let (service, resource) = (place.at("service"), place.at("resource"));
    match (service.is_set(), resource.is_set()) {
        (true, true) => {
            errors.push(place.invalid_whole("cannot set both resource and service backends"));
        }
        (false, true) => {
            resource.at("kind").need(errors);
            resource.at("name").need(errors);
        }
        (false, false) => {
            errors.push(place.invalid_whole("resource or service backend is required"));
        }
        (true, false) => {
            let name = service.at("name");
            if name.need(errors).is_some() {
                name.dns_label(errors);
            }
            let (port, number) =
                (service.down(&["port", "name"]), service.down(&["port", "number"]));
            let numbered = number.int().is_some_and(|number| number != 0);
            match (!port.is_blank(), numbered) {
                (true, true) => {
                    errors.push(place.invalid_whole("cannot set both port name & port number"));
                }
                (true, false) => port.port(errors),
                (false, true) => number.port(errors),
                (false, false) => errors.push(place.required("port name or number is required")),
            }
        }
    }
}

pub(super) fn network_policy(policy: &At<'_>, errors: &mut Errors) {
    let spec = policy.at("spec");
    spec.at("podSelector").selector(errors);
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.items(rules) {
            for port in rule.items("ports") {
                policy_port(&port, errors);
            }
            for peer in rule.items(peers) {
                policy_peer(&peer, errors);
            }
        }
    }
    let kinds = spec.at("policyTypes");
    if kinds.count() > 2 {
        errors.push(kinds.invalid("may not specify more than two policyTypes"));
        return;
    }
    for kind in spec.items("policyTypes") {
        kind.one_of(&["Ingress", "Egress"], errors);
    }
}

fn policy_port(place: &At<'_>, errors: &mut Errors) {
    place.at("protocol").one_of_if_set(&["TCP", "UDP", "SCTP"], errors);
    let (port, end) = (place.at("port"), place.at("endPort"));
    if port.is_set() {
        port.port(errors);
    }
    if !end.is_set() {
        return;
    }
    match (port.int(), end.int()) {
        (Some(port), Some(last)) if last < port => {
            errors.push(end.invalid("must be greater than or equal to `port`"));
        }
        (Some(_), Some(last)) if !(1..=65535).contains(&last) => errors.push(end.invalid(PORT)),
        (Some(_), _) => {}
        (None, _) if port.is_set() => {
            errors.push(end.invalid("may not be specified when `port` is non-numeric"));
        }
        (None, _) => errors.push(end.invalid("may not be specified when `port` is not specified")),
    }
}

fn policy_peer(peer: &At<'_>, errors: &mut Errors) {
    let selectors = ["podSelector", "namespaceSelector"].map(|name| peer.at(name));
    for selector in &selectors {
        selector.selector(errors);
    }
    let block = peer.at("ipBlock");
    let selects = selectors.iter().any(At::is_set);
    if block.is_set() {
        if block.at("cidr").need(errors).is_some() {
            block.at("cidr").cidr(errors);
        }
        for except in block.items("except") {
            except.cidr(errors);
        }
    }
    match (block.is_set(), selects) {
        (false, false) => errors.push(peer.required("must specify a peer")),
        (true, true) => {
            errors.push(peer.forbidden("may not specify both ipBlock and another peer"));
        }
        _ => {}
    }
}
