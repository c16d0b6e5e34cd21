//! The rules of the built-in kinds that manifests in the wild break, worded as the API server words them.
//!
//! What an update may not change, and object metadata, are checked where writes are handled.

use serde_json::Value;

use super::super::{FieldError, TypeRef};
use place::{At, Errors};

mod config;
mod container;
mod network;
mod place;
mod pod;
mod policy;
mod rbac;
mod service;
mod storage;
mod volume;
mod workload;

/// What is wrong with an object of a built-in kind.
pub(super) fn validate(of: &TypeRef, object: &Value) -> Vec<FieldError> {
    let mut errors = Errors::new();
    if let Some(check) = check_of(of.group(), of.kind()) {
        check(&At::root(object), &mut errors);
    }
    errors
}

type Check = fn(&At<'_>, &mut Errors);

fn check_of(group: &str, kind: &str) -> Option<Check> {
    Some(match (group, kind) {
        ("", "ConfigMap") => config::config_map,
        ("", "Secret") => config::secret,
        ("", "PersistentVolumeClaim") => storage::claim,
        ("", "Pod") => pod::pod,
        ("", "Service") => service::service,
        ("apps", "DaemonSet") => workload::daemon_set,
        ("apps", "Deployment") => workload::deployment,
        ("apps", "ReplicaSet") => workload::replica_set,
        ("apps", "StatefulSet") => workload::stateful_set,
        ("autoscaling", "HorizontalPodAutoscaler") => policy::autoscaler,
        ("batch", "CronJob") => workload::cron_job,
        ("batch", "Job") => workload::job,
        ("networking.k8s.io", "Ingress") => network::ingress,
        ("networking.k8s.io", "NetworkPolicy") => network::network_policy,
        ("policy", "PodDisruptionBudget") => policy::disruption_budget,
        ("rbac.authorization.k8s.io", "ClusterRole") => rbac::cluster_role,
        ("rbac.authorization.k8s.io", "ClusterRoleBinding") => rbac::cluster_role_binding,
        ("rbac.authorization.k8s.io", "Role") => rbac::role,
        ("rbac.authorization.k8s.io", "RoleBinding") => rbac::role_binding,
        ("scheduling.k8s.io", "PriorityClass") => storage::priority_class,
        ("storage.k8s.io", "StorageClass") => storage::storage_class,
        _ => return None,
    })
}
