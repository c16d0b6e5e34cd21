//! Commits and tags as data, with what their signatures are over.

use gix::bstr::{BStr, ByteSlice as _};

use crate::{Error, ObjectId, error::Doing as _};

/// One commit of a repository, and how it was reached.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// Its revision: `main@sha1:…`, `v1.0.0@sha1:…`, `refs/pull/4/head@sha1:…` or `sha1:…`.
    pub revision: String,
    /// Who wrote it.
    pub author: Person,
    /// Who committed it.
    pub committer: Person,
    /// Its whole message.
    pub message: String,
    /// The tag through which it was reached.
    pub tag: Option<Tag>,
    pub(crate) signed: Signed,
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
    /// Seconds since 1970, UTC.
    pub seconds: i64,
}

/// A tag that points at a commit.
#[derive(Debug, Clone)]
pub struct Tag {
    /// Its name without `refs/tags/`.
    pub name: String,
    /// Its own id, or that of the commit for a tag without an object.
    pub id: ObjectId,
    pub(crate) signed: Option<Signed>,
}

/// An object's bytes without their signature, and the signature.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signed {
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Option<String>,
}

impl Commit {
    /// The first line of the message, cut at 50 characters.
    pub fn short_message(&self) -> String {
        /// What Git's own advice calls the length of a subject line.
        const SUBJECT: usize = 50;
        let line = self.message.lines().next().unwrap_or_default().trim();
        match line.char_indices().nth(SUBJECT) {
            Some((end, _)) => format!("{}...", line.get(..end).unwrap_or(line)),
            None => line.to_owned(),
        }
    }

    /// Whether the commit carries a signature of any kind.
    pub fn is_signed(&self) -> bool {
        self.signed.signature.is_some()
    }

    /// Makes this stand for files that differ from the commit: nobody has signed those.
    pub(crate) fn set_uncommitted(&mut self) {
        self.message = format!("uncommitted changes to {}", self.id.to_hex_with_len(8));
        self.signed = Signed::default();
    }

    pub(crate) fn read(
        repo: &gix::Repository,
        id: ObjectId,
        revision: String,
    ) -> Result<Self, Error> {
        let doing = || format!("cannot read commit '{id}'");
        let commit = repo.find_commit(id).doing(doing)?;
        let decoded = commit.decode().doing(doing)?;
        Ok(Self {
            id,
            revision,
            author: person(decoded.author().doing(doing)?),
            committer: person(decoded.committer().doing(doing)?),
            message: decoded.message.to_str_lossy().into_owned(),
            tag: None,
            signed: signed_commit(&commit.data),
        })
    }
}

impl Tag {
    /// Whether the tag carries a signature of any kind.
    pub fn is_signed(&self) -> bool {
        self.signed.as_ref().is_some_and(|signed| signed.signature.is_some())
    }

    /// The tag with its id, as events and conditions name it: `v1.0.0@sha1:…`.
    pub fn revision(&self) -> String {
        crate::reference::revision(Some(&format!("refs/tags/{}", self.name)), self.id)
    }

    pub(crate) fn read(repo: &gix::Repository, id: ObjectId, name: &str) -> Result<Self, Error> {
        let doing = || format!("cannot read tag '{name}'");
        let object = repo.find_object(id).doing(doing)?;
        let signed = (object.kind == gix::objs::Kind::Tag).then(|| signed_tag(&object.data));
        Ok(Self { name: name.to_owned(), id, signed })
    }
}

fn person(signature: gix::actor::SignatureRef<'_>) -> Person {
    let text = |bytes: &BStr| bytes.to_str_lossy().into_owned();
    Person {
        name: text(signature.name),
        email: text(signature.email),
        seconds: signature.seconds(),
    }
}

