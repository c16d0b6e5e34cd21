//! Tells cheaply of nearly every schema that it is a good one: the schemas that describe schemas look at each
//! keyword again and again, and most of a check went into that. What is not surely good is left to them, and so
//! are all words about what is bad.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::documents::{Draft, is_known_draft};
use super::{format, value};

/// True when the schema that describes `draft` surely has nothing to say about this one.
pub(super) fn is_good(schema: &Json, draft: Draft) -> bool {
    match schema {
        Json::Object(map) => map.iter().all(|(name, value)| is_good_keyword(name, value, draft)),
        Json::Bool(_) => draft > Draft::D4,
        _ => false,
    }
}

fn is_good_keyword(name: &str, value: &Json, draft: Draft) -> bool {
    match name {
        "$schema" => value.as_str().is_some_and(is_known_draft),
        "$ref" => value.as_str().is_some_and(is_plain_pointer),
        "$id" => value.as_str().is_some_and(is_plain_uri),
        "type" => is_good_type(value),
        "title" | "description" | "$comment" | "format" | "contentMediaType"
        | "contentEncoding" => value.is_string(),
        "default" | "const" => true,
        "examples" => value.is_array(),
        "enum" => value
            .as_array()
            .is_some_and(|items| !items.is_empty() && value::duplicates(items).is_none()),
        "deprecated" | "readOnly" | "writeOnly" | "uniqueItems" => value.is_boolean(),
        "minimum" | "maximum" => value.is_number(),
        "exclusiveMinimum" | "exclusiveMaximum" => value.is_number() && draft > Draft::D4,
        "multipleOf" => value.as_f64().is_some_and(|unit| unit > 0.0),
        "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties"
        | "maxContains" | "minContains" => value.is_u64(),
        "pattern" => value.as_str().is_some_and(is_expression),
        "required" => is_good_required(value, draft),
        "properties" | "definitions" | "$defs" | "dependentSchemas" => {
            is_good_table(value, draft, |_| true)
        }
        "patternProperties" => is_good_table(value, draft, is_expression),
        "items" if value.is_array() => draft < Draft::D2020 && is_good_list(value, draft),
        "additionalItems" | "additionalProperties" if value.is_boolean() => true,
        "items"
        | "additionalItems"
        | "additionalProperties"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contains"
        | "propertyNames"
        | "not"
        | "if"
        | "then"
        | "else"
        | "contentSchema" => is_good(value, draft),
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => is_good_list(value, draft),
        "id" => draft > Draft::D4,
        // Seldom met, and with rules of their own.
        "dependencies" | "dependentRequired" => false,
        name => !name.starts_with('$'),
    }
}

fn is_good_type(value: &Json) -> bool {
    const TYPES: &[&str] = &["array", "boolean", "integer", "null", "number", "object", "string"];
    let known = |json: &Json| json.as_str().is_some_and(|name| TYPES.contains(&name));
    match value {
        Json::Array(many) => !many.is_empty() && many.iter().all(known) && are_different(many),
        one => known(one),
    }
}

fn is_good_required(value: &Json, draft: Draft) -> bool {
    value.as_array().is_some_and(|names| {
        names.iter().all(Json::is_string)
            && are_different(names)
            && (draft > Draft::D4 || !names.is_empty())
    })
}

/// True when no text stands twice in a list of texts.
fn are_different(texts: &[Json]) -> bool {
    let mut seen = HashSet::new();
    texts.iter().all(|text| seen.insert(text.as_str()))
}

fn is_good_table(value: &Json, draft: Draft, is_good_name: fn(&str) -> bool) -> bool {
    let good = |map: &Map<String, Json>| {
        map.iter().all(|(name, schema)| is_good_name(name) && is_good(schema, draft))
    };
    value.as_object().is_some_and(good)
}

fn is_good_list(value: &Json, draft: Draft) -> bool {
    let good =
        |items: &Vec<Json>| !items.is_empty() && items.iter().all(|schema| is_good(schema, draft));
    value.as_array().is_some_and(good)
}

fn is_expression(text: &str) -> bool {
    format::check("regex", text).is_none()
}

/// True for the address of a document, in letters that every URI may have.
fn is_plain_uri(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && rest.bytes().all(plain)
    })
}

/// True for a reference to a place in the same document, in letters that every URI may have.
fn is_plain_pointer(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.$".contains(&byte);
    text.strip_prefix("#/").is_some_and(|pointer| pointer.bytes().all(plain))
}
