//! Repositories on this disk.

use std::time::Duration;

use testkit::GitRepository;

use super::{chain, fetch, files, names};
use crate::{
    CheckoutOptions, Error, Local, Reference, Remote, RepositoryKey,
    local::{self, Watch},
};

fn repository() -> (GitRepository, String) {
    let repository = GitRepository::init().unwrap();
    repository.write("app.yaml", "version: 1\n").unwrap();
    let commit = repository.commit("Start").unwrap();
    (repository, commit)
}

fn remote(repository: &GitRepository, worktree: bool) -> Remote {
    let local = Some(Local { path: repository.path().to_owned(), worktree });
    Remote { local, ..Remote::new("https://example.org/team/app".parse().unwrap()) }
}

#[test]
fn a_branch_is_read_in_place() {
    let (repository, commit) = repository();
    repository.write("app.yaml", "version: uncommitted\n").unwrap();
    let (tip, snapshot, store) =
        fetch(&remote(&repository, false), &Reference::branch("main")).unwrap();
    assert_eq!(tip.revision, format!("main@sha1:{commit}"));
    assert_eq!(files(&snapshot, &CheckoutOptions::default()).unwrap()[0].1, "version: 1\n");
    assert_eq!(std::fs::read_dir(store.path()).unwrap().count(), 0, "objects were copied");
}

#[test]
fn tags_packed_references_and_branches_of_origin_are_found() {
    let (repository, commit) = repository();
    repository.git(&["tag", "--annotate", "--message", "x", "v1.0.0"]).unwrap();
    repository.git(&["update-ref", "refs/remotes/origin/feature/x", &commit]).unwrap();
    repository.git(&["pack-refs", "--all"]).unwrap();
    let references = [
        (Reference::branch("main"), "main"),
        (Reference::Tag("v1.0.0".to_owned()), "v1.0.0"),
        (Reference::Semver("1.x".parse().unwrap()), "v1.0.0"),
        (Reference::branch("feature/x"), "feature/x"),
        (Reference::Name("refs/tags/v1.0.0".to_owned()), "refs/tags/v1.0.0"),
    ];
    for (reference, shown) in references {
        let (tip, _, _store) = fetch(&remote(&repository, false), &reference).unwrap();
        assert_eq!(tip.revision, format!("{shown}@sha1:{commit}"));
    }
    let error =
        fetch(&remote(&repository, false), &Reference::branch("none")).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
}

#[test]
fn commits_must_be_on_their_branch() {
    let (repository, first) = repository();
    repository.git(&["checkout", "--quiet", "-b", "other"]).unwrap();
    let other = repository.commit("Elsewhere").unwrap();
    let reference = |hex: &str| Reference::Commit {
        id: crate::ObjectId::from_hex(hex.as_bytes()).unwrap(),
        branch: Some("main".to_owned()),
    };
    fetch(&remote(&repository, false), &reference(&first)).unwrap();
    let error = fetch(&remote(&repository, false), &reference(&other)).map(|_| ()).unwrap_err();
    assert!(chain(&error).contains("is not on branch 'main'"), "{}", chain(&error));
}

#[test]
fn an_empty_repository_and_none_at_all_are_told_apart() {
    let empty = GitRepository::init().unwrap();
    for worktree in [false, true] {
        let error =
            fetch(&remote(&empty, worktree), &Reference::branch("main")).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }), "{error:?}");
    }
    let nothing = tempfile::tempdir().unwrap();
    let local = Some(Local { path: nothing.path().to_owned(), worktree: false });
    let error = Remote { local, ..remote(&empty, false) }.connect().map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
}

#[test]
fn a_work_tree_means_its_files_as_they_are() {
    let (repository, commit) = repository();
    let main = Reference::branch("main");
    let look = || {
        let (tip, snapshot, _store) = fetch(&remote(&repository, true), &main).unwrap();
        (tip.revision, files(&snapshot, &CheckoutOptions::default()).unwrap())
    };
    let (clean, _) = look();
    assert_eq!(clean, format!("main@sha1:{commit}"));

    repository.write(".gitignore", "*.log\n/target/\n").unwrap();
    repository.write("trace.log", "noise").unwrap();
    repository.write("target/out", "noise").unwrap();
    repository.write("new/file.yaml", "new: 1\n").unwrap();
    repository.write("app.yaml", "version: 2\n").unwrap();
    let (dirty, written) = look();
    assert_eq!(names(&written), [".gitignore", "app.yaml", "new/file.yaml"]);
    assert_eq!(written[1].1, "version: 2\n");
    repository.git(&["add", "--all"]).unwrap();
    let tree = repository.git(&["write-tree"]).unwrap();
    assert_eq!(dirty, format!("main@sha1:{tree}"), "named by the tree that a commit would have");

    let commit = repository.commit("Keep it").unwrap();
    assert_eq!(look().0, format!("main@sha1:{commit}"));
    std::fs::remove_file(repository.path().join("app.yaml")).unwrap();
    assert_eq!(names(&look().1), [".gitignore", "new/file.yaml"]);
}

