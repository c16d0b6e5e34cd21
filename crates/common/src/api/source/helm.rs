//! HelmRepository and HelmChart.

use std::time::Duration;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    DEFAULT_HELM_REPOSITORY_INTERVAL, DEFAULT_TIMEOUT,
    oci::{OidcIdentity, RegistryProvider, VerificationProvider},
};
use crate::api::{
    meta::{
        AccessFrom, Artifact, Condition, DurationError, Interval, LocalObjectReference, Timeout,
        is_false,
    },
    object::{object, status},
};

/// The desired state of a HelmRepository.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "source.toolkit.fluxcd.io",
    version = "v1",
    kind = "HelmRepository",
    plural = "helmrepositories",
    namespaced,
    status = "HelmRepositoryStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct HelmRepositorySpec {
    /// Which namespaces may refer to the repository. Declared only: access is governed by flags
    /// of the controllers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_from: Option<AccessFrom>,
    /// Secret with TLS data: `ca.crt`, `tls.crt`, `tls.key`. Wins over such keys in `secretRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// Speak to the registry without TLS. Only for the type oci.
    #[serde(default, skip_serializing_if = "is_false")]
    pub insecure: bool,
    /// How often to fetch the index. Defaults to one minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Send the credentials to other hosts too, if the index refers to charts there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pass_credentials: bool,
    /// Where credentials come from other than a Secret: the identity in a cloud. Only for the
    /// type oci.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "generic"))]
    pub provider: Option<RegistryProvider>,
    /// Secret with credentials: `username` and `password`, or for the type oci also of type
    /// `kubernetes.io/dockerconfigjson`. TLS keys in it are deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// Stop fetching, also after changes, until this is unset.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Time for fetching the index, or for one operation on the registry. Defaults to one minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    /// Whether this is a repository with an index (default) or a place in a registry (oci).
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<HelmRepositoryType>,
    /// Address of the repository: the part before `index.yaml`, or `oci://<host>/<path>` without
    /// the name of a chart.
    #[schemars(regex(pattern = r"^(http|https|oci)://.*$"))]
    pub url: String,
}

impl HelmRepositorySpec {
    /// How often to fetch the index, one minute if the spec has none.
    pub fn interval(&self) -> Result<Duration, DurationError> {
        self.interval.as_ref().map_or(Ok(DEFAULT_HELM_REPOSITORY_INTERVAL), Interval::get)
    }

    /// The time for fetching, one minute if the spec has none.
    pub fn timeout(&self) -> Result<Duration, DurationError> {
        self.timeout.as_ref().map_or(Ok(DEFAULT_TIMEOUT), Timeout::get)
    }

    /// Whether the repository is a place in a registry, which is never fetched by itself.
    pub fn is_oci(&self) -> bool {
        self.type_ == Some(HelmRepositoryType::Oci)
    }
}

wire_enum! {
    /// A kind of chart repository.
    pub enum HelmRepositoryType {
        /// One with an `index.yaml`, over HTTP.
        Default = "default",
        /// A place in a registry.
        Oci = "oci",
    }
}

/// The observed state of a HelmRepository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmRepositoryStatus {
    /// The index of the last fetch that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The conditions of the HelmRepository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The reconcile request (annotation `reconcile.fluxcd.io/requestedAt`) that was last
    /// handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Generation that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Address of the artifact, kept for older clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

status!(HelmRepositoryStatus);
object!(HelmRepository, HelmRepositoryStatus, |spec| suspend: spec.suspend,
    interval: spec.interval().map(Some));

/// The desired state of a HelmChart.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "source.toolkit.fluxcd.io",
    version = "v1",
    kind = "HelmChart",
    plural = "helmcharts",
    namespaced,
    status = "HelmChartStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.verify) || self.sourceRef.kind == 'HelmRepository'",
    "message": "spec.verify is only supported when spec.sourceRef.kind is 'HelmRepository'",
}]))]
pub struct HelmChartSpec {
    /// Deprecated: accepted and without effect. Access across namespaces is governed by flags of
    /// the controllers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_from: Option<AccessFrom>,
    /// Name of the chart in a HelmRepository, or path of the chart in a GitRepository or Bucket.
    pub chart: String,
    /// Leave out files of `valuesFiles` that do not exist, instead of failing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ignore_missing_values_files: bool,
    /// How often to look for a new version.
    pub interval: Interval,
    /// What makes a new artifact: a new version of the chart, or a new revision of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "ChartVersion"))]
    pub reconcile_strategy: Option<ReconcileStrategy>,
    /// Where the chart comes from.
    pub source_ref: LocalHelmChartSourceReference,
    /// Stop fetching, also after changes, until this is unset.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Deprecated: use `valuesFiles`. One more values file, merged before those of `valuesFiles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_file: Option<String>,
    /// Values files to merge in order, later ones win; the result takes the place of the chart's
    /// `values.yaml`. Paths are relative to the chart, or for a GitRepository or Bucket to the
    /// root of the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_files: Vec<String>,
    /// How to verify the signature of the chart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<HelmChartVerification>,
    /// Version or range of versions to take from a HelmRepository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "*"))]
    pub version: Option<String>,
}

impl HelmChartSpec {
    /// The values files in the order of merging, the deprecated `valuesFile` first.
    pub fn values_files(&self) -> impl Iterator<Item = &str> {
        let first = self.values_file.as_deref().filter(|file| !file.is_empty());
        first.into_iter().chain(self.values_files.iter().map(String::as_str))
    }
}

wire_enum! {
    /// What makes a new chart artifact.
    pub enum ReconcileStrategy {
        /// A new version of the chart.
        ChartVersion = "ChartVersion",
        /// A new revision of the source.
        Revision = "Revision",
    }
}

wire_enum! {
    /// The kinds of sources of charts.
    pub enum ChartSourceKind {
        /// A chart repository.
        HelmRepository = "HelmRepository",
        /// A Git repository.
        GitRepository = "GitRepository",
        /// A bucket.
        Bucket = "Bucket",
    }
}

/// Where a chart comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalHelmChartSourceReference {
    /// API version of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the source.
    pub kind: ChartSourceKind,
    /// Name of the source, in the same namespace.
    pub name: String,
}

/// How to verify the signature of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmChartVerification {
    /// Identities of which one must have signed, for signatures without keys.
    #[serde(default, rename = "matchOIDCIdentity", skip_serializing_if = "Vec::is_empty")]
    pub match_oidc_identity: Vec<OidcIdentity>,
    /// The technology of the signature.
    #[schemars(extend("default" = "cosign"))]
    pub provider: VerificationProvider,
    /// Secret with trusted public keys: for cosign in keys that end in `.pub`, for notation
    /// certificates in keys that end in `.pem` or `.crt` and the policy in `trustpolicy.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
}

/// The observed state of a HelmChart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmChartStatus {
    /// The chart of the last fetch that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The conditions of the HelmChart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The reconcile request (annotation `reconcile.fluxcd.io/requestedAt`) that was last
    /// handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Name of the chart that was last resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_chart_name: Option<String>,
    /// Generation that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Revision of the source that the chart was last taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_source_artifact_revision: Option<String>,
    /// The values files that the artifact was made with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed_values_files: Vec<String>,
    /// Address of the artifact, kept for older clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

status!(HelmChartStatus);
object!(HelmChart, HelmChartStatus, |spec| suspend: spec.suspend,
interval: spec.interval.get().map(Some), deprecated: {
    "spec.accessFrom": spec.access_from.is_some(),
    "spec.valuesFile": spec.values_file.is_some(),
});
