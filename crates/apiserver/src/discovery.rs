//! What is served: `/api`, `/apis`, resource lists, and both in one as aggregated discovery.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::body::{self, Body};
use crate::core::Core;
use crate::negotiate;
use crate::object;
use crate::registry::{Group, GroupVersion, Registry, Resource};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Answers a discovery path, or `None` when it is not one.
pub(crate) fn answer(core: &Core, path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    let registry = core.registry();
    let trimmed = path.trim_end_matches('/');
    match trimmed {
        "/api" => Some(root(&registry, headers, true)),
        "/apis" => Some(root(&registry, headers, false)),
        "/version" => Some(body::json(StatusCode::OK, &version(core))),
        "" => Some(body::json(StatusCode::OK, &paths(&registry))),
        _ => {
            let rest = trimmed.strip_prefix("/apis/").or_else(|| trimmed.strip_prefix("/api/"))?;
            let value = match (trimmed.starts_with("/apis/"), rest.matches('/').count()) {
                (true, 0) => registry
                    .groups()
                    .iter()
                    .find(|g| g.name == rest && !g.name.is_empty())
                    .map(group)?,
                (true, 1) | (false, 0) => resource_list(&registry, rest)?,
                _ => return None,
            };
            Some(body::json(StatusCode::OK, &value))
        }
    }
}

fn root(registry: &Registry, headers: &HeaderMap, core_group: bool) -> Response<Body> {
    if negotiate::wants_aggregated_discovery(headers) {
        let groups = registry.groups().iter().filter(|g| g.name.is_empty() == core_group);
        let list = json!({
            "kind": "APIGroupDiscoveryList",
            "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {},
            "items": groups.map(aggregated_group).collect::<Vec<_>>(),
        });
        return tagged(headers, body::to_bytes(&list));
    }
    let value = if core_group {
        json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1" }],
        })
    } else {
        let groups: Vec<Value> =
            registry.groups().iter().filter(|g| !g.name.is_empty()).map(group).collect();
        let groups: Vec<Value> = groups.into_iter().map(without_type).collect();
        json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
    };
    body::json(StatusCode::OK, &value)
}

/// With an ETag, so that a client that has it already gets 304.
fn tagged(headers: &HeaderMap, bytes: Bytes) -> Response<Body> {
    let tag = format!("\"{}\"", hex(&Sha256::digest(&bytes)));
    let known =
        headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).is_some_and(|v| v == tag);
    let mut response = if known {
        body::answer(StatusCode::NOT_MODIFIED, AGGREGATED, Bytes::new())
    } else {
        body::answer(StatusCode::OK, AGGREGATED, bytes)
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

/// Hexadecimal, in upper case as the real server's ETags are.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |at: u8| DIGITS.get(usize::from(at)).map(|d| char::from(*d));
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).flatten().collect()
}

fn without_type(mut group: Value) -> Value {
    object::set_field(&mut group, "kind", None);
    object::set_field(&mut group, "apiVersion", None);
    group
}

fn group(group: &Group) -> Value {
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|v| json!({ "groupVersion": format!("{}/{}", group.name, v.version), "version": v.version }))
        .collect();
    json!({
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": group.name,
        "versions": versions,
        "preferredVersion": versions.first(),
    })
}

fn resource_list(registry: &Registry, group_version: &str) -> Option<Value> {
    let resources = registry.group_version(group_version)?;
    let mut list = Vec::new();
    for resource in resources.values() {
        list.push(resource_entry(resource));
        list.extend(resource.subresources.iter().map(|sub| subresource_entry(resource, sub)));
    }
    let mut found =
        json!({ "kind": "APIResourceList", "groupVersion": group_version, "resources": list });
    // The core group's list carries no version.
    if group_version.contains('/') {
        object::set_field(&mut found, "apiVersion", Some("v1".into()));
    }
    Some(found)
}

fn resource_entry(resource: &Arc<Resource>) -> Value {
    let mut entry = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs.names(),
    });
    if !resource.short_names.is_empty() {
        object::set_field(&mut entry, "shortNames", Some(json!(resource.short_names)));
    }
    if !resource.categories.is_empty() {
        object::set_field(&mut entry, "categories", Some(json!(resource.categories)));
    }
    entry
}

