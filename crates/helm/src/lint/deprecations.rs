//! Which API versions Kubernetes deprecates and removes, as its types say at 1.37.

use crate::capabilities::KubeVersion;

/// API version, minor versions of deprecation and removal, API version to use instead, kinds.
type Row = (&'static str, u32, u32, &'static str, &'static str);

const ROWS: &[Row] = &[
    (
        "admissionregistration.k8s.io/v1alpha1",
        35,
        38,
        "",
        "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding",
    ),
    (
        "admissionregistration.k8s.io/v1alpha1",
        29,
        32,
        "",
        "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        37,
        40,
        "admissionregistration.k8s.io/v1",
        "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding",
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        16,
        22,
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        31,
        34,
        "",
        "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
    ),
    (
        "apps/v1beta1",
        8,
        16,
        "apps/v1",
        "ControllerRevision Deployment DeploymentRollback StatefulSet",
    ),
    ("apps/v1beta1", 8, 16, "autoscaling/v1", "Scale"),
    (
        "apps/v1beta2",
        9,
        16,
        "apps/v1",
        "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    ),
    ("apps/v1beta2", 9, 16, "autoscaling/v1", "Scale"),
    ("authentication.k8s.io/v1alpha1", 29, 32, "", "SelfSubjectReview"),
    ("authentication.k8s.io/v1beta1", 30, 33, "", "SelfSubjectReview"),
    ("authentication.k8s.io/v1beta1", 19, 22, "authentication.k8s.io/v1", "TokenReview"),
    (
        "authorization.k8s.io/v1beta1",
        19,
        22,
        "authorization.k8s.io/v1",
        "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    ),
    ("batch/v1beta1", 21, 25, "batch/v1", "CronJob"),
    ("certificates.k8s.io/v1alpha1", 34, 37, "", "ClusterTrustBundle"),
    ("certificates.k8s.io/v1beta1", 19, 22, "certificates.k8s.io/v1", "CertificateSigningRequest"),
    (
        "certificates.k8s.io/v1beta1",
        37,
        40,
        "certificates.k8s.io/v1",
        "ClusterTrustBundle PodCertificateRequest",
    ),
    ("coordination.k8s.io/v1alpha2", 35, 38, "", "LeaseCandidate"),
    ("coordination.k8s.io/v1beta1", 19, 22, "coordination.k8s.io/v1", "Lease"),
    ("coordination.k8s.io/v1beta1", 36, 39, "", "LeaseCandidate"),
    ("discovery.k8s.io/v1beta1", 21, 25, "discovery.k8s.io/v1", "EndpointSlice"),
    ("events.k8s.io/v1beta1", 22, 25, "", "Event"),
    ("extensions/v1beta1", 8, 16, "apps/v1", "DaemonSet Deployment ReplicaSet"),
    ("extensions/v1beta1", 8, 16, "", "DeploymentRollback"),
    ("extensions/v1beta1", 14, 22, "networking.k8s.io/v1", "Ingress"),
    ("extensions/v1beta1", 9, 16, "networking.k8s.io/v1", "NetworkPolicy"),
    ("extensions/v1beta1", 2, 16, "", "Scale"),
    (
        "flowcontrol.apiserver.k8s.io/v1beta1",
        23,
        26,
        "flowcontrol.apiserver.k8s.io/v1beta3",
        "FlowSchema PriorityLevelConfiguration",
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1beta2",
        26,
        29,
        "flowcontrol.apiserver.k8s.io/v1beta3",
        "FlowSchema PriorityLevelConfiguration",
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1beta3",
        29,
        32,
        "flowcontrol.apiserver.k8s.io/v1",
        "FlowSchema PriorityLevelConfiguration",
    ),
    ("lifecycle.k8s.io/v1alpha1", 40, 43, "", "Eviction EvictionRequest"),
    ("networking.k8s.io/v1beta1", 34, 37, "", "IPAddress ServiceCIDR"),
    ("networking.k8s.io/v1beta1", 19, 22, "networking.k8s.io/v1", "Ingress IngressClass"),
    ("node.k8s.io/v1beta1", 22, 25, "", "RuntimeClass"),
    ("policy/v1beta1", 22, 25, "", "Eviction"),
    ("policy/v1beta1", 21, 25, "policy/v1", "PodDisruptionBudget"),
    (
        "rbac.authorization.k8s.io/v1beta1",
        17,
        22,
        "rbac.authorization.k8s.io/v1",
        "ClusterRole ClusterRoleBinding Role RoleBinding",
    ),
    ("resource.k8s.io/v1alpha3", 36, 39, "", "DeviceTaintRule"),
    ("resource.k8s.io/v1alpha3", 39, 42, "", "ResourcePoolStatusRequest"),
    (
        "resource.k8s.io/v1beta1",
        35,
        38,
        "",
        "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice",
    ),
    (
        "resource.k8s.io/v1beta2",
        36,
        39,
        "",
        "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice",
    ),
    ("resource.k8s.io/v1beta2", 39, 42, "", "DeviceTaintRule"),
    ("scheduling.k8s.io/v1beta1", 40, 43, "", "PodGroup Workload"),
    ("scheduling.k8s.io/v1beta1", 14, 22, "scheduling.k8s.io/v1", "PriorityClass"),
    ("storage.k8s.io/v1alpha1", 21, 24, "storage.k8s.io/v1beta1", "CSIStorageCapacity"),
    ("storage.k8s.io/v1alpha1", 21, 24, "storage.k8s.io/v1", "VolumeAttachment"),
    ("storage.k8s.io/v1alpha1", 32, 35, "storage.k8s.io/v1", "VolumeAttributesClass"),
    (
        "storage.k8s.io/v1beta1",
        19,
        22,
        "storage.k8s.io/v1",
        "CSIDriver StorageClass VolumeAttachment",
    ),
    ("storage.k8s.io/v1beta1", 17, 22, "storage.k8s.io/v1", "CSINode"),
    ("storage.k8s.io/v1beta1", 24, 27, "storage.k8s.io/v1", "CSIStorageCapacity"),
    ("storage.k8s.io/v1beta1", 34, 37, "storage.k8s.io/v1", "VolumeAttributesClass"),
    (
        "storagemigration.k8s.io/v1beta1",
        37,
        40,
        "storagemigration.k8s.io/v1",
        "StorageVersionMigration",
    ),
];

/// What to use instead where it is another kind.
const OTHER_KIND: &[(&str, &str, &str)] = &[
    ("discovery.k8s.io/v1beta1", "EndpointSliceList", "EndpointSlice"),
    ("networking.k8s.io/v1beta1", "IngressClass", "IngressClassList"),
    ("storage.k8s.io/v1beta1", "CSINodeList", "CSINode"),
];

/// What is deprecated and will stay: kind of `v1`, minor version of deprecation, what to use instead.
const KEPT: &[(&str, u32, &str)] = &[
    ("ComponentStatus", 19, ""),
    ("ComponentStatusList", 19, ""),
    ("Endpoints", 33, "; use discovery.k8s.io/v1 EndpointSlice"),
    ("EndpointsList", 33, "; use discovery.k8s.io/v1 EndpointSliceList"),
];

/// Whether an object's version is not deprecated in this Kubernetes.
pub(super) fn check(api_version: &str, kind: &str, kubernetes: &KubeVersion) -> Result<(), String> {
    let number = |text: &str| text.parse::<u32>().ok();
    let (Some(major), Some(minor)) = (number(&kubernetes.major), number(&kubernetes.minor)) else {
        return Ok(());
    };
    match deprecation(api_version, kind) {
        Some((since, more)) if (major, minor) >= (1, since) => {
            Err(format!("{api_version} {kind} is deprecated in v1.{since}+{more}"))
        }
        _ => Ok(()),
    }
}

/// The minor version since which an object's version is deprecated, and what else there is to say of it.
fn deprecation(api_version: &str, kind: &str) -> Option<(u32, String)> {
    if api_version == "v1" {
        let (_, since, instead) = KEPT.iter().find(|(kept, ..)| *kept == kind)?;
        return Some((*since, (*instead).to_owned()));
    }
    let single = kind.strip_suffix("List").unwrap_or(kind);
    let (_, since, removed, replacement, _) = ROWS.iter().find(|(version, .., kinds)| {
        *version == api_version && kinds.split(' ').any(|it| it == single)
    })?;
    let other = OTHER_KIND.iter().find(|(version, it, _)| *version == api_version && *it == kind);
    let instead = if replacement.is_empty() {
        String::new()
    } else {
        format!("; use {replacement} {}", other.map_or(kind, |(.., kind)| *kind))
    };
    Some((*since, format!(", unavailable in v1.{removed}+{instead}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deprecations_are_worded_as_kubernetes_words_them() {
        let said = |version: &str, object: (&str, &str)| {
            let kubernetes = KubeVersion::parse(version).unwrap();
            check(object.0, object.1, &kubernetes).err().unwrap_or_default()
        };
        let endpoints = ("v1", "Endpoints");
        assert_eq!(said("v1.32.0", endpoints), "");
        let expected =
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
        assert_eq!(said("v1.33.0", endpoints), expected);
        let expected = "v1 ComponentStatusList is deprecated in v1.19+";
        assert_eq!(said("v1.33.0", ("v1", "ComponentStatusList")), expected);
        let expected = "policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; use policy/v1 PodDisruptionBudget";
        assert_eq!(said("v1.33.0", ("policy/v1beta1", "PodDisruptionBudget")), expected);
        assert_eq!(said("v1.33.0", ("v1", "Pod")), "");
    }
}
