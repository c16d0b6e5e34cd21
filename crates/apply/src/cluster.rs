//! A cluster, seen as some identity: requests on objects that stay JSON.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::field::Field as _;
use futures::FutureExt;
use http::{HeaderValue, Request};
use kube::Client;
use kube::client::Body;
use kube::discovery::Scope;
use manifest::{Object, ObjectId};
use serde_json::{Value, json};

use crate::definitions;
use crate::discovery::{Kindred, Resource};
use crate::error::Error;

/// Who acts on a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// The program itself.
    Own,
    /// A service account, by impersonation.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl Identity {
    /// The user to impersonate.
    pub fn user(&self) -> Option<String> {
        match self {
            Self::Own => None,
            Self::ServiceAccount { namespace, name } => {
                Some(format!("system:serviceaccount:{namespace}:{name}"))
            }
        }
    }
}

/// A cluster and who acts on it. Cheap to clone; all identities share what is known of the cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    kinds: Arc<Kindred>,
    manager: Arc<str>,
    concurrency: usize,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Cluster").field("manager", &self.manager).finish_non_exhaustive()
    }
}

/// How many objects are in flight at the same time, unless told otherwise (`--concurrent-ssa`).
const CONCURRENCY: usize = 4;

/// How long a request may take. The server ends its own work, webhooks included, after a minute; what
/// takes longer than that and a bit will never be answered.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(75);

/// Objects per page of a list: what client-go asks for.
const PAGE: usize = 500;

impl Cluster {
    /// The cluster behind this client; `manager` is the field manager of everything applied.
    pub fn new(client: Client, manager: &str) -> Self {
        let kinds = Arc::new(Kindred::new(client.clone()));
        Self { client, kinds, manager: manager.into(), concurrency: CONCURRENCY }
    }

    /// The same cluster with so many objects in flight at the same time.
    #[must_use]
    pub fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// The same cluster, acting as `identity`.
    #[must_use]
    pub fn acting_as(&self, identity: &Identity) -> Self {
        match identity.user() {
            None => self.clone(),
            Some(user) => Self { client: impersonating(&self.client, &user), ..self.clone() },
        }
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The field manager.
    pub fn manager(&self) -> &str {
        &self.manager
    }

    pub(crate) fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// The served kind of an object.
    ///
    /// # Errors
    /// When the server does not serve it or cannot be asked.
    pub async fn resource(&self, object: &Object) -> Result<Resource, Error> {
        let kind = (object.group(), object.kind());
        let found = self.kinds.find(kind, Some(object.version())).await?;
        found.ok_or_else(|| Error::NoMatch {
            object: object.id().to_string(),
            kind: object.kind().to_owned(),
            version: object.api_version().to_owned(),
        })
    }

    /// The served kind of an id, in this version if it is served, else in the preferred one.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn resource_of(
        &self,
        id: &ObjectId,
        version: &str,
    ) -> Result<Option<Resource>, Error> {
        let kind = (id.group.as_str(), id.kind.as_str());
        let version = Some(version).filter(|version| !version.is_empty());
        match self.kinds.find(kind, version).await? {
            Some(resource) => Ok(Some(resource)),
            None => self.kinds.find(kind, None).await,
        }
    }

    /// The object as it is in the cluster.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn get(&self, resource: &Resource, id: &ObjectId) -> Result<Option<Value>, Error> {
        let request = Request::get(resource.path(Some(&id.namespace), &id.name));
        match self.send(request.body(Vec::new())).await {
            Ok(value) => Ok(Some(value)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(Error::about_id(id, "get", error)),
        }
    }

    /// The same for an object that must not be taken for gone by mistake: that its kind is not
    /// served, or is said to be served by a server that does not know it, is an error.
    ///
    /// # Errors
    /// When the server does not say that this very object is missing.
    pub(crate) async fn get_surely(
        &self,
        resource: &Resource,
        id: &ObjectId,
    ) -> Result<Option<Value>, Error> {
        let request = Request::get(resource.path(Some(&id.namespace), &id.name));
        match self.send(request.body(Vec::new())).await {
            Ok(value) => Ok(Some(value)),
            Err(kube::Error::Api(status)) if status.code == 404 && names(&status, id) => Ok(None),
            Err(error) => Err(Error::about_id(id, "get", error)),
        }
    }

    /// Whether the server itself says that there is no such kind, in any version. What discovery
    /// leaves out may only be out of reach: the kinds of an extension server that is down.
    ///
    /// # Errors
    /// When it does not say so.
    pub(crate) async fn has_no_kind(&self, id: &ObjectId) -> Result<bool, Error> {
        self.kinds.is_absent(&id.group, &id.kind).await
    }

