//! Fields and spellings that are seldom seen, and mistakes.

#![expect(clippy::indexing_slicing, reason = "an index into a JSON object reads or makes a field")]

use super::fields::Folder;
use super::objects::{self, text};
use super::patches;
use crate::oracle::random::Random;
use serde_json::{Value, json};

/// Adds a few of the rare fields.
pub(super) fn fields(random: &mut Random, folder: &mut Folder, known: &[Value]) {
    definitions(random, folder);
    replacement_files(random, folder, known);
    patch_files(random, folder, known);
    plugins(random, folder, known);
    old_spellings(random, folder);
    if random.percent(3) {
        folder.set("metadata", json!({ "name": "n", "annotations": { "a": text(random) } }));
    }
    if random.percent(2) {
        folder.set("openapi", json!({ "version": random.word(&["v1.21.2", "v1.20.4", "v9"]) }));
    }
    if random.percent(3) {
        folder.set(
            "buildMetadata",
            json!(["originAnnotations", "transformerAnnotations", "managedByLabel"]),
        );
    }
    if random.percent(2) {
        folder.mistake(random);
    }
}

/// `crds`: definitions in OpenAPI's form, with annotations about references.
fn definitions(random: &mut Random, folder: &mut Folder) {
    if !random.percent(5) {
        return;
    }
    let mut reference = json!({
        "x-kubernetes-object-ref-api-version": "v1",
        "x-kubernetes-object-ref-kind": random.word(&["ConfigMap", "Secret"]),
        "description": "x",
    });
    if random.percent(40) {
        reference["x-kubernetes-object-ref-name-key"] = json!("name");
    }
    if random.percent(30) {
        reference["x-kubernetes-label-selector"] = json!("");
    }
    if random.percent(30) {
        reference["x-kubernetes-identity"] = json!("");
    }
    let definitions = json!({
        "github.com/example/v1.Widget": { "Schema": { "description": "x", "properties": {
            "apiVersion": { "type": "string" }, "kind": { "type": "string" }, "metadata": { "$ref": "k8s.io/apimachinery/pkg/apis/meta/v1.ObjectMeta" },
            "spec": { "$ref": "github.com/example/v1.WidgetSpec" },
        } }, "Dependencies": [] },
        "github.com/example/v1.WidgetSpec": { "Schema": { "description": "x", "properties": { "configRef": reference } }, "Dependencies": [] },
    });
    let (name, body) = if random.percent(50) {
        ("crd.json", definitions.to_string())
    } else {
        ("crd.yaml", yaml::from_json(&definitions))
    };
    folder.file(name, body);
    folder.push("crds", json!(name));
}

/// Replacements in files, one or a list, with several targets.
fn replacement_files(random: &mut Random, folder: &mut Folder, known: &[Value]) {
    if !random.percent(6) {
        return;
    }
    let (Some(from), Some(to), Some(other)) =
        (random.pick(known).cloned(), random.pick(known).cloned(), random.pick(known).cloned())
    else {
        return;
    };
    let mut replacement = patches::replacement(random, &from, &to);
    let more = patches::replacement(random, &from, &other);
    if let (Some(targets), Some(extra)) =
        (replacement["targets"].as_array_mut(), more["targets"].as_array())
    {
        targets.extend(extra.iter().cloned());
    }
    if random.percent(30) {
        let paths = json!(["metadata.annotations.copied", "metadata.labels.second"]);
        replacement["targets"][0]["fieldPaths"] = paths;
    }
    if random.percent(15) {
        replacement["targets"][0]["options"] = json!({ "encoding": "base64", "create": true });
    }
    let file = if random.percent(50) { json!([replacement]) } else { replacement };
    let name = "replacement.yaml";
    folder.file(name, yaml::from_json(&file));
    folder.push("replacements", json!({ "path": name }));
}

/// Patches in files: several documents, operations as YAML, several for one target.
fn patch_files(random: &mut Random, folder: &mut Folder, known: &[Value]) {
    if !random.percent(8) {
        return;
    }
    let (Some(first), Some(second)) = (random.pick(known).cloned(), random.pick(known).cloned())
    else {
        return;
    };
    if random.percent(50) {
        let both = [patches::strategic(random, &first), patches::strategic(random, &second)];
        let text = both.iter().map(yaml::from_json).collect::<Vec<_>>().join("---\n");
        folder.file("several.yaml", text);
        let (field, name) = if random.percent(80) {
            ("patches", json!({ "path": "several.yaml" }))
        } else {
            ("patchesStrategicMerge", json!("several.yaml"))
        };
        folder.push(field, name);
    } else {
        let operations = patches::operations(random, &first);
        let text = if random.percent(50) {
            yaml::from_json(&operations)
        } else {
            format!("{operations:#}")
        };
        folder.file("operations.yaml", text);
        let mut target = patches::selector(random, &first);
        if random.percent(20) {
            target["namespace"] = json!(random.word(&["ns1", "default", "ns.*"]));
        }
        folder.push("patches", json!({ "path": "operations.yaml", "target": target }));
    }
}

