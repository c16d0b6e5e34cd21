//! Repositories on this disk in place of their URLs.

use git::{Local, RepositoryKey};
use serde_json::json;
use testkit::{GitRepository, HttpOptions};

use super::world::{World, revision};

const URL: &str = "https://git.example.org/team/app";

fn local(worktree: bool) -> (GitRepository, Local) {
    let repository = GitRepository::init().unwrap();
    repository.write("app.yaml", "version: 1\n").unwrap();
    repository.commit("Start").unwrap();
    let local = Local { path: repository.path().to_owned(), worktree };
    (repository, local)
}

async fn world(local: Local) -> World {
    World::start_with(HttpOptions::default(), |settings| {
        settings.local.insert(RepositoryKey::of(URL).unwrap(), local);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_a_local_repository_are_noticed_at_once() {
    let (repository, local) = local(false);
    let world = world(local).await;
    let url = "ssh://git@git.example.org/team/app.git";
    world.create("app", json!({"url": url, "secretRef": {"name": "not-needed"}})).await;
    world.ready("app").await;
    repository.write("app.yaml", "version: 2\n").unwrap();
    let commit = repository.commit("Change the version").unwrap();
    let object = world.ready_at("app", &commit).await;
    assert_eq!(world.artifact(&object).await["app.yaml"], "version: 2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_a_work_tree_are_noticed_at_once() {
    let (repository, local) = local(true);
    let world = world(local).await;
    world.create("app", json!({"url": URL})).await;
    let before = world.ready("app").await;
    repository.write("app.yaml", "version: edited\n").unwrap();
    let object = world.until("app", |object| revision(object) != revision(&before)).await;
    assert_eq!(world.artifact(&object).await["app.yaml"], "version: edited\n");
}
