//! What the outcome of a visit means for the object: its conditions, the event, the next visit.
//!
//! [`after`] is the whole table, as one pure function; nothing else decides these.
//!
//! | outcome | Ready | Reconciling | Stalled | event | next visit |
//! |---|---|---|---|---|---|
//! | `Ready` | True | removed | removed | Normal, if it says something new or recovered | interval with jitter |
//! | `Wait` | False | True, ProgressingWithRetry | removed | Trace, for a dependency Normal; once per message | dependency interval |
//! | `Retry` | False | True, ProgressingWithRetry | removed | Warning | retry interval, else backoff |
//! | `Stall` | False | removed | True | Warning, once | when the object changes |
//! | `Cancelled` | False HealthCheckCanceled, or left | True, Progressing | left | none | at once |
//! | panic | False, InternalError | True, ProgressingWithRetry | removed | Warning | backoff |

use std::time::Duration;

use common::api::meta::{Condition, ConditionStatus};
use common::condition::{self, ConditionType, Observation, Reason};
use common::time::Time;
use jiff::Timestamp;

use crate::outcome::{Cancel, Ready, Stop};

/// Condition and event messages are cut here: etcd objects are bounded, logs in messages are not.
/// The figure is kustomize-controller's `MaxConditionMessageLength`.
pub const MAX_MESSAGE: usize = 20_000;

/// How a visit ended, panics included.
#[derive(Debug)]
pub enum Outcome {
    /// The reconciler came to an end.
    Ended(Result<Ready, Stop>),
    /// It panicked; this is what the panic said.
    Panicked(String),
}

