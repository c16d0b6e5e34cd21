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

/// Whether a Kustomization takes variables from this object.
fn reads(object: &Kustomization, kind: &DataKind, data: &Key) -> bool {
    let from = object.spec.post_build.iter().flat_map(|post_build| &post_build.substitute_from);
    object.metadata.namespace.as_ref() == Some(&data.namespace)
        && from.into_iter().any(|from| from.kind == *kind && from.name == data.name)
}
