use serde_json::json;

use super::{Artifact, ArtifactKey};

#[test]
fn wire_form() {
    let value = json!({
        "digest": "sha1:a9993e364706816aba3e25717850c26c9cd0d89d",
        "lastUpdateTime": "2026-01-02T03:04:05Z",
        "path": "gitrepository/apps/podinfo/a.tar.gz",
        "revision": "main@sha1:abc",
        "size": 3,
        "url": "http://source/gitrepository/apps/podinfo/a.tar.gz",
    });
    let artifact: Artifact = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(&artifact).unwrap(), value);
    assert!(artifact.digest().is_ok());
    assert!(artifact.has_revision(&"main@sha1:abc".parse().unwrap()));
    assert!(!artifact.has_revision(&"dev@sha1:abc".parse().unwrap()));
}

#[test]
fn keys_are_safe_paths() {
    let key = ArtifactKey::new("GitRepository", "apps", "podinfo.v1").unwrap();
    assert_eq!(key.directory(), "gitrepository/apps/podinfo.v1");
    for (kind, namespace, name) in [
        ("", "a", "b"),
        ("K", "..", "b"),
        ("K", "a", "../b"),
        ("K", "a/b", "c"),
        ("K", "a", ".lock"),
        ("K", "a\0", "b"),
    ] {
        assert!(ArtifactKey::new(kind, namespace, name).is_err(), "{kind} {namespace} {name}");
    }
}
