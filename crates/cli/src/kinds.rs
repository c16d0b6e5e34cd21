//! The kinds that commands name, as one table.

use kube::core::{ApiResource, GroupVersionKind};

/// A kind, and how people and the API name it.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "`kind` is the API's own word for it")]
pub(crate) struct Kind {
    /// The API group.
    pub(crate) group: &'static str,
    /// The version that commands use.
    pub(crate) version: &'static str,
    /// The kind's name.
    pub(crate) kind: &'static str,
    /// The name in URLs.
    pub(crate) plural: &'static str,
    /// JSON pointer to the revision shown by `get`.
    pub(crate) revision: &'static str,
}

/// A Git repository that is fetched.
pub(crate) const GIT_REPOSITORY: Kind = Kind {
    group: "source.toolkit.fluxcd.io",
    version: "v1",
    kind: "GitRepository",
    plural: "gitrepositories",
    revision: "/status/artifact/revision",
};

/// A path of an artifact that is applied.
pub(crate) const KUSTOMIZATION: Kind = Kind {
    group: "kustomize.toolkit.fluxcd.io",
    version: "v1",
    kind: "Kustomization",
    plural: "kustomizations",
    revision: "/status/lastAppliedRevision",
};

/// Every kind in the table.
pub(crate) const ALL: &[&Kind] = &[&GIT_REPOSITORY, &KUSTOMIZATION];

/// Kinds that become ready by the work of controllers that this version does not have.
pub(crate) const UNATTENDED: &[Kind] = &[
    unattended("source.toolkit.fluxcd.io", "v1", "OCIRepository", "ocirepositories"),
    unattended("source.toolkit.fluxcd.io", "v1", "Bucket", "buckets"),
    unattended("source.toolkit.fluxcd.io", "v1", "HelmRepository", "helmrepositories"),
    unattended("source.toolkit.fluxcd.io", "v1", "HelmChart", "helmcharts"),
    unattended("source.extensions.fluxcd.io", "v1beta1", "ArtifactGenerator", "artifactgenerators"),
    unattended("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases"),
    unattended("image.toolkit.fluxcd.io", "v1", "ImageRepository", "imagerepositories"),
    unattended("image.toolkit.fluxcd.io", "v1", "ImagePolicy", "imagepolicies"),
    unattended("image.toolkit.fluxcd.io", "v1", "ImageUpdateAutomation", "imageupdateautomations"),
    unattended("notification.toolkit.fluxcd.io", "v1", "Receiver", "receivers"),
];

const fn unattended(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
) -> Kind {
    Kind { group, version, kind, plural, revision: "/status/artifact/revision" }
}

impl Kind {
    /// What a client needs to reach objects of the kind.
    pub(crate) fn resource(&self) -> ApiResource {
        let kind = GroupVersionKind::gvk(self.group, self.version, self.kind);
        ApiResource::from_gvk_with_plural(&kind, self.plural)
    }

    /// The kind of this name, if it is in the table.
    pub(crate) fn find(group: &str, kind: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|entry| entry.group == group && entry.kind == kind)
    }
}
