//! What references mean.

use testkit::HttpOptions;

use super::{Fixture, chain, fetch, files};
use crate::{CheckoutOptions, Error, ObjectId, Reference};

fn id(hex: &str) -> ObjectId {
    ObjectId::from_hex(hex.as_bytes()).unwrap()
}

fn semver(range: &str) -> Reference {
    Reference::Semver(range.parse().unwrap())
}

#[test]
fn tags_lead_to_their_commits() {
    for only_protocol_v0 in [false, true] {
        let fixture = Fixture::new(HttpOptions { only_protocol_v0, ..HttpOptions::default() });
        fixture.repository.git(&["tag", "light", &fixture.first]).unwrap();
        fixture
            .repository
            .git(&["tag", "--annotate", "--message", "Release", "heavy", &fixture.first])
            .unwrap();
        fixture.repository.push().unwrap();
        for name in ["light", "heavy"] {
            let (tip, snapshot, _store) =
                fetch(&fixture.remote(), &Reference::Tag(name.to_owned())).unwrap();
            assert_eq!(tip.revision, format!("{name}@sha1:{}", fixture.first));
            assert_eq!(files(&snapshot, &CheckoutOptions::default()).unwrap()[0].1, "version: 1\n");
            assert_eq!(snapshot.commit().tag.as_ref().unwrap().name, name);
        }
    }
}

#[test]
fn the_highest_version_in_the_range_is_taken() {
    let fixture = Fixture::new(HttpOptions::default());
    for tag in ["v1.0.0", "1.4.0", "v1.10.2", "v2.0.0-rc.1", "v2.0.0", "nightly", "1.99"] {
        fixture.repository.git(&["tag", tag, &fixture.first]).unwrap();
    }
    fixture.repository.push().unwrap();
    let check = |range: &str, tag: &str| {
        let tip = fixture.remote().connect().unwrap().resolve(&semver(range)).unwrap();
        assert_eq!(tip.revision, format!("{tag}@sha1:{}", fixture.first), "{range}");
    };
    check("1.x", "v1.10.2");
    check(">=1.0.0 <1.5.0", "1.4.0");
    check("*", "v2.0.0");
    check(">=2.0.0-0 <2.0.0", "v2.0.0-rc.1");
    let error = fetch(&fixture.remote(), &semver("^7")).map(|_| ()).unwrap_err();
    assert!(chain(&error).contains("no match found for semver: ^7"), "{}", chain(&error));
}

#[test]
fn versions_that_differ_in_build_metadata_are_ordered_by_commit_time() {
    for only_protocol_v0 in [false, true] {
        let fixture = Fixture::new(HttpOptions { only_protocol_v0, ..HttpOptions::default() });
        let commit = |day: &str, tag: &str| {
            let date = format!("2024-01-{day}T00:00:00Z");
            let environment = [("GIT_COMMITTER_DATE", date.as_str())];
            fixture
                .repository
                .git_with(&environment, &["commit", "--allow-empty", "--message", tag])
                .unwrap();
            fixture.repository.git(&["tag", tag]).unwrap();
        };
        commit("02", "1.0.0+b");
        commit("03", "1.0.0+a");
        commit("01", "1.0.0+c");
        fixture.repository.push().unwrap();
        let (tip, _, _store) = fetch(&fixture.remote(), &semver("1.x")).unwrap();
        assert!(tip.revision.starts_with("1.0.0+a@"), "{}", tip.revision);
    }
}

#[test]
fn a_full_name_is_kept_whole() {
    let fixture = Fixture::new(HttpOptions::default());
    fixture
        .repository
        .git(&["push", "--quiet", "origin", &format!("{}:refs/pull/4/head", fixture.first)])
        .unwrap();
    let (tip, snapshot, _store) =
        fetch(&fixture.remote(), &Reference::Name("refs/pull/4/head".to_owned())).unwrap();
    assert_eq!(tip.revision, format!("refs/pull/4/head@sha1:{}", fixture.first));
    assert_eq!(snapshot.commit().id, id(&fixture.first));
}

#[test]
fn the_head_and_peeled_tags_have_names_too() {
    let fixture = Fixture::new(HttpOptions::default());
    fixture
        .repository
        .git(&["tag", "--annotate", "v1", "--message", "One", &fixture.first])
        .unwrap();
    fixture.repository.push().unwrap();
    let resolve = |name: &str| {
        let (tip, snapshot, _store) =
            fetch(&fixture.remote(), &Reference::Name(name.to_owned())).unwrap();
        (tip.revision, snapshot.commit().id)
    };
    let head = format!("HEAD@sha1:{}", fixture.second);
    assert_eq!(resolve("HEAD"), (head, id(&fixture.second)));
    let peeled = format!("refs/tags/v1^{{}}@sha1:{}", fixture.first);
    assert_eq!(resolve("refs/tags/v1^{}"), (peeled, id(&fixture.first)));
}

