//! Receiver.

use std::{collections::BTreeMap, time::Duration};

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ObjectKind;
use crate::api::{
    meta::{Condition, DurationError, Interval, LocalObjectReference, is_false},
    object::{object, status},
};

/// The interval of a Receiver when the spec has none: the default of the CRD.
pub const DEFAULT_RECEIVER_INTERVAL: Duration = Duration::from_mins(10);

/// The audience that a token must be for when the spec has none.
pub const DEFAULT_OIDC_AUDIENCE: &str = "notification-controller";

/// The desired state of a Receiver.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "notification.toolkit.fluxcd.io",
    version = "v1",
    kind = "Receiver",
    plural = "receivers",
    namespaced,
    status = "ReceiverStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)",
        "message": "generic-oidc receivers must define at least one oidcProvider",
    },
    {
        "rule": "self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0",
        "message": "oidcProviders can only be set when type is generic-oidc",
    },
    {
        "rule": "self.type != 'generic-oidc' || !has(self.secretRef)",
        "message": "secretRef cannot be set when type is generic-oidc",
    },
    {
        "rule": "self.type == 'generic-oidc' || has(self.secretRef)",
        "message": "secretRef is required when type is not generic-oidc",
    },
]))]
pub struct ReceiverSpec {
    /// Events of the sender to react to, such as `push`. If it is left out, all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// How often to reconcile the Receiver with its Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "10m"))]
    pub interval: Option<Interval>,
    /// The issuers whose tokens are accepted. Only for the type generic-oidc.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["issuerURL"]
    ))]
    pub oidc_providers: Vec<OidcProvider>,
    /// CEL expression that decides for each object whether it is reconciled. Its variables are
    /// `res`, the metadata of the object, and `req`, the body of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_filter: Option<String>,
    /// The objects to reconcile.
    pub resources: Vec<ReceiverResource>,
    /// Secret with the `token` that the address and, depending on the type, the signature of
    /// requests come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// Refuse requests until this is unset.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Who sends the requests.
    #[serde(rename = "type")]
    pub type_: ReceiverType,
}

impl ReceiverSpec {
    /// How often to reconcile, 10 minutes if the spec does not say.
    pub fn interval(&self) -> Result<Duration, DurationError> {
        self.interval.as_ref().map_or(Ok(DEFAULT_RECEIVER_INTERVAL), Interval::get)
    }
}

wire_enum! {
    /// Who sends requests to a Receiver.
    pub enum ReceiverType {
        /// Anyone who knows the address.
        Generic = "generic",
        /// Anyone who signs with the token.
        GenericHmac = "generic-hmac",
        /// Anyone with a token of an issuer.
        GenericOidc = "generic-oidc",
        /// GitHub.
        Github = "github",
        /// GitLab.
        Gitlab = "gitlab",
        /// Bitbucket Server.
        Bitbucket = "bitbucket",
        /// Harbor.
        Harbor = "harbor",
        /// Docker Hub.
        DockerHub = "dockerhub",
        /// Quay.
        Quay = "quay",
        /// Google Container Registry.
        Gcr = "gcr",
        /// Nexus.
        Nexus = "nexus",
        /// Azure Container Registry.
        Acr = "acr",
        /// CDEvents.
        CdEvents = "cdevents",
    }
}

/// Objects to reconcile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverResource {
    /// API version of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// CEL expression that decides for each of these objects whether it is reconciled. Wins over
    /// `resourceFilter` of the Receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Kind of the objects.
    pub kind: ObjectKind,
    /// Labels that the objects must carry, all of them. Only with the name `*`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Name of the object, or `*` for all with the labels.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Namespace of the objects. Defaults to that of the Receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub namespace: Option<String>,
}

/// An issuer whose tokens are accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcProvider {
    /// The audience that a token must be for. Defaults to `notification-controller`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Address of the issuer.
    #[serde(rename = "issuerURL")]
    #[schemars(regex(pattern = r"^https?://"))]
    pub issuer_url: String,
    /// What must hold of the claims of a token, all of it.
    #[schemars(length(min = 1))]
    pub validations: Vec<OidcValidation>,
    /// Values to use in `validations`, computed in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<OidcVariable>,
}

impl OidcProvider {
    /// The audience that a token must be for.
    pub fn audience(&self) -> &str {
        match self.audience.as_deref() {
            None | Some("") => DEFAULT_OIDC_AUDIENCE,
            Some(audience) => audience,
        }
    }
}

/// Something that must hold of the claims of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcValidation {
    /// CEL expression that yields a bool. Its variables are `claims` and `vars`.
    pub expression: String,
    /// What to answer when it does not hold.
    pub message: String,
}

/// A value that is computed from the claims of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcVariable {
    /// CEL expression of the value. Its variables are `claims` and, for those before, `vars`.
    pub expression: String,
    /// Name of the value, used as `vars.<name>`.
    pub name: String,
}

/// The observed state of a Receiver.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverStatus {
    /// The conditions of the Receiver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The reconcile request (annotation `reconcile.fluxcd.io/requestedAt`) that was last
    /// handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Generation that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Path of the address that takes requests, as `/hook/<digest>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_path: Option<String>,
}

status!(ReceiverStatus);
object!(Receiver, ReceiverStatus, |spec| suspend: spec.suspend,
    interval: spec.interval().map(Some));
