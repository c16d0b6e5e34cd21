//! The artifact as it stands in the status of a source, and where it lies.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Digest, DigestError, Directories, Revision, RevisionError};
use crate::{names, time::Time};

/// What a source made: an immutable file, where to get it, and how to verify it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Digest of the file, as `<algorithm>:<hex>`.
    #[schemars(regex(pattern = r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"))]
    pub digest: String,
    /// When the file was made.
    pub last_update_time: Time,
    /// Further data, such as the annotations of an OCI manifest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Path of the file below the root of the storage.
    pub path: String,
    /// What the file was made from, such as `main@sha1:<hash>`.
    pub revision: String,
    /// Size of the file in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// Address to fetch the file from.
    pub url: String,
}

impl Artifact {
    /// The digest, parsed.
    pub fn digest(&self) -> Result<Digest, DigestError> {
        self.digest.parse()
    }

    /// The revision, parsed.
    pub fn revision(&self) -> Result<Revision, RevisionError> {
        self.revision.parse()
    }

    /// The digests of its directories, if its maker recorded them in a form that is known here.
    pub fn directories(&self) -> Option<Directories> {
        self.metadata.get(names::DIRECTORY_DIGESTS)?.parse().ok()
    }

    /// Whether the artifact was made from this revision.
    pub fn has_revision(&self, revision: &Revision) -> bool {
        self.revision().is_ok_and(|own| own == *revision)
    }
}

/// A kind, namespace or name that cannot be part of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part:?} cannot be part of the path of an artifact")]
pub struct KeyError {
    /// The part.
    pub part: String,
}

/// Whose artifact it is. Its parts are safe to be parts of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactKey {
    kind: String,
    namespace: String,
    name: String,
}

impl ArtifactKey {
    /// A key for an object; the kind is put in lower case.
    ///
    /// # Errors
    /// If a part is empty, `.` or `..`, starts with a dot, or has other characters than those of
    /// Kubernetes names (letters, digits, `-`, `.`, `_`, `:`).
    pub fn new(kind: &str, namespace: &str, name: &str) -> Result<Self, KeyError> {
        let part = |text: &str| {
            let part = text.to_owned();
            if is_safe(text) { Ok(part) } else { Err(KeyError { part }) }
        };
        Ok(Self {
            kind: part(&kind.to_ascii_lowercase())?,
            namespace: part(namespace)?,
            name: part(name)?,
        })
    }

    /// The kind in lower case.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directory of the object's artifacts below the root, as `<kind>/<namespace>/<name>`.
    pub fn directory(&self) -> String {
        format!("{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// Whether a text can be one component of a path below a root.
pub(super) fn is_safe(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '+');
    !text.is_empty() && text.len() <= 253 && !text.starts_with('.') && text.chars().all(allowed)
}

/// The end of the names of lock files.
pub(super) const LOCK: &str = ".lock";

/// Whether a text can be the name of an artifact's file.
pub(super) fn is_file_name(text: &str) -> bool {
    is_safe(text) && !text.ends_with(LOCK)
}

impl fmt::Display for ArtifactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.directory())
    }
}

impl fmt::Debug for ArtifactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
