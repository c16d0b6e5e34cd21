//! One visit of one object, from the frame's side: finalizer, suspend, the reconciler, the outcome.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use common::api::meta::ConditionStatus;
use common::api::{Object, Status};
use common::condition::{self, ConditionType, Reason};
use common::names::RECONCILE_REQUEST;
use futures::FutureExt;
use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::Instrument;

use crate::clock::{backoff, jittered};
use crate::context::{Context, Observed};
use crate::draft::{Draft, Writer};
use crate::kind::Key;
use crate::objects::Objects;
use crate::outcome::{BoxError, Stop, chain};
use crate::reconcile::{Reconcile, Visits};
use crate::run::Run;
use crate::status::{self, After, Before, Outcome, Visit};
use crate::wake::Interrupt;

/// A visit that lasts longer than this shows its progress in the status; shorter ones write their
/// outcome only.
const SHOW_PROGRESS_AFTER: Duration = Duration::from_secs(1);

/// What a visit needs from the loop.
pub(crate) struct Visitor<R: Reconcile> {
    pub(crate) context: Context,
    pub(crate) reconciler: Arc<R>,
    pub(crate) objects: Objects<R::Object>,
    pub(crate) workers: Arc<Semaphore>,
    pub(crate) manager: String,
}

impl<R: Reconcile> Clone for Visitor<R> {
    fn clone(&self) -> Self {
        Self {
            context: self.context.clone(),
            reconciler: Arc::clone(&self.reconciler),
            objects: self.objects.clone(),
            workers: Arc::clone(&self.workers),
            manager: self.manager.clone(),
        }
    }
}

/// What the loop hands to one visit.
pub(crate) struct Ticket {
    pub(crate) key: Key,
    pub(crate) permit: OwnedSemaphorePermit,
    pub(crate) cancel: Interrupt,
    pub(crate) failures: u32,
}

/// What a visit tells the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    /// Failures in a row, for the next delay.
    pub(crate) failures: u32,
    /// When to come again; `None` means only when woken.
    pub(crate) after: Option<Duration>,
}

impl Next {
    const REST: Self = Self { failures: 0, after: None };
}

impl<R: Reconcile> Visitor<R> {
    /// One visit, whatever happens in it.
    pub(crate) async fn visit(self, ticket: Ticket) -> Next {
        let Some(object) = self.objects.get(&ticket.key) else { return Next::REST };
        let kind = R::Object::kind(&());
        let span = tracing::info_span!(
            "reconcile",
            controller = kind.to_lowercase(),
            controllerGroup = R::Object::group(&()).as_ref(),
            controllerKind = kind.as_ref(),
            namespace = ticket.key.namespace,
            name = ticket.key.name,
            reconcileID = reconcile_id(&self.context),
            revision = tracing::field::Empty,
        );
        Box::pin(self.visit_object(object, ticket)).instrument(span).await
    }

    async fn visit_object(self, object: Arc<R::Object>, ticket: Ticket) -> Next {
        let failures = ticket.failures;
        let deleted = object.meta().deletion_timestamp.is_some();
        let visits = match self.reconciler.visits(&object) {
            Ok(visits) => visits,
            // What is deleted goes, whatever its intervals say.
            Err(_) if deleted => {
                let suspended = object.suspended();
                Visits { interval: None, retry_interval: None, suspended }
            }
            Err(error) => return self.stall_on_interval(object, ticket, error).await,
        };
        let result = if deleted {
            self.finalize(object, ticket, visits).await
        } else {
            self.reconcile(object, ticket, visits).await
        };
        result.unwrap_or_else(|error| {
            let failures = failures.saturating_add(1);
            tracing::error!(error = chain(error.as_ref()), "reconcile could not be completed");
            Next { failures, after: Some(self.backoff(failures)) }
        })
    }

    async fn stall_on_interval(
        &self,
        object: Arc<R::Object>,
        ticket: Ticket,
        error: common::api::meta::DurationError,
    ) -> Next {
        let stop = Stop::stall(Reason::ValidationFailed, format!("spec: {error}"));
        let visits = Visits { interval: None, retry_interval: None, suspended: false };
        let Ok(run) = self.run(object, ticket) else { return Next::REST };
        let ended = Outcome::Ended(Err(stop));
        self.conclude(run, ended, visits, (0, Instant::now())).await.unwrap_or(Next::REST)
    }

    fn run(&self, object: Arc<R::Object>, ticket: Ticket) -> Result<Run<R::Object>, BoxError> {
        let api = Api::namespaced(self.context.client().clone(), &ticket.key.namespace);
        let draft = Draft::of(object.as_ref())?;
        let key = ticket.key.clone();
        let writer = Writer::new(draft, api, &self.manager, key, self.objects.clone());
        let news = is_news(object.as_ref());
        Ok(Run {
            object,
            key: ticket.key,
            context: self.context.clone(),
            writer: Arc::new(writer),
            workers: Arc::clone(&self.workers),
            permit: Some(ticket.permit),
            cancel: ticket.cancel,
            scratch: None,
            revision: None,
            metadata: Vec::new(),
            news,
        })
    }

