//! OCIRepository, and what it shares with the other kinds that speak to registries.

use std::time::Duration;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DEFAULT_TIMEOUT;
use crate::api::{
    meta::{Artifact, Condition, DurationError, Interval, LocalObjectReference, Timeout, is_false},
    object::{object, status},
};

/// The desired state of an OCIRepository.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "source.toolkit.fluxcd.io",
    version = "v1",
    kind = "OCIRepository",
    plural = "ocirepositories",
    namespaced,
    status = "OCIRepositoryStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct OCIRepositorySpec {
    /// Secret with TLS data: `ca.crt`, `tls.crt`, `tls.key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// Files to leave out of the artifact, in the format of .gitignore. Replaces the list of
    /// files that are left out by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// Speak to the registry without TLS.
    #[serde(default, skip_serializing_if = "is_false")]
    pub insecure: bool,
    /// How often to look for a new digest.
    pub interval: Interval,
    /// Which layer to take, and what to do with it. Defaults to the first one, extracted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_selector: Option<OCILayerSelector>,
    /// Where credentials come from other than a Secret: the identity in a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "generic"))]
    pub provider: Option<RegistryProvider>,
    /// Secret with the proxy to use: `address`, and if needed `username` and `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// What to pull. Defaults to the tag latest.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<OCIRepositoryRef>,
    /// Secret with credentials, of type `kubernetes.io/dockerconfigjson`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// ServiceAccount whose image pull secrets, or whose identity with the provider, are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// Stop pulling, also after changes, until this is unset.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Time for one operation on the registry, such as a pull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "60s"))]
    pub timeout: Option<Timeout>,
    /// Address of the repository as `oci://<host>/<path>`, without a tag or digest.
    #[schemars(regex(pattern = r"^oci://.*$"))]
    pub url: String,
    /// How to verify the signature of the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<OCIVerification>,
}

impl OCIRepositorySpec {
    /// The time for one operation on the registry, 60 seconds if the spec has none.
    pub fn timeout(&self) -> Result<Duration, DurationError> {
        self.timeout.as_ref().map_or(Ok(DEFAULT_TIMEOUT), Timeout::get)
    }
}

wire_enum! {
    /// Where credentials of a registry come from.
    pub enum RegistryProvider {
        /// A Secret, a ServiceAccount, or none are needed.
        Generic = "generic",
        /// The identity in AWS.
        Aws = "aws",
        /// The identity in Azure.
        Azure = "azure",
        /// The identity in Google Cloud.
        Gcp = "gcp",
    }
}

/// Which layer to take, and what to do with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OCILayerSelector {
    /// Media type of the layer; the first one that has it is taken. If it is left out, the first
    /// layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Whether to extract the layer, or to keep it as it is. Defaults to extract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<LayerOperation>,
}

wire_enum! {
    /// What to do with a layer.
    pub enum LayerOperation {
        /// Extract the tarball and make an artifact of the files.
        Extract = "extract",
        /// Keep the tarball as artifact.
        Copy = "copy",
    }
}

/// What to pull: a digest, else the newest tag in a range, else a tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OCIRepositoryRef {
    /// Digest to pull, as `sha256:<hex>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Range of versions; the newest tag in it is pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// Regular expression that tags must match to be considered for `semver`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver_filter: Option<String>,
    /// Tag to pull. Defaults to latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

wire_enum! {
    /// The technology of a signature.
    pub enum VerificationProvider {
        /// Sigstore's cosign.
        Cosign = "cosign",
        /// The Notary Project's notation.
        Notation = "notation",
    }
}

/// How to verify the signature of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OCIVerification {
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
    /// Secret with the trusted root of a private Sigstore, in the key `trusted_root.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_root_secret_ref: Option<LocalObjectReference>,
}

/// An identity that may have signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcIdentity {
    /// Regular expression for the issuer of the certificate.
    pub issuer: String,
    /// Regular expression for the subject of the certificate.
    pub subject: String,
}

/// The observed state of an OCIRepository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OCIRepositoryStatus {
    /// The artifact of the last pull that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The conditions of the OCIRepository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The reconcile request (annotation `reconcile.fluxcd.io/requestedAt`) that was last
    /// handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Generation that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The ignore rules that the artifact was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_ignore: Option<String>,
    /// The selector of the layer that the artifact was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_layer_selector: Option<OCILayerSelector>,
    /// Address of the artifact, kept for older clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

status!(OCIRepositoryStatus);
object!(OCIRepository, OCIRepositoryStatus, |spec| suspend: spec.suspend,
    interval: spec.interval.get().map(Some));
