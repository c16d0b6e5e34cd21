//! `helm.toolkit.fluxcd.io`: HelmRelease.

use std::time::Duration;

use kube::{CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    actions::{
        ActionStrategy, ActionStrategyName, ChartNameChangeStrategy, CrdsPolicy,
        DeletionPropagation, Filter, Install, InstallRemediation, RemediationStrategy, Rollback,
        ServerSideApplyMode, Test, Uninstall, Upgrade, UpgradeRemediation,
    },
    chart::{
        ChartReference, ChartReferenceKind, HelmChartTemplate, HelmChartTemplateMetadata,
        HelmChartTemplateSourceReference, HelmChartTemplateSpec, HelmChartTemplateVerification,
    },
    status::{HelmReleaseStatus, ReleaseAction, Snapshot, TestHookStatus},
};
use super::{
    duration::DurationError,
    kustomize::DataKind,
    meta::{
        CommonMetadata, CustomHealthCheck, DependencyReference, IgnoreRule, ImageOverride,
        Interval, Json6902Patch, KubeConfigReference, Patch, any_value, any_values, is_false,
        plain_integer,
    },
    object::object,
};
use crate::artifact::{Algorithm, Digest};

mod actions;
mod chart;
mod status;

/// The time for one Kubernetes operation of Helm when the spec has none.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(5);

/// How many revisions of a release are kept when the spec does not say.
pub const DEFAULT_MAX_HISTORY: i64 = 5;

/// The longest name of a release, as Helm has it.
pub const MAX_RELEASE_NAME: usize = 53;

/// The desired state of a HelmRelease.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "helm.toolkit.fluxcd.io",
    version = "v2",
    kind = "HelmRelease",
    plural = "helmreleases",
    namespaced,
    status = "HelmReleaseStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))",
    "message": "either chart or chartRef must be set",
}]))]
pub struct HelmReleaseSpec {
    /// The HelmChart to make for this release. Excludes `chartRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<HelmChartTemplate>,
    /// An object whose artifact is the chart. Excludes `chart`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_ref: Option<ChartReference>,
    /// Labels and annotations to put on every object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// HelmReleases that must be ready before this one is reconciled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<DependencyReference>,
    /// What to do about objects in the cluster that differ from the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_detection: Option<DriftDetection>,
    /// CEL expressions that tell the health of custom resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_check_exprs: Vec<CustomHealthCheck>,
    /// How to install.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// How often to reconcile the release.
    pub interval: Interval,
    /// The remote cluster to install into. Together with `serviceAccountName`, that account of
    /// the remote cluster is impersonated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kube_config: Option<KubeConfigReference>,
    /// How many revisions of the release to keep. Zero keeps all of them. Defaults to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "plain_integer")]
    pub max_history: Option<i64>,
    /// Use one client for the whole reconciliation. Switch it off if the chart installs CRDs by
    /// other means than its `crds` directory. Defaults to true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_client: Option<bool>,
    /// Which objects the post-renderers see: all but hooks, hooks too in one go, or hooks too
    /// but apart. Defaults to combined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_render_strategy: Option<PostRenderStrategy>,
    /// Changes to the rendered objects before they are applied, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_renderers: Vec<PostRenderer>,
    /// Name of the release. Defaults to the name of the object, with the target namespace in
    /// front if that is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 53))]
    pub release_name: Option<String>,
    /// How to roll back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
    /// ServiceAccount to impersonate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,
    /// Namespace of Helm's storage. Defaults to that of the HelmRelease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub storage_namespace: Option<String>,
    /// Stop reconciling, also after changes, until this is unset.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Namespace to install into. Defaults to that of the HelmRelease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub target_namespace: Option<String>,
    /// Whether and how to run the tests of the chart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    /// Time for one Kubernetes operation, such as a hook. Defaults to 5 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Interval>,
    /// How to uninstall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uninstall: Option<Uninstall>,
    /// How to upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
    /// Values for the chart. They win over those of `valuesFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_value")]
    pub values: Option<Value>,
    /// ConfigMaps and Secrets with values for the chart. Later ones win.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_from: Vec<ValuesReference>,
    /// How to wait for the objects to become ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_strategy: Option<WaitStrategy>,
}

impl HelmReleaseSpec {
    /// The time for one Kubernetes operation, 5 minutes if the spec has none.
    pub fn timeout(&self) -> Result<Duration, DurationError> {
        self.timeout.as_ref().map_or(Ok(DEFAULT_TIMEOUT), Interval::get)
    }

    /// How many revisions to keep; `None` is all of them.
    pub fn max_history(&self) -> Option<u64> {
        let history = self.max_history.unwrap_or(DEFAULT_MAX_HISTORY);
        u64::try_from(history).ok().filter(|history| *history > 0)
    }

    /// Whether one client serves the whole reconciliation.
    pub fn uses_persistent_client(&self) -> bool {
        self.persistent_client.unwrap_or(true)
    }
}

