//! Random kustomizations.

#![expect(clippy::indexing_slicing, reason = "an index into a JSON object reads or makes a field")]

use super::objects::{self, CONFIGS, text};
use super::{patches, rare as seldom};
use crate::oracle::random::Random;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What exists already.
#[derive(Default)]
pub(super) struct World {
    objects: Vec<Value>,
    /// Generators by field and name.
    generated: BTreeSet<(String, String)>,
}

/// A directory with a kustomization.
pub(super) struct Folder {
    fields: Map<String, Value>,
    files: BTreeMap<String, String>,
    file_name: &'static str,
}

impl Folder {
    fn new() -> Self {
        Self { fields: Map::new(), files: BTreeMap::new(), file_name: "kustomization.yaml" }
    }

    /// Objects and whatever else.
    pub(super) fn base(random: &mut Random, world: &mut World) -> Self {
        let mut folder = Self::new();
        let mut own = Vec::new();
        for number in 0..=random.below(5) {
            let object = objects::object(random);
            let id = patches::identity(&object);
            // The same object twice is only an error; so it comes rarely.
            if world.objects.iter().any(|other| patches::identity(other) == id)
                && random.percent(98)
            {
                continue;
            }
            let name = format!("r{number}.yaml");
            let text =
                if random.percent(10) { format!("{object}\n") } else { write(random, &object) };
            folder.files.insert(name.clone(), text);
            folder.push("resources", json!(name));
            world.objects.push(object.clone());
            own.push(object);
        }
        if own.is_empty() {
            folder.fields.insert("namePrefix".to_owned(), json!("e-"));
        }
        generators(random, &mut folder, world);
        transformations(random, &mut folder, &own);
        folder
    }

    /// Other directories and whatever else.
    pub(super) fn overlay(
        random: &mut Random,
        world: &mut World,
        bases: Vec<String>,
        components: Vec<String>,
    ) -> Self {
        let mut folder = Self::new();
        let field = if random.percent(4) { "bases" } else { "resources" };
        folder.fields.insert(field.to_owned(), json!(bases));
        if random.percent(6) {
            folder.file_name =
                if random.percent(50) { "kustomization.yml" } else { "Kustomization" };
        }
        if !components.is_empty() {
            folder.fields.insert("components".to_owned(), json!(components));
        }
        generators(random, &mut folder, world);
        transformations(random, &mut folder, &world.objects);
        if random.percent(8) {
            let options = match random.below(3) {
                0 => json!({ "order": "fifo" }),
                1 => json!({ "order": "legacy" }),
                _ => {
                    json!({ "order": "legacy", "legacySortOptions": { "orderFirst": ["Service"], "orderLast": ["ConfigMap", "Pod"] } })
                }
            };
            folder.fields.insert("sortOptions".to_owned(), options);
        }
        if random.percent(10) {
            let option =
                random.word(&["originAnnotations", "managedByLabel", "transformerAnnotations"]);
            folder.fields.insert("buildMetadata".to_owned(), json!([option]));
        }
        folder
    }

    /// A component.
    pub(super) fn component(random: &mut Random, world: &mut World) -> Self {
        let mut folder = Self::overlay(random, world, Vec::new(), Vec::new());
        folder.fields.remove("resources");
        folder.fields.remove("bases");
        folder.fields.remove("buildMetadata");
        let api_version = "kustomize.config.k8s.io/v1alpha1";
        folder.fields.insert("apiVersion".to_owned(), json!(api_version));
        folder.fields.insert("kind".to_owned(), json!("Component"));
        folder.fields.entry("commonAnnotations").or_insert_with(|| json!({ "component": "yes" }));
        folder
    }

    /// Adds the directory's files to all.
    pub(super) fn write(self, path: &str, all: &mut BTreeMap<String, String>) {
        all.insert(
            format!("{path}/{}", self.file_name),
            yaml::from_json(&Value::Object(self.fields)),
        );
        for (name, text) in self.files {
            all.insert(format!("{path}/{name}"), text);
        }
    }