/// Takes the `gpgsig` header (and its SHA-256 sibling) out of a commit.
fn signed_commit(data: &[u8]) -> Signed {
    let mut payload = Vec::with_capacity(data.len());
    let mut signature: Option<String> = None;
    // What the last header was: part of the payload, the signature, or a signature for other hashes.
    let mut header = Header::Kept;
    let mut rest = data;
    while let Some((line, after)) = rest
        .split_inclusive(|byte| *byte == b'\n')
        .next()
        .map(|line| (line, rest.get(line.len()..).unwrap_or_default()))
    {
        if line == b"\n" {
            break;
        }
        header = match line.strip_prefix(b" ") {
            Some(_) => header,
            None if line.starts_with(b"gpgsig ") => Header::Signature,
            None if line.starts_with(b"gpgsig-sha256 ") => Header::Dropped,
            None => Header::Kept,
        };
        match header {
            Header::Kept => payload.extend_from_slice(line),
            Header::Dropped => {}
            Header::Signature => {
                let text = line
                    .strip_prefix(b"gpgsig ")
                    .or_else(|| line.strip_prefix(b" "))
                    .unwrap_or(line);
                signature.get_or_insert_default().push_str(&text.to_str_lossy());
            }
        }
        rest = after;
    }
    payload.extend_from_slice(rest);
    Signed { payload, signature }
}

#[derive(Clone, Copy)]
enum Header {
    Kept,
    Signature,
    Dropped,
}

/// Splits a tag at its signature, which stands at the end of the message.
fn signed_tag(data: &[u8]) -> Signed {
    const BEGINNINGS: [&[u8]; 4] = [
        b"-----BEGIN PGP SIGNATURE-----",
        b"-----BEGIN PGP MESSAGE-----",
        b"-----BEGIN SSH SIGNATURE-----",
        b"-----BEGIN SIGNED MESSAGE-----",
    ];
    let starts = data.split_inclusive(|byte| *byte == b'\n').scan(0, |end, line| {
        let start = *end;
        *end += line.len();
        Some((start, line))
    });
    let found = starts.filter(|(_, line)| BEGINNINGS.iter().any(|it| line.starts_with(it))).last();
    match found.and_then(|(start, _)| data.split_at_checked(start)) {
        Some((payload, signature)) => Signed {
            payload: payload.to_vec(),
            signature: Some(signature.to_str_lossy().into_owned()),
        },
        None => Signed { payload: data.to_vec(), signature: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_taken_apart_at_its_signature() {
        let data = b"tree 1\nparent 2\nauthor a\ngpgsig -----BEGIN X-----\n line\n -----END X-----\ngpgsig-sha256 other\n more\nencoding x\n\nmessage\n gpgsig not a header\n";
        let signed = signed_commit(data);
        assert_eq!(signed.signature.as_deref(), Some("-----BEGIN X-----\nline\n-----END X-----\n"));
        let payload = b"tree 1\nparent 2\nauthor a\nencoding x\n\nmessage\n gpgsig not a header\n";
        assert_eq!(signed.payload.as_bstr(), payload.as_bstr());
    }

    #[test]
    fn a_commit_without_signature_is_all_payload() {
        let data = b"tree 1\nauthor a\n\ngpgsig in the message\n";
        let signed = signed_commit(data);
        assert_eq!(signed.signature, None);
        assert_eq!(signed.payload.as_bstr(), data.as_bstr());
    }

    #[test]
    fn a_tag_is_taken_apart_at_its_last_signature() {
        let data = b"object 1\n\nsee\n-----BEGIN SSH SIGNATURE-----\nquoted\n-----BEGIN PGP SIGNATURE-----\nreal\n";
        let signed = signed_tag(data);
        assert_eq!(signed.signature.as_deref(), Some("-----BEGIN PGP SIGNATURE-----\nreal\n"));
        assert!(signed.payload.ends_with(b"quoted\n"));
        assert_eq!(signed_tag(b"object 1\n\nplain\n").signature, None);
    }

    #[test]
    fn a_long_subject_is_cut() {
        let commit = |message: &str| Commit {
            id: ObjectId::null(gix::hash::Kind::Sha1),
            revision: String::new(),
            author: Person { name: String::new(), email: String::new(), seconds: 0 },
            committer: Person { name: String::new(), email: String::new(), seconds: 0 },
            message: message.to_owned(),
            tag: None,
            signed: Signed::default(),
        };
        assert_eq!(commit("Fix it\n\nBecause").short_message(), "Fix it");
        assert_eq!(commit(&"ü".repeat(60)).short_message(), format!("{}...", "ü".repeat(50)));
    }
}
