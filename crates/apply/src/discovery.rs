//! What kinds a cluster serves, asked once and again only when a kind is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use kube::Client;
use kube::discovery::{Discovery, Scope};
use serde_json::Value;

use crate::error::Error;
use crate::field::Field as _;

/// A served kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: String,
    /// Version without its group.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// The name in paths.
    pub plural: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether changes can be watched.
    pub watchable: bool,
}

impl Resource {
    /// The path of the objects, in a namespace or in all.
    pub(crate) fn collection(&self, namespace: Option<&str>) -> String {
        let prefix = match self.group.as_str() {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        };
        match namespace.filter(|namespace| self.namespaced && !namespace.is_empty()) {
            Some(namespace) => {
                format!("{prefix}/namespaces/{}/{}", encoded(namespace), self.plural)
            }
            None => format!("{prefix}/{}", self.plural),
        }
    }

    /// The path of one object.
    pub(crate) fn path(&self, namespace: Option<&str>, name: &str) -> String {
        format!("{}/{}", self.collection(namespace), encoded(name))
    }

    /// An object of this kind with its kind and version, which the items of a list do not carry.
    pub(crate) fn named(&self, mut item: Value) -> Value {
        if let Some(fields) = item.as_object_mut() {
            fields.insert("kind".to_owned(), self.kind.clone().into());
            fields.insert("apiVersion".to_owned(), self.api_version().into());
        }
        item
    }

    /// Group and version, as in `apiVersion`.
    pub fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }
}

/// A name as a path segment: whatever it holds, it stays one segment.
fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format_byte(byte)),
        }
    }
    text
}

fn format_byte(byte: u8) -> String {
    format!("%{byte:02X}")
}

type Kinds = BTreeMap<(String, String), Vec<Resource>>;

/// The kinds of one cluster. Shared by all identities that act on it.
pub(crate) struct Kindred {
    client: Client,
    kinds: RwLock<Arc<Kinds>>,
    refresh: tokio::sync::Mutex<u64>,
}