    /// Adds a file.
    pub(super) fn file(&mut self, name: &str, text: String) {
        self.files.insert(name.to_owned(), text);
    }

    /// Sets a field.
    pub(super) fn set(&mut self, field: &str, value: Value) {
        self.fields.insert(field.to_owned(), value);
    }

    /// Puts a mistake into the kustomization.
    pub(super) fn mistake(&mut self, random: &mut Random) {
        let (field, value) = seldom::mistake(random);
        match (value, self.fields.get_mut(field)) {
            (Value::Array(more), Some(Value::Array(list))) => list.extend(more),
            (value, _) => self.set(field, value),
        }
    }

    /// Adds an item to a list.
    pub(super) fn push(&mut self, field: &str, value: Value) {
        let list = self.fields.entry(field).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(value);
        }
    }
}

/// YAML with a comment now and then, and texts of several lines folded.
fn write(random: &mut Random, object: &Value) -> String {
    let mut text = yaml::from_json(object);
    if random.percent(20) {
        for (literal, folded) in [(": |\n", ": >\n"), (": |-\n", ": >-\n"), (": |+\n", ": >+\n")] {
            text = text.replace(literal, folded);
        }
    }
    if !random.percent(30) {
        return text;
    }
    let lines = text.lines().map(|line| {
        let in_block = line.ends_with(['|', '>', '-', '"', '\'']) || !line.contains(':');
        if random.percent(10) && !in_block {
            format!("{line} # note\n")
        } else {
            format!("{line}\n")
        }
    });
    // A comment inside a block of text would be text; such files are left as they are.
    if text.contains(['|', '>']) { text.clone() } else { lines.collect() }
}

fn generators(random: &mut Random, folder: &mut Folder, world: &mut World) {
    for field in ["configMapGenerator", "secretGenerator"] {
        if !random.percent(30) {
            continue;
        }
        let name = random.word(CONFIGS);
        let mut entry = json!({ "name": name });
        let is_new = world.generated.insert((field.to_owned(), name.to_owned()));
        if !is_new || random.percent(2) {
            entry["behavior"] = json!(random.word(&["merge", "replace"]));
        } else if random.percent(20) {
            entry["behavior"] = json!("create");
        }
        if random.percent(3) {
            entry["namespace"] = json!("ns1");
        }
        if random.percent(70) {
            let value = text(random).replace('\n', " ");
            entry["literals"] = json!([format!("k={value}"), format!("lit='{value}'")]);
        }
        if random.percent(40) {
            folder.files.insert("data.txt".to_owned(), text(random).to_owned());
            entry["files"] = json!(["data.txt", "renamed=data.txt"]);
        }
        if random.percent(30) {
            folder.files.insert(
                "vars.env".to_owned(),
                format!(
                    "# c\nE1=v=1\n\n E2=  x \nE3\nE4=\"{}\"\n",
                    text(random).replace('\n', " ")
                ),
            );
            entry["envs"] = json!(["vars.env"]);
        }
        if random.percent(30) {
            entry["options"] = json!({ "labels": { "gen": "1" }, "disableNameSuffixHash": random.percent(50), "immutable": random.percent(30) });
        }
        if field == "secretGenerator" && random.percent(20) {
            entry["type"] = json!("kubernetes.io/tls");
        }
        folder.push(field, entry);
    }
    if random.percent(12) {
        folder.fields.insert("generatorOptions".to_owned(), json!({ "annotations": { "g": text(random) }, "disableNameSuffixHash": random.percent(30) }));
    }
}