#[test]
fn a_commit_is_fetched_although_no_reference_shows_it() {
    for only_protocol_v0 in [false, true] {
        let fixture = Fixture::new(HttpOptions { only_protocol_v0, ..HttpOptions::default() });
        let reference = Reference::Commit { id: id(&fixture.first), branch: None };
        let (tip, snapshot, _store) = fetch(&fixture.remote(), &reference).unwrap();
        assert_eq!(tip.revision, format!("sha1:{}", fixture.first));
        assert_eq!(Some(tip.revision), reference.fixed_revision());
        assert_eq!(files(&snapshot, &CheckoutOptions::default()).unwrap()[0].1, "version: 1\n");
    }
}

#[test]
fn a_commit_that_does_not_exist_is_named() {
    let missing = "4c1fd98e5d5b5b0d6c0b3a6a3a1c2d3e4f506172";
    for only_protocol_v0 in [false, true] {
        let fixture = Fixture::new(HttpOptions { only_protocol_v0, ..HttpOptions::default() });
        let reference = Reference::Commit { id: id(missing), branch: None };
        let error = fetch(&fixture.remote(), &reference).map(|_| ()).unwrap_err();
        assert!(matches!(&error, Error::NotFound(text) if text.contains(missing)), "{error:?}");
    }
}

#[test]
fn a_commit_with_a_branch_must_be_on_it() {
    for only_protocol_v0 in [false, true] {
        let fixture = Fixture::new(HttpOptions { only_protocol_v0, ..HttpOptions::default() });
        fixture.repository.git(&["checkout", "--quiet", "-b", "other", &fixture.first]).unwrap();
        let other = fixture.repository.commit("Elsewhere").unwrap();
        let reference =
            |hex: &str| Reference::Commit { id: id(hex), branch: Some("main".to_owned()) };
        for on_main in [&fixture.first, &fixture.second] {
            let (tip, snapshot, _store) = fetch(&fixture.remote(), &reference(on_main)).unwrap();
            assert_eq!(tip.revision, format!("main@sha1:{on_main}"));
            files(&snapshot, &CheckoutOptions::default()).unwrap();
        }
        let error = fetch(&fixture.remote(), &reference(&other)).map(|_| ()).unwrap_err();
        assert!(chain(&error).contains("is not on branch 'main'"), "{}", chain(&error));
    }
}

#[test]
fn repositories_with_longer_hashes_work() {
    let server = testkit::GitServer::http(HttpOptions::default()).unwrap();
    let source = testkit::GitRepository::init_with(&["--object-format=sha256"]).unwrap();
    source.write("app.yaml", "version: 1\n").unwrap();
    let commit = source.commit("Start").unwrap();
    let target = server.repositories().join("long.git");
    source.git(&["clone", "--quiet", "--bare", ".", &target.display().to_string()]).unwrap();
    let remote = crate::Remote::new(server.url("long.git").parse().unwrap());
    let (tip, snapshot, _store) = fetch(&remote, &Reference::branch("main")).unwrap();
    assert_eq!(tip.revision, format!("main@sha256:{commit}"));
    assert_eq!(files(&snapshot, &CheckoutOptions::default()).unwrap()[0].1, "version: 1\n");
}

#[test]
fn a_branch_may_be_rewritten() {
    let fixture = Fixture::new(HttpOptions::default());
    let store = tempfile::tempdir().unwrap();
    let fetch_again = || {
        let mut connection = fixture.remote().connect()?;
        let tip = connection.resolve(&Reference::branch("main"))?;
        connection.fetch(&tip, store.path()).map(|snapshot| snapshot.commit().id)
    };
    assert_eq!(fetch_again().unwrap(), id(&fixture.second));
    let force = |to: &str| {
        fixture.repository.git(&["push", "--quiet", "--force", "origin", to]).unwrap();
    };
    fixture.repository.git(&["checkout", "--quiet", "--orphan", "other"]).unwrap();
    fixture.repository.write("app.yaml", "version: 3\n").unwrap();
    let other = fixture.repository.commit("Begin anew").unwrap();
    force(&format!("{other}:refs/heads/main"));
    assert_eq!(fetch_again().unwrap(), id(&other));
    force(&format!("{}:refs/heads/main", fixture.first));
    assert_eq!(fetch_again().unwrap(), id(&fixture.first));
}

#[test]
fn one_of_many_references_is_found() {
    let fixture = Fixture::new(HttpOptions::default());
    let lines: Vec<String> = (0..20_000)
        .map(|number| format!("{} refs/tags/v0.{}.{}\n", fixture.first, number / 100, number % 100))
        .collect();
    let bare = fixture.server.repositories().join(super::APP);
    std::fs::write(bare.join("packed-refs"), lines.concat()).unwrap();
    let (tip, ..) = fetch(&fixture.remote(), &semver("<0.150.0")).unwrap();
    assert_eq!(tip.revision, format!("v0.149.99@sha1:{}", fixture.first));
    let (tip, ..) = fetch(&fixture.remote(), &Reference::branch("main")).unwrap();
    assert_eq!(tip.id, id(&fixture.second));
}
