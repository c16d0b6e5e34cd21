//! Waiting for objects to become what they should be, or to be gone. By watches: one per kind and
//! namespace, nothing is polled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::watcher::{self, Event};
use manifest::ObjectId;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::checks::{self, HealthCheck};
use crate::cluster::Cluster;
use crate::discovery::Resource;
use crate::error::Error;
use crate::health::{self, Health};
use crate::watch;

/// An object to wait for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The object.
    pub id: ObjectId,
    /// Its API version, without the group.
    pub version: String,
    /// It was just applied, so it is known to exist.
    pub applied: bool,
}

impl Target {
    /// An object that was just applied.
    pub fn applied(id: ObjectId, version: &str) -> Self {
        Self { id, version: version.to_owned(), applied: true }
    }

    /// An object that somebody else may have made.
    pub fn named(id: ObjectId, version: &str) -> Self {
        Self { id, version: version.to_owned(), applied: false }
    }
}

/// How to wait.
#[derive(Debug, Clone)]
pub struct WaitOptions {
    /// Give up after this time.
    pub timeout: Duration,
    /// End as soon as one object has failed for good.
    pub fail_fast: bool,
    /// Health by expressions.
    pub checks: Arc<Vec<HealthCheck>>,
    /// Ends the wait early.
    pub cancel: CancellationToken,
}

impl Default for WaitOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(1),
            fail_fast: true,
            checks: Arc::default(),
            cancel: CancellationToken::new(),
        }
    }
}

/// Waits until all objects are current.
///
/// # Errors
/// [`Error::Timeout`] naming what is not, [`Error::Unhealthy`] when one failed for good,
/// [`Error::Cancelled`] when cancelled.
pub async fn wait(
    cluster: &Cluster,
    targets: Vec<Target>,
    options: &WaitOptions,
) -> Result<(), Error> {
    let has_check = |id: &ObjectId| options.checks.iter().any(|check| check.is_for(&id.group));
    let waits = |target: &Target| {
        let is_static = target.applied && health::is_static(&target.id.group, &target.id.kind);
        !is_static || has_check(&target.id)
    };
    let targets: Vec<Target> = targets.into_iter().filter(waits).collect();
    let verdict = |states: &States| {
        if states.values().all(|health| *health == Health::Current) {
            return Some(Ok(()));
        }
        let failed = |(_, health): &(_, &Health)| matches!(health, Health::Failed(_));
        let failed: Vec<_> = states.iter().filter(failed).collect();
        // With every object settled there is nothing left to wait for.
        let open = |health: &Health| !matches!(health, Health::Failed(_) | Health::Current);
        if !failed.is_empty() && (options.fail_fast || !states.values().any(open)) {
            let list = describe(failed.into_iter());
            return Some(Err(Error::Unhealthy(format!(
                "failed early due to stalled resources: [{list}]"
            ))));
        }
        None
    };
    observe(cluster, targets, options, verdict).await
}

/// Waits until none of the objects is there any more.
///
/// # Errors
/// [`Error::Timeout`] naming what is left, [`Error::Cancelled`] when cancelled.
pub async fn gone(
    cluster: &Cluster,
    objects: Vec<(ObjectId, String)>,
    options: &WaitOptions,
) -> Result<(), Error> {
    let target = |(id, version)| Target { id, version, applied: false };
    let verdict = |states: &States| {
        states.values().all(|health| *health == Health::NotFound).then_some(Ok(()))
    };
    observe(cluster, objects.into_iter().map(target).collect(), options, verdict).await
}

type States = BTreeMap<ObjectId, Health>;

/// Follows the objects until there is a verdict, the time is over or the wait is cancelled.
async fn observe(
    cluster: &Cluster,
    targets: Vec<Target>,
    options: &WaitOptions,
    verdict: impl Fn(&States) -> Option<Result<(), Error>>,
) -> Result<(), Error> {
    let mut states: States = targets
        .iter()
        .map(|target| (target.id.clone(), Health::Unknown("not seen yet".to_owned())))
        .collect();
    if states.is_empty() {
        return Ok(());
    }
    let mut news = news(cluster, targets, &mut states, &options.checks).await?;
    let mut end = std::pin::pin!(tokio::time::sleep(options.timeout));
    loop {
        if let Some(verdict) = verdict(&states) {
            return verdict;
        }
        tokio::select! {
            biased;
            () = options.cancel.cancelled() => return Err(Error::Cancelled),
            Some((id, health)) = news.next() => {
                if let Some(state) = states.get_mut(&id) {
                    *state = health;
                }
            }
            () = &mut end => {
                let open = states.iter().filter(|(_, health)| **health != Health::Current);
                return Err(Error::Timeout(format!("timeout waiting for: [{}]", describe(open))));
            }
        }
    }
}

