//! `$(NAME)` in the fields of objects, replaced by values from fields of other objects.

use crate::config::FieldSpec;
use crate::error::{Error, Result};
use crate::id::{Gvk, ResId};
use crate::kustomization::{Var, VarTarget};
use crate::resmap::ResMap;
use crate::tree::fieldspec::{self, Create};
use crate::tree::lookup::split_field_path;
use crate::tree::{Kind, NodeId, Style, Tag, Tree, json};
use serde_json::Value;
use std::collections::BTreeMap;

/// The variables of a build, by name.
pub(crate) type VarSet = BTreeMap<String, Var>;

/// Adds variables; a name that is there already is an error.
pub(crate) fn add(set: &mut VarSet, vars: impl IntoIterator<Item = Var>) -> Result<()> {
    for mut var in vars {
        if set.contains_key(&var.name) {
            return Err(Error::new(format!("var '{}' already encountered", var.name)));
        }
        if var.fieldref.field_path.is_empty() {
            "metadata.name".clone_into(&mut var.fieldref.field_path);
        }
        set.insert(var.name.clone(), var);
    }
    Ok(())
}

fn kind_of(target: &VarTarget) -> Gvk {
    if target.api_version.is_empty() {
        return Gvk::selector(&target.group, &target.version, &target.kind);
    }
    match target.api_version.split_once('/') {
        Some((group, version)) => Gvk::selector(group, version, &target.kind),
        None => Gvk::selector(&target.group, &target.api_version, &target.kind),
    }
}

/// Remembers with each object which variables take their value from it. An object has to be told apart by its id now,
/// before others join it.
pub(crate) fn attach(tree: &Tree, map: &mut ResMap, vars: &[Var]) -> Result<()> {
    for var in vars {
        let gvk = kind_of(&var.objref);
        let wanted =
            ResId { gvk, name: var.objref.name.clone(), namespace: var.objref.namespace.clone() };
        let found = if wanted.namespace.is_empty() {
            map.with_any_id(tree, &wanted.name, |id| wanted.same_but_namespace(id))
        } else {
            map.with_any_id(tree, &wanted.name, |id| wanted.same(id))
        };
        match found.as_slice() {
            [] => {}
            [at] => {
                if let Some(resource) = map.list.get_mut(*at) {
                    resource.vars.push(var.name.clone());
                }
            }
            many => {
                return Err(Error::new(format!(
                    "found {} resId matches for var {} (unable to disambiguate)",
                    many.len(),
                    describe(var)
                )));
            }
        }
    }
    Ok(())
}

/// A variable as the original shows it in errors.
fn describe(var: &Var) -> String {
    format!("{{{} {} {{{}}}}}", var.name, kind_of(&var.objref), var.fieldref.field_path)
}

/// A variable as the original shows it before it looked at its `apiVersion`.
pub(crate) fn describe_raw(var: &Var) -> String {
    let target = &var.objref;
    let gvk = Gvk::selector(&target.group, &target.version, &target.kind);
    format!("{{{} {gvk} {{{}}}}}", var.name, var.fieldref.field_path)
}

/// Replaces all variables where the field specs say.
pub(crate) fn resolve(
    tree: &mut Tree,
    map: &ResMap,
    vars: &VarSet,
    specs: &[FieldSpec],
) -> Result<()> {
    if vars.is_empty() {
        return Ok(());
    }
    let mut values = BTreeMap::new();
    for var in vars.values() {
        values.insert(var.name.as_str(), value_of(tree, map, var)?);
    }
    for object in map.list.iter().filter_map(|resource| resource.node) {
        for spec in specs {
            fieldspec::apply(tree, object, spec, &Create::NOTHING, &mut |tree, node| {
                replace(tree, node, &values)
            })?;
        }
    }
    Ok(())
}

