use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use super::{NewArtifact, Store, StoreError, StoreOptions, lock};
use crate::{
    artifact::{Algorithm, Artifact, ArtifactKey, Limits, ignore::Rules},
    time::Time,
};

fn at(second: i64) -> Time {
    Time::from(jiff::Timestamp::from_second(second).unwrap())
}

fn key(name: &str) -> ArtifactKey {
    ArtifactKey::new("GitRepository", "apps", name).unwrap()
}

struct World {
    directory: TempDir,
    store: Store,
}

fn world() -> World {
    world_with(StoreOptions::default())
}

fn world_with(options: StoreOptions) -> World {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("storage"), options).unwrap();
    World { directory, store }
}

impl World {
    fn artifact<'a>(key: &'a ArtifactKey, file_name: &'a str) -> NewArtifact<'a> {
        let revision = "main@sha1:abc";
        NewArtifact { key, revision, file_name, metadata: BTreeMap::new(), now: at(1000) }
    }

    fn tree(&self, text: &str) -> PathBuf {
        let tree = self.directory.path().join("tree");
        fs::create_dir_all(tree.join("dir")).unwrap();
        fs::write(tree.join("dir/file"), text).unwrap();
        tree
    }

    fn archive(&self, name: &str, file_name: &str, text: &str) -> Artifact {
        let (key, tree) = (key(name), self.tree(text));
        self.store.archive_dir(Self::artifact(&key, file_name), &tree, &Rules::default()).unwrap()
    }

    fn path(&self, artifact: &Artifact) -> PathBuf {
        self.store.local_path(artifact).unwrap()
    }

    /// Makes a file as old as the time says.
    fn age(&self, artifact: &Artifact, made: i64) {
        let made = std::time::UNIX_EPOCH + Duration::from_secs(made.try_into().unwrap());
        let file = fs::File::options().append(true).open(self.path(artifact)).unwrap();
        file.set_modified(made).unwrap();
    }

    fn files(&self, name: &str) -> Vec<String> {
        list(&self.store.root().join(key(name).directory()))
    }
}

