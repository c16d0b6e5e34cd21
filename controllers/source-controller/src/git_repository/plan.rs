//! What the spec of a GitRepository asks for: every default and every check, and nothing from
//! outside.

use std::{
    path::{Component, Path, PathBuf},
    time::Duration,
};

use common::{
    api::source::{
        GitProvider, GitRepository, GitRepositoryInclude, GitRepositorySpec, GitRepositoryStatus,
        GitVerificationMode,
    },
    condition::Reason,
};
use git::{CheckoutOptions, Reference, RemoteUrl};
use runtime::{Stop, chain};

/// What the spec of a GitRepository asks for.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) url: RemoteUrl,
    pub(super) reference: Reference,
    pub(super) timeout: Duration,
    pub(super) checkout: CheckoutOptions,
    pub(super) ignore: Option<String>,
    pub(super) includes: Vec<Include>,
    pub(super) verify: Option<Verification>,
}

/// An artifact to put into this one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Include {
    pub(super) name: String,
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
}

/// Which signatures must be there, by keys of which Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verification {
    pub(super) mode: GitVerificationMode,
    pub(super) secret: String,
}

impl Plan {
    /// Reads the spec.
    ///
    /// # Errors
    /// [`Stop::Stall`] for a spec that can never work.
    pub(super) fn new(object: &GitRepository) -> Result<Self, Stop> {
        let spec = &object.spec;
        let url =
            spec.url.parse().map_err(|error| Stop::stall(Reason::UrlInvalid, chain(&error)))?;
        provider(spec)?;
        let reference = spec.reference.clone().unwrap_or_default();
        let reference = Reference::from_fields(|name| match name {
            "branch" => reference.branch.as_deref(),
            "tag" => reference.tag.as_deref(),
            "semver" => reference.semver.as_deref(),
            "name" => reference.name.as_deref(),
            "commit" => reference.commit.as_deref(),
            _ => None,
        });
        let reference = reference.map_err(|error| {
            Stop::stall(
                Reason::GitOperationFailed,
                format!("failed to checkout and determine revision: spec.ref: {error}"),
            )
        })?;
        let timeout = spec.timeout();
        let timeout = timeout.map_err(|error| {
            Stop::stall(Reason::ValidationFailed, format!("spec.timeout: {error}"))
        })?;
        let verify = spec.verify.as_ref().map(|verify| Verification {
            mode: verify.mode.clone().unwrap_or(GitVerificationMode::Head),
            secret: verify.secret_ref.name.clone(),
        });
        Ok(Self {
            url,
            reference,
            timeout,
            checkout: CheckoutOptions {
                sparse: spec.sparse_checkout.clone(),
                submodules: spec.recurse_submodules,
            },
            ignore: spec.ignore.clone(),
            includes: spec.include.iter().map(Include::new).collect::<Result<_, _>>()?,
            verify,
        })
    }

    /// Whether an artifact made for `status` has other content than one made for this spec would
    /// have of the same commit and the same includes.
    pub(super) fn changes_content(spec: &GitRepositorySpec, status: &GitRepositoryStatus) -> bool {
        let mode = spec.verify.as_ref().map(|verify| mode_name(verify.mode.as_ref()));
        spec.ignore != status.observed_ignore
            || spec.recurse_submodules != status.observed_recurse_submodules
            || spec.sparse_checkout != status.observed_sparse_checkout
            || spec.include != status.observed_include
            || mode.as_deref() != status.source_verification_mode.as_deref()
    }
}

/// The name of a verification mode as the status shows it: `head` is an older spelling of `HEAD`.
pub(super) fn mode_name(mode: Option<&GitVerificationMode>) -> String {
    match mode {
        None | Some(GitVerificationMode::HeadLegacy) => {
            GitVerificationMode::Head.as_str().to_owned()
        }
        Some(mode) => mode.as_str().to_owned(),
    }
}

impl Verification {
    pub(super) fn of_commit(&self) -> bool {
        !matches!(self.mode, GitVerificationMode::Tag)
    }

    pub(super) fn of_tag(&self) -> bool {
        matches!(self.mode, GitVerificationMode::Tag | GitVerificationMode::TagAndHead)
    }
}

fn provider(spec: &GitRepositorySpec) -> Result<(), Stop> {
    let invalid = |message: String| Err(Stop::stall(Reason::InvalidProviderConfiguration, message));
    match spec.provider.as_ref() {
        None | Some(GitProvider::Generic) => Ok(()),
        Some(GitProvider::Github) if spec.secret_ref.is_none() => invalid(
            "secretRef with github app data must be specified when provider is set to github"
                .to_owned(),
        ),
        Some(other) => invalid(format!(
            "spec.provider '{}' is not supported by this version: use a secretRef with username and password, bearerToken or an SSH identity",
            other.as_str()
        )),
    }
}

impl Include {
    fn new(include: &GitRepositoryInclude) -> Result<Self, Stop> {
        let inside = |field: &str, text: &str| {
            let normal = Path::new(text.trim_start_matches('/')).components().try_fold(
                PathBuf::new(),
                |path, part| match part {
                    Component::Normal(name) => Some(path.join(name)),
                    Component::CurDir => Some(path),
                    Component::ParentDir | Component::RootDir | Component::Prefix(_) => None,
                },
            );
            normal.ok_or_else(|| {
                let name = &include.repository.name;
                let message = format!("path calculation for include '{name}' failed: {field} '{text}' leaves the artifact");
                Stop::stall(Reason::IllegalPath, message)
            })
        };
        Ok(Self {
            name: include.repository.name.clone(),
            from: inside("fromPath", include.from_path())?,
            to: inside("toPath", include.to_path())?,
        })
    }
}

#[cfg(test)]
mod tests;
