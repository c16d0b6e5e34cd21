//! ExternalArtifact.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::api::{
    Status,
    meta::{Artifact, Condition, NamespacedObjectKindReference},
    object::object,
};

/// The desired state of an ExternalArtifact.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[kube(
    group = "source.toolkit.fluxcd.io",
    version = "v1",
    kind = "ExternalArtifact",
    plural = "externalartifacts",
    namespaced,
    status = "ExternalArtifactStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct ExternalArtifactSpec {
    /// The object that the artifact is made from, of any kind that its maker knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<NamespacedObjectKindReference>,
}

/// Unlike all others, this spec may be left out, and the generated struct of the kind asks for it.
/// Reading it by way of an `Option` makes its absence an empty spec.
impl<'de> Deserialize<'de> for ExternalArtifactSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            source_ref: Option<NamespacedObjectKindReference>,
        }
        let wire = Option::<Wire>::deserialize(deserializer)?;
        Ok(Self { source_ref: wire.and_then(|wire| wire.source_ref) })
    }
}

/// The observed state of an ExternalArtifact, written by the maker of the artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalArtifactStatus {
    /// The last artifact that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The conditions of the ExternalArtifact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

impl Status for ExternalArtifactStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn conditions_mut(&mut self) -> &mut Vec<Condition> {
        &mut self.conditions
    }

    fn observed_generation(&self) -> Option<i64> {
        None
    }

    fn observed_generation_mut(&mut self) -> Option<&mut Option<i64>> {
        None
    }

    fn last_handled_reconcile_at(&self) -> Option<&str> {
        None
    }

    fn last_handled_reconcile_at_mut(&mut self) -> Option<&mut Option<String>> {
        None
    }
}

object!(ExternalArtifact, ExternalArtifactStatus, |_spec| suspend: false, interval: Ok(None));
