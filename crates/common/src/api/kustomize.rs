//! `kustomize.toolkit.fluxcd.io`: Kustomization.

use std::{collections::BTreeMap, time::Duration};

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    duration::DurationError,
    meta::{
        CommonMetadata, Condition, CustomHealthCheck, DependencyReference, Elapsed, IgnoreRule,
        ImageOverride, Interval, Json6902Patch, KubeConfigReference, LocalObjectReference,
        NamespacedObjectKindReference, Patch, ResourceInventory, any_values, is_false,
    },
    object::{object, status},
};
use crate::time::Time;

/// What is taken off the interval to get the timeout, and the shortest timeout made that way.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(30);

/// The desired state of a Kustomization.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kustomize.toolkit.fluxcd.io",
    version = "v1",
    kind = "Kustomization",
    plural = "kustomizations",
    namespaced,
    status = "KustomizationStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of the API")]
#[serde(rename_all = "camelCase")]
pub struct KustomizationSpec {
    /// What kustomize notes in annotations of the built objects: where an object came from, or
    /// which transformers changed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_metadata: Vec<BuildMetadata>,
    /// Labels and annotations to put on every object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// Paths of kustomize components inside the source, added to the build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// How to decrypt Secrets and files of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decryption: Option<Decryption>,
    /// What happens to the applied objects when the Kustomization is deleted. Defaults to
    /// MirrorPrune.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Kustomizations that must be ready before this one is reconciled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<DependencyReference>,
    /// Delete and create an object anew when an immutable field changes.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(extend("default" = false))]
    pub force: bool,
    /// CEL expressions that tell the health of custom resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_check_exprs: Vec<CustomHealthCheck>,
    /// Objects whose health decides about Ready. Not used when `wait` is set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_checks: Vec<NamespacedObjectKindReference>,
    /// Fields of objects that are neither applied nor corrected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<IgnoreRule>,
    /// Leave out components that the source does not have, instead of failing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ignore_missing_components: bool,
    /// Replacements for names, tags and digests of container images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageOverride>,
    /// How often to reconcile and to correct drift.
    pub interval: Interval,
    /// The remote cluster to apply to. Together with `serviceAccountName`, that account of the
    /// remote cluster is impersonated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kube_config: Option<KubeConfigReference>,
    /// Prefix for the names of all objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub name_prefix: Option<String>,
    /// Suffix for the names of all objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub name_suffix: Option<String>,
    /// Strategic-merge and JSON 6902 patches, applied in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// Deprecated: use `patches`. JSON 6902 patches in the form of v1beta2; they are applied
    /// after `patchesStrategicMerge` and before `patches`.
    #[serde(default, rename = "patchesJson6902", skip_serializing_if = "Vec::is_empty")]
    pub patches_json6902: Vec<Json6902Patch>,
    /// Deprecated: use `patches`. Strategic-merge patches in the form of v1beta2; they are
    /// applied first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "any_values")]
    pub patches_strategic_merge: Vec<Value>,
    /// Directory in the source to build. Defaults to its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What to do with the manifests after the build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_build: Option<PostBuild>,
    /// Whether to delete objects that were applied before and are no longer in the source.
    pub prune: bool,
    /// How long to wait after a failure before the next try. Defaults to the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<Interval>,
    /// ServiceAccount to impersonate when applying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The source of the manifests.
    pub source_ref: CrossNamespaceSourceReference,
    /// Stop reconciling, also after changes, until this is unset. Does not stop a run under way.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Namespace to put all objects in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub target_namespace: Option<String>,
    /// Time for the build, the apply and the health checks. Defaults to the interval less 30
    /// seconds, at least 30 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Interval>,
    /// Deprecated: accepted and without effect. The API server validates every object that is
    /// applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// Check the health of all applied objects. Makes `healthChecks` unnecessary.
    #[serde(default, skip_serializing_if = "is_false")]
    pub wait: bool,
}

impl KustomizationSpec {
    /// How long to wait after a failure: `retryInterval`, else the interval.
    pub fn retry_interval(&self) -> Result<Duration, DurationError> {
        self.retry_interval.as_ref().unwrap_or(&self.interval).get()
    }

    /// The time for build, apply and health checks: `timeout`, else the interval less 30
    /// seconds, at least 30 seconds.
    pub fn timeout(&self) -> Result<Duration, DurationError> {
        match &self.timeout {
            Some(timeout) => timeout.get().map(|timeout| timeout.max(TIMEOUT_MARGIN)),
            None => {
                self.interval.get().map(|i| i.saturating_sub(TIMEOUT_MARGIN).max(TIMEOUT_MARGIN))
            }
        }
    }
}

