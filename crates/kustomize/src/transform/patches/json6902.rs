//! JSON patches (RFC 6902) as the library that kustomize uses applies them: positions may be negative.

use crate::error::{Context, Error, Result, quoted};
use crate::resource::{self, build};
use crate::tree::{NodeId, Tree, json};
use serde_json::{Map, Value};

/// A list of operations.
#[derive(Debug)]
pub(crate) struct JsonPatch {
    operations: Vec<Map<String, Value>>,
}

impl JsonPatch {
    /// Reads operations in JSON, or in YAML if the text does not begin with `[`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::new("empty json patch operations"));
        }
        let value = if text.starts_with('[') {
            serde_json::from_str(text)
                .map_err(|error| Error::new(format!("invalid JSON: {error}")))?
        } else {
            yaml::to_json(text, yaml::Rules::V2).map_err(|error| {
                Error::new(format!("error converting YAML to JSON: yaml: {error}"))
            })?
        };
        // The patch is not shown: it may hold a secret.
        let decoding = || "decoding the operations of a JSON patch".to_owned();
        let mismatch = |found: &Value, wanted: &str| {
            let found = match found {
                Value::Null => "null",
                Value::Bool(_) => "bool",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            Error::new(format!("json: cannot unmarshal {found} into Go value of type {wanted}"))
        };
        let operations = match &value {
            Value::Null => Vec::new(),
            Value::Array(items) => {
                let operation = |item: &Value| match item {
                    Value::Object(operation) => Ok(operation.clone()),
                    other => Err(mismatch(other, "jsonpatch.Operation")),
                };
                items.iter().map(operation).collect::<Result<_>>().context(decoding)?
            }
            other => return Err(mismatch(other, "jsonpatch.Patch")).context(decoding),
        };
        Ok(Self { operations })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Changes an object. The build's own annotations stay, whatever the patch does to annotations.
    pub(crate) fn apply(&self, tree: &mut Tree, object: NodeId) -> Result<()> {
        let before = resource::annotations(tree, object);
        let internal = before.into_iter().filter(|(name, _)| build::is_internal(name));
        let internal: Vec<_> = internal.collect();
        let mut value = json::to_value(tree, object)?;
        for operation in &self.operations {
            apply(&mut value, operation)?;
        }
        if !value.is_object() {
            return Err(Error::new(
                "json: cannot unmarshal a value that is no object into Go value of type map[string]interface {}",
            ));
        }
        let new = json::from_value_as_floats(tree, &value)?;
        tree.overwrite(object, new);
        let mut annotations = resource::annotations(tree, object);
        annotations.extend(internal);
        resource::set_annotations(tree, object, &annotations)
    }
}

fn apply(document: &mut Value, operation: &Map<String, Value>) -> Result<()> {
    let text = |name: &str| operation.get(name).and_then(Value::as_str);
    let kind = text("op").unwrap_or("unknown");
    let path = text("path").ok_or_else(|| {
        Error::new(format!("{kind} operation failed to decode path: missing value"))
    })?;
    let value = || operation.get("value").cloned().unwrap_or(Value::Null);
    let from = || {
        text("from").ok_or_else(|| {
            Error::new(format!("{kind} operation failed to decode from: missing value"))
        })
    };
    let doing = || format!("{kind} operation does not apply");
    match kind {
        "add" => add(document, path, value()).context(doing),
        "remove" => remove(document, path).map(|_| ()).context(doing),
        "replace" => replace(document, path, value()).context(doing),
        "move" => {
            let moved = remove(document, from()?).context(doing)?;
            add(document, path, moved).context(doing)
        }
        "copy" => {
            let copied = get(document, from()?).context(doing)?.cloned().unwrap_or(Value::Null);
            add(document, path, copied).context(doing)
        }
        "test" => test(document, path, &value()),
        other => Err(Error::new(format!("unexpected kind: {other}"))),
    }
}

fn missing(what: &str, path: &str) -> Error {
    Error::new(format!(
        "doc is missing {what}: {}: missing value",
        if what == "path" { quoted(path) } else { path.to_owned() }
    ))
}

