//! The types and reasons of conditions, and pure functions that change a list of conditions.
//!
//! Every string that a condition or an event may carry stands here once.

use std::{fmt, str::FromStr};

use crate::{
    api::meta::{Condition, ConditionStatus},
    time::Time,
};

/// Makes a copyable enum of names out of their strings.
macro_rules! names {
    ($(#[$meta:meta])* pub enum $name:ident { $( $(#[$doc:meta])* $variant:ident = $text:literal, )+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[$doc])* $variant, )+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The string on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $( $text => Ok(Self::$variant), )+
                    _ => Err(UnknownName(text.to_owned())),
                }
            }
        }
    };
}

/// A type or reason that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown condition type or reason {0:?}")]
pub struct UnknownName(pub String);

names! {
    /// The types of conditions.
    pub enum ConditionType {
        /// The summary of all others.
        Ready = "Ready",
        /// Work is under way; present only while true.
        Reconciling = "Reconciling",
        /// No progress without a new spec; present only while true.
        Stalled = "Stalled",
        /// The artifact of a source is stored.
        ArtifactInStorage = "ArtifactInStorage",
        /// The upstream has something newer; present only while true.
        ArtifactOutdated = "ArtifactOutdated",
        /// Fetching failed; present only while true.
        FetchFailed = "FetchFailed",
        /// Storing failed; present only while true.
        StorageOperationFailed = "StorageOperationFailed",
        /// An included artifact is not there; present only while true.
        IncludeUnavailable = "IncludeUnavailable",
        /// The signature was verified, or not.
        SourceVerified = "SourceVerified",
        /// A chart could not be built; present only while true.
        BuildFailed = "BuildFailed",
        /// The applied objects are healthy, or not.
        Healthy = "Healthy",
        /// The last install or upgrade succeeded, or not.
        Released = "Released",
        /// The tests of a release succeeded, or not.
        TestSuccess = "TestSuccess",
        /// A failed release was rolled back or uninstalled, or not.
        Remediated = "Remediated",
        /// The objects of a release differ from the release, or not.
        Drifted = "Drifted",
    }
}

