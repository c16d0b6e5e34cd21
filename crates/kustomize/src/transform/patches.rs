//! Patches of both kinds.

mod json6902;

use crate::error::{Context, Error, Result, quoted};
use crate::kustomization::PatchArgs;
use crate::load::Loader;
use crate::resmap::{ResMap, Selector};
use crate::resource::{self, build};
use crate::tree::{NodeId, Tree, read};
pub(crate) use json6902::JsonPatch;
use std::collections::HashSet;

/// A patch that was read.
pub(crate) enum Patch {
    /// Objects to merge.
    Merge(Vec<NodeId>),
    /// Operations.
    Json(JsonPatch),
}

/// An entry of `patches`, or a `PatchTransformer`.
pub(crate) struct PatchChange {
    patch: Patch,
    target: Option<Selector>,
    /// The patch as errors name it.
    source: String,
}

impl PatchChange {
    /// Reads a patch from its text or file and finds out which kind it is. `config` appears in errors.
    pub(crate) fn read(
        tree: &mut Tree,
        loader: &Loader<'_>,
        entry: &crate::kustomization::Patch,
        config: impl Fn() -> String,
    ) -> Result<Self> {
        let inline = entry.text.trim();
        let (text, source) = match (inline, entry.path.as_str()) {
            ("", "") => {
                return Err(Error::new(format!(
                    "must specify one of patch and path in\n{}",
                    config()
                )));
            }
            // The text itself is not shown: it may hold a secret.
            (text, "") => (text.to_owned(), "[patch: (inline)]".to_owned()),
            ("", path) => {
                let text = loader
                    .load_text(path)
                    .context(|| format!("failed to get the patch file from path({path})"))?;
                (text, format!("[path: {}]", quoted(path)))
            }
            _ => {
                return Err(Error::new(format!(
                    "patch and path can't be set at the same time\n{}",
                    config()
                )));
            }
        };
        let patch = parse(tree, &text, &source)?;
        if let (Patch::Merge(objects), Some(options)) = (&patch, &entry.options) {
            for object in objects {
                allow(tree, *object, options)?;
            }
        }
        Ok(Self { patch, target: entry.target.clone(), source })
    }

