//! Prometheus metrics with the names the original's dashboards and alerts use.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
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
    depth: Family<QueueLabels, Gauge>,
    adds: Family<QueueLabels, Counter>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let histogram: fn() -> Histogram = || Histogram::new(buckets());
        let durations = Family::new_with_constructor(histogram);
        registry.register(
            "gotk_reconcile_duration_seconds",
            "The duration in seconds of a GitOps Toolkit resource reconciliation",
            durations.clone(),
        );
        let results = Family::default();
        let help = "Total number of reconciliations per controller";
        registry.register("controller_runtime_reconcile", help, results.clone());
        let errors = Family::default();
        let help = "Total number of reconciliation errors per controller";
        registry.register("controller_runtime_reconcile_errors", help, errors.clone());
        let panics = Family::default();
        let help = "Total number of reconciliation panics per controller";
        registry.register("controller_runtime_reconcile_panics", help, panics.clone());
        let active = Family::default();
        let help = "Number of currently used workers per controller";
        registry.register("controller_runtime_active_workers", help, active.clone());
        let depth = Family::default();
        registry.register("workqueue_depth", "Current depth of workqueue", depth.clone());
        let adds = Family::default();
        registry.register(
            "workqueue_adds",
            "Total number of adds handled by workqueue",
            adds.clone(),
        );
        let inner = Inner { registry, durations, results, errors, panics, active, depth, adds };
        Self { inner: Arc::new(inner) }
    }
}

impl Metrics {
    /// A visit took `seconds` and ended with `result` (`success`, `error`, `requeue_after`).
    pub(crate) fn visited(&self, kind: &str, key: &Key, seconds: f64, result: &str) {
        self.inner.durations.get_or_create(&object_labels(kind, key)).observe(seconds);
        let controller = kind.to_lowercase();
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
        self.inner.adds.get_or_create(&QueueLabels { name: kind.to_lowercase() }).inc();
    }

    /// The queue's length and the number of visits under way.
    pub(crate) fn load(&self, kind: &str, depth: usize, active: usize) {
        let name = kind.to_lowercase();
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.inner.depth.get_or_create(&QueueLabels { name: name.clone() }).set(count(depth));
        self.inner.active.get_or_create(&ControllerLabels { controller: name }).set(count(active));
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
        let text = metrics.render();
        for line in [
            "gotk_reconcile_duration_seconds_count{kind=\"Kustomization\",name=\"podinfo\",namespace=\"apps\"} 1",
            "controller_runtime_reconcile_total{controller=\"kustomization\",result=\"error\"} 1",
            "controller_runtime_reconcile_errors_total{controller=\"kustomization\"} 1",
        ] {
            assert!(text.contains(line), "{line} missing in:\n{text}");
        }
        metrics.forget("Kustomization", &key);
        assert!(!metrics.render().contains("podinfo"));
    }

    #[test]
    fn buckets_run_from_ten_milliseconds_to_half_an_hour() {
        let buckets = buckets();
        assert_eq!(buckets.len(), 10);
        assert!((buckets[0] - 0.01).abs() < 1e-9 && (buckets[9] - 1800.0).abs() < 1e-6);
    }
}
