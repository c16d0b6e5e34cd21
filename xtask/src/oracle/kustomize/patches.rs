//! Random patches and replacements for objects that exist.

#![expect(clippy::indexing_slicing, reason = "an index into a JSON object reads or makes a field")]

use super::objects::{containers, custom, data, labels, scalar, text};
use crate::oracle::random::Random;
use serde_json::{Map, Value, json};

/// The identity of an object.
pub(super) fn identity(object: &Value) -> Value {
    let mut meta = Map::new();
    for field in ["name", "namespace"] {
        if let Some(value) = object.pointer(&format!("/metadata/{field}")) {
            meta.insert(field.to_owned(), value.clone());
        }
    }
    json!({ "apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": meta })
}

/// A strategic merge patch for an object.
pub(super) fn strategic(random: &mut Random, object: &Value) -> Value {
    let mut patch = identity(object);
    if random.percent(4) {
        patch["$patch"] = json!("delete");
        return patch;
    }
    if random.percent(30) {
        patch["metadata"]["labels"] = labels(random);
        if random.percent(30) {
            patch["metadata"]["labels"]["app"] = Value::Null;
        }
    }
    if random.percent(15) {
        patch["metadata"]["annotations"] = json!({ "note": text(random), "added": null });
    }
    let kind = object["kind"].as_str().unwrap_or_default();
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => {
            patch["spec"] = json!({ "template": { "spec": pod(random) } });
            if random.percent(30) {
                patch["spec"]["replicas"] = scalar(random);
            }
            if random.percent(10) {
                patch["spec"]["strategy"] = json!({ "$patch": "replace", "type": "Recreate" });
            }
        }
        "Pod" => patch["spec"] = pod(random),
        "CronJob" => {
            patch["spec"] =
                json!({ "jobTemplate": { "spec": { "template": { "spec": pod(random) } } } });
        }
        "ConfigMap" => {
            patch["data"] = data(random);
            if random.percent(30) {
                patch["data"]["k"] = Value::Null;
            }
        }
        "Service" => {
            patch["spec"] = json!({ "ports": [{ "port": 443, "name": "new" }, { "port": 9, "protocol": "UDP" }] });
        }
        "Widget" | "Gadget" => patch["spec"] = custom(random, 0),
        "Role" | "ClusterRole" => {
            patch["rules"] = json!([{ "apiGroups": ["x"], "verbs": ["list"] }]);
        }
        _ => {}
    }
    patch
}

fn pod(random: &mut Random) -> Value {
    let mut pod = Map::new();
    if random.percent(70) {
        let mut list = containers(random);
        if let Some(items) = list.as_array_mut() {
            for item in items.iter_mut() {
                if random.percent(40)
                    && let Some(fields) = item.as_object_mut()
                {
                    fields.remove("image");
                }
                if random.percent(8) {
                    *item = json!({ "name": item["name"], "$patch": "delete" });
                }
            }
            if random.percent(5) {
                items.push(json!({ "$patch": "replace" }));
            }
            if random.percent(50) {
                items.reverse();
            }
        }
        pod.insert("containers".to_owned(), list);
    }
    if random.percent(25) {
        pod.insert("volumes".to_owned(), json!([{ "name": "c", "configMap": null, "emptyDir": {} }, { "name": "n", "hostPath": { "path": "/" } }]));
    }
    if random.percent(15) {
        pod.insert("tolerations".to_owned(), json!([{ "key": "c" }]));
    }
    if random.percent(10) {
        pod.insert("nodeSelector".to_owned(), json!({ "a": scalar(random) }));
    }
    if random.percent(10) {
        pod.insert("imagePullSecrets".to_owned(), json!([{ "name": "more" }]));
    }
    Value::Object(pod)
}

/// A selector that finds an object, or several.
pub(super) fn selector(random: &mut Random, object: &Value) -> Value {
    let mut target = Map::new();
    if random.percent(80) {
        target.insert("kind".to_owned(), object["kind"].clone());
    }
    if random.percent(30) {
        let api_version = object["apiVersion"].as_str().unwrap_or_default();
        if let Some((group, version)) = api_version.split_once('/') {
            target.insert("group".to_owned(), json!(group));
            target.insert("version".to_owned(), json!(version));
        }
    }
    if random.percent(50) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let pattern = match random.below(4) {
            0 => format!("{}.*", name.get(..1).unwrap_or_default()),
            1 => ".*".to_owned(),
            _ => name.to_owned(),
        };
        target.insert("name".to_owned(), json!(pattern));
    }
    if random.percent(15) {
        target.insert(
            "labelSelector".to_owned(),
            json!(random.word(&[
                "app=a",
                "app in (a,b)",
                "tier",
                "!tier",
                "app!=a",
                "x.io/y notin (1)"
            ])),
        );
    }
    if random.percent(8) {
        target.insert("annotationSelector".to_owned(), json!("note"));
    }
    if target.is_empty() {
        target.insert("kind".to_owned(), object["kind"].clone());
    }
    Value::Object(target)
}

