//! The artifacts of all sources, as the watches tell them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use common::api::Object;
use common::api::kustomize::{Kustomization, SourceKind};
use common::api::source::{Bucket, ExternalArtifact, GitRepository, OCIRepository};
use common::artifact::Artifact;
use common::condition::{self, ConditionType};
use kube::Client;
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Config;
use runtime::{Cause, Change, Context, Controller, Key, Objects, Reconcile};

use crate::plan::SourceRef;
use crate::waiting::Waiting;

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

/// What there is of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// No such object.
    Missing,
    /// It has made nothing yet.
    Empty,
    /// What it made last.
    Made(Artifact),
}

impl Found {
    fn of<K: Source>(source: &K) -> Self {
        source.artifact().cloned().map_or(Self::Empty, Self::Made)
    }

    /// What tells one artifact from another.
    fn identity(&self) -> Option<(&str, &str)> {
        match self {
            Self::Missing | Self::Empty => None,
            Self::Made(artifact) => Some((&artifact.revision, &artifact.digest)),
        }
    }
}

type Known = BTreeMap<(String, Key), Found>;

/// What is known of the sources. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    known: Arc<RwLock<Known>>,
    waiting: Waiting,
}

/// What a change of a source is to those that use it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum News {
    /// Nothing.
    None,
    /// It is seen for the first time, with an artifact of this revision.
    First(String),
    /// It has another artifact.
    Artifact,
}

impl Sources {
    /// None yet; who is to be visited for a new artifact is put in order by `waiting`.
    pub(crate) fn new(waiting: Waiting) -> Self {
        Self { known: Arc::default(), waiting }
    }

    /// What the watches show of a source.
    pub(crate) fn get(&self, source: &SourceRef) -> Found {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&(source.kind.as_str().to_owned(), source.key.clone()));
        found.cloned().unwrap_or(Found::Missing)
    }

    /// Files a change; answers what is new about it.
    fn take<K: Source>(&self, change: &Change<DeserializeGuard<K>>) -> News {
        let Ok(object) = &change.object().0 else { return News::None };
        let key = (K::KIND.as_str().to_owned(), Key::of(object));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Change::Gone(_) = change {
            known.remove(&key);
            return News::None;
        }
        let found = Found::of(object);
        let before = known.insert(key, found.clone());
        match (found.identity(), before) {
            (None, _) => News::None,
            (Some((revision, _)), None) => News::First(revision.to_owned()),
            (identity, Some(before)) if before.identity() == identity => News::None,
            (Some(_), Some(_)) => News::Artifact,
        }
    }

    /// Watches one kind of source; a new artifact wakes the Kustomizations that refer to it.
    pub(crate) fn watched<K, R>(
        &self,
        controller: Controller<R>,
        context: &Context,
    ) -> Controller<R>
    where
        K: Source,
        R: Reconcile<Object = Kustomization>,
    {
        let client = context.client().clone();
        let api: Api<DeserializeGuard<K>> = match &context.options().watch_namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        let sources = self.clone();
        let wake = move |change: &Change<DeserializeGuard<K>>, objects: &Objects<Kustomization>| {
            let news = sources.take(change);
            if news == News::None {
                return Vec::new();
            }
            let source = Key::of(change.object());
            let users = objects
                .keys_where(|object| refers_to(object, &K::KIND, &source) && !is_at(object, &news));
            let users = sources.waiting.in_order(users, objects);
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

/// Whether a Kustomization is at this revision, or on the way to it. When a process begins, all of
/// them are visited anyway.
fn is_at(object: &Kustomization, news: &News) -> bool {
    let (News::First(revision), Some(status)) = (news, &object.status) else { return false };
    let is_true = |type_: ConditionType| condition::is_true(&status.conditions, type_);
    status.last_attempted_revision.as_ref() == Some(revision)
        && (is_true(ConditionType::Ready) || is_true(ConditionType::Reconciling))
}

/// Asks the server for a source.
pub(crate) async fn ask(client: &Client, source: &SourceRef) -> Result<Found, kube::Error> {
    match &source.kind {
        SourceKind::GitRepository => ask_for::<GitRepository>(client, &source.key).await,
        SourceKind::OCIRepository => ask_for::<OCIRepository>(client, &source.key).await,
        SourceKind::Bucket => ask_for::<Bucket>(client, &source.key).await,
        SourceKind::ExternalArtifact => ask_for::<ExternalArtifact>(client, &source.key).await,
        SourceKind::Other(_) => Ok(Found::Missing),
    }
}

async fn ask_for<K: Source>(client: &Client, key: &Key) -> Result<Found, kube::Error> {
    let found = Api::<K>::namespaced(client.clone(), &key.namespace).get_opt(&key.name).await?;
    Ok(found.map_or(Found::Missing, |source| Found::of(&source)))
}