fn value_of(tree: &Tree, map: &ResMap, var: &Var) -> Result<Value> {
    let source = map
        .list
        .iter()
        .find(|resource| resource.vars.contains(&var.name))
        .and_then(|resource| resource.node);
    let Some(source) = source else {
        return Err(Error::new(format!(
            "var '{}' cannot be mapped to a field in the set of known resources",
            describe(var)
        )));
    };
    let missing = || {
        Error::new(format!(
            "field specified in var '{}' not found in corresponding resource",
            describe(var)
        ))
    };
    let path = with_positions(split_field_path(&var.fieldref.field_path));
    let found = tree.lookup(source, &path).ok().flatten().ok_or_else(missing)?;
    if tree.kind(found) != Kind::Scalar {
        return json::to_value(tree, found);
    }
    let node = tree.get(found);
    match &node.tag {
        Tag::Int | Tag::Float | Tag::Bool => json::scalar(node).map_err(|_| missing()),
        _ => Ok(Value::String(node.value.clone())),
    }
}

/// `a[0]` becomes `a`, `0`.
fn with_positions(parts: Vec<String>) -> Vec<String> {
    let mut result = Vec::with_capacity(parts.len());
    for part in parts {
        let split = part.strip_suffix(']').and_then(|head| head.rsplit_once('['));
        match split {
            Some((name, index))
                if !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()) =>
            {
                if !name.is_empty() {
                    result.push(name.to_owned());
                }
                result.push(index.to_owned());
            }
            _ => result.push(part),
        }
    }
    result
}

type Values<'v> = BTreeMap<&'v str, Value>;

fn replace(tree: &mut Tree, node: NodeId, values: &Values<'_>) -> Result<()> {
    if tree.is_null(node) {
        return Ok(());
    }
    match tree.kind(node) {
        Kind::Scalar => {
            replace_scalar(tree, node, values);
            Ok(())
        }
        Kind::Mapping => {
            for (key, value) in tree.pairs(node).collect::<Vec<_>>() {
                if !tree.get(key).is_string() {
                    let key = tree.get(key);
                    return Err(Error::new(format!(
                        "invalid map key: value='{}', tag='{}'",
                        key.value,
                        key.tag.name()
                    )));
                }
                replace_scalar(tree, value, values);
            }
            Ok(())
        }
        Kind::Sequence => {
            for item in tree.items(node).to_vec() {
                if !tree.get(item).is_string() {
                    return Err(Error::new("invalid value type expect a string"));
                }
                replace_scalar(tree, item, values);
            }
            Ok(())
        }
        Kind::None => Err(Error::new("invalid type encountered 0")),
    }
}

/// Replaces variables in a string; one that is nothing but a variable takes the value's type.
fn replace_scalar(tree: &mut Tree, id: NodeId, values: &Values<'_>) {
    let node = tree.get(id);
    if !node.is_string() {
        return;
    }
    let (text, tag) = match expand(&node.value, values) {
        Value::Number(number) if number.is_f64() => {
            (json::go_json(&Value::Number(number)), Tag::Float)
        }
        Value::Number(number) => (number.to_string(), Tag::Int),
        Value::Bool(value) => (value.to_string(), Tag::Bool),
        Value::String(text) => (text, Tag::Str),
        other => (json::go_json(&other), Tag::Str),
    };
    let node = tree.get_mut(id);
    node.value = text;
    node.tag = tag;
    node.style = Style::PLAIN;
}

fn expand(input: &str, values: &Values<'_>) -> Value {
    let mut out = String::with_capacity(input.len());
    let mut rest = input;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some(tail) = after.strip_prefix('(') {
            let Some((name, tail)) = tail.split_once(')') else {
                out.push_str("$(");
                rest = tail;
                continue;
            };
            let value = values
                .get(name)
                .filter(|value| !(value.is_object() || value.is_array() || value.is_null()));
            match value {
                Some(value) if input.len() == name.len() + 3 => return value.clone(),
                Some(Value::String(text)) => out.push_str(text),
                Some(value) => out.push_str(&json::go_json(value)),
                None => {
                    out.push_str("$(");
                    out.push_str(name);
                    out.push(')');
                }
            }
            rest = tail;
        } else {
            // A dollar before anything else, or at the end, stands for itself.
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    Value::String(out)
}
