use common::api::source::GitRepository;
use serde_json::{Value, json};

use super::*;

fn object(change: impl FnOnce(&mut Value)) -> GitRepository {
    let mut value = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "app", "namespace": "team"},
        "spec": {"url": "https://example.org/team/app", "interval": "1m"},
    });
    change(&mut value["spec"]);
    serde_json::from_value(value).unwrap()
}

fn plan(spec: Value) -> Result<Plan, Stop> {
    Plan::new(&object(|base| {
        base.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    }))
}

#[test]
fn defaults_are_filled_in() {
    let plan = plan(json!({})).unwrap();
    assert_eq!(plan.reference, Reference::branch("master"));
    assert_eq!(plan.timeout, Duration::from_mins(1));
    assert_eq!(plan.checkout, CheckoutOptions::default());
    assert_eq!(plan.verify, None);
}

#[test]
fn what_can_never_work_stalls_and_says_why() {
    let check = |spec: Value, reason: Reason, text: &str| match plan(spec) {
        Err(Stop::Stall { reason: found, message }) => {
            assert_eq!(found, reason, "{message}");
            assert!(message.contains(text), "{message}");
        }
        other => panic!("{other:?}"),
    };
    check(json!({"url": "ftp://example.org/a"}), Reason::UrlInvalid, "'ftp'");
    check(json!({"url": "https://"}), Reason::UrlInvalid, "failed to parse url");
    check(
        json!({"ref": {"semver": "one"}}),
        Reason::GitOperationFailed,
        "improper constraint: one",
    );
    check(
        json!({"ref": {"commit": "main"}}),
        Reason::GitOperationFailed,
        "'main' is not the full id",
    );
    check(
        json!({"provider": "github"}),
        Reason::InvalidProviderConfiguration,
        "secretRef with github app data",
    );
    check(
        json!({"provider": "azure"}),
        Reason::InvalidProviderConfiguration,
        "'azure' is not supported",
    );
    let include = json!({"include": [{"repository": {"name": "lib"}, "toPath": "../../etc"}]});
    check(include, Reason::IllegalPath, "include 'lib'");
}

#[test]
fn includes_go_to_the_name_of_their_repository_by_default() {
    let spec = json!({"include": [
        {"repository": {"name": "lib"}},
        {"repository": {"name": "lib"}, "fromPath": "/a/./b", "toPath": "c/d"},
    ]});
    let include =
        |from: &str, to: &str| Include { name: "lib".to_owned(), from: from.into(), to: to.into() };
    assert_eq!(plan(spec).unwrap().includes, [include("", "lib"), include("a/b", "c/d")]);
}

#[test]
fn whatever_shapes_the_content_is_noticed() {
    let status = GitRepositoryStatus {
        observed_ignore: Some("*.md".to_owned()),
        source_verification_mode: Some("HEAD".to_owned()),
        ..GitRepositoryStatus::default()
    };
    let same = json!({"ignore": "*.md", "verify": {"mode": "head", "secretRef": {"name": "keys"}}});
    let changes = |change: Value| {
        let object = object(|spec| {
            let spec = spec.as_object_mut().unwrap();
            spec.extend(same.as_object().unwrap().clone());
            spec.extend(change.as_object().unwrap().clone());
        });
        Plan::changes_content(&object.spec, &status)
    };
    assert!(!changes(json!({})));
    for change in [
        json!({"ignore": "*.txt"}),
        json!({"recurseSubmodules": true}),
        json!({"sparseCheckout": ["a"]}),
        json!({"include": [{"repository": {"name": "lib"}}]}),
        json!({"verify": {"mode": "Tag", "secretRef": {"name": "keys"}}}),
    ] {
        assert!(changes(change.clone()), "{change}");
    }
}
