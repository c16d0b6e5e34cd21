//! HTTP and HTTPS: authentication, certificates, proxies, limits.

use std::{
    thread,
    time::{Duration, Instant},
};

use testkit::{GitServer, HttpOptions, Instead};

use super::{APP, Fixture, chain, fetch, files, names};
use crate::{CheckoutOptions, Credentials, Error, Reference, Remote, Secret, TlsIdentity};

fn main() -> Reference {
    Reference::branch("main")
}

#[test]
fn one_commit_is_fetched_and_written() {
    let fixture = Fixture::new(HttpOptions::default());
    let (tip, snapshot, store) = fetch(&fixture.remote(), &main()).unwrap();
    assert_eq!(tip.revision, format!("main@sha1:{}", fixture.second));
    let written = files(&snapshot, &CheckoutOptions::default()).unwrap();
    assert_eq!(names(&written), ["app.yaml", "base/kustomization.yaml"]);
    assert_eq!(written[0].1, "version: 2\n");
    let commit = snapshot.commit();
    assert_eq!(
        (commit.message.as_str(), commit.author.email.as_str()),
        ("Change the version\n", "joe@example.org")
    );
    let stored = crate::objects::read(store.path()).unwrap();
    assert!(
        !stored.has_object(crate::ObjectId::from_hex(fixture.first.as_bytes()).unwrap()),
        "history was fetched"
    );
}

#[test]
fn looking_whether_something_changed_takes_two_requests() {
    let fixture = Fixture::new(HttpOptions::default());
    fixture.server.forget_requests();
    fixture.remote().connect().unwrap().resolve(&main()).unwrap();
    let requests = fixture.server.requests();
    assert_eq!(
        requests,
        [
            "GET /team/app.git/info/refs?service=git-upload-pack",
            "POST /team/app.git/git-upload-pack"
        ]
    );
}

#[test]
fn a_kept_store_receives_only_what_is_new() {
    let fixture = Fixture::new(HttpOptions::default());
    let lines: Vec<String> =
        (0..40_000).map(|line| format!("line {line} {}\n", line * 7919 % 104_729)).collect();
    fixture.repository.write("big.yaml", &lines.concat()).unwrap();
    fixture.repository.commit("Add a big file").unwrap();
    let store = tempfile::tempdir().unwrap();
    let packs = || -> u64 {
        let entries = std::fs::read_dir(store.path().join("objects/pack")).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    };
    let bring = || {
        let mut connection = fixture.remote().connect().unwrap();
        let tip = connection.resolve(&main()).unwrap();
        files(&connection.fetch(&tip, store.path()).unwrap(), &CheckoutOptions::default()).unwrap()
    };
    bring();
    let first = packs();
    fixture.repository.write("app.yaml", "version: 3\n").unwrap();
    fixture.repository.commit("Change one line").unwrap();
    let written = bring();
    assert_eq!(written[0].1, "version: 3\n");
    assert!(packs() - first < 5_000, "{first} bytes at first, then {}", packs());
    assert!(first > 100_000);
}

#[test]
fn the_older_protocol_works() {
    let fixture = Fixture::new(HttpOptions { only_protocol_v0: true, ..HttpOptions::default() });
    let (tip, snapshot, _store) = fetch(&fixture.remote(), &main()).unwrap();
    assert_eq!(tip.revision, format!("main@sha1:{}", fixture.second));
    assert_eq!(files(&snapshot, &CheckoutOptions::default()).unwrap()[0].1, "version: 2\n");
}

#[test]
fn basic_and_bearer_authentication() {
    let check = |login: (&str, &str), credentials: Credentials, expected: Result<(), &str>| {
        let login = Some((login.0.to_owned(), login.1.to_owned()));
        // The fixture's own pushes go to disk, so only ours are asked.
        let fixture = Fixture::new(HttpOptions { login, ..HttpOptions::default() });
        let remote = Remote { credentials, ..fixture.remote() };
        match (fetch(&remote, &main()), expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(text)) => {
                assert!(matches!(error, Error::Authentication(_)), "{error:?}");
                assert!(chain(&error).contains(text), "{}", chain(&error));
                assert!(!chain(&error).contains("hunter2"), "{}", chain(&error));
            }
            (result, expected) => {
                panic!("{:?} instead of {expected:?}", result.map(|_| ()).map_err(|it| chain(&it)))
            }
        }
    };
    let secret = |text: &str| Some(Secret::from(text.to_owned()));
    let basic = |password| Credentials {
        username: Some("joe".to_owned()),
        password: secret(password),
        ..Credentials::default()
    };
    let bearer = |token| Credentials { bearer_token: secret(token), ..Credentials::default() };
    check(("joe", "hunter2"), basic("hunter2"), Ok(()));
    check(("", "hunter2"), bearer("hunter2"), Ok(()));
    check(("joe", "other"), basic("hunter2"), Err("authorization failed"));
    check(("", "other"), bearer("hunter2"), Err("401"));
    check(("joe", "other"), Credentials::default(), Err("authentication required"));
}

