use crate::{Error, Object};
use serde_json::Value;
use yaml::{JsonDocument, Rules};

/// How deep lists may lie in lists. Nobody nests them; the bound keeps bad input from recursing.
const MAX_LIST_DEPTH: usize = 8;

/// Reads every object of a text with any number of YAML or JSON documents, by the rules of
/// sigs.k8s.io/yaml. Empty documents are skipped, the items of a `List` take its place.
///
/// # Errors
/// If the text is not YAML, or a document is not an object with a type and a name; the error names
/// the document, from 1, and its first line.
pub fn parse_all(text: &str) -> Result<Vec<Object>, Error> {
    let documents = yaml::to_json_documents(text, Rules::V2)
        .map_err(|source| Error::yaml("cannot read YAML", source))?;
    let mut objects = Vec::with_capacity(documents.len());
    for JsonDocument { number, line, value } in documents {
        expand(value, &mut objects, 0)
            .map_err(|error| Error::new(format!("document {number} at line {line}: {error}")))?;
    }
    Ok(objects)
}

fn expand(value: Value, into: &mut Vec<Object>, depth: usize) -> Result<(), Error> {
    if depth > MAX_LIST_DEPTH {
        return Err(Error::new(format!("lists nested deeper than {MAX_LIST_DEPTH}")));
    }
    match list_items(value) {
        Ok(items) => items.into_iter().enumerate().try_for_each(|(n, item)| {
            expand(item, into, depth + 1)
                .map_err(|error| Error::new(format!("item {n} of the list: {error}")))
        }),
        Err(value) => {
            into.push(Object::try_from(value)?);
            Ok(())
        }
    }
}

/// The items of a `List` or `…List`; of a typed list they get its API version and kind if they
/// have none. Gives back what is no list.
fn list_items(mut value: Value) -> Result<Vec<Value>, Value> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let Some(item_kind) = text("kind").and_then(|k| Some(k.strip_suffix("List")?.to_owned()))
    else {
        return Err(value);
    };
    let api_version = text("apiVersion").unwrap_or_default();
    let Some(items) = value.get_mut("items").and_then(Value::as_array_mut) else {
        return Err(value);
    };
    let mut items = std::mem::take(items);
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        if !item_kind.is_empty() && !item.contains_key("kind") {
            item.insert("kind".to_owned(), item_kind.clone().into());
            item.entry("apiVersion").or_insert_with(|| api_version.clone().into());
        }
    }
    Ok(items)
}

/// Writes objects as kustomize prints them: documents of sigs.k8s.io/yaml with `---` between them
/// and none at the start.
pub fn to_yaml(objects: &[Object]) -> String {
    let mut out = String::new();
    for (n, object) in objects.iter().enumerate() {
        if n > 0 {
            out.push_str("---\n");
        }
        out.push_str(&yaml::from_json(object.as_value()));
    }
    out
}
