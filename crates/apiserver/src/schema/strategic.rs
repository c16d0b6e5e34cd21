//! Strategic merge patches, applied by the merge keys and strategies of the built-in types.

use serde_json::{Map, Value};

use super::TypeRef;
use super::merge_patch::merge_patch;
use super::node::{PatchStrategy, Schema};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder/";
const DELETE_PRIMITIVES: &str = "$deleteFromPrimitiveList/";

/// A strategic merge patch that cannot be applied. The API server answers 400 or 422.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatchError(String);

/// The live object with a strategic merge patch applied. For custom resources, which have no strategies, use
/// [`merge_patch`]; this falls back to it.
///
/// # Errors
/// A directive is unknown or malformed, or a list item lacks its merge key.
pub fn strategic_merge(live: &Value, patch: &Value, of: &TypeRef) -> Result<Value, PatchError> {
    if !of.is_builtin() {
        return Ok(merge_patch(live, patch));
    }
    match (live, patch) {
        (Value::Object(live), Value::Object(patch)) => {
            merge_map(live.clone(), patch.clone(), Some(of.schema())).map(Value::Object)
        }
        _ => Err(PatchError("invalid JSON document".to_owned())),
    }
}

type Fields = Map<String, Value>;

fn merge_map(
    mut live: Fields,
    mut patch: Fields,
    schema: Option<&Schema>,
) -> Result<Fields, PatchError> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => Ok(patch),
            Some("delete") => Ok(Fields::new()),
            _ => Err(PatchError(format!("unknown patch type: {directive} in map"))),
        };
    }
    retain_keys(&mut live, &mut patch)?;
    apply_orders(&mut live, &mut patch, schema)?;
    for (name, value) in patch {
        if let Some(list) = name.strip_prefix(DELETE_PRIMITIVES) {
            if let Some(items) = live.get_mut(list).and_then(Value::as_array_mut) {
                let gone = value.as_array().cloned().unwrap_or_default();
                items.retain(|item| !gone.contains(item));
            }
        } else if value.is_null() {
            live.remove(&name);
        } else {
            let merged = match live.remove(&name) {
                Some(current) => merge_value(current, value, field(schema, &name))?,
                None => without_directives(value),
            };
            live.insert(name, merged);
        }
    }
    Ok(live)
}

fn merge_value(live: Value, patch: Value, schema: Option<&Schema>) -> Result<Value, PatchError> {
    match (live, patch) {
        (Value::Object(live), Value::Object(patch)) => {
            if strategy(schema).is_some_and(|strategy| strategy.replace) {
                return Ok(without_directives(Value::Object(patch)));
            }
            merge_map(live, patch, schema).map(Value::Object)
        }
        (Value::Array(live), Value::Array(patch)) => {
            merge_list(live, patch, schema).map(Value::Array)
        }
        (_, patch) => Ok(without_directives(patch)),
    }
}

fn merge_list(
    live: Vec<Value>,
    patch: Vec<Value>,
    schema: Option<&Schema>,
) -> Result<Vec<Value>, PatchError> {
    let Some(strategy) = strategy(schema).filter(|strategy| strategy.merge) else {
        return Ok(patch.into_iter().map(without_directives).collect());
    };
    let Some(key) =
        strategy.merge_key.as_deref().filter(|_| patch.iter().chain(&live).any(Value::is_object))
    else {
        let mut merged = live.clone();
        for item in &patch {
            if !merged.contains(item) {
                merged.push(item.clone());
            }
        }
        return Ok(in_order(merged, &patch, &live, None));
    };
    let items = schema.and_then(|schema| schema.resolve().items.as_deref());
    let (live, patch) = apply_item_directives(live, patch, key)?;
    let mut merged = live.clone();
    for item in &patch {
        let value = key_of(item, key)?;
        match merged.iter_mut().find(|candidate| candidate.get(key) == Some(value)) {
            Some(found) => *found = merge_value(found.take(), item.clone(), items)?,
            None => merged.push(without_directives(item.clone())),
        }
    }
    Ok(in_order(merged, &patch, &live, Some(key)))
}

/// Handles `$patch: delete` and `$patch: replace` items; returns the rest of both lists.
fn apply_item_directives(
    mut live: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let mut rest = Vec::new();
    let mut replace = false;
    for item in patch {
        match item.get(DIRECTIVE) {
            None => rest.push(item),
            Some(directive) => match directive.as_str() {
                Some("delete") => {
                    let value = key_of(&item, key)?;
                    live.retain(|candidate| candidate.get(key) != Some(value));
                }
                Some("replace") => replace = true,
                _ => {
                    return Err(PatchError(format!(
                        "delete patch type with no merge key defined or unknown patch type: {directive}"
                    )));
                }
            },
        }
    }
    if replace {
        // The items that come without a directive are the whole new list.
        return Ok((rest, Vec::new()));
    }
    Ok((live, rest))
}

