//! One visit of one object, as its reconciler sees it.

use std::future::Future;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::api::meta::ConditionStatus;
use common::api::{Object, Status};
use common::condition::{self, ConditionType, Reason};
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::context::{Context, Observed};
use crate::draft::Writer;
use crate::kind::Key;
use crate::outcome::{Cancel, Stop};
use crate::status::{self, EventType, Note, Stamp};
use crate::wake::{Cause, Interrupt};

/// This visit: the object, its status, and what the work needs from the frame.
pub struct Run<K: Object> {
    pub(crate) object: Arc<K>,
    pub(crate) key: Key,
    pub(crate) context: Context,
    pub(crate) writer: Arc<Writer<K>>,
    pub(crate) workers: Arc<Semaphore>,
    pub(crate) permit: Option<OwnedSemaphorePermit>,
    pub(crate) cancel: Interrupt,
    pub(crate) scratch: Option<TempDir>,
    pub(crate) revision: Option<String>,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) news: bool,
}

impl<K: Object> Run<K> {
    /// The object as it was when the visit began (its status as it was then, too).
    pub fn object(&self) -> &K {
        &self.object
    }

    /// The object, shared.
    pub fn object_arc(&self) -> Arc<K> {
        Arc::clone(&self.object)
    }

    /// Namespace and name of the object.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// `metadata.name`.
    pub fn name(&self) -> &str {
        &self.key.name
    }

    /// `metadata.namespace`.
    pub fn namespace(&self) -> &str {
        &self.key.namespace
    }

    /// The process around this visit: clients, clock, options.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Whether this visit answers something new (a generation, a request), not only the clock.
    pub fn is_news(&self) -> bool {
        self.news
    }

    /// Names the revision this visit is about; events and logs carry it.
    pub fn at_revision(&mut self, revision: &str) {
        self.revision = Some(revision.to_owned());
        tracing::Span::current().record("revision", revision);
    }

    /// Adds a metadata pair (`<group>/<key>`, value) to every event of this visit.
    pub fn event_metadata(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.metadata.push((key.into(), value.into()));
    }

    /// Says what the visit is doing now. Shown in the `Reconciling` condition, and in `Ready` when
    /// the visit answers something new; written with the next [`Run::record`] or when the visit
    /// lasts longer than a moment, never on its own.
    pub fn progress(&mut self, message: impl Into<String>) {
        let message = message.into();
        tracing::debug!(progress = message.as_str(), "progress");
        self.context.observe(&Observed::Progress, &self.key, K::kind(&()).as_ref(), &message);
        let stamp = self.stamp();
        let mut draft = self.writer.draft();
        let said = |status| (status, Reason::Progressing, message.as_str());
        let conditions = draft.status.conditions_mut();
        let yes = said(ConditionStatus::True);
        status::set_condition(conditions, ConditionType::Reconciling, yes, stamp);
        condition::remove(conditions, ConditionType::Stalled);
        if self.news {
            let unknown = said(ConditionStatus::Unknown);
            status::set_condition(conditions, ConditionType::Ready, unknown, stamp);
        }
    }

    /// Marks this visit as one that answers something new, for example a new revision.
    pub fn mark_news(&mut self) {
        self.news = true;
    }

    /// Changes the status; it is written with the outcome of the visit.
    pub fn note<T>(&mut self, change: impl FnOnce(&mut K::Status) -> T) -> T {
        change(&mut self.writer.draft().status)
    }

    /// Changes the status and writes it now, if anything changed: for what must be on record
    /// before the next step.
    ///
    /// # Errors
    /// [`Stop::Retry`] when the server does not take it.
    pub async fn record(&mut self, change: impl FnOnce(&mut K::Status)) -> Result<(), Stop> {
        self.note(change);
        let written = self.writer.write().await;
        written.map_err(|error| Stop::retry(Reason::ReconciliationFailed, error))
    }

    /// A copy of the status as it will be written.
    pub fn status(&self) -> K::Status {
        self.writer.draft().status.clone()
    }

    /// Sets a condition of the kind's own (`Ready`, `Reconciling` and `Stalled` are the frame's).
    pub fn condition(&mut self, kind: ConditionType, status: bool, reason: Reason, message: &str) {
        let status = if status { ConditionStatus::True } else { ConditionStatus::False };
        self.condition_as(kind, status, reason, message);
    }

    /// The same with status `Unknown`.
    pub fn condition_unknown(&mut self, kind: ConditionType, reason: Reason, message: &str) {
        self.condition_as(kind, ConditionStatus::Unknown, reason, message);
    }

