use super::Revision;

const HASH: &str = "6b6cc8f4bd2b1bf3a4a6e7a1e8a1f9f0c4f4dd3a";

fn check(text: &str, name: Option<&str>, algorithm: Option<&str>, hash: Option<&str>) {
    let revision: Revision = text.parse().unwrap();
    assert_eq!(revision.to_string(), text);
    assert_eq!((revision.name(), revision.algorithm(), revision.hash()), (name, algorithm, hash));
}

#[test]
fn every_form_reads_and_writes() {
    let sha1 = Some("sha1");
    check(&format!("main@sha1:{HASH}"), Some("main"), sha1, Some(HASH));
    check(&format!("feature/a@b@sha1:{HASH}"), Some("feature/a@b"), sha1, Some(HASH));
    check(&format!("refs/pull/420/head@sha1:{HASH}"), Some("refs/pull/420/head"), sha1, Some(HASH));
    check(&format!("sha1:{HASH}"), None, sha1, Some(HASH));
    check("sha256:abcdef", None, Some("sha256"), Some("abcdef"));
    check("6.1.0", Some("6.1.0"), None, None);
    check("0.1.0+2c26b46b68ff.1", Some("0.1.0+2c26b46b68ff.1"), None, None);
}

#[test]
fn refuses_what_is_no_revision() {
    for text in ["", "@sha1:abc", "main@sha1:", "a:b:c", "with space", "Sha1:abc", "main@SHA1:x"] {
        assert!(text.parse::<Revision>().is_err(), "{text}");
    }
    assert!(Revision::named("", "sha1", HASH).is_err());
    assert!(Revision::digest_only("sha1", "").is_err());
}

#[test]
fn short_forms() {
    let revision = Revision::named("main", "sha1", HASH).unwrap();
    assert_eq!(revision.short(), "main@sha1:6b6cc8f4");
    assert_eq!(revision.short_hash(12), Some("6b6cc8f4bd2b"));
    assert_eq!(Revision::digest_only("sha256", "abc").unwrap().short(), "sha256:abc");
    assert_eq!("6.1.0".parse::<Revision>().unwrap().short(), "6.1.0");
}
