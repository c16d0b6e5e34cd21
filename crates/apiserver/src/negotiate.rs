//! Content negotiation: what the caller accepts, and what the body is.

use http::{HeaderMap, header};
use serde_json::Value;

use crate::failure::Failure;

/// In which shape objects go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// The objects themselves.
    Whole,
    /// `meta.k8s.io/v1` Table, for `kubectl get`.
    Table,
    /// `meta.k8s.io/v1` PartialObjectMetadata and its list.
    Partial,
}

/// What the server can send.
pub(crate) const ACCEPTED: [&str; 1] = ["application/json"];

/// A media range of an Accept header.
struct Range<'a> {
    media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        Self { media_type, parameters: parts.filter_map(|p| p.split_once('=')).collect() }
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    fn is_json(&self) -> bool {
        matches!(self.media_type, "application/json" | "application/*" | "*/*" | "")
    }
}

fn accept_header(headers: &HeaderMap) -> &str {
    headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("*/*")
}

/// Picks the first acceptable shape in the order the caller gave.
pub(crate) fn view(headers: &HeaderMap) -> Result<View, Failure> {
    for range in accept_header(headers).split(',').map(Range::parse).filter(Range::is_json) {
        match (range.parameter("as"), range.parameter("g"), range.parameter("v")) {
            (None, _, _) => return Ok(View::Whole),
            (Some("Table"), Some("meta.k8s.io"), Some("v1" | "v1beta1")) => return Ok(View::Table),
            (
                Some("PartialObjectMetadata" | "PartialObjectMetadataList"),
                Some("meta.k8s.io"),
                Some("v1"),
            ) => {
                return Ok(View::Partial);
            }
            _ => {}
        }
    }
    Err(Failure::not_acceptable(&ACCEPTED))
}

/// Whether the caller takes aggregated discovery, in which it would come.
pub(crate) fn wants_aggregated_discovery(headers: &HeaderMap) -> bool {
    accept_header(headers).split(',').map(Range::parse).any(|range| {
        range.is_json()
            && range.parameter("as") == Some("APIGroupDiscoveryList")
            && range.parameter("g") == Some("apidiscovery.k8s.io")
            && range.parameter("v") == Some("v2")
    })
}

/// The media type of an OpenAPI v2 document in protobuf.
pub(crate) const OPENAPI_PROTOBUF: &str =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Whether an OpenAPI v2 document is wanted as protobuf, or else as JSON; `None` when neither is acceptable.
pub(crate) fn accepts_openapi_protobuf(headers: &HeaderMap) -> Option<bool> {
    accept_header(headers).split(',').map(Range::parse).find_map(|range| {
        // Older clients ask for a name with an `@`, which no Content-Type may have.
        let protobuf = range.media_type.replace("v2@v1.0", "v2.v1.0") == OPENAPI_PROTOBUF;
        (protobuf || range.is_json()).then_some(protobuf)
    })
}

/// Whether plain JSON is acceptable.
pub(crate) fn accepts_json(headers: &HeaderMap) -> bool {
    accept_header(headers)
        .split(',')
        .map(Range::parse)
        .any(|r| r.is_json() && r.parameter("as").is_none())
}

/// The kinds of patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchType {
    Json,
    Merge,
    Strategic,
    Apply,
}

fn content_type(headers: &HeaderMap) -> &str {
    let header =
        headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim()
}

/// The kind of patch by Content-Type.
pub(crate) fn patch_type(headers: &HeaderMap) -> Result<PatchType, Failure> {
    match content_type(headers) {
        "application/json-patch+json" => Ok(PatchType::Json),
        "application/merge-patch+json" => Ok(PatchType::Merge),
        "application/strategic-merge-patch+json" => Ok(PatchType::Strategic),
        "application/apply-patch+yaml" => Ok(PatchType::Apply),
        _ => Err(Failure::unsupported_media_type(&[
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
            "application/apply-patch+yaml",
        ])),
    }
}

/// Reads an object from a body: JSON, or YAML where the Content-Type says so.
pub(crate) fn decode_object(headers: &HeaderMap, body: &[u8]) -> Result<Value, Failure> {
    match content_type(headers) {
        "application/json" | "" | "*/*" => decode_json(body),
        "application/yaml" => decode_yaml(body),
        "application/vnd.kubernetes.protobuf" => crate::protobuf::decode(body)
            .map_err(|why| Failure::bad_request(format!("cannot decode the protobuf body: {why}"))),
        _ => Err(Failure::unsupported_media_type(&[
            "application/json",
            "application/yaml",
            "application/vnd.kubernetes.protobuf",
        ])),
    }
}

pub(crate) fn decode_json(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|why| {
        Failure::bad_request(format!("couldn't get version/kind; json parse error: {why}"))
    })
}

/// YAML is a superset of JSON; the common case of a JSON body takes the short way.
pub(crate) fn decode_yaml(body: &[u8]) -> Result<Value, Failure> {
    let first = body.iter().find(|b| !b.is_ascii_whitespace());
    if first == Some(&b'{')
        && let Ok(value) = serde_json::from_slice(body)
    {
        return Ok(value);
    }
    serde_yaml::from_slice(body)
        .map_err(|why| Failure::bad_request(format!("error decoding YAML: {why}")))
}
