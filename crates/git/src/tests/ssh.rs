//! SSH against a real `sshd`.

use testkit::{GitServer, SshKey};

use super::{APP, Fixture, chain, fetch, files};
use crate::{CheckoutOptions, Credentials, Error, Reference, Remote};

fn credentials(server: &GitServer) -> Credentials {
    Credentials {
        identity: server.identity.clone().map(Into::into),
        known_hosts: server.known_hosts.clone(),
        ..Credentials::default()
    }
}

fn main() -> Reference {
    Reference::branch("main")
}

#[test]
fn one_commit_is_fetched_and_written() {
    let Some(server) = GitServer::ssh().unwrap() else { return };
    let fixture = Fixture::on(server);
    let remote = Remote { credentials: credentials(&fixture.server), ..fixture.remote() };
    let (tip, snapshot, _store) = fetch(&remote, &main()).unwrap();
    assert_eq!(tip.revision, format!("main@sha1:{}", fixture.second));
    assert_eq!(files(&snapshot, &CheckoutOptions::default()).unwrap()[0].1, "version: 2\n");
}

#[test]
fn keys_of_all_types_log_in() {
    let Some(server) = GitServer::ssh_with_host_keys(&["ed25519", "ecdsa", "rsa"]).unwrap() else {
        return;
    };
    let fixture = Fixture::on(server);
    for (kind, passphrase) in
        [("ed25519", ""), ("ed25519", "hunter2"), ("ecdsa", "hunter2"), ("rsa", "")]
    {
        let key = SshKey::new(kind, passphrase).unwrap();
        fixture.server.accept_key(&key.public).unwrap();
        let credentials = Credentials {
            identity: Some(key.private.clone().into()),
            password: (!passphrase.is_empty()).then(|| passphrase.to_owned().into()),
            ..credentials(&fixture.server)
        };
        let remote = Remote { credentials, ..fixture.remote() };
        remote
            .connect()
            .unwrap()
            .resolve(&main())
            .unwrap_or_else(|error| panic!("{kind}: {}", chain(&error)));
    }
}

#[test]
fn each_type_of_host_key_is_recognised_on_its_own() {
    let Some(server) = GitServer::ssh_with_host_keys(&["ed25519", "ecdsa", "rsa"]).unwrap() else {
        return;
    };
    let fixture = Fixture::on(server);
    let all = fixture.server.known_hosts.clone().unwrap();
    for line in all.lines() {
        let credentials =
            Credentials { known_hosts: Some(line.to_owned()), ..credentials(&fixture.server) };
        let remote = Remote { credentials, ..fixture.remote() };
        remote.connect().unwrap_or_else(|error| panic!("{line}: {}", chain(&error)));
    }
}

#[test]
fn a_host_that_is_not_who_it_should_be_is_refused() {
    let Some(server) = GitServer::ssh().unwrap() else { return };
    let fixture = Fixture::on(server);
    let other = SshKey::new("ed25519", "").unwrap();
    let port = fixture.remote().url.port();
    let check = |known_hosts: String, expected: &str| {
        let credentials =
            Credentials { known_hosts: Some(known_hosts), ..credentials(&fixture.server) };
        let error = Remote { credentials, ..fixture.remote() }.connect().map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Authentication(_)), "{error:?}");
        assert!(chain(&error).contains(expected), "{}", chain(&error));
    };
    check(format!("[127.0.0.1]:{port} {}", other.public), "does not match 'known_hosts'");
    check(format!("example.org {}", other.public), "is unknown");
}

#[test]
fn a_key_that_is_not_accepted_is_named() {
    let Some(server) = GitServer::ssh().unwrap() else { return };
    let fixture = Fixture::on(server);
    let key = SshKey::new("ed25519", "").unwrap();
    let credentials =
        Credentials { identity: Some(key.private.into()), ..credentials(&fixture.server) };
    let error = Remote { credentials, ..fixture.remote() }.connect().map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Authentication(_)), "{error:?}");
    assert!(chain(&error).contains("does not accept the key SHA256:"), "{}", chain(&error));
}

#[test]
fn an_encrypted_key_without_its_passphrase_is_explained() {
    let key = SshKey::new("ed25519", "hunter2").unwrap();
    let url: crate::RemoteUrl = "ssh://git@127.0.0.1/a".parse().unwrap();
    let with = |password: Option<&str>| Credentials {
        identity: Some(key.private.clone().into()),
        known_hosts: Some("x".to_owned()),
        password: password.map(|it| it.to_owned().into()),
        ..Credentials::default()
    };
    let error = with(None).check(&url).unwrap_err().to_string();
    assert!(error.contains("is encrypted but no 'password'"), "{error}");
    let error = with(Some("wrong")).check(&url).unwrap_err().to_string();
    assert!(error.contains("with the given 'password'"), "{error}");
    with(Some("hunter2")).check(&url).unwrap();
}

#[test]
fn a_repository_that_is_not_there_is_named() {
    let Some(server) = GitServer::ssh().unwrap() else { return };
    let fixture = Fixture::on(server);
    let url = fixture.server.url("no/such '!repo.git").parse().unwrap();
    let remote = Remote { credentials: credentials(&fixture.server), ..Remote::new(url) };
    let error = remote.connect().map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, Error::NotFound(text) if text.contains("'!repo.git")),
        "{}",
        chain(&error)
    );
    assert_eq!(fixture.server.url(APP), fixture.remote().url.to_string());
}

#[test]
fn hosts_are_told_apart_by_ssh_algorithm_flags() {
    let Some(server) = GitServer::ssh().unwrap() else { return };
    let fixture = Fixture::on(server);
    let mut remote = Remote { credentials: credentials(&fixture.server), ..fixture.remote() };
    remote.ssh.key_exchange = vec!["curve25519-sha256".to_owned()];
    remote.ssh.host_key = vec!["ssh-ed25519".to_owned()];
    remote.connect().unwrap();
    remote.ssh.host_key = vec!["rsa-sha2-512".to_owned()];
    assert!(remote.connect().is_err());
    remote.ssh.key_exchange = vec!["no-such-thing".to_owned()];
    let error = remote.connect().map(|_| ()).unwrap_err();
    assert!(matches!(&error, Error::Invalid(text) if text.contains("no-such-thing")), "{error:?}");
}
