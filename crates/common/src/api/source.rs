//! `source.toolkit.fluxcd.io`: GitRepository, OCIRepository, Bucket, HelmRepository, HelmChart,
//! ExternalArtifact.

use std::time::Duration;

pub use self::{
    bucket::{Bucket, BucketProvider, BucketSpec, BucketStatus, BucketSts, StsProvider},
    external::{ExternalArtifact, ExternalArtifactSpec, ExternalArtifactStatus},
    git::{
        GitImplementation, GitProvider, GitRepository, GitRepositoryInclude, GitRepositoryRef,
        GitRepositorySpec, GitRepositoryStatus, GitRepositoryVerification, GitVerificationMode,
    },
    helm::{
        ChartSourceKind, HelmChart, HelmChartSpec, HelmChartStatus, HelmChartVerification,
        HelmRepository, HelmRepositorySpec, HelmRepositoryStatus, HelmRepositoryType,
        LocalHelmChartSourceReference, ReconcileStrategy,
    },
    oci::{
        LayerOperation, OCILayerSelector, OCIRepository, OCIRepositoryRef, OCIRepositorySpec,
        OCIRepositoryStatus, OCIVerification, OidcIdentity, RegistryProvider, VerificationProvider,
    },
};

mod bucket;
mod external;
mod git;
mod helm;
mod oci;

/// The timeout of a fetch when the spec has none: the default of the CRDs.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// The interval of a HelmRepository when the spec has none, as source-controller takes it.
pub const DEFAULT_HELM_REPOSITORY_INTERVAL: Duration = Duration::from_mins(1);