    fn condition_as(
        &mut self,
        kind: ConditionType,
        status: ConditionStatus,
        reason: Reason,
        message: &str,
    ) {
        let stamp = self.stamp();
        let mut draft = self.writer.draft();
        let conditions = draft.status.conditions_mut();
        status::set_condition(conditions, kind, (status, reason, message), stamp);
    }

    /// Removes a condition of the kind's own.
    pub fn clear_condition(&mut self, kind: ConditionType) {
        condition::remove(self.writer.draft().status.conditions_mut(), kind);
    }

    /// Whether the condition is there and `True`, in the draft.
    pub fn has_condition(&self, kind: ConditionType) -> bool {
        let draft = self.writer.draft();
        let found = condition::get(draft.status.conditions(), kind);
        found.is_some_and(|condition| condition.status == ConditionStatus::True)
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            generation: self.object.meta().generation.unwrap_or_default(),
            now: self.context.clock().now(),
        }
    }

    /// Sends an event about the object. Never blocks; a full queue drops it with a log line.
    pub fn event(&self, event_type: EventType, reason: Reason, message: impl Into<String>) {
        let note = Note { event_type, reason, message: message.into(), metadata: Vec::new() };
        self.send(note);
    }

    /// The same with metadata of its own.
    pub fn event_with(&self, note: Note) {
        self.send(note);
    }

    pub(crate) fn send(&self, mut note: Note) {
        let group = K::group(&()).into_owned();
        let mut metadata = self.metadata.clone();
        if let Some(revision) = &self.revision {
            metadata.push((format!("{group}/revision"), revision.clone()));
        }
        metadata.append(&mut note.metadata);
        note.metadata = metadata;
        self.context.observe(
            &Observed::Event(&note),
            &self.key,
            K::kind(&()).as_ref(),
            &note.message,
        );
        self.context.events().send(self.object.as_ref(), note);
    }

    /// A directory that goes away with the visit.
    ///
    /// # Errors
    /// [`Stop::Retry`] with `DirectoryCreationFailed` when it cannot be made.
    pub fn scratch(&mut self) -> Result<&Path, Stop> {
        if self.scratch.is_none() {
            let made = tempfile::Builder::new().prefix("weir-").tempdir();
            let made = made.map_err(|error| Stop::retry(Reason::DirectoryCreationFailed, error))?;
            self.scratch = Some(made);
        }
        match &self.scratch {
            Some(scratch) => Ok(scratch.path()),
            None => Err(Stop::retry(Reason::DirectoryCreationFailed, "no scratch directory")),
        }
    }

    /// Runs `work` on the bounded pool for blocking work, in the span of this visit. A panic in it
    /// is a panic of the visit.
    pub fn blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        work: F,
    ) -> impl Future<Output = T> + Send + use<K, T, F> {
        blocking(self.context.blocking_pool(), work)
    }

    /// Fires when there is newer work for this object or the process ends. Only steps that wait
    /// look at it.
    pub fn cancelled(&self) -> CancellationToken {
        self.cancel.token.clone()
    }

    /// The newer work that fired [`Run::cancelled`], if that is what did.
    pub fn newer_work(&self) -> Option<Cause> {
        self.cancel.cause()
    }

    /// What fired [`Run::cancelled`].
    pub fn cancel_cause(&self) -> Cancel {
        if self.context.shutdown().is_cancelled() { Cancel::Shutdown } else { Cancel::NewerWork }
    }

    /// Awaits without holding a worker: other objects are visited meanwhile. For waits on the
    /// cluster, not for work.
    pub async fn waiting<T>(&mut self, wait: impl Future<Output = T>) -> T {
        self.permit = None;
        let result = wait.await;
        // The semaphore is never closed; without a permit the visit would still be correct.
        self.permit = Arc::clone(&self.workers).acquire_owned().await.ok();
        result
    }

    /// How long ago events and messages say things took, in whole milliseconds at most.
    pub fn elapsed(since: tokio::time::Instant) -> Duration {
        Duration::from_millis(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// Runs `work` on a blocking thread once `pool` has room, in the current span.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the bounded pool the others are told to use"
)]
async fn blocking<T: Send + 'static>(
    pool: Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let permit = pool.acquire_owned().await.ok();
    let span = tracing::Span::current();
    let joined = tokio::task::spawn_blocking(move || {
        let result = span.in_scope(work);
        drop(permit);
        result
    });
    match joined.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // A blocking task is never aborted while it runs; only the runtime's end does that,
            // and then this future is gone as well.
            Err(_) => std::future::pending().await,
        },
    }
}
