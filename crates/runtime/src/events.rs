//! Events: to the Kubernetes event log (with annotations, which `kube`'s recorder cannot write) and
//! to notification-controller.
//!
//! Sending never blocks a visit: events go into bounded queues that two tasks empty. A full queue
//! drops the event and says so in the log. A receiver that answers 429 is not asked again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use common::event::{self, Event, InvolvedObject};
use common::time::Time;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time as LogTime};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Resource, ResourceExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::status::{EventType, Note};

/// Events that may wait to be sent; more are dropped. One reconcile sends a handful at most.
const QUEUE: usize = 1024;
/// How long one POST may take.
const POST_TIMEOUT: Duration = Duration::from_secs(5);
/// POSTs of one event before it is given up.
const POST_TRIES: u32 = 4;
/// The event log's own limit on a message, in bytes.
const MAX_LOG_MESSAGE: usize = 1024;
/// Events remembered to count repeats instead of writing new ones.
const REMEMBERED: usize = 512;

pub(crate) struct EventsOptions {
    pub(crate) controller: String,
    pub(crate) client: Client,
    pub(crate) address: Option<String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// The way in for events.
#[derive(Debug, Clone)]
pub struct Events {
    log: mpsc::Sender<Pending>,
    post: Option<mpsc::Sender<Pending>>,
    controller: String,
    instance: String,
    clock: ClockHandle,
}

#[derive(Clone)]
struct ClockHandle(Arc<dyn Clock>);

impl std::fmt::Debug for ClockHandle {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Clock")
    }
}

/// An event on its way.
#[derive(Debug, Clone)]
struct Pending {
    event: Event,
    event_type: EventType,
    now: jiff::Timestamp,
}

impl Events {
    pub(crate) fn start(options: EventsOptions) -> Self {
        let (log, log_queue) = mpsc::channel(QUEUE);
        let logger = Logger {
            client: options.client,
            controller: options.controller.clone(),
            known: Known::default(),
            written: 0,
        };
        options.tasks.spawn(logger.run(log_queue, options.shutdown.clone()));
        let post = options.address.filter(|address| !address.is_empty()).and_then(|address| {
            let (post, post_queue) = mpsc::channel(QUEUE);
            let http = reqwest::Client::builder().timeout(POST_TIMEOUT).build();
            let http = http
                .inspect_err(|error| tracing::error!(%error, "no HTTP client for events"))
                .ok()?;
            let poster = Poster { http, address };
            options.tasks.spawn(poster.run(post_queue, options.shutdown.clone()));
            Some(post)
        });
        Self {
            log,
            post,
            instance: hostname().unwrap_or_else(|| options.controller.clone()),
            controller: options.controller,
            clock: ClockHandle(options.clock),
        }
    }

    /// Queues an event about `object`. Never blocks.
    pub fn send<K: Resource<DynamicType = ()>>(&self, object: &K, note: Note) {
        let event = self.event(object, &note);
        self.queue(Pending { event, event_type: note.event_type, now: self.clock.0.now() });
    }

    fn queue(&self, pending: Pending) {
        let to_receiver = pending.event_type != EventType::Trace;
        if let Some(post) = self.post.as_ref().filter(|_| to_receiver)
            && post.try_send(pending.clone()).is_err()
        {
            tracing::warn!(reason = pending.event.reason, "event queue is full, event not posted");
        }
        if self.log.try_send(pending).is_err() {
            tracing::warn!("event queue is full, event not written");
        }
    }

    fn event<K: Resource<DynamicType = ()>>(&self, object: &K, note: &Note) -> Event {
        let metadata = note.metadata.iter().cloned().collect();
        let severity = match note.event_type {
            EventType::Normal => event::Severity::Info,
            EventType::Warning => event::Severity::Error,
            EventType::Trace => event::Severity::Trace,
        };
        let mut event = Event {
            involved_object: InvolvedObject {
                api_version: K::api_version(&()).into_owned(),
                kind: K::kind(&()).into_owned(),
                namespace: object.namespace().unwrap_or_default(),
                name: object.name_any(),
                uid: object.uid().unwrap_or_default(),
                resource_version: object.resource_version().unwrap_or_default(),
            },
            severity,
            timestamp: Time::from(self.clock.0.now()),
            message: note.message.clone(),
            reason: note.reason.as_str().to_owned(),
            metadata,
            reporting_controller: self.controller.clone(),
            reporting_instance: self.instance.clone(),
        };
        event.add_annotations(object.annotations());
        event.shorten();
        event
    }
}

/// At most `limit` bytes of `text`, cut between characters.
fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// The name of this machine, which is the Pod's name in a cluster.
pub fn hostname() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Posts events to notification-controller.
struct Poster {
    http: reqwest::Client,
    address: String,
}

impl Poster {
    async fn run(self, mut queue: mpsc::Receiver<Pending>, shutdown: CancellationToken) {
        while let Some(pending) = next(&mut queue, &shutdown).await {
            let once = shutdown.is_cancelled();
            self.post(&pending.event, if once { 1 } else { POST_TRIES }).await;
        }
    }

