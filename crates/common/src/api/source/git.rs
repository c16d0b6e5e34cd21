//! GitRepository.

use std::time::Duration;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DEFAULT_TIMEOUT;
use crate::api::{
    meta::{
        AccessFrom, Artifact, Condition, DurationError, Interval, LocalObjectReference, Timeout,
        is_false,
    },
    object::{object, status},
};

/// The desired state of a GitRepository.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "source.toolkit.fluxcd.io",
    version = "v1",
    kind = "GitRepository",
    plural = "gitrepositories",
    namespaced,
    status = "GitRepositoryStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))",
    "message": "serviceAccountName can only be set when provider is 'azure' or 'aws'",
}]))]
pub struct GitRepositorySpec {
    /// Deprecated: accepted and without effect. Access across namespaces is governed by flags of
    /// the controllers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_from: Option<AccessFrom>,
    /// Deprecated: accepted and without effect. There is one implementation of Git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_implementation: Option<GitImplementation>,
    /// Files to leave out of the artifact, in the format of .gitignore. Replaces the list of
    /// files that are left out by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// Artifacts of other GitRepositories to put into this one's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<GitRepositoryInclude>,
    /// How often to look for a new commit.
    pub interval: Interval,
    /// Where credentials come from other than a Secret: a cloud (aws for CodeCommit, azure for
    /// Azure DevOps) or a GitHub App. Defaults to generic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<GitProvider>,
    /// Secret with the proxy to use: `address`, and if needed `username` and `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// Fetch submodules too, with the credentials of this repository.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recurse_submodules: bool,
    /// What to check out. Defaults to the branch master.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<GitRepositoryRef>,
    /// Secret with credentials. For HTTP: `username` and `password` or `bearerToken`, and for
    /// TLS `ca.crt`, `tls.crt` and `tls.key`. For SSH: `identity` and `known_hosts`, and
    /// `password` if the key is encrypted. For a GitHub App: its ids and private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// ServiceAccount whose identity is used with the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// Directories to check out. If it is left out, everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sparse_checkout: Vec<String>,
    /// Stop fetching, also after changes, until this is unset.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Time for one operation of Git, such as a clone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "60s"))]
    pub timeout: Option<Timeout>,
    /// Address of the repository, by HTTP, HTTPS or SSH. The short form of SSH
    /// (`user@host:path`) is not an address.
    #[schemars(regex(pattern = r"^(http|https|ssh)://.*$"))]
    pub url: String,
    /// How to verify the signature of the commit, the tag or both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<GitRepositoryVerification>,
}

impl GitRepositorySpec {
    /// The time for one operation of Git, 60 seconds if the spec has none.
    pub fn timeout(&self) -> Result<Duration, DurationError> {
        self.timeout.as_ref().map_or(Ok(DEFAULT_TIMEOUT), Timeout::get)
    }
}

wire_enum! {
    /// The former choice of an implementation of Git.
    pub enum GitImplementation {
        /// go-git.
        GoGit = "go-git",
        /// libgit2.
        Libgit2 = "libgit2",
    }
}

wire_enum! {
    /// Where credentials of a Git repository come from.
    pub enum GitProvider {
        /// A Secret, or none are needed.
        Generic = "generic",
        /// AWS CodeCommit.
        Aws = "aws",
        /// Azure DevOps.
        Azure = "azure",
        /// A GitHub App.
        Github = "github",
    }
}

/// An artifact of another GitRepository to put into this one's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitRepositoryInclude {
    /// Directory to copy. Defaults to the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_path: Option<String>,
    /// The GitRepository, in the same namespace.
    pub repository: LocalObjectReference,
    /// Directory to copy to. Defaults to the name of the GitRepository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_path: Option<String>,
}

impl GitRepositoryInclude {
    /// The directory to copy from; empty is the root.
    pub fn from_path(&self) -> &str {
        self.from_path.as_deref().unwrap_or_default()
    }

    /// The directory to copy to: `toPath`, else the repository's name.
    pub fn to_path(&self) -> &str {
        match self.to_path.as_deref() {
            None | Some("") => &self.repository.name,
            Some(path) => path,
        }
    }
}

/// What to check out: a commit, else a reference by name, else the newest tag in a range, else a
/// tag, else a branch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitRepositoryRef {
    /// Branch to check out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Commit to check out, as full hash. With a branch, that branch must contain it, and only
    /// the branch is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Full name of a reference to check out, such as `refs/pull/420/head`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Range of versions; the newest tag in it is checked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// Tag to check out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

wire_enum! {
    /// What of a Git repository must be signed.
    pub enum GitVerificationMode {
        /// The commit. The older spelling of HEAD.
        HeadLegacy = "head",
        /// The commit.
        Head = "HEAD",
        /// The tag.
        Tag = "Tag",
        /// The tag and the commit that it points at.
        TagAndHead = "TagAndHEAD",
    }
}

/// How to verify signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitRepositoryVerification {
    /// What must be signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "HEAD"))]
    pub mode: Option<GitVerificationMode>,
    /// Secret with the public keys of trusted authors: OpenPGP in keys that end in `.asc`, SSH
    /// in keys that end in `.sshpub`.
    pub secret_ref: LocalObjectReference,
}

/// The observed state of a GitRepository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitRepositoryStatus {
    /// The artifact of the last fetch that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The conditions of the GitRepository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The artifacts that were put into this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub included_artifacts: Vec<Artifact>,
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
    /// The includes that the artifact was made with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed_include: Vec<GitRepositoryInclude>,
    /// Whether submodules were fetched for the artifact.
    #[serde(default, skip_serializing_if = "is_false")]
    pub observed_recurse_submodules: bool,
    /// The directories that the artifact was made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed_sparse_checkout: Vec<String>,
    /// What was verified: the mode of the last successful verification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_verification_mode: Option<String>,
}

status!(GitRepositoryStatus);
object!(GitRepository, GitRepositoryStatus, |spec| suspend: spec.suspend,
interval: spec.interval.get().map(Some), deprecated: {
    "spec.accessFrom": spec.access_from.is_some(),
    "spec.gitImplementation": spec.git_implementation.is_some(),
});
