//! Signatures made by the real `gpg` and `ssh-keygen`.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use testkit::{GitRepository, PgpKey, SshKey};

use super::fetch;
use crate::{
    Commit, Local, Reference, Remote,
    verify::{self, Keys, VerifyError},
};

fn keys(entries: &[(&str, &str)]) -> Keys {
    let data: BTreeMap<String, Vec<u8>> =
        entries.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
    Keys::from_secret(&data)
}

fn signed_with(configuration: &[(&str, &str)], home: &str) -> (GitRepository, Commit) {
    let repository = GitRepository::init().unwrap();
    for (key, value) in configuration {
        repository.git(&["config", key, value]).unwrap();
    }
    let environment = [("GNUPGHOME", home)];
    repository
        .git_with(
            &environment,
            &["commit", "--quiet", "--allow-empty", "-S", "--message", "Sign this\n\nä"],
        )
        .unwrap();
    repository
        .git_with(&environment, &["tag", "--sign", "--message", "Release", "v1.0.0"])
        .unwrap();
    let commit = read(&repository);
    (repository, commit)
}

fn read(repository: &GitRepository) -> Commit {
    let local = Some(Local { path: repository.path().to_owned(), worktree: false });
    let remote = Remote { local, ..Remote::new("https://example.org/a".parse().unwrap()) };
    let (_, snapshot, _store) = fetch(&remote, &Reference::Tag("v1.0.0".to_owned())).unwrap();
    snapshot.commit().clone()
}

/// The 64-bit id at the end of a key's fingerprint.
fn key_id(key: &PgpKey) -> &str {
    key.fingerprint.get(24..).unwrap()
}

/// A moment after the signatures were made.
fn soon() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "gpg signs with the time of the machine")]
    let now = SystemTime::now();
    now + Duration::from_mins(1)
}

fn both(commit: &Commit, keys: &Keys) -> [Result<String, VerifyError>; 2] {
    let tag = commit.tag.as_ref().unwrap();
    [verify::commit(commit, keys, soon()), verify::tag(tag, keys, soon())]
}

#[test]
fn openpgp_signatures_of_the_primary_key() {
    let Some(key) = PgpKey::new().unwrap() else { return };
    let Some(other) = PgpKey::new().unwrap() else { return };
    let (_repository, commit) = signed_with(&[("user.signingkey", &key.fingerprint)], &key.home());
    let id = key_id(&key);
    for ring in [key.public.clone(), format!("{}\n{}", other.public, key.public)] {
        for result in both(&commit, &keys(&[("joe.asc", &ring)])) {
            assert_eq!(result.unwrap(), id);
        }
    }
    for result in both(&commit, &keys(&[("other.asc", &other.public)])) {
        let error = result.unwrap_err().to_string();
        assert!(
            error.contains("unable to verify payload") && error.contains(&key.fingerprint),
            "{error}"
        );
    }
    let mut changed = commit.clone();
    changed.signed.payload.push(b'!');
    let error = verify::commit(&changed, &keys(&[("joe.asc", &key.public)]), soon()).unwrap_err();
    assert!(error.to_string().contains("did not make this signature"), "{error}");
    let error = verify::commit(&commit, &keys(&[("joe.asc", "nonsense")]), soon()).unwrap_err();
    assert!(matches!(&error, VerifyError::Keys(text) if text.contains("joe.asc")), "{error:?}");
}

#[test]
fn openpgp_signatures_of_a_subkey() {
    let Some(mut key) = PgpKey::new().unwrap() else { return };
    key.add_subkey().unwrap();
    let (_repository, commit) = signed_with(&[("user.signingkey", "joe@example.org")], &key.home());
    for result in both(&commit, &keys(&[("joe.asc", &key.public)])) {
        assert_eq!(result.unwrap(), key_id(&key));
    }
}

#[test]
fn openpgp_keys_that_may_not_sign_any_more() {
    let Some(mut key) = PgpKey::new().unwrap() else { return };
    let (_repository, commit) = signed_with(&[("user.signingkey", &key.fingerprint)], &key.home());
    key.expire("2090-01-01").unwrap();
    let ring = keys(&[("joe.asc", &key.public)]);
    verify::commit(&commit, &ring, soon()).unwrap();
    let late = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 366 * 121);
    let error = verify::commit(&commit, &ring, late).unwrap_err();
    assert!(error.to_string().contains("has expired"), "{error}");
    key.revoke().unwrap();
    let error = verify::commit(&commit, &keys(&[("joe.asc", &key.public)]), soon()).unwrap_err();
    assert!(error.to_string().contains("is revoked"), "{error}");
}

#[test]
fn ssh_signatures() {
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let key = SshKey::new(kind, "").unwrap();
        let other = SshKey::new("ed25519", "").unwrap();
        let path = key.path().display().to_string();
        let (_repository, commit) =
            signed_with(&[("gpg.format", "ssh"), ("user.signingkey", &path)], "");
        let trusted = format!("# team\n{}{}", other.public, key.public);
        for result in both(&commit, &keys(&[("team.sshpub", &trusted)])) {
            assert!(result.unwrap().starts_with("SHA256:"));
        }
        for result in both(&commit, &keys(&[("team.sshpub", &other.public)])) {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("authorized keys: signed by SHA256:"), "{error}");
        }
        let mut changed = commit.clone();
        changed.signed.payload.push(b'!');
        let error =
            verify::commit(&changed, &keys(&[("team.sshpub", &trusted)]), soon()).unwrap_err();
        assert!(error.to_string().contains("does not fit the content"), "{error}");
    }
}

#[test]
fn unsigned_objects_are_named() {
    let repository = GitRepository::init().unwrap();
    repository.commit("Start").unwrap();
    repository.git(&["tag", "v1.0.0"]).unwrap();
    let commit = read(&repository);
    let tag = commit.tag.clone().unwrap();
    assert!(!commit.is_signed() && !tag.is_signed());
    for result in both(&commit, &Keys::default()) {
        let error = result.unwrap_err();
        assert!(matches!(&error, VerifyError::Unsigned(_)), "{error:?}");
    }
    assert_eq!(tag.revision(), format!("v1.0.0@sha1:{}", commit.id));
}
