//! `/openapi/v3`, a document per group-version, and `/openapi/v2`, one of everything, as JSON or protobuf.

use http::request::Parts;
use http::{Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::body::{self, Body};
use crate::core::Core;
use crate::failure::Failure;
use crate::negotiate;
use crate::registry::Registry;
use crate::schema::openapi;

/// Answers an OpenAPI path, or `None` when it is not one.
pub(crate) fn answer(
    core: &Core,
    path: &str,
    parts: &Parts,
) -> Option<Result<Response<Body>, Failure>> {
    let rest = path.strip_prefix("/openapi/")?;
    if rest == "v2" {
        return Some(whole(&core.registry(), parts));
    }
    if !negotiate::accepts_json(&parts.headers) {
        return Some(Err(Failure::not_acceptable(&["application/json"])));
    }
    let registry = core.registry();
    let value = match rest.trim_end_matches('/').strip_prefix("v3") {
        Some("") => openapi::index(&index(&registry)),
        Some(group_version) => {
            let group_version = group_version.trim_start_matches('/');
            let (root, version) = group_version.split_once('/')?;
            if !matches!(root, "api" | "apis") {
                return Some(Err(Failure::no_such_path()));
            }
            let resources = resources(&registry, version);
            if resources.is_empty() {
                return Some(Err(Failure::no_such_path()));
            }
            openapi::v3(&resources)
        }
        None => return Some(Err(Failure::no_such_path())),
    };
    Some(Ok(body::json(StatusCode::OK, &value)))
}

/// The document of version 2. kubectl only takes protobuf.
fn whole(registry: &Registry, parts: &Parts) -> Result<Response<Body>, Failure> {
    let Some(protobuf) = negotiate::accepts_openapi_protobuf(&parts.headers) else {
        return Err(Failure::not_acceptable(&["application/json", negotiate::OPENAPI_PROTOBUF]));
    };
    let versions = registry.groups().iter().flat_map(|g| g.versions.iter().map(move |v| (g, v)));
    let documents: Vec<_> = versions
        .map(|(group, version)| {
            let name = if group.name.is_empty() {
                version.version.clone()
            } else {
                format!("{}/{}", group.name, version.version)
            };
            openapi::v3(&resources(registry, &name))
        })
        .collect();
    let document = openapi::v2::v2(&documents);
    if protobuf {
        let bytes = openapi::wire::encode(&document).into();
        return Ok(body::answer(StatusCode::OK, negotiate::OPENAPI_PROTOBUF, bytes));
    }
    Ok(body::json(StatusCode::OK, &document))
}

/// Each group version with a hash of what it holds, so that clients may cache its document.
fn index(registry: &Registry) -> Vec<(String, String)> {
    let versions = registry.groups().iter().flat_map(|g| g.versions.iter().map(move |v| (g, v)));
    versions
        .map(|(group, version)| {
            let path = if group.name.is_empty() {
                format!("api/{}", version.version)
            } else {
                format!("apis/{}/{}", group.name, version.version)
            };
            let mut hash = Sha256::new();
            for resource in &version.resources {
                hash.update(resource.kind.as_bytes());
                if let Some(schema) =
                    resource.types.type_ref().and_then(crate::schema::TypeRef::custom_openapi)
                {
                    hash.update(schema.to_string().as_bytes());
                }
            }
            let hash = crate::discovery::hex(&hash.finalize());
            (path, hash)
        })
        .collect()
}

fn resources(registry: &Registry, group_version: &str) -> Vec<openapi::Resource> {
    let resources = registry.group_version(group_version).map(|r| r.values()).into_iter().flatten();
    resources
        .filter_map(|resource| {
            Some(openapi::Resource {
                of: resource.types.type_ref()?.clone(),
                plural: resource.plural.clone(),
                namespaced: resource.namespaced,
                subresources: resource.subresources.clone(),
            })
        })
        .collect()
}