    /// Applies the patch to whatever it is for.
    pub(crate) fn apply(&self, tree: &mut Tree, map: &mut ResMap) -> Result<()> {
        match (&self.patch, &self.target) {
            (Patch::Merge(patches), _) if patches.is_empty() => Ok(()),
            (Patch::Merge(patches), Some(target)) => {
                self.merge_selected(tree, map, patches, target)
            }
            (Patch::Merge(patches), None) => merge_by_id(tree, map, patches),
            (Patch::Json(_), None) => {
                Err(Error::new(format!("must specify a target for JSON patch {}", self.source)))
            }
            (Patch::Json(patch), Some(target)) => {
                for at in map.select(tree, target)? {
                    let Some(resource) = map.list.get_mut(at) else {
                        continue;
                    };
                    if let Some(object) = resource.node {
                        resource::store_previous_id(tree, object)?;
                        patch.apply(tree, object)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn merge_selected(
        &self,
        tree: &mut Tree,
        map: &mut ResMap,
        patches: &[NodeId],
        target: &Selector,
    ) -> Result<()> {
        let [patch] = patches else {
            return Err(Error::new(format!(
                "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field: {}",
                self.source
            )));
        };
        let selected = map.select(tree, target).context(|| {
            format!("unable to find patch target {} in `resources`", quoted(&describe(target)))
        })?;
        merge_into(tree, map, &selected, *patch)
    }
}

fn describe(selector: &Selector) -> String {
    let gvk = crate::id::Gvk::selector(&selector.group, &selector.version, &selector.kind);
    let id = crate::id::ResId {
        gvk,
        name: selector.name.clone(),
        namespace: selector.namespace.clone(),
    };
    format!("{id}:a={}:l={}", selector.annotation_selector, selector.label_selector)
}

fn allow(tree: &mut Tree, object: NodeId, options: &PatchArgs) -> Result<()> {
    if options.allow_name_change {
        resource::enable(tree, object, build::ALLOW_NAME_CHANGE)?;
    }
    if options.allow_kind_change {
        resource::enable(tree, object, build::ALLOW_KIND_CHANGE)?;
    }
    Ok(())
}

/// Reads a text that has to be exactly one kind of patch.
fn parse(tree: &mut Tree, text: &str, source: &str) -> Result<Patch> {
    let merge = read::objects(tree, text);
    let json = JsonPatch::parse(text);
    match (merge, json) {
        (Ok(objects), Ok(json)) if !objects.is_empty() && !json.is_empty() => {
            Err(Error::new(format!("illegally qualifies as both an SM and JSON patch: {source}")))
        }
        (Ok(objects), _) => Ok(Patch::Merge(objects)),
        (Err(_), Ok(json)) => Ok(Patch::Json(json)),
        (Err(_), Err(_)) => {
            Err(Error::new(format!("unable to parse SM or JSON patch from {source}")))
        }
    }
}

/// Merges patches into the objects that have their ids.
fn merge_by_id(tree: &mut Tree, map: &mut ResMap, patches: &[NodeId]) -> Result<()> {
    for patch in patches {
        let id = resource::id(tree, *patch);
        let id = resource::previous_ids(tree, *patch).into_iter().next().unwrap_or(id);
        let at = map.find(tree, &id).context(|| {
            format!("no resource matches strategic merge patch {}", quoted(&id.to_string()))
        })?;
        // The patch itself stays as it is for the next build of the same kustomization's objects.
        if let Some(resource) = map.list.get_mut(at) {
            resource::apply_patch(tree, resource, *patch)?;
        }
    }
    Ok(())
}

/// Merges a patch into some objects and looks for id conflicts afterwards.
fn merge_into(tree: &mut Tree, map: &mut ResMap, selected: &[usize], patch: NodeId) -> Result<()> {
    let kind = tree.field(patch, "kind").map_or("", |kind| tree.value(kind)).to_owned();
    let ids: HashSet<_> =
        selected.iter().filter_map(|at| map.list.get(*at)).map(|r| r.id(tree)).collect();
    for resource in &mut map.list {
        let Some(object) = resource.node.filter(|_| ids.contains(&resource.id(tree))) else {
            continue;
        };
        let copy = tree.copy(patch);
        let own = copy;
        resource::take_metadata(tree, own, patch)?;
        let api_version = resource::id(tree, object).gvk.api_version();
        tree.set_text(copy, "apiVersion", &api_version)?;
        tree.set_text(copy, "kind", &kind)?;
        resource::apply_patch(tree, resource, copy)?;
    }
    map.drop_empties(tree);
    let all = std::mem::take(&mut map.list);
    map.append_all(tree, all)
}

/// Merges patches that are told apart only by their ids (`patchesStrategicMerge`).
pub(crate) struct MergePatches {
    patches: Vec<NodeId>,
}

impl MergePatches {
    /// Reads patches from texts or files, and more from one text.
    pub(crate) fn read(
        tree: &mut Tree,
        loader: &Loader<'_>,
        paths: &[String],
        inline: &str,
    ) -> Result<Self> {
        if paths.is_empty() && inline.is_empty() {
            return Err(Error::new("empty file path and empty patch content"));
        }
        let mut patches = Vec::new();
        for path in paths {
            match read::objects(tree, path) {
                Ok(objects) => patches.extend(objects),
                Err(_) => patches.extend(crate::target::objects_of_file(tree, loader, path)?),
            }
        }
        if !inline.is_empty() {
            patches.extend(read::objects(tree, inline)?);
        }
        if patches.is_empty() {
            let files = paths.join(" ");
            return Err(Error::new(format!(
                "patch appears to be empty; files=[{files}], Patch={inline}"
            )));
        }
        Ok(Self { patches })
    }

    /// Applies all patches, each to the one object of its id.
    pub(crate) fn apply(&self, tree: &mut Tree, map: &mut ResMap) -> Result<()> {
        for patch in &self.patches {
            let id = resource::id(tree, *patch);
            let id = resource::previous_ids(tree, *patch).into_iter().next().unwrap_or(id);
            let at = map.find(tree, &id)?;
            merge_into(tree, map, &[at], *patch)?;
        }
        Ok(())
    }
}

/// An entry of `patchesJson6902`, or a `PatchJson6902Transformer`.
pub(crate) struct JsonPatchChange {
    target: Selector,
    patch: JsonPatch,
}

impl JsonPatchChange {
    /// Reads operations from a text or file.
    pub(crate) fn read(
        loader: &Loader<'_>,
        target: Option<&Selector>,
        path: &str,
        text: &str,
    ) -> Result<Self> {
        let target = target.filter(|target| !target.name.is_empty());
        let target = target.ok_or_else(|| Error::new("must specify the target name"))?.clone();
        let text = match (path, text) {
            ("", "") => return Err(Error::new("empty file path and empty jsonOp")),
            ("", text) => text.to_owned(),
            (path, "") => {
                let text = loader.load_text(path)?;
                if text.is_empty() {
                    return Err(Error::new(format!("patch file '{path}' empty seems to be empty")));
                }
                text
            }
            _ => return Err(Error::new("must specify a file path or jsonOp, not both")),
        };
        let patch = JsonPatch::parse(&text)?;
        if patch.is_empty() {
            return Err(Error::new(format!(
                "patch appears to be empty; file={path}, JsonOp={text}"
            )));
        }
        Ok(Self { target, patch })
    }

    /// Applies the operations to the objects selected.
    pub(crate) fn apply(&self, tree: &mut Tree, map: &ResMap) -> Result<()> {
        for at in map.select(tree, &self.target)? {
            if let Some(object) = map.list.get(at).and_then(|resource| resource.node) {
                self.patch.apply(tree, object)?;
            }
        }
        Ok(())
    }
}
