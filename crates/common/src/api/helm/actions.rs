//! How to install, upgrade, test, roll back and uninstall.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::meta::{Interval, is_false, plain_integer};

wire_enum! {
    /// What to do with the CRDs in the `crds` directory of a chart.
    pub enum CrdsPolicy {
        /// Leave them out.
        Skip = "Skip",
        /// Make those that do not exist.
        Create = "Create",
        /// Make those that do not exist and replace the others.
        CreateReplace = "CreateReplace",
    }
}

wire_enum! {
    /// Whether objects are applied by the server, for actions on an existing release.
    pub enum ServerSideApplyMode {
        /// Yes.
        Enabled = "enabled",
        /// No.
        Disabled = "disabled",
        /// As in the release before.
        Auto = "auto",
    }
}

wire_enum! {
    /// What follows a failed install or upgrade.
    pub enum ActionStrategyName {
        /// Remediation, as `remediation` says.
        RemediateOnFailure = "RemediateOnFailure",
        /// Another try, as upgrade, without remediation.
        RetryOnFailure = "RetryOnFailure",
    }
}

/// How to install.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of the API")]
#[serde(rename_all = "camelCase")]
pub struct Install {
    /// What to do with the chart's CRDs. Defaults to Create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crds: Option<CrdsPolicy>,
    /// Make the target namespace if it does not exist.
    #[serde(default, skip_serializing_if = "is_false")]
    pub create_namespace: bool,
    /// Run no hooks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_hooks: bool,
    /// Do not check the objects against the schemas of the cluster.
    #[serde(default, rename = "disableOpenAPIValidation", skip_serializing_if = "is_false")]
    pub disable_openapi_validation: bool,
    /// Do not check the values against the schema of the chart.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_schema_validation: bool,
    /// Fail when an object exists that no release or another one owns, instead of taking it over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_take_ownership: bool,
    /// Do not wait for the objects to become ready.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_wait: bool,
    /// Do not wait for Jobs to complete.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_wait_for_jobs: bool,
    /// What to do after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<InstallRemediation>,
    /// Take the name of a release that was deleted and still has records. Not safe in production.
    #[serde(default, skip_serializing_if = "is_false")]
    pub replace: bool,
    /// Let the server apply the objects. Defaults to true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<bool>,
    /// Deprecated: use `crds`. Leave out the chart's CRDs.
    #[serde(default, rename = "skipCRDs", skip_serializing_if = "is_false")]
    pub skip_crds: bool,
    /// What follows a failure. Defaults to remediation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [{
        "rule": "!has(self.retryInterval) || self.name != 'RemediateOnFailure'",
        "message": ".retryInterval cannot be set when .name is 'RemediateOnFailure'",
    }]))]
    pub strategy: Option<ActionStrategy>,
    /// Time for one Kubernetes operation. Defaults to the timeout of the HelmRelease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Interval>,
}

/// What follows a failed install or upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActionStrategy {
    /// Remediation or another try.
    pub name: ActionStrategyName,
    /// How long to wait before another try. Only for RetryOnFailure. Defaults to 5 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<Interval>,
}

/// What to do after a failed install.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstallRemediation {
    /// Do not count failed tests. Defaults to `test.ignoreFailures`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_test_failures: Option<bool>,
    /// Uninstall also after the last failure. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediate_last_failure: Option<bool>,
    /// How often to try again; each failed try is uninstalled first. Less than zero is without
    /// end. Defaults to 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "plain_integer")]
    pub retries: Option<i64>,
}

wire_enum! {
    /// What to do when the chart of a release has another name than before.
    pub enum ChartNameChangeStrategy {
        /// Upgrade.
        InPlaceUpdate = "InPlaceUpdate",
        /// Uninstall and install.
        Reinstall = "Reinstall",
    }
}

