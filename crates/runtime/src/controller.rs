//! The loop of one kind: watches in, visits out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use common::condition::{self, ConditionType, Observation, Reason};
use common::names;
use futures::StreamExt;
use futures::stream::BoxStream;
use kube::Resource;
use kube::api::{Api, Patch, PatchParams};
use kube::core::{DeserializeGuard, error_boundary::InvalidObject};
use kube::runtime::watcher::{Config, Event};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::context::{Context, Observed};
use crate::kind::Key;
use crate::objects::Objects;
use crate::queue::Queue;
use crate::reconcile::Reconcile;
use crate::visit::{Next, Ticket, Visitor};
use crate::wake::{Cause, Interrupt, Seen, Waker, Wakes};
use crate::watch::{self, Change};

/// One kind's watch, queue and workers. Made with a reconciler, given further watches, then run.
pub struct Controller<R: Reconcile> {
    visitor: Visitor<R>,
    waker: Waker,
    wakes: Wakes,
    side_watches: JoinSet<()>,
    queue: Queue<Key>,
    seen: BTreeMap<Key, Seen>,
    relisted: BTreeSet<Key>,
    failures: BTreeMap<Key, u32>,
    cancels: BTreeMap<Key, Interrupt>,
    visits: JoinSet<(Key, Next)>,
}

/// What a reconciler may keep of its controller: to wake objects and to look at them.
pub struct Links<K> {
    /// Wakes objects.
    pub waker: Waker,
    /// All objects of the kind, as last seen.
    pub objects: Objects<K>,
}

impl<K> Clone for Links<K> {
    fn clone(&self) -> Self {
        Self { waker: self.waker.clone(), objects: self.objects.clone() }
    }
}

impl<R: Reconcile> Controller<R> {
    /// A controller whose reconciler is made with the links to its controller.
    pub fn new(context: &Context, make: impl FnOnce(Links<R::Object>) -> R) -> Self {
        let (waker, wakes) = Waker::channel();
        let objects = Objects::default();
        let reconciler = make(Links { waker: waker.clone(), objects: objects.clone() });
        let visitor = Visitor {
            manager: status_manager(context.controller()),
            context: context.clone(),
            reconciler: Arc::new(reconciler),
            objects,
            workers: Arc::new(Semaphore::new(context.options().concurrent.max(1))),
        };
        Self {
            visitor,
            waker,
            wakes,
            side_watches: JoinSet::new(),
            queue: Queue::default(),
            seen: BTreeMap::new(),
            relisted: BTreeSet::new(),
            failures: BTreeMap::new(),
            cancels: BTreeMap::new(),
            visits: JoinSet::new(),
        }
    }

    /// The links, for watches that are made outside.
    pub fn links(&self) -> Links<R::Object> {
        Links { waker: self.waker.clone(), objects: self.visitor.objects.clone() }
    }

