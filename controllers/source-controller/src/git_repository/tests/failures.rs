//! What goes wrong, and the end of objects.

use common::{
    api::meta::ConditionStatus::{False, True},
    condition::ConditionType,
};
use serde_json::json;
use testkit::HttpOptions;

use super::world::{World, expect, found, revision};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_fetched_is_explained() {
    let world = World::start().await;
    let (_repository, url) = world.repository("app.git");
    world.git.create("empty.git").unwrap();
    for (name, spec, reason, text) in [
        (
            "branch",
            json!({"url": url, "ref": {"branch": "nope"}}),
            "GitOperationFailed",
            "refs/heads/nope",
        ),
        (
            "gone",
            json!({"url": world.git.url("gone.git")}),
            "GitOperationFailed",
            "repository not found",
        ),
        (
            "empty",
            json!({"url": world.git.url("empty.git")}),
            "EmptyGitRepository",
            "git repository is empty",
        ),
        (
            "range",
            json!({"url": url, "ref": {"semver": "^7"}}),
            "GitOperationFailed",
            "no match found for semver",
        ),
    ] {
        world.create(name, spec).await;
        let (object, message) = world.failed(name, reason).await;
        assert!(message.contains(text), "{name}: {message}");
        expect(&object, ConditionType::FetchFailed, (True, reason, text));
        expect(&object, ConditionType::Reconciling, (True, "ProgressingWithRetry", ""));
        world.event(reason, text).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_can_never_work_stalls() {
    let world = World::start().await;
    world.create("azure", json!({"url": "https://dev.azure.com/a/b", "provider": "azure"})).await;
    let (object, message) = world.failed("azure", "InvalidProviderConfiguration").await;
    assert!(message.contains("'azure' is not supported"), "{message}");
    expect(&object, ConditionType::Stalled, (True, "InvalidProviderConfiguration", ""));
    assert_eq!(object.status.unwrap().observed_generation, object.metadata.generation);
    world.create("ref", json!({"url": "https://example.org/a", "ref": {"semver": "one"}})).await;
    let (object, _) = world.failed("ref", "GitOperationFailed").await;
    expect(&object, ConditionType::Stalled, (True, "GitOperationFailed", "improper constraint"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_passes_is_reported_as_recovered() {
    let world = World::start().await;
    let (repository, url) = world.repository("app.git");
    world.create("app", json!({"url": url})).await;
    let first = world.ready("app").await;
    let (there, away) =
        (world.git.repositories().join("app.git"), world.git.repositories().join("away.git"));
    std::fs::rename(&there, &away).unwrap();
    world.request("app", "1").await;
    let (object, _) = world.failed("app", "GitOperationFailed").await;
    assert_eq!(revision(&object), revision(&first), "the last artifact stays");
    std::fs::rename(&away, &there).unwrap();
    world.ready("app").await;
    world.event("Succeeded", "stored artifact for commit").await;
    drop(repository);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_or_missing_artifact_is_made_again() {
    let world = World::start().await;
    let (_repository, url) = world.repository("app.git");
    world.create("app", json!({"url": url})).await;
    let object = world.ready("app").await;
    let file = world.file(&object);
    std::fs::write(&file, "damaged").unwrap();
    world.request("app", "1").await;
    world.event("ArtifactVerificationFailed", "failed to verify integrity of artifact").await;
    let handled = |token: &'static str| {
        move |object: &common::api::source::GitRepository| {
            object.status.as_ref().unwrap().last_handled_reconcile_at.as_deref() == Some(token)
        }
    };
    let object = world.until("app", handled("1")).await;
    world.artifact(&object).await;
    std::fs::remove_file(world.file(&object)).unwrap();
    world.request("app", "2").await;
    let object = world.until("app", handled("2")).await;
    world.artifact(&object).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_object_leaves_nothing_behind() {
    let world = World::start().await;
    let (_repository, url) = world.repository("app.git");
    world.create("app", json!({"url": url})).await;
    let object = world.ready("app").await;
    let file = world.file(&object);
    let store = world.storage.path().join(".objects/gitrepository/team/app");
    assert!(file.is_file() && store.is_dir());
    let artifact = object.status.unwrap().artifact.unwrap();
    let host = artifact.url.strip_suffix(&artifact.path).unwrap();
    let served = reqwest::get(format!("{host}.objects/gitrepository/team/app/HEAD")).await.unwrap();
    assert_eq!(served.status(), 404, "received objects are served");
    world.delete("app").await;
    world.until_gone("app").await;
    assert!(!file.parent().unwrap().exists());
    assert!(!store.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_object_is_left_alone_until_it_is_resumed() {
    let world = World::start().await;
    let (_repository, url) = world.repository("app.git");
    world.create("app", json!({"url": url, "suspend": true})).await;
    world.create("other", json!({"url": url})).await;
    world.ready("other").await;
    let object = world.objects().get("app").await.unwrap();
    assert_eq!(revision(&object), None);
    assert_eq!(found(&object, ConditionType::Ready), None);
    world.patch("app", json!({"spec": {"suspend": false}})).await;
    world.ready("app").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_never_show_credentials() {
    let login = Some(("joe".to_owned(), "right".to_owned()));
    let world = World::start_with(HttpOptions { login, ..HttpOptions::default() }, |_| {}).await;
    let (_repository, url) = world.repository("app.git");
    let url = url.replace("http://", "http://joe:hunter2@");
    world.create("app", json!({"url": url})).await;
    let (object, message) = world.failed("app", "GitOperationFailed").await;
    assert!(message.contains("authorization failed"), "{message}");
    let status = serde_json::to_string(&object.status).unwrap();
    world.event("GitOperationFailed", "authorization failed").await;
    let events = format!("{:?}", world.events().await);
    assert!(!status.contains("hunter2") && !events.contains("hunter2"));
    expect(&object, ConditionType::Ready, (False, "GitOperationFailed", "401"));
}
