//! What the flags of the controller say, as far as it concerns the work on one object.

use apply::StageKind;
use runtime::{Gates, Options};
use thiserror::Error;

/// The feature gates and their defaults. A wait for health gives way to a new revision unless it is
/// told not to: it holds up nobody, and what it waits for is not wanted any more.
pub const GATES: &[(&str, bool)] = &[
    ("AdditiveCELDependencyCheck", false),
    ("CacheSecretsAndConfigMaps", false),
    ("CancelHealthCheckOnNewRevision", true),
    ("DirectSourceFetch", false),
    ("DisableConfigWatchers", false),
    ("DisableFailFastBehavior", false),
    ("DisableStatusPollerCache", true),
    ("ExternalArtifact", false),
    ("GroupChangeLog", false),
    ("MigrateAPIVersion", false),
    ("ObjectLevelWorkloadIdentity", false),
    ("StrictPostBuildSubstitutions", true),
];

/// Visits at the same time (`--concurrent`).
pub const CONCURRENT: usize = 4;

/// What may be tuned.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Objects in flight per Kustomization (`--concurrent-ssa`).
    pub concurrent_ssa: usize,
    /// Field managers to take over from (`--override-manager`).
    pub override_managers: Vec<String>,
    /// Kinds applied in a stage of their own (`--custom-apply-stage-kinds`).
    pub stage_kinds: Vec<StageKind>,
    /// Build only what is in the artifact (`--no-remote-bases`).
    pub no_remote_bases: bool,
    /// Tries to fetch an artifact (`--http-retry`).
    pub http_retry: u32,
    /// A host to fetch all artifacts from, whatever their address says.
    pub artifact_host: Option<String>,
    pub(crate) no_cross_namespace_refs: bool,
    pub(crate) default_service_account: Option<String>,
    pub(crate) gates: Gates,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrent_ssa: 4,
            override_managers: Vec::new(),
            stage_kinds: Vec::new(),
            no_remote_bases: false,
            http_retry: 9,
            artifact_host: None,
            no_cross_namespace_refs: false,
            default_service_account: None,
            gates: Gates::new(GATES),
        }
    }
}

impl Settings {
    /// The same with what the common options and gates say.
    pub(crate) fn under(mut self, options: &Options) -> Self {
        self.no_cross_namespace_refs = options.no_cross_namespace_refs;
        self.default_service_account.clone_from(&options.default_service_account);
        self.gates = options.gates.clone();
        self
    }

    /// Whether a feature gate is on.
    pub(crate) fn gate(&self, name: &str) -> bool {
        self.gates.is_on(name)
    }
}

/// A kind that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is no kind, expected group/Kind or Kind")]
pub struct StageKindError(String);

/// Reads one kind of `--custom-apply-stage-kinds`: `group/Kind`, or `Kind` of the core group.
///
/// # Errors
/// For text without a kind.
pub fn stage_kind(text: &str) -> Result<StageKind, StageKindError> {
    let (group, kind) = text.rsplit_once('/').unwrap_or(("", text));
    if kind.is_empty() || !kind.starts_with(|c: char| c.is_ascii_uppercase()) {
        return Err(StageKindError(text.to_owned()));
    }
    Ok(StageKind { group: group.to_owned(), kind: kind.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_kinds_name_group_and_kind() {
        let kind = stage_kind("example.com/Widget").unwrap();
        assert_eq!((kind.group.as_str(), kind.kind.as_str()), ("example.com", "Widget"));
        assert_eq!(stage_kind("Secret").unwrap().group, "");
        assert!(stage_kind("example.com/").is_err());
        assert!(stage_kind("widgets").is_err());
    }
}
