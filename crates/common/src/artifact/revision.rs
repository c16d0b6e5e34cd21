//! Revisions of sources: what was fetched, by name and digest.

use std::{fmt, str::FromStr};

/// A text that is no revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid revision {0:?}: expected [name@]algorithm:digest, or a version")]
pub struct RevisionError(pub String);

/// The revision of an artifact, in one of the forms of RFC 0005 of Flux:
///
/// - `main@sha1:<hash>`, `refs/pull/1/head@sha1:<hash>`, `latest@sha256:<hash>`: a name and a digest
/// - `sha256:<hash>`: a digest alone
/// - `6.1.0`: a version alone (charts)
///
/// A name may itself contain an `@`; the last one that is followed by a digest counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    name: Option<String>,
    digest: Option<Checksum>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Checksum {
    algorithm: String,
    hex: String,
}

impl Revision {
    /// A revision of a name (branch, tag or reference) and a digest.
    ///
    /// # Errors
    /// If the name is empty, or the algorithm or the digest has other characters than the wire
    /// format allows.
    pub fn named(name: &str, algorithm: &str, hex: &str) -> Result<Self, RevisionError> {
        format!("{name}@{algorithm}:{hex}").parse()
    }

    /// A revision of a digest alone.
    ///
    /// # Errors
    /// As [`Self::named`].
    pub fn digest_only(algorithm: &str, hex: &str) -> Result<Self, RevisionError> {
        format!("{algorithm}:{hex}").parse()
    }

    /// The branch, tag, reference or version.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The algorithm of the digest, such as `sha1`.
    pub fn algorithm(&self) -> Option<&str> {
        self.digest.as_ref().map(|digest| digest.algorithm.as_str())
    }

    /// The digest without its algorithm: for Git, the hash of the commit.
    pub fn hash(&self) -> Option<&str> {
        self.digest.as_ref().map(|digest| digest.hex.as_str())
    }

    /// The first `length` characters of the hash.
    pub fn short_hash(&self, length: usize) -> Option<&str> {
        self.hash().map(|hash| hash.get(..length).unwrap_or(hash))
    }

    /// The form for people: the name and a short hash, such as `main@sha1:2c26b46b`.
    pub fn short(&self) -> String {
        match (&self.name, &self.digest) {
            (Some(name), Some(digest)) => format!("{name}@{}", digest.short()),
            (None, Some(digest)) => digest.short(),
            (name, None) => name.clone().unwrap_or_default(),
        }
    }
}

impl Checksum {
    fn short(&self) -> String {
        format!("{}:{}", self.algorithm, self.hex.get(..8).unwrap_or(&self.hex))
    }

    /// Parses `algorithm:hex` as the pattern of `status.artifact.digest` allows it.
    fn parse(text: &str) -> Option<Self> {
        let (algorithm, hex) = text.split_once(':')?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let separator = |c: char| matches!(c, '.' | '+' | '_' | '-');
        let digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '=' | '_' | '-');
        let sound =
            algorithm.split(separator).all(|part| !part.is_empty() && part.chars().all(plain))
                && !hex.is_empty()
                && hex.chars().all(digit);
        sound.then(|| Self { algorithm: algorithm.to_owned(), hex: hex.to_owned() })
    }
}

impl FromStr for Revision {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, RevisionError> {
        if let Some((name, checksum)) = text.rsplit_once('@')
            && let Some(digest) = Checksum::parse(checksum)
        {
            if name.is_empty() {
                return Err(RevisionError(text.to_owned()));
            }
            return Ok(Self { name: Some(name.to_owned()), digest: Some(digest) });
        }
        if let Some(digest) = Checksum::parse(text) {
            return Ok(Self { name: None, digest: Some(digest) });
        }
        if text.is_empty() || text.contains(|c: char| c == ':' || c.is_whitespace()) {
            return Err(RevisionError(text.to_owned()));
        }
        Ok(Self { name: Some(text.to_owned()), digest: None })
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            f.write_str(name)?;
        }
        let Some(digest) = &self.digest else { return Ok(()) };
        if self.name.is_some() {
            f.write_str("@")?;
        }
        write!(f, "{}:{}", digest.algorithm, digest.hex)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
