//! The artifacts of all sources, as the watches tell them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use common::api::Object;
use common::api::kustomize::{Kustomization, SourceKind};
use common::api::source::{Bucket, ExternalArtifact, GitRepository, OCIRepository};
use common::artifact::Artifact;
use kube::Client;
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Config;
use runtime::{Cause, Change, Context, Controller, Key, Objects, Reconcile};

use crate::plan::SourceRef;

/// A kind that makes artifacts of manifests.
pub(crate) trait Source: Object {
    /// Its kind in a reference.
    const KIND: SourceKind;

    /// What it made last.
    fn artifact(&self) -> Option<&Artifact>;
}

macro_rules! sources {
    ($($kind:ident),+) => { $(
        impl Source for $kind {
            const KIND: SourceKind = SourceKind::$kind;

            fn artifact(&self) -> Option<&Artifact> {
                self.status.as_ref()?.artifact.as_ref()
            }
        }
    )+ };
}

sources!(GitRepository, OCIRepository, Bucket, ExternalArtifact);

type Known = BTreeMap<(String, Key), Option<Artifact>>;

/// What is known of the sources. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    known: Arc<RwLock<Known>>,
}

impl Sources {
    /// The artifact of a source: `None` when the source is not known, `Some(None)` when it has no
    /// artifact.
    #[expect(clippy::option_option, reason = "no source and no artifact are different answers")]
    pub(crate) fn get(&self, source: &SourceRef) -> Option<Option<Artifact>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&(source.kind.as_str().to_owned(), source.key.clone())).cloned()
    }

    /// Files a change; answers whether there is another artifact now.
    fn take<K: Source>(&self, change: &Change<DeserializeGuard<K>>) -> bool {
        let Ok(object) = &change.object().0 else { return false };
        let key = (K::KIND.as_str().to_owned(), Key::of(object));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match change {
            Change::Gone(_) => {
                known.remove(&key);
                false
            }
            Change::Is(_) => {
                let artifact = object.artifact().cloned();
                let identity = |artifact: &Option<Artifact>| {
                    artifact.as_ref().map(|a| (a.revision.clone(), a.digest.clone()))
                };
                let before = known.insert(key, artifact.clone());
                before.as_ref().map(identity) != Some(identity(&artifact)) && artifact.is_some()
            }
        }
    }

    /// Watches one kind of source; a new artifact wakes the Kustomizations that refer to it.
    pub(crate) fn watched<K, R>(&self, controller: Controller<R>, context: &Context) -> Controller<R>
    where
        K: Source,
        R: Reconcile<Object = Kustomization>,
    {
        let api: Api<DeserializeGuard<K>> = Api::all(context.client().clone());
        let sources = self.clone();
        let wake = move |change: &Change<DeserializeGuard<K>>, objects: &Objects<Kustomization>| {
            if !sources.take(change) {
                return Vec::new();
            }
            let source = Key::of(change.object());
            let users = objects.keys_where(|object| refers_to(object, &K::KIND, &source));
            users.into_iter().map(|key| (key, Cause::Source)).collect()
        };
        controller.watches(api, Config::default(), wake)
    }
}

/// Whether a Kustomization takes its manifests from this source.
fn refers_to(object: &Kustomization, kind: &SourceKind, source: &Key) -> bool {
    let reference = &object.spec.source_ref;
    let namespace = reference.namespace.as_ref().filter(|namespace| !namespace.is_empty());
    let namespace = namespace.or(object.metadata.namespace.as_ref());
    reference.kind == *kind && reference.name == source.name && namespace == Some(&source.namespace)
}

/// Asks the server for the artifact of a source: `None` when there is no such source.
#[expect(clippy::option_option, reason = "no source and no artifact are different answers")]
pub(crate) async fn ask(
    client: &Client,
    source: &SourceRef,
) -> Result<Option<Option<Artifact>>, kube::Error> {
    match &source.kind {
        SourceKind::GitRepository => ask_for::<GitRepository>(client, &source.key).await,
        SourceKind::OCIRepository => ask_for::<OCIRepository>(client, &source.key).await,
        SourceKind::Bucket => ask_for::<Bucket>(client, &source.key).await,
        SourceKind::ExternalArtifact => ask_for::<ExternalArtifact>(client, &source.key).await,
        SourceKind::Other(_) => Ok(None),
    }
}

#[expect(clippy::option_option, reason = "no source and no artifact are different answers")]
async fn ask_for<K: Source>(
    client: &Client,
    key: &Key,
) -> Result<Option<Option<Artifact>>, kube::Error> {
    let found = Api::<K>::namespaced(client.clone(), &key.namespace).get_opt(&key.name).await?;
    Ok(found.map(|object| object.artifact().cloned()))
}
