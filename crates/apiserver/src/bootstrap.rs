//! What a new cluster holds before anyone writes to it.

use serde_json::{Value, json};

use crate::core::Core;

/// Puts the first objects in.
pub(crate) fn fill(core: &Core) {
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        put(core, "v1", "namespaces", json!({ "metadata": { "name": name } }));
    }
    let service = json!({
        "metadata": { "name": "kubernetes", "namespace": "default",
            "labels": { "component": "apiserver", "provider": "kubernetes" } },
        "spec": { "clusterIP": "10.96.0.1", "type": "ClusterIP",
            "ports": [{ "name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443 }] },
    });
    put(core, "v1", "services", service);
    for role in roles() {
        put(core, "rbac.authorization.k8s.io/v1", "clusterroles", role);
    }
    for binding in bindings() {
        put(core, "rbac.authorization.k8s.io/v1", "clusterrolebindings", binding);
    }
    for (name, value) in
        [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)]
    {
        let class = json!({ "metadata": { "name": name }, "value": value,
            "description": "Used for system critical pods that must not be moved from their current node." });
        put(core, "scheduling.k8s.io/v1", "priorityclasses", class);
    }
}

fn put(core: &Core, api_version: &str, plural: &str, object: Value) {
    if let Err(why) = core.apply_own(api_version, plural, object)
        && why.reason != "AlreadyExists"
    {
        tracing::error!(error = %why, plural, "cannot create a first object");
    }
}

/// What the controllers of a cluster put into every new namespace.
pub(crate) fn furnish(core: &Core, namespace: &str) {
    put(
        core,
        "v1",
        "serviceaccounts",
        json!({ "metadata": { "name": "default", "namespace": namespace } }),
    );
    let root = json!({
        "metadata": { "name": "kube-root-ca.crt", "namespace": namespace,
            "annotations": { "kubernetes.io/description": "Contains a CA bundle that can be used to verify the \
                kube-apiserver when using internal endpoints such as the internal service IP or \
                kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters." } },
        "data": { "ca.crt": "" },
    });
    put(core, "v1", "configmaps", root);
}

fn role(name: &str, aggregate_to: Option<&str>, rules: Value) -> Value {
    let mut labels = json!({ "kubernetes.io/bootstrapping": "rbac-defaults" });
    if let Some(to) = aggregate_to {
        let key = format!("rbac.authorization.k8s.io/aggregate-to-{to}");
        crate::object::set_field(&mut labels, &key, Some("true".into()));
    }
    json!({ "metadata": { "name": name, "labels": labels }, "rules": rules })
}

fn aggregated(name: &str, from: &str, into: Option<&str>) -> Value {
    let mut role = role(name, into, json!([]));
    let selector = format!("rbac.authorization.k8s.io/aggregate-to-{from}");
    let rule = json!({ "clusterRoleSelectors": [{ "matchLabels": { selector: "true" } }] });
    crate::object::set_field(&mut role, "aggregationRule", Some(rule));
    role
}

/// The verbs that only look.
const LOOK: [&str; 3] = ["get", "list", "watch"];
/// The verbs that change.
const CHANGE: [&str; 5] = ["create", "delete", "deletecollection", "patch", "update"];

/// What `view` reads of the core group.
const CORE_READ: [&str; 20] = [
    "configmaps",
    "endpoints",
    "persistentvolumeclaims",
    "persistentvolumeclaims/status",
    "pods",
    "replicationcontrollers",
    "replicationcontrollers/scale",
    "serviceaccounts",
    "services",
    "services/status",
    "bindings",
    "events",
    "limitranges",
    "namespaces/status",
    "pods/log",
    "pods/status",
    "replicationcontrollers/status",
    "resourcequotas",
    "resourcequotas/status",
    "namespaces",
];
/// What `edit` writes of the core group.
const CORE_WRITE: [&str; 10] = [
    "configmaps",
    "events",
    "persistentvolumeclaims",
    "pods",
    "pods/eviction",
    "replicationcontrollers",
    "replicationcontrollers/scale",
    "secrets",
    "serviceaccounts",
    "services",
];
const APPS: [&str; 13] = [
    "daemonsets",
    "daemonsets/status",
    "deployments",
    "deployments/rollback",
    "deployments/scale",
    "deployments/status",
    "replicasets",
    "replicasets/scale",
    "replicasets/status",
    "statefulsets",
    "statefulsets/scale",
    "statefulsets/status",
    "controllerrevisions",
];

/// One rule per group for the kinds that users work with.
fn user_rules(core: &[&str], verbs: &[&str]) -> Vec<Value> {
    let rule = |group: &str, resources: Value| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    vec![
        rule("", json!(core)),
        rule("apps", json!(APPS)),
        rule("autoscaling", json!(["horizontalpodautoscalers", "horizontalpodautoscalers/status"])),
        rule("batch", json!(["cronjobs", "cronjobs/status", "jobs", "jobs/status"])),
        rule("policy", json!(["poddisruptionbudgets", "poddisruptionbudgets/status"])),
        rule("networking.k8s.io", json!(["ingresses", "ingresses/status", "networkpolicies"])),
        rule("discovery.k8s.io", json!(["endpointslices"])),
    ]
}

fn edit_rules() -> Vec<Value> {
    let both = [&LOOK[..], &CHANGE[..]].concat();
    let mut rules = user_rules(&CORE_WRITE, &CHANGE);
    rules.push(json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": LOOK }));
    rules.push(
        json!({ "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"] }),
    );
    rules.push(
        json!({ "apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"] }),
    );
    rules.push(
        json!({ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": both }),
    );
    rules
}

/// The default roles, by the groups of resources that the real ones name.
fn roles() -> Vec<Value> {
    let all = json!([
        { "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] },
        { "nonResourceURLs": ["*"], "verbs": ["*"] },
    ]);
    let both = [&CHANGE[..], &LOOK[..]].concat();
    let admin = json!([
        { "apiGroups": ["authorization.k8s.io"], "resources": ["localsubjectaccessreviews"], "verbs": ["create"] },
        { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings", "roles"], "verbs": both },
    ]);
    let basic = json!([
        { "apiGroups": ["authorization.k8s.io"], "verbs": ["create"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"] },
        { "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"] },
    ]);
    let discovery = json!([
        { "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*",
            "/readyz", "/version", "/version/"], "verbs": ["get"] },
    ]);
    vec![
        role("cluster-admin", None, all),
        aggregated("admin", "admin", None),
        aggregated("edit", "edit", Some("admin")),
        aggregated("view", "view", Some("edit")),
        role("system:aggregate-to-admin", Some("admin"), admin),
        role("system:aggregate-to-edit", Some("edit"), edit_rules().into()),
        role("system:aggregate-to-view", Some("view"), user_rules(&CORE_READ, &LOOK).into()),
        role("system:basic-user", None, basic),
        role("system:discovery", None, discovery),
    ]
}

fn bindings() -> Vec<Value> {
    let binding = |name: &str, role: &str, group: &str| {
        json!({
            "metadata": { "name": name, "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" } },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": group }],
        })
    };
    vec![
        binding("cluster-admin", "cluster-admin", "system:masters"),
        binding("system:basic-user", "system:basic-user", "system:authenticated"),
        binding("system:discovery", "system:discovery", "system:authenticated"),
    ]
}