/// Operations that mostly fit an object.
pub(super) fn operations(random: &mut Random, object: &Value) -> Value {
    let mut list = Vec::new();
    let has_template = object.pointer("/spec/template/spec/containers").is_some();
    let has_spec = object.get("spec").is_some();
    for _ in 0..=random.below(2) {
        list.push(match random.below(7) {
            0 => json!({ "op": "add", "path": "/metadata/labels", "value": { "j": "son" } }),
            1 => json!({ "op": "add", "path": "/metadata/annotations/added", "value": text(random) }),
            2 if has_spec => json!({ "op": "replace", "path": "/spec/replicas", "value": random.below(9) }),
            3 if has_template => json!({ "op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{ "name": "J", "value": text(random) }] }),
            4 if has_template => json!({ "op": "add", "path": "/spec/template/spec/containers/-", "value": { "name": "last", "image": "nginx:0" } }),
            5 if object.pointer("/metadata/labels").is_some() => json!({ "op": "remove", "path": "/metadata/labels" }),
            _ => json!({ "op": "add", "path": "/extra~1field", "value": { "n": scalar(random), "big": 12_345_678 } }),
        });
    }
    Value::Array(list)
}

/// A replacement from one object to others.
pub(super) fn replacement(random: &mut Random, from: &Value, to: &Value) -> Value {
    let mut replacement = Map::new();
    if random.percent(25) {
        replacement.insert("sourceValue".to_owned(), json!(text(random)));
    } else {
        let mut source = json!({ "kind": from["kind"], "name": from["metadata"]["name"] });
        if random.percent(50)
            && let Some(path) = path_in(random, from)
        {
            source["fieldPath"] = json!(path);
        } else if random.percent(5) {
            source["fieldPath"] = json!(random.word(&[
                "metadata.name",
                "metadata.labels",
                "data.k",
                "spec.replicas",
                "metadata.labels.app",
                "spec.template.spec.containers.0.image",
                "spec.template.spec.containers.[name=main].image"
            ]));
        }
        if random.percent(15) {
            source["options"] =
                json!({ "delimiter": random.word(&[":", "-", "/"]), "index": random.below(2) });
        }
        replacement.insert("source".to_owned(), source);
    }
    let mut target = json!({
        "select": selector(random, to),
        "fieldPaths": [random.word(&[
            "metadata.annotations.copied", "spec.template.spec.containers.*.image", "spec.template.spec.containers.[name=main].env.[name=NEW].value",
            "metadata.labels.app", "data.inner\\.yaml.a.b", "data.[inner.json].a.b", "spec.replicas", "metadata.labels.[x.io/y]", "spec.template.spec.containers.0.args.0",
            "metadata.name", "spec.rules.0.host", "spec.template.metadata.labels.app",
        ])],
    });
    if random.percent(90) {
        target["options"] = json!({ "create": true });
    }
    if random.percent(8) {
        target["options"] =
            json!({ "delimiter": random.word(&[":", "-", "/"]), "index": random.below(3) });
    }
    if random.percent(10) {
        target["reject"] = json!([{ "name": random.word(&["app", "w.*"]) }]);
    }
    replacement.insert("targets".to_owned(), json!([target]));
    Value::Object(replacement)
}

/// A path to some field of an object.
fn path_in(random: &mut Random, object: &Value) -> Option<String> {
    let mut path = String::new();
    let mut at = object;
    loop {
        let fields = at.as_object().filter(|fields| !fields.is_empty())?;
        let names: Vec<&String> = fields.keys().collect();
        let name = random.pick(&names)?;
        if !path.is_empty() {
            path.push('.');
        }
        let (open, close) = if name.contains('.') { ("[", "]") } else { ("", "") };
        path.extend([open, name.as_str(), close]);
        at = fields.get(*name)?;
        if !at.is_object() || random.percent(20) {
            return Some(path);
        }
    }
}
