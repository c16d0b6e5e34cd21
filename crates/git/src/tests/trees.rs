//! What a checkout writes.

use std::os::unix::fs::PermissionsExt as _;

use testkit::HttpOptions;

use super::{Fixture, chain, fetch, files, names};
use crate::{CheckoutOptions, Error, Reference};

#[test]
fn modes_and_links_are_kept_and_pointers_left_alone() {
    let fixture = Fixture::new(HttpOptions::default());
    let repository = &fixture.repository;
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n";
    repository.write("big.bin", pointer).unwrap();
    repository.write(".gitattributes", "*.bin filter=lfs\n*.sh text eol=crlf\n").unwrap();
    repository.write("run.sh", "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(
        repository.path().join("run.sh"),
        std::fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    for (link, to) in [
        ("inside", "./app.yaml"),
        ("winding", "base/../app.yaml"),
        ("outside", "../../etc/passwd"),
        ("absolute", "/etc/passwd"),
    ] {
        std::os::unix::fs::symlink(to, repository.path().join(link)).unwrap();
    }
    repository.commit("Add files of all kinds").unwrap();
    let (_, snapshot, _store) = fetch(&fixture.remote(), &Reference::branch("main")).unwrap();
    let written = files(&snapshot, &CheckoutOptions::default()).unwrap();
    assert_eq!(
        names(&written),
        [".gitattributes", "app.yaml", "base/kustomization.yaml", "big.bin", "inside", "run.sh"]
    );
    assert_eq!(written[3].1, pointer);
    assert_eq!(written[4].1, "-> ./app.yaml");
    assert_eq!(written[5].1, "#!/bin/sh\n");
    let into = tempfile::tempdir().unwrap();
    snapshot.checkout(into.path(), &CheckoutOptions::default()).unwrap();
    let mode = |name: &str| into.path().join(name).metadata().unwrap().permissions().mode() & 0o111;
    assert_ne!(mode("run.sh"), 0);
    assert_eq!(mode("app.yaml"), 0);
}

#[test]
fn only_the_wanted_directories_are_written() {
    let fixture = Fixture::new(HttpOptions::default());
    fixture.repository.write("base/deep/x.yaml", "x\n").unwrap();
    fixture.repository.write("baseline/y.yaml", "y\n").unwrap();
    fixture.repository.commit("Add directories").unwrap();
    let (_, snapshot, _store) = fetch(&fixture.remote(), &Reference::branch("main")).unwrap();
    let sparse = |paths: &[&str]| CheckoutOptions {
        sparse: paths.iter().map(|it| (*it).to_owned()).collect(),
        ..CheckoutOptions::default()
    };
    let written = files(&snapshot, &sparse(&["./base"])).unwrap();
    assert_eq!(names(&written), ["base/deep/x.yaml", "base/kustomization.yaml"]);
    let written = files(&snapshot, &sparse(&["base/deep", "baseline"])).unwrap();
    assert_eq!(names(&written), ["base/deep/x.yaml", "baseline/y.yaml"]);
    let error = files(&snapshot, &sparse(&["base", "nowhere"])).unwrap_err();
    assert!(matches!(&error, Error::NotFound(text) if text.contains("'nowhere'")), "{error:?}");
}

/// Makes a commit whose tree holds an entry that `git add` would refuse.
fn commit_with(fixture: &Fixture, mode: &str, name: &str, object: &str) {
    let repository = &fixture.repository;
    let entry =
        format!("{mode} {} {object}\t{name}", if mode == "040000" { "tree" } else { "blob" });
    repository.write("entry", &entry).unwrap();
    let list = repository.path().join("entry").display().to_string();
    // `mktree` checks less than the index does.
    let tree = repository.git(&["-c", &format!("alias.make=!git mktree <{list}"), "make"]).unwrap();
    let commit = repository.git(&["commit-tree", "-m", "Be dangerous", &tree]).unwrap();
    repository
        .git(&["push", "--quiet", "--force", "origin", &format!("{commit}:refs/heads/main")])
        .unwrap();
}

#[test]
fn dangerous_names_are_refused() {
    for name in [".git", ".GIT", "git~1", ".git "] {
        let fixture = Fixture::new(HttpOptions::default());
        let tree = fixture.repository.git(&["rev-parse", "HEAD:base"]).unwrap();
        commit_with(&fixture, "040000", name, &tree);
        let (_, snapshot, _store) = fetch(&fixture.remote(), &Reference::branch("main")).unwrap();
        let error = files(&snapshot, &CheckoutOptions::default()).unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(text) if text.contains("dangerous name")),
            "{}",
            chain(&error)
        );
    }
}

#[test]
fn names_are_bytes() {
    use std::os::unix::ffi::OsStrExt as _;

    let fixture = Fixture::new(HttpOptions::default());
    let latin = std::ffi::OsStr::from_bytes(b"caf\xe9.yaml");
    std::fs::write(fixture.repository.path().join(latin), "x").unwrap();
    fixture.repository.write("größe/a b\tc\".yaml", "y").unwrap();
    fixture.repository.write("windows.txt", "one\r\ntwo\n").unwrap();
    fixture.repository.commit("Add odd names").unwrap();
    let (_, snapshot, _store) = fetch(&fixture.remote(), &Reference::branch("main")).unwrap();
    let into = tempfile::tempdir().unwrap();
    snapshot.checkout(into.path(), &CheckoutOptions::default()).unwrap();
    let read = |path: &std::path::Path| std::fs::read_to_string(into.path().join(path)).unwrap();
    assert_eq!(read(latin.as_ref()), "x");
    assert_eq!(read("größe/a b\tc\".yaml".as_ref()), "y");
    assert_eq!(read("windows.txt".as_ref()), "one\r\ntwo\n");
}
