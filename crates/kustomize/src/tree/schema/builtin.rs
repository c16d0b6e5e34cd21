//! The built-in types, read once from the table next to the sources.

use super::Schema;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// A type some of whose lists are merged.
#[derive(Debug, Default)]
pub(crate) struct Type {
    fields: BTreeMap<&'static str, Field>,
}

#[derive(Debug)]
struct Field {
    of: Option<&'static str>,
    merge: Option<Vec<String>>,
}

#[derive(Debug, Default)]
struct Table {
    kinds: HashMap<(&'static str, &'static str), Option<&'static str>>,
    types: HashMap<&'static str, Type>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("../../data/schema.txt")));

fn read(text: &'static str) -> Table {
    let mut table = Table::default();
    let mut current = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let (Some(first), Some(second)) = (words.next(), words.next()) else {
            continue;
        };
        match first {
            "kind"
                if second.starts_with(|c: char| c.is_ascii_lowercase())
                    && line.split(' ').count() == 4 =>
            {
                if let (Some(kind), Some(of)) = (words.next(), words.next()) {
                    table.kinds.insert((second, kind), (of != "-").then_some(of));
                }
            }
            "type" if line.split(' ').count() == 2 && second.contains('.') => {
                current = second;
                table.types.entry(current).or_default();
            }
            field => {
                let merge = words.next().map(|_| words.next().map_or_else(Vec::new, keys));
                let of = (second != "-").then_some(second);
                table.types.entry(current).or_default().fields.insert(field, Field { of, merge });
            }
        }
    }
    table
}

fn keys(list: &str) -> Vec<String> {
    list.split(',').map(str::to_owned).collect()
}

/// The schema of a built-in kind.
pub(super) fn of_kind(api_version: &str, kind: &str) -> Option<Schema> {
    let of = *TABLE.kinds.get(&(api_version, kind))?;
    Some(Schema::Builtin { of: of.and_then(|of| TABLE.types.get(of)), merge: None })
}

/// The schema of a field; `None` if nothing is known that matters.
pub(super) fn field(of: &'static Type, name: &str) -> Option<Schema> {
    let field = of.fields.get(name)?;
    Some(Schema::Builtin {
        of: field.of.and_then(|of| TABLE.types.get(of)),
        merge: field.merge.as_deref(),
    })
}

/// The schema behind a full definition name such as `io.k8s.api.core.v1.Container`.
pub(super) fn definition(name: &str) -> Option<Schema> {
    let short = [
        "io.k8s.apimachinery.pkg.",
        "io.k8s.api.",
        "io.k8s.apiextensions-apiserver.pkg.apis.",
        "io.k8s.kube-aggregator.pkg.apis.",
    ]
    .into_iter()
    .find_map(|prefix| name.strip_prefix(prefix))?;
    Some(Schema::Builtin { of: TABLE.types.get(short), merge: None })
}

/// Kinds known to have no namespace, from kyaml's precomputed table (Kubernetes v1.21 and a few later ones).
const CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"),
    ("apiregistration.k8s.io/v1", "APIService"),
    ("apiregistration.k8s.io/v1beta1", "APIService"),
    ("certificates.k8s.io/v1", "CertificateSigningRequest"),
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "PriorityLevelConfiguration"),
    ("networking.k8s.io/v1", "IngressClass"),
    ("networking.k8s.io/v1beta1", "IngressClass"),
    ("node.k8s.io/v1", "RuntimeClass"),
    ("node.k8s.io/v1beta1", "RuntimeClass"),
    ("policy/v1beta1", "PodSecurityPolicy"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRoleBinding"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("scheduling.k8s.io/v1beta1", "PriorityClass"),
    ("storage.k8s.io/v1", "CSIDriver"),
    ("storage.k8s.io/v1", "CSINode"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("storage.k8s.io/v1", "VolumeAttachment"),
    ("storage.k8s.io/v1beta1", "CSIDriver"),
    ("storage.k8s.io/v1beta1", "CSINode"),
    ("storage.k8s.io/v1beta1", "StorageClass"),
    ("storage.k8s.io/v1beta1", "VolumeAttachment"),
    ("v1", "ComponentStatus"),
    ("v1", "Namespace"),
    ("v1", "Node"),
    ("v1", "NodeProxyOptions"),
    ("v1", "PersistentVolume"),
];

/// Kinds known to have one, from the same table.
const NAMESPACED: &[(&str, &str)] = &[
    ("apps/v1", "ControllerRevision"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("autoscaling/v1", "HorizontalPodAutoscaler"),
    ("autoscaling/v1", "Scale"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("batch/v1beta1", "CronJob"),
    ("coordination.k8s.io/v1", "Lease"),
    ("coordination.k8s.io/v1beta1", "Lease"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("discovery.k8s.io/v1beta1", "EndpointSlice"),
    ("events.k8s.io/v1", "Event"),
    ("events.k8s.io/v1beta1", "Event"),
    ("extensions/v1beta1", "Ingress"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.k8s.io/v1beta1", "Ingress"),
    ("policy/v1", "PodDisruptionBudget"),
    ("policy/v1beta1", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1beta1", "Role"),
    ("rbac.authorization.k8s.io/v1beta1", "RoleBinding"),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity"),
    ("v1", "ConfigMap"),
    ("v1", "Endpoints"),
    ("v1", "Event"),
    ("v1", "LimitRange"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Pod"),
    ("v1", "PodAttachOptions"),
    ("v1", "PodExecOptions"),
    ("v1", "PodPortForwardOptions"),
    ("v1", "PodProxyOptions"),
    ("v1", "PodTemplate"),
    ("v1", "ReplicationController"),
    ("v1", "ResourceQuota"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "ServiceProxyOptions"),
];

/// Whether objects of a built-in kind live in a namespace; `None` if the kind is not known.
pub(crate) fn is_namespaced(api_version: &str, kind: &str) -> Option<bool> {
    static SCOPES: LazyLock<HashMap<(&str, &str), bool>> = LazyLock::new(|| {
        let cluster = CLUSTER_SCOPED.iter().map(|kind| (*kind, false));
        NAMESPACED.iter().map(|kind| (*kind, true)).chain(cluster).collect()
    });
    SCOPES.get(&(api_version, kind)).copied()
}
