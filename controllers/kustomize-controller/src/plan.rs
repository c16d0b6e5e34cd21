//! What a `Kustomization` asks for, with every default applied and every check made. Pure: a spec
//! that can never work stalls here, before anything is fetched.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use apply::{
    ApplyOptions, HealthCheck, HealthCheckSpec, Identity, IgnoreRule, IgnoreTarget, TargetSpec,
};
use common::api::kustomize::{DataKind, DeletionPolicy, Kustomization, PostBuild, SourceKind};
use common::api::meta::{CommonMetadata, DependencyReference, SecretKeyReference, Selector};
use common::condition::Reason;
use common::names;
use kube::ResourceExt;
use kustomize::flux::{self, Injection};
use manifest::ObjectId;
use runtime::{Key, OrStop, Stop};

use crate::settings::Settings;

/// Where the manifests come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceRef {
    pub(crate) kind: SourceKind,
    pub(crate) key: Key,
}

/// Which objects must be healthy before the Kustomization is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wait {
    /// All that were applied.
    All,
    /// These.
    Named(Vec<(ObjectId, String)>),
}

/// How variables are replaced after the build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Substitution {
    pub(crate) post_build: PostBuild,
    pub(crate) strict: bool,
}

/// How much one revision may prune.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PruneLimit {
    /// Any number, but much of it is warned about.
    Warn,
    /// This many objects.
    Count(usize),
    /// This percentage of what was applied before.
    Percent(usize),
}

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) source: SourceRef,
    pub(crate) path: String,
    pub(crate) depends_on: Vec<DependencyReference>,
    pub(crate) injection: Injection,
    pub(crate) common_metadata: CommonMetadata,
    pub(crate) substitution: Option<Substitution>,
    pub(crate) owner: BTreeMap<String, String>,
    pub(crate) target: ClusterRef,
    pub(crate) apply: ApplyOptions,
    pub(crate) prune: bool,
    pub(crate) prune_limit: PruneLimit,
    pub(crate) prune_confirmed: Option<String>,
    pub(crate) wait: Wait,
    pub(crate) checks: Arc<Vec<HealthCheck>>,
    pub(crate) fail_fast: bool,
    /// Whether newer work ends the wait for health.
    pub(crate) cancels: bool,
    pub(crate) timeout: Duration,
    pub(crate) interval: Duration,
    pub(crate) retry_interval: Duration,
}

/// Which cluster, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClusterRef {
    pub(crate) identity: Identity,
    pub(crate) namespace: String,
    pub(crate) kubeconfig: Option<SecretKeyReference>,
}

/// Objects a revision may be without warning, whatever share of the whole they are.
pub(crate) const SMALL_PRUNE: usize = 10;

impl Plan {
    /// What `object` asks for under these settings.
    pub(crate) fn new(object: &Kustomization, settings: &Settings) -> Result<Self, Stop> {
        let spec = &object.spec;
        let namespace = object.namespace().unwrap_or_default();
        if spec.decryption.is_some() {
            let message = "spec.decryption: SOPS decryption is not available in this version";
            return Err(Stop::stall(Reason::BuildFailed, message));
        }
        let owner = owner_labels(&Key::new(namespace.clone(), object.name_any()));
        let stalled = Reason::ValidationFailed;
        Ok(Self {
            source: source(object, &namespace, settings)?,
            path: spec.path.clone().unwrap_or_default(),
            depends_on: spec.depends_on.clone(),
            injection: injection(object)?,
            common_metadata: spec.common_metadata.clone().unwrap_or_default(),
            substitution: substitution(object, settings)?,
            target: cluster_ref(object, &namespace, settings)?,
            apply: ApplyOptions {
                force: spec.force,
                stage_kinds: settings.stage_kinds.clone(),
                override_managers: settings.override_managers.clone(),
                ignore: ignore_rules(object)?,
                selector: selector(&owner),
                migrate_api_version: settings.gate("MigrateAPIVersion"),
                ..ApplyOptions::default()
            },
            owner,
            prune: spec.prune,
            prune_limit: prune_limit(object)?,
            prune_confirmed: object.annotations().get(names::PRUNE_CONFIRMED).cloned(),
            wait: wait(object, &namespace),
            checks: Arc::new(checks(object)?),
            fail_fast: !settings.gate("DisableFailFastBehavior"),
            cancels: settings.gate("CancelHealthCheckOnNewRevision"),
            timeout: spec.timeout().or_stall(stalled)?,
            interval: spec.interval.get().or_stall(stalled)?,
            retry_interval: spec.retry_interval().or_stall(stalled)?,
        })
    }
}

/// The labels that make an applied object ours.
pub fn owner_labels(key: &Key) -> BTreeMap<String, String> {
    BTreeMap::from([
        (names::KUSTOMIZE_NAME.to_owned(), key.name.clone()),
        (names::KUSTOMIZE_NAMESPACE.to_owned(), key.namespace.clone()),
    ])
}