/// How to upgrade.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of the API")]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// What to do when the chart has another name than before. Defaults to Reinstall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_name_change_strategy: Option<ChartNameChangeStrategy>,
    /// Delete new objects when the upgrade fails.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cleanup_on_fail: bool,
    /// What to do with the chart's CRDs. Defaults to Skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crds: Option<CrdsPolicy>,
    /// Run no hooks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_hooks: bool,
    /// Do not check the objects against the schemas of the cluster.
    #[serde(default, rename = "disableOpenAPIValidation", skip_serializing_if = "is_false")]
    pub disable_openapi_validation: bool,
    /// Do not check the values against the schema of the chart.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_schema_validation: bool,
    /// Fail when an object exists that no release or another one owns, instead of taking it over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_take_ownership: bool,
    /// Do not wait for the objects to become ready.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_wait: bool,
    /// Do not wait for Jobs to complete.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_wait_for_jobs: bool,
    /// Replace objects instead of patching them. Not with server-side apply.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
    /// Keep the values of the release before and merge the new ones over them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub preserve_values: bool,
    /// What to do after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<UpgradeRemediation>,
    /// Whether the server applies the objects. Defaults to auto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<ServerSideApplyMode>,
    /// What follows a failure. Defaults to remediation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [{
        "rule": "!has(self.retryInterval) || self.name == 'RetryOnFailure'",
        "message": ".retryInterval can only be set when .name is 'RetryOnFailure'",
    }]))]
    pub strategy: Option<ActionStrategy>,
    /// Time for one Kubernetes operation. Defaults to the timeout of the HelmRelease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Interval>,
}

wire_enum! {
    /// How to remedy a failed upgrade.
    pub enum RemediationStrategy {
        /// Go back to the last release that worked.
        Rollback = "rollback",
        /// Uninstall; the next try installs.
        Uninstall = "uninstall",
    }
}

/// What to do after a failed upgrade.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeRemediation {
    /// Do not count failed tests. Defaults to `test.ignoreFailures`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_test_failures: Option<bool>,
    /// Remedy also after the last failure. Defaults to whether `retries` is greater than zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediate_last_failure: Option<bool>,
    /// How often to try again; each failed try is remedied first. Less than zero is without end.
    /// Defaults to 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "plain_integer")]
    pub retries: Option<i64>,
    /// How to remedy. Defaults to rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<RemediationStrategy>,
}

/// How to roll back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of the API")]
#[serde(rename_all = "camelCase")]
pub struct Rollback {
    /// Delete new objects when the rollback fails.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cleanup_on_fail: bool,
    /// Run no hooks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_hooks: bool,
    /// Do not wait for the objects to become ready.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_wait: bool,
    /// Do not wait for Jobs to complete.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_wait_for_jobs: bool,
    /// Replace objects instead of patching them. Not with server-side apply.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
    /// Deprecated: accepted and without effect. Helm no longer restarts Pods.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recreate: bool,
    /// Whether the server applies the objects. Defaults to auto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<ServerSideApplyMode>,
    /// Time for one Kubernetes operation. Defaults to the timeout of the HelmRelease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Interval>,
}

wire_enum! {
    /// What the deletion of an object does to those that it owns.
    pub enum DeletionPropagation {
        /// They are deleted afterwards.
        Background = "background",
        /// They are deleted first.
        Foreground = "foreground",
        /// They are left.
        Orphan = "orphan",
    }
}

/// How to uninstall.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Uninstall {
    /// What the deletion of an object does to those that it owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "background"))]
    pub deletion_propagation: Option<DeletionPropagation>,
    /// Run no hooks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_hooks: bool,
    /// Do not wait until the objects are gone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_wait: bool,
    /// Keep Helm's records of the release.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keep_history: bool,
    /// Time for one Kubernetes operation. Defaults to the timeout of the HelmRelease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Interval>,
}

/// Whether and how to run the tests of the chart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Test {
    /// Run the tests after each install and upgrade.
    #[serde(default, skip_serializing_if = "is_false")]
    pub enable: bool,
    /// Tests to run or to leave out. If it is left out, all are run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    /// Do not count failed tests as failures of the release.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ignore_failures: bool,
    /// Time for one Kubernetes operation. Defaults to the timeout of the HelmRelease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Interval>,
}

/// A test to run or to leave out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Leave the test out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exclude: bool,
    /// Name of the test.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
