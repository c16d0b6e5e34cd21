use serde_json::{Value, json};

use super::*;

fn object(extra: Value) -> Kustomization {
    let mut spec = json!({
        "interval": "10m", "prune": true,
        "sourceRef": {"kind": "GitRepository", "name": "podinfo"},
    });
    spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "team"}, "spec": spec,
    }))
    .unwrap()
}

fn plan(extra: Value) -> Plan {
    Plan::new(&object(extra), &Settings::default()).unwrap()
}

/// The reason and message a spec stalls with.
fn stall(extra: Value, settings: &Settings) -> (Reason, String) {
    match Plan::new(&object(extra), settings) {
        Err(Stop::Stall { reason, message }) => (reason, message),
        other => panic!("not stalled: {other:?}"),
    }
}

#[test]
fn defaults_are_those_of_the_original() {
    let plan = plan(json!({}));
    assert_eq!(plan.source.key, Key::new("team", "podinfo"));
    assert_eq!(plan.timeout, Duration::from_secs(570));
    assert_eq!(plan.wait, Wait::Named(Vec::new()));
    assert_eq!(plan.target.identity, Identity::Own);
    assert_eq!(
        plan.apply.selector,
        "kustomize.toolkit.fluxcd.io/name=apps,kustomize.toolkit.fluxcd.io/namespace=team"
    );
    assert!(plan.substitution.is_none() && plan.prune_limit == PruneLimit::Warn);
}

#[test]
fn what_can_never_work_stalls() {
    let locked = Settings { no_cross_namespace_refs: true, ..Settings::default() };
    let other = json!({"sourceRef": {"kind": "GitRepository", "name": "x", "namespace": "other"}});
    let external = json!({"sourceRef": {"kind": "ExternalArtifact", "name": "x"}});
    let unknown = json!({"sourceRef": {"kind": "Floppy", "name": "x"}});
    let expression = json!({"healthCheckExprs": [{"apiVersion": "a/v1", "current": "status.("}]});
    let rule = json!({"ignore": [{"paths": ["/spec"], "target": {"kind": "("}}]});
    let sops = json!({"decryption": {"provider": "sops"}});
    let account = json!({"serviceAccountName": "x; id"});
    let cloud = json!({"kubeConfig": {"configMapRef": {"name": "eks"}}});
    for (spec, reason, part) in [
        (other, Reason::AccessDenied, "can't access 'GitRepository/other/x'"),
        (external, Reason::AccessDenied, "ExternalArtifact feature gate is disabled"),
        (unknown, Reason::ValidationFailed, "'Floppy' is not supported"),
        (expression, Reason::InvalidCelExpression, "spec.healthCheckExprs: failed to compile"),
        (rule, Reason::ValidationFailed, "spec.ignore: invalid target '('"),
        (sops, Reason::BuildFailed, "spec.decryption"),
        (account, Reason::ValidationFailed, "spec.serviceAccountName"),
        (cloud, Reason::ReconciliationFailed, "spec.kubeConfig.configMapRef"),
    ] {
        let (is, message) = stall(spec, &locked);
        assert_eq!(is, reason, "{message}");
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn the_account_of_the_spec_wins_over_the_default() {
    let settings =
        Settings { default_service_account: Some("tenant".into()), ..Settings::default() };
    let account = |extra| Plan::new(&object(extra), &settings).unwrap().target.identity.user();
    assert_eq!(account(json!({})).as_deref(), Some("system:serviceaccount:team:tenant"));
    let own = json!({"serviceAccountName": "own"});
    assert_eq!(account(own).as_deref(), Some("system:serviceaccount:team:own"));
}

#[test]
fn health_checks_default_to_apps_and_the_own_namespace() {
    let plan = plan(json!({"healthChecks": [
        {"kind": "Deployment", "name": "web"},
        {"apiVersion": "v1", "kind": "Service", "name": "web", "namespace": "other"},
    ]}));
    let Wait::Named(targets) = plan.wait else { panic!("waits for all") };
    let shown: Vec<String> =
        targets.iter().map(|(id, version)| format!("{} {version}", id.to_inventory())).collect();
    assert_eq!(shown, ["team_web_apps_Deployment v1", "other_web__Service v1"]);
}

#[test]
fn patches_of_all_generations_come_in_order() {
    let plan = plan(json!({
        "patches": [{"patch": "third"}],
        "patchesStrategicMerge": [{"kind": "first"}],
        "patchesJson6902": [{"target": {"kind": "K"}, "patch": [{"op": "remove", "path": "/a"}]}],
    }));
    let patches: Vec<&str> = plan.injection.patches.iter().map(|p| p.patch.as_str()).collect();
    assert_eq!(patches, [r#"{"kind":"first"}"#, r#"[{"op":"remove","path":"/a"}]"#, "third"]);
}

#[test]
fn prune_limits_are_numbers_or_percentages() {
    let limit = |text: &str| {
        let mut object = object(json!({}));
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.insert(names::PRUNE_LIMIT.to_owned(), text.to_owned());
        prune_limit(&object)
    };
    assert_eq!(limit("3").unwrap(), PruneLimit::Count(3));
    assert_eq!(limit("25%").unwrap(), PruneLimit::Percent(25));
    assert!(limit("many").is_err() && limit("101%").is_err());
    assert!(
        PruneLimit::Percent(25).is_exceeded(26, 100)
            && !PruneLimit::Percent(25).is_exceeded(25, 100)
    );
    assert!(PruneLimit::Count(3).is_exceeded(4, 5) && !PruneLimit::Warn.is_exceeded(5, 5));
}

#[test]
fn the_deletion_policy_decides_about_the_objects() {
    for (spec, expected) in [
        (json!({}), Farewell::Delete),
        (json!({"prune": false}), Farewell::Orphan),
        (json!({"prune": false, "deletionPolicy": "Delete"}), Farewell::Delete),
        (json!({"deletionPolicy": "MirrorPrune"}), Farewell::Delete),
        (json!({"deletionPolicy": "Orphan"}), Farewell::Orphan),
        (json!({"deletionPolicy": "WaitForTermination"}), Farewell::WaitForTermination),
        (json!({"deletionPolicy": "FromTheFuture"}), Farewell::Orphan),
    ] {
        assert_eq!(farewell(&object(spec.clone())), expected, "{spec}");
    }
}
