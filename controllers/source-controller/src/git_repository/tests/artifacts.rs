//! What becomes an artifact, and when.

use apiserver::RequestKind;
use common::{
    api::meta::ConditionStatus::{False, True},
    condition::ConditionType,
};
use serde_json::json;
use testkit::{HttpOptions, SshKey};

use super::world::{World, expect, found, is, revision};

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_becomes_an_artifact_that_is_served() {
    let world = World::start().await;
    let (repository, url) = world.repository("app.git");
    let commit = repository.git(&["rev-parse", "HEAD"]).unwrap();
    world.create("app", json!({"url": url})).await;
    let object = world.ready("app").await;
    let message = format!("stored artifact for revision 'main@sha1:{commit}'");
    expect(&object, ConditionType::Ready, (True, "Succeeded", &message));
    expect(&object, ConditionType::ArtifactInStorage, (True, "Succeeded", &message));
    assert_eq!(found(&object, ConditionType::Reconciling), None);
    assert_eq!(found(&object, ConditionType::FetchFailed), None);
    let artifact = object.status.as_ref().unwrap().artifact.as_ref().unwrap();
    assert_eq!(artifact.path, format!("gitrepository/team/app/{commit}.tar.gz"));
    assert!(
        artifact.url.starts_with("http://127.0.0.1:") && artifact.url.ends_with(&artifact.path)
    );
    let files = world.artifact(&object).await;
    assert_eq!(files.keys().collect::<Vec<_>>(), ["app.yaml", "docs/guide.md"]);
    assert_eq!(object.metadata.finalizers.unwrap(), ["finalizers.fluxcd.io"]);
    world.event("NewArtifact", "stored artifact for commit 'Start'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_commit_becomes_a_new_artifact_when_asked_for() {
    let world = World::start().await;
    let (repository, url) = world.repository("app.git");
    world.create("app", json!({"url": url})).await;
    world.ready("app").await;
    repository.write("app.yaml", "version: 2\n").unwrap();
    let commit = repository.commit("Change the version").unwrap();
    world.request("app", "now").await;
    let object = world.ready_at("app", &commit).await;
    assert_eq!(world.artifact(&object).await["app.yaml"], "version: 2\n");
    assert_eq!(object.status.as_ref().unwrap().last_handled_reconcile_at.as_deref(), Some("now"));
    assert_eq!(found(&object, ConditionType::ArtifactOutdated), None);
    world.event("NewArtifact", "stored artifact for commit 'Change the version'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_changed_nothing_is_fetched_and_the_status_written_once() {
    let world = World::start().await;
    let (_repository, url) = world.repository("app.git");
    world.create("app", json!({"url": url})).await;
    let before = world.ready("app").await;
    world.event("NewArtifact", "Start").await;
    world.git.forget_requests();
    world.api.reset_requests();
    world.request("app", "again").await;
    let after = world
        .until("app", |object| {
            object.status.as_ref().unwrap().last_handled_reconcile_at.as_deref() == Some("again")
        })
        .await;
    assert_eq!(before.status.unwrap().artifact, after.status.unwrap().artifact);
    assert_eq!(world.git.requests().len(), 2, "{:?}", world.git.requests());
    let status: u64 = status_writes(&world);
    assert_eq!(status, 1);
    world.event("GitOperationSucceeded", "no changes since last reconcilation").await;
}

fn status_writes(world: &World) -> u64 {
    let requests = world.api.requests();
    let of = |kind: &RequestKind| kind.resource.ends_with("/status") && kind.is_write();
    requests.iter().filter(|(kind, _)| of(kind)).map(|(_, count)| *count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_in_storage_is_not_asked_for_again() {
    let world = World::start().await;
    let (repository, url) = world.repository("app.git");
    let commit = repository.git(&["rev-parse", "HEAD"]).unwrap();
    world.create("app", json!({"url": url, "ref": {"commit": commit}})).await;
    let object = world.ready("app").await;
    assert_eq!(revision(&object), Some(format!("sha1:{commit}").as_str()));
    world.git.forget_requests();
    world.request("app", "again").await;
    world
        .until("app", |object| {
            object.status.as_ref().unwrap().last_handled_reconcile_at.as_deref() == Some("again")
        })
        .await;
    assert!(world.git.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_version_ranges_name_their_revision() {
    let world = World::start().await;
    let (repository, url) = world.repository("app.git");
    for tag in ["v1.0.0", "v1.2.0", "v2.0.0"] {
        repository.git(&["tag", tag]).unwrap();
    }
    repository.push().unwrap();
    let commit = repository.git(&["rev-parse", "HEAD"]).unwrap();
    for (name, reference, shown) in [
        ("tag", json!({"tag": "v1.0.0"}), "v1.0.0"),
        ("range", json!({"semver": "1.x"}), "v1.2.0"),
        ("name", json!({"name": "refs/tags/v2.0.0"}), "refs/tags/v2.0.0"),
    ] {
        world.create(name, json!({"url": url, "ref": reference})).await;
        let object = world.ready(name).await;
        assert_eq!(revision(&object), Some(format!("{shown}@sha1:{commit}").as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ignored_files_stay_out_and_new_rules_make_a_new_artifact() {
    let world = World::start().await;
    let (repository, url) = world.repository("app.git");
    repository.write(".sourceignore", "*.tmp\n").unwrap();
    repository.write("x.tmp", "x").unwrap();
    let commit = repository.commit("Ignore files").unwrap();
    world.create("app", json!({"url": url})).await;
    let object = world.ready_at("app", &commit).await;
    let files = world.artifact(&object).await;
    assert_eq!(files.keys().collect::<Vec<_>>(), [".sourceignore", "app.yaml", "docs/guide.md"]);
    world.patch("app", json!({"spec": {"ignore": "/docs\n"}})).await;
    let changed = world.ready("app").await;
    let files = world.artifact(&changed).await;
    assert_eq!(files.keys().collect::<Vec<_>>(), [".sourceignore", "app.yaml"]);
    let status = changed.status.unwrap();
    assert_eq!(status.observed_ignore.as_deref(), Some("/docs\n"));
    assert_ne!(status.artifact.unwrap().digest, object.status.unwrap().artifact.unwrap().digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn sparse_checkouts_and_what_was_observed() {
    let world = World::start().await;
    let (_repository, url) = world.repository("app.git");
    world.create("app", json!({"url": url, "sparseCheckout": ["./docs"]})).await;
    let object = world.ready("app").await;
    assert_eq!(world.artifact(&object).await.keys().collect::<Vec<_>>(), ["docs/guide.md"]);
    assert_eq!(object.status.unwrap().observed_sparse_checkout, ["./docs"]);
    world.patch("app", json!({"spec": {"sparseCheckout": ["nowhere"]}})).await;
    let (object, message) = world.failed("app", "GitOperationFailed").await;
    assert!(message.contains("sparse checkout dir 'nowhere' does not exist"), "{message}");
    assert!(is(&object, ConditionType::FetchFailed, &True));
    assert!(revision(&object).is_some(), "the artifact of before is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_the_secret() {
    let login = Some(("joe".to_owned(), "hunter2".to_owned()));
    let world = World::start_with(HttpOptions { login, ..HttpOptions::default() }, |_| {}).await;
    let (_repository, url) = world.repository("app.git");
    world.create("app", json!({"url": url, "secretRef": {"name": "login"}})).await;
    let (object, message) = world.failed("app", "AuthenticationFailed").await;
    assert!(message.contains("failed to get secret 'team/login'"), "{message}");
    expect(&object, ConditionType::FetchFailed, (True, "AuthenticationFailed", "team/login"));
    world.secret("login", &[("username", "joe"), ("password", "hunter2")]).await;
    let object = world.ready("app").await;
    assert_eq!(found(&object, ConditionType::FetchFailed), None);
    world.event("NewArtifact", "Start").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_are_checked_before_anything_is_stored() {
    let world = World::start().await;
    let (repository, url) = world.repository("app.git");
    let key = SshKey::new("ed25519", "").unwrap();
    world.secret("keys", &[("joe.sshpub", &key.public)]).await;
    world
        .create(
            "app",
            json!({"url": url, "verify": {"mode": "HEAD", "secretRef": {"name": "keys"}}}),
        )
        .await;
    let (object, message) = world.failed("app", "InvalidCommitSignature").await;
    assert!(message.contains("is not signed"), "{message}");
    expect(
        &object,
        ConditionType::SourceVerified,
        (False, "InvalidCommitSignature", "is not signed"),
    );
    assert_eq!(revision(&object), None);

    repository.git(&["config", "gpg.format", "ssh"]).unwrap();
    repository.git(&["config", "user.signingkey", &key.path().display().to_string()]).unwrap();
    repository.git(&["commit", "--quiet", "--allow-empty", "-S", "--message", "Sign"]).unwrap();
    repository.git(&["tag", "v1.0.0"]).unwrap();
    repository.push().unwrap();
    let object = world.ready("app").await;
    expect(&object, ConditionType::SourceVerified, (True, "Succeeded", "with key 'SHA256:"));
    assert_eq!(object.status.unwrap().source_verification_mode.as_deref(), Some("HEAD"));

    let verify = json!({"mode": "Tag", "secretRef": {"name": "keys"}});
    world.patch("app", json!({"spec": {"verify": verify}})).await;
    let (object, _) = world.failed("app", "InvalidVerificationMode").await;
    assert!(is(&object, ConditionType::Stalled, &True));
    world.patch("app", json!({"spec": {"ref": {"tag": "v1.0.0"}}})).await;
    let (_, message) = world.failed("app", "InvalidGitObject").await;
    assert!(message.contains("cannot verify signature of tag 'v1.0.0@sha1:"), "{message}");
    world.patch("app", json!({"spec": {"verify": null}})).await;
    let object = world.ready("app").await;
    assert_eq!(found(&object, ConditionType::SourceVerified), None);
    assert_eq!(object.status.unwrap().source_verification_mode, None);
}
