//! Columns of the built-in kinds, as the real server's printers give them.

mod network;
mod pod;
mod policy;
mod storage;
mod text;
mod workload;

use jiff::Timestamp;
use serde_json::Value;

use super::Column;
use crate::object;
use crate::registry::Resource;

use text::{age, at};
pub(super) use text::{age_of, plain};

/// The description every Name column has.
pub(super) const NAME_DESCRIPTION: &str = "Name must be unique within a namespace. Is required when creating resources, \
    although some resources may allow a client to request the generation of an appropriate name automatically. Name is \
    primarily intended for creation idempotence and configuration definition. Cannot be updated.";

/// How the cells of a kind are made, after its name.
type Cells = fn(&Value, Timestamp) -> Vec<Value>;

/// A kind's columns after Name, and its cells after the name.
struct Layout {
    group: &'static str,
    kind: &'static str,
    /// `#` marks integers, `?` booleans; `+` is for columns of `-o wide`; `_` stands for a space.
    columns: &'static str,
    cells: Cells,
}

const fn layout(
    group: &'static str,
    kind: &'static str,
    columns: &'static str,
    cells: Cells,
) -> Layout {
    Layout { group, kind, columns, cells }
}

const APPS: &str = "apps";
const ADMISSION: &str = "admissionregistration.k8s.io";
const NETWORKING: &str = "networking.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";

/// Column names and priorities: `pkg/printers/internalversion` of Kubernetes 1.37.
const LAYOUTS: &[Layout] = &[
    layout(
        "",
        "Pod",
        "Ready Status Restarts Age IP+ Node+ Nominated_Node+ Readiness_Gates+",
        pod::cells,
    ),
    layout("", "PodTemplate", "Containers Images Pod_Labels", workload::pod_template),
    layout(
        "",
        "ReplicationController",
        "#Desired #Current #Ready Age Containers+ Images+ Selector+",
        workload::replica_set,
    ),
    layout("", "Service", "Type Cluster-IP External-IP Port(s) Age Selector+", network::service),
    layout("", "Endpoints", "Endpoints Age", network::endpoints),
    layout(
        "",
        "Node",
        "Status Roles Age Version Internal-IP+ External-IP+ OS-Image+ Kernel-Version+ Container-Runtime+",
        policy::node,
    ),
    layout("", "Namespace", "Status Age", |o, now| {
        vec![at(o, "/status/phase").into(), age(o, now)]
    }),
    layout("", "Secret", "Type Data Age", |o, now| {
        vec![at(o, "/type").into(), text::entries(o, &["data"]), age(o, now)]
    }),
    layout("", "ConfigMap", "Data Age", |o, now| {
        vec![text::entries(o, &["data", "binaryData"]), age(o, now)]
    }),
    layout("", "ServiceAccount", "Age", |o, now| vec![age(o, now)]),
    layout(
        "",
        "PersistentVolume",
        "Capacity Access_Modes Reclaim_Policy Status Claim StorageClass VolumeAttributesClass Reason Age VolumeMode+",
        storage::volume,
    ),
    layout(
        "",
        "PersistentVolumeClaim",
        "Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age VolumeMode+",
        storage::claim,
    ),
    layout("", "ComponentStatus", "Status Message Error", policy::component),
    layout("", "ResourceQuota", "Request Limit Age", policy::quota),
    layout(
        APPS,
        "Deployment",
        "Ready Up-to-date Available Age Containers+ Images+ Selector+",
        workload::deployment,
    ),
    layout(
        APPS,
        "ReplicaSet",
        "#Desired #Current #Ready Age Containers+ Images+ Selector+",
        workload::replica_set,
    ),
    layout(APPS, "StatefulSet", "Ready Age Containers+ Images+", workload::stateful_set),
    layout(
        APPS,
        "DaemonSet",
        "#Desired #Current #Ready #Up-to-date #Available Node_Selector Age Containers+ Images+ Selector+",
        workload::daemon_set,
    ),
    layout(APPS, "ControllerRevision", "Controller Revision Age", workload::revision),
    layout(
        "batch",
        "Job",
        "Status Completions Duration Age Containers+ Images+ Selector+",
        workload::job,
    ),
    layout(
        "batch",
        "CronJob",
        "Schedule Timezone ?Suspend #Active Last_Schedule Age Containers+ Images+ Selector+",
        workload::cron_job,
    ),
    layout(
        "autoscaling",
        "HorizontalPodAutoscaler",
        "Reference Targets MinPods MaxPods Replicas Age",
        workload::autoscaler,
    ),
    layout(
        "policy",
        "PodDisruptionBudget",
        "Min_Available Max_Unavailable #Allowed_Disruptions Age",
        policy::budget,
    ),
    layout(NETWORKING, "Ingress", "Class Hosts Address Ports Age", network::ingress),
    layout(NETWORKING, "IngressClass", "Controller Parameters Age", network::ingress_class),
    layout(NETWORKING, "NetworkPolicy", "Pod-Selector Age", |o, now| {
        vec![text::selector(o.pointer("/spec/podSelector")), age(o, now)]
    }),
    layout(
        "discovery.k8s.io",
        "EndpointSlice",
        "AddressType Ports Endpoints Age",
        network::endpoint_slice,
    ),
    layout("coordination.k8s.io", "Lease", "Holder Age", |o, now| {
        vec![at(o, "/spec/holderIdentity").into(), age(o, now)]
    }),
    layout(RBAC, "RoleBinding", "Role Age Users+ Groups+ ServiceAccounts+", policy::binding),
    layout(RBAC, "ClusterRoleBinding", "Role Age Users+ Groups+ ServiceAccounts+", policy::binding),
    layout(
        STORAGE,
        "StorageClass",
        "Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age",
        storage::class,
    ),
    layout(
        STORAGE,
        "CSIDriver",
        "?AttachRequired ?PodInfoOnMount ?StorageCapacity Age",
        storage::driver,
    ),
    layout(STORAGE, "VolumeAttachment", "Attacher PV Node ?Attached Age", storage::attachment),
    layout(
        "scheduling.k8s.io",
        "PriorityClass",
        "#Value ?Global-Default Age PreemptionPolicy",
        policy::priority_class,
    ),
    layout("node.k8s.io", "RuntimeClass", "Handler Age", |o, now| {
        vec![at(o, "/handler").into(), age(o, now)]
    }),
    layout(ADMISSION, "MutatingWebhookConfiguration", "#Webhooks Age", |o, now| {
        vec![text::length(o, "/webhooks"), age(o, now)]
    }),
    layout(ADMISSION, "ValidatingWebhookConfiguration", "#Webhooks Age", |o, now| {
        vec![text::length(o, "/webhooks"), age(o, now)]
    }),
    layout(
        ADMISSION,
        "ValidatingAdmissionPolicy",
        "#Validations ParamKind Age",
        policy::admission_policy,
    ),
    layout(
        ADMISSION,
        "ValidatingAdmissionPolicyBinding",
        "PolicyName ParamRef Age",
        policy::admission_binding,
    ),
    layout(
        "certificates.k8s.io",
        "CertificateSigningRequest",
        "Age SignerName Requestor RequestedDuration Condition",
        policy::signing_request,
    ),
    layout("apiregistration.k8s.io", "APIService", "Service Available Age", policy::api_service),
];

