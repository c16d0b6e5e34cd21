//! Random Kubernetes objects.

#![expect(clippy::indexing_slicing, reason = "an index into a JSON object reads or makes a field")]

use crate::oracle::random::Random;
use serde_json::{Map, Value, json};

pub(super) const NAMES: &[&str] = &["app", "web", "db"];
pub(super) const CONFIGS: &[&str] = &["cfg", "env"];
const NAMESPACES: &[&str] = &["ns1", "default", "ns2"];
const IMAGES: &[&str] = &[
    "nginx",
    "nginx:1.2",
    "reg.io:5000/nginx:1",
    "busybox@sha256:abcd",
    "app:v1@sha256:00ff",
    "foo/nginx",
];
const TEXTS: &[&str] = &[
    "plain",
    "yes",
    "n",
    "on",
    "1e3",
    "0x10",
    "010",
    "1_000",
    "~",
    "null",
    "true",
    "2001-01-01",
    "1.0",
    "-",
    "a: b",
    "#x",
    "",
    " lead",
    "trail ",
    "two\nlines\n",
    "two\nlines",
    "tab\there",
    "a(b,\n  c\n)",
    "one\n\n  two\n\n\nthree\n",
    "\n lead\nx\n",
    "\tx\ny",
    "# c\nx\n",
    "keep\n\n\n",
    "\r\nx",
    "no\u{a0}break",
    "\u{1f600}",
    "1e5",
    "1:2:3",
    "0b1",
    "0o8",
    "-0",
    "1__0",
    ".inf",
    "NaN",
    "2001-01-01 10:00:00",
    "y: z",
    "a #b",
    "? x",
    "- x",
    "\\n",
    "\u{e9}\u{4e2d}",
    "$(VAR)",
    "x$(VAR)y",
    "$$(VAR)",
    "1:30",
    "'q'",
    "\"dq\"",
    "[a]",
    "{a}",
    "*a",
    "&a",
    "!t",
    "%x",
    "@y",
    "`b`",
    "a,b",
    "0o17",
    ".5",
    "1.",
    "+1",
    "=",
    "<<",
    "|",
    "the quick brown fox jumps over the lazy dog again and again until the line is far too long to stay in one piece",
];
pub(super) const WORKLOADS: &[(&str, &str)] = &[
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("v1", "Pod"),
];
const OTHERS: &[(&str, &str)] = &[
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("v1", "Namespace"),
    ("v1", "PersistentVolumeClaim"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("apiregistration.k8s.io/v1", "APIService"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("example.com/v1", "Widget"),
    ("example.com/v1", "Gadget"),
];

pub(super) fn text(random: &mut Random) -> &'static str {
    random.word(TEXTS)
}

/// A scalar of any type.
pub(super) fn scalar(random: &mut Random) -> Value {
    match random.below(9) {
        0 => json!(random.below(100_000)),
        1 => json!(true),
        2 => json!(1.5),
        3 => json!(1_234_567_890_123_u64),
        4 => json!(-7),
        5 if random.percent(30) => Value::Null,
        _ => json!(text(random)),
    }
}

pub(super) fn labels(random: &mut Random) -> Value {
    let mut labels = Map::new();
    for key in ["app", "tier", "x.io/y", "app.kubernetes.io/name"] {
        if random.percent(40) {
            labels.insert(key.to_owned(), json!(random.word(&["a", "b", "1", "true", "c-d"])));
        }
    }
    Value::Object(labels)
}

fn metadata(random: &mut Random, name: &str) -> Value {
    let mut meta = json!({ "name": name });
    if let Some(fields) = meta.as_object_mut() {
        if random.percent(35) {
            fields.insert("namespace".to_owned(), json!(random.word(NAMESPACES)));
        }
        if random.percent(50) {
            fields.insert("labels".to_owned(), labels(random));
        }
        if random.percent(30) {
            let mut annotations = json!({ "note": text(random) });
            if random.percent(10) {
                annotations["config.kubernetes.io/local-config"] =
                    json!(random.word(&["true", "false"]));
            }
            if random.percent(10) {
                annotations["num"] = json!(5);
            }
            fields.insert("annotations".to_owned(), annotations);
        }
        if random.percent(5) {
            fields.insert("finalizers".to_owned(), json!(["b", "a"]));
        }
    }
    meta
}

/// An object of a random kind.
pub(super) fn object(random: &mut Random) -> Value {
    let (api_version, kind) = if random.percent(50) {
        random.pick(WORKLOADS).copied().unwrap_or_default()
    } else {
        random.pick(OTHERS).copied().unwrap_or_default()
    };
    of_kind(random, api_version, kind)
}

pub(super) fn of_kind(random: &mut Random, api_version: &str, kind: &str) -> Value {
    let name = match kind {
        "ConfigMap" | "Secret" => random.word(CONFIGS),
        "CustomResourceDefinition" => "widgets.example.com",
        _ => random.word(NAMES),
    };
    let mut object =
        json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata(random, name) });
    if let (Some(fields), Value::Object(body)) = (object.as_object_mut(), body(random, kind)) {
        fields.extend(body);
    }
    object
}

