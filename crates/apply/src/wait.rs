//! Waiting for objects to become what they should be, or to be gone. By watches: one per kind and
//! namespace, nothing is polled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, SelectAll, StreamExt};
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
    /// Objects that go by themselves once they are done (Jobs with `ttlSecondsAfterFinished`): not
    /// to be there is as wanted.
    pub vanishing: Arc<BTreeSet<ObjectId>>,
    /// Ends the wait early.
    pub cancel: CancellationToken,
}

impl Default for WaitOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(1),
            fail_fast: true,
            checks: Arc::default(),
            vanishing: Arc::default(),
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

/// How often to look at what no watch tells: the Pods of workloads that are on their way, and
/// whether a kind is served by now. The figure is that of kustomize-controller's polling.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

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
    let mut news: SelectAll<News> = SelectAll::new();
    // This stream never ends, so that a wait on nothing but missing kinds still ends by time.
    news.push(stream::pending().boxed());
    let mut missing = follow(cluster, targets, &mut news, &options.checks).await?;
    let mut end = std::pin::pin!(tokio::time::sleep(options.timeout));
    let mut pods: BTreeMap<ObjectId, String> = BTreeMap::new();
    let mut look = tokio::time::interval(LOOK_AGAIN);
    look.reset();
    for target in &missing {
        states.insert(target.id.clone(), Health::NotFound);
    }
    loop {
        if let Some(verdict) = verdict(&states) {
            return verdict;
        }
        tokio::select! {
            biased;
            () = options.cancel.cancelled() => return Err(Error::Cancelled),
            Some(seen) = news.next() => {
                match seen.pods.filter(|_| matches!(seen.health, Health::InProgress(_))) {
                    Some(selector) => pods.insert(seen.id.clone(), selector),
                    None => pods.remove(&seen.id),
                };
                if let Some(state) = states.get_mut(&seen.id) {
                    let gone = seen.health == Health::NotFound;
                    let done = gone && options.vanishing.contains(&seen.id);
                    *state = if done { Health::Current } else { seen.health };
                }
            }
            _ = look.tick(), if !pods.is_empty() || !missing.is_empty() => {
                missing = follow(cluster, missing, &mut news, &options.checks).await?;
                for (id, failed) in failed_pods(cluster, &pods).await {
                    states.insert(id, Health::Failed(format!("{failed} pods have failed")));
                }
            }
            () = &mut end => {
                let open = states.iter().filter(|(_, health)| **health != Health::Current);
                return Err(Error::Timeout(format!("timeout waiting for: [{}]", describe(open))));
            }
        }
    }
}

/// The workloads of which Pods have failed, and how many. Pods that cannot be read count as well.
async fn failed_pods(
    cluster: &Cluster,
    pods: &BTreeMap<ObjectId, String>,
) -> Vec<(ObjectId, usize)> {
    let mut failed = Vec::new();
    for (id, selector) in pods {
        let pod = ObjectId { group: String::new(), kind: "Pod".to_owned(), ..id.clone() };
        let Ok(Some(resource)) = cluster.resource_of(&pod, "v1").await else { continue };
        let Ok(items) = cluster.list(&resource, &id.namespace, selector).await else { continue };
        let items = items.into_iter().map(|item| resource.named(item));
        let count = items.filter(health::is_failed_pod).count();
        if count > 0 {
            failed.push((id.clone(), count));
        }
    }
    failed
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

/// An object as a watch showed it.
struct Seen {
    id: ObjectId,
    health: Health,
    /// The selector of the Pods that may have failed without a word of the object's status.
    pods: Option<String>,
}

impl Seen {
    fn missing(id: ObjectId) -> Self {
        Self { id, health: Health::NotFound, pods: None }
    }
}

type News = BoxStream<'static, Seen>;

/// Follows the objects by one watch per kind and namespace; answers those whose kind is not served.
async fn follow(
    cluster: &Cluster,
    targets: Vec<Target>,
    news: &mut SelectAll<News>,
    checks: &Arc<Vec<HealthCheck>>,
) -> Result<Vec<Target>, Error> {
    let mut groups: BTreeMap<(Resource, String), BTreeSet<ObjectId>> = BTreeMap::new();
    let mut missing = Vec::new();
    for target in targets {
        match cluster.resource_of(&target.id, &target.version).await? {
            Some(resource) => {
                let namespace = target.id.namespace.clone();
                groups.entry((resource, namespace)).or_default().insert(target.id);
            }
            None => missing.push(target),
        }
    }
    for ((resource, namespace), ids) in groups {
        news.push(one_kind(cluster, resource, namespace, ids, checks));
    }
    Ok(missing)
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
    fn take(&mut self, event: Event<DynamicObject>) -> Vec<Seen> {
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
                let object = self.value(object);
                let health = checks::health(&self.checks, &object);
                self.seen.insert(id.clone());
                vec![Seen { id, health, pods: health::pods_of(&object) }]
            }
            Event::Delete(object) => vec![Seen::missing(self.id(&object))],
            Event::InitDone => {
                let missing = self.ids.difference(&self.seen);
                missing.cloned().map(Seen::missing).collect()
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
        self.resource.named(serde_json::to_value(object).unwrap_or(Value::Null))
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