#[test]
fn certificates_are_checked_against_the_given_authority() {
    let fixture = Fixture::new(HttpOptions { tls: true, ..HttpOptions::default() });
    let error = fetch(&fixture.remote(), &main()).map(|_| ()).unwrap_err();
    assert!(chain(&error).to_lowercase().contains("certificate"), "{}", chain(&error));
    let credentials = Credentials { ca: fixture.server.ca.clone(), ..Credentials::default() };
    fetch(&Remote { credentials, ..fixture.remote() }, &main()).unwrap();
    let credentials = Credentials { ca: Some("nonsense".to_owned()), ..Credentials::default() };
    let error =
        fetch(&Remote { credentials, ..fixture.remote() }, &main()).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error:?}");
}

#[test]
fn a_client_certificate_is_shown() {
    let fixture =
        Fixture::new(HttpOptions { tls: true, client_certificate: true, ..HttpOptions::default() });
    let ca = fixture.server.ca.clone();
    let without = Credentials { ca: ca.clone(), ..Credentials::default() };
    assert!(fetch(&Remote { credentials: without, ..fixture.remote() }, &main()).is_err());
    let (certificate, key) = fixture.server.client.clone().unwrap();
    let tls = Some(TlsIdentity { certificate, key: key.into() });
    let with = Credentials { ca, tls, ..Credentials::default() };
    fetch(&Remote { credentials: with, ..fixture.remote() }, &main()).unwrap();
}

#[test]
fn redirects_are_followed_without_credentials_to_others() {
    let login = Some(("joe".to_owned(), "hunter2".to_owned()));
    let target = Fixture::new(HttpOptions::default());
    let options = HttpOptions {
        instead: Instead::Redirect(target.server.url("").trim_end_matches('/').to_owned()),
        ..HttpOptions::default()
    };
    let first = GitServer::http(options).unwrap();
    let remote = Remote::new(first.url(APP).parse().unwrap());
    let (tip, _, _store) = fetch(&remote, &main()).unwrap();
    assert_eq!(tip.revision, format!("main@sha1:{}", target.second));

    let guarded = Fixture::new(HttpOptions { login, ..HttpOptions::default() });
    let options = HttpOptions {
        instead: Instead::Redirect(guarded.server.url("").trim_end_matches('/').to_owned()),
        ..HttpOptions::default()
    };
    let first = GitServer::http(options).unwrap();
    let credentials = Credentials {
        username: Some("joe".to_owned()),
        password: Some("hunter2".to_owned().into()),
        ..Credentials::default()
    };
    let remote = Remote { credentials, ..Remote::new(first.url(APP).parse().unwrap()) };
    let error = fetch(&remote, &main()).map(|_| ()).unwrap_err();
    assert!(
        matches!(error, Error::Authentication(_)),
        "credentials went to another server: {error:?}"
    );
}

#[test]
fn an_endless_redirect_ends() {
    let server = GitServer::http(HttpOptions {
        instead: Instead::Redirect(String::new()),
        ..HttpOptions::default()
    })
    .unwrap();
    let remote = Remote::new(server.url(APP).parse().unwrap());
    let error = remote.connect().map(|_| ()).unwrap_err();
    assert!(chain(&error).contains("redirect"), "{}", chain(&error));
}

#[test]
fn what_is_missing_is_named() {
    let fixture = Fixture::new(HttpOptions::default());
    let remote = Remote::new(fixture.server.url("no/such.git").parse().unwrap());
    let error = remote.connect().map(|_| ()).unwrap_err();
    assert!(matches!(&error, Error::NotFound(text) if text.contains("no/such.git")), "{error:?}");
    let error = fetch(&fixture.remote(), &Reference::branch("other")).map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, Error::NotFound(text) if text.contains("refs/heads/other")),
        "{error:?}"
    );
}

#[test]
fn an_empty_repository_is_told_apart() {
    for only_protocol_v0 in [false, true] {
        let server =
            GitServer::http(HttpOptions { only_protocol_v0, ..HttpOptions::default() }).unwrap();
        server.create(APP).unwrap();
        let remote = Remote::new(server.url(APP).parse().unwrap());
        let error = fetch(&remote, &main()).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }), "{error:?}");
    }
}

#[test]
fn a_silent_server_is_given_up_on() {
    let server =
        GitServer::http(HttpOptions { instead: Instead::Silence, ..HttpOptions::default() })
            .unwrap();
    let mut remote = Remote::new(server.url(APP).parse().unwrap());
    remote.limits.timeout = Duration::from_millis(200);
    let begun = Instant::now();
    let error = remote.connect().map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn cancelling_ends_the_wait() {
    let server =
        GitServer::http(HttpOptions { instead: Instead::Silence, ..HttpOptions::default() })
            .unwrap();
    let remote = Remote::new(server.url(APP).parse().unwrap());
    let cancel = remote.cancel.clone();
    let waiting = thread::spawn(move || remote.connect().map(|_| ()));
    while server.requests().is_empty() && !waiting.is_finished() && !cancel.is_cancelled() {
        cancel.cancel();
    }
    assert!(matches!(waiting.join().unwrap(), Err(Error::Cancelled)));
}

#[test]
fn too_many_bytes_are_refused() {
    let fixture = Fixture::new(HttpOptions::default());
    let mut remote = fixture.remote();
    remote.limits.max_bytes = 600;
    let error = fetch(&remote, &main()).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Limit(_)), "{error:?}");
}