impl HelmRelease {
    /// The name of the release: `releaseName`, else `[targetNamespace-]name`, shortened as
    /// helm-controller does (`ShortenName`) if it is longer than Helm allows.
    pub fn release_name(&self) -> String {
        let name = match (&self.spec.release_name, &self.spec.target_namespace) {
            (Some(name), _) if !name.is_empty() => name.clone(),
            (_, Some(namespace)) if !namespace.is_empty() => {
                format!("{namespace}-{}", self.name_any())
            }
            _ => self.name_any(),
        };
        shortened(name)
    }

    /// The namespace that the release is installed into.
    pub fn release_namespace(&self) -> String {
        self.spec.target_namespace.clone().or_else(|| self.namespace()).unwrap_or_default()
    }

    /// The namespace that Helm's records are kept in.
    pub fn storage_namespace(&self) -> String {
        self.spec.storage_namespace.clone().or_else(|| self.namespace()).unwrap_or_default()
    }
}

/// The name, or its beginning and a short digest of it if it is too long.
fn shortened(name: String) -> String {
    const DIGEST_LENGTH: usize = 12;
    if name.len() <= MAX_RELEASE_NAME {
        return name;
    }
    let digest = Digest::of(Algorithm::Sha256, name.as_bytes()).hex();
    let start = name.floor_char_boundary(MAX_RELEASE_NAME - DIGEST_LENGTH - 1);
    let (start, _) = name.split_at_checked(start).unwrap_or((&name, ""));
    format!("{start}-{digest:.DIGEST_LENGTH$}")
}

/// What to do about objects in the cluster that differ from the release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftDetection {
    /// Fields that may differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<IgnoreRule>,
    /// Whether to correct differences, only to report them, or not to look. Defaults to disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<DriftDetectionMode>,
}

wire_enum! {
    /// What to do about drift.
    pub enum DriftDetectionMode {
        /// Correct it.
        Enabled = "enabled",
        /// Report it.
        Warn = "warn",
        /// Do not look.
        Disabled = "disabled",
    }
}

wire_enum! {
    /// Which objects the post-renderers see.
    pub enum PostRenderStrategy {
        /// All but hooks.
        NoHooks = "nohooks",
        /// Hooks and all others in one go.
        Combined = "combined",
        /// Hooks and all others, one after the other.
        Separate = "separate",
    }
}

/// A change to the rendered objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostRenderer {
    /// A change by kustomize.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<Kustomize>,
}

/// A change by kustomize.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kustomize {
    /// Replacements for names, tags and digests of container images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageOverride>,
    /// Strategic-merge and JSON 6902 patches, applied in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// Deprecated: use `patches`. JSON 6902 patches in the form of v2beta2.
    #[serde(default, rename = "patchesJson6902", skip_serializing_if = "Vec::is_empty")]
    pub patches_json6902: Vec<Json6902Patch>,
    /// Deprecated: use `patches`. Strategic-merge patches in the form of v2beta2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "any_values")]
    pub patches_strategic_merge: Vec<Value>,
}

/// A ConfigMap or Secret with values for the chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValuesReference {
    /// Secret or ConfigMap.
    pub kind: DataKind,
    /// Take the value at `targetPath` as it is, without reading commas, braces and types in it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub literal: bool,
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Go on without it if the object, the key or the path does not exist.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
    /// Path in the values, in dot notation, that the data is one value for. If it is left out,
    /// the data is YAML that is merged at the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 250), regex(pattern = r"^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$"))]
    pub target_path: Option<String>,
    /// Key of the data. Defaults to `values.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = r"^[\-._a-zA-Z0-9]+$"))]
    pub values_key: Option<String>,
}

impl ValuesReference {
    /// The key of the data, `values.yaml` if the spec has none.
    pub fn values_key(&self) -> &str {
        match self.values_key.as_deref() {
            None | Some("") => "values.yaml",
            Some(key) => key,
        }
    }
}

/// How to wait for the objects to become ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitStrategy {
    /// By the status of objects of any kind (poller, the default), or as Helm 3 waits (legacy).
    pub name: WaitStrategyName,
}

wire_enum! {
    /// A way to wait.
    pub enum WaitStrategyName {
        /// By the status of objects of any kind.
        Poller = "poller",
        /// As Helm 3 waits.
        Legacy = "legacy",
    }
}

object!(HelmRelease, HelmReleaseStatus, |spec| suspend: spec.suspend,
interval: spec.interval.get().map(Some), deprecated: {
    "spec.chart.spec.valuesFile":
        spec.chart.as_ref().is_some_and(|chart| chart.spec.values_file.is_some()),
    "spec.install.skipCRDs": spec.install.as_ref().is_some_and(|install| install.skip_crds),
    "spec.postRenderers.kustomize.patchesStrategicMerge":
        kustomize(spec).any(|kustomize| !kustomize.patches_strategic_merge.is_empty()),
    "spec.postRenderers.kustomize.patchesJson6902":
        kustomize(spec).any(|kustomize| !kustomize.patches_json6902.is_empty()),
    "spec.rollback.recreate": spec.rollback.as_ref().is_some_and(|rollback| rollback.recreate),
});

fn kustomize(spec: &HelmReleaseSpec) -> impl Iterator<Item = &Kustomize> {
    spec.post_renderers.iter().filter_map(|renderer| renderer.kustomize.as_ref())
}

#[cfg(test)]
mod tests;
