//! Applying a set of objects in stages. What is there already is checked by dry run before anything
//! is written, and only what differs is written; what is known need not be asked about.
//!
//! A dry run guards the others of its stage: none of them is written when one would be refused. Where
//! there is nothing to guard it is left out: for new objects in a stage that changes none that is
//! there, and for a single change (`docs/adr/0005-dry-runs-guard-what-is-there.md`).

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{self, StreamExt};
use manifest::{Object, ObjectId};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::changes::{Action, ChangeSet};
use crate::cluster::Cluster;
use crate::control::{self, Mode};
use crate::definitions;
use crate::discovery::Resource;
use crate::error::Error;
use crate::field::Field as _;
use crate::health::{self, Health};
use crate::ignore::{self, IgnoreRule};
use crate::inventory::Inventory;
use crate::known::{Known, digest};
use crate::normalize::normalized;
use crate::stages::{self, StageKind};
use crate::track::Tracker;
use crate::wait::{self, WaitOptions};

mod ask;

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
    /// Move the fields of all managers to the version that is applied (gate `MigrateAPIVersion`).
    pub migrate_api_version: bool,
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
            migrate_api_version: false,
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
    /// What may be there from earlier: it is asked about before it is written. Everything else is
    /// taken for new; where it is not, the server says so.
    pub applied: Inventory,
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
    if let Err(error) = check_all(&objects) {
        return Err(Box::new(Interrupted { changes, error }));
    }
    let defined: BTreeSet<_> = objects.iter().filter_map(definitions::defined).collect();
    let work = Work { cluster, options, defined };
    let objects = objects.into_iter().map(normalized).map(definitions::without_broken_bundle);
    let objects = objects.collect();
    for stage in stages::split(objects, &options.stage_kinds) {
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
    /// Kinds that the set itself defines.
    defined: BTreeSet<(String, String)>,
}

/// What is known of an object before anybody is asked.
enum Prior {
    /// It asks to be left alone, or is there and asks for no more.
    LeftAlone,
    /// It is as wanted.
    AsWanted,
    /// It is as we left it in this resource version, which is not what is wanted now.
    Outdated(String),
    /// It may be there, and may be anything.
    Possible,
    /// Nothing tells that it is there.
    New,
}

/// An object as it is, as far as that is known.
enum Live {
    Is(Box<Value>),
    Absent,
    Unknown,
}

/// What is to be done about an object.
enum Step {
    Leave(Action),
    /// As wanted in this resource version; whether its field ownership was changed for that.
    Verified {
        version: String,
        changed: bool,
    },
    /// To be written without asking first, provided it is not there.
    Create,
    /// To be written; the resource version it has, if it is there.
    Write {
        object: Box<Object>,
        before: Option<String>,
    },
    /// To be deleted and made anew; how it is.
    Recreate(Box<Value>),
}

impl Step {
    fn writes(&self) -> bool {
        match self {
            Self::Leave(_) | Self::Verified { .. } => false,
            Self::Create | Self::Write { .. } | Self::Recreate(_) => true,
        }
    }
}

/// What was done about an object.
struct Done {
    action: Action,
    /// The resource version in which it is as wanted.
    version: Option<String>,
    /// It was written, and is not what it should be yet.
    pending: bool,
}

impl Done {
    fn left(action: Action) -> Self {
        Self { action, version: None, pending: false }
    }

    /// What a write answered. One that changed nothing did not write.
    fn written(answer: &Value, before: Option<&str>) -> Self {
        let action = match before {
            None => Action::Created,
            Some(before) if before == version(answer) => Action::Unchanged,
            Some(_) => Action::Configured,
        };
        Self {
            action,
            version: Some(version(answer).to_owned()),
            pending: action != Action::Unchanged && health::of(answer) != Health::Current,
        }
    }
}