/// Built-in plugins that have a field of their own too, and validators.
fn plugins(random: &mut Random, folder: &mut Folder, known: &[Value]) {
    if !random.percent(8) {
        return;
    }
    let Some(object) = random.pick(known).cloned() else { return };
    let strategic = yaml::from_json(&patches::strategic(random, &object));
    let operations = patches::operations(random, &object).to_string();
    let name = object["metadata"]["name"].clone();
    let target = json!({ "kind": object["kind"], "name": name });
    let body = match random.below(8) {
        0 => json!({ "kind": "PatchStrategicMergeTransformer", "patches": strategic }),
        1 => json!({ "kind": "PatchJson6902Transformer", "target": target, "jsonOp": operations }),
        2 => json!({ "kind": "PatchTransformer", "patch": strategic, "target": target }),
        3 => {
            json!({ "kind": "ReplacementTransformer", "replacements": [patches::replacement(random, &object, &object)] })
        }
        4 => {
            json!({ "kind": "SortOrderTransformer", "sortOptions": { "order": random.word(&["legacy", "fifo"]) } })
        }
        5 => json!({ "kind": "HashTransformer" }),
        6 => {
            json!({ "kind": "IAMPolicyGenerator", "cloud": "gke", "kubernetesService": { "namespace": "k", "name": "sa" }, "serviceAccount": { "name": "g", "projectId": "p" } })
        }
        _ => json!({ "kind": "SecretGenerator", "literals": ["a=b"], "type": "Opaque" }),
    };
    let mut plugin = json!({ "apiVersion": "builtin", "metadata": { "name": "rare" } });
    let body_kind = body["kind"].as_str().unwrap_or_default().to_owned();
    let generates = body_kind.ends_with("Generator");
    if let (Some(fields), Value::Object(body)) = (plugin.as_object_mut(), body) {
        fields.extend(body);
    }
    // A validator that patches fails in the original even where it changes nothing: it compares how trees are written.
    let patches = body_kind.contains("Patch");
    let field = if generates {
        "generators"
    } else if patches {
        "transformers"
    } else {
        random.word(&["transformers", "transformers", "transformers", "validators"])
    };
    match random.below(3) {
        0 => folder.push(field, json!(yaml::from_json(&plugin))),
        1 => {
            folder.file("rare.yaml", yaml::from_json(&plugin));
            folder.push(field, json!("rare.yaml"));
        }
        _ => {
            folder.file("plugins/kustomization.yaml", "resources: [rare.yaml]\n".to_owned());
            folder.file("plugins/rare.yaml", yaml::from_json(&plugin));
            folder.push(field, json!("plugins"));
        }
    }
}

/// Fields of older versions.
fn old_spellings(random: &mut Random, folder: &mut Folder) {
    if random.percent(3) {
        folder.push("imageTags", json!({ "name": "nginx", "newTag": "old" }));
    }
    if random.percent(3) {
        folder.file("old.env", "OLD=1\n".to_owned());
        let field = random.word(&["configMapGenerator", "secretGenerator"]);
        folder.push(field, json!({ "name": "old", "env": "old.env" }));
    }
    if random.percent(3) {
        folder.file("blob.bin", "\u{1}\u{2}\u{fffd}".to_owned());
        folder.push("configMapGenerator", json!({ "name": "blob", "files": ["blob.bin"], "options": { "annotations": { "a": text(random) } } }));
    }
    if random.percent(3) {
        folder.push("resources", json!("list.yaml"));
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": [objects::of_kind(random, "v1", "Pod")] });
        folder.file("list.yaml", format!("# only a comment\n---\n{}---\n", yaml::from_json(&list)));
    }
}

/// A kustomization's own mistake, of each kind that people make.
pub(super) fn mistake(random: &mut Random) -> (&'static str, Value) {
    random
        .pick(&[
            ("resorces", json!(["a.yaml"])),
            ("resources", json!("r0.yaml")),
            ("namePrefix", json!(5)),
            ("namespace", json!(true)),
            ("commonLabels", json!({ "a": 1 })),
            ("commonAnnotations", json!({ "a": null })),
            ("images", json!([{ "name": "nginx", "tag": "x" }])),
            ("replicas", json!([{ "name": "none", "count": 1 }])),
            ("replicas", json!([{ "name": "app", "count": "2" }])),
            ("patches", json!([{ "path": "gone.yaml" }])),
            ("patches", json!([{ "patch": "" }])),
            ("patches", json!([{ "patch": "a: b" }])),
            ("patches", json!([{ "patch": "- op: remove\n  path: /nope", "target": { "kind": "Deployment" } }])),
            ("patches", json!([{ "patch": "- op: add\n  path: /metadata/x", "target": { "name": "[" } }])),
            ("vars", json!([{ "name": "V", "objref": { "kind": "Pod", "name": "gone", "apiVersion": "v1" } }])),
            ("replacements", json!([{ "source": { "kind": "None" }, "targets": [{ "select": { "kind": "Pod" }, "fieldPaths": ["a"] }] }])),
            ("replacements", json!([{ "targets": [] }])),
            ("configMapGenerator", json!([{ "name": "x", "literals": ["noequals"] }])),
            ("configMapGenerator", json!([{ "name": "x", "files": ["a=b=c"] }])),
            ("configMapGenerator", json!([{ "name": "x", "behavior": "whatever" }])),
            ("configMapGenerator", json!([{ "literals": ["a=b"] }])),
            ("secretGenerator", json!([{ "name": "x", "behavior": "merge", "literals": ["a=b"] }])),
            ("sortOptions", json!({ "order": "random" })),
            ("labels", json!([{ "pairs": { "a b": "c" } }])),
            ("labels", json!([{ "includeSelectors": true }])),
            ("components", json!(["../base"])),
            ("generatorOptions", json!({ "labels": { "a": 1 } })),
            ("kind", json!("Kustomisation")),
            ("apiVersion", json!("v1")),
            ("transformers", json!(["apiVersion: builtin\nkind: Nothing\nmetadata:\n  name: x\n"])),
            ("buildMetadata", json!(["everything"])),
            ("openapi", json!({ "path": "gone.json" })),
            ("crds", json!(["gone.yaml"])),
            ("configurations", json!(["gone.yaml"])),
        ])
        .cloned()
        .unwrap_or(("resources", json!(null)))
}