    async fn post(&self, event: &Event, tries: u32) {
        for attempt in 1..=tries {
            let problem = match self.http.post(&self.address).json(event).send().await {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) if answer.status().is_client_error() => {
                    tracing::debug!(status = answer.status().as_u16(), "event refused by receiver");
                    return;
                }
                Ok(answer) => format!("status {}", answer.status().as_u16()),
                Err(error) => error.without_url().to_string(),
            };
            if attempt == tries {
                tracing::warn!(problem, reason = event.reason, "unable to send event");
            } else {
                tokio::time::sleep(Duration::from_millis(250) * 2_u32.pow(attempt)).await;
            }
        }
    }
}

/// The next event; after the shutdown what is queued already, and then none.
async fn next(
    queue: &mut mpsc::Receiver<Pending>,
    shutdown: &CancellationToken,
) -> Option<Pending> {
    tokio::select! {
        biased;
        pending = queue.recv() => pending,
        () = shutdown.cancelled() => queue.try_recv().ok(),
    }
}

/// What makes two events the same: object, type, reason, message.
type Identity = (String, &'static str, String, String);

/// The events written lately, to count repeats.
#[derive(Default)]
struct Known {
    names: BTreeMap<Identity, (String, i32)>,
    order: VecDeque<Identity>,
}

impl Known {
    /// The name and new count of an event seen before.
    fn repeat(&mut self, identity: &Identity) -> Option<(String, i32)> {
        let (name, count) = self.names.get_mut(identity)?;
        *count = count.saturating_add(1);
        Some((name.clone(), *count))
    }

    fn remember(&mut self, identity: Identity, name: String) {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
        self.names.insert(identity.clone(), (name, 1));
        self.order.push_back(identity);
    }

    fn forget(&mut self, identity: &Identity) {
        self.names.remove(identity);
        self.order.retain(|known| known != identity);
    }
}

/// Writes events to the Kubernetes event log.
struct Logger {
    client: Client,
    controller: String,
    known: Known,
    /// Events written so far: part of their names, since clocks may be coarse.
    written: i128,
}

impl Logger {
    async fn run(mut self, mut queue: mpsc::Receiver<Pending>, shutdown: CancellationToken) {
        while let Some(pending) = next(&mut queue, &shutdown).await {
            // The server may be gone together with us; nobody waits for this longer than a POST.
            let written = tokio::time::timeout(POST_TIMEOUT, self.write(&pending)).await;
            match written {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "cannot write event"),
                Err(_) => tracing::debug!("cannot write event in time"),
            }
        }
    }

    async fn write(&mut self, pending: &Pending) -> Result<(), kube::Error> {
        let object = &pending.event.involved_object;
        let api: Api<core::Event> = Api::namespaced(self.client.clone(), &object.namespace);
        let message = cut(&pending.event.message, MAX_LOG_MESSAGE).to_owned();
        let identity = (
            object.uid.clone(),
            log_type(pending.event_type),
            pending.event.reason.clone(),
            message,
        );
        if let Some((name, count)) = self.known.repeat(&identity) {
            let seen = serde_json::json!({
                "count": count,
                "lastTimestamp": Time::from(pending.now),
                "metadata": { "annotations": pending.event.metadata },
            });
            match api.patch(&name, &PatchParams::default(), &Patch::Merge(seen)).await {
                // Event objects expire; then this one is news again.
                Err(kube::Error::Api(status)) if status.code == 404 => self.known.forget(&identity),
                answer => return answer.map(drop),
            }
        }
        self.written += 1;
        let event = self.log_event(pending);
        let name = event.metadata.name.clone().unwrap_or_default();
        api.create(&PostParams::default(), &event).await?;
        self.known.remember(identity, name);
        Ok(())
    }

    fn log_event(&self, pending: &Pending) -> core::Event {
        let (event, object) = (&pending.event, &pending.event.involved_object);
        let unique = format!("{}.{:x}", object.name, pending.now.as_nanosecond() + self.written);
        let time = LogTime(pending.now);
        core::Event {
            metadata: ObjectMeta {
                name: Some(unique),
                namespace: Some(object.namespace.clone()),
                annotations: (!event.metadata.is_empty()).then(|| event.metadata.clone()),
                ..ObjectMeta::default()
            },
            involved_object: core::ObjectReference {
                api_version: Some(object.api_version.clone()),
                kind: Some(object.kind.clone()),
                namespace: Some(object.namespace.clone()),
                name: Some(object.name.clone()),
                uid: Some(object.uid.clone()),
                resource_version: Some(object.resource_version.clone()),
                field_path: None,
            },
            type_: Some(log_type(pending.event_type).to_owned()),
            reason: Some(event.reason.clone()),
            message: Some(cut(&event.message, MAX_LOG_MESSAGE).to_owned()),
            count: Some(1),
            first_timestamp: Some(time.clone()),
            last_timestamp: Some(time),
            source: Some(core::EventSource {
                component: Some(self.controller.clone()),
                host: None,
            }),
            reporting_component: Some(self.controller.clone()),
            reporting_instance: Some(event.reporting_instance.clone()),
            ..core::Event::default()
        }
    }
}

/// The two types the event log knows.
fn log_type(event_type: EventType) -> &'static str {
    match event_type {
        EventType::Warning => "Warning",
        EventType::Normal | EventType::Trace => "Normal",
    }
}

#[cfg(test)]
mod tests;
