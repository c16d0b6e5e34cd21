//! What of a repository is wanted.

use crate::{Error, ObjectId, Range};

/// What of a repository is wanted, as `spec.ref` of a GitRepository says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// The tip of a branch.
    Branch(String),
    /// The commit that a tag points at.
    Tag(String),
    /// The commit of the highest version among the tags in a range.
    Semver(Range),
    /// A full reference name such as `refs/pull/420/head`, or `HEAD`. With `^{}` at its end it
    /// means the same, and its revision says so.
    Name(String),
    /// One commit; with a branch it must be part of that branch's history.
    Commit {
        /// The commit.
        id: ObjectId,
        /// The branch it must be on.
        branch: Option<String>,
    },
}

/// The fields of `spec.ref`, any of which may be empty.
#[derive(Debug, Clone, Copy, Default)]
struct Fields<'a> {
    branch: &'a str,
    tag: &'a str,
    semver: &'a str,
    name: &'a str,
    commit: &'a str,
}

/// The branch taken when nothing is said.
const DEFAULT_BRANCH: &str = "master";

impl Default for Reference {
    fn default() -> Self {
        Self::branch(DEFAULT_BRANCH)
    }
}

impl Reference {
    /// The tip of a branch.
    pub fn branch(name: &str) -> Self {
        Self::Branch(name.to_owned())
    }

    /// The reference that `spec.ref` means, given as a lookup of its fields (`branch`, `tag`,
    /// `semver`, `name`, `commit`): commit before name before semver before tag before branch, and
    /// the branch `master` when nothing is set.
    ///
    /// # Errors
    /// When the field that counts is no commit id, no version range, or no valid reference name.
    pub fn from_fields<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Error> {
        let text = |name| field(name).unwrap_or_default();
        Self::choose(Fields {
            branch: text("branch"),
            tag: text("tag"),
            semver: text("semver"),
            name: text("name"),
            commit: text("commit"),
        })
    }

    fn choose(fields: Fields<'_>) -> Result<Self, Error> {
        match fields {
            Fields { commit, branch, .. } if !commit.is_empty() => {
                let id = ObjectId::from_hex(commit.as_bytes()).map_err(|_| {
                    Error::Invalid(format!("'{commit}' is not the full id of a commit"))
                })?;
                let branch =
                    (!branch.is_empty()).then(|| checked("refs/heads/", branch)).transpose()?;
                Ok(Self::Commit { id, branch })
            }
            Fields { name, .. } if !name.is_empty() => {
                let plain = without_peeling(name);
                if !plain.starts_with("refs/") && plain != "HEAD" {
                    return Err(Error::Invalid(format!(
                        "reference name '{name}' does not start with 'refs/'"
                    )));
                }
                checked("", plain).map(|_| Self::Name(name.to_owned()))
            }
            Fields { semver, .. } if !semver.is_empty() => semver
                .parse()
                .map(Self::Semver)
                .map_err(|error| Error::Invalid(format!("semver parse error: {error}"))),
            Fields { tag, .. } if !tag.is_empty() => checked("refs/tags/", tag).map(Self::Tag),
            Fields { branch, .. } if !branch.is_empty() => {
                checked("refs/heads/", branch).map(Self::Branch)
            }
            _ => Ok(Self::default()),
        }
    }

    /// The revision this reference always means, when it cannot change: a commit.
    ///
    /// An artifact of this revision is current without asking the remote.
    pub fn fixed_revision(&self) -> Option<String> {
        match self {
            Self::Commit { id, branch } => Some(revision(
                branch.as_deref().map(|branch| format!("refs/heads/{branch}")).as_deref(),
                *id,
            )),
            Self::Branch(_) | Self::Tag(_) | Self::Semver(_) | Self::Name(_) => None,
        }
    }
}

/// A name as servers list it: `^{}` behind a tag asks for the commit that it leads to, which is what
/// every tag means here.
pub(crate) fn without_peeling(name: &str) -> &str {
    name.strip_suffix("^{}").unwrap_or(name)
}