    async fn reconcile(
        &self,
        mut object: Arc<R::Object>,
        ticket: Ticket,
        visits: Visits,
    ) -> Result<Next, BoxError> {
        if let Some(finalizer) = R::FINALIZER
            && !object.finalizers().iter().any(|name| name == finalizer)
        {
            let mut names = object.finalizers().to_vec();
            names.push(finalizer.to_owned());
            object = Arc::new(self.set_finalizers(object.as_ref(), &names).await?);
            self.objects.put(ticket.key.clone(), Arc::clone(&object));
        }
        if visits.suspended {
            tracing::debug!("reconciliation is suspended for this object");
            return Ok(Next::REST);
        }
        let (started, failures) = (Instant::now(), ticket.failures);
        let mut run = self.run(object, ticket)?;
        self.observe(&run, &Observed::Started, "");
        let writer = Arc::clone(&run.writer);
        let outcome = {
            let work = AssertUnwindSafe(self.reconciler.reconcile(&mut run)).catch_unwind();
            let work = showing_progress(Box::pin(work), &writer).await;
            match work {
                Ok(result) => Outcome::Ended(result),
                Err(panic) => Outcome::Panicked(panic_text(panic.as_ref())),
            }
        };
        self.conclude(run, outcome, visits, (failures, started)).await
    }

    /// Writes the outcome, sends its event, and decides when to come again.
    async fn conclude(
        &self,
        run: Run<R::Object>,
        outcome: Outcome,
        visits: Visits,
        (failures, started): (u32, Instant),
    ) -> Result<Next, BoxError> {
        let before = before(&run, visits);
        let after = status::after(&before, &outcome, self.context.clock().now());
        {
            let mut draft = run.writer.draft();
            draft.status.conditions_mut().clone_from(&after.conditions);
            if let Some(place) = draft.status.observed_generation_mut() {
                *place = after.observed_generation;
            }
            if let Some(place) = draft.status.last_handled_reconcile_at_mut() {
                place.clone_from(&after.handled);
            }
        }
        let written = run.writer.write().await;
        self.reconciler
            .settled(&run.key, condition::is_true(&after.conditions, ConditionType::Ready));
        if let Some(note) = after.event.clone() {
            run.send(note);
        }
        self.tell(&run, &outcome, &after, started);
        // The write is reported after the event and the log line, so that neither is lost with it.
        written?;
        Ok(self.next(&after, visits, failures))
    }

    /// The log line, the metrics and the observer's word about an outcome.
    fn tell(&self, run: &Run<R::Object>, outcome: &Outcome, after: &After, started: Instant) {
        let (kind, seconds) = (R::Object::kind(&()), started.elapsed().as_secs_f64());
        let ready = condition::get(&after.conditions, ConditionType::Ready);
        let is_ready = ready.is_some_and(|ready| ready.status == ConditionStatus::True);
        let said = ready.map(|ready| ready.message.clone()).unwrap_or_default();
        let result = match outcome {
            Outcome::Ended(Ok(ready)) => {
                let said = ready.event.as_ref().map_or(&said, |(_, message)| message);
                tracing::info!(seconds, "{said}");
                "success"
            }
            Outcome::Ended(Err(Stop::Wait { reason, message, .. })) => {
                tracing::info!(seconds, reason = reason.as_str(), "{message}");
                "requeue_after"
            }
            Outcome::Ended(Err(Stop::Cancelled { .. })) => {
                tracing::info!(seconds, "reconciliation cancelled");
                "requeue"
            }
            Outcome::Ended(Err(stop)) => {
                let next = match after.visit {
                    Visit::After(delay) => {
                        format!(", next try in {}", common::api::duration::format(delay))
                    }
                    _ => String::new(),
                };
                let took = common::api::duration::format(Run::<R::Object>::elapsed(started));
                let error = stop.message();
                tracing::error!(seconds, error, "Reconciliation failed after {took}{next}");
                "error"
            }
            Outcome::Panicked(message) => {
                self.context.metrics().panicked(&kind);
                tracing::error!(seconds, error = message, "reconciler panicked");
                "error"
            }
        };
        self.context.metrics().visited(&kind, &run.key, seconds, result);
        let stalled = after.visit == Visit::Never && !is_ready;
        self.observe(run, &Observed::Finished { ready: is_ready, stalled }, &said);
    }

    fn observe(&self, run: &Run<R::Object>, what: &Observed<'_>, message: &str) {
        self.context.observe(what, &run.key, R::Object::kind(&()).as_ref(), message);
    }

    fn next(&self, after: &After, visits: Visits, failures: u32) -> Next {
        let options = self.context.options();
        let jitter =
            |interval| jittered(interval, options.interval_jitter, self.context.clock().chance());
        let rested = |after| Next { failures: 0, after };
        match after.visit {
            Visit::Interval => rested(visits.interval.map(jitter)),
            Visit::After(delay) => rested(Some(delay)),
            Visit::Dependency => rested(Some(options.requeue_dependency)),
            Visit::Now => rested(Some(Duration::ZERO)),
            Visit::Never => Next::REST,
            Visit::Backoff => {
                let failures = failures.saturating_add(1);
                Next { failures, after: Some(self.backoff(failures)) }
            }
        }
    }

