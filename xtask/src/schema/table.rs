//! An OpenAPI document as a table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// Group, version and kind.
type Gvk = (String, String, String);

#[derive(Default)]
struct Resource {
    plural: String,
    namespaced: bool,
    type_name: Option<String>,
}

struct Field {
    name: String,
    form: String,
    /// The type at the bottom of the form, and whether a list lies on the way.
    refers: Option<String>,
    list: bool,
    attributes: String,
}

pub(crate) struct Table {
    resources: BTreeMap<Gvk, Resource>,
    types: BTreeMap<String, Vec<Field>>,
}

impl Table {
    pub(crate) fn read(document: &Value) -> Result<Self> {
        let mut table = Self { resources: BTreeMap::new(), types: BTreeMap::new() };
        for (path, operations) in object(document, "paths")? {
            table.read_path(path, operations);
        }
        for (name, schema) in object(document, "definitions")? {
            table.read_definition(name, schema)?;
        }
        table.resources.retain(|_, resource| !resource.plural.is_empty());
        table.keep_what_leads_to_lists();
        table.drop_unreachable();
        Ok(table)
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

    fn read_definition(&mut self, name: &str, schema: &Value) -> Result<()> {
        let short = short_name(name);
        for gvk in array(schema, "x-kubernetes-group-version-kind").iter().filter_map(gvk) {
            if let Some(resource) = self.resources.get_mut(&gvk) {
                resource.type_name = Some(short.clone());
            }
        }
        let mut fields = Vec::new();
        for (field, schema) in
            schema.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            let form = form(schema).with_context(|| format!("{name}.{field}"))?;
            fields.push(Field {
                name: field.clone(),
                refers: form.refers,
                list: form.list,
                form: form.text,
                attributes: attributes(schema),
            });
        }
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        self.types.insert(short, fields);
        Ok(())
    }

    /// Drops fields that are no lists and hold none, however deep.
    fn keep_what_leads_to_lists(&mut self) {
        let mut leading: BTreeSet<String> = BTreeSet::new();
        loop {
            let more: Vec<String> = self
                .types
                .iter()
                .filter(|(name, _)| !leading.contains(*name))
                .filter(|(_, fields)| fields.iter().any(|field| leads(field, &leading)))
                .map(|(name, _)| name.clone())
                .collect();
            if more.is_empty() {
                break;
            }
            leading.extend(more);
        }
        for fields in self.types.values_mut() {
            fields.retain(|field| leads(field, &leading));
            for field in fields {
                if let Some(refers) = field.refers.take_if(|refers| !leading.contains(refers)) {
                    field.form = field.form.replace(&refers, "any");
                }
            }
        }
        self.types.retain(|name, _| leading.contains(name));
        for resource in self.resources.values_mut() {
            resource.type_name.take_if(|name| !leading.contains(name));
        }
    }

    /// Drops types no kind leads to.
    fn drop_unreachable(&mut self) {
        let mut reached = BTreeSet::new();
        let mut open: Vec<String> =
            self.resources.values().filter_map(|resource| resource.type_name.clone()).collect();
        while let Some(name) = open.pop() {
            if let Some(fields) = self.types.get(&name)
                && reached.insert(name)
            {
                open.extend(fields.iter().filter_map(|field| field.refers.clone()));
            }
        }
        self.types.retain(|name, _| reached.contains(name));
    }
}

fn leads(field: &Field, leading: &BTreeSet<String>) -> bool {
    field.list || field.refers.as_ref().is_some_and(|refers| leading.contains(refers))
}

fn gvk(value: &Value) -> Option<Gvk> {
    let text = |field: &str| Some(value.get(field)?.as_str()?.to_owned());
    Some((text("group")?, text("version")?, text("kind")?))
}

struct Form {
    text: String,
    refers: Option<String>,
    list: bool,
}

fn form(schema: &Value) -> Result<Form> {
    let text = |field: &str| schema.get(field).and_then(Value::as_str);
    if let Some(reference) = text("$ref") {
        let name = reference.strip_prefix("#/definitions/").context("a reference elsewhere")?;
        let short = short_name(name);
        return Ok(Form { text: short.clone(), refers: Some(short), list: false });
    }
    if text("type") == Some("array") {
        let items = form(schema.get("items").context("a list of nothing")?)?;
        return Ok(Form { text: format!("[{}]", items.text), list: true, ..items });
    }
    match schema.get("additionalProperties") {
        Some(values @ Value::Object(_)) => {
            let values = form(values)?;
            Ok(Form { text: format!("{{{}}}", values.text), ..values })
        }
        _ => Ok(Form { text: "any".to_owned(), refers: None, list: false }),
    }
}

fn attributes(schema: &Value) -> String {
    let text = |field: &str| schema.get(field).and_then(Value::as_str);
    let mut out = String::new();
    if let Some(list) = text("x-kubernetes-list-type") {
        out.push_str(" list=");
        out.push_str(list);
    }
    let keys: Vec<&str> =
        array(schema, "x-kubernetes-list-map-keys").iter().filter_map(Value::as_str).collect();
    if !keys.is_empty() {
        if text("x-kubernetes-list-type").is_none() {
            out.push_str(" list=map");
        }
        out.push(':');
        out.push_str(&keys.join(","));
    }
    if let Some(strategy) = text("x-kubernetes-patch-strategy") {
        out.push_str(" patch=");
        out.push_str(strategy);
        if let Some(key) = text("x-kubernetes-patch-merge-key") {
            out.push(':');
            out.push_str(key);
        }
    }
    out
}

/// `io.k8s.api.core.v1.Pod` as `core.v1.Pod`.
fn short_name(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [.., group, version, kind] => format!("{group}.{version}.{kind}"),
        _ => name.to_owned(),
    }
}

fn object<'a>(value: &'a Value, field: &str) -> Result<&'a Map<String, Value>> {
    value.get(field).and_then(Value::as_object).with_context(|| format!("no {field}"))
}

fn array<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((group, version, kind), resource) in &self.resources {
            let group = if group.is_empty() { "-" } else { group };
            let scope = if resource.namespaced { "namespaced" } else { "cluster" };
            let type_name = resource.type_name.as_deref().unwrap_or("-");
            let plural = &resource.plural;
            writeln!(f, "kind {group} {version} {kind} {plural} {scope} {type_name}")?;
        }
        for (name, fields) in &self.types {
            writeln!(f, "type {name}")?;
            for field in fields {
                writeln!(f, " {} {}{}", field.name, field.form, field.attributes)?;
            }
        }
        Ok(())
    }
}
