//! The names that are agreed with other programs: annotations, labels, finalizers, field managers,
//! keys of Secrets.

/// The prefix of every name that is Weir's own. It stands here and nowhere else.
macro_rules! prefix {
    () => {
        "weir.dev/"
    };
}

/// The prefix of every name that is Weir's own.
pub const WEIR_PREFIX: &str = prefix!();

/// Makes constants below [`WEIR_PREFIX`].
macro_rules! weir {
    ($($(#[$doc:meta])* $name:ident = $key:literal;)+) => {
        $( $(#[$doc])* pub const $name: &str = concat!(prefix!(), $key); )+

        #[cfg(test)]
        const OWN: &[&str] = &[$($name),+];
    };
}

weir! {
    /// Metadata key of an artifact: the digests of its directories.
    DIRECTORY_DIGESTS = "directory-digests";
    /// Annotation on a Kustomization: `disabled` makes it rebuild for every new revision.
    SUBTREE_CACHE = "subtree-cache";
    /// Annotation on a Kustomization: how many objects, or which share of them (`25%`), one
    /// revision may prune.
    PRUNE_LIMIT = "prune-limit";
    /// Annotation on a Kustomization: the revision for which pruning beyond the limit is allowed.
    PRUNE_CONFIRMED = "prune-confirmed";
}

/// Annotation: a new value asks for one reconciliation.
pub const RECONCILE_REQUEST: &str = "reconcile.fluxcd.io/requestedAt";
/// Annotation on a HelmRelease: with the value of the request, forces one install or upgrade.
pub const FORCE_REQUEST: &str = "reconcile.fluxcd.io/forceAt";
/// Annotation on a HelmRelease: with the value of the request, sets the failure counts to zero.
pub const RESET_REQUEST: &str = "reconcile.fluxcd.io/resetAt";
/// Label on a ConfigMap or Secret: `Enabled` makes a change reconcile what refers to it.
pub const WATCH_LABEL: &str = "reconcile.fluxcd.io/watch";

/// Label on applied objects: name of the Kustomization.
pub const KUSTOMIZE_NAME: &str = "kustomize.toolkit.fluxcd.io/name";
/// Label on applied objects: namespace of the Kustomization.
pub const KUSTOMIZE_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";
/// Label or annotation on an object: `disabled` keeps it from being pruned.
pub const KUSTOMIZE_PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
/// Label or annotation on an object: `disabled` keeps it from being applied and pruned.
pub const KUSTOMIZE_RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
/// Label or annotation on an object: how it is applied (Override, Merge, IfNotPresent, Ignore).
pub const KUSTOMIZE_SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";
/// Label or annotation on an object: `enabled` lets it be made anew when an immutable field changes.
pub const KUSTOMIZE_FORCE: &str = "kustomize.toolkit.fluxcd.io/force";
/// Label or annotation on an object: `disabled` keeps variables in it as they are.
pub const KUSTOMIZE_SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";
/// Label or annotation on an object: `Disabled` keeps encrypted data in it as it is.
pub const KUSTOMIZE_DECRYPT: &str = "kustomize.toolkit.fluxcd.io/decrypt";
/// Former label with the checksum of a Kustomization; taken off applied objects.
pub const KUSTOMIZE_CHECKSUM: &str = "kustomize.toolkit.fluxcd.io/checksum";
/// Former annotation of the first generation of Flux; taken off applied objects.
pub const LEGACY_SYNC_CHECKSUM: &str = "fluxcd.io/sync-checksum";
/// Former label of the first generation of Flux; taken off applied objects.
pub const LEGACY_SYNC_GC_MARK: &str = "fluxcd.io/sync-gc-mark";
/// Annotation of client-side apply; taken off applied objects.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Label on the objects of a release and on its HelmChart: name of the HelmRelease.
pub const HELM_NAME: &str = "helm.toolkit.fluxcd.io/name";
/// Label on the objects of a release and on its HelmChart: namespace of the HelmRelease.
pub const HELM_NAMESPACE: &str = "helm.toolkit.fluxcd.io/namespace";
/// Label or annotation on an object: `disabled` leaves it out of drift detection.
pub const HELM_DRIFT_DETECTION: &str = "helm.toolkit.fluxcd.io/driftDetection";
/// Annotation of Helm: name of the release that owns the object.
pub const HELM_RELEASE_NAME: &str = "meta.helm.sh/release-name";
/// Annotation of Helm: namespace of the release that owns the object.
pub const HELM_RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
/// Label: the program that manages an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Annotation on an ArtifactGenerator: `Disabled` suspends it.
pub const GENERATOR_RECONCILE: &str = "source.extensions.fluxcd.io/reconcile";
/// Label on an ExternalArtifact: uid of the ArtifactGenerator that owns it.
pub const GENERATOR_LABEL: &str = "source.extensions.fluxcd.io/generator";

/// Prefix of annotations that are copied into the metadata of events.
pub const EVENT_PREFIX: &str = "event.toolkit.fluxcd.io/";
/// Label: the shard of controllers that handles an object.
pub const SHARD_KEY: &str = "sharding.fluxcd.io/key";
/// Label: the tenant that an object belongs to.
pub const TENANT: &str = "toolkit.fluxcd.io/tenant";
/// Label on installed objects: the name of the installation.
pub const APP_INSTANCE: &str = "app.kubernetes.io/instance";
/// Label on installed objects: `flux`.
pub const APP_PART_OF: &str = "app.kubernetes.io/part-of";
/// Label on installed objects: the version.
pub const APP_VERSION: &str = "app.kubernetes.io/version";
/// Label on installed objects: the controller.
pub const APP_COMPONENT: &str = "app.kubernetes.io/component";

/// The value that switches something on.
pub const ENABLED: &str = "enabled";
/// The value that switches something off.
pub const DISABLED: &str = "disabled";

/// The finalizer of every kind but ArtifactGenerator.
pub const FINALIZER: &str = "finalizers.fluxcd.io";
/// The finalizer of ArtifactGenerator.
pub const GENERATOR_FINALIZER: &str = "source.extensions.fluxcd.io/finalizer";

/// source-controller, as field manager of statuses and as reporter of events.
pub const SOURCE_CONTROLLER: &str = "source-controller";
/// kustomize-controller, as field manager of applied objects and as reporter of events.
pub const KUSTOMIZE_CONTROLLER: &str = "kustomize-controller";
/// kustomize-controller, as field manager of statuses.
pub const KUSTOMIZE_STATUS_MANAGER: &str = "gotk-kustomize-controller";
/// helm-controller, as field manager and as reporter of events.
pub const HELM_CONTROLLER: &str = "helm-controller";
/// notification-controller, as field manager of statuses and as reporter of events.
pub const NOTIFICATION_CONTROLLER: &str = "notification-controller";
/// The controller of image repositories and policies, in statuses and events.
pub const IMAGE_REFLECTOR_CONTROLLER: &str = "image-reflector-controller";
/// The controller of image update automations, in statuses and events.
pub const IMAGE_AUTOMATION_CONTROLLER: &str = "image-automation-controller";
/// The controller of artifact generators, in statuses and events.
pub const SOURCE_WATCHER: &str = "source-watcher";

/// Keys of Secrets.
pub mod secret {
    /// A user name.
    pub const USERNAME: &str = "username";
    /// A password.
    pub const PASSWORD: &str = "password";
    /// A token to send as bearer.
    pub const BEARER_TOKEN: &str = "bearerToken";
    /// A token.
    pub const TOKEN: &str = "token";
    /// A private SSH key.
    pub const IDENTITY: &str = "identity";
    /// A public SSH key.
    pub const IDENTITY_PUB: &str = "identity.pub";
    /// Known SSH hosts.
    pub const KNOWN_HOSTS: &str = "known_hosts";
    /// Certificates of trusted authorities.
    pub const CA: &str = "ca.crt";
    /// A client certificate.
    pub const TLS_CERT: &str = "tls.crt";
    /// The key of a client certificate.
    pub const TLS_KEY: &str = "tls.key";
    /// Former name of [`CA`].
    pub const LEGACY_CA: &str = "caFile";
    /// Former name of [`TLS_CERT`].
    pub const LEGACY_CERT: &str = "certFile";
    /// Former name of [`TLS_KEY`].
    pub const LEGACY_KEY: &str = "keyFile";
    /// The address of a proxy or of a provider.
    pub const ADDRESS: &str = "address";
    /// The id of a GitHub App.
    pub const GITHUB_APP_ID: &str = "githubAppID";
    /// The account where a GitHub App is installed.
    pub const GITHUB_APP_INSTALLATION_OWNER: &str = "githubAppInstallationOwner";
    /// The id of an installation of a GitHub App.
    pub const GITHUB_APP_INSTALLATION_ID: &str = "githubAppInstallationID";
    /// The private key of a GitHub App.
    pub const GITHUB_APP_PRIVATE_KEY: &str = "githubAppPrivateKey";
    /// The base address of a GitHub Enterprise server.
    pub const GITHUB_APP_BASE_URL: &str = "githubAppBaseURL";
    /// The pull secret of a registry.
    pub const DOCKER_CONFIG: &str = ".dockerconfigjson";
}

#[cfg(test)]
mod tests {
    use super::{OWN, WEIR_PREFIX};

    #[test]
    fn own_names_carry_the_prefix() {
        for name in OWN {
            assert!(name.strip_prefix(WEIR_PREFIX).is_some_and(|key| !key.is_empty()), "{name}");
        }
    }
}
