//! Prometheus metrics with the names the original's dashboards and alerts use.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::kind::Key;

/// Bucket bounds in seconds: ten, growing by a constant factor from 10 ms to 30 minutes.
fn buckets() -> Vec<f64> {
    const FIRST: f64 = 0.01;
    const LAST: f64 = 1800.0;
    const COUNT: u32 = 10;
    let factor = (LAST / FIRST).powf(1.0 / f64::from(COUNT - 1));
    (0..COUNT).map(|step| FIRST * factor.powf(f64::from(step))).collect()
}

/// The labels of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ObjectLabels {
    kind: String,
    name: String,
    namespace: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    controller: String,
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerLabels {
    controller: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    name: String,
    controller: String,
}

impl QueueLabels {
    fn of(kind: &str) -> Self {
        Self { name: kind.to_lowercase(), controller: kind.to_lowercase() }
    }
}

/// What is counted of a request to an API server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    code: String,
    method: String,
    host: String,
}

/// All metrics of a process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    durations: Family<ObjectLabels, Histogram, fn() -> Histogram>,
    results: Family<ResultLabels, Counter>,
    errors: Family<ControllerLabels, Counter>,
    panics: Family<ControllerLabels, Counter>,
    active: Family<ControllerLabels, Gauge>,
    times: Family<ControllerLabels, Histogram, fn() -> Histogram>,
    most: Family<ControllerLabels, Gauge>,
    depth: Family<QueueLabels, Gauge>,
    adds: Family<QueueLabels, Counter>,
    retries: Family<QueueLabels, Counter>,
    work: Family<QueueLabels, Histogram, fn() -> Histogram>,
    requests: Family<RequestLabels, Counter>,
}

impl Debug for Metrics {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Metrics")
    }
}

/// Registers families one by one.
struct Register(Registry);

impl Register {
    fn counter<L: EncodeLabelSet + Clone + Eq + Hash + Debug + Send + Sync + 'static>(
        &mut self,
        name: &str,
        help: &str,
    ) -> Family<L, Counter> {
        let family = Family::default();
        self.0.register(name, help, family.clone());
        family
    }

    fn gauge<L: EncodeLabelSet + Clone + Eq + Hash + Debug + Send + Sync + 'static>(
        &mut self,
        name: &str,
        help: &str,
    ) -> Family<L, Gauge> {
        let family = Family::default();
        self.0.register(name, help, family.clone());
        family
    }

    fn histogram<L: EncodeLabelSet + Clone + Eq + Hash + Debug + Send + Sync + 'static>(
        &mut self,
        name: &str,
        help: &str,
        make: fn() -> Histogram,
    ) -> Family<L, Histogram, fn() -> Histogram> {
        let family = Family::new_with_constructor(make);
        self.0.register(name, help, family.clone());
        family
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut register = Register(Registry::default());
        let inner = Inner {
            durations: register.histogram(
                "gotk_reconcile_duration_seconds",
                "The duration in seconds of a GitOps Toolkit resource reconciliation",
                || Histogram::new(buckets()),
            ),
            results: register.counter(
                "controller_runtime_reconcile",
                "Total number of reconciliations per controller",
            ),
            errors: register.counter(
                "controller_runtime_reconcile_errors",
                "Total number of reconciliation errors per controller",
            ),
            panics: register.counter(
                "controller_runtime_reconcile_panics",
                "Total number of reconciliation panics per controller",
            ),
            active: register.gauge(
                "controller_runtime_active_workers",
                "Number of currently used workers per controller",
            ),
            times: register.histogram(
                "controller_runtime_reconcile_time_seconds",
                "Length of time per reconciliation per controller",
                || Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 60.0]),
            ),
            most: register.gauge(
                "controller_runtime_max_concurrent_reconciles",
                "Maximum number of concurrent reconciles per controller",
            ),
            depth: register.gauge("workqueue_depth", "Current depth of workqueue"),
            adds: register.counter("workqueue_adds", "Total number of adds handled by workqueue"),
            retries: register
                .counter("workqueue_retries", "Total number of retries handled by workqueue"),
            work: register.histogram(
                "workqueue_work_duration_seconds",
                "How long in seconds processing an item from workqueue takes",
                || Histogram::new([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0]),
            ),
            requests: register.counter(
                "rest_client_requests",
                "Number of HTTP requests, partitioned by status code, method, and host",
            ),
            registry: {
                register.0.register_collector(Box::new(Process));
                register.0
            },
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Metrics {
    /// A visit took `seconds` and ended with `result` (`success`, `error`, `requeue_after`).
    pub(crate) fn visited(&self, kind: &str, key: &Key, seconds: f64, result: &str) {
        self.inner.durations.get_or_create(&object_labels(kind, key)).observe(seconds);
        let controller = kind.to_lowercase();
        let labels = ControllerLabels { controller: controller.clone() };
        self.inner.times.get_or_create(&labels).observe(seconds);
        self.inner.work.get_or_create(&QueueLabels::of(kind)).observe(seconds);
        if result != "success" {
            self.inner.retries.get_or_create(&QueueLabels::of(kind)).inc();
        }
        let labels = ResultLabels { controller: controller.clone(), result: result.to_owned() };
        self.inner.results.get_or_create(&labels).inc();
        if result == "error" {
            self.inner.errors.get_or_create(&ControllerLabels { controller }).inc();
        }
    }

    /// A reconciler panicked.
    pub(crate) fn panicked(&self, kind: &str) {
        let labels = ControllerLabels { controller: kind.to_lowercase() };
        self.inner.panics.get_or_create(&labels).inc();
    }

    /// An object was put into the queue.
    pub(crate) fn woken(&self, kind: &str) {
        self.inner.adds.get_or_create(&QueueLabels::of(kind)).inc();
    }

    /// How many visits of a kind there may be at the same time.
    pub(crate) fn limit(&self, kind: &str, workers: usize) {
        let labels = ControllerLabels { controller: kind.to_lowercase() };
        self.inner.most.get_or_create(&labels).set(whole(workers));
    }

    /// The queue's length and the number of visits under way.
    pub(crate) fn load(&self, kind: &str, depth: usize, active: usize) {
        let controller = kind.to_lowercase();
        self.inner.depth.get_or_create(&QueueLabels::of(kind)).set(whole(depth));
        self.inner.active.get_or_create(&ControllerLabels { controller }).set(whole(active));
    }

    /// A request to an API server was answered with this code, or not at all (`<error>`).
    pub(crate) fn requested(&self, method: &str, host: &str, code: &str) {
        let (method, host) = (method.to_owned(), host.to_owned());
        let labels = RequestLabels { code: code.to_owned(), method, host };
        self.inner.requests.get_or_create(&labels).inc();
    }

    /// Drops the series of an object that is gone.
    pub(crate) fn forget(&self, kind: &str, key: &Key) {
        self.inner.durations.remove(&object_labels(kind, key));
    }

    /// The text a scrape gets.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail; a half-written page is better than none.
        if encode(&mut text, &self.inner.registry).is_err() {
            tracing::error!("cannot encode metrics");
        }
        text
    }
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What the kernel says about this process, looked up when somebody asks.
#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, value) in process() {
            if let Some(name) = name.strip_suffix("_total") {
                let mut metric =
                    encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
                metric.encode_counter::<NoLabelSet, f64, f64>(&value, None)?;
            } else {
                let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                metric.encode_gauge(&value)?;
            }
        }
        Ok(())
    }
}

