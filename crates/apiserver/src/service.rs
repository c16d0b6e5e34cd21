//! The `tower` service: a request in, an answer out, no socket needed.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};

use crate::access::{self, User};
use crate::body::{self, Body};
use crate::core::Core;
use crate::counters::RequestKind;
use crate::failure::Failure;
use crate::path::{self, Query, ResourcePath};
use crate::rbac::{self, Attributes};
use crate::rest::Call;

/// Answers requests like a Kubernetes API server. Cheap to clone; give it to `kube::Client::new`.
///
/// In process, a caller without a token is the cluster administrator.
#[derive(Debug, Clone)]
pub struct Service {
    pub(crate) core: Arc<Core>,
    pub(crate) trust: Trust,
}

/// Who may call without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// In process: everyone.
    Everyone,
    /// From the same machine: programs, but not pages in a browser. client-go sends no tokens over plain
    /// HTTP, so `kubectl` needs this, as `kubectl proxy` grants it.
    Local,
    /// Nobody.
    Nobody,
}

impl Trust {
    /// A page that a browser shows can reach local ports, but it cannot hide its `Origin`, nor can it
    /// choose the `Host` (a name it controls may resolve to this machine).
    fn admits(self, parts: &Parts) -> bool {
        match self {
            Self::Everyone => true,
            Self::Nobody => false,
            Self::Local => {
                let host = parts
                    .headers
                    .get(header::HOST)
                    .and_then(|h| h.to_str().ok())
                    .or_else(|| parts.uri.host());
                let name = host.map(|h| h.rsplit_once(':').map_or(h, |(name, _)| name));
                !parts.headers.contains_key(header::ORIGIN)
                    && matches!(name, Some("localhost" | "127.0.0.1" | "[::1]"))
            }
        }
    }
}

impl<B> tower::Service<Request<B>> for Service
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            crate::controllers::ensure_running(&service.core);
            let (parts, body) = request.into_parts();
            let limit = service.core.options.max_body;
            let answer = match Limited::new(body, limit).collect().await {
                Ok(body) => service.answer(&parts, &body.to_bytes()),
                Err(_) => Err(Failure::too_large(limit)),
            };
            Ok(answer.unwrap_or_else(|failure| body::refusal(&failure)))
        })
    }
}

impl Service {
    fn answer(&self, parts: &Parts, body: &Bytes) -> Result<Response<Body>, Failure> {
        let path = path::decode_path(parts.uri.path());
        if matches!(path.as_str(), "/healthz" | "/livez" | "/readyz") {
            return Ok(body::text(StatusCode::OK, "ok"));
        }
        let user = access::authenticate(&self.core, &parts.headers, self.trust.admits(parts))?;
        match ResourcePath::parse(&path) {
            Some(resource_path) => self.resource(parts, body, resource_path, &user),
            None => self.other(parts, &path, &user),
        }
    }

    fn resource(
        &self,
        parts: &Parts,
        body: &Bytes,
        path: ResourcePath<'_>,
        user: &User,
    ) -> Result<Response<Body>, Failure> {
        let registry = self.core.registry();
        let resource = registry.find(path.group_version, path.resource).cloned();
        let query = Query::parse(parts.uri.query());
        let watch = path.watch || (path.name.is_none() && query.flag("watch"));
        let verb = path::verb(&parts.method, path.name.is_some(), watch);
        let full_name = match path.subresource {
            Some(subresource) => format!("{}/{subresource}", path.resource),
            None => path.resource.to_owned(),
        };
        let group = path.group();
        let counted = if group.is_empty() {
            full_name.clone()
        } else {
            match path.subresource {
                Some(subresource) => format!("{}.{group}/{subresource}", path.resource),
                None => format!("{}.{group}", path.resource),
            }
        };
        self.core.counters.add(RequestKind { verb, resource: counted });
        let attributes = Attributes {
            verb,
            group,
            resource: &full_name,
            namespace: path.namespace.unwrap_or_default(),
            name: path.name.unwrap_or_default(),
            path: None,
        };
        rbac::authorize(&self.core, user, &attributes)?;
        let resource = match resource {
            Some(resource) => resource,
            None if registry.group_version(path.group_version).is_some() => {
                return Err(Failure::no_such_path());
            }
            None => return Err(Failure::no_such_page()),
        };
        Call { core: &self.core, resource, path, query, parts, body, user }.answer()
    }

    fn other(&self, parts: &Parts, path: &str, user: &User) -> Result<Response<Body>, Failure> {
        let verb = match parts.method.as_str() {
            "GET" => "get",
            "HEAD" => "head",
            "POST" => "post",
            "PUT" => "put",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => "options",
        };
        self.core.counters.add(RequestKind { verb, resource: path.to_owned() });
        if !always_readable(path) {
            let attributes = Attributes { verb, path: Some(path), ..Attributes::default() };
            rbac::authorize(&self.core, user, &attributes)?;
        }
        if path.starts_with("/healthz/")
            || path.starts_with("/livez/")
            || path.starts_with("/readyz/")
        {
            return Ok(body::text(StatusCode::OK, "ok"));
        }
        if !matches!(verb, "get" | "head") {
            return Err(Failure::method_not_allowed());
        }
        if let Some(answer) = crate::openapi::answer(&self.core, path, parts) {
            return answer;
        }
        crate::discovery::answer(&self.core, path, &parts.headers).ok_or_else(Failure::no_such_page)
    }
}

/// What the `system:discovery` ClusterRole of every cluster lets all who are authenticated read.
fn always_readable(path: &str) -> bool {
    ["/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version"].iter().any(|root| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
