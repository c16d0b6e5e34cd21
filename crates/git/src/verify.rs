//! Who signed a commit or a tag: OpenPGP and SSH signatures against a list of trusted keys.

mod pgp;
mod ssh;

use std::{collections::BTreeMap, time::SystemTime};

use crate::{Commit, Tag, commit::Signed};

/// The public keys that are trusted.
#[derive(Debug, Default)]
pub struct Keys {
    pgp: Vec<(String, Vec<u8>)>,
    ssh: Vec<(String, String)>,
}

/// Why a signature is not to be trusted. Names keys by their ids, never their content.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The object carries no signature.
    #[error("{0} is not signed")]
    Unsigned(String),
    /// The signature is of a kind that cannot be checked.
    #[error("{0}")]
    Unsupported(String),
    /// The signature is made by no trusted key, by one that may not sign any more, or over other data.
    #[error("{0}")]
    Untrusted(String),
    /// The trusted keys themselves cannot be read.
    #[error("{0}")]
    Keys(String),
}

impl Keys {
    /// Reads the entries of a Secret: those that end in `.sshpub` are SSH keys in the format of
    /// `authorized_keys`, all others OpenPGP key rings, armored or not.
    pub fn from_secret(data: &BTreeMap<String, Vec<u8>>) -> Self {
        let mut keys = Self::default();
        for (name, value) in data {
            if name.ends_with(".sshpub") {
                keys.ssh.push((name.clone(), String::from_utf8_lossy(value).into_owned()));
            } else {
                keys.pgp.push((name.clone(), value.clone()));
            }
        }
        keys
    }
}

/// Checks the signature of `commit` at the time `now`, and returns the signer: the id of an OpenPGP
/// key, or the fingerprint of an SSH key.
///
/// # Errors
/// See [`VerifyError`].
pub fn commit(commit: &Commit, keys: &Keys, now: SystemTime) -> Result<String, VerifyError> {
    signed(&commit.signed, keys, now, || format!("commit '{}'", commit.id))
}

/// As [`commit`], for the tag object itself.
///
/// # Errors
/// See [`VerifyError`]; a tag without an object of its own is unsigned.
pub fn tag(tag: &Tag, keys: &Keys, now: SystemTime) -> Result<String, VerifyError> {
    let what = || format!("tag '{}'", tag.revision());
    let object = tag.signed.as_ref().ok_or_else(|| VerifyError::Unsigned(what()))?;
    signed(object, keys, now, what)
}

fn signed(
    object: &Signed,
    keys: &Keys,
    now: SystemTime,
    what: impl Fn() -> String,
) -> Result<String, VerifyError> {
    let signature =
        object.signature.as_deref().ok_or_else(|| VerifyError::Unsigned(what()))?.trim_start();
    if signature.starts_with("-----BEGIN SSH SIGNATURE-----") {
        return ssh::verify(signature, &object.payload, &keys.ssh);
    }
    if signature.starts_with("-----BEGIN PGP ") {
        return pgp::verify(signature, &object.payload, &keys.pgp, now);
    }
    Err(VerifyError::Unsupported(format!(
        "{} has a signature that is neither OpenPGP nor SSH",
        what()
    )))
}
