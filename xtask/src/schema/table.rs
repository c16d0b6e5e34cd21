//! OpenAPI documents as tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// What the names of built-in types start with, left out in tables.
const PREFIXES: [&str; 4] = [
    "io.k8s.apimachinery.pkg.",
    "io.k8s.api.",
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.kube-aggregator.pkg.apis.",
];

/// Group, version and kind.
type Gvk = (String, String, String);

#[derive(Default)]
struct Resource {
    plural: String,
    namespaced: bool,
}

/// A field that is an object or a list.
struct Field {
    /// The type of the object, or of the items of a merged list.
    of: Option<String>,
    list: bool,
    /// The keys of a merged list; none if it holds scalars.
    merge: Option<Vec<String>>,
}

/// What the documents say, put together.
#[derive(Default)]
pub(crate) struct Document {
    resources: BTreeMap<Gvk, Resource>,
    kinds: BTreeMap<(String, String), String>,
    types: BTreeMap<String, BTreeMap<String, Field>>,
}

impl Document {
    pub(crate) fn read(documents: &[Value]) -> Result<Self> {
        let mut all = Self::default();
        for document in documents {
            for (path, operations) in
                document.get("paths").and_then(Value::as_object).into_iter().flatten()
            {
                all.read_path(path, operations);
            }
            let definitions = document.get("definitions").and_then(Value::as_object);
            for (name, schema) in definitions.context("no definitions")? {
                all.read_definition(name, schema);
            }
        }
        all.forget_what_holds_no_list();
        Ok(all)
    }

    /// The kind behind a path, if it is that of a whole resource.
    fn read_path(&mut self, path: &str, operations: &Value) {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (["api", _, rest @ ..] | ["apis", _, _, rest @ ..]) = parts.as_slice() else { return };
        let (namespaced, rest) = match rest {
            ["namespaces", "{namespace}", rest @ ..] if !rest.is_empty() => (true, rest),
            rest => (false, rest),
        };
        let ([plural] | [plural, "{name}"]) = rest else { return };
        for operation in operations.as_object().into_iter().flat_map(Map::values) {
            if let Some(gvk) = operation.get("x-kubernetes-group-version-kind").and_then(gvk) {
                let resource = self.resources.entry(gvk).or_default();
                (*plural).clone_into(&mut resource.plural);
                resource.namespaced |= namespaced;
            }
        }
    }

    fn read_definition(&mut self, name: &str, schema: &Value) {
        let short = short_name(name);
        for (group, version, kind) in
            array(schema, "x-kubernetes-group-version-kind").iter().filter_map(gvk)
        {
            if !served_by_default(&short) {
                continue;
            }
            let api_version = if group.is_empty() { version } else { format!("{group}/{version}") };
            self.kinds.insert((api_version, kind), short.clone());
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let fields = properties.into_iter().flatten();
        let fields = fields.filter_map(|(name, schema)| Some((name.clone(), field(schema)?)));
        self.types.insert(short, fields.collect());
    }

    /// Drops types that hold no list, however deep, and fields that are scalars by another name.
    fn forget_what_holds_no_list(&mut self) {
        let objects: BTreeSet<String> = self.types.keys().cloned().collect();
        let mut kept = BTreeSet::new();
        loop {
            let holds =
                |field: &Field| field.list || field.of.as_ref().is_some_and(|of| kept.contains(of));
            let more: Vec<String> = self
                .types
                .iter()
                .filter(|(name, fields)| !kept.contains(*name) && fields.values().any(holds))
                .map(|(name, _)| name.clone())
                .collect();
            if more.is_empty() {
                break;
            }
            kept.extend(more);
        }
        self.types.retain(|name, _| kept.contains(name));
        for fields in self.types.values_mut() {
            fields.retain(|_, field| {
                field.list || field.of.as_ref().is_none_or(|of| objects.contains(of))
            });
            for field in fields.values_mut() {
                field.of.take_if(|of| !kept.contains(of));
            }
        }
    }

    /// The table of kinds.
    pub(crate) fn kinds(&self) -> String {
        let mut out = String::new();
        for ((group, version, kind), resource) in &self.resources {
            let group = if group.is_empty() { "-" } else { group };
            let scope = if resource.namespaced { "namespaced" } else { "cluster" };
            let _ = writeln!(out, "kind {group} {version} {kind} {} {scope}", resource.plural);
        }
        out
    }

    /// The table of merges.
    pub(crate) fn merges(&self) -> String {
        let mut out = String::new();
        for ((api_version, kind), of) in &self.kinds {
            let of = if self.types.contains_key(of) { of } else { "-" };
            let _ = writeln!(out, "kind {api_version} {kind} {of}");
        }
        for name in self.reachable() {
            let _ = writeln!(out, "type {name}");
            for (name, field) in self.types.get(&name).into_iter().flatten() {
                let _ = write!(out, "{name} {}", field.of.as_deref().unwrap_or("-"));
                let _ = match field.merge.as_deref() {
                    None => writeln!(out),
                    Some([]) => writeln!(out, " merge"),
                    Some(keys) => writeln!(out, " merge {}", keys.join(",")),
                };
            }
        }
        out
    }

    /// The types some kind leads to.
    fn reachable(&self) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<String> = self.kinds.values().cloned().collect();
        while let Some(name) = open.pop() {
            if let Some(fields) = self.types.get(&name)
                && reached.insert(name)
            {
                open.extend(fields.values().filter_map(|field| field.of.clone()));
            }
        }
        reached
    }
}

fn gvk(value: &Value) -> Option<Gvk> {
    let text = |field: &str| Some(value.get(field)?.as_str()?.to_owned());
    Some((text("group").unwrap_or_default(), text("version")?, text("kind")?))
}

fn field(schema: &Value) -> Option<Field> {
    let text = |field: &str| schema.get(field).and_then(Value::as_str);
    if let Some(name) = reference(schema) {
        return is_object(&name).then_some(Field { of: Some(name), list: false, merge: None });
    }
    match text("type") {
        Some("object") => Some(Field { of: None, list: false, merge: None }),
        Some("array") => {
            let strategies = text("x-kubernetes-patch-strategy").unwrap_or_default();
            let merge = strategies.split(',').any(|strategy| strategy == "merge");
            let of = schema.get("items").and_then(reference).filter(|_| merge);
            Some(Field { of, list: true, merge: merge.then(|| keys(schema)) })
        }
        _ => None,
    }
}

/// All keys of the list if it has several, else the one for patches.
fn keys(schema: &Value) -> Vec<String> {
    let text = |key: &Value| key.as_str().map(str::to_owned);
    let all = array(schema, "x-kubernetes-list-map-keys");
    if !all.is_empty() {
        return all.iter().filter_map(text).collect();
    }
    schema.get("x-kubernetes-patch-merge-key").and_then(text).into_iter().collect()
}

fn reference(schema: &Value) -> Option<String> {
    Some(short_name(schema.get("$ref")?.as_str()?.strip_prefix("#/definitions/")?))
}

/// kustomize's document is what a cluster with no feature gates set serves; the one in the sources of
/// Kubernetes also has what lies behind the gates.
fn served_by_default(type_name: &str) -> bool {
    !type_name.contains("alpha") && type_name != "core.v1.EphemeralContainers"
}

/// Whether a type is more than a scalar with a name.
fn is_object(name: &str) -> bool {
    !["Quantity", "IntOrString", ".Time", ".MicroTime"].iter().any(|scalar| name.ends_with(scalar))
}

fn short_name(name: &str) -> String {
    PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name).to_owned()
}

fn array<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
