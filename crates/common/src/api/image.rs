//! `image.toolkit.fluxcd.io`: ImageRepository, ImagePolicy, ImageUpdateAutomation.

pub use self::{
    automation::{
        CommitSpec, CommitUser, GitCheckoutSpec, GitSpec, ImageUpdateAutomation,
        ImageUpdateAutomationSpec, ImageUpdateAutomationStatus, LabelSelector,
        LabelSelectorRequirement, PushSpec, SigningKey, SigningKeyType, SourceReference,
        SourceReferenceKind, UpdateStrategy, UpdateStrategyName,
    },
    policy::{
        AlphabeticalPolicy, DigestReflectionPolicy, ImagePolicy, ImagePolicyChoice,
        ImagePolicySpec, ImagePolicyStatus, NumericalPolicy, Order, SemVerPolicy, TagFilter,
    },
    repository::{
        DEFAULT_EXCLUSION_LIST, ImageRepository, ImageRepositorySpec, ImageRepositoryStatus,
        ScanResult,
    },
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod automation;
mod policy;
mod repository;

/// An image by name, tag and possibly digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageRef {
    /// Digest of the image, as `<algorithm>:<hex>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Name of the image, without a tag.
    pub name: String,
    /// Tag of the image.
    pub tag: String,
}

impl std::fmt::Display for ImageRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)?;
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}