/// Verbs, and the kind that a subresource speaks when it is not its parent's: (kind, group, version).
fn subresource_facts(
    name: &str,
) -> (&'static [&'static str], Option<(&'static str, &'static str, &'static str)>) {
    match name {
        "scale" => (&["get", "patch", "update"], Some(("Scale", "autoscaling", "v1"))),
        "log" => (&["get"], None),
        "binding" => (&["create"], Some(("Binding", "", "v1"))),
        "eviction" => (&["create"], Some(("Eviction", "policy", "v1"))),
        "token" => (&["create"], Some(("TokenRequest", "authentication.k8s.io", "v1"))),
        "finalize" => (&["update"], None),
        _ => (&["get", "patch", "update"], None),
    }
}

fn subresource_entry(resource: &Arc<Resource>, name: &str) -> Value {
    let (verbs, other) = subresource_facts(name);
    let mut entry = json!({
        "name": format!("{}/{name}", resource.plural),
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": other.map_or(resource.kind.as_str(), |(kind, _, _)| kind),
        "verbs": verbs,
    });
    if let Some((_, group, version)) = other.filter(|(_, group, _)| !group.is_empty()) {
        object::set_field(&mut entry, "group", Some(group.into()));
        object::set_field(&mut entry, "version", Some(version.into()));
    }
    entry
}

fn aggregated_group(group: &Group) -> Value {
    let versions: Vec<Value> =
        group.versions.iter().map(|v| aggregated_version(&group.name, v)).collect();
    let mut metadata = Map::new();
    if !group.name.is_empty() {
        metadata.insert("name".to_owned(), group.name.clone().into());
    }
    metadata.insert("creationTimestamp".to_owned(), Value::Null);
    json!({ "metadata": metadata, "versions": versions })
}

fn aggregated_version(group: &str, version: &GroupVersion) -> Value {
    let resources: Vec<Value> =
        version.resources.iter().map(|r| aggregated_resource(group, r)).collect();
    json!({ "version": version.version, "freshness": "Current", "resources": resources })
}

fn aggregated_resource(group: &str, resource: &Arc<Resource>) -> Value {
    let kind = |kind: &str, group: &str, version: &str| json!({ "group": group, "version": version, "kind": kind });
    // Built-in kinds leave group and version empty, meaning those they are listed under.
    let own = if resource.custom.is_some() {
        kind(&resource.kind, group, &resource.version)
    } else {
        kind(&resource.kind, "", "")
    };
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": own,
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs.names(),
    });
    if !resource.short_names.is_empty() {
        object::set_field(&mut entry, "shortNames", Some(json!(resource.short_names)));
    }
    if !resource.categories.is_empty() {
        object::set_field(&mut entry, "categories", Some(json!(resource.categories)));
    }
    let subresources: Vec<Value> = resource
        .subresources
        .iter()
        .map(|name| {
            let (verbs, other) = subresource_facts(name);
            let response = other.map_or_else(|| own.clone(), |(k, g, v)| kind(k, g, v));
            json!({ "subresource": name, "responseKind": response, "verbs": verbs })
        })
        .collect();
    if !subresources.is_empty() {
        object::set_field(&mut entry, "subresources", Some(subresources.into()));
    }
    entry
}

fn version(core: &Core) -> Value {
    let full = core.options.kubernetes_version.as_str();
    let mut parts = full.trim_start_matches('v').split('.');
    json!({
        "major": parts.next().unwrap_or_default(),
        "minor": parts.next().unwrap_or_default(),
        "gitVersion": full,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": "linux/amd64",
    })
}

fn paths(registry: &Registry) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for group in registry.groups().iter().filter(|g| !g.name.is_empty()) {
        paths.push(format!("/apis/{}", group.name));
        paths.extend(group.versions.iter().map(|v| format!("/apis/{}/{}", group.name, v.version)));
    }
    paths.extend(
        ["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
            .map(str::to_owned),
    );
    json!({ "paths": paths })
}