fn selector(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

fn source(object: &Kustomization, namespace: &str, settings: &Settings) -> Result<SourceRef, Stop> {
    let reference = &object.spec.source_ref;
    let own = reference.namespace.clone().filter(|n| !n.is_empty());
    let key = Key::new(own.unwrap_or_else(|| namespace.to_owned()), reference.name.clone());
    let name = format!("{}/{key}", reference.kind);
    if settings.no_cross_namespace_refs && key.namespace != namespace {
        let message =
            format!("can't access '{name}', cross-namespace references have been blocked");
        return Err(Stop::stall(Reason::AccessDenied, message));
    }
    match &reference.kind {
        SourceKind::ExternalArtifact if !settings.gate("ExternalArtifact") => Err(Stop::stall(
            Reason::AccessDenied,
            format!("can't access '{name}', ExternalArtifact feature gate is disabled"),
        )),
        SourceKind::Other(kind) => Err(Stop::stall(
            Reason::ValidationFailed,
            format!("spec.sourceRef.kind: '{kind}' is not supported"),
        )),
        kind => Ok(SourceRef { kind: kind.clone(), key }),
    }
}

fn cluster_ref(
    object: &Kustomization,
    namespace: &str,
    settings: &Settings,
) -> Result<ClusterRef, Stop> {
    let spec = &object.spec;
    let account = spec.service_account_name.clone().filter(|name| !name.is_empty());
    let account = account.or_else(|| settings.default_service_account.clone());
    let identity = match account {
        Some(name) if is_name(&name) => {
            Identity::ServiceAccount { namespace: namespace.to_owned(), name }
        }
        Some(name) => {
            let message = format!("spec.serviceAccountName: '{name}' is no name of an object");
            return Err(Stop::stall(Reason::ValidationFailed, message));
        }
        None => Identity::Own,
    };
    let kubeconfig = match &spec.kube_config {
        Some(reference) if reference.config_map_ref.is_some() => {
            let message = "spec.kubeConfig.configMapRef: signing in by workload identity is not available in this version";
            return Err(Stop::stall(Reason::ReconciliationFailed, message));
        }
        Some(reference) => reference.secret_ref.clone(),
        None => None,
    };
    Ok(ClusterRef { identity, namespace: namespace.to_owned(), kubeconfig })
}

/// A name that is safe in a user name: DNS labels with dots. (CVE-2021-41254: it once reached a
/// shell.)
fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    name.len() <= 253 && name.chars().all(inner) && !name.starts_with(['-', '.'])
}

/// What a Kustomization adds to the build of its path.
///
/// # Errors
/// When a patch cannot be written as text.
pub fn injection(object: &Kustomization) -> Result<Injection, Stop> {
    let spec = &object.spec;
    let mut patches = Vec::new();
    for patch in &spec.patches_strategic_merge {
        patches.push(flux::Patch { patch: patch.to_string(), target: None });
    }
    for patch in &spec.patches_json6902 {
        let operations = serde_json::to_string(&patch.patch).or_stall(Reason::ValidationFailed)?;
        patches.push(flux::Patch { patch: operations, target: Some(patch_target(&patch.target)) });
    }
    for patch in &spec.patches {
        let target = patch.target.as_ref().map(patch_target);
        patches.push(flux::Patch { patch: patch.patch.clone(), target });
    }
    let image = |image: &common::api::meta::ImageOverride| flux::Image {
        name: image.name.clone(),
        new_name: image.new_name.clone().unwrap_or_default(),
        new_tag: image.new_tag.clone().unwrap_or_default(),
        digest: image.digest.clone().unwrap_or_default(),
    };
    Ok(Injection {
        target_namespace: spec.target_namespace.clone(),
        name_prefix: spec.name_prefix.clone(),
        name_suffix: spec.name_suffix.clone(),
        patches,
        images: spec.images.iter().map(image).collect(),
        components: spec.components.clone(),
        ignore_missing_components: spec.ignore_missing_components,
        build_metadata: spec.build_metadata.iter().map(|kind| kind.as_str().to_owned()).collect(),
    })
}

fn patch_target(selector: &Selector) -> flux::Selector {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    flux::Selector {
        group: text(&selector.group),
        version: text(&selector.version),
        kind: text(&selector.kind),
        namespace: text(&selector.namespace),
        name: text(&selector.name),
        annotation_selector: text(&selector.annotation_selector),
        label_selector: text(&selector.label_selector),
    }
}

fn substitution(object: &Kustomization, settings: &Settings) -> Result<Option<Substitution>, Stop> {
    let Some(post_build) = &object.spec.post_build else { return Ok(None) };
    for reference in &post_build.substitute_from {
        if let DataKind::Other(kind) = &reference.kind {
            let message = format!("spec.postBuild.substituteFrom: kind '{kind}' is not supported");
            return Err(Stop::stall(Reason::ValidationFailed, message));
        }
    }
    Ok(Some(Substitution {
        post_build: post_build.clone(),
        strict: settings.gate("StrictPostBuildSubstitutions"),
    }))
}

