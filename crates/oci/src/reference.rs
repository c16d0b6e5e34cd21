//! Names of things in registries.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A repository in a registry, and which of its manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The registry's host, with its port if it has one.
    pub registry: String,
    /// The path of the repository.
    pub repository: String,
    /// The tag, as registries spell it: without a plus.
    pub tag: Option<String>,
    /// The digest, such as `sha256:…`.
    pub digest: Option<String>,
}

/// What a path of a repository may hold.
fn is_path(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '/')
}

fn is_tag(tag: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=128).contains(&tag.len()) && tag.chars().all(allowed) && !tag.starts_with(['.', '-'])
}

fn is_digest(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hash| {
        hash.len() == 64 && hash.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
    })
}

impl FromStr for Reference {
    type Err = Error;

    /// Reads `[oci://]HOST[:PORT]/PATH[:TAG][@DIGEST]`. A plus in the tag becomes an underscore: registries have no plus.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why| Error::Reference { text: text.to_owned(), why };
        let rest = text.strip_prefix("oci://").unwrap_or(text);
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (rest, None),
        };
        let (registry, path) =
            rest.split_once('/').ok_or_else(|| wrong("it names no repository"))?;
        let (repository, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.replace('+', "_"))),
            None => (path, None),
        };
        if registry.is_empty() || registry.contains(|c: char| c.is_whitespace() || c == '?') {
            return Err(wrong("it names no registry"));
        }
        let parts = || repository.split('/');
        if !repository.chars().all(is_path) || parts().any(|part| matches!(part, "" | "." | "..")) {
            return Err(wrong("the repository may hold lower-case letters, digits, '.', '_', '-'"));
        }
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("the tag may hold letters, digits, '.', '_' and '-'"));
        }
        if digest.as_deref().is_some_and(|digest| !is_digest(digest)) {
            return Err(wrong("the digest is not sha256 in hexadecimal"));
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Reference;

    #[test]
    fn references_are_read_and_written() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (text, written) in [
            ("ghcr.io/org/app:1.2.3", "ghcr.io/org/app:1.2.3"),
            ("oci://127.0.0.1:5000/app", "127.0.0.1:5000/app"),
            ("oci://host/a/b:1.0.0+build", "host/a/b:1.0.0_build"),
            (&format!("host/a@{digest}"), &format!("host/a@{digest}")),
            (&format!("host/a:1@{digest}"), &format!("host/a:1@{digest}")),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), written, "{text}");
        }
        for text in [
            "",
            "app",
            "host/",
            "host/App",
            "host/a:",
            "host/../a",
            "host/a@sha256:12",
            "host/a b",
            "/a",
            "host/a:-x",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