names! {
    /// The reasons of conditions and events.
    pub enum Reason {
        /// It worked.
        Succeeded = "Succeeded",
        /// Everything is applied.
        ReconciliationSucceeded = "ReconciliationSucceeded",
        /// Applying failed.
        ReconciliationFailed = "ReconciliationFailed",
        /// A release was installed.
        InstallSucceeded = "InstallSucceeded",
        /// Installing failed.
        InstallFailed = "InstallFailed",
        /// A release was upgraded.
        UpgradeSucceeded = "UpgradeSucceeded",
        /// Upgrading failed.
        UpgradeFailed = "UpgradeFailed",
        /// The tests of a release passed.
        TestSucceeded = "TestSucceeded",
        /// A test of a release failed.
        TestFailed = "TestFailed",
        /// A release was rolled back.
        RollbackSucceeded = "RollbackSucceeded",
        /// Rolling back failed.
        RollbackFailed = "RollbackFailed",
        /// A release was uninstalled.
        UninstallSucceeded = "UninstallSucceeded",
        /// Uninstalling failed.
        UninstallFailed = "UninstallFailed",
        /// Work is under way.
        Progressing = "Progressing",
        /// Work is under way after a failure.
        ProgressingWithRetry = "ProgressingWithRetry",
        /// The object is suspended.
        Suspended = "Suspended",
        /// The address in the spec is unusable.
        UrlInvalid = "URLInvalid",
        /// A path in the spec is unusable.
        InvalidPath = "InvalidPath",
        /// The provider in the spec does not fit the rest of it.
        InvalidProviderConfiguration = "InvalidProviderConfiguration",
        /// The token service in the spec does not fit the rest of it.
        InvalidStsConfiguration = "InvalidSTSConfiguration",
        /// The spec needs a feature that is switched off.
        FeatureGateDisabled = "FeatureGateDisabled",
        /// The verification mode does not fit the reference.
        InvalidVerificationMode = "InvalidVerificationMode",
        /// A reference to another namespace is not allowed.
        AccessDenied = "AccessDenied",
        /// A CEL expression does not compile.
        InvalidCelExpression = "InvalidCELExpression",
        /// The spec contradicts itself.
        ValidationFailed = "ValidationFailed",
        /// A release failed as often as the spec allows.
        RetriesExceeded = "RetriesExceeded",
        /// There is no release to roll back to.
        MissingRollbackTarget = "MissingRollbackTarget",
        /// The name of an image is unusable.
        ImageUrlInvalid = "ImageURLInvalid",
        /// The spec needs an interval and has none.
        IntervalNotConfigured = "IntervalNotConfigured",
        /// The policy for tags is unusable.
        InvalidPolicy = "InvalidPolicy",
        /// The selector of policies is unusable.
        InvalidPolicySelector = "InvalidPolicySelector",
        /// The update strategy is unknown.
        InvalidUpdateStrategy = "InvalidUpdateStrategy",
        /// The source of an automation is unusable.
        InvalidSourceConfiguration = "InvalidSourceConfiguration",
        /// A commit template uses data that is gone.
        RemovedTemplateField = "RemovedTemplateField",
        /// A chart was pulled.
        ChartPullSucceeded = "ChartPullSucceeded",
        /// A chart was packaged.
        ChartPackageSucceeded = "ChartPackageSucceeded",
        /// The upstream has a new revision.
        NewRevision = "NewRevision",
        /// An included artifact changed.
        IncludeChange = "IncludeChange",
        /// There is a new chart.
        NewChart = "NewChart",
        /// Signing in failed.
        AuthenticationFailed = "AuthenticationFailed",
        /// An operation of Git failed.
        GitOperationFailed = "GitOperationFailed",
        /// An operation of Git succeeded and found nothing new.
        GitOperationSucceeded = "GitOperationSucceeded",
        /// The repository has no commits.
        EmptyGitRepository = "EmptyGitRepository",
        /// An operation on a bucket failed.
        BucketOperationFailed = "BucketOperationFailed",
        /// An artifact could not be pulled from a registry.
        OciArtifactPullFailed = "OCIArtifactPullFailed",
        /// A layer of an artifact is unusable.
        OciArtifactLayerOperationFailed = "OCIArtifactLayerOperationFailed",
        /// The index of a chart repository could not be loaded.
        IndexationFailed = "IndexationFailed",
        /// The source has no artifact yet.
        NoSourceArtifact = "NoSourceArtifact",
        /// The source does not exist or cannot be read.
        SourceUnavailable = "SourceUnavailable",
        /// The reference to a chart is unusable.
        InvalidChartReference = "InvalidChartReference",
        /// A chart could not be pulled.
        ChartPullError = "ChartPullError",
        /// It failed.
        Failed = "Failed",
        /// A directory could not be made.
        DirectoryCreationFailed = "DirectoryCreationFailed",
        /// A file could not be looked at.
        StatOperationFailed = "StatOperationFailed",
        /// A lock could not be taken.
        AcquireLockFailed = "AcquireLockFailed",
        /// An archive could not be written or read.
        ArchiveOperationFailed = "ArchiveOperationFailed",
        /// The rules about files to leave out could not be read.
        SourceIgnoreError = "SourceIgnoreError",
        /// Something could not be read.
        ReadOperationFailed = "ReadOperationFailed",
        /// A path leads out of where it may lead.
        IllegalPath = "IllegalPath",
        /// Copying failed.
        CopyFailure = "CopyFailure",
        /// A symlink could not be changed.
        SymlinkUpdateFailed = "SymlinkUpdateFailed",
        /// An object does not exist.
        NotFound = "NotFound",
        /// An object has no artifact.
        NoArtifact = "NoArtifact",
        /// A signature could not be verified.
        VerificationError = "VerificationError",
        /// A Git object is not what it must be.
        InvalidGitObject = "InvalidGitObject",
        /// The signature of a tag is wrong.
        InvalidTagSignature = "InvalidTagSignature",
        /// The signature of a commit is wrong.
        InvalidCommitSignature = "InvalidCommitSignature",
        /// The metadata of a chart could not be changed.
        MetadataPatchError = "MetadataPatchError",
        /// The values files of a chart could not be merged.
        ValuesFilesError = "ValuesFilesError",
        /// The dependencies of a chart could not be fetched.
        DependencyBuildError = "DependencyBuildError",
        /// A chart could not be packaged.
        ChartPackageError = "ChartPackageError",
        /// The signature of a chart could not be verified.
        ChartVerificationError = "ChartVerificationError",
        /// A failure of a kind that has no name.
        Unknown = "Unknown",
        /// The artifact of the source could not be fetched.
        ArtifactFailed = "ArtifactFailed",
        /// The manifests could not be built.
        BuildFailed = "BuildFailed",
        /// Objects could not be pruned.
        PruneFailed = "PruneFailed",
        /// An object is not healthy.
        HealthCheckFailed = "HealthCheckFailed",
        /// Waiting for health was given up for something newer.
        HealthCheckCanceled = "HealthCheckCanceled",
        /// A dependency is not ready.
        DependencyNotReady = "DependencyNotReady",
        /// Objects of a release differ from it.
        DriftDetected = "DriftDetected",
        /// No object of a release differs from it.
        NoDriftDetected = "NoDriftDetected",
        /// Drift was corrected.
        DriftCorrected = "DriftCorrected",
        /// Drift could not be corrected.
        DriftCorrectionFailed = "DriftCorrectionFailed",
        /// The source of a chart is not ready.
        SourceNotReady = "SourceNotReady",
        /// The values of a release could not be composed.
        ValuesError = "ValuesError",
        /// A chart could not be changed in memory.
        ChartMutateError = "ChartMutateError",
        /// No client for the cluster could be made.
        RestClientError = "RESTClientError",
        /// No manager of objects could be made.
        ResourceManagerError = "ResourceManagerError",
        /// The Helm action could not be set up.
        FactoryError = "FactoryError",
        /// The configuration of a Helm action could not be set up.
        ConfigFactoryError = "ConfigFactoryErr",
        /// The state of a release could not be determined.
        StateError = "StateError",
        /// A release could not be reconciled.
        ReconcileError = "ReconcileError",
        /// A Secret has no token.
        TokenNotFound = "TokenNotFound",
        /// It failed (image policies and repositories).
        Failure = "Failure",
        /// The source of an automation could not be set up.
        SourceManagerFailed = "SourceManagerFailed",
        /// Files could not be updated.
        UpdateFailed = "UpdateFailed",
        /// A source could not be fetched.
        SourceFetchFailed = "SourceFetchFailed",
        /// Fetching failed (ExternalArtifact).
        FetchFailed = "FetchFailed",
        /// Storing failed (ExternalArtifact).
        StorageOperationFailed = "StorageOperationFailed",
        /// Verifying failed (ExternalArtifact).
        VerificationFailed = "VerificationFailed",
        /// A defect of the controller was caught.
        InternalError = "InternalError",
        /// The spec uses a field of an older API version.
        DeprecatedField = "DeprecatedField",
        /// There is a new artifact (event).
        NewArtifact = "NewArtifact",
        /// The artifact is up to date (event).
        ArtifactUpToDate = "ArtifactUpToDate",
        /// A stored artifact does not match its digest (event).
        ArtifactVerificationFailed = "ArtifactVerificationFailed",
        /// Old artifacts were deleted (event).
        GarbageCollectionSucceeded = "GarbageCollectionSucceeded",
        /// Old artifacts could not be deleted (event).
        GarbageCollectionFailed = "GarbageCollectionFailed",
        /// The dependencies of a chart were resolved (event).
        ResolvedDependencies = "ResolvedDependencies",
        /// A cache could not be used (event).
        CacheOperationFailed = "CacheOperationFailed",
        /// A release was left pending and is unlocked (event).
        PendingRelease = "PendingRelease",
        /// The inventory of a release could not be made (event).
        InventoryBuildFailed = "InventoryBuildFailed",
        /// Whether a namespace exists could not be checked (event).
        NamespaceCheckSkipped = "NamespaceCheckSkipped",
        /// A HelmChart was created (event).
        HelmChartCreated = "HelmChartCreated",
        /// A HelmChart was changed (event).
        HelmChartConfigured = "HelmChartConfigured",
        /// A HelmChart was deleted (event).
        HelmChartDeleted = "HelmChartDeleted",
        /// A HelmChart could not be written (event).
        HelmChartSyncError = "HelmChartSyncErr",
        /// A notification could not be sent (event).
        NotificationDispatchFailed = "NotificationDispatchFailed",
        /// An Alert or its Provider is unusable (event).
        InvalidConfig = "InvalidConfig",
        /// The metadata of an event could not be extended (event).
        MetadataAppendFailed = "MetadataAppendFailed",
        /// Reconciling is switched off by annotation (event).
        ReconciliationDisabled = "ReconciliationDisabled",
    }
}

