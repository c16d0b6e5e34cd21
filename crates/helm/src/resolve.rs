//! Which versions a chart's dependencies resolve to.

use std::collections::BTreeMap;

use gotemplate::semver::{Constraint, Version};
use sha2::{Digest, Sha256};

use crate::chart::Lock;
use crate::index::RepositoryIndex;
use crate::metadata::Dependency;
use crate::{Error, Result, gojson};

/// Where versions of charts are known from; fetching is the caller's business.
pub trait Source {
    /// The index of an HTTP repository.
    ///
    /// # Errors
    /// When there is none.
    fn index(&self, repository: &str) -> Result<&RepositoryIndex, Error>;

    /// The tags of a chart in an OCI registry (`oci://host/path/NAME`).
    ///
    /// # Errors
    /// When they cannot be listed.
    fn tags(&self, repository: &str, name: &str) -> Result<Vec<String>, Error>;

    /// The version of a chart in a folder, given by a `file://` URL or, without a repository, by
    /// its name in `charts/`.
    ///
    /// # Errors
    /// When there is no such chart.
    fn local(&self, repository: &str, name: &str) -> Result<String, Error>;
}

/// The version that a constraint selects from a list that starts with the newest: an exactly equal
/// text first, else the first that satisfies it. An empty constraint means the newest that is no
/// prerelease.
///
/// # Errors
/// When the constraint cannot be read.
pub fn newest<'v>(versions: &'v [String], constraint: &str) -> Result<Option<&'v str>, Error> {
    if let Some(exact) = versions.iter().find(|version| *version == constraint) {
        return Ok(Some(exact));
    }
    let constraint = Constraint::parse(if constraint.is_empty() { "*" } else { constraint })?;
    let fits = |text: &&String| Version::parse(text).is_ok_and(|it| constraint.check(&it));
    Ok(versions.iter().find(fits).map(String::as_str))
}

/// The outcome of a resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The lock to write.
    pub lock: Lock,
    /// The URLs of each package in an HTTP repository, in the order of the dependencies.
    pub urls: Vec<Vec<String>>,
}

/// Resolves dependencies to versions.
///
/// # Errors
/// When a constraint cannot be read or satisfied, or the source fails.
pub fn resolve(
    dependencies: &[Dependency],
    source: &dyn Source,
    generated: &str,
) -> Result<Resolved, Error> {
    let mut locked = Vec::new();
    let mut urls = Vec::new();
    let mut missing = Vec::new();
    for dependency in dependencies {
        let found = one(dependency, source)?;
        let Some((version, package)) = found else {
            missing.push(format!(
                "{:?} (repository {:?}, version {:?})",
                dependency.name, dependency.repository, dependency.version
            ));
            continue;
        };
        locked.push(Dependency {
            name: dependency.name.clone(),
            repository: dependency.repository.clone(),
            version,
            ..Dependency::default()
        });
        urls.push(package);
    }
    if !missing.is_empty() {
        return Err(Error::new(format!(
            "can't get a valid version for {} subchart(s): {}. Make sure a matching chart version exists in the repo, or change the version constraint in Chart.yaml",
            missing.len(),
            missing.join(", ")
        )));
    }
    let digest = digest(dependencies, &locked)?;
    let lock = Lock { generated: generated.to_owned(), digest, dependencies: locked };
    Ok(Resolved { lock, urls })
}

/// The version and the package URLs of one dependency; `None` when nothing fits.
fn one(dependency: &Dependency, source: &dyn Source) -> Result<Option<(String, Vec<String>)>> {
    let Dependency { name, repository, version, .. } = dependency;
    let constraint = Constraint::parse(version).map_err(|error| {
        Error::new(format!("dependency {name:?} has an invalid version/constraint format: {error}"))
    })?;
    if repository.is_empty() {
        source.local(repository, name)?;
        return Ok(Some((version.clone(), Vec::new())));
    }
    if repository.starts_with("file://") {
        let found = source.local(repository, name)?;
        let fits = Version::parse(&found).is_ok_and(|version| constraint.check(&version));
        return Ok(fits.then_some((found, Vec::new())));
    }
    let fits = |text: &str| Version::parse(text).is_ok_and(|version| constraint.check(&version));
    if repository.starts_with("oci://") {
        if Version::parse(version).is_ok() {
            return Ok(Some((version.clone(), Vec::new())));
        }
        let mut tags = source.tags(repository, name)?;
        // Registries cannot hold a plus in a tag.
        for tag in &mut tags {
            *tag = tag.replace('_', "+");
        }
        tags.retain(|tag| fits(tag));
        let newest = tags.into_iter().max_by(|a, b| match (Version::parse(a), Version::parse(b)) {
            (Ok(a), Ok(b)) => a.compare(&b),
            _ => std::cmp::Ordering::Equal,
        });
        // As in Helm, that nothing fits shows when the chart is asked for.
        return Ok(Some((newest.unwrap_or_else(|| version.clone()), Vec::new())));
    }
    let index = source.index(repository)?;
    let versions = index
        .entries
        .get(name)
        .ok_or_else(|| Error::new(format!("{name} chart not found in repo {repository}")))?;
    let chosen = versions.iter().find(|v| !v.urls.is_empty() && fits(&v.metadata.version));
    Ok(chosen.map(|v| (v.metadata.version.clone(), v.urls.clone())))
}

/// The digest of a lock: over the requirements and what they resolved to, as Go's JSON.
///
/// # Errors
/// When they cannot be written as JSON.
pub(crate) fn digest(wanted: &[Dependency], locked: &[Dependency]) -> Result<String> {
    Ok(sha256(&gojson::to_string(&[wanted, locked])?))
}

fn sha256(text: &str) -> String {
    let hash = Sha256::digest(text);
    let digits: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", digits.concat())
}

/// Whether a version satisfies a constraint.
///
/// # Errors
/// When either cannot be read.
pub fn satisfies(version: &str, constraint: &str) -> Result<bool, Error> {
    Ok(Constraint::parse(constraint)?.check(&Version::parse(version)?))
}

impl Lock {
    /// True when Helm 2 made the lock from these requirements.
    pub fn fits_helm_2(&self, wanted: &[Dependency]) -> bool {
        let json = gojson::to_string(&BTreeMap::from([("dependencies", wanted)]));
        json.is_ok_and(|json| sha256(&json) == self.digest)
    }

    /// True when the lock was made from these requirements.
    pub fn fits(&self, wanted: &[Dependency]) -> bool {
        digest(wanted, &self.dependencies).is_ok_and(|digest| digest == self.digest)
    }
}