/// Clock ticks per second in `/proc`: the kernel's ABI on every architecture that Rust supports.
const TICKS: f64 = 100.0;

fn process() -> Vec<(&'static str, &'static str, f64)> {
    let mut values = Vec::new();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name of the program, which may hold spaces, the third field of the file is first.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse::<f64>().ok());
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        let help = "Total user and system CPU time spent in seconds";
        values.push(("process_cpu_seconds_total", help, (user + system) / TICKS));
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()
    };
    if let Some(size) = kilobytes("VmRSS:") {
        values.push(("process_resident_memory_bytes", "Resident memory size", size * 1024.0));
    }
    if let Some(size) = kilobytes("VmSize:") {
        values.push(("process_virtual_memory_bytes", "Virtual memory size", size * 1024.0));
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        let open = u32::try_from(open.count()).map_or(f64::MAX, f64::from);
        values.push(("process_open_fds", "Number of open file descriptors", open));
    }
    let kernel = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let boot = kernel.lines().find_map(|line| line.strip_prefix("btime "));
    if let (Some(boot), Some(started)) = (boot.and_then(|b| b.parse::<f64>().ok()), field(22)) {
        let help = "Start time of the process since unix epoch in seconds";
        values.push(("process_start_time_seconds", help, boot + started / TICKS));
    }
    values
}

fn object_labels(kind: &str, key: &Key) -> ObjectLabels {
    ObjectLabels { kind: kind.to_owned(), name: key.name.clone(), namespace: key.namespace.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_have_the_original_names_and_go_with_their_object() {
        let (metrics, key) = (Metrics::default(), Key::new("apps", "podinfo"));
        metrics.visited("Kustomization", &key, 0.02, "error");
        metrics.requested("GET", "10.0.0.1:443", "200");
        metrics.limit("Kustomization", 4);
        let text = metrics.render();
        for line in [
            "gotk_reconcile_duration_seconds_count{kind=\"Kustomization\",name=\"podinfo\",namespace=\"apps\"} 1",
            "controller_runtime_reconcile_total{controller=\"kustomization\",result=\"error\"} 1",
            "controller_runtime_reconcile_errors_total{controller=\"kustomization\"} 1",
            "controller_runtime_reconcile_time_seconds_count{controller=\"kustomization\"} 1",
            "controller_runtime_max_concurrent_reconciles{controller=\"kustomization\"} 4",
            "workqueue_retries_total{name=\"kustomization\",controller=\"kustomization\"} 1",
            "rest_client_requests_total{code=\"200\",method=\"GET\",host=\"10.0.0.1:443\"} 1",
        ] {
            assert!(text.contains(line), "{line} missing in:\n{text}");
        }
        metrics.forget("Kustomization", &key);
        assert!(!metrics.render().contains("podinfo"));
    }

    #[test]
    fn the_process_is_measured() {
        let values: std::collections::BTreeMap<&str, f64> =
            process().into_iter().map(|(name, _, value)| (name, value)).collect();
        assert!(values["process_resident_memory_bytes"] > 100_000.0, "{values:?}");
        assert!(values["process_start_time_seconds"] > 1e9, "{values:?}");
        assert!(values["process_open_fds"] >= 3.0, "{values:?}");
        assert!(values.contains_key("process_cpu_seconds_total"), "{values:?}");
        assert!(Metrics::default().render().contains("\nprocess_cpu_seconds_total "));
    }

    #[test]
    fn buckets_run_from_ten_milliseconds_to_half_an_hour() {
        let buckets = buckets();
        assert_eq!(buckets.len(), 10);
        assert!((buckets[0] - 0.01).abs() < 1e-9 && (buckets[9] - 1800.0).abs() < 1e-6);
    }
}
