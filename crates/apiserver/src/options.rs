//! What a caller may set about a server.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// Settings of an [`crate::ApiServer`]. All have defaults that suit a test or a try-out.
#[derive(Clone)]
pub struct Options {
    /// Whether workloads become ready by themselves. Without it, Deployments and their like keep the
    /// status that clients write.
    pub simulation: Simulation,
    /// Whether the controllers run that a cluster has beside its API server: namespaces' end, garbage
    /// collection by ownerReferences. The workload simulation needs them.
    pub controllers: bool,
    /// Changes kept per kind for watches, consistent lists and continue tokens. A watcher that falls
    /// further behind is cut off and must list again.
    pub window: usize,
    /// Largest request body in bytes. The real server takes 3 MiB.
    pub max_body: usize,
    /// Where `creationTimestamp` and all other times come from.
    pub clock: Clock,
    /// Seed of uids, generated names and tokens. `None` takes the process's own randomness.
    pub seed: Option<u64>,
    /// The version that `/version` reports, such as `v1.37.2`.
    pub kubernetes_version: String,
}

/// How fast simulated workloads get ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simulation {
    /// Nothing is simulated.
    Off,
    /// Every step (a Pod scheduled, started, ready; a volume bound; a load balancer found) takes this long.
    On {
        /// The time of one step.
        step: Duration,
    },
}

/// A source of the present time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock of the caller's.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// A clock that stands still.
    pub fn fixed(at: Timestamp) -> Self {
        Self::new(move || at)
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// The present as `metav1.Time` writes it: whole seconds, UTC.
    pub(crate) fn now_text(&self) -> String {
        seconds(self.now())
    }
}

/// A time as `metav1.Time`.
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Default for Simulation {
    fn default() -> Self {
        Self::On { step: Duration::from_millis(2) }
    }
}

/// Changes kept per kind unless told otherwise: more than any test makes between two looks, and some
/// tens of megabytes at worst.
const DEFAULT_WINDOW: usize = 10_000;
/// As the real server's limit for a resource request.
const DEFAULT_MAX_BODY: usize = 3 * 1024 * 1024;

impl Default for Options {
    fn default() -> Self {
        Self {
            simulation: Simulation::default(),
            controllers: true,
            window: DEFAULT_WINDOW,
            max_body: DEFAULT_MAX_BODY,
            clock: Clock::system(),
            seed: None,
            kubernetes_version: "v1.37.2".to_owned(),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("simulation", &self.simulation)
            .field("controllers", &self.controllers)
            .field("window", &self.window)
            .field("max_body", &self.max_body)
            .field("seed", &self.seed)
            .field("kubernetes_version", &self.kubernetes_version)
            .finish_non_exhaustive()
    }
}