impl Kindred {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, kinds: RwLock::default(), refresh: tokio::sync::Mutex::new(0) }
    }

    fn kinds(&self) -> Arc<Kinds> {
        Arc::clone(&self.kinds.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The kind in this version, or in the preferred one when `version` is `None`. A kind that is
    /// not known is asked for once more.
    pub(crate) async fn find(
        &self,
        (group, kind): (&str, &str),
        version: Option<&str>,
    ) -> Result<Option<Resource>, Error> {
        let known = self.kinds();
        if let Some(resource) = pick(&known, group, kind, version) {
            return Ok(Some(resource));
        }
        self.refresh(&known).await?;
        Ok(pick(&self.kinds(), group, kind, version))
    }

    /// Asks the server now.
    pub(crate) async fn discover(&self) -> Result<(), Error> {
        let known = self.kinds();
        self.refresh(&known).await
    }

    /// Where the objects of these kinds live. Kinds that are not known are asked for once.
    pub(crate) async fn scopes(
        &self,
        wanted: &BTreeSet<(String, String)>,
    ) -> Result<BTreeMap<(String, String), Scope>, Error> {
        let mut known = self.kinds();
        if wanted.iter().any(|kind| !known.contains_key(kind)) {
            self.refresh(&known).await?;
            known = self.kinds();
        }
        let scope = |kind: &(String, String)| {
            let namespaced = known.get(kind)?.first()?.namespaced;
            Some((kind.clone(), if namespaced { Scope::Namespaced } else { Scope::Cluster }))
        };
        Ok(wanted.iter().filter_map(scope).collect())
    }

    /// Whether the server says of each version of the group that it has no such kind.
    pub(crate) async fn is_absent(&self, group: &str, kind: &str) -> Result<bool, Error> {
        if group.is_empty() {
            let list = self.ask("/api/v1").await?;
            return Ok(list.is_none_or(|list| !lists(&list, kind)));
        }
        let Some(versions) = self.ask(&format!("/apis/{}", encoded(group))).await? else {
            return Ok(true);
        };
        let versions = versions.at("versions").as_array().into_iter().flatten();
        for version in versions.filter_map(|version| version.at("groupVersion").as_str()) {
            if let Some(list) = self.ask(&format!("/apis/{version}")).await?
                && lists(&list, kind)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A discovery document; `None` when there is none at this path.
    async fn ask(&self, path: &str) -> Result<Option<Value>, Error> {
        let request = http::Request::get(path).body(Vec::new());
        let request =
            request.map_err(|error| Error::Discovery(Box::new(kube::Error::HttpError(error))))?;
        match self.client.request::<Value>(request).await {
            Ok(document) => Ok(Some(document)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(Error::Discovery(Box::new(error))),
        }
    }

    /// Asks the server, unless somebody did since `seen` was read.
    async fn refresh(&self, seen: &Arc<Kinds>) -> Result<(), Error> {
        let mut count = self.refresh.lock().await;
        if !Arc::ptr_eq(seen, &self.kinds()) {
            return Ok(());
        }
        let discovery = match Discovery::new(self.client.clone()).run_aggregated().await {
            Ok(discovery) => discovery,
            // A server before 1.26, or one behind a proxy that drops the Accept header.
            Err(kube::Error::Api(_) | kube::Error::SerdeError(_)) => {
                let old = Discovery::new(self.client.clone()).run().await;
                old.map_err(|error| Error::Discovery(Box::new(error)))?
            }
            Err(error) => return Err(Error::Discovery(Box::new(error))),
        };
        *count += 1;
        tracing::debug!(count = *count, "discovered the kinds of the cluster");
        let found = Arc::new(collect(&discovery));
        *self.kinds.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }
}

/// Whether a list of resources holds the kind.
fn lists(list: &Value, kind: &str) -> bool {
    let resources = list.at("resources").as_array();
    resources.into_iter().flatten().any(|resource| resource.at("kind") == kind)
}

fn collect(discovery: &Discovery) -> Kinds {
    let mut kinds = Kinds::new();
    for group in discovery.groups() {
        for version in group.versions() {
            for (api, capabilities) in group.versioned_resources(version) {
                // Objects whose list is of another group's kind are subresources in disguise.
                let resource = Resource {
                    group: api.group,
                    version: api.version,
                    kind: api.kind,
                    plural: api.plural,
                    namespaced: capabilities.scope == Scope::Namespaced,
                    watchable: capabilities.operations.iter().any(|verb| verb == "watch"),
                };
                let key = (resource.group.clone(), resource.kind.clone());
                kinds.entry(key).or_default().push(resource);
            }
        }
    }
    kinds
}

/// The resource of a kind; versions stand in the server's order of preference.
fn pick(kinds: &Kinds, group: &str, kind: &str, version: Option<&str>) -> Option<Resource> {
    let versions = kinds.get(&(group.to_owned(), kind.to_owned()))?;
    let wanted = |resource: &&Resource| version.is_none_or(|version| resource.version == version);
    versions.iter().find(wanted).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_hold_group_version_namespace_and_name() {
        let role = Resource {
            group: "rbac.authorization.k8s.io".to_owned(),
            version: "v1".to_owned(),
            kind: "Role".to_owned(),
            plural: "roles".to_owned(),
            namespaced: true,
            watchable: true,
        };
        assert_eq!(
            role.path(Some("a"), "system:x/../y"),
            "/apis/rbac.authorization.k8s.io/v1/namespaces/a/roles/system:x%2F..%2Fy"
        );
        let node = Resource {
            group: String::new(),
            plural: "nodes".to_owned(),
            namespaced: false,
            ..role
        };
        assert_eq!(node.path(Some("a"), "n"), "/api/v1/nodes/n");
        assert_eq!(node.api_version(), "v1");
    }
}
