//! What a URL asks for, as apiserver's `RequestInfo` reads it.

use std::collections::BTreeMap;

use http::Method;

/// A request for a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResourcePath<'a> {
    /// `v1` or `apps/v1`.
    pub(crate) group_version: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) resource: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) subresource: Option<&'a str>,
    /// The deprecated `/watch/` prefix.
    pub(crate) watch: bool,
}

impl<'a> ResourcePath<'a> {
    /// Reads `/api/v1/...` and `/apis/GROUP/VERSION/...` below the group version.
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        let (group_version, rest) = split_group_version(path)?;
        let (watch, rest) = match rest.strip_prefix("watch/") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let parts: Vec<&str> = rest.split('/').filter(|p| !p.is_empty()).collect();
        let (namespace, parts) = match parts.as_slice() {
            // `namespaces/x/status` and `namespaces/x/finalize` are about the namespace itself.
            ["namespaces", _, "status" | "finalize"] => (None, parts.as_slice()),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
            _ => (None, parts.as_slice()),
        };
        let (resource, name, subresource) = match parts {
            [resource] => (*resource, None, None),
            [resource, name] => (*resource, Some(*name), None),
            [resource, name, subresource] => (*resource, Some(*name), Some(*subresource)),
            _ => return None,
        };
        let namespace = match (resource, name) {
            ("namespaces", Some(name)) if namespace.is_none() && group_version == "v1" => {
                Some(name)
            }
            _ => namespace,
        };
        Some(Self { group_version, namespace, resource, name, subresource, watch })
    }

    /// The group part of the group version.
    pub(crate) fn group(&self) -> &'a str {
        self.group_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// Splits a path into the group version and what follows it.
fn split_group_version(path: &str) -> Option<(&str, &str)> {
    if let Some(rest) = path.strip_prefix("/api/") {
        return rest.split_once('/');
    }
    let rest = path.strip_prefix("/apis/")?;
    let group = rest.find('/')?;
    let version = rest.get(group + 1..)?.find('/')?;
    let end = group + 1 + version;
    Some((rest.get(..end)?, rest.get(end + 1..)?))
}

/// The query of a request, decoded. The last of several equal keys wins.
#[derive(Debug, Default, Clone)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter(|p| !p.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key), decode(value))
                })
                .collect(),
        )
    }

    /// The value, unless absent or empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// Go's idea of a boolean parameter: present and neither `false` nor `0`.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|v| v != "false" && v != "0")
    }

    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.get(key)?.parse().ok()
    }
}

fn decode(text: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let mut ahead = bytes.clone();
                match (ahead.next().and_then(hex), ahead.next().and_then(hex)) {
                    (Some(high), Some(low)) => {
                        out.push(high * 16 + low);
                        bytes = ahead;
                    }
                    _ => out.push(b'%'),
                }
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// A path segment (names may hold `%3A`, as in `system:node`).
pub(crate) fn decode_path(path: &str) -> String {
    if path.contains('%') { decode(&path.replace('+', "%2B")) } else { path.to_owned() }
}

/// The API verb of a request, for authorization and counting.
pub(crate) fn verb(method: &Method, named: bool, watch: bool) -> &'static str {
    match (method.as_str(), named) {
        ("GET" | "HEAD", _) if watch => "watch",
        ("GET" | "HEAD", true) => "get",
        ("GET" | "HEAD", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "",
    }
}