    /// Also watches another kind; `wake` names the objects that a change concerns. The first list
    /// counts as changes too: objects that were waiting for something find it there.
    #[must_use]
    pub fn watches<T>(
        mut self,
        api: Api<T>,
        config: Config,
        wake: impl Fn(&Change<T>, &Objects<R::Object>) -> Vec<(Key, Cause)> + Send + 'static,
    ) -> Self
    where
        T: Resource<DynamicType: Clone> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let streaming = self.visitor.context.options().streaming_lists;
        let mut events = watch::follow(api, config, streaming);
        let links = self.links();
        self.side_watches.spawn(async move {
            while let Some(event) = events.next().await {
                let change = match event {
                    Event::Apply(object) | Event::InitApply(object) => Change::Is(object),
                    Event::Delete(object) => Change::Gone(object),
                    Event::Init | Event::InitDone => continue,
                };
                for (key, cause) in wake(&change, &links.objects) {
                    links.waker.wake(key, cause);
                }
            }
        });
        self
    }

    /// Runs a task beside the loop, for as long as the loop runs.
    #[must_use]
    pub fn beside(mut self, task: impl Future<Output = ()> + Send + 'static) -> Self {
        self.side_watches.spawn(task);
        self
    }

    /// Runs until the context shuts down; then lets visits under way end, within the graceful
    /// period, and drops those that do not.
    pub async fn run(mut self) {
        let shutdown = self.visitor.context.shutdown().clone();
        let mut primary = self.primary();
        let kind = R::Object::kind(&()).into_owned();
        tracing::info!(controllerKind = kind, "starting controller");
        let workers = self.visitor.context.options().concurrent.max(1);
        self.visitor.context.metrics().limit(&kind, workers);
        loop {
            self.start_due();
            let now = Instant::now();
            let due = self.queue.next_due();
            let waiting_for_worker = due.is_some_and(|at| at <= now);
            let workers = Arc::clone(&self.visitor.workers);
            let timer = async {
                match due {
                    Some(at) if !waiting_for_worker => tokio::time::sleep_until(at).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(visit) = self.visits.join_next() => self.visited(visit),
                Some(event) = primary.next() => self.changed(event),
                (key, cause) = self.wakes.next() => self.woken(&key, cause),
                Ok(permit) = workers.acquire_owned(), if waiting_for_worker => self.start(permit),
                () = timer => {}
            }
        }
        self.stop().await;
    }

    fn primary(&self) -> BoxStream<'static, Event<DeserializeGuard<R::Object>>> {
        let options = self.visitor.context.options();
        let client = self.visitor.context.client().clone();
        let api: Api<DeserializeGuard<R::Object>> = match &options.watch_namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        let mut config = Config::default();
        config.label_selector.clone_from(&options.watch_label_selector);
        watch::follow(api, config, options.streaming_lists)
    }

    /// Starts what is due, as long as workers are free.
    fn start_due(&mut self) {
        while self.queue.next_due().is_some_and(|at| at <= Instant::now()) {
            match Arc::clone(&self.visitor.workers).try_acquire_owned() {
                Ok(permit) => self.start(permit),
                Err(_) => break,
            }
        }
        let (kind, depth) = (R::Object::kind(&()), self.queue.depth(Instant::now()));
        self.visitor.context.metrics().load(&kind, depth, self.visits.len());
    }

    fn start(&mut self, permit: OwnedSemaphorePermit) {
        let Some(key) = self.queue.pop(Instant::now()) else { return };
        let cancel = Interrupt::new(self.visitor.context.shutdown());
        self.cancels.insert(key.clone(), cancel.clone());
        let failures = self.failures.get(&key).copied().unwrap_or(0);
        let ticket = Ticket { key: key.clone(), permit, cancel, failures };
        let visit = self.visitor.clone().visit(ticket);
        self.visits.spawn(async move { (key, visit.await) });
    }

    fn visited(&mut self, visit: Result<(Key, Next), tokio::task::JoinError>) {
        let (key, next) = match visit {
            Ok(done) => done,
            // Reconciler panics are caught inside; this one is the frame's own. The object stays
            // marked as under way, which is safe, and the line says so.
            Err(error) => {
                tracing::error!(%error, "a visit was lost; its object waits for a restart");
                return;
            }
        };
        self.cancels.remove(&key);
        match next.failures {
            0 => self.failures.remove(&key),
            failures => self.failures.insert(key.clone(), failures),
        };
        let now = Instant::now();
        let exists = self.seen.contains_key(&key);
        self.queue.done(&key, now, next.after.filter(|_| exists).map(|after| now + after));
        if !exists {
            self.forget(&key);
        }
    }

    fn woken(&mut self, key: &Key, cause: Cause) {
        if !self.seen.contains_key(key) {
            return;
        }
        tracing::debug!(%key, ?cause, "woken");
        self.visitor.context.metrics().woken(&R::Object::kind(&()));
        if cause.is_newer_work()
            && let Some(cancel) = self.cancels.get(key)
        {
            cancel.fire(cause);
        }
        self.queue.wake(key, Instant::now() + cause.delay());
    }

    fn changed(&mut self, event: Event<DeserializeGuard<R::Object>>) {
        match event {
            Event::Init => self.relisted.clear(),
            Event::InitApply(guard) => {
                self.relisted.insert(Key::of(&guard));
                self.is_there(guard);
            }
            Event::Apply(guard) => self.is_there(guard),
            Event::Delete(guard) => self.is_gone(&Key::of(&guard)),
            Event::InitDone => {
                let relisted = std::mem::take(&mut self.relisted);
                let gone: Vec<Key> =
                    self.seen.keys().filter(|key| !relisted.contains(*key)).cloned().collect();
                for key in &gone {
                    self.is_gone(key);
                }
            }
        }
    }

    fn is_there(&mut self, guard: DeserializeGuard<R::Object>) {
        let key = Key::of(&guard);
        let seen = Seen::of(&guard);
        let news = seen.news_since(self.seen.get(&key));
        self.seen.insert(key.clone(), seen);
        match guard.0 {
            Ok(object) => {
                self.visitor.objects.put(key.clone(), Arc::new(object));
                if let Some(cause) = news {
                    self.failures.remove(&key);
                    self.woken(&key, cause);
                }
            }
            Err(invalid) if news.is_some() => self.invalid(&key, &invalid),
            Err(_) => {}
        }
    }

    /// An object that cannot be read stalls: its status and the log say why.
    fn invalid(&mut self, key: &Key, invalid: &InvalidObject) {
        let kind = R::Object::kind(&());
        tracing::error!(
            controllerKind = kind.as_ref(),
            namespace = key.namespace,
            name = key.name,
            error = invalid.error,
            "cannot read object, it is left alone until it is changed"
        );
        let finished = Observed::Finished { ready: false, stalled: true };
        self.visitor.context.observe(&finished, key, &kind, &invalid.error);
        // The state before cannot be trusted to be what is wanted now.
        self.visitor.objects.remove(key);
        let (context, name) = (self.visitor.context.clone(), key.name.clone());
        let api: Api<DeserializeGuard<R::Object>> =
            Api::namespaced(context.client().clone(), &key.namespace);
        let status = Patch::Merge(invalid_status(invalid, context.clock().now()));
        let field_manager = Some(self.visitor.manager.clone());
        self.side_watches.spawn(async move {
            let params = PatchParams { field_manager, ..PatchParams::default() };
            if let Err(error) = api.patch_status(&name, &params, &status).await {
                tracing::debug!(%error, name, "cannot write why the object cannot be read");
            }
        });
    }

    fn is_gone(&mut self, key: &Key) {
        self.seen.remove(key);
        if let Some(cancel) = self.cancels.get(key) {
            cancel.fire(Cause::Changed);
        }
        if !self.queue.is_running(key) {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: &Key) {
        let kind = R::Object::kind(&());
        self.visitor.objects.remove(key);
        self.queue.forget(key);
        self.failures.remove(key);
        self.visitor.reconciler.forget(key);
        self.visitor.context.metrics().forget(&kind, key);
        self.visitor.context.observe(&Observed::Gone, key, &kind, "");
    }

    async fn stop(mut self) {
        self.side_watches.abort_all();
        let graceful = self.visitor.context.options().graceful_shutdown;
        let ended = tokio::time::timeout(graceful, async {
            while self.visits.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            tracing::warn!(left = self.visits.len(), "visits under way did not end in time");
        }
        self.visits.shutdown().await;
        self.side_watches.shutdown().await;
    }
}

/// The field manager of status writes: kustomize-controller's has a name of its own, so that what
/// it applies and what it reports about itself stay apart.
fn status_manager(controller: &str) -> String {
    match controller {
        names::KUSTOMIZE_CONTROLLER => names::KUSTOMIZE_STATUS_MANAGER.to_owned(),
        _ => controller.to_owned(),
    }
}

/// The merge patch that says in the status of an object why it cannot be read.
fn invalid_status(invalid: &InvalidObject, now: jiff::Timestamp) -> serde_json::Value {
    let generation = invalid.metadata.generation;
    let message = format!("cannot read object: {}", invalid.error);
    let mut conditions = Vec::new();
    let reason = Reason::ValidationFailed;
    for observation in [
        Observation::is_true(ConditionType::Stalled, reason, message.clone()),
        Observation::is_false(ConditionType::Ready, reason, message),
    ] {
        condition::set(&mut conditions, observation, generation, now.into());
    }
    serde_json::json!({"status": {"conditions": conditions, "observedGeneration": generation}})
}

#[cfg(test)]
mod tests;