fn checked(prefix: &str, name: &str) -> Result<String, Error> {
    let full = format!("{prefix}{name}");
    match gix::validate::reference::name(full.as_str().into()) {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err(Error::Invalid(format!("'{name}' is not a valid reference name"))),
    }
}

/// The revision text of commit `id` reached by `reference`: `main@sha1:…`, or `sha1:…` without one.
pub(crate) fn revision(reference: Option<&str>, id: ObjectId) -> String {
    let algorithm = match id.kind() {
        gix::hash::Kind::Sha256 => "sha256",
        _ => "sha1",
    };
    match reference.and_then(|name| name.splitn(3, '/').nth(2)) {
        Some(short) => format!("{short}@{algorithm}:{id}"),
        None => format!("{algorithm}:{id}"),
    }
}

/// As [`revision`], with the full name of the reference, as `spec.ref.name` wants it.
pub(crate) fn full_revision(reference: &str, id: ObjectId) -> String {
    format!("{reference}@{}", revision(None, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4c1fd98e5d5b5b0d6c0b3a6a3a1c2d3e4f506172";

    fn choose(fields: &[(&str, &'static str)]) -> Result<Reference, Error> {
        Reference::from_fields(|name| {
            fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
        })
    }

    #[test]
    fn the_most_specific_field_counts() {
        let all = [
            ("branch", "b"),
            ("tag", "t"),
            ("semver", "1.x"),
            ("name", "refs/x/y"),
            ("commit", ID),
        ];
        let Reference::Commit { branch, .. } = choose(&all).unwrap() else {
            panic!("not a commit")
        };
        assert_eq!(branch.as_deref(), Some("b"));
        assert_eq!(choose(&all[..4]).unwrap(), Reference::Name("refs/x/y".to_owned()));
        for name in ["HEAD", "refs/tags/v1^{}"] {
            assert_eq!(choose(&[("name", name)]).unwrap(), Reference::Name(name.to_owned()));
        }
        assert!(matches!(choose(&all[..3]).unwrap(), Reference::Semver(_)));
        assert_eq!(choose(&all[..2]).unwrap(), Reference::Tag("t".to_owned()));
        assert_eq!(choose(&all[..1]).unwrap(), Reference::branch("b"));
        assert_eq!(choose(&[]).unwrap(), Reference::branch("master"));
    }

    #[test]
    fn what_can_never_resolve_is_an_error() {
        for field in [
            ("commit", "abc"),
            ("commit", "main"),
            ("semver", "one"),
            ("name", "main"),
            ("name", "refs/../x"),
            ("branch", "a..b"),
            ("tag", "a b"),
            ("branch", "-x\n"),
        ] {
            assert!(matches!(choose(&[field]), Err(Error::Invalid(_))), "{field:?}");
        }
    }

    #[test]
    fn revisions_are_written_as_sources_write_them() {
        let id = ObjectId::from_hex(ID.as_bytes()).unwrap();
        assert_eq!(revision(Some("refs/heads/feature/x"), id), format!("feature/x@sha1:{ID}"));
        assert_eq!(revision(Some("refs/tags/v1.0.0"), id), format!("v1.0.0@sha1:{ID}"));
        assert_eq!(revision(None, id), format!("sha1:{ID}"));
        assert_eq!(full_revision("refs/pull/4/head", id), format!("refs/pull/4/head@sha1:{ID}"));
        let long = "a".repeat(64);
        let id = ObjectId::from_hex(long.as_bytes()).unwrap();
        assert_eq!(revision(None, id), format!("sha256:{long}"));
    }

    #[test]
    fn only_a_commit_is_current_without_asking() {
        assert_eq!(choose(&[("commit", ID)]).unwrap().fixed_revision(), Some(format!("sha1:{ID}")));
        let both = choose(&[("commit", ID), ("branch", "main")]).unwrap();
        assert_eq!(both.fixed_revision(), Some(format!("main@sha1:{ID}")));
        assert_eq!(choose(&[("branch", "main")]).unwrap().fixed_revision(), None);
    }
}