    fn backoff(&self, failures: u32) -> Duration {
        let options = self.context.options();
        backoff(failures, options.min_retry_delay, options.max_retry_delay)
    }

    async fn finalize(
        &self,
        object: Arc<R::Object>,
        ticket: Ticket,
        visits: Visits,
    ) -> Result<Next, BoxError> {
        let Some(finalizer) = R::FINALIZER else { return Ok(Next::REST) };
        if !object.finalizers().iter().any(|name| name == finalizer) {
            return Ok(Next::REST);
        }
        let (started, failures, key) = (Instant::now(), ticket.failures, ticket.key.clone());
        if !(visits.suspended && R::SUSPENDED_KEEPS) {
            let mut run = self.run(Arc::clone(&object), ticket)?;
            self.observe(&run, &Observed::Started, "");
            let work = AssertUnwindSafe(self.reconciler.finalize(&mut run)).catch_unwind();
            let stopped = match Box::pin(work).await {
                Ok(Ok(())) => None,
                Ok(Err(stop)) => Some(Outcome::Ended(Err(stop))),
                Err(panic) => Some(Outcome::Panicked(panic_text(panic.as_ref()))),
            };
            if let Some(outcome) = stopped {
                // Whoever deletes something waits for it: tried again soon, not at its interval.
                let visits = Visits { retry_interval: None, ..visits };
                return self.conclude(run, outcome, visits, (failures, started)).await;
            }
        }
        // The cleanup may have taken long; what stands in the store now has the newest finalizers.
        let latest = self.objects.get(&key).unwrap_or(object);
        let others: Vec<String> =
            latest.finalizers().iter().filter(|name| *name != finalizer).cloned().collect();
        match self.set_finalizers(latest.as_ref(), &others).await {
            Ok(_) => Ok(Next::REST),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Next::REST),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces the finalizers, provided nobody changed the object meanwhile.
    async fn set_finalizers(
        &self,
        object: &R::Object,
        names: &[String],
    ) -> Result<R::Object, kube::Error> {
        let namespace = object.namespace().unwrap_or_default();
        let api: Api<R::Object> = Api::namespaced(self.context.client().clone(), &namespace);
        let patch = serde_json::json!({"metadata": {
            "finalizers": names,
            "resourceVersion": object.resource_version(),
        }});
        let field_manager = Some(self.context.controller().to_owned());
        let params = PatchParams { field_manager, ..PatchParams::default() };
        api.patch(&object.name_any(), &params, &Patch::Merge(patch)).await
    }
}

/// Drives `work`; once it lasts longer than a moment, the status shows what it is doing.
async fn showing_progress<T, K: Object>(
    mut work: impl Future<Output = T> + Unpin,
    writer: &Writer<K>,
) -> T {
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            () = tokio::time::sleep(SHOW_PROGRESS_AFTER) => {
                tokio::select! {
                    biased;
                    result = &mut work => return result,
                    written = writer.write() => {
                        if let Err(error) = written {
                            tracing::debug!(%error, "cannot write progress");
                        }
                    }
                }
            }
        }
    }
}

/// Whether there is a generation or a request that no visit has answered.
fn is_news<K: Object>(object: &K) -> bool {
    let status = object.status();
    let observed = status.and_then(Status::observed_generation);
    let handled = status.and_then(Status::last_handled_reconcile_at);
    let requested = object.annotations().get(RECONCILE_REQUEST).map(String::as_str);
    observed != object.meta().generation || (requested.is_some() && requested != handled)
}

fn before<K: Object>(run: &Run<K>, visits: Visits) -> Before {
    let draft = run.writer.draft();
    let old = run.object.status().map(Status::conditions).unwrap_or_default();
    Before {
        conditions: draft.status.conditions().to_vec(),
        ready: condition::get(old, ConditionType::Ready).cloned(),
        generation: run.object.meta().generation.unwrap_or_default(),
        observed_generation: draft.status.observed_generation(),
        requested_at: run.object.annotations().get(RECONCILE_REQUEST).cloned(),
        handled: draft.status.last_handled_reconcile_at().map(str::to_owned),
        retry_interval: visits.retry_interval,
    }
}

/// What a panic said, as far as it said anything.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// An id for the log lines of one visit, in the form of a UUID.
fn reconcile_id(context: &Context) -> String {
    // Two halves of chance are unique enough to tell visits apart in a log.
    let half = || context.clock().chance().to_bits();
    let (a, b) = (half(), half());
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 20 & 0xffff_ffff,
        a >> 4 & 0xffff,
        b >> 40 & 0xfff,
        b >> 28 & 0xfff,
        (a ^ b.rotate_left(17)) & 0xffff_ffff_ffff
    )
}
