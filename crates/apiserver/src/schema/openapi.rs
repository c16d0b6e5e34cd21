//! OpenAPI documents, enough for `kubectl explain`, client-side validation and typed clients' discovery.

pub mod v2;
pub mod wire;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::TypeRef;
use super::table;

/// One resource as the documents list it.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its type.
    pub of: TypeRef,
    /// The plural name in URLs, such as `deployments`.
    pub plural: String,
    /// True if objects live in namespaces.
    pub namespaced: bool,
    /// Its subresources, such as `status`.
    pub subresources: Vec<String>,
}

/// `/openapi/v3`: where the document of each group-version is. `group_versions` are such as `api/v1` and `apis/apps/v1`;
/// `hash` identifies their state to caching clients.
pub fn index(group_versions: &[(String, String)]) -> Value {
    let paths: Map<String, Value> = group_versions
        .iter()
        .map(|(path, hash)| {
            (
                path.clone(),
                json!({ "serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}") }),
            )
        })
        .collect();
    json!({ "paths": paths })
}

/// The document of one group-version. All resources must be of that version.
pub fn v3(resources: &[Resource]) -> Value {
    let mut schemas = Schemas::default();
    let mut paths = BTreeMap::new();
    for resource in resources {
        let name = schemas.add_type(&resource.of);
        add_paths(&mut paths, resource, &name);
    }
    json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "v1.37.2" },
        "paths": paths.into_iter().collect::<Map<_, _>>(),
        "components": { "schemas": schemas.finish() },
    })
}

fn add_paths(paths: &mut BTreeMap<String, Value>, resource: &Resource, name: &str) {
    let version = resource.of.api_version();
    let root = if version.contains('/') { "apis" } else { "api" };
    let namespace = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
    let collection = format!("/{root}/{version}{namespace}/{}", resource.plural);
    let (group, kind) = (resource.of.group(), resource.of.kind());
    let short = version.rsplit('/').next().unwrap_or_default();
    let gvk = json!({ "group": group, "kind": kind, "version": short });
    let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
    let content = json!({ "application/json": { "schema": reference } });
    let operation = |action: &str| {
        json!({
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": gvk,
            "parameters": [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")],
            "responses": { "200": { "description": "OK", "content": content } },
        })
    };
    if resource.namespaced {
        paths.insert(
            format!("/{root}/{version}/{}", resource.plural),
            json!({ "get": operation("list") }),
        );
    }
    paths.insert(
        collection.clone(),
        json!({ "get": operation("list"), "post": operation("post"), "delete": operation("deletecollection") }),
    );
    let item = json!({
        "get": operation("get"), "put": operation("put"), "patch": operation("patch"), "delete": operation("delete"),
    });
    paths.insert(format!("{collection}/{{name}}"), item);
    for subresource in &resource.subresources {
        let item = json!({ "get": operation("get"), "put": operation("put"), "patch": operation("patch") });
        paths.insert(format!("{collection}/{{name}}/{subresource}"), item);
    }
}

fn parameter(name: &str) -> Value {
    json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } })
}

/// The schemas that a document needs, each with what it refers to.
#[derive(Default)]
struct Schemas {
    done: BTreeMap<String, Value>,
    wanted: BTreeSet<&'static str>,
}

impl Schemas {
    fn add_type(&mut self, of: &TypeRef) -> String {
        match (of.openapi_name(), of.custom_openapi()) {
            (Some(name), _) => {
                self.wanted.insert(name);
                name.to_owned()
            }
            (None, schema) => self.add_custom(of, schema.unwrap_or(&Value::Null)),
        }
    }

    /// A custom type is named by its group, reversed, as published documents name them.
    fn add_custom(&mut self, of: &TypeRef, schema: &Value) -> String {
        let reversed: Vec<_> = of.group().rsplit('.').collect();
        let version = of.api_version().rsplit('/').next().unwrap_or_default();
        let name = format!("{}.{version}.{}", reversed.join("."), of.kind());
        let mut schema = schema.clone();
        if let Some(schema) = schema.as_object_mut() {
            let fields = schema.entry("properties").or_insert_with(|| json!({}));
            if let Some(fields) = fields.as_object_mut() {
                fields.insert("apiVersion".to_owned(), json!({ "type": "string" }));
                fields.insert("kind".to_owned(), json!({ "type": "string" }));
                fields.insert(
                    "metadata".to_owned(),
                    json!({ "allOf": [reference(table::OBJECT_META)] }),
                );
            }
            let gvk = json!([{ "group": of.group(), "version": version, "kind": of.kind() }]);
            schema.insert("x-kubernetes-group-version-kind".to_owned(), gvk);
        }
        self.wanted.insert(table::OBJECT_META);
        self.done.insert(name.clone(), schema);
        name
    }

    fn finish(mut self) -> Map<String, Value> {
        while let Some(name) = self.wanted.pop_first() {
            if self.done.contains_key(name) {
                continue;
            }
            let Some(entry) = table::entry(name) else { continue };
            let mut schema = entry.openapi();
            self.expand(&mut schema);
            if let (Some((group, version, kind)), Some(fields)) =
                (table::kind_of(name), schema.as_object_mut())
            {
                let gvk = json!([{ "group": group, "version": version, "kind": kind }]);
                fields.insert("x-kubernetes-group-version-kind".to_owned(), gvk);
            }
            self.done.insert(name.to_owned(), schema);
        }
        self.done.into_iter().collect()
    }

    /// Turns the table's bare references into those of a document, and notes what they lead to.
    fn expand(&mut self, schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                let target = fields.get("$ref").and_then(Value::as_str).and_then(table::entry);
                if let Some(target) = target {
                    self.wanted.insert(target.name);
                    fields.remove("$ref");
                    if fields.is_empty() {
                        *schema = reference(target.name);
                        return;
                    }
                    fields.insert("allOf".to_owned(), json!([reference(target.name)]));
                    return;
                }
                fields.values_mut().for_each(|value| self.expand(value));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.expand(item)),
            _ => {}
        }
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
