//! Submodules.

use testkit::{GitServer, HttpOptions};

use super::{APP, Fixture, chain, fetch, files, names};
use crate::{CheckoutOptions, Credentials, Local, Reference, Remote};

const RECURSE: CheckoutOptions = CheckoutOptions { sparse: Vec::new(), submodules: true };

/// The fixture's repository with a submodule `lib` that has a submodule of its own.
fn nested(fixture: &Fixture) {
    let inner = fixture.server.create("team/inner.git").unwrap();
    inner.write("inner.yaml", "inner\n").unwrap();
    inner.commit("Start").unwrap();
    let lib = fixture.server.create("team/lib.git").unwrap();
    lib.write("lib.yaml", "lib\n").unwrap();
    lib.commit("Start").unwrap();
    add(fixture, &lib, "inner", "../inner.git", "team/inner.git");
    add(fixture, &fixture.repository, "vendor/lib", "../lib.git", "team/lib.git");
}

/// Adds a submodule that stands on the server, under another URL than the one it is cloned from.
fn add(fixture: &Fixture, to: &testkit::GitRepository, path: &str, url: &str, name: &str) {
    let on_disk = fixture.server.repositories().join(name);
    to.git(&["submodule", "--quiet", "add", &on_disk.display().to_string(), path]).unwrap();
    to.git(&["config", "--file", ".gitmodules", &format!("submodule.{path}.url"), url]).unwrap();
    to.commit("Add a submodule").unwrap();
}

#[test]
fn submodules_are_written_when_wanted() {
    let fixture = Fixture::new(HttpOptions::default());
    nested(&fixture);
    let (_, snapshot, _store) = fetch(&fixture.remote(), &Reference::branch("main")).unwrap();
    let written = files(&snapshot, &RECURSE).unwrap();
    let expected = [
        ".gitmodules",
        "app.yaml",
        "base/kustomization.yaml",
        "vendor/lib/.gitmodules",
        "vendor/lib/inner/inner.yaml",
        "vendor/lib/lib.yaml",
    ];
    assert_eq!(names(&written), expected);
    let without = files(&snapshot, &CheckoutOptions::default()).unwrap();
    assert_eq!(names(&without), [".gitmodules", "app.yaml", "base/kustomization.yaml"]);
}

#[test]
fn credentials_go_to_submodules_of_the_same_server_only() {
    let login = || Some(("joe".to_owned(), "hunter2".to_owned()));
    let fixture = Fixture::new(HttpOptions { login: login(), ..HttpOptions::default() });
    nested(&fixture);
    let credentials = Credentials {
        username: Some("joe".to_owned()),
        password: Some("hunter2".to_owned().into()),
        ..Credentials::default()
    };
    let remote = Remote { credentials, ..fixture.remote() };
    let (_, snapshot, _store) = fetch(&remote, &Reference::branch("main")).unwrap();
    files(&snapshot, &RECURSE).unwrap();

    let elsewhere =
        GitServer::http(HttpOptions { login: login(), ..HttpOptions::default() }).unwrap();
    let foreign = elsewhere.create(APP).unwrap();
    foreign.write("x", "x").unwrap();
    foreign.commit("Start").unwrap();
    let url = elsewhere.url(APP);
    let modules = ["config", "--file", ".gitmodules", "submodule.vendor/lib.url", &url];
    fixture.repository.git(&modules).unwrap();
    fixture.repository.commit("Point elsewhere").unwrap();
    let (_, snapshot, _store) = fetch(&remote, &Reference::branch("main")).unwrap();
    let error = files(&snapshot, &RECURSE).unwrap_err();
    assert!(chain(&error).contains("cannot check out submodule 'vendor/lib'"), "{}", chain(&error));
    assert!(chain(&error).contains("authentication required"), "{}", chain(&error));
}

#[test]
fn a_submodule_without_url_is_named() {
    let fixture = Fixture::new(HttpOptions::default());
    nested(&fixture);
    fixture.repository.git(&["rm", "--quiet", "--cached", ".gitmodules"]).unwrap();
    std::fs::remove_file(fixture.repository.path().join(".gitmodules")).unwrap();
    fixture.repository.commit("Forget the submodules").unwrap();
    let (_, snapshot, _store) = fetch(&fixture.remote(), &Reference::branch("main")).unwrap();
    let error = files(&snapshot, &RECURSE).unwrap_err();
    assert!(
        chain(&error).contains("no url found for submodule path 'vendor/lib'"),
        "{}",
        chain(&error)
    );
}

#[test]
fn a_local_repository_serves_its_submodules_itself() {
    let fixture = Fixture::new(HttpOptions::default());
    nested(&fixture);
    fixture.server.forget_requests();
    let local = Some(Local { path: fixture.repository.path().to_owned(), worktree: false });
    let remote = Remote { local, ..fixture.remote() };
    let (_, snapshot, _store) = fetch(&remote, &Reference::branch("main")).unwrap();
    let written = files(&snapshot, &RECURSE).unwrap();
    assert!(names(&written).contains(&"vendor/lib/lib.yaml"));
}