    /// Asks again what kinds the cluster serves.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub(crate) async fn discover(&self) -> Result<(), Error> {
        self.kinds.discover().await
    }

    /// The objects with what is said of their place put right: kinds that live in no namespace lose
    /// the one that a manifest or a build gave them, as the server would drop it. The same object
    /// has the same id then, whatever its manifest says.
    ///
    /// # Errors
    /// When the server cannot be asked what it serves, and for an object that lacks its namespace.
    pub async fn placed(&self, mut objects: Vec<Object>) -> Result<Vec<Object>, Error> {
        let mut scopes = definitions::scopes(&objects);
        let kind = |object: &Object| (object.group().to_owned(), object.kind().to_owned());
        let kinds: BTreeSet<_> =
            objects.iter().map(kind).filter(|kind| !scopes.contains_key(kind)).collect();
        scopes.extend(self.kinds.scopes(&kinds).await?);
        for object in &mut objects {
            match scopes.get(&kind(object)) {
                Some(Scope::Cluster) => {
                    let metadata = object.as_value_mut().get_mut("metadata");
                    if let Some(fields) = metadata.and_then(Value::as_object_mut) {
                        fields.remove("namespace");
                    }
                }
                Some(Scope::Namespaced) if object.namespace().is_none() => {
                    return Err(Error::Invalid {
                        object: object.id().to_string(),
                        message: "namespace not specified".to_owned(),
                    });
                }
                Some(Scope::Namespaced) | None => {}
            }
        }
        Ok(objects)
    }

    /// All objects of a kind with these labels.
    pub(crate) async fn list(
        &self,
        resource: &Resource,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<Value>, Error> {
        let id = ObjectId {
            group: resource.group.clone(),
            kind: resource.kind.clone(),
            namespace: namespace.to_owned(),
            name: "*".to_owned(),
        };
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let path = resource.collection(Some(namespace));
            let query =
                format!("limit={PAGE}&labelSelector={}&continue={}", query(selector), query(&next));
            let request = Request::get(format!("{path}?{query}")).body(Vec::new());
            let mut page = self.send(request).await.map_err(|e| Error::about_id(&id, "list", e))?;
            page.at("metadata.continue").as_str().unwrap_or_default().clone_into(&mut next);
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            if next.is_empty() {
                return Ok(items);
            }
        }
    }

    /// Server-side apply of one object.
    pub(crate) async fn apply(
        &self,
        resource: &Resource,
        object: &Object,
        dry_run: bool,
    ) -> Result<Value, Error> {
        let what = if dry_run { "dry-run" } else { "apply" };
        let applied = self.send_apply(resource, object, object.as_value(), dry_run).await;
        applied.map_err(|error| Error::about(object, what, error))
    }

    /// Server-side apply of an object that must not be there yet. Where it is, the server refuses.
    pub(crate) async fn create(
        &self,
        resource: &Resource,
        object: &Object,
    ) -> Result<Value, Error> {
        let mut value = object.as_value().clone();
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            // A version that no object can have: it fits only if there is none.
            metadata.insert("resourceVersion".to_owned(), "1".into());
        }
        let applied = self.send_apply(resource, object, &value, false).await;
        applied.map_err(|error| Error::about(object, "apply", error))
    }

    async fn send_apply(
        &self,
        resource: &Resource,
        object: &Object,
        body: &Value,
        dry_run: bool,
    ) -> Result<Value, kube::Error> {
        let path = resource.path(object.namespace(), object.name());
        let dry = if dry_run { "&dryRun=All" } else { "" };
        let uri = format!("{path}?fieldManager={}&force=true{dry}", query(&self.manager));
        let request = Request::patch(uri)
            .header("content-type", "application/apply-patch+yaml")
            .header("accept", "application/json")
            .body(body.to_string().into_bytes());
        self.send(request).await
    }

    /// A JSON patch (RFC 6902) on one object.
    pub(crate) async fn patch(
        &self,
        resource: &Resource,
        object: &Object,
        operations: &[Value],
    ) -> Result<Value, Error> {
        let path = resource.path(object.namespace(), object.name());
        let uri = format!("{path}?fieldManager={}", query(&self.manager));
        let request = Request::patch(uri)
            .header("content-type", "application/json-patch+json")
            .header("accept", "application/json")
            .body(json!(operations).to_string().into_bytes());
        self.send(request).await.map_err(|error| Error::about(object, "patch", error))
    }

    /// Deletes an object in the background, provided it still is as it was seen. `false` when it is
    /// gone already.
    pub(crate) async fn delete(
        &self,
        resource: &Resource,
        id: &ObjectId,
        seen: &Value,
    ) -> Result<bool, Error> {
        let metadata = |field: &str| seen.at("metadata").get(field).cloned();
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
            "preconditions": {"uid": metadata("uid"), "resourceVersion": metadata("resourceVersion")},
        });
        let request = Request::delete(resource.path(Some(&id.namespace), &id.name))
            .header("content-type", "application/json")
            .body(options.to_string().into_bytes());
        match self.send(request).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(error) => Err(Error::about_id(id, "delete", error)),
        }
    }

    async fn send(&self, request: http::Result<Request<Vec<u8>>>) -> Result<Value, kube::Error> {
        let answer = self.client.request(request.map_err(kube::Error::HttpError)?);
        match tokio::time::timeout(REQUEST_TIMEOUT, answer).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(kube::Error::Service(Box::new(elapsed))),
        }
    }
}

/// Whether an answer is about this object, and not about its kind or path.
fn names(status: &kube::core::Status, id: &ObjectId) -> bool {
    status.details.as_ref().is_some_and(|details| details.name == id.name)
}

/// A value inside a query string.
pub(crate) fn query(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| {
        if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encode).collect()
}

/// A client that sends the requests of `client` in another user's name. It shares the connections,
/// and it works with any client, one without a configuration included.
fn impersonating(client: &Client, user: &str) -> Client {
    let namespace = client.default_namespace().to_owned();
    let client = client.clone();
    let user = user.to_owned();
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let (client, header) = (client.clone(), HeaderValue::from_str(&user));
        async move {
            // A name that is no header value can be no user either; it must not fall back to ours.
            let header = header.map_err(|error| kube::Error::HttpError(error.into()))?;
            request.headers_mut().insert("impersonate-user", header);
            client.send(request).await
        }
        .boxed()
    });
    Client::new(service, namespace)
}