fn ignore_rules(object: &Kustomization) -> Result<Vec<IgnoreRule>, Stop> {
    let rule = |rule: &common::api::meta::IgnoreRule| {
        let target = rule.target.as_ref().map(|target| {
            IgnoreTarget::new(&TargetSpec {
                group: target.group.as_deref(),
                version: target.version.as_deref(),
                kind: target.kind.as_deref(),
                name: target.name.as_deref(),
                namespace: target.namespace.as_deref(),
                label_selector: target.label_selector.as_deref(),
                annotation_selector: target.annotation_selector.as_deref(),
            })
        });
        Ok(IgnoreRule { paths: rule.paths.clone(), target: target.transpose()? })
    };
    let rules: Result<_, apply::Error> = object.spec.ignore.iter().map(rule).collect();
    rules.map_err(|error| Stop::stall(Reason::ValidationFailed, format!("spec.ignore: {error}")))
}

fn checks(object: &Kustomization) -> Result<Vec<HealthCheck>, Stop> {
    let check = |check: &common::api::meta::CustomHealthCheck| {
        HealthCheck::new(&HealthCheckSpec {
            api_version: &check.api_version,
            kind: check.kind.as_deref(),
            current: &check.current,
            in_progress: check.in_progress.as_deref(),
            failed: check.failed.as_deref(),
        })
    };
    let checks: Result<Vec<HealthCheck>, apply::Error> =
        object.spec.health_check_exprs.iter().map(check).collect();
    let invalid = |error: String| {
        let message = format!("{TERMINAL}: spec.healthCheckExprs: {error}");
        Stop::stall(Reason::InvalidCelExpression, message)
    };
    let checks = checks.map_err(|error| invalid(error.to_string()))?;
    match HealthCheck::duplicate(&checks) {
        Some(error) => Err(invalid(error)),
        None => Ok(checks),
    }
}

/// How the message about an expression that can never work begins, as in the original.
const TERMINAL: &str = "Reconciliation failed terminally due to configuration error";

fn wait(object: &Kustomization, namespace: &str) -> Wait {
    if object.spec.wait {
        return Wait::All;
    }
    let target = |check: &common::api::meta::NamespacedObjectKindReference| {
        let api_version = check.api_version.as_deref().filter(|version| !version.is_empty());
        let api_version = api_version.unwrap_or("apps/v1");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let id = ObjectId {
            group: group.to_owned(),
            kind: check.kind.clone(),
            namespace: check.namespace.clone().unwrap_or_else(|| namespace.to_owned()),
            name: check.name.clone(),
        };
        (id, version.to_owned())
    };
    Wait::Named(object.spec.health_checks.iter().map(target).collect())
}

fn prune_limit(object: &Kustomization) -> Result<PruneLimit, Stop> {
    let Some(text) = object.annotations().get(names::PRUNE_LIMIT) else {
        return Ok(PruneLimit::Warn);
    };
    let limit = match text.trim().strip_suffix('%') {
        Some(percent) => percent.parse().ok().filter(|p| *p <= 100).map(PruneLimit::Percent),
        None => text.trim().parse().ok().map(PruneLimit::Count),
    };
    let message = || {
        format!("annotation {}: '{text}' is neither a number nor a percentage", names::PRUNE_LIMIT)
    };
    limit.ok_or_else(|| Stop::stall(Reason::ValidationFailed, message()))
}

impl PruneLimit {
    /// Whether pruning `stale` of `before` objects is more than is allowed.
    pub(crate) fn is_exceeded(self, stale: usize, before: usize) -> bool {
        match self {
            Self::Warn => false,
            Self::Count(limit) => stale > limit,
            Self::Percent(limit) => stale.saturating_mul(100) > limit.saturating_mul(before),
        }
    }
}

/// What deleting the Kustomization does to the objects it applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// They stay.
    Orphan,
    /// They are deleted.
    Delete,
    /// They are deleted, and that is waited for.
    WaitForTermination,
}

/// What the spec wants on deletion.
pub(crate) fn farewell(object: &Kustomization) -> Farewell {
    match object.spec.deletion_policy.as_ref() {
        None | Some(DeletionPolicy::MirrorPrune) if object.spec.prune => Farewell::Delete,
        None | Some(DeletionPolicy::MirrorPrune | DeletionPolicy::Orphan) => Farewell::Orphan,
        Some(DeletionPolicy::Delete) => Farewell::Delete,
        Some(DeletionPolicy::WaitForTermination) => Farewell::WaitForTermination,
        // A policy of a newer version: nothing that cannot be undone.
        Some(DeletionPolicy::Other(_)) => Farewell::Orphan,
    }
}

/// The cluster that the objects of a Kustomization that is deleted are in.
pub(crate) fn farewell_cluster(
    object: &Kustomization,
    settings: &Settings,
) -> Result<ClusterRef, Stop> {
    cluster_ref(object, &object.namespace().unwrap_or_default(), settings)
}

#[cfg(test)]
mod tests;
