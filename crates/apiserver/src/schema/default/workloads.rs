//! Defaults of Pods and what makes them, beyond literals.

use serde_json::{Value, json};

use super::builtin::{Fields, Function, ensure, is_set, object, objects, set, text};

/// The function of each type.
pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    ("apps.v1.DaemonSet", daemon_set),
    ("apps.v1.DaemonSetUpdateStrategy", daemon_set_strategy),
    ("apps.v1.DeploymentStrategy", deployment_strategy),
    ("apps.v1.StatefulSetSpec", stateful_set),
    ("apps.v1.StatefulSetUpdateStrategy", stateful_set_strategy),
    ("autoscaling.v2.HorizontalPodAutoscalerSpec", autoscaler),
    ("batch.v1.Job", job),
    ("core.v1.Container", container),
    ("core.v1.EphemeralContainer", container),
    ("core.v1.Pod", pod),
    ("core.v1.PodSpec", pod_spec),
    ("core.v1.ReplicationController", replication_controller),
    ("core.v1.Volume", volume),
];

fn deployment_strategy(strategy: &mut Fields) {
    set(strategy, "type", || "RollingUpdate".into());
    if text(strategy, "type") == "RollingUpdate"
        && let Some(rolling) = ensure(strategy, "rollingUpdate")
    {
        set(rolling, "maxUnavailable", || "25%".into());
        set(rolling, "maxSurge", || "25%".into());
    }
}

/// The generation of the template, a field of an older version, lives on in an annotation. The server counts it.
fn daemon_set(set: &mut Fields) {
    let metadata = ensure(set, "metadata");
    if let Some(annotations) = metadata.and_then(|metadata| ensure(metadata, "annotations")) {
        super::builtin::set(annotations, "deprecated.daemonset.template.generation", || "0".into());
    }
}

fn daemon_set_strategy(strategy: &mut Fields) {
    set(strategy, "type", || "RollingUpdate".into());
    if text(strategy, "type") == "RollingUpdate"
        && let Some(rolling) = ensure(strategy, "rollingUpdate")
    {
        set(rolling, "maxUnavailable", || 1.into());
        set(rolling, "maxSurge", || 0.into());
    }
}

fn stateful_set_strategy(strategy: &mut Fields) {
    if text(strategy, "type").is_empty() {
        strategy.insert("type".to_owned(), "RollingUpdate".into());
        set(strategy, "rollingUpdate", || json!({}));
    }
    if text(strategy, "type") == "RollingUpdate"
        && let Some(rolling) = object(strategy, "rollingUpdate")
    {
        set(rolling, "partition", || 0.into());
        set(rolling, "maxUnavailable", || 1.into());
    }
}

/// Claim templates are written as whole claims.
fn stateful_set(spec: &mut Fields) {
    for claim in objects(spec, "volumeClaimTemplates") {
        claim.insert("apiVersion".to_owned(), "v1".into());
        claim.insert("kind".to_owned(), "PersistentVolumeClaim".into());
    }
}

/// Only Jobs themselves, not the templates of CronJobs.
fn job(job: &mut Fields) {
    let template = job.get("spec").and_then(|spec| spec.get("template"));
    let labels = template.and_then(|template| template.get("metadata")?.get("labels")).cloned();
    if let (Some(labels), Some(metadata)) = (labels, object(job, "metadata")) {
        set(metadata, "labels", || labels);
    }
    let Some(spec) = object(job, "spec") else { return };
    if !is_set(spec, "parallelism") {
        set(spec, "completions", || 1.into());
    }
    set(spec, "parallelism", || 1.into());
    let backoff = if is_set(spec, "backoffLimitPerIndex") { i32::MAX } else { 6 };
    set(spec, "backoffLimit", || backoff.into());
    set(spec, "completionMode", || "NonIndexed".into());
    set(spec, "suspend", || false.into());
    set(spec, "manualSelector", || false.into());
    let replacement =
        if is_set(spec, "podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    set(spec, "podReplacementPolicy", || replacement.into());
}

fn replication_controller(controller: &mut Fields) {
    let template = controller.get("spec").and_then(|spec| spec.get("template"));
    let Some(labels) =
        template.and_then(|template| template.get("metadata")?.get("labels")).cloned()
    else {
        return;
    };
    if let Some(spec) = object(controller, "spec") {
        set(spec, "selector", || labels.clone());
    }
    if let Some(metadata) = object(controller, "metadata") {
        set(metadata, "labels", || labels);
    }
}

fn autoscaler(spec: &mut Fields) {
    set(spec, "minReplicas", || 1.into());
    set(spec, "metrics", || {
        let target = json!({ "type": "Utilization", "averageUtilization": 80 });
        json!([{ "type": "Resource", "resource": { "name": "cpu", "target": target } }])
    });
    let Some(behavior) = object(spec, "behavior") else { return };
    let pods = json!({ "type": "Pods", "value": 4, "periodSeconds": 15 });
    let percent = json!({ "type": "Percent", "value": 100, "periodSeconds": 15 });
    if let Some(up) = ensure(behavior, "scaleUp") {
        set(up, "stabilizationWindowSeconds", || 0.into());
        set(up, "selectPolicy", || "Max".into());
        set(up, "policies", || json!([pods, percent]));
    }
    if let Some(down) = ensure(behavior, "scaleDown") {
        set(down, "selectPolicy", || "Max".into());
        set(down, "policies", || json!([percent]));
    }
}

fn pod_spec(spec: &mut Fields) {
    let deprecated = spec.get("serviceAccount").cloned();
    if let Some(deprecated) = deprecated {
        set(spec, "serviceAccountName", || deprecated);
    }
    if let Some(name) = spec.get("serviceAccountName").cloned() {
        spec.insert("serviceAccount".to_owned(), name);
    }
}

fn container(container: &mut Fields) {
    let policy = pull_policy(text(container, "image"));
    set(container, "imagePullPolicy", || policy.into());
}

/// `Always` for the tag `latest`, which is also the tag of an image without tag and digest.
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, ""), |(name, digest)| (name, digest));
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = last.split_once(':').map_or("", |(_, tag)| tag);
    if tag == "latest" || (tag.is_empty() && digest.is_empty()) { "Always" } else { "IfNotPresent" }
}

fn volume(volume: &mut Fields) {
    if !volume.iter().any(|(name, value)| name != "name" && !value.is_null()) {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    if let Some(image) = object(volume, "image") {
        let policy = pull_policy(text(image, "reference"));
        set(image, "pullPolicy", || policy.into());
    }
}

/// What holds for Pods but not for the templates of other kinds.
fn pod(pod: &mut Fields) {
    let Some(spec) = object(pod, "spec") else { return };
    if spec
        .get("terminationGracePeriodSeconds")
        .and_then(Value::as_i64)
        .is_some_and(|seconds| seconds < 0)
    {
        spec.insert("terminationGracePeriodSeconds".to_owned(), 1.into());
    }
    set(spec, "enableServiceLinks", || true.into());
    let host_network = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for list in ["containers", "initContainers"] {
        for container in objects(spec, list) {
            request_limits(container);
            for port in objects(container, "ports").filter(|_| host_network) {
                if let Some(number) = port.get("containerPort").cloned() {
                    set(port, "hostPort", || number);
                }
            }
        }
    }
}

/// A limit without a request is a request of as much.
fn request_limits(container: &mut Fields) {
    let Some(resources) = object(container, "resources") else { return };
    let Some(limits) = object(resources, "limits").cloned() else { return };
    if let Some(requests) = ensure(resources, "requests") {
        for (name, limit) in limits {
            set(requests, &name, || limit);
        }
    }
}
