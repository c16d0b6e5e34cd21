// Written from api/discovery/ of Kubernetes 1.37 (facts only: names, scopes, verbs); the order of the groups is the real server's.
//! The kinds that a Kubernetes 1.37 server has without any CRD, as one table.

use super::{Builtin, Verbs};

/// Every built-in kind, by group and version in discovery order.
pub(super) const BUILTIN: &[Builtin] = &[
    // v1
    Builtin::new("", "v1", "Binding", "bindings").namespaced().verbs(Verbs::Create),
    Builtin::new("", "v1", "ComponentStatus", "componentstatuses")
        .short(&["cs"])
        .verbs(Verbs::Read),
    Builtin::new("", "v1", "ConfigMap", "configmaps").namespaced().short(&["cm"]),
    Builtin::new("", "v1", "Endpoints", "endpoints").namespaced().short(&["ep"]),
    Builtin::new("", "v1", "Event", "events").namespaced().short(&["ev"]),
    Builtin::new("", "v1", "LimitRange", "limitranges").namespaced().short(&["limits"]),
    Builtin::new("", "v1", "Namespace", "namespaces")
        .short(&["ns"])
        .subresources(&["finalize", "status"]),
    Builtin::new("", "v1", "Node", "nodes").short(&["no"]).subresources(&["status"]),
    Builtin::new("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
        .namespaced()
        .short(&["pvc"])
        .subresources(&["status"]),
    Builtin::new("", "v1", "PersistentVolume", "persistentvolumes")
        .short(&["pv"])
        .subresources(&["status"]),
    Builtin::new("", "v1", "Pod", "pods")
        .namespaced()
        .short(&["po"])
        .categories(&["all"])
        .subresources(&["binding", "ephemeralcontainers", "eviction", "log", "resize", "status"]),
    Builtin::new("", "v1", "PodTemplate", "podtemplates").namespaced(),
    Builtin::new("", "v1", "ReplicationController", "replicationcontrollers")
        .namespaced()
        .short(&["rc"])
        .categories(&["all"])
        .subresources(&["scale", "status"]),
    Builtin::new("", "v1", "ResourceQuota", "resourcequotas")
        .namespaced()
        .short(&["quota"])
        .subresources(&["status"]),
    Builtin::new("", "v1", "Secret", "secrets").namespaced(),
    Builtin::new("", "v1", "ServiceAccount", "serviceaccounts")
        .namespaced()
        .short(&["sa"])
        .subresources(&["token"]),
    Builtin::new("", "v1", "Service", "services")
        .namespaced()
        .short(&["svc"])
        .categories(&["all"])
        .subresources(&["status"]),
    // apiregistration.k8s.io/v1
    Builtin::new("apiregistration.k8s.io", "v1", "APIService", "apiservices")
        .categories(&["api-extensions"])
        .subresources(&["status"]),
    // apps/v1
    Builtin::new("apps", "v1", "ControllerRevision", "controllerrevisions").namespaced(),
    Builtin::new("apps", "v1", "DaemonSet", "daemonsets")
        .namespaced()
        .short(&["ds"])
        .categories(&["all"])
        .subresources(&["status"]),
    Builtin::new("apps", "v1", "Deployment", "deployments")
        .namespaced()
        .short(&["deploy"])
        .categories(&["all"])
        .subresources(&["scale", "status"]),
    Builtin::new("apps", "v1", "ReplicaSet", "replicasets")
        .namespaced()
        .short(&["rs"])
        .categories(&["all"])
        .subresources(&["scale", "status"]),
    Builtin::new("apps", "v1", "StatefulSet", "statefulsets")
        .namespaced()
        .short(&["sts"])
        .categories(&["all"])
        .subresources(&["scale", "status"]),
    // events.k8s.io/v1
    Builtin::new("events.k8s.io", "v1", "Event", "events").namespaced().short(&["ev"]),
    // authentication.k8s.io/v1
    Builtin::new("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews")
        .verbs(Verbs::Create),
    Builtin::new("authentication.k8s.io", "v1", "TokenReview", "tokenreviews").verbs(Verbs::Create),
    // authorization.k8s.io/v1
    Builtin::new(
        "authorization.k8s.io",
        "v1",
        "LocalSubjectAccessReview",
        "localsubjectaccessreviews",
    )
    .namespaced()
    .verbs(Verbs::Create),
    Builtin::new(
        "authorization.k8s.io",
        "v1",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
    )
    .verbs(Verbs::Create),
    Builtin::new("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews")
        .verbs(Verbs::Create),
    Builtin::new("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews")
        .verbs(Verbs::Create),
    // autoscaling/v2
    Builtin::new("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
        .namespaced()
        .short(&["hpa"])
        .categories(&["all"])
        .subresources(&["status"]),
    // autoscaling/v1
    Builtin::new("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
        .namespaced()
        .short(&["hpa"])
        .categories(&["all"])
        .subresources(&["status"]),
    // batch/v1
    Builtin::new("batch", "v1", "CronJob", "cronjobs")
        .namespaced()
        .short(&["cj"])
        .categories(&["all"])
        .subresources(&["status"]),
    Builtin::new("batch", "v1", "Job", "jobs")
        .namespaced()
        .categories(&["all"])
        .subresources(&["status"]),
    // certificates.k8s.io/v1
    Builtin::new(
        "certificates.k8s.io",
        "v1",
        "CertificateSigningRequest",
        "certificatesigningrequests",
    )
    .short(&["csr"])
    .subresources(&["approval", "status"]),
    Builtin::new("certificates.k8s.io", "v1", "ClusterTrustBundle", "clustertrustbundles"),
    Builtin::new("certificates.k8s.io", "v1", "PodCertificateRequest", "podcertificaterequests")
        .namespaced()
        .subresources(&["status"]),
    // networking.k8s.io/v1
    Builtin::new("networking.k8s.io", "v1", "IngressClass", "ingressclasses"),
    Builtin::new("networking.k8s.io", "v1", "Ingress", "ingresses")
        .namespaced()
        .short(&["ing"])
        .subresources(&["status"]),
    Builtin::new("networking.k8s.io", "v1", "IPAddress", "ipaddresses").short(&["ip"]),
    Builtin::new("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
        .namespaced()
        .short(&["netpol"]),
    Builtin::new("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs")
        .subresources(&["status"]),
    // policy/v1
    Builtin::new("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
        .namespaced()
        .short(&["pdb"])
        .subresources(&["status"]),
    // rbac.authorization.k8s.io/v1
    Builtin::new("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings"),
    Builtin::new("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles"),
    Builtin::new("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings").namespaced(),
    Builtin::new("rbac.authorization.k8s.io", "v1", "Role", "roles").namespaced(),
    // storage.k8s.io/v1
    Builtin::new("storage.k8s.io", "v1", "CSIDriver", "csidrivers"),
    Builtin::new("storage.k8s.io", "v1", "CSINode", "csinodes").subresources(&["status"]),
    Builtin::new("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities").namespaced(),
    Builtin::new("storage.k8s.io", "v1", "StorageClass", "storageclasses").short(&["sc"]),
    Builtin::new("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments")
        .subresources(&["status"]),
    Builtin::new("storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses")
        .short(&["vac"]),
    // admissionregistration.k8s.io/v1
    Builtin::new(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingAdmissionPolicy",
        "mutatingadmissionpolicies",
    )
    .categories(&["api-extensions"]),
    Builtin::new(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingAdmissionPolicyBinding",
        "mutatingadmissionpolicybindings",
    )
    .categories(&["api-extensions"]),
    Builtin::new(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
    )
    .categories(&["api-extensions"]),
    Builtin::new(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
    )
    .categories(&["api-extensions"])
    .subresources(&["status"]),
    Builtin::new(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
    )
    .categories(&["api-extensions"]),
    Builtin::new(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
    )
    .categories(&["api-extensions"]),
    // apiextensions.k8s.io/v1
    Builtin::new(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
    )
    .short(&["crd", "crds"])
    .categories(&["api-extensions"])
    .subresources(&["status"]),
    // scheduling.k8s.io/v1
    Builtin::new("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses").short(&["pc"]),
    // coordination.k8s.io/v1
    Builtin::new("coordination.k8s.io", "v1", "Lease", "leases").namespaced(),
    // node.k8s.io/v1
    Builtin::new("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses"),
    // discovery.k8s.io/v1
    Builtin::new("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices").namespaced(),
    // resource.k8s.io/v1
    Builtin::new("resource.k8s.io", "v1", "DeviceClass", "deviceclasses"),
    Builtin::new("resource.k8s.io", "v1", "DeviceTaintRule", "devicetaintrules")
        .subresources(&["status"]),
    Builtin::new("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims")
        .namespaced()
        .subresources(&["status"]),
    Builtin::new("resource.k8s.io", "v1", "ResourceClaimTemplate", "resourceclaimtemplates")
        .namespaced(),
    Builtin::new("resource.k8s.io", "v1", "ResourceSlice", "resourceslices"),
    // flowcontrol.apiserver.k8s.io/v1
    Builtin::new("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "flowschemas")
        .subresources(&["status"]),
    Builtin::new(
        "flowcontrol.apiserver.k8s.io",
        "v1",
        "PriorityLevelConfiguration",
        "prioritylevelconfigurations",
    )
    .subresources(&["status"]),
    // storagemigration.k8s.io/v1
    Builtin::new(
        "storagemigration.k8s.io",
        "v1",
        "StorageVersionMigration",
        "storageversionmigrations",
    )
    .subresources(&["status"]),
];