/// Events have no Name column first.
const EVENT: &str =
    "Last_Seen Type Reason Object Subobject+ Source+ Message First_Seen+ Count+ Name+";

/// Kinds without a printer of their own get this.
const PLAIN: &str = "Created_At";

fn find(resource: &Resource) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|l| resource.is(l.group, l.kind))
}

/// The columns of a kind.
pub(super) fn of(resource: &Resource) -> Vec<Column> {
    if resource.kind == "Event" {
        return EVENT.split(' ').map(column).collect();
    }
    let rest = find(resource).map_or(PLAIN, |l| l.columns);
    std::iter::once("Name").chain(rest.split(' ')).map(column).collect()
}

/// The cells of one object, in the order of the columns.
pub(super) fn cells(resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
    if resource.kind == "Event" {
        return policy::event(object, now);
    }
    let mut cells = vec![object::name(object).into()];
    match find(resource) {
        Some(layout) => cells.extend((layout.cells)(object, now)),
        None => cells.push(at(object, "/metadata/creationTimestamp").into()),
    }
    cells
}

fn column(spec: &str) -> Column {
    let (spec, kind) = match (spec.strip_prefix('#'), spec.strip_prefix('?')) {
        (Some(rest), _) => (rest, "integer"),
        (_, Some(rest)) => (rest, "boolean"),
        _ => (spec, if spec == PLAIN { "date" } else { "string" }),
    };
    let (spec, priority) = spec.strip_suffix('+').map_or((spec, 0), |rest| (rest, 1));
    let name = spec.replace('_', " ");
    let is_name = name == "Name";
    Column {
        format: if is_name { "name".to_owned() } else { String::new() },
        description: if is_name { NAME_DESCRIPTION.to_owned() } else { String::new() },
        kind: kind.to_owned(),
        name,
        priority,
    }
}