/// Splits a pointer into the container's tokens and the last one.
fn split(path: &str) -> Result<(Vec<String>, String)> {
    let mut tokens = path.split('/').map(|token| token.replace("~1", "/").replace("~0", "~"));
    tokens.next();
    let mut tokens: Vec<String> = tokens.collect();
    let last = tokens.pop().ok_or_else(|| missing("path", path))?;
    Ok((tokens, last))
}

fn container<'v>(document: &'v mut Value, path: &str, tokens: &[String]) -> Result<&'v mut Value> {
    let mut at = document;
    for token in tokens {
        let next = match at {
            Value::Object(map) => map.get_mut(token.as_str()),
            Value::Array(items) => {
                let index = position(token, items.len()).map_err(|_| missing("path", path))?;
                items.get_mut(index)
            }
            _ => None,
        };
        at = next.ok_or_else(|| missing("path", path))?;
    }
    if at.is_object() || at.is_array() { Ok(at) } else { Err(missing("path", path)) }
}

/// A position in a list; negative ones count from the end.
fn position(token: &str, length: usize) -> Result<usize> {
    let index: i64 = token.parse().map_err(|_| {
        Error::new(format!("value was not a proper array index: {}", quoted(token)))
    })?;
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let from_start = if index < 0 { index + length } else { index };
    usize::try_from(from_start).map_err(|_| {
        Error::new(format!("Unable to access invalid index: {index}: invalid index referenced"))
    })
}

fn out_of_range(token: &str) -> Error {
    Error::new(format!("Unable to access invalid index: {token}: invalid index referenced"))
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<()> {
    let (tokens, key) = split(path)?;
    match container(document, path, &tokens)? {
        Value::Object(map) => {
            map.insert(key, value);
            Ok(())
        }
        Value::Array(items) if key == "-" => {
            items.push(value);
            Ok(())
        }
        Value::Array(items) => {
            // A negative position counts from the end of the list as it will be.
            let index = position(&key, items.len() + 1)
                .context(|| format!("error in add for path: {}", quoted(path)))?;
            if index > items.len() {
                return Err(out_of_range(&key).during(format!("error in add for path: '{path}'")));
            }
            items.insert(index, value);
            Ok(())
        }
        _ => Err(missing("path", path)),
    }
}

fn remove(document: &mut Value, path: &str) -> Result<Value> {
    let (tokens, key) = split(path)?;
    let failed = |error: Error| error.during(format!("error in remove for path: '{path}'"));
    match container(document, path, &tokens)? {
        Value::Object(map) => map.remove(&key).ok_or_else(|| {
            failed(Error::new(format!("Unable to remove nonexistent key: {key}: missing value")))
        }),
        Value::Array(items) => {
            let index = position(&key, items.len()).map_err(failed)?;
            if index >= items.len() {
                return Err(failed(out_of_range(&key)));
            }
            Ok(items.remove(index))
        }
        _ => Err(missing("path", path)),
    }
}

/// A key that is not there is added: the library says that it refuses to, but does not.
fn replace(document: &mut Value, path: &str, value: Value) -> Result<()> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (tokens, key) = split(path)?;
    match container(document, path, &tokens)? {
        Value::Object(map) => {
            map.insert(key, value);
            Ok(())
        }
        Value::Array(items) => {
            let index = position(&key, items.len()).map_err(|_| missing("key", path))?;
            *items.get_mut(index).ok_or_else(|| missing("key", path))? = value;
            Ok(())
        }
        _ => Err(missing("path", path)),
    }
}

fn get<'v>(document: &'v mut Value, path: &str) -> Result<Option<&'v Value>> {
    let (tokens, key) = split(path)?;
    match container(document, path, &tokens)? {
        Value::Object(map) => Ok(map.get(&key)),
        Value::Array(items) => {
            let index = position(&key, items.len())?;
            items.get(index).map(Some).ok_or_else(|| out_of_range(&key))
        }
        _ => Err(missing("path", path)),
    }
}

fn test(document: &mut Value, path: &str, wanted: &Value) -> Result<()> {
    let found = if path.is_empty() {
        Some(&*document)
    } else {
        get(document, path).context(|| format!("error in test for path: '{path}'"))?
    };
    if found.unwrap_or(&Value::Null) == wanted {
        return Ok(());
    }
    Err(Error::new(format!("testing value {path} failed: test failed")))
}