fn transformations(random: &mut Random, folder: &mut Folder, known: &[Value]) {
    for (field, word) in [("namePrefix", "p-"), ("nameSuffix", "-s")] {
        if random.percent(25) {
            folder.fields.insert(field.to_owned(), json!(word));
        }
    }
    if random.percent(20) {
        folder.fields.insert("namespace".to_owned(), json!(random.word(&["ns1", "prod"])));
    }
    if random.percent(20) {
        folder.fields.insert("commonLabels".to_owned(), objects::labels(random));
    }
    if random.percent(20) {
        folder.push("labels", json!({
            "pairs": objects::labels(random), "includeSelectors": random.percent(30), "includeTemplates": random.percent(40),
            "includeVolumeClaimTemplates": random.percent(30),
        }));
    }
    if random.percent(8) {
        folder.push("labels", json!({ "pairs": { "f": "1" }, "fields": [{ "path": "spec/a/labels", "kind": "Widget", "create": random.percent(50) }] }));
    }
    if random.percent(15) {
        folder.fields.insert("commonAnnotations".to_owned(), json!({ "common": text(random) }));
    }
    if random.percent(25) {
        let mut image = json!({ "name": random.word(&["nginx", "reg.io:5000/nginx", "busybox", "app", "n.*"]) });
        for (field, value) in [
            ("newName", "other/img"),
            ("newTag", "v9"),
            ("digest", "sha256:beef"),
            ("tagSuffix", "-x"),
        ] {
            if random.percent(35) {
                image[field] = json!(value);
            }
        }
        folder.push("images", image);
    }
    let scalable = known
        .iter()
        .find(|object| matches!(object["kind"].as_str(), Some("Deployment" | "StatefulSet")));
    if let Some(object) = scalable
        && random.percent(20)
    {
        folder.push(
            "replicas",
            json!({ "name": object["metadata"]["name"], "count": random.below(9) }),
        );
    }
    for object in known {
        changes(random, folder, object, known);
    }
    rare(random, folder, known);
    seldom::fields(random, folder, known);
}

/// Patches and replacements for one object.
fn changes(random: &mut Random, folder: &mut Folder, object: &Value, known: &[Value]) {
    if random.percent(15) {
        let patch = patches::strategic(random, object);
        let mut entry = json!({ "patch": yaml::from_json(&patch) });
        if random.percent(40) {
            entry["target"] = patches::selector(random, object);
        }
        if random.percent(10) {
            entry["options"] = json!({ "allowNameChange": random.percent(60), "allowKindChange": random.percent(30) });
        }
        folder.push("patches", entry);
    }
    if random.percent(8) {
        let name = format!("patch-{}.yaml", random.below(1000));
        let patch = patches::strategic(random, object);
        let text = write(random, &patch);
        folder.files.insert(name.clone(), text);
        if random.percent(50) {
            folder.push("patchesStrategicMerge", json!(name));
        } else {
            folder.push("patches", json!({ "path": name }));
        }
    }
    if random.percent(10) {
        let operations = patches::operations(random, object);
        let text =
            if random.percent(50) { operations.to_string() } else { yaml::from_json(&operations) };
        folder
            .push("patches", json!({ "patch": text, "target": patches::selector(random, object) }));
    }
    if random.percent(4) {
        let target = json!({ "kind": object["kind"], "name": object["metadata"]["name"] });
        folder.push(
            "patchesJson6902",
            json!({ "patch": patches::operations(random, object).to_string(), "target": target }),
        );
    }
    if random.percent(8)
        && let Some(to) = random.pick(known).cloned()
    {
        let replacement = patches::replacement(random, object, &to);
        folder.push("replacements", replacement);
    }
}

