//! Artifacts within artifacts.

use common::{api::meta::ConditionStatus::True, condition::ConditionType};
use serde_json::json;

use super::world::{World, expect, found};

#[tokio::test(flavor = "multi_thread")]
async fn an_include_is_waited_for_copied_and_followed() {
    let world = World::start().await;
    let (_app, app) = world.repository("app.git");
    let (lib, library) = world.repository("lib.git");
    lib.write("deep/value.yaml", "value: 1\n").unwrap();
    lib.commit("Add a value").unwrap();
    let include =
        json!([{"repository": {"name": "lib"}, "fromPath": "deep", "toPath": "vendor/lib"}]);
    world.create("app", json!({"url": app, "include": include})).await;
    let (object, message) = world.failed("app", "NotFound").await;
    assert!(message.contains("could not get resource for include 'lib'"), "{message}");
    expect(&object, ConditionType::IncludeUnavailable, (True, "NotFound", "lib"));

    world.create("lib", json!({"url": library, "suspend": true})).await;
    let (_, message) = world.failed("app", "NoArtifact").await;
    assert!(message.contains("no artifact available for include 'lib'"), "{message}");

    world.patch("lib", json!({"spec": {"suspend": false}})).await;
    let object = world.ready("app").await;
    assert_eq!(found(&object, ConditionType::IncludeUnavailable), None);
    assert_eq!(world.artifact(&object).await["vendor/lib/value.yaml"], "value: 1\n");
    let status = object.status.unwrap();
    assert_eq!(status.included_artifacts.len(), 1);
    assert_eq!(status.observed_include.len(), 1);

    lib.write("deep/value.yaml", "value: 2\n").unwrap();
    lib.commit("Change the value").unwrap();
    world.request("lib", "1").await;
    let old = status.artifact.unwrap().digest;
    let object = world
        .until("app", |object| {
            let artifact = object.status.as_ref().and_then(|status| status.artifact.as_ref());
            artifact.is_some_and(|artifact| artifact.digest != old)
        })
        .await;
    assert_eq!(world.artifact(&object).await["vendor/lib/value.yaml"], "value: 2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_include_that_is_not_there_to_copy_is_named() {
    let world = World::start().await;
    let (_app, app) = world.repository("app.git");
    let (_lib, library) = world.repository("lib.git");
    world.create("lib", json!({"url": library})).await;
    world.ready("lib").await;
    let include = json!([{"repository": {"name": "lib"}, "fromPath": "nowhere"}]);
    world.create("app", json!({"url": app, "include": include})).await;
    let (object, message) = world.failed("app", "CopyFailure").await;
    assert!(message.contains("failed to copy 'lib' include from nowhere to lib"), "{message}");
    expect(&object, ConditionType::StorageOperationFailed, (True, "CopyFailure", "nowhere"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_file_can_be_included() {
    let world = World::start().await;
    let (_app, app) = world.repository("app.git");
    let (_lib, library) = world.repository("lib.git");
    world.create("lib", json!({"url": library})).await;
    let include = json!([{
        "repository": {"name": "lib"}, "fromPath": "docs/guide.md", "toPath": "new/guide.txt",
    }]);
    world.create("app", json!({"url": app, "include": include})).await;
    let object = world.ready("app").await;
    assert_eq!(world.artifact(&object).await["new/guide.txt"], "guide\n");
}

/// Links of a repository are never followed when something is put into it: what they lead to, by
/// way of other links, may lie outside.
#[tokio::test(flavor = "multi_thread")]
async fn an_include_does_not_follow_links() {
    let world = World::start().await;
    let (repository, app) = world.repository("app.git");
    let (_lib, library) = world.repository("lib.git");
    repository.write("a/b/c/x.yaml", "").unwrap();
    let work = repository.path();
    std::os::unix::fs::symlink("../../../docs", work.join("a/b/c/up")).unwrap();
    std::os::unix::fs::symlink("a/b/c/up/../../../..", work.join("out")).unwrap();
    std::os::unix::fs::symlink("docs", work.join("inside")).unwrap();
    repository.commit("Add links").unwrap();
    world.create("lib", json!({"url": library})).await;
    let include = json!([
        {"repository": {"name": "lib"}, "toPath": "out/lib"},
        {"repository": {"name": "lib"}, "toPath": "inside/lib"},
    ]);
    world.create("app", json!({"url": app, "include": include})).await;
    let object = world.ready("app").await;
    let files = world.artifact(&object).await;
    assert_eq!(files["out/lib/app.yaml"], "version: 1\n");
    assert_eq!(files["inside/lib/app.yaml"], "version: 1\n");
    assert!(!files.contains_key("docs/lib/app.yaml"), "{:?}", files.keys());
}