/// What the table needs to know about the object before the outcome.
#[derive(Debug, Clone)]
pub struct Before {
    /// `status.conditions` as they stand in the draft, extra conditions of the kind included.
    pub conditions: Vec<Condition>,
    /// The `Ready` condition the last visit left, before this one marked any progress.
    pub ready: Option<Condition>,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`.
    pub observed_generation: Option<i64>,
    /// The value of the `reconcile.fluxcd.io/requestedAt` annotation.
    pub requested_at: Option<String>,
    /// `status.lastHandledReconcileAt`.
    pub handled: Option<String>,
    /// `spec.retryInterval`, where the kind has one.
    pub retry_interval: Option<Duration>,
}

/// How important an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// Something went well.
    Normal,
    /// Something failed.
    Warning,
    /// For the Kubernetes event log only, never sent to notification-controller.
    Trace,
}

/// An event to send, before it has an object and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its importance.
    pub event_type: EventType,
    /// Its reason.
    pub reason: Reason,
    /// Its text.
    pub message: String,
    /// Metadata keys and values.
    pub metadata: Vec<(String, String)>,
}

/// When the object is visited next, unless something wakes it earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// After the interval of the object, with jitter.
    Interval,
    /// After exactly this time.
    After(Duration),
    /// After the interval for missing dependencies.
    Dependency,
    /// After a delay that grows with each failure in a row.
    Backoff,
    /// At once.
    Now,
    /// Only when something changes.
    Never,
}

/// What the table answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The new `status.conditions`.
    pub conditions: Vec<Condition>,
    /// The new `status.observedGeneration`.
    pub observed_generation: Option<i64>,
    /// The new `status.lastHandledReconcileAt`.
    pub handled: Option<String>,
    /// The event to send, if any.
    pub event: Option<Note>,
    /// The next visit.
    pub visit: Visit,
}

/// The table: what `outcome` makes of `before` at the time `now`.
pub fn after(before: &Before, outcome: &Outcome, now: Timestamp) -> After {
    let mut next = After {
        conditions: before.conditions.clone(),
        observed_generation: before.observed_generation,
        handled: before.requested_at.clone().or_else(|| before.handled.clone()),
        event: None,
        visit: Visit::Interval,
    };
    let mut table = Table { next: &mut next, before, now };
    match outcome {
        Outcome::Ended(Ok(ready)) => table.ready(ready),
        Outcome::Ended(Err(stop)) => table.stopped(stop),
        Outcome::Panicked(message) => {
            table.failed(Reason::InternalError, &format!("reconciler panicked: {message}"));
            table.warn(Reason::InternalError, message);
            table.next.visit = Visit::Backoff;
        }
    }
    next
}

struct Table<'a> {
    next: &'a mut After,
    before: &'a Before,
    now: Timestamp,
}

impl Table<'_> {
    fn ready(&mut self, ready: &Ready) {
        self.set(ConditionType::Ready, ConditionStatus::True, ready.reason, &ready.message);
        self.remove(ConditionType::Reconciling);
        self.remove(ConditionType::Stalled);
        self.next.observed_generation = Some(self.before.generation);
        if !self.said_before(&ConditionStatus::True, None, &ready.message) {
            let (reason, message) =
                ready.event.clone().unwrap_or_else(|| (ready.reason, ready.message.clone()));
            self.next.event = Some(Note {
                event_type: EventType::Normal,
                reason,
                message,
                metadata: ready.metadata.clone(),
            });
        }
        self.next.visit = ready.after.map_or(Visit::Interval, Visit::After);
    }

    fn stopped(&mut self, stop: &Stop) {
        let message = stop.message();
        match stop {
            Stop::Wait { reason, after, .. } => {
                self.failed(*reason, &message);
                if !self.said_before(&ConditionStatus::False, Some(*reason), &message) {
                    self.next.event = Some(waiting(*reason, &message));
                }
                self.next.visit = after.map_or(Visit::Dependency, Visit::After);
            }
            Stop::Retry { reason, .. } => {
                self.failed(*reason, &message);
                self.warn(*reason, &message);
                self.next.visit = self.before.retry_interval.map_or(Visit::Backoff, Visit::After);
            }
            Stop::Stall { reason, .. } => {
                self.set(ConditionType::Ready, ConditionStatus::False, *reason, &message);
                self.set(ConditionType::Stalled, ConditionStatus::True, *reason, &message);
                self.remove(ConditionType::Reconciling);
                self.next.observed_generation = Some(self.before.generation);
                if !self.said_before(&ConditionStatus::False, Some(*reason), &message) {
                    self.warn(*reason, &message);
                }
                self.next.visit = Visit::Never;
            }
            Stop::Cancelled { by, message: said } => self.cancelled(*by, said.as_deref()),
        }
    }

    fn cancelled(&mut self, by: Cancel, said: Option<&str>) {
        self.next.handled.clone_from(&self.before.handled);
        self.next.visit = Visit::Now;
        if by == Cancel::Shutdown {
            // The next process starts over; until then the last word stands.
            self.next.visit = Visit::Never;
        }
        match said {
            Some(message) => {
                self.set(
                    ConditionType::Ready,
                    ConditionStatus::False,
                    Reason::HealthCheckCanceled,
                    message,
                );
            }
            None => self.restore_ready(),
        }
        if by == Cancel::NewerWork {
            let message = said.unwrap_or("reconciliation starts over with newer work");
            self.set(
                ConditionType::Reconciling,
                ConditionStatus::True,
                Reason::Progressing,
                message,
            );
        }
    }

    /// Puts back what `Ready` said before this visit marked progress on it.
    fn restore_ready(&mut self) {
        self.remove(ConditionType::Ready);
        let place = self.next.conditions.iter().position(comes_after_ready);
        if let Some(ready) = self.before.ready.clone() {
            self.next.conditions.insert(place.unwrap_or(self.next.conditions.len()), ready);
        }
    }

    fn failed(&mut self, reason: Reason, message: &str) {
        self.set(ConditionType::Ready, ConditionStatus::False, reason, message);
        let progress = condition::get(&self.next.conditions, ConditionType::Reconciling)
            .map_or_else(|| message.to_owned(), |condition| condition.message.clone());
        self.set(
            ConditionType::Reconciling,
            ConditionStatus::True,
            Reason::ProgressingWithRetry,
            &progress,
        );
        self.remove(ConditionType::Stalled);
    }

    fn warn(&mut self, reason: Reason, message: &str) {
        self.next.event = Some(note(EventType::Warning, reason, message));
    }

    fn said_before(&self, status: &ConditionStatus, reason: Option<Reason>, message: &str) -> bool {
        self.before.ready.as_ref().is_some_and(|ready| {
            ready.status == *status
                && ready.message == cut(message)
                && reason.is_none_or(|reason| ready.reason == reason.as_str())
        })
    }

    fn set(&mut self, kind: ConditionType, status: ConditionStatus, reason: Reason, message: &str) {
        let stamp = Stamp { generation: self.before.generation, now: self.now };
        set_condition(&mut self.next.conditions, kind, (status, reason, message), stamp);
    }

    fn remove(&mut self, kind: ConditionType) {
        condition::remove(&mut self.next.conditions, kind);
    }
}

/// Whether people look for this condition after `Ready`, in the order `condition::set` keeps.
fn comes_after_ready(condition: &Condition) -> bool {
    let first = [ConditionType::Stalled, ConditionType::Reconciling];
    first.iter().all(|type_| type_.as_str() != condition.type_)
}

/// What is told of a wait. A source that has nothing yet is no news for anybody's chat; that others
/// hold an object up is.
fn waiting(reason: Reason, message: &str) -> Note {
    if reason != Reason::DependencyNotReady {
        return note(EventType::Trace, reason, message);
    }
    let message = format!("Dependencies do not meet ready condition: {message}");
    note(EventType::Normal, reason, &message)
}

fn note(event_type: EventType, reason: Reason, message: &str) -> Note {
    Note { event_type, reason, message: cut(message).to_owned(), metadata: Vec::new() }
}

/// The generation and time a condition is stamped with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) generation: i64,
    pub(crate) now: Timestamp,
}

/// Sets one condition.
pub(crate) fn set_condition(
    conditions: &mut Vec<Condition>,
    type_: ConditionType,
    (status, reason, message): (ConditionStatus, Reason, &str),
    stamp: Stamp,
) {
    let message = cut(message).to_owned();
    let observation = Observation { type_, status, reason, message };
    condition::set(conditions, observation, Some(stamp.generation), Time::from(stamp.now));
}

/// At most [`MAX_MESSAGE`] bytes of `message`, cut between characters.
pub fn cut(message: &str) -> &str {
    match message
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= MAX_MESSAGE)
        .last()
    {
        Some(end) if message.len() > MAX_MESSAGE => message.get(..end).unwrap_or_default(),
        _ => message,
    }
}

#[cfg(test)]
mod tests;