#[test]
fn uncommitted_files_are_nobodys_signed_commit() {
    let (repository, commit) = repository();
    repository.write("app.yaml", "version: edited\n").unwrap();
    let (_, snapshot, _store) =
        fetch(&remote(&repository, true), &Reference::branch("main")).unwrap();
    let message = snapshot.commit().short_message();
    assert_eq!(message, format!("uncommitted changes to {}", commit.get(..8).unwrap()));
    assert!(!snapshot.commit().is_signed());
}

#[test]
fn commits_in_a_linked_work_tree_are_read_there() {
    let (repository, _) = repository();
    let linked = tempfile::tempdir().unwrap();
    let path = linked.path().join("tree");
    repository
        .git(&["worktree", "add", "--quiet", &path.display().to_string(), "-b", "side"])
        .unwrap();
    std::fs::write(path.join("side.yaml"), "side\n").unwrap();
    let local = Some(Local { path: path.clone(), worktree: true });
    let remote = Remote { local, ..remote(&repository, true) };
    let (_, snapshot, _store) = fetch(&remote, &Reference::branch("side")).unwrap();
    let written = files(&snapshot, &CheckoutOptions::default()).unwrap();
    assert_eq!(names(&written), ["app.yaml", "side.yaml"]);
    assert_eq!(local::current_branch(&path).unwrap().as_deref(), Some("side"));
}

#[test]
fn a_tracked_file_counts_although_it_is_ignored() {
    let (repository, _) = repository();
    repository.write(".gitignore", "build/\n").unwrap();
    repository.write("build/kept.yaml", "kept\n").unwrap();
    repository.write("build/dropped.yaml", "dropped\n").unwrap();
    repository.git(&["add", "--force", "build/kept.yaml"]).unwrap();
    let (_, snapshot, _store) =
        fetch(&remote(&repository, true), &Reference::branch("main")).unwrap();
    let written = files(&snapshot, &CheckoutOptions::default()).unwrap();
    assert_eq!(names(&written), [".gitignore", "app.yaml", "build/kept.yaml"]);
}

#[test]
fn revisions_are_resolved_as_git_does() {
    let (repository, first) = repository();
    repository.git(&["tag", "--annotate", "--message", "x", "v1.0.0"]).unwrap();
    let second = repository.commit("Again").unwrap();
    let id = |text: &str| local::rev_parse(repository.path(), text).map(|id| id.to_string());
    assert_eq!(id("HEAD").unwrap(), second);
    for revision in ["HEAD~1", "main^", "v1.0.0", &first] {
        assert_eq!(id(revision).unwrap(), first, "{revision}");
    }
    assert!(matches!(id("nope"), Err(Error::NotFound(_))));
}

#[test]
fn remotes_are_known_by_their_keys() {
    let (repository, _) = repository();
    repository.git(&["remote", "add", "origin", "git@example.org:team/app.git"]).unwrap();
    repository.git(&["remote", "add", "mirror", "https://mirror.org/app"]).unwrap();
    let keys = local::remote_keys(repository.path()).unwrap();
    for url in ["https://example.org/team/app", "ssh://git@mirror.org/app.git"] {
        assert!(keys.contains(&RepositoryKey::of(url).unwrap()), "{url}: {keys:?}");
    }
    assert_eq!(local::current_branch(repository.path()).unwrap().as_deref(), Some("main"));
    repository.write("deep/er/x", "").unwrap();
    let root = local::discover(&repository.path().join("deep/er")).unwrap();
    assert_eq!(root.canonicalize().unwrap(), repository.path().canonicalize().unwrap());
}

/// Whether a change is noticed; time is paused, so waiting for one that never comes is quick.
async fn noticed(watch: &mut Watch) -> bool {
    tokio::time::timeout(Duration::from_secs(2), watch.changed()).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn commits_tags_and_packed_references_are_noticed_once() {
    let (repository, _) = repository();
    let mut watch =
        Watch::new(Local { path: repository.path().to_owned(), worktree: false }).unwrap();
    assert!(!noticed(&mut watch).await);
    repository.write("app.yaml", "version: 2\n").unwrap();
    assert!(!noticed(&mut watch).await, "an edit is no commit");
    repository.commit("Change").unwrap();
    assert!(noticed(&mut watch).await);
    assert!(!noticed(&mut watch).await);
    repository.git(&["tag", "v1.0.0"]).unwrap();
    assert!(noticed(&mut watch).await);
    repository.git(&["checkout", "--quiet", "-b", "other"]).unwrap();
    assert!(noticed(&mut watch).await);
    repository.git(&["pack-refs", "--all"]).unwrap();
    noticed(&mut watch).await;
    repository.git(&["update-ref", "-d", "refs/tags/v1.0.0"]).unwrap();
    assert!(noticed(&mut watch).await);
}

#[tokio::test(start_paused = true)]
async fn edits_are_noticed_in_a_work_tree_but_for_ignored_files() {
    let (repository, _) = repository();
    repository.write(".gitignore", "*.log\n").unwrap();
    let mut watch =
        Watch::new(Local { path: repository.path().to_owned(), worktree: true }).unwrap();
    assert!(!noticed(&mut watch).await);
    repository.write("trace.log", "noise").unwrap();
    assert!(!noticed(&mut watch).await);
    repository.write("app.yaml", "version: 22\n").unwrap();
    assert!(noticed(&mut watch).await);
    repository.write("new.yaml", "x").unwrap();
    assert!(noticed(&mut watch).await);
}
