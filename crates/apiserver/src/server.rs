//! The front door: [`ApiServer`].

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::core::Core;
use crate::counters::RequestKind;
use crate::failure::Failure;
use crate::options::Options;
use crate::serve::{self, Handle};
use crate::service::{Service, Trust};

/// A Kubernetes API server in memory. Cheap to clone: clones share one state.
#[derive(Debug, Clone)]
pub struct ApiServer {
    core: Arc<Core>,
}

/// What can go wrong outside of requests.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A definition cannot be read or was refused.
    #[error("cannot install custom resource definition {name}: {message}")]
    Install {
        /// `metadata.name`, or the number of the document.
        name: String,
        /// Why.
        message: String,
    },
    /// The stored objects cannot be read or written.
    #[error("cannot use the data folder {path}")]
    Data {
        /// The folder.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl ApiServer {
    /// A server with the namespaces, roles and other objects that every cluster starts with.
    pub fn new(options: Options) -> Self {
        Self::start(Core::new(options))
    }

    /// As [`Self::new`], with the objects kept in `folder` over restarts, one server at a time.
    ///
    /// # Errors
    /// The folder cannot be read or written, or holds something else.
    pub fn open(options: Options, folder: &Path) -> Result<Self, Error> {
        let mut core = Core::new(options);
        crate::journal::open(&mut core, folder)
            .map_err(|source| Error::Data { path: folder.display().to_string(), source })?;
        core.reload_custom_resources();
        Ok(Self::start(core))
    }

    fn start(core: Core) -> Self {
        let core = Arc::new(core);
        crate::workloads::begin(&core);
        crate::bootstrap::fill(&core);
        Self { core }
    }

    /// The server as a `tower` service; callers are the cluster administrator unless they impersonate
    /// someone or carry a token.
    pub fn service(&self) -> Service {
        Service { core: self.core.clone(), trust: Trust::Everyone }
    }

    /// Listens for plain HTTP on `address` (port 0: any free one). Programs on the same machine are the
    /// cluster administrator, as with `kubectl proxy` (client-go sends no tokens over plain HTTP); callers
    /// from elsewhere need the token that [`Self::kubeconfig`] holds, or one that this server issued.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn serve(&self, address: SocketAddr) -> io::Result<Handle> {
        crate::controllers::ensure_running(&self.core);
        serve::listen(Service { core: self.core.clone(), trust: Trust::Nobody }, address).await
    }

    /// A kubeconfig (JSON, which is YAML) for a server that listens on `address`.
    pub fn kubeconfig(&self, address: SocketAddr) -> String {
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "weir", "cluster": { "server": format!("http://{address}") } }],
            "users": [{ "name": "weir-admin", "user": { "token": self.core.admin_token } }],
            "contexts": [{ "name": "weir", "context": { "cluster": "weir", "user": "weir-admin" } }],
            "current-context": "weir",
        });
        format!("{config:#}\n")
    }

    /// The bearer token of the cluster administrator.
    pub fn admin_token(&self) -> &str {
        &self.core.admin_token
    }

    /// Installs the custom resource definitions of a YAML stream, or replaces those that are there. They
    /// are served when this returns.
    ///
    /// # Errors
    /// A document is not a definition, or breaks the rules for one; those before it stay installed.
    pub fn install_crds(&self, yaml: &str) -> Result<(), Error> {
        let documents = crate::crd::documents(yaml)
            .map_err(|message| Error::Install { name: "of the given text".to_owned(), message })?;
        self.install_crd_values(documents)
    }

    /// As [`Self::install_crds`], for definitions that are JSON values.
    ///
    /// # Errors
    /// As there.
    pub fn install_crd_values(
        &self,
        definitions: impl IntoIterator<Item = Value>,
    ) -> Result<(), Error> {
        for definition in definitions {
            let name = crate::object::name(&definition).to_owned();
            crate::crd::install(&self.core, definition)
                .map_err(|why: Failure| Error::Install { name, message: why.message })?;
        }
        Ok(())
    }

    /// Behaves as if the process had been restarted: open connections and watches end, watches from
    /// before are answered 410 Gone, the objects stay.
    pub fn restart(&self) {
        self.core.store.forget_changes();
        self.core.epoch.send_modify(|epoch| *epoch += 1);
    }

    /// How many requests there were, by verb and resource.
    pub fn requests(&self) -> BTreeMap<RequestKind, u64> {
        self.core.counters.read()
    }

    /// Starts counting anew.
    pub fn reset_requests(&self) {
        self.core.counters.reset();
    }

    /// How many objects there are, by resource (`deployments.apps`).
    pub fn object_counts(&self) -> BTreeMap<String, usize> {
        self.core.object_counts()
    }
}

impl Default for ApiServer {
    fn default() -> Self {
        Self::new(Options::default())
    }
}