fn list(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_artifact_is_what_its_fields_say() {
    let world = world();
    let artifact = world.archive("a", "abc.tar.gz", "text");
    assert_eq!(artifact.path, "gitrepository/apps/a/abc.tar.gz");
    assert_eq!(artifact.url, "http://localhost/gitrepository/apps/a/abc.tar.gz");
    assert_eq!(artifact.revision, "main@sha1:abc");
    assert_eq!(artifact.last_update_time, at(1000));
    let metadata = fs::metadata(world.path(&artifact)).unwrap();
    assert_eq!(u64::try_from(artifact.size.unwrap()).unwrap(), metadata.len());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert!(artifact.directories().unwrap().covering("dir").is_some());
    world.store.verify(&artifact).unwrap();
    assert_eq!(world.files("a"), ["abc.tar.gz", "abc.tar.gz.lock"]);

    let out = world.directory.path().join("out");
    world.store.unpack(&artifact, &out, &Limits::default()).unwrap();
    assert_eq!(fs::read_to_string(out.join("dir/file")).unwrap(), "text");
}

#[test]
fn bytes_are_kept_as_they_are() {
    let options = StoreOptions {
        advertised_host: "https://source.example/".to_owned(),
        digest_algorithm: Algorithm::Sha512,
        ..StoreOptions::default()
    };
    let world = world_with(options);
    let key = ArtifactKey::new("HelmChart", "apps", "a").unwrap();
    let new = World::artifact(&key, "a-1.0.0+x.tgz");
    let artifact = world.store.write(new, &b"chart"[..]).unwrap();
    assert_eq!(fs::read(world.path(&artifact)).unwrap(), b"chart");
    assert_eq!(artifact.url, "https://source.example/helmchart/apps/a/a-1.0.0+x.tgz");
    assert!(artifact.digest.starts_with("sha512:"));
    assert_eq!(artifact.size, Some(5));
    assert_eq!(artifact.directories(), None);
    world.store.verify(&artifact).unwrap();
}

#[test]
fn equal_contents_share_one_place() {
    let world = world();
    let inode = |artifact: &Artifact| fs::metadata(world.path(artifact)).unwrap().ino();
    let (a, b, c) = (
        world.archive("a", "1.tar.gz", "same"),
        world.archive("b", "2.tar.gz", "same"),
        world.archive("c", "3.tar.gz", "other"),
    );
    assert_eq!(inode(&a), inode(&b));
    assert_ne!(inode(&a), inode(&c));
    // Made again, it is still there, and alone but for its lock.
    assert_eq!(inode(&world.archive("a", "1.tar.gz", "same")), inode(&b));
    assert_eq!(world.files("a"), ["1.tar.gz", "1.tar.gz.lock"]);

    assert!(world.store.remove(&key("a")).unwrap());
    world.store.verify(&b).unwrap();
    assert!(!world.store.remove(&key("a")).unwrap());
    world.store.remove(&key("b")).unwrap();
    world.store.remove(&key("c")).unwrap();
    assert!(list(&world.store.root().join(".content")).is_empty(), "nothing is left behind");
}

#[test]
fn what_does_not_verify_is_told_and_made_again() {
    fn refused(world: &World, artifact: &Artifact, fault: &str) {
        let error = world.store.verify(artifact).unwrap_err();
        assert!(matches!(error, StoreError::Verify { .. }), "{error}");
        assert!(error.to_string().contains(fault), "{error}");
    }
    let world = world();
    let artifact = world.archive("a", "1.tar.gz", "text");
    let path = world.path(&artifact);

    fs::write(&path, "damaged").unwrap();
    refused(&world, &artifact, "instead of sha256:");
    // The damage is in the shared place too, and must not be taken from there.
    assert_eq!(world.archive("b", "1.tar.gz", "text").digest, artifact.digest);
    world.store.verify(&world.archive("b", "1.tar.gz", "text")).unwrap();
    assert!(world.store.discard(&artifact).unwrap());
    refused(&world, &artifact, "is not in the storage");
    world.store.verify(&world.archive("a", "1.tar.gz", "text")).unwrap();

    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    refused(&world, &artifact, "is no regular file");
    let without = Artifact { digest: "md5:1".to_owned(), ..artifact };
    refused(&world, &without, "invalid digest");
}

#[test]
fn paths_stay_inside() {
    let world = world();
    let artifact = world.archive("a", "1.tar.gz", "text");
    for path in [
        "../../etc/passwd",
        "/etc/passwd",
        "a/b/c",
        "a/b/c/d/e",
        ".content/a/b/c",
        "a/b/c/x.lock",
        "a/../b/c",
        "a//b/c",
    ] {
        let wrong = Artifact { path: path.to_owned(), ..artifact.clone() };
        let error = world.store.local_path(&wrong).unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
        assert!(world.store.verify(&wrong).is_err() && world.store.discard(&wrong).is_err());
    }
    let key = key("a");
    for name in ["", "..", "a/b", ".hidden", "x.lock"] {
        let made = world.store.write(World::artifact(&key, name), &b""[..]);
        assert!(matches!(made, Err(StoreError::IllegalPath { .. })), "{name}");
    }
}

#[test]
fn a_failure_leaves_what_was_there() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    let world = world();
    let artifact = world.archive("a", "1.tar.gz", "text");
    let key = key("a");
    let error = world.store.write(World::artifact(&key, "1.tar.gz"), Broken).unwrap_err();
    assert!(error.to_string().contains("gitrepository/apps/a/1.tar.gz"), "{error}");
    let missing = world.directory.path().join("missing");
    let error =
        world.store.archive_dir(World::artifact(&key, "2.tar.gz"), &missing, &Rules::default());
    assert!(matches!(error, Err(StoreError::Archive { .. })));
    world.store.verify(&artifact).unwrap();
    assert_eq!(world.files("a"), ["1.tar.gz", "1.tar.gz.lock", "2.tar.gz.lock"]);
}

#[test]
fn a_second_writer_is_told() {
    let world = world();
    let artifact = world.archive("a", "1.tar.gz", "text");
    // A program that another test starts holds copies of our open files until it has begun to run.
    let held = (0..200).find_map(|_| {
        let held = lock(&world.path(&artifact)).ok();
        if held.is_none() {
            std::thread::sleep(Duration::from_millis(10));
        }
        held
    });
    let held = held.expect("the writer's lock is free again");
    let key = key("a");
    let error = world.store.write(World::artifact(&key, "1.tar.gz"), &b""[..]).unwrap_err();
    assert!(matches!(error, StoreError::Lock { .. }), "{error}");
    drop(held);
    // A test beside this one may be starting a program, which holds all files for a moment.
    let free = || world.store.write(World::artifact(&key, "1.tar.gz"), &b""[..]).is_ok();
    assert!((0..100_000).any(|_| {
        std::thread::yield_now();
        free()
    }));
}

