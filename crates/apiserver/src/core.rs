//! The state that everything shares.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde_json::Value;
use tokio::sync::watch;

use crate::counters::Counters;
use crate::crd;
use crate::failure::{About, Failure};
use crate::names::Random;
use crate::object;
use crate::options::Options;
use crate::registry::{Registry, Resource, builtin_resources};
use crate::store::{Key, Store, Stored};

/// One server's state.
pub(crate) struct Core {
    pub(crate) options: Options,
    pub(crate) store: Store,
    pub(crate) random: Random,
    pub(crate) counters: Counters,
    /// Signs and checks tokens.
    pub(crate) secret: [u8; 32],
    /// The cluster administrator's bearer token.
    pub(crate) admin_token: String,
    /// Raised by a restart: connections and watches of an earlier epoch end.
    pub(crate) epoch: watch::Sender<u64>,
    /// When each waiting step of the simulation is due; see `controllers`.
    pub(crate) background: Mutex<Option<tokio::task::AbortHandle>>,
    pub(crate) addresses: crate::service_network::Addresses,
    builtin: Vec<Arc<Resource>>,
    registry: RwLock<Arc<Registry>>,
}

impl Core {
    pub(crate) fn new(options: Options) -> Self {
        let store = Store::new(options.window);
        let builtin = builtin_resources(&store);
        if let Some(namespaces) = builtin.iter().find(|r| r.is("", "Namespace")) {
            store.keep_namespaces(namespaces.shelf);
        }
        let registry = RwLock::new(Arc::new(Registry::new(&builtin, [])));
        let seed = options.seed.unwrap_or_else(process_randomness);
        let random = Random::new(seed);
        let secret = secret(options.seed);
        let admin_token = crate::tokens::admin(&secret);
        let (epoch, _) = watch::channel(0);
        Self {
            options,
            store,
            random,
            counters: Counters::default(),
            secret,
            admin_token,
            epoch,
            background: Mutex::new(None),
            addresses: crate::service_network::Addresses::default(),
            builtin,
            registry,
        }
    }

    /// Takes over the secret of an earlier server.
    pub(crate) fn set_secret(&mut self, secret: [u8; 32]) {
        self.secret = secret;
        self.admin_token = crate::tokens::admin(&secret);
    }

    pub(crate) fn registry(&self) -> Arc<Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Rebuilds what is served from the stored CRDs.
    pub(crate) fn reload_custom_resources(&self) {
        // The lock is held over the listing, so that a later reload never loses to an earlier one.
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        let Some(definitions) =
            registry.find("apiextensions.k8s.io/v1", "customresourcedefinitions").cloned()
        else {
            return;
        };
        let (_, stored) = self.store.list(definitions.shelf, None);
        let custom = stored.iter().flat_map(|crd| crd::resources(&self.store, &crd.value));
        *registry = Arc::new(Registry::new(&self.builtin, custom));
    }

    /// A built-in resource. The table is fixed, so callers name rows of it.
    pub(crate) fn builtin(&self, api_version: &str, plural: &str) -> Option<Arc<Resource>> {
        let (group, version) = object::split_api_version(api_version);
        self.builtin
            .iter()
            .find(|r| r.group == group && r.version == version && r.plural == plural)
            .cloned()
    }

    /// An object of a built-in kind.
    pub(crate) fn lookup(
        &self,
        api_version: &str,
        plural: &str,
        namespace: &str,
        name: &str,
    ) -> Option<Stored> {
        let resource = self.builtin(api_version, plural)?;
        self.store.get(resource.shelf, &Key::new(namespace, name))
    }

    /// Every object of a built-in kind, of one namespace or of all.
    pub(crate) fn list(
        &self,
        api_version: &str,
        plural: &str,
        namespace: Option<&str>,
    ) -> Vec<Stored> {
        self.builtin(api_version, plural)
            .map_or_else(Vec::new, |r| self.store.list(r.shelf, namespace).1)
    }

    pub(crate) fn now_text(&self) -> String {
        self.options.clock.now_text()
    }

    /// New objects need a namespace that is there and stays.
    pub(crate) fn check_namespace(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), Failure> {
        if !resource.namespaced {
            return Ok(());
        }
        let missing =
            || Failure::not_found(About { group: "", resource: "namespaces", name: namespace });
        let live = self.lookup("v1", "namespaces", "", namespace).ok_or_else(missing)?;
        if object::is_deleting(&live.value) {
            let why = format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            );
            return Err(Failure::namespace_terminating(resource.about(name), &why, namespace));
        }
        Ok(())
    }

    /// How many objects there are per kind, for tests and status pages.
    pub(crate) fn object_counts(&self) -> BTreeMap<String, usize> {
        let registry = self.registry();
        let counts = registry
            .stored()
            .into_iter()
            .map(|r| (r.about("").qualified(), self.store.count(r.shelf)));
        counts.filter(|(_, n)| *n > 0).collect()
    }

    /// Writes without going through HTTP, for the server's own needs.
    pub(crate) fn apply_own(
        &self,
        api_version: &str,
        plural: &str,
        object: Value,
    ) -> Result<Stored, Failure> {
        let resource = self.builtin(api_version, plural).ok_or_else(Failure::no_such_path)?;
        let namespace = object::namespace(&object).to_owned();
        let mut write = crate::write::Write::controller(self, &resource, "", "weir-apiserver");
        write.create(&namespace, object)
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("options", &self.options).finish_non_exhaustive()
    }
}

/// The standard library seeds its hash tables from the system's randomness; that is enough for names.
fn process_randomness() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

fn secret(seed: Option<u64>) -> [u8; 32] {
    let mut secret = [0; 32];
    let own = seed.map(Random::new);
    for chunk in secret.chunks_mut(8) {
        let word = own.as_ref().map_or_else(process_randomness, Random::next);
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    secret
}