fn key_of<'a>(item: &'a Value, key: &str) -> Result<&'a Value, PatchError> {
    item.get(key).ok_or_else(|| {
        PatchError(format!("map: {item} does not contain declared merge key: {key}"))
    })
}

/// Items that the patch names take its order; the others keep theirs. Where the two sorts meet, an item of the patch comes
/// first unless the live list says otherwise.
fn in_order(merged: Vec<Value>, patch: &[Value], live: &[Value], key: Option<&str>) -> Vec<Value> {
    let same = |left: &Value, right: &Value| match key {
        Some(key) => left.get(key) == right.get(key),
        None => left == right,
    };
    let position =
        |list: &[Value], item: &Value| list.iter().position(|candidate| same(candidate, item));
    let (mut named, mut others): (Vec<_>, Vec<_>) =
        merged.into_iter().partition(|item| position(patch, item).is_some());
    named.sort_by_key(|item| position(patch, item));
    others.sort_by_key(|item| position(live, item));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    loop {
        let other_first = match (others.peek(), named.peek()) {
            (None, None) => return out,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(other), Some(named)) => match (position(live, other), position(live, named)) {
                (Some(other), Some(named)) => other < named,
                _ => false,
            },
        };
        out.extend(if other_first { others.next() } else { named.next() });
    }
}

/// `$retainKeys`: fields of the live object that are not in the list go.
fn retain_keys(live: &mut Fields, patch: &mut Fields) -> Result<(), PatchError> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let keys = keys
        .as_array()
        .ok_or_else(|| PatchError("invalid patch format of retainKeys".to_owned()))?;
    let listed = |name: &str| keys.iter().any(|key| key.as_str() == Some(name));
    if patch.iter().any(|(name, value)| !name.starts_with('$') && !value.is_null() && !listed(name))
    {
        return Err(PatchError(
            "the retainKeys list does not contain all the fields that the patch sets".to_owned(),
        ));
    }
    live.retain(|name, _| listed(name));
    Ok(())
}

/// `$setElementOrder/<list>`: the list, merged with the patch, takes that order.
fn apply_orders(
    live: &mut Fields,
    patch: &mut Fields,
    schema: Option<&Schema>,
) -> Result<(), PatchError> {
    let orders: Vec<String> =
        patch.keys().filter(|name| name.starts_with(SET_ORDER)).cloned().collect();
    for directive in orders {
        let (Some(order), Some(name)) =
            (patch.remove(&directive), directive.strip_prefix(SET_ORDER))
        else {
            continue;
        };
        let Value::Array(order) = order else {
            return Err(PatchError("invalid patch format of setElementOrder".to_owned()));
        };
        let place = field(schema, name);
        let current = match live.remove(name) {
            Some(Value::Array(items)) => Some(items),
            Some(other) => {
                live.insert(name.to_owned(), other);
                continue;
            }
            None => None,
        };
        let gone = patch.remove(&format!("{DELETE_PRIMITIVES}{name}"));
        let changed = match patch.remove(name) {
            Some(Value::Array(items)) => Some(items),
            Some(other) => {
                patch.insert(name.to_owned(), other);
                continue;
            }
            None => None,
        };
        let before = current.clone().unwrap_or_default();
        let mut merged = match (current, changed) {
            (None, None) => continue,
            (Some(current), None) => current,
            (None, Some(changed)) => changed.into_iter().map(without_directives).collect(),
            (Some(current), Some(changed)) => merge_list(current, changed, place)?,
        };
        if let Some(gone) = gone.as_ref().and_then(Value::as_array) {
            merged.retain(|item| !gone.contains(item));
        }
        let key = strategy(place).and_then(|strategy| strategy.merge_key.as_deref());
        live.insert(name.to_owned(), Value::Array(in_order(merged, &order, &before, key)));
    }
    Ok(())
}

fn field<'a>(schema: Option<&'a Schema>, name: &str) -> Option<&'a Schema> {
    schema?.resolve().child(name)
}

fn strategy(schema: Option<&Schema>) -> Option<&PatchStrategy> {
    schema?.patch.as_deref()
}

/// A value taken over from a patch whole: nulls and directives are not part of it.
fn without_directives(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let keep = |(name, value): (String, Value)| {
                let directive = name == DIRECTIVE
                    || name == RETAIN_KEYS
                    || name.starts_with(SET_ORDER)
                    || name.starts_with(DELETE_PRIMITIVES);
                (!directive && !value.is_null()).then(|| (name, without_directives(value)))
            };
            Value::Object(fields.into_iter().filter_map(keep).collect())
        }
        Value::Array(items) => {
            let gone =
                |item: &Value| item.get(DIRECTIVE).is_some_and(|directive| directive == "delete");
            Value::Array(
                items.into_iter().filter(|item| !gone(item)).map(without_directives).collect(),
            )
        }
        scalar => scalar,
    }
}
