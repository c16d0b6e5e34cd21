//! OpenAPI v2, from the documents of version 3: clients fall back to it for kinds that no group-version has.

use serde_json::{Map, Value, json};

/// What a schema of version 2 may say; Kubernetes leaves the rest out of its own document, too.
const KEYWORDS: &[&str] =
    &["type", "format", "required", "description", "default", "pattern", "uniqueItems"];

/// The document of everything, from those of all group-versions.
pub fn v2(documents: &[Value]) -> Value {
    let mut paths = Map::new();
    let mut definitions = Map::new();
    for document in documents {
        for (path, item) in members(document, "/paths") {
            paths.insert(path.clone(), path_item(path, item));
        }
        for (name, schema) in members(document, "/components/schemas") {
            definitions.insert(name.clone(), self::schema(schema));
        }
    }
    json!({
        "swagger": "2.0",
        "info": documents.first().and_then(|it| it.get("info")).cloned().unwrap_or_default(),
        "paths": paths,
        "definitions": definitions,
    })
}

fn members<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

fn path_item(path: &str, item: &Value) -> Value {
    let mut out: Map<String, Value> =
        members(item, "").map(|(method, it)| (method.clone(), operation(it))).collect();
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<Value> = names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "type": "string" }))
        .collect();
    if !parameters.is_empty() {
        out.insert("parameters".to_owned(), parameters.into());
    }
    Value::Object(out)
}

fn operation(operation: &Value) -> Value {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let parameters: Vec<Value> = parameters
        .map(|it| {
            json!({ "name": it.get("name"), "in": it.get("in"), "type": "string", "uniqueItems": true })
        })
        .collect();
    let result = operation.pointer("/responses/200/content/application~1json/schema");
    json!({
        "parameters": parameters,
        "responses": { "200": { "description": "OK", "schema": result.map(schema) } },
        "x-kubernetes-action": operation.get("x-kubernetes-action"),
        "x-kubernetes-group-version-kind": operation.get("x-kubernetes-group-version-kind"),
    })
}

fn schema(schema: &Value) -> Value {
    let mut out = Map::new();
    for (key, value) in members(schema, "") {
        let value = match key.as_str() {
            "$ref" => reference(value),
            "items" => self::schema(value),
            "additionalProperties" if value.is_object() => self::schema(value),
            // A reference with a default beside it is one alone in version 2.
            "allOf" => match value.pointer("/0/$ref") {
                Some(target) => return json!({ "$ref": reference(target) }),
                None => continue,
            },
            "properties" => {
                let fields = members(value, "").map(|(name, it)| (name.clone(), self::schema(it)));
                Value::Object(fields.collect())
            }
            key if KEYWORDS.contains(&key) || key.starts_with("x-kubernetes-") => value.clone(),
            _ => continue,
        };
        out.insert(key.clone(), value);
    }
    Value::Object(out)
}

fn reference(target: &Value) -> Value {
    let target = target.as_str().unwrap_or_default();
    target.replace("#/components/schemas/", "#/definitions/").into()
}
