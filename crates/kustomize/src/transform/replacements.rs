//! Copying values from fields of one object to fields of others.

use crate::error::{Context, Error, Result, quoted};
use crate::id::{Gvk, ResId};
use crate::kustomization::shape::Reading;
use crate::kustomization::{FieldOptions, Replacement, Source, Target, decode, shapes};
use crate::load::Loader;
use crate::resmap::SelectorRegex;
use crate::resource;
use crate::tree::lookup::split_field_path;
use crate::tree::{Kind, Node, NodeId, Tree, json, read};
use serde_json::Value;

const DEFAULT_PATH: &str = "metadata.name";

/// Replaces references to files by what stands in them.
pub(crate) fn load(loader: &Loader<'_>, list: &[Replacement]) -> Result<Vec<Replacement>> {
    let mut all = Vec::new();
    for entry in list {
        if entry.path.is_empty() {
            all.push(entry.clone());
            continue;
        }
        if entry.source.is_some() || !entry.targets.is_empty() {
            return Err(Error::new("cannot specify both path and inline replacement"));
        }
        let text = loader.load_text(&entry.path)?;
        let value = yaml::to_json(&text, yaml::Rules::V2)
            .map_err(|error| Error::new(format!("{}: {error}", entry.path)))?;
        let entries = match value {
            Value::Array(entries) => entries,
            Value::Object(_) => vec![value],
            other => {
                let kind = if other.is_null() { "invalid" } else { "string" };
                return Err(Error::new(format!(
                    "unsupported replacement type encountered within replacement path: {kind}"
                )));
            }
        };
        for value in entries {
            let one: Replacement =
                decode(value, &shapes::REPLACEMENT, Reading::Lenient).context(|| {
                    format!("{}: error unmarshaling JSON: while decoding JSON", entry.path)
                })?;
            all.push(one);
        }
    }
    Ok(all)
}

/// Applies replacements in order.
pub(crate) fn apply(tree: &mut Tree, objects: &[NodeId], list: &[Replacement]) -> Result<()> {
    for replacement in list {
        let said = replacement.source.is_some() || replacement.source_value.is_some();
        if !said || replacement.targets.is_empty() {
            return Err(Error::new("replacements must specify a source and at least one target"));
        }
        let value = value(tree, objects, replacement)?;
        for target in &replacement.targets {
            apply_to_targets(tree, objects, value, target)?;
        }
    }
    Ok(())
}

fn value(tree: &mut Tree, objects: &[NodeId], replacement: &Replacement) -> Result<NodeId> {
    let source = match (&replacement.source, &replacement.source_value) {
        (Some(_), Some(_)) => {
            return Err(Error::new("value and resource selectors are mutually exclusive"));
        }
        (None, text) => return Ok(tree.add(Node::scalar(text.as_deref().unwrap_or_default()))),
        (Some(source), None) => source,
    };
    let id = ResId {
        gvk: Gvk::selector(&source.group, &source.version, &source.kind),
        name: source.name.clone(),
        namespace: source.namespace.clone(),
    };
    let object = find_source(tree, objects, &id, source)?;
    let path = if source.field_path.is_empty() { DEFAULT_PATH } else { &source.field_path };
    let found = tree
        .lookup(object, &split_field_path(path))
        .context(|| "error looking up replacement source".to_owned())?
        .filter(|found| !tree.get(*found).is_empty())
        .ok_or_else(|| {
            Error::new(format!("fieldPath `{path}` is missing for replacement source {id}"))
        })?;
    refine(tree, found, source.options.as_ref())
}

fn find_source(tree: &Tree, objects: &[NodeId], id: &ResId, source: &Source) -> Result<NodeId> {
    let describe = || {
        let mut parts = vec![id.to_string()];
        parts.extend(Some(source.field_path.clone()).filter(|path| !path.is_empty()));
        let options = source
            .options
            .as_ref()
            .filter(|options| !options.delimiter.is_empty() || options.create);
        parts.extend(options.map(|o| format!("{}({}), create={}", o.delimiter, o.index, o.create)));
        parts.join(":")
    };
    let mut found = None;
    for object in objects {
        if ids(tree, *object).iter().any(|candidate| candidate.is_selected_by(id))
            && found.replace(*object).is_some()
        {
            return Err(Error::new(format!("multiple matches for selector {}", describe())));
        }
    }
    found.ok_or_else(|| Error::new(format!("nothing selected by {}", describe())))
}

/// The object's current id and all it had before.
fn ids(tree: &Tree, object: NodeId) -> Vec<ResId> {
    let mut ids = vec![resource::id(tree, object)];
    ids.extend(resource::previous_ids(tree, object));
    ids
}

/// Takes one part of a delimited text.
fn refine(tree: &mut Tree, found: NodeId, options: Option<&FieldOptions>) -> Result<NodeId> {
    let Some(options) = options.filter(|options| !options.delimiter.is_empty()) else {
        return Ok(found);
    };
    if tree.kind(found) != Kind::Scalar {
        return Err(Error::new("delimiter option can only be used with scalar nodes"));
    }
    let text = tree.text(found);
    let part = usize::try_from(options.index)
        .ok()
        .and_then(|index| text.split(&options.delimiter).nth(index));
    let part = part
        .ok_or_else(|| {
            Error::new(format!("options.index {} is out of bounds for value {text}", options.index))
        })?
        .to_owned();
    let copy = tree.copy(found);
    tree.get_mut(copy).value = part;
    Ok(copy)
}