/// A new observation, to be merged into a list of conditions by [`set`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What is observed.
    pub type_: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in a word.
    pub reason: Reason,
    /// Why, in a sentence; cut to [`MAX_MESSAGE`] bytes.
    pub message: String,
}

/// The longest message of a condition in bytes, as the CRDs have it.
pub const MAX_MESSAGE: usize = 32_768;

impl Observation {
    /// It holds.
    pub fn is_true(type_: ConditionType, reason: Reason, message: impl Into<String>) -> Self {
        Self { type_, status: ConditionStatus::True, reason, message: message.into() }
    }

    /// It does not hold.
    pub fn is_false(type_: ConditionType, reason: Reason, message: impl Into<String>) -> Self {
        Self { type_, status: ConditionStatus::False, reason, message: message.into() }
    }

    /// It cannot be told yet.
    pub fn unknown(type_: ConditionType, reason: Reason, message: impl Into<String>) -> Self {
        Self { type_, status: ConditionStatus::Unknown, reason, message: message.into() }
    }
}

/// The condition of a type, if it is there.
pub fn get(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

/// Whether a condition is there and true.
pub fn is_true(conditions: &[Condition], type_: ConditionType) -> bool {
    get(conditions, type_).is_some_and(|condition| condition.status == ConditionStatus::True)
}

/// Whether a condition is there and false.
pub fn is_false(conditions: &[Condition], type_: ConditionType) -> bool {
    get(conditions, type_).is_some_and(|condition| condition.status == ConditionStatus::False)
}

/// Merges an observation into the list and keeps it in order; says whether anything changed.
///
/// The transition time becomes `now` if the status, the reason or the message differs, as in the
/// `runtime/conditions` package of fluxcd/pkg; a new generation alone leaves it.
pub fn set(
    conditions: &mut Vec<Condition>,
    observation: Observation,
    generation: Option<i64>,
    now: Time,
) -> bool {
    let new = Condition {
        type_: observation.type_.as_str().to_owned(),
        status: observation.status,
        observed_generation: generation,
        last_transition_time: now,
        reason: observation.reason.as_str().to_owned(),
        message: shortened(observation.message),
    };
    let changed = match conditions.iter_mut().find(|condition| condition.type_ == new.type_) {
        None => {
            conditions.push(new);
            true
        }
        Some(old) => replace(old, new),
    };
    conditions.sort_by(|a, b| order(a).cmp(&order(b)));
    changed
}

/// Removes a condition; says whether it was there.
pub fn remove(conditions: &mut Vec<Condition>, type_: ConditionType) -> bool {
    let before = conditions.len();
    conditions.retain(|condition| condition.type_ != type_.as_str());
    conditions.len() != before
}

fn replace(old: &mut Condition, mut new: Condition) -> bool {
    if old.status == new.status && old.reason == new.reason && old.message == new.message {
        new.last_transition_time = old.last_transition_time;
    }
    let changed = *old != new;
    *old = new;
    changed
}

/// Stalled, Reconciling and Ready first, the others by name: what people look for comes first.
fn order(condition: &Condition) -> (u8, &str) {
    let weight = match condition.type_.parse() {
        Ok(ConditionType::Stalled) => 0,
        Ok(ConditionType::Reconciling) => 1,
        Ok(ConditionType::Ready) => 2,
        _ => 3,
    };
    (weight, &condition.type_)
}

/// The message within the limit of the CRDs, cut at a character.
fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE {
        let mark = "...";
        message.truncate(message.floor_char_boundary(MAX_MESSAGE - mark.len()));
        message.push_str(mark);
    }
    message
}

#[cfg(test)]
mod tests;