fn body(random: &mut Random, kind: &str) -> Value {
    match kind {
        "Pod" => json!({ "spec": pod(random) }),
        "CronJob" => {
            json!({ "spec": { "schedule": "0 * * * *", "jobTemplate": { "spec": { "template": template(random) } } } })
        }
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => workload(random, kind),
        "ConfigMap" => json!({ "data": data(random) }),
        "Secret" => {
            json!({ "type": "Opaque", "data": { "k": "dg==" }, "stringData": data(random) })
        }
        "Service" => {
            json!({ "spec": { "selector": labels(random), "ports": ports(random, "port") } })
        }
        "Ingress" => json!({ "spec": {
            "ingressClassName": "x",
            "tls": [{ "hosts": ["h"], "secretName": random.word(CONFIGS) }],
            "rules": [{ "host": "$(VAR)", "http": { "paths": [{ "path": "/", "backend": { "service": { "name": random.word(NAMES), "port": { "number": 80 } } } }] } }],
        } }),
        "Role" | "ClusterRole" => {
            json!({ "rules": [{ "apiGroups": [""], "resources": ["secrets"], "resourceNames": [random.word(CONFIGS), random.word(NAMES)], "verbs": ["get"] }] })
        }
        "RoleBinding" | "ClusterRoleBinding" => binding(random),
        "HorizontalPodAutoscaler" => {
            json!({ "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": random.word(&["Deployment", "StatefulSet"]), "name": random.word(NAMES) }, "maxReplicas": 3, "metrics": [{ "type": "Resource" }] } })
        }
        "PodDisruptionBudget" => {
            json!({ "spec": { "minAvailable": 1, "selector": { "matchLabels": labels(random) } } })
        }
        "NetworkPolicy" => {
            json!({ "spec": { "podSelector": { "matchLabels": labels(random) }, "ingress": [{ "from": [{ "podSelector": { "matchLabels": labels(random) } }] }] } })
        }
        "PersistentVolumeClaim" => {
            json!({ "spec": { "storageClassName": random.word(NAMES), "volumeName": "v" } })
        }
        "CustomResourceDefinition" => {
            json!({ "spec": { "group": "example.com", "names": { "kind": "Widget" }, "conversion": { "webhook": { "clientConfig": { "service": { "name": "web", "namespace": "ns1" } } } } } })
        }
        "ValidatingWebhookConfiguration" => {
            json!({ "webhooks": [{ "name": "w", "clientConfig": { "service": { "name": random.word(NAMES), "namespace": random.word(NAMESPACES) } } }] })
        }
        "APIService" => {
            json!({ "spec": { "service": { "name": random.word(NAMES), "namespace": "ns1" } } })
        }
        "Widget" | "Gadget" => json!({ "spec": custom(random, 0) }),
        _ => json!({}),
    }
}

/// The tree of an object that no schema knows.
pub(super) fn custom(random: &mut Random, depth: usize) -> Value {
    let mut map = Map::new();
    for key in ["a", "b", "containers", "items", "y", "10", "replicas", "image", "configRef"] {
        if !random.percent(35) {
            continue;
        }
        let value = match random.below(6) {
            0 if depth < 3 => custom(random, depth + 1),
            1 if depth < 3 => {
                json!([{ "name": "one", "image": random.word(IMAGES), "v": scalar(random) }, { "name": "two", "v": custom(random, depth + 1) }])
            }
            2 => json!([text(random), text(random)]),
            3 => json!({ "name": random.word(CONFIGS) }),
            _ => scalar(random),
        };
        map.insert(key.to_owned(), value);
    }
    Value::Object(map)
}

pub(super) fn data(random: &mut Random) -> Value {
    let mut data = Map::new();
    for key in ["k", "z.yaml", "a", "B", "k10", "k9"] {
        if random.percent(50) {
            data.insert(key.to_owned(), json!(text(random)));
        }
    }
    if random.percent(20) {
        data.insert("inner.yaml".to_owned(), json!("a:\n  b: 1 # c\n  c: [x, y]\n"));
    }
    if random.percent(20) {
        data.insert("inner.json".to_owned(), json!("{\"a\": {\"b\": 1}, \"c\": [1, 2]}"));
    }
    Value::Object(data)
}