wire_enum! {
    /// What kustomize notes in annotations.
    pub enum BuildMetadata {
        /// Where each object came from.
        OriginAnnotations = "originAnnotations",
        /// Which transformers changed each object.
        TransformerAnnotations = "transformerAnnotations",
    }
}

wire_enum! {
    /// What happens to the applied objects on deletion.
    pub enum DeletionPolicy {
        /// Delete them if `prune` is set, else leave them.
        MirrorPrune = "MirrorPrune",
        /// Delete them.
        Delete = "Delete",
        /// Delete them and wait until they are gone.
        WaitForTermination = "WaitForTermination",
        /// Leave them.
        Orphan = "Orphan",
    }
}

wire_enum! {
    /// The former choice of validation.
    pub enum Validation {
        /// No validation.
        None = "none",
        /// Validation by the client.
        Client = "client",
        /// Validation by a dry run.
        Server = "server",
    }
}

wire_enum! {
    /// The encryption of files in the source.
    pub enum DecryptionProvider {
        /// SOPS.
        Sops = "sops",
    }
}

/// How to decrypt Secrets and files of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decryption {
    /// The encryption.
    pub provider: DecryptionProvider,
    /// Secret with private keys (OpenPGP, age) or credentials of key services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// ServiceAccount whose identity is used with the key services of a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
}

/// What to do with the manifests after the build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostBuild {
    /// Values for variables, `${name}` in the manifests. They win over those of `substituteFrom`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub substitute: BTreeMap<String, String>,
    /// ConfigMaps and Secrets whose keys are variables. Later ones win.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub substitute_from: Vec<SubstituteReference>,
    /// When to substitute. Defaults to WithVariables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub substitute_strategy: Option<SubstituteStrategy>,
}

wire_enum! {
    /// When to substitute variables.
    pub enum SubstituteStrategy {
        /// Only if there is at least one variable.
        WithVariables = "WithVariables",
        /// Also without any variable, so that defaults inside `${name:=default}` apply.
        Always = "Always",
    }
}

wire_enum! {
    /// The kind of an object with data.
    pub enum DataKind {
        /// A Secret.
        Secret = "Secret",
        /// A ConfigMap.
        ConfigMap = "ConfigMap",
    }
}

/// A ConfigMap or Secret with variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubstituteReference {
    /// Secret or ConfigMap.
    pub kind: DataKind,
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Go on without it if it does not exist.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(extend("default" = false))]
    pub optional: bool,
}

wire_enum! {
    /// The kinds of sources of manifests.
    pub enum SourceKind {
        /// An OCI artifact.
        OCIRepository = "OCIRepository",
        /// A Git repository.
        GitRepository = "GitRepository",
        /// A bucket.
        Bucket = "Bucket",
        /// An artifact that another controller makes.
        ExternalArtifact = "ExternalArtifact",
    }
}

/// The source of the manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrossNamespaceSourceReference {
    /// API version of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the source.
    pub kind: SourceKind,
    /// Name of the source.
    pub name: String,
    /// Namespace of the source. Defaults to that of the Kustomization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// The observed state of a Kustomization.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KustomizationStatus {
    /// The conditions of the Kustomization.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The last different sets of objects that were reconciled, newest first, at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Snapshot>,
    /// The objects that were applied and not yet deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<ResourceInventory>,
    /// Origin revision of the last artifact that was applied, such as the commit behind an OCI
    /// artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_origin_revision: Option<String>,
    /// Revision that was last applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,
    /// Revision that was last tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,
    /// The reconcile request (annotation `reconcile.fluxcd.io/requestedAt`) that was last
    /// handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Generation that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// A reconciled set of objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Digest of the set.
    pub digest: String,
    /// When it was first reconciled.
    pub first_reconciled: Time,
    /// When it was last reconciled.
    pub last_reconciled: Time,
    /// How long the last reconciliation took.
    pub last_reconciled_duration: Elapsed,
    /// Reason of the Ready condition after the last reconciliation.
    pub last_reconciled_status: String,
    /// Further data, such as the revision.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// How often it was reconciled.
    pub total_reconciliations: i64,
}

status!(KustomizationStatus);
object!(Kustomization, KustomizationStatus, |spec| suspend: spec.suspend,
interval: spec.interval.get().map(Some), deprecated: {
    "spec.patchesStrategicMerge": !spec.patches_strategic_merge.is_empty(),
    "spec.patchesJson6902": !spec.patches_json6902.is_empty(),
    "spec.validation": spec.validation.is_some(),
});
