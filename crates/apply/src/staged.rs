//! Applying a set of objects in stages. In each stage everything is checked by dry run before
//! anything is written, and only what differs is written.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::field::Field as _;
use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use manifest::{Object, ObjectId};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::changes::{Action, ChangeSet};
use crate::cluster::Cluster;
use crate::control::{self, Mode};
use crate::discovery::Resource;
use crate::error::Error;
use crate::ignore::{self, IgnoreRule};
use crate::known::{Known, digest};
use crate::stages::{self, StageKind};
use crate::track::Tracker;
use crate::wait::{self, WaitOptions};
use crate::{definitions, drift, takeover};

/// What may be asked of an apply.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// Delete and create objects whose immutable fields change.
    pub force: bool,
    /// Kinds of a stage of their own.
    pub stage_kinds: Vec<StageKind>,
    /// Prefixes of further field managers to take over from.
    pub override_managers: Vec<String>,
    /// Fields to leave alone.
    pub ignore: Vec<IgnoreRule>,
    /// A label selector that finds what was applied before, to read it in one request per kind.
    pub selector: String,
    /// How long a stage that others stand on may take to be ready.
    pub stage_timeout: Duration,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            force: false,
            stage_kinds: Vec::new(),
            override_managers: Vec::new(),
            ignore: Vec::new(),
            selector: String::new(),
            stage_timeout: Duration::from_mins(1),
        }
    }
}

/// What is known without asking the server.
#[derive(Default)]
pub struct Memory<'a> {
    /// What was applied before, and verified.
    pub known: Known,
    /// What watches tell.
    pub tracker: Option<&'a Tracker>,
}

impl Memory<'_> {
    /// Whether every one of these objects is, as far as the watches tell, as it was when it was last
    /// verified. Then applying the same set again would change nothing.
    pub fn is_settled<'a>(&self, ids: impl IntoIterator<Item = &'a ObjectId>) -> bool {
        let Some(tracker) = self.tracker else { return false };
        ids.into_iter().all(|id| {
            let known = self.known.get(id);
            known.is_some_and(|known| tracker.is_unchanged_since(id, &known.resource_version))
        })
    }
}

/// An apply that ended before its end.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Interrupted {
    /// What was done until then.
    pub changes: ChangeSet,
    /// Why it ended.
    #[source]
    pub error: Error,
}

/// Applies all objects.
///
/// # Errors
/// [`Interrupted`] with what was done, when an object is refused, a stage does not get ready, or the
/// server does not answer.
pub async fn staged(
    cluster: &Cluster,
    objects: Vec<Object>,
    options: &ApplyOptions,
    memory: &mut Memory<'_>,
    cancel: &CancellationToken,
) -> Result<ChangeSet, Box<Interrupted>> {
    let mut changes = ChangeSet::default();
    let objects = objects.into_iter().map(definitions::without_broken_bundle).collect();
    for stage in stages::split(objects, &options.stage_kinds) {
        let work = Work { cluster, options };
        let done = work.stage(&stage, memory, &mut changes, cancel).await;
        if let Err(error) = done {
            return Err(Box::new(Interrupted { changes, error }));
        }
    }
    Ok(changes)
}

struct Work<'a> {
    cluster: &'a Cluster,
    options: &'a ApplyOptions,
}

/// What a dry run found out about an object.
enum Probe {
    /// Left alone.
    Skip,
    /// As wanted, as far as memory goes.
    Remembered,
    /// Not there yet.
    Absent,
    /// There; this is what applying would make of it.
    Present(Value),
    /// Only deleting it makes way.
    Immutable,
}

/// What is to be done about an object.
enum Step {
    Leave(Action),
    /// As wanted; its resource version.
    Verified(String),
    Write {
        object: Box<Object>,
        action: Action,
        existing: Option<Box<Value>>,
    },
    Recreate,
}

