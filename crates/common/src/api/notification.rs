//! `notification.toolkit.fluxcd.io`: Alert, Provider, Receiver.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    provider::{DEFAULT_PROVIDER_TIMEOUT, Provider, ProviderSpec, ProviderType},
    receiver::{
        DEFAULT_OIDC_AUDIENCE, DEFAULT_RECEIVER_INTERVAL, OidcProvider, OidcValidation,
        OidcVariable, Receiver, ReceiverResource, ReceiverSpec, ReceiverStatus, ReceiverType,
    },
};
use super::meta::{LocalObjectReference, is_false};

mod provider;
mod receiver;

/// The desired state of an Alert.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "notification.toolkit.fluxcd.io",
    version = "v1beta3",
    kind = "Alert",
    plural = "alerts",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct AlertSpec {
    /// Metadata to put on every event, unless the event has it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub event_metadata: BTreeMap<String, String>,
    /// The lowest severity of events to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "info"))]
    pub event_severity: Option<EventSeverity>,
    /// The objects whose events are sent.
    pub event_sources: Vec<EventSource>,
    /// Regular expressions (RE2) for messages of events to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusion_list: Vec<String>,
    /// Regular expressions (RE2) for messages of events to send. If it is left out, all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inclusion_list: Vec<String>,
    /// The Provider that sends the events.
    pub provider_ref: LocalObjectReference,
    /// Deprecated: use `eventMetadata` with the key `summary`. What the events have in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub summary: Option<String>,
    /// Stop sending until this is unset.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
}

wire_enum! {
    /// The lowest severity of events to send.
    pub enum EventSeverity {
        /// All events.
        Info = "info",
        /// Failures.
        Error = "error",
    }
}

wire_enum! {
    /// The kinds whose events can be sent, and that can be asked to reconcile.
    pub enum ObjectKind {
        /// `source.toolkit.fluxcd.io`.
        Bucket = "Bucket",
        /// `source.toolkit.fluxcd.io`.
        GitRepository = "GitRepository",
        /// `kustomize.toolkit.fluxcd.io`.
        Kustomization = "Kustomization",
        /// `helm.toolkit.fluxcd.io`.
        HelmRelease = "HelmRelease",
        /// `source.toolkit.fluxcd.io`.
        HelmChart = "HelmChart",
        /// `source.toolkit.fluxcd.io`.
        HelmRepository = "HelmRepository",
        /// `image.toolkit.fluxcd.io`.
        ImageRepository = "ImageRepository",
        /// `image.toolkit.fluxcd.io`.
        ImagePolicy = "ImagePolicy",
        /// `image.toolkit.fluxcd.io`.
        ImageUpdateAutomation = "ImageUpdateAutomation",
        /// `source.toolkit.fluxcd.io`.
        OCIRepository = "OCIRepository",
        /// `source.extensions.fluxcd.io`.
        ArtifactGenerator = "ArtifactGenerator",
        /// `source.toolkit.fluxcd.io`.
        ExternalArtifact = "ExternalArtifact",
    }
}

/// Objects whose events are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventSource {
    /// API version of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the objects.
    pub kind: ObjectKind,
    /// Labels that the objects must carry, all of them. Only with the name `*`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Name of the object, or `*` for all.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Namespace of the objects. Defaults to that of the Alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub namespace: Option<String>,
}