fn binding(random: &mut Random) -> Value {
    let mut subjects = Vec::new();
    for _ in 0..random.below(3) {
        let mut subject = json!({ "kind": random.word(&["ServiceAccount", "User"]), "name": random.word(&["app", "web", "default"]) });
        if random.percent(50) {
            subject["namespace"] = json!(random.word(NAMESPACES));
        }
        subjects.push(subject);
    }
    json!({
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": random.word(&["Role", "ClusterRole"]), "name": random.word(NAMES) },
        "subjects": subjects,
    })
}

fn workload(random: &mut Random, kind: &str) -> Value {
    let mut spec = json!({ "template": template(random) });
    if random.percent(60) {
        spec["selector"] = json!({ "matchLabels": labels(random) });
    }
    if random.percent(50) && kind != "DaemonSet" {
        spec["replicas"] = json!(random.below(5));
    }
    if kind == "StatefulSet" {
        spec["serviceName"] = json!(random.word(NAMES));
        spec["volumeClaimTemplates"] =
            json!([{ "metadata": { "name": "d" }, "spec": { "storageClassName": "app" } }]);
    }
    if kind == "Deployment" && random.percent(20) {
        spec["strategy"] =
            json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%" } });
    }
    json!({ "spec": spec })
}

fn template(random: &mut Random) -> Value {
    let mut template = json!({ "spec": pod(random) });
    if random.percent(60) {
        template["metadata"] = json!({ "labels": labels(random) });
    }
    template
}

fn pod(random: &mut Random) -> Value {
    let mut pod = json!({ "containers": containers(random) });
    if random.percent(25) {
        pod["initContainers"] = containers(random);
    }
    if random.percent(50) {
        pod["volumes"] = json!([
            { "name": "c", "configMap": { "name": random.word(CONFIGS) } },
            { "name": "s", "secret": { "secretName": random.word(CONFIGS) } },
            { "name": "p", "projected": { "sources": [{ "configMap": { "name": random.word(CONFIGS) } }, { "secret": { "name": "env" } }] } },
            { "name": "e", "emptyDir": {} },
        ]);
    }
    if random.percent(30) {
        pod["serviceAccountName"] = json!(random.word(NAMES));
    }
    if random.percent(15) {
        pod["imagePullSecrets"] = json!([{ "name": random.word(CONFIGS) }]);
    }
    if random.percent(15) {
        pod["tolerations"] = json!([{ "key": "a" }, { "key": "b", "value": scalar(random) }]);
    }
    if random.percent(10) {
        pod["hostAliases"] = json!([{ "ip": "1.1.1.1", "hostnames": ["x"] }]);
    }
    if random.percent(10) {
        pod["topologySpreadConstraints"] = json!([{ "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": { "matchLabels": labels(random) } }]);
    }
    pod
}

pub(super) fn containers(random: &mut Random) -> Value {
    let mut list = Vec::new();
    for name in ["main", "side", "third"].iter().take(1 + random.below(3)) {
        let mut container = json!({ "name": name, "image": random.word(IMAGES) });
        if random.percent(40) {
            container["env"] = environment(random);
        }
        if random.percent(20) {
            container["envFrom"] = json!([{ "configMapRef": { "name": random.word(CONFIGS) } }, { "secretRef": { "name": random.word(CONFIGS) } }]);
        }
        if random.percent(30) {
            container["ports"] = ports(random, "containerPort");
        }
        if random.percent(25) {
            container["args"] = json!([text(random), "--x=$(VAR)"]);
        }
        if random.percent(20) {
            container["volumeMounts"] =
                json!([{ "name": "c", "mountPath": "/c" }, { "name": "s", "mountPath": "/s" }]);
        }
        if random.percent(15) {
            container["resources"] = json!({ "limits": { "cpu": 1, "memory": "1Gi" } });
        }
        list.push(container);
    }
    Value::Array(list)
}

fn environment(random: &mut Random) -> Value {
    let mut list = Vec::new();
    for name in ["A", "B", "C"] {
        if random.percent(60) {
            list.push(match random.below(3) {
                0 => json!({ "name": name, "valueFrom": { "configMapKeyRef": { "name": random.word(CONFIGS), "key": "k" } } }),
                1 => json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": random.word(CONFIGS), "key": "k" } } }),
                _ => json!({ "name": name, "value": text(random) }),
            });
        }
    }
    Value::Array(list)
}

fn ports(random: &mut Random, key: &str) -> Value {
    let mut list = Vec::new();
    for number in [80, 443, 8080] {
        if random.percent(50) {
            let mut port = Map::new();
            port.insert(key.to_owned(), json!(number));
            if random.percent(40) {
                port.insert("protocol".to_owned(), json!(random.word(&["TCP", "UDP"])));
            }
            if random.percent(40) {
                port.insert("name".to_owned(), json!(random.word(&["http", "https"])));
            }
            list.push(Value::Object(port));
        }
    }
    Value::Array(list)
}
