//! What every part of a controller process shares: client, clock, limits, events, shutdown.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clients::Allow;
use crate::clock::{Clock, SystemClock};
use crate::events::{Events, EventsOptions};
use crate::gates::Gates;
use crate::kind::Key;
use crate::metrics::Metrics;
use crate::status::Note;

/// What may be tuned; the defaults are those of the flags.
#[derive(Debug, Clone)]
pub struct Options {
    /// Visits under way at the same time, per kind (`--concurrent`).
    pub concurrent: usize,
    /// Blocking jobs (builds, archives) at the same time, for the whole process.
    pub blocking: usize,
    /// Percentage by which intervals vary (`--interval-jitter-percentage`).
    pub interval_jitter: f64,
    /// First delay after a failure (`--min-retry-delay`).
    pub min_retry_delay: Duration,
    /// Longest delay after failures (`--max-retry-delay`).
    pub max_retry_delay: Duration,
    /// Delay while a dependency is missing (`--requeue-dependency`).
    pub requeue_dependency: Duration,
    /// Watch this namespace only; all of them when `None` (`--watch-all-namespaces=false`).
    pub watch_namespace: Option<String>,
    /// Watch objects with these labels only (`--watch-label-selector`).
    pub watch_label_selector: Option<String>,
    /// Labels of the ConfigMaps and Secrets whose changes wake their users.
    pub watch_configs_label_selector: String,
    /// Refuse references to other namespaces (`--no-cross-namespace-refs`).
    pub no_cross_namespace_refs: bool,
    /// Impersonated when a spec names no service account (`--default-service-account`).
    pub default_service_account: Option<String>,
    /// What kubeconfigs from Secrets may do (`--insecure-kubeconfig-exec`, `-tls`).
    pub kubeconfig: Allow,
    /// Where events are posted (`--events-addr`).
    pub events_addr: Option<String>,
    /// How long a shutdown waits for visits under way.
    pub graceful_shutdown: Duration,
    /// Ask for streaming lists first (falls back where the server has none).
    pub streaming_lists: bool,
    /// Feature gates.
    pub gates: Gates,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrent: 4,
            blocking: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            interval_jitter: 5.0,
            min_retry_delay: Duration::from_millis(750),
            max_retry_delay: Duration::from_mins(15),
            requeue_dependency: Duration::from_secs(30),
            watch_namespace: None,
            watch_label_selector: None,
            watch_configs_label_selector: "reconcile.fluxcd.io/watch=Enabled".to_owned(),
            no_cross_namespace_refs: false,
            default_service_account: None,
            kubeconfig: Allow::default(),
            events_addr: None,
            graceful_shutdown: Duration::from_secs(30),
            streaming_lists: true,
            gates: Gates::default(),
        }
    }
}

/// Something that happened to an object, as told to the observer.
#[derive(Debug)]
pub enum Observed<'a> {
    /// A visit began.
    Started,
    /// A visit says what it is doing.
    Progress,
    /// An event was sent.
    Event(&'a Note),
    /// A visit ended; whether the object is ready now.
    Finished {
        /// The `Ready` condition is `True`.
        ready: bool,
        /// Nothing will change until the spec does.
        stalled: bool,
    },
    /// The object is gone.
    Gone,
}

/// One thing that happened: to which object, and what was said.
#[derive(Debug)]
pub struct Observation<'a> {
    /// Kind of the object.
    pub kind: &'a str,
    /// Which one.
    pub key: &'a Key,
    /// What happened.
    pub what: &'a Observed<'a>,
    /// What a person is told about it.
    pub message: &'a str,
}

/// Watches what happens, for `weir up`; called in line, so it must be quick.
pub type Observer = Arc<dyn Fn(&Observation<'_>) + Send + Sync>;

/// What the work cannot do without. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    controller: String,
    client: Client,
    clock: Arc<dyn Clock>,
    options: Options,
    events: Events,
    metrics: Metrics,
    blocking: Arc<Semaphore>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    observer: Option<Observer>,
}

/// The parts of a [`Context`] that have defaults.
#[derive(Default)]
pub struct Parts {
    /// The clock; the machine's by default.
    pub clock: Option<Arc<dyn Clock>>,
    /// What may be tuned.
    pub options: Options,
    /// Who watches what happens.
    pub observer: Option<Observer>,
    /// Metrics to count in; new ones by default.
    pub metrics: Option<Metrics>,
    /// Ends everything when it fires; a new one by default.
    pub shutdown: Option<CancellationToken>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Parts").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Context {
    /// The context of the controller of this name (`kustomize-controller`), on this client.
    /// Must be made inside a tokio runtime: the event queue starts here.
    pub fn new(controller: &str, client: Client, parts: Parts) -> Self {
        let shutdown = parts.shutdown.unwrap_or_default();
        let clock = parts.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let tasks = TaskTracker::new();
        let events = Events::start(EventsOptions {
            controller: controller.to_owned(),
            client: client.clone(),
            address: parts.options.events_addr.clone(),
            clock: Arc::clone(&clock),
            shutdown: shutdown.clone(),
            tasks: tasks.clone(),
        });
        let blocking = Arc::new(Semaphore::new(parts.options.blocking.max(1)));
        Self {
            inner: Arc::new(Inner {
                controller: controller.to_owned(),
                client,
                clock,
                options: parts.options,
                events,
                metrics: parts.metrics.unwrap_or_default(),
                blocking,
                shutdown,
                tasks,
                observer: parts.observer,
            }),
        }
    }

    /// The controller's name, as in `reportingController`.
    pub fn controller(&self) -> &str {
        &self.inner.controller
    }

    /// The client of the controller's own identity.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }

    /// What was tuned.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// Whether a feature gate is on.
    pub fn gate(&self, name: &str) -> bool {
        self.inner.options.gates.is_on(name)
    }

    /// The event queue.
    pub fn events(&self) -> &Events {
        &self.inner.events
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Fires when the process ends.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.inner.shutdown
    }

    /// Runs a task that the shutdown waits for. It must end soon after [`Context::shutdown`] fires.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.tasks.spawn(task);
    }

    /// Waits until all tasks are done, at most `limit`. To be called after the shutdown fired.
    /// Answers whether all of them ended in time.
    pub async fn finish(&self, limit: Duration) -> bool {
        self.inner.tasks.close();
        tokio::time::timeout(limit, self.inner.tasks.wait()).await.is_ok()
    }

    pub(crate) fn blocking_pool(&self) -> Arc<Semaphore> {
        Arc::clone(&self.inner.blocking)
    }

    pub(crate) fn observe(&self, what: &Observed<'_>, key: &Key, kind: &str, message: &str) {
        if let Some(observer) = &self.inner.observer {
            observer(&Observation { kind, key, what, message });
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Context")
            .field("controller", &self.inner.controller)
            .finish_non_exhaustive()
    }
}