#[test]
fn addresses_follow_the_host() {
    let world = world();
    let mut artifact = world.archive("a", "1.tar.gz", "text");
    assert!(!world.store.refresh_url(&mut artifact));
    artifact.url = "http://old/x".to_owned();
    assert!(world.store.refresh_url(&mut artifact));
    assert_eq!(artifact.url, "http://localhost/gitrepository/apps/a/1.tar.gz");
}

#[test]
fn the_latest_has_a_second_name() {
    let world = world();
    let first = world.archive("a", "1.tar.gz", "one");
    let second = world.archive("a", "2.tar.gz", "two");
    for artifact in [&first, &second] {
        let url = world.store.link(artifact, "latest.tar.gz").unwrap();
        assert_eq!(url, "http://localhost/gitrepository/apps/a/latest.tar.gz");
        let link = world.path(artifact).with_file_name("latest.tar.gz");
        assert_eq!(fs::read(link).unwrap(), fs::read(world.path(artifact)).unwrap());
    }
    assert!(world.store.link(&first, "../x").is_err());
}

/// Files with the second that they were made in, the number of records, and what goes at 1000.
fn check_garbage(made: &[(&str, i64)], current: Option<&str>, records: usize, expected: &[&str]) {
    let options = StoreOptions { retention_records: records, ..StoreOptions::default() };
    let world = world_with(options);
    let mut artifacts = BTreeMap::new();
    for (name, second) in made {
        let artifact = world.archive("a", name, name);
        world.age(&artifact, *second);
        artifacts.insert(*name, artifact);
    }
    let current = current.map(|name| &artifacts[name]);
    let collected = world.store.collect_garbage(&key("a"), current, at(1000)).unwrap();
    assert_eq!(collected.files, expected);
    assert!(!collected.partial);
    let left = world.files("a");
    assert_eq!(left.len(), 2 * (made.len() - expected.len()), "locks go too: {left:?}");
    assert_eq!(list(&world.store.root().join(".content")).len(), made.len() - expected.len());
}

#[test]
fn garbage_is_what_is_old_or_too_much() {
    let files = [("a", 100), ("b", 950), ("c", 960), ("d", 990)];
    check_garbage(&files, Some("d"), 2, &["a", "b"]);
    check_garbage(&files, Some("d"), 1, &["a", "b", "c"]);
    check_garbage(&files, Some("d"), 9, &["a"]);
    check_garbage(&files, Some("a"), 2, &["b", "c"]);
    check_garbage(&files, None, 2, &["a", "b"]);
    check_garbage(&[("a", 100), ("b", 200)], Some("b"), 2, &["a"]);
    check_garbage(&[("a", 100)], Some("a"), 0, &[]);
    check_garbage(&[("a", 5000), ("b", 990)], Some("b"), 2, &[]);
    check_garbage(&[], None, 2, &[]);
}

#[test]
fn garbage_is_no_link_and_nothing_that_is_being_written() {
    let world = world();
    let artifact = world.archive("a", "1.tar.gz", "text");
    world.store.link(&artifact, "latest.tar.gz").unwrap();
    let directory = world.store.root().join(key("a").directory());
    for (name, second) in [(".unfinished-now", 500), (".unfinished-old", -5000)] {
        let file = fs::File::create(directory.join(name)).unwrap();
        let now = std::time::UNIX_EPOCH + Duration::from_secs(10_000);
        let made = if second > 0 { now } else { std::time::UNIX_EPOCH };
        file.set_modified(made).unwrap();
    }
    world.age(&artifact, 9_000);
    let collected = world.store.collect_garbage(&key("a"), Some(&artifact), at(10_500)).unwrap();
    assert_eq!(collected.files, [".unfinished-old"]);
    let left = world.files("a");
    assert_eq!(left, [".unfinished-now", "1.tar.gz", "1.tar.gz.lock", "latest.tar.gz"]);
    let none = world.store.collect_garbage(&key("never"), None, at(1)).unwrap();
    assert!(none.files.is_empty());
}