fn rare(random: &mut Random, folder: &mut Folder, known: &[Value]) {
    if random.percent(6)
        && let Some(object) = random.pick(known)
    {
        let var = json!({ "name": "VAR", "objref": { "apiVersion": object["apiVersion"], "kind": object["kind"], "name": object["metadata"]["name"] } });
        let mut var = var;
        if random.percent(30) {
            var["fieldref"] = json!({ "fieldPath": random.word(&["metadata.name", "metadata.namespace", "spec.replicas", "metadata.labels.app", "spec.template.spec.containers[0].image", "spec.gone"]) });
        }
        folder.push("vars", var);
    }
    if random.percent(6) {
        let config = json!({
            "nameReference": [{ "kind": "ConfigMap", "version": "v1", "fieldSpecs": [{ "path": "spec/configRef/name", "kind": "Widget" }] }],
            "commonLabels": [{ "path": "spec/a/labels", "kind": "Widget", "create": true }],
            "namePrefix": [{ "path": "spec/image", "kind": "Widget" }],
            "varReference": [{ "path": "spec/a", "kind": "Widget" }],
            "images": [{ "path": "spec/image", "kind": "Widget" }],
        });
        folder.files.insert("config.yaml".to_owned(), yaml::from_json(&config));
        folder.push("configurations", json!("config.yaml"));
    }
    if random.percent(4) {
        let schema = json!({ "definitions": { "v1.Widget": {
            "type": "object",
            "properties": { "spec": { "type": "object", "properties": {
                "containers": { "type": "array", "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge", "items": { "type": "object" } },
                "items": { "type": "array", "x-kubernetes-patch-strategy": "merge", "items": { "type": "string" } },
            } } },
            "x-kubernetes-group-version-kind": [{ "group": "example.com", "version": "v1", "kind": "Widget" }],
        } } });
        folder.files.insert("schema.json".to_owned(), schema.to_string());
        folder.fields.insert("openapi".to_owned(), json!({ "path": "schema.json" }));
    }
    if random.percent(10) {
        let transformer = plugin(random, known);
        if random.percent(50) {
            folder.push("transformers", json!(yaml::from_json(&transformer)));
        } else {
            folder.files.insert("transformer.yaml".to_owned(), yaml::from_json(&transformer));
            folder.push("transformers", json!("transformer.yaml"));
        }
    }
    if random.percent(5) {
        let generator = json!({ "apiVersion": "builtin", "kind": "ConfigMapGenerator", "metadata": { "name": "fromplugin" }, "literals": ["a=b"] });
        folder.push("generators", json!(yaml::from_json(&generator)));
    }
}

/// A built-in transformer as an object.
fn plugin(random: &mut Random, known: &[Value]) -> Value {
    let everywhere = |path: &str| json!([{ "path": path, "create": true }]);
    let body = match random.below(9) {
        0 => {
            json!({ "kind": "PrefixTransformer", "prefix": "t-", "fieldSpecs": everywhere("metadata/name") })
        }
        1 => {
            json!({ "kind": "SuffixTransformer", "suffix": "-t", "fieldSpecs": everywhere("metadata/name") })
        }
        2 => {
            json!({ "kind": "LabelTransformer", "labels": { "t": true, "u": 1 }, "fieldSpecs": everywhere("metadata/labels") })
        }
        3 => {
            json!({ "kind": "AnnotationsTransformer", "annotations": { "t": text(random) }, "fieldSpecs": everywhere("metadata/annotations") })
        }
        4 => {
            json!({ "kind": "NamespaceTransformer", "metadata": { "name": "x", "namespace": "tns" }, "unsetOnly": random.percent(50), "setRoleBindingSubjects": random.word(&["allServiceAccounts", "none", "defaultOnly"]) })
        }
        5 => {
            json!({ "kind": "ImageTagTransformer", "imageTag": { "name": "nginx", "newTag": "t" }, "fieldSpecs": [{ "path": "spec/image" }] })
        }
        6 => {
            json!({ "kind": "ReplicaCountTransformer", "replica": { "name": "app", "count": 3 }, "fieldSpecs": [{ "path": "spec/replicas", "create": true, "kind": "Deployment" }] })
        }
        7 => {
            json!({ "kind": "ValueAddTransformer", "value": "added", "targets": [{ "fieldPath": random.word(&["metadata/annotations/v", "spec/a/b", "metadata/namespace"]) }] })
        }
        _ => match random.pick(known) {
            Some(object) => {
                json!({ "kind": "PatchTransformer", "patch": "[{\"op\": \"add\", \"path\": \"/metadata/labels\", \"value\": {\"pt\": \"x\"}}]", "target": { "kind": object["kind"] } })
            }
            None => json!({ "kind": "HashTransformer" }),
        },
    };
    let mut plugin = json!({ "apiVersion": "builtin", "metadata": { "name": "x" } });
    if let (Some(fields), Value::Object(body)) = (plugin.as_object_mut(), body) {
        fields.extend(body);
    }
    plugin
}
