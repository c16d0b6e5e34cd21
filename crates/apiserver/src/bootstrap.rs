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

/// The user-facing default roles, by the groups of resources that the real ones name.
fn roles() -> Vec<Value> {
    let all = json!([
        { "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] },
        { "nonResourceURLs": ["*"], "verbs": ["*"] },
    ]);
    let core_read = [
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
    let core_write = [
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
    let workloads = [
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
    let others = json!([
        { "apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers", "horizontalpodautoscalers/status"] },
        { "apiGroups": ["batch"], "resources": ["cronjobs", "cronjobs/status", "jobs", "jobs/status"] },
        { "apiGroups": ["policy"], "resources": ["poddisruptionbudgets", "poddisruptionbudgets/status"] },
        { "apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "ingresses/status", "networkpolicies"] },
        { "apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"] },
    ]);
    let rules = |core: &[&str], verbs: &[&str]| {
        let mut rules = vec![
            json!({ "apiGroups": [""], "resources": core, "verbs": verbs }),
            json!({ "apiGroups": ["apps"], "resources": workloads, "verbs": verbs }),
        ];
        for rule in others.as_array().into_iter().flatten() {
            let mut rule = rule.clone();
            crate::object::set_field(&mut rule, "verbs", Some(json!(verbs)));
            rules.push(rule);
        }
        Value::Array(rules)
    };
    let mut edit = rules(&core_write, &CHANGE);
    if let Value::Array(list) = &mut edit {
        list.push(json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": LOOK }));
        list.push(json!({ "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"] }));
        list.push(json!({ "apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"] }));
        list.push(json!({ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
            "verbs": ([&LOOK[..], &CHANGE[..]].concat()) }));
    }
    let admin = json!([
        { "apiGroups": ["authorization.k8s.io"], "resources": ["localsubjectaccessreviews"], "verbs": ["create"] },
        { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings", "roles"],
            "verbs": ([&CHANGE[..], &LOOK[..]].concat()) },
    ]);
    vec![
        role("cluster-admin", None, all),
        aggregated("admin", "admin", None),
        aggregated("edit", "edit", Some("admin")),
        aggregated("view", "view", Some("edit")),
        role("system:aggregate-to-admin", Some("admin"), admin),
        role("system:aggregate-to-edit", Some("edit"), edit),
        role("system:aggregate-to-view", Some("view"), rules(&core_read, &LOOK)),
        role(
            "system:basic-user",
            None,
            json!([
                { "apiGroups": ["authorization.k8s.io"], "verbs": ["create"],
                    "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"] },
                { "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"] },
            ]),
        ),
        role(
            "system:discovery",
            None,
            json!([
                { "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi",
                    "/openapi/*", "/readyz", "/version", "/version/"], "verbs": ["get"] },
            ]),
        ),
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