/// An object and its served kind.
type Placed<'a> = (&'a Object, Resource);

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
        let pending = self.write(&objects, steps, memory, changes).await?;
        if stage.awaited && !pending.is_empty() {
            let options = WaitOptions {
                timeout: self.options.stage_timeout,
                fail_fast: false,
                cancel: cancel.clone(),
                ..WaitOptions::default()
            };
            wait::wait(self.cluster, pending, &options).await?;
        }
        Ok(())
    }

    async fn resolved<'a>(&self, objects: &'a [Object]) -> Result<Vec<Placed<'a>>, Error> {
        let mut resolved = Vec::with_capacity(objects.len());
        for object in objects {
            let resource = self.resource(object).await?;
            if resource.namespaced && object.namespace().is_none() {
                return Err(invalid(object, "namespace not specified"));
            }
            resolved.push((object, resource));
        }
        Ok(resolved)
    }

    /// The served kind of an object. One that the set defines is waited for: a server needs a moment
    /// from the established definition to the kind in its discovery.
    async fn resource(&self, object: &Object) -> Result<Resource, Error> {
        const TRIES: u32 = 25;
        let kind = (object.group().to_owned(), object.kind().to_owned());
        let mut tries = if self.defined.contains(&kind) { TRIES } else { 1 };
        loop {
            match self.cluster.resource(object).await {
                Err(Error::NoMatch { .. }) if tries > 1 => tries -= 1,
                answer => return answer,
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Decides about every object; nothing is written but field ownership.
    async fn plan(&self, objects: &[Placed<'_>], memory: &Memory<'_>) -> Result<Vec<Step>, Error> {
        let priors: Vec<Prior> =
            objects.iter().map(|(object, _)| self.prior(object, memory)).collect();
        let possible = pick(&priors, |prior| matches!(prior, Prior::Possible));
        let mut steps = self.ask_all(objects, &possible).await?;
        let open = pick(&priors, |prior| matches!(prior, Prior::Outdated(_) | Prior::New));
        let changes = steps.values().filter(|step| step.writes()).count();
        let all_new = open.iter().all(|index| matches!(priors.get(*index), Some(Prior::New)));
        let nothing_to_guard = (all_new && changes == 0) || changes + open.len() <= 1;
        if !nothing_to_guard {
            self.try_all(objects, &priors, &open).await?.into_iter().for_each(|(index, step)| {
                steps.insert(index, step);
            });
        }
        let step = |(index, (prior, (object, _))): (usize, (Prior, &Placed<'_>))| {
            steps.remove(&index).unwrap_or_else(|| match prior {
                Prior::LeftAlone => Step::Leave(Action::Skipped),
                Prior::AsWanted => Step::Leave(Action::Unchanged),
                Prior::Outdated(version) => {
                    Step::Write { object: Box::new((*object).clone()), before: Some(version) }
                }
                Prior::Possible | Prior::New => Step::Create,
            })
        };
        Ok(priors.into_iter().zip(objects).enumerate().map(step).collect())
    }

    fn prior(&self, object: &Object, memory: &Memory<'_>) -> Prior {
        if control::is_left_alone(object.as_value()) {
            return Prior::LeftAlone;
        }
        let id = object.id();
        let is_shown = memory.tracker.is_some_and(|tracker| tracker.shows(&id));
        if is_shown && control::mode(object.as_value()) == Mode::IfNotPresent {
            return Prior::LeftAlone;
        }
        if let (Some(tracker), Some(known)) = (memory.tracker, memory.known.get(&id))
            && tracker.is_unchanged_since(&id, &known.resource_version)
        {
            if known.digest == digest(object) {
                return Prior::AsWanted;
            }
            let is_plain = ignore::pointers(&self.options.ignore, object).is_empty()
                && !self.options.migrate_api_version;
            if is_plain {
                return Prior::Outdated(known.resource_version.clone());
            }
        }
        if is_shown || memory.applied.contains(&id) || memory.known.get(&id).is_some() {
            return Prior::Possible;
        }
        Prior::New
    }

    /// Writes what is to be written, in order, and remembers what was verified. Answers what
    /// was written and is not ready yet. Kinds come one after the other, as they may need each other.
    async fn write(
        &self,
        objects: &[Placed<'_>],
        steps: Vec<Step>,
        memory: &mut Memory<'_>,
        changes: &mut ChangeSet,
    ) -> Result<Vec<wait::Target>, Error> {
        let mut pending = Vec::new();
        let mut steps = steps.into_iter();
        for kind in objects.chunk_by(|(_, one), (_, next)| one == next) {
            let writes: Vec<_> = kind
                .iter()
                .zip(&mut steps)
                .map(|((object, resource), step)| {
                    async move { (*object, self.step(object, resource, step).await) }.boxed()
                })
                .collect();
            let mut writes = stream::iter(writes).buffered(self.cluster.concurrency());
            let mut failed = None;
            while let Some((object, result)) = writes.next().await {
                match result {
                    Ok(done) => {
                        if done.pending {
                            pending.push(wait::Target::applied(object.id(), object.version()));
                        }
                        remember(&mut memory.known, object, &done);
                        changes.push(object.id(), object.version(), done.action);
                    }
                    Err(error) => {
                        memory.known.remove(&object.id());
                        failed = failed.or(Some(error));
                        break;
                    }
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(pending)
    }

    async fn step(&self, object: &Object, resource: &Resource, step: Step) -> Result<Done, Error> {
        match step {
            Step::Create => match self.cluster.create(resource, object).await {
                Ok(created) => Ok(Done::written(&created, None)),
                // It is there, or is refused; nothing was written, and the dry run tells.
                Err(_) => match self.ask(object, resource, Live::Unknown).await? {
                    Step::Create => Err(invalid(object, "cannot be created")),
                    step => self.settle(object, resource, step).await,
                },
            },
            step => self.settle(object, resource, step).await,
        }
    }

    /// Does what was decided after asking.
    async fn settle(
        &self,
        object: &Object,
        resource: &Resource,
        step: Step,
    ) -> Result<Done, Error> {
        match step {
            Step::Leave(action) => Ok(Done::left(action)),
            Step::Verified { version, changed } => {
                let action = if changed { Action::Configured } else { Action::Unchanged };
                Ok(Done { action, version: Some(version), pending: false })
            }
            Step::Create => Err(invalid(object, "cannot be created")),
            Step::Recreate(live) => self.recreate(object, resource, &live).await,
            Step::Write { object: adjusted, before } => {
                match self.cluster.apply(resource, &adjusted, false).await {
                    Ok(applied) => Ok(Done::written(&applied, before.as_deref())),
                    Err(error) if before.is_some() => {
                        match self.refused(object, resource, Live::Unknown, error).await? {
                            Step::Recreate(live) => self.recreate(object, resource, &live).await,
                            _ => Ok(Done::left(Action::Skipped)),
                        }
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
        live: &Value,
    ) -> Result<Done, Error> {
        let id = object.id();
        self.cluster.delete(resource, &id, live).await?;
        let gone = WaitOptions { timeout: self.options.stage_timeout, ..WaitOptions::default() };
        wait::gone(self.cluster, vec![(id, object.version().to_owned())], &gone).await?;
        let applied = self.cluster.apply(resource, object, false).await?;
        Ok(Done::written(&applied, None))
    }
}

/// The indexes of those that fit.
fn pick(priors: &[Prior], fits: impl Fn(&Prior) -> bool) -> Vec<usize> {
    let all = priors.iter().enumerate();
    all.filter(|(_, prior)| fits(prior)).map(|(index, _)| index).collect()
}

/// Whether an object that is there is left as it is.
fn is_skipped(object: &Object, live: &Value) -> bool {
    control::is_left_alone(live) || control::mode(object.as_value()) == Mode::IfNotPresent
}

fn remember(known: &mut Known, object: &Object, done: &Done) {
    match &done.version {
        Some(version) => known.insert(&object.id(), object, version.clone()),
        None if done.action == Action::Skipped => known.remove(&object.id()),
        None => {}
    }
}

fn version(object: &Value) -> &str {
    object.at("metadata.resourceVersion").as_str().unwrap_or_default()
}

fn invalid(object: &Object, message: &str) -> Error {
    Error::Invalid { object: object.id().to_string(), message: message.to_owned() }
}

/// Refuses what must never reach a cluster, before anything of the set does.
fn check_all(objects: &[Object]) -> Result<(), Error> {
    let mut ids = BTreeSet::new();
    for object in objects {
        check(object)?;
        if !ids.insert(object.id()) {
            return Err(invalid(object, "is in the set twice"));
        }
    }
    Ok(())
}

fn check(object: &Object) -> Result<(), Error> {
    if object.name().is_empty() {
        return Err(invalid(object, "has no metadata.name; names cannot be generated here"));
    }
    let encrypted = object.as_value().get("sops").is_some();
    if encrypted && !control::is_decryption_disabled(object.as_value()) {
        let message = "is SOPS encrypted, configuring decryption is required for this secret to be reconciled";
        return Err(invalid(object, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
