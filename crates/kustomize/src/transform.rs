//! The built-in transformers. Each changes the objects of a [`ResMap`] in place.

pub(crate) mod hash;
pub(crate) mod images;
pub(crate) mod namespace;
pub(crate) mod patches;
pub(crate) mod references;
pub(crate) mod replacements;
pub(crate) mod sort;
pub(crate) mod value_add;
pub(crate) mod vars;

use crate::config::FieldSpec;
use crate::error::{Error, Result};
use crate::id::Gvk;
use crate::kustomization::{Replica, Texts};
use crate::resmap::ResMap;
use crate::resource::{self, build};
use crate::tree::fieldspec::{self, Create, set_entry};
use crate::tree::{NodeId, Tag, Tree};

/// Which end of names [`rename`] adds to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Front,
    Back,
}

/// Adds a prefix or suffix to names (and whatever else the field specs name).
pub(crate) fn rename(
    tree: &mut Tree,
    map: &ResMap,
    text: &str,
    end: End,
    specs: &[FieldSpec],
) -> Result<()> {
    for resource in &map.list {
        let Some(object) = resource.node else {
            continue;
        };
        let id = resource.original_id(tree);
        if keeps_its_name(&id.gvk) {
            continue;
        }
        for spec in specs.iter().filter(|spec| id.gvk.is_selected(&spec.gvk)) {
            if spec.path == "metadata/name" {
                let list = if end == End::Front { build::PREFIXES } else { build::SUFFIXES };
                resource::append_annotation(tree, object, list, text)?;
                if !text.is_empty() {
                    resource::store_previous_id(tree, object)?;
                }
            }
            let create = Create::STRING;
            fieldspec::apply(tree, object, spec, &create, &mut |tree, node| {
                let old = tree.value(node);
                let new =
                    if end == End::Front { format!("{text}{old}") } else { format!("{old}{text}") };
                tree.set_scalar_text(node, &new)
            })?;
        }
    }
    Ok(())
}

/// Kinds whose name is given from outside.
fn keeps_its_name(gvk: &Gvk) -> bool {
    matches!(gvk.kind.as_ref(), "CustomResourceDefinition" | "Namespace")
        || (gvk.kind == "APIService" && gvk.group == "apiregistration.k8s.io")
}

/// Sets labels or annotations at every place the field specs name.
pub(crate) fn set_all(
    tree: &mut Tree,
    map: &ResMap,
    texts: &Texts,
    specs: &[FieldSpec],
) -> Result<()> {
    for object in map.list.iter().filter_map(|resource| resource.node) {
        set_all_on(tree, object, texts, specs)?;
    }
    Ok(())
}

/// Sets labels or annotations on one object.
pub(crate) fn set_all_on(
    tree: &mut Tree,
    object: NodeId,
    texts: &Texts,
    specs: &[FieldSpec],
) -> Result<()> {
    for (key, value) in texts {
        let mut set = set_entry(tree, key, value, Tag::Str);
        fieldspec::apply_all(tree, object, specs, &Create::MAP, &mut set)?;
    }
    Ok(())
}

/// Sets the number of replicas of the objects with a name.
pub(crate) fn replicas(
    tree: &mut Tree,
    map: &ResMap,
    replica: &Replica,
    specs: &[FieldSpec],
) -> Result<()> {
    let mut found = false;
    for spec in specs {
        let matching = map.with_any_id(tree, &replica.name, |id| {
            id.name == replica.name && id.gvk.is_selected(&spec.gvk)
        });
        for at in matching {
            found = true;
            if let Some(object) = map.list.get(at).and_then(|resource| resource.node) {
                let mut set = set_entry(tree, "", &replica.count.to_string(), Tag::Int);
                fieldspec::apply(tree, object, spec, &Create::INT, &mut set)?;
            }
        }
    }
    if found {
        return Ok(());
    }
    let kinds: Vec<String> = specs.iter().map(|spec| spec.gvk.to_string()).collect();
    Err(Error::new(format!(
        "resource with name {} does not match a config with the following GVK [{}]",
        replica.name,
        kinds.join(" ")
    )))
}