fn apply_to_targets(
    tree: &mut Tree,
    objects: &[NodeId],
    value: NodeId,
    target: &Target,
) -> Result<()> {
    let select = target
        .select
        .as_ref()
        .ok_or_else(|| Error::new("target must specify resources to select"))?;
    let creating = || "error creating target selector".to_owned();
    let select = SelectorRegex::new(select).context(creating)?;
    let reject = target
        .reject
        .iter()
        .map(SelectorRegex::new)
        .collect::<Result<Vec<_>>>()
        .context(creating)?;
    for object in objects {
        let ids = ids(tree, *object);
        let rejected = reject.iter().any(|reject| {
            let by_metadata = reject.has_metadata() && reject.selects_metadata(tree, *object);
            by_metadata || (!reject.has_no_id() && ids.iter().any(|id| reject.selects_id(id)))
        });
        let selected =
            select.selects_metadata(tree, *object) && ids.iter().any(|id| select.selects_id(id));
        if selected && !rejected {
            copy_to(tree, *object, value, target)?;
        }
    }
    Ok(())
}

fn copy_to(tree: &mut Tree, object: NodeId, value: NodeId, target: &Target) -> Result<()> {
    let default = [DEFAULT_PATH.to_owned()];
    let paths = if target.field_paths.is_empty() { &default[..] } else { &target.field_paths[..] };
    let options = target.options.as_ref();
    let create =
        if options.is_some_and(|options| options.create) { tree.kind(value) } else { Kind::None };
    for path in paths {
        let parts = split_field_path(path);
        if set_in_document(tree, object, value, &parts, options).is_ok() {
            continue;
        }
        let failed = || {
            let doing = if create == Kind::None { "find" } else { "find or create" };
            format!("unable to {doing} field {} in replacement target", quoted(path))
        };
        let found = tree.match_path(object, &parts, create).context(failed)?.unwrap_or_default();
        if found.is_empty() {
            return Err(Error::new(failed()));
        }
        for field in found {
            set(tree, field, value, options)?;
        }
    }
    Ok(())
}

fn set(
    tree: &mut Tree,
    field: NodeId,
    value: NodeId,
    options: Option<&FieldOptions>,
) -> Result<()> {
    let value = tree.copy(value);
    if let Some(options) = options.filter(|options| !options.delimiter.is_empty()) {
        if tree.kind(field) != Kind::Scalar {
            return Err(Error::new("delimiter option can only be used with scalar nodes"));
        }
        let new = tree.text(value).to_owned();
        let mut parts: Vec<&str> = tree.value(field).split(&options.delimiter).collect();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &new),
            Ok(index) => match parts.get_mut(index) {
                Some(part) => *part = &new,
                None => parts.push(&new),
            },
        }
        let joined = parts.join(&options.delimiter);
        tree.get_mut(value).value = joined;
    }
    if tree.kind(field) == Kind::Scalar {
        let text = tree.value(value).to_owned();
        tree.get_mut(field).value = text;
    } else {
        tree.overwrite(field, value);
    }
    Ok(())
}

/// Sets a field of a YAML or JSON document that is the text of a field.
fn set_in_document(
    tree: &mut Tree,
    object: NodeId,
    value: NodeId,
    path: &[String],
    options: Option<&FieldOptions>,
) -> Result<()> {
    let Some((scalar, rest)) = find_scalar(tree, object, path) else {
        return Err(Error::new("no structured data found in path"));
    };
    let text = tree.value(scalar).to_owned();
    let document = read::inner_document(tree, &text)?;
    let create =
        if options.is_some_and(|options| options.create) { tree.kind(value) } else { Kind::None };
    let found = tree.match_path(document, rest, create)?.unwrap_or_default();
    if found.is_empty() {
        return Err(Error::new("unable to find field in structured data"));
    }
    for field in found {
        set(tree, field, value, options)?;
    }
    let new = write_like(tree, document, &text)?;
    tree.get_mut(scalar).value = new;
    Ok(())
}

/// The first scalar on a path that has more parts, if its text can be read as YAML, and those parts.
fn find_scalar<'p>(
    tree: &mut Tree,
    object: NodeId,
    path: &'p [String],
) -> Option<(NodeId, &'p [String])> {
    for length in 1..path.len() {
        let (head, rest) = path.split_at_checked(length)?;
        let Ok(Some(found)) = tree.lookup(object, head) else {
            continue;
        };
        if tree.kind(found) == Kind::Scalar {
            let text = tree.value(found).to_owned();
            if yaml::parse_all(&text).is_ok() {
                return Some((found, rest));
            }
        }
    }
    None
}

/// Writes a document in the form that its old text has: YAML, or JSON in one line or many.
fn write_like(tree: &Tree, document: NodeId, old: &str) -> Result<String> {
    if !old.trim_start().starts_with(['{', '[']) {
        return Ok(read::to_text(tree, document)?.trim().to_owned());
    }
    let value = json::to_value(tree, document)?;
    let indented = old.contains('\n') && old.contains("  ");
    Ok(if indented { json::go_json_indented(&value) } else { json::go_json(&value) })
}