impl Work<'_> {
    async fn stage(
        &self,
        stage: &stages::Stage,
        memory: &mut Memory<'_>,
        changes: &mut ChangeSet,
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        let objects = self.resolved(&stage.objects).await?;
        let steps = self.plan(&objects, memory).await?;
        if let Some(tracker) = memory.tracker {
            tracker.follow(objects.iter().map(|(_, resource)| resource));
        }
        let written = self.write(&objects, steps, memory, changes).await?;
        if stage.awaited && !written.is_empty() {
            let options = WaitOptions {
                timeout: self.options.stage_timeout,
                cancel: cancel.clone(),
                ..WaitOptions::default()
            };
            wait::wait(self.cluster, written, &options).await?;
        }
        Ok(())
    }

    async fn resolved<'a>(
        &self,
        objects: &'a [Object],
    ) -> Result<Vec<(&'a Object, Resource)>, Error> {
        let mut resolved = Vec::with_capacity(objects.len());
        for object in objects {
            check(object)?;
            let resource = self.cluster.resource(object).await?;
            if resource.namespaced && object.namespace().is_none() {
                return Err(Error::Invalid {
                    object: object.id().to_string(),
                    message: "namespace not specified".to_owned(),
                });
            }
            resolved.push((object, resource));
        }
        Ok(resolved)
    }

    /// Decides about every object; nothing is written but field ownership.
    async fn plan(
        &self,
        objects: &[(&Object, Resource)],
        memory: &Memory<'_>,
    ) -> Result<Vec<Step>, Error> {
        // Boxed here, where their lifetimes are known, so that callers get a future that is Send.
        let probe = |(object, resource)| self.probe(object, resource, memory).boxed();
        let probes: Vec<_> =
            objects.iter().map(|(object, resource)| (*object, resource)).map(probe).collect();
        let probes: Vec<Probe> =
            stream::iter(probes).buffered(self.cluster.concurrency()).try_collect().await?;
        let mut live = self.live(objects, &probes).await?;
        let pairs = objects.iter().zip(probes).map(|((object, resource), probe)| {
            let live = live.remove(&object.id());
            self.decide(object, resource, probe, live).boxed()
        });
        let steps: Vec<_> = pairs.collect();
        stream::iter(steps).buffered(self.cluster.concurrency()).try_collect().await
    }

    async fn probe(
        &self,
        object: &Object,
        resource: &Resource,
        memory: &Memory<'_>,
    ) -> Result<Probe, Error> {
        if control::is_left_alone(object.as_value()) {
            return Ok(Probe::Skip);
        }
        let id = object.id();
        if let (Some(tracker), Some(known)) = (memory.tracker, memory.known.get(&id))
            && known.digest == digest(object)
            && tracker.is_unchanged_since(&id, &known.resource_version)
        {
            return Ok(Probe::Remembered);
        }
        match self.cluster.apply(resource, object, true).await {
            Ok(wanted) if version(&wanted).is_empty() => Ok(Probe::Absent),
            Ok(wanted) => Ok(Probe::Present(wanted)),
            Err(error) if error.is_immutable() && self.may_recreate(object) => Ok(Probe::Immutable),
            Err(error) => Err(error),
        }
    }

    fn may_recreate(&self, object: &Object) -> bool {
        self.options.force || control::may_be_recreated(object)
    }

    /// Reads the objects that are there: by one list where there are several of a kind.
    async fn live(
        &self,
        objects: &[(&Object, Resource)],
        probes: &[Probe],
    ) -> Result<BTreeMap<ObjectId, Value>, Error> {
        let mut groups: BTreeMap<(&Resource, &str), Vec<ObjectId>> = BTreeMap::new();
        for ((object, resource), probe) in objects.iter().zip(probes) {
            if matches!(probe, Probe::Present(_)) {
                let namespace = object.namespace().unwrap_or_default();
                groups.entry((resource, namespace)).or_default().push(object.id());
            }
        }
        let mut found = BTreeMap::new();
        for ((resource, namespace), ids) in groups {
            let several = ids.len() > 1 && !self.options.selector.is_empty();
            let mut by_name = BTreeMap::new();
            if several {
                let items = self.cluster.list(resource, namespace, &self.options.selector).await?;
                let name = |item: &Value| item.at("metadata.name").as_str().map(str::to_owned);
                by_name = items.into_iter().filter_map(|item| Some((name(&item)?, item))).collect();
            }
            for id in ids {
                let listed = by_name.remove(&id.name).map(|item| named(item, resource));
                let item = match listed {
                    Some(item) => Some(item),
                    None => self.cluster.get(resource, &id).await?,
                };
                found.extend(item.map(|item| (id, item)));
            }
        }
        Ok(found)
    }

    async fn decide(
        &self,
        object: &Object,
        resource: &Resource,
        probe: Probe,
        live: Option<Value>,
    ) -> Result<Step, Error> {
        let write = |object: Object, action, existing: Option<Value>| Step::Write {
            object: Box::new(object),
            action,
            existing: existing.map(Box::new),
        };
        let wanted = match probe {
            Probe::Skip => return Ok(Step::Leave(Action::Skipped)),
            Probe::Remembered => return Ok(Step::Leave(Action::Unchanged)),
            Probe::Absent => return Ok(write(object.clone(), Action::Created, None)),
            Probe::Immutable => return Ok(Step::Recreate),
            Probe::Present(wanted) => wanted,
        };
        // Gone between the dry run and the read: then it is created.
        let Some(mut live) = live else { return Ok(write(object.clone(), Action::Created, None)) };
        let mode = control::mode(object.as_value());
        if control::is_left_alone(&live) || mode == Mode::IfNotPresent {
            return Ok(Step::Leave(Action::Skipped));
        }
        let mut wanted = wanted;
        if mode != Mode::Merge {
            let (manager, others) = (self.cluster.manager(), &self.options.override_managers);
            let operations = takeover::patch(&live, object.as_value(), manager, others);
            if !operations.is_empty() {
                live = self.cluster.patch(resource, object, &operations).await?;
                // What the apply removes shows only now that its fields are ours.
                wanted = self.cluster.apply(resource, object, true).await?;
            }
        }
        let pointers = ignore::pointers(&self.options.ignore, object);
        if has_drifted(&live, wanted, &pointers) {
            let manager = self.cluster.manager();
            let adjusted = ignore::adjusted(object, &live, &pointers, manager);
            Ok(write(adjusted, Action::Configured, Some(live)))
        } else {
            Ok(Step::Verified(version(&live).to_owned()))
        }
    }

    /// Writes what is to be written, in order, and remembers what was verified. Answers what
    /// was written.
    async fn write(
        &self,
        objects: &[(&Object, Resource)],
        steps: Vec<Step>,
        memory: &mut Memory<'_>,
        changes: &mut ChangeSet,
    ) -> Result<Vec<wait::Target>, Error> {
        let writes: Vec<_> = objects
            .iter()
            .zip(steps)
            .map(|((object, resource), step)| {
                async move { (*object, self.step(object, resource, step).await) }.boxed()
            })
            .collect();
        let mut writes = stream::iter(writes).buffered(self.cluster.concurrency());
        let (mut written, mut failed) = (Vec::new(), None);
        while let Some((object, result)) = writes.next().await {
            let id = object.id();
            match result {
                Ok((action, version)) => {
                    match version {
                        Some(version) => memory.known.insert(&id, object, version),
                        None if action == Action::Skipped => memory.known.remove(&id),
                        None => {}
                    }
                    if matches!(action, Action::Created | Action::Configured) {
                        written.push(wait::Target::applied(id.clone(), object.version()));
                    }
                    changes.push(id, object.version(), action);
                }
                // What is under way already is let end, so that the change set tells all of it.
                Err(error) => {
                    memory.known.remove(&id);
                    failed = failed.or(Some(error));
                }
            }
            if failed.is_some() {
                break;
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(written),
        }
    }

    async fn step(
        &self,
        object: &Object,
        resource: &Resource,
        step: Step,
    ) -> Result<(Action, Option<String>), Error> {
        match step {
            Step::Leave(action) => Ok((action, None)),
            Step::Verified(version) => Ok((Action::Unchanged, Some(version))),
            Step::Recreate => self.recreate(object, resource).await,
            Step::Write { object: adjusted, action, existing } => {
                match self.cluster.apply(resource, &adjusted, false).await {
                    Ok(applied) => Ok((action, Some(version(&applied).to_owned()))),
                    Err(error)
                        if existing.is_some()
                            && error.is_immutable()
                            && self.may_recreate(object) =>
                    {
                        self.recreate(object, resource).await
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Deletes an object, waits until it is gone, and creates it anew.
    async fn recreate(
        &self,
        object: &Object,
        resource: &Resource,
    ) -> Result<(Action, Option<String>), Error> {
        let id = object.id();
        self.cluster.delete(resource, &id, None).await?;
        let gone = WaitOptions { timeout: self.options.stage_timeout, ..WaitOptions::default() };
        wait::gone(self.cluster, vec![(id, object.version().to_owned())], &gone).await?;
        let applied = self.cluster.apply(resource, object, false).await?;
        Ok((Action::Created, Some(version(&applied).to_owned())))
    }
}

/// Items of a list carry neither kind nor version.
fn named(mut item: Value, resource: &Resource) -> Value {
    if let Some(fields) = item.as_object_mut() {
        fields.insert("kind".to_owned(), resource.kind.clone().into());
        fields.insert("apiVersion".to_owned(), resource.api_version().into());
    }
    item
}

fn version(object: &Value) -> &str {
    object.at("metadata.resourceVersion").as_str().unwrap_or_default()
}

/// Whether the object drifted, the ignored fields aside.
fn has_drifted(live: &Value, mut wanted: Value, pointers: &[&str]) -> bool {
    if pointers.is_empty() {
        return drift::has_drifted(live, &wanted);
    }
    let mut live = live.clone();
    for pointer in pointers {
        ignore::remove(&mut live, pointer);
        ignore::remove(&mut wanted, pointer);
    }
    drift::has_drifted(&live, &wanted)
}

/// Refuses what must never reach a cluster.
fn check(object: &Object) -> Result<(), Error> {
    let invalid = |message: &str| {
        Err(Error::Invalid { object: object.id().to_string(), message: message.to_owned() })
    };
    if object.name().is_empty() {
        return invalid("metadata.name is empty; names cannot be generated here");
    }
    let encrypted = object.as_value().get("sops").is_some();
    if encrypted && control::value(object.as_value(), "decrypt") != Some("Disabled") {
        return invalid(
            "is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