fn describe<'a>(objects: impl Iterator<Item = (&'a ObjectId, &'a Health)>) -> String {
    let mut text = String::new();
    for (id, health) in objects {
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing into a String cannot fail.
        write!(text, "{separator}{id} status: '{}'", health.as_str()).ok();
        if let Health::Failed(message) | Health::Unknown(message) = health {
            write!(text, ": {message}").ok();
        }
    }
    text
}

type News = BoxStream<'static, (ObjectId, Health)>;

/// What happens to the objects, by one watch per kind and namespace.
async fn news(
    cluster: &Cluster,
    targets: Vec<Target>,
    states: &mut States,
    checks: &Arc<Vec<HealthCheck>>,
) -> Result<News, Error> {
    let mut groups: BTreeMap<(Resource, String), BTreeSet<ObjectId>> = BTreeMap::new();
    for target in targets {
        match cluster.resource_of(&target.id, &target.version).await? {
            Some(resource) => {
                let namespace = target.id.namespace.clone();
                groups.entry((resource, namespace)).or_default().insert(target.id);
            }
            None => {
                states.insert(target.id, Health::NotFound);
            }
        }
    }
    let watches = groups
        .into_iter()
        .map(|((resource, namespace), ids)| one_kind(cluster, resource, namespace, ids, checks));
    // The last stream never ends, so that a wait on nothing but missing kinds still ends by time.
    let watches = watches.chain(std::iter::once(stream::pending().boxed()));
    Ok(stream::select_all(watches).boxed())
}

fn one_kind(
    cluster: &Cluster,
    resource: Resource,
    namespace: String,
    ids: BTreeSet<ObjectId>,
    checks: &Arc<Vec<HealthCheck>>,
) -> News {
    let kind = api_resource(&resource);
    let client = cluster.client().clone();
    let api: Api<DynamicObject> = if resource.namespaced && !namespace.is_empty() {
        Api::namespaced_with(client, &namespace, &kind)
    } else {
        Api::all_with(client, &kind)
    };
    let only = match ids.len() {
        1 => ids.first().map(|id| format!("metadata.name={}", id.name)),
        _ => None,
    };
    let events = watch::follow(move |mut config| {
        config.field_selector.clone_from(&only);
        watcher::watcher(api.clone(), config).boxed()
    });
    let mut view =
        View { resource, namespace, ids, seen: BTreeSet::new(), checks: Arc::clone(checks) };
    events.flat_map(move |event| stream::iter(view.take(event))).boxed()
}

/// The objects of one watch.
struct View {
    resource: Resource,
    namespace: String,
    ids: BTreeSet<ObjectId>,
    seen: BTreeSet<ObjectId>,
    checks: Arc<Vec<HealthCheck>>,
}

impl View {
    /// What an event says about the objects waited for.
    fn take(&mut self, event: Event<DynamicObject>) -> Vec<(ObjectId, Health)> {
        match event {
            Event::Init => {
                self.seen.clear();
                Vec::new()
            }
            Event::InitApply(object) | Event::Apply(object) => {
                let id = self.id(&object);
                if !self.ids.contains(&id) {
                    return Vec::new();
                }
                let health = checks::health(&self.checks, &self.value(object));
                self.seen.insert(id.clone());
                vec![(id, health)]
            }
            Event::Delete(object) => vec![(self.id(&object), Health::NotFound)],
            Event::InitDone => {
                let missing = self.ids.difference(&self.seen);
                missing.map(|id| (id.clone(), Health::NotFound)).collect()
            }
        }
    }

    fn id(&self, object: &DynamicObject) -> ObjectId {
        ObjectId {
            group: self.resource.group.clone(),
            kind: self.resource.kind.clone(),
            namespace: self.namespace.clone(),
            name: object.metadata.name.clone().unwrap_or_default(),
        }
    }

    fn value(&self, object: DynamicObject) -> Value {
        let mut value = serde_json::to_value(object).unwrap_or(Value::Null);
        if let Some(fields) = value.as_object_mut() {
            // Items of a list carry neither.
            fields.insert("apiVersion".to_owned(), self.resource.api_version().into());
            fields.insert("kind".to_owned(), self.resource.kind.clone().into());
        }
        value
    }
}

pub(crate) fn api_resource(resource: &Resource) -> ApiResource {
    ApiResource {
        group: resource.group.clone(),
        version: resource.version.clone(),
        api_version: resource.api_version(),
        kind: resource.kind.clone(),
        plural: resource.plural.clone(),
    }
}
