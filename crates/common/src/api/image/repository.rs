//! ImageRepository.

use std::time::Duration;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    api::{
        meta::{
            AccessFrom, Condition, DurationError, Interval, LocalObjectReference, Timeout,
            is_false, plain_integer,
        },
        object::{object, status},
        source::RegistryProvider,
    },
    time::Time,
};

/// The tags that are left out when the spec does not say: the default of the CRD.
pub const DEFAULT_EXCLUSION_LIST: &[&str] = &[r"^.*\.sig$"];

/// The desired state of an ImageRepository.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "image.toolkit.fluxcd.io",
    version = "v1",
    kind = "ImageRepository",
    plural = "imagerepositories",
    namespaced,
    status = "ImageRepositoryStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct ImageRepositorySpec {
    /// Which namespaces may refer to the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_from: Option<AccessFrom>,
    /// Secret with TLS data: `ca.crt`, `tls.crt`, `tls.key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// Regular expressions for tags to leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 25), extend("default" = DEFAULT_EXCLUSION_LIST))]
    pub exclusion_list: Option<Vec<String>>,
    /// Name of the image, without a scheme and a tag.
    pub image: String,
    /// Speak to the registry without TLS.
    #[serde(default, skip_serializing_if = "is_false")]
    pub insecure: bool,
    /// How often to list the tags.
    pub interval: Interval,
    /// Where credentials come from other than a Secret: the identity in a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "generic"))]
    pub provider: Option<RegistryProvider>,
    /// Secret with the proxy to use: `address`, and if needed `username` and `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// Secret with credentials, of type `kubernetes.io/dockerconfigjson`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// ServiceAccount whose image pull secrets, or whose identity with the provider, are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub service_account_name: Option<String>,
    /// Stop listing, also after changes, until this is unset.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Time for listing the tags. Defaults to the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
}

impl ImageRepositorySpec {
    /// The time for listing the tags: `timeout`, else the interval.
    pub fn timeout(&self) -> Result<Duration, DurationError> {
        self.timeout.as_ref().map_or_else(|| self.interval.get(), Timeout::get)
    }

    /// The regular expressions for tags to leave out.
    pub fn exclusion_list(&self) -> Vec<&str> {
        match &self.exclusion_list {
            Some(list) => list.iter().map(String::as_str).collect(),
            None => DEFAULT_EXCLUSION_LIST.to_vec(),
        }
    }
}

/// The observed state of an ImageRepository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageRepositoryStatus {
    /// Full name of the image, with what the short form leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical_image_name: Option<String>,
    /// The conditions of the ImageRepository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The reconcile request (annotation `reconcile.fluxcd.io/requestedAt`) that was last
    /// handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// What the last listing found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scan_result: Option<ScanResult>,
    /// The list of exclusions that the last listing was made with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed_exclusion_list: Vec<String>,
    /// Generation that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// What a listing found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanResult {
    /// A few tags, those that sort last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latest_tags: Vec<String>,
    /// Checksum of all tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// When the tags were listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_time: Option<Time>,
    /// How many tags there are.
    #[schemars(schema_with = "plain_integer")]
    pub tag_count: i64,
}

status!(ImageRepositoryStatus);
object!(ImageRepository, ImageRepositoryStatus, |spec| suspend: spec.suspend,
    interval: spec.interval.get().map(Some));
