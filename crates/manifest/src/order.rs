//! The orders in which objects are printed, applied and deleted.

use crate::Object;
use std::cmp::Ordering;

/// Kinds Flux applies before all others, first to last (fluxcd/pkg `ssa`).
const APPLY_FIRST: [&str; 23] = [
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that act on what is applied after them; they come last in Flux and in kustomize.
const WEBHOOKS: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Kinds that kustomize's legacy order puts last, in this order.
pub const LEGACY_LAST: [&str; 2] = WEBHOOKS;

/// Kinds that kustomize's legacy order puts first, in this order.
pub const LEGACY_FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// The order Helm installs kinds in (`InstallOrder`). It uninstalls them in
/// [`HELM_UNINSTALL`]'s, which is nearly but not exactly the reverse.
const HELM_INSTALL: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// The order Helm uninstalls kinds in (`UninstallOrder`).
const HELM_UNINSTALL: [&str; 38] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "Ingress",
    "IngressClass",
    "Service",
    "CronJob",
    "Job",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    "DaemonSet",
    "RoleBindingList",
    "RoleBinding",
    "RoleList",
    "Role",
    "ClusterRoleBindingList",
    "ClusterRoleBinding",
    "ClusterRoleList",
    "ClusterRole",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ConfigMap",
    "SecretList",
    "Secret",
    "ServiceAccount",
    "PodDisruptionBudget",
    "PodSecurityPolicy",
    "LimitRange",
    "ResourceQuota",
    "NetworkPolicy",
    "Namespace",
    "PriorityClass",
];

/// Sorts into the order Flux applies objects in: definitions, namespaces and rights first,
/// webhooks last, ties by group, kind, namespace and name.
pub fn apply(objects: &mut [Object]) {
    objects
        .sort_by_cached_key(|object| (rank(object.kind(), &APPLY_FIRST, &WEBHOOKS), object.id()));
}

/// Sorts into the order Flux deletes objects in, the reverse of [`apply`].
pub fn delete(objects: &mut [Object]) {
    apply(objects);
    objects.reverse();
}

/// Sorts into the order Helm installs objects in; kinds it does not know come last, by name of the
/// kind, and objects of the same kind keep their order.
pub fn helm_install(objects: &mut [Object]) {
    objects.sort_by(|a, b| helm_install_kinds(a.kind(), b.kind()));
}

/// Sorts into the order Helm uninstalls objects in, unknown kinds again last.
pub fn helm_uninstall(objects: &mut [Object]) {
    objects.sort_by(|a, b| helm_uninstall_kinds(a.kind(), b.kind()));
}

/// Compares two kinds by Helm's order of installation.
pub fn helm_install_kinds(a: &str, b: &str) -> Ordering {
    helm_kinds(a, b, &HELM_INSTALL)
}

/// Compares two kinds by Helm's order of uninstallation.
pub fn helm_uninstall_kinds(a: &str, b: &str) -> Ordering {
    helm_kinds(a, b, &HELM_UNINSTALL)
}

fn helm_kinds(a: &str, b: &str, order: &[&str]) -> Ordering {
    let place = |kind: &str| order.iter().position(|known| *known == kind);
    match (place(a), place(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// Sorts into kustomize's legacy order.
pub fn legacy(objects: &mut [Object]) {
    legacy_with(objects, &LEGACY_FIRST, &LEGACY_LAST);
}

/// Sorts by kustomize's legacy rules with lists of one's own: kinds named in `first` at the start,
/// kinds in `last` at the end, ties by group, version and kind (an absent group sorts last, but
/// first among namespaces), then namespace and name.
pub fn legacy_with(objects: &mut [Object], first: &[&str], last: &[&str]) {
    objects.sort_by_cached_key(|object| LegacyKey {
        rank: rank(object.kind(), first, last),
        core_namespace: object.kind() == "Namespace" && object.group().is_empty(),
        gvk: [or(object.group(), "~G"), or(object.version(), "~V"), object.kind()].join("_"),
        place: [or(object.namespace().unwrap_or_default(), "~X"), or(object.name(), "~N")]
            .join("|"),
    });
}

#[derive(PartialEq, Eq)]
struct LegacyKey {
    rank: i64,
    core_namespace: bool,
    gvk: String,
    place: String,
}

impl Ord for LegacyKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank
            .cmp(&other.rank)
            .then_with(|| other.core_namespace.cmp(&self.core_namespace))
            .then_with(|| self.gvk.cmp(&other.gvk))
            .then_with(|| self.place.cmp(&other.place))
    }
}

impl PartialOrd for LegacyKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn or<'a>(text: &'a str, absent: &'a str) -> &'a str {
    if text.is_empty() { absent } else { text }
}

/// Negative for kinds named first, 0 for the many, positive for kinds named last.
fn rank(kind: &str, first: &[&str], last: &[&str]) -> i64 {
    let place = |list: &[&str]| {
        list.iter().position(|known| *known == kind).and_then(|place| i64::try_from(place).ok())
    };
    match (place(first), place(last)) {
        (_, Some(place)) => place + 1,
        (Some(place), None) => place - i64::try_from(first.len()).unwrap_or(i64::MAX),
        (None, None) => 0,
    }
}
