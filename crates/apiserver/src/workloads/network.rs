//! Services, Ingresses and API services: endpoints, load balancers, availability.

use std::time::Duration;

use serde_json::{Value, json};

use super::status::{Condition, Times, conditions};
use super::{End, NODE, Pace, Subject, children, end, pod};
use crate::object;
use crate::select::Labels;
use crate::store::{Key, Stored};
use crate::write::{UpdateMode, Write};

/// Documentation addresses (RFC 5737): nothing answers there.
const LOAD_BALANCER: &str = "203.0.113.1";
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

pub(super) fn service(subject: &Subject<'_>, pace: &mut Pace) -> Option<Duration> {
    if subject
        .value()
        .pointer("/spec/selector")
        .and_then(Value::as_object)
        .is_some_and(|s| !s.is_empty())
    {
        slice(subject);
    }
    if subject.text("/spec/type") != "LoadBalancer" {
        return None;
    }
    balance(subject, pace)
}

pub(super) fn ingress(subject: &Subject<'_>, pace: &mut Pace) -> Option<Duration> {
    balance(subject, pace)
}

/// Gives a load balancer its address, once.
fn balance(subject: &Subject<'_>, pace: &mut Pace) -> Option<Duration> {
    let has = subject.value().pointer("/status/loadBalancer/ingress").and_then(Value::as_array);
    if has.is_some_and(|i| !i.is_empty()) || end(subject.core, subject.value()) != End::Ready {
        return None;
    }
    if let Err(wait) = pace.step(subject.core, subject.reference, subject.value()) {
        return Some(wait);
    }
    let ip = match subject.text("/spec/loadBalancerIP") {
        "" => LOAD_BALANCER,
        wanted => wanted,
    };
    let mut ingress = json!({ "ip": ip });
    if subject.resource.kind == "Service" {
        object::set_field(&mut ingress, "ipMode", Some("VIP".into()));
    }
    subject.set_status(&json!({ "loadBalancer": { "ingress": [ingress] } }));
    None
}

/// The EndpointSlice and Endpoints of a Service.
fn slice(subject: &Subject<'_>) {
    let selector =
        subject.value().pointer("/spec/selector").map(Labels::from_map).unwrap_or_default();
    let pods = pod::selected(subject.core, subject.namespace(), &selector);
    let pods: Vec<Stored> =
        pods.into_iter().filter(|p| p.value.pointer("/status/podIP").is_some()).collect();
    let endpoints: Vec<Value> = pods.iter().map(endpoint).collect();
    let ports: Vec<Value> = ports(subject, pods.first());
    write_slice(subject, &endpoints, &ports);
    write_endpoints(subject, &pods, &ports);
}

fn endpoint(pod: &Stored) -> Value {
    let ready = pod::is_ready(&pod.value);
    json!({
        "addresses": [pod.value.pointer("/status/podIP")],
        "conditions": { "ready": ready, "serving": ready, "terminating": false },
        "nodeName": NODE,
        "targetRef": target(pod),
    })
}

fn target(pod: &Stored) -> Value {
    json!({ "kind": "Pod", "name": object::name(&pod.value), "namespace": object::namespace(&pod.value),
        "uid": object::uid(&pod.value) })
}

/// The Service's ports as the Pods know them: names of container ports become numbers.
fn ports(subject: &Subject<'_>, pod: Option<&Stored>) -> Vec<Value> {
    let list =
        subject.value().pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten();
    list.map(|port| {
        let number = match port.get("targetPort") {
            Some(Value::String(name)) => pod.and_then(|p| container_port(&p.value, name)),
            Some(number @ Value::Number(_)) if number.as_i64() != Some(0) => Some(number.clone()),
            _ => port.get("port").cloned(),
        };
        let name = port.get("name").and_then(Value::as_str).unwrap_or_default();
        json!({ "name": name, "port": number, "protocol": port.get("protocol").cloned().unwrap_or_else(|| "TCP".into()) })
    })
    .filter(|port| !port.get("port").is_none_or(Value::is_null))
    .collect()
}

fn container_port(pod: &Value, name: &str) -> Option<Value> {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array)?;
    let mut ports = containers.iter().filter_map(|c| c.get("ports")?.as_array()).flatten();
    ports
        .find(|p| p.get("name").and_then(Value::as_str) == Some(name))?
        .get("containerPort")
        .cloned()
}

fn write_slice(subject: &Subject<'_>, endpoints: &[Value], ports: &[Value]) {
    let Some(slices) = subject.core.builtin("discovery.k8s.io/v1", "endpointslices") else {
        return;
    };
    if let Some(slice) = children::of(subject, &slices).first() {
        let slice = Subject {
            core: subject.core,
            resource: &slices,
            reference: subject.reference,
            live: slice,
        };
        slice.edit("", &mut |object| {
            object::set_field(object, "endpoints", Some(json!(endpoints)));
            object::set_field(object, "ports", Some(json!(ports)));
        });
        return;
    }
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": format!("{}-", subject.name()),
            "namespace": subject.namespace(),
            "labels": { SERVICE_LABEL: subject.name(),
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io" },
            "ownerReferences": children::owner(subject),
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    });
    children::create(subject.core, &slices, slice);
}

fn write_endpoints(subject: &Subject<'_>, pods: &[Stored], ports: &[Value]) {
    let Some(resource) = subject.core.builtin("v1", "endpoints") else { return };
    let of = |ready: bool| -> Vec<Value> {
        let chosen = pods.iter().filter(|p| pod::is_ready(&p.value) == ready);
        chosen
            .map(|p| json!({ "ip": p.value.pointer("/status/podIP"), "nodeName": NODE, "targetRef": target(p) }))
            .collect()
    };
    let mut subset = json!({ "ports": ports });
    for (field, addresses) in [("addresses", of(true)), ("notReadyAddresses", of(false))] {
        if !addresses.is_empty() {
            object::set_field(&mut subset, field, Some(addresses.into()));
        }
    }
    let subsets = (!pods.is_empty()).then(|| json!([subset]));
    let key = Key::new(subject.namespace(), subject.name());
    if subject.core.store.get(resource.shelf, &key).is_none() {
        let mut endpoints = json!({
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": { "name": subject.name(), "namespace": subject.namespace(),
                "labels": { "endpoints.kubernetes.io/managed-by": "endpoint-controller" },
                "ownerReferences": children::owner(subject) },
        });
        object::set_field(&mut endpoints, "subsets", subsets);
        children::create(subject.core, &resource, endpoints);
        return;
    }
    let mut write = Write::controller(subject.core, &resource, "", super::status::MANAGER);
    let done = write.update(&key, UpdateMode::default(), &mut |live| {
        let mut endpoints = live.cloned().unwrap_or_default();
        object::remove_meta(&mut endpoints, "resourceVersion");
        object::set_field(&mut endpoints, "subsets", subsets.clone());
        Ok(endpoints)
    });
    if let Err(why) = done {
        tracing::debug!(error = %why, "cannot write endpoints");
    }
}

/// An API service counts as available; nothing is served for it.
pub(super) fn api_service(subject: &Subject<'_>) -> Option<Duration> {
    let up = end(subject.core, subject.value()) == End::Ready;
    let condition = if up {
        Condition::new("Available", true, "Passed", "all checks passed")
    } else {
        Condition::new("Available", false, "FailedDiscoveryCheck", "failing as simulated")
    };
    let list =
        conditions(subject.value(), &[condition], Times::Transition, &subject.core.now_text());
    subject.set_status(&json!({ "conditions": list }));
    None
}
