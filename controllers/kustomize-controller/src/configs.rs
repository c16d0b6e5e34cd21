//! Changes of labelled ConfigMaps and Secrets wake the Kustomizations that read them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use common::api::kustomize::{DataKind, Kustomization};
use kube::Resource;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::watcher::Config;
use runtime::{Cause, Change, Context, Controller, Key, Objects, Reconcile};

/// Watches the metadata of one of the two kinds.
pub(crate) fn watched<K, R>(
    controller: Controller<R>,
    context: &Context,
    kind: DataKind,
) -> Controller<R>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + Debug
        + Send
        + Sync
        + 'static,
    R: Reconcile<Object = Kustomization>,
{
    let client = context.client().clone();
    let api: Api<PartialObjectMeta<K>> = match &context.options().watch_namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let config = Config::default().labels(&context.options().watch_configs_label_selector);
    let seen: Mutex<BTreeMap<Key, Option<String>>> = Mutex::default();
    let wake = move |change: &Change<PartialObjectMeta<K>>, objects: &Objects<Kustomization>| {
        let (metadata, key) = (change.object().meta(), Key::of(change.object()));
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match change {
            Change::Is(_) => seen.insert(key.clone(), metadata.resource_version.clone()),
            Change::Gone(_) => {
                seen.remove(&key);
                None
            }
        };
        // A watch that begins again shows everything again.
        if before.is_some_and(|version| version == metadata.resource_version) {
            return Vec::new();
        }
        let users = objects.keys_where(|object| reads(object, &kind, &key));
        users.into_iter().map(|user| (user, Cause::Config)).collect()
    };
    controller.watches(api, config, wake)
}

/// Whether a Kustomization reads this object: for variables, for a kubeconfig, for keys.
fn reads(object: &Kustomization, kind: &DataKind, data: &Key) -> bool {
    if object.metadata.namespace.as_ref() != Some(&data.namespace) {
        return false;
    }
    let spec = &object.spec;
    let from = spec.post_build.iter().flat_map(|post_build| &post_build.substitute_from);
    let variables = from.filter(|from| from.kind == *kind).map(|from| &from.name);
    let kubeconfig = spec.kube_config.as_ref();
    let (kubeconfig, keys) = match kind {
        DataKind::ConfigMap => {
            (kubeconfig.and_then(|config| Some(&config.config_map_ref.as_ref()?.name)), None)
        }
        DataKind::Secret => {
            let keys = spec.decryption.as_ref().and_then(|keys| keys.secret_ref.as_ref());
            let kubeconfig = kubeconfig.and_then(|config| Some(&config.secret_ref.as_ref()?.name));
            (kubeconfig, keys.map(|secret| &secret.name))
        }
        DataKind::Other(_) => (None, None),
    };
    variables.chain(kubeconfig).chain(keys).any(|name| *name == data.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_kubeconfigs_and_keys_are_read() {
        let object: Kustomization = serde_json::from_value(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "a"},
            "spec": {
                "interval": "1h", "prune": true,
                "sourceRef": {"kind": "GitRepository", "name": "s"},
                "kubeConfig": {"secretRef": {"name": "remote"}},
                "decryption": {"provider": "sops", "secretRef": {"name": "keys"}},
                "postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]},
            },
        }))
        .unwrap();
        let reads = |kind, name: &str| reads(&object, &kind, &Key::new("a", name));
        assert!(reads(DataKind::Secret, "remote") && reads(DataKind::Secret, "keys"));
        assert!(reads(DataKind::ConfigMap, "vars") && !reads(DataKind::Secret, "vars"));
        assert!(!super::reads(&object, &DataKind::Secret, &Key::new("b", "remote")));
    }
}
