//! One object of a build, and what the build remembers about it.
//!
//! As in the original, most of that memory lives in annotations of the object itself while the build runs: patches and
//! selectors can see it, and it is taken off at the end.

use crate::error::Result;
use crate::id::{Gvk, ResId, is_cluster_scoped, meta, meta_text};
use crate::tree::{Kind, Node, NodeId, Style, Tag, Tree};
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

/// Annotations that exist only during a build.
pub(crate) mod build {
    macro_rules! internal {
        ($name:literal) => {
            concat!("internal.config.kubernetes.io/", $name)
        };
    }
    pub(crate) const PREVIOUS_KINDS: &str = internal!("previousKinds");
    pub(crate) const PREVIOUS_NAMES: &str = internal!("previousNames");
    pub(crate) const PREVIOUS_NAMESPACES: &str = internal!("previousNamespaces");
    pub(crate) const PREFIXES: &str = internal!("prefixes");
    pub(crate) const SUFFIXES: &str = internal!("suffixes");
    pub(crate) const REFERRED_BY: &str = internal!("refBy");
    pub(crate) const BEHAVIOR: &str = internal!("generatorBehavior");
    pub(crate) const NEEDS_HASH: &str = internal!("needsHashSuffix");
    pub(crate) const ALLOW_NAME_CHANGE: &str = internal!("allowNameChange");
    pub(crate) const ALLOW_KIND_CHANGE: &str = internal!("allowKindChange");
    pub(crate) const HELM_GENERATED: &str = internal!("helm-generated");

    /// All that is taken off at the end.
    pub(crate) const ALL: &[&str] = &[
        PREVIOUS_KINDS,
        PREVIOUS_NAMES,
        PREFIXES,
        SUFFIXES,
        PREVIOUS_NAMESPACES,
        ALLOW_NAME_CHANGE,
        ALLOW_KIND_CHANGE,
        REFERRED_BY,
        BEHAVIOR,
        NEEDS_HASH,
        internal!("path"),
        internal!("index"),
        internal!("seqindent"),
        internal!("id"),
        internal!("annotations-migration-resource-id"),
        "config.kubernetes.io/path",
        "config.kubernetes.io/index",
        "config.k8s.io/id",
        HELM_GENERATED,
    ];

    /// Whether an annotation survives a JSON patch that removes all annotations.
    pub(crate) fn is_internal(name: &str) -> bool {
        name.starts_with("internal.config.kubernetes.io/")
            || matches!(
                name,
                "config.kubernetes.io/path" | "config.kubernetes.io/index" | "config.k8s.io/id"
            )
    }
}

/// The annotation that says where an object came from.
pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";
/// The annotation that says what changed an object.
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
/// The annotation of objects that configure tools and are not for the cluster.
pub(crate) const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// The value of switched-on build annotations.
const ENABLED: &str = "enabled";

/// What a generator does when an object of the same id exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Behavior {
    Unspecified,
    Create,
    Replace,
    Merge,
}

impl Behavior {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "create" => Self::Create,
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            _ => Self::Unspecified,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }
}

/// An object of the build. `node` is `None` once a patch has deleted it.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) node: Option<NodeId>,
    /// The variables whose value is read from this object.
    pub(crate) vars: Vec<String>,
    /// Which of the caller's files it stands in, for errors.
    pub(crate) file: Option<Rc<Path>>,
}

impl From<NodeId> for Resource {
    fn from(node: NodeId) -> Self {
        Self { node: Some(node), vars: Vec::new(), file: None }
    }
}

impl Resource {
    /// Whether nothing is left of the object.
    pub(crate) fn is_empty(&self, tree: &Tree) -> bool {
        self.node.is_none_or(|node| tree.get(node).is_empty())
    }

    /// Whether this is the object's name, or was before.
    pub(crate) fn has_or_had_name(&self, tree: &Tree, name: &str) -> bool {
        let Some(object) = self.node else {
            return name.is_empty();
        };
        meta_text(tree, object, "name") == name
            || annotation(tree, object, build::PREVIOUS_NAMES)
                .is_some_and(|names| names.split(',').any(|previous| previous == name))
    }

    /// The id the object has now.
    pub(crate) fn id(&self, tree: &Tree) -> ResId {
        self.node.map_or_else(ResId::default, |node| id(tree, node))
    }

    /// The ids it had before, oldest first.
    pub(crate) fn previous_ids(&self, tree: &Tree) -> Vec<ResId> {
        self.node.map_or_else(Vec::new, |node| previous_ids(tree, node))
    }

    /// The id it was loaded with.
    pub(crate) fn original_id(&self, tree: &Tree) -> ResId {
        self.previous_ids(tree).into_iter().next().unwrap_or_else(|| self.id(tree))
    }
}

/// The id of an object.
pub(crate) fn id(tree: &Tree, object: NodeId) -> ResId {
    let mut id = ResId::of_node(tree, object);
    id.gvk.cluster_scoped = is_cluster_scoped(tree, object);
    id
}

/// The ids that a build remembers for an object, oldest first.
pub(crate) fn previous_ids(tree: &Tree, object: NodeId) -> Vec<ResId> {
    let Some(names) = annotation(tree, object, build::PREVIOUS_NAMES) else {
        return Vec::new();
    };
    let namespaces = annotation(tree, object, build::PREVIOUS_NAMESPACES).unwrap_or_default();
    let kinds = annotation(tree, object, build::PREVIOUS_KINDS).unwrap_or_default();
    let api_version = tree.field(object, "apiVersion").map_or("", |node| tree.value(node));
    let (group, version) = Gvk::split_api_version(api_version);
    names
        .split(',')
        .zip(namespaces.split(','))
        .zip(kinds.split(','))
        .map(|((name, namespace), kind)| ResId {
            gvk: Gvk::selector(group, version, kind),
            name: name.to_owned(),
            namespace: namespace.to_owned(),
        })
        .collect()
}

/// A map below an object's metadata (`labels`, `annotations`).
fn meta_map(tree: &Tree, object: NodeId, name: &str) -> Option<NodeId> {
    tree.field(meta(tree, object)?, name)
}

/// The text of an annotation.
pub(crate) fn annotation<'t>(tree: &'t Tree, object: NodeId, name: &str) -> Option<&'t str> {
    let map = meta_map(tree, object, "annotations")?;
    tree.pairs(map).find(|(key, _)| tree.value(*key) == name).map(|(_, value)| tree.value(value))
}

/// All annotations.
pub(crate) fn annotations(tree: &Tree, object: NodeId) -> BTreeMap<String, String> {
    texts(tree, meta_map(tree, object, "annotations"))
}

/// All labels.
pub(crate) fn labels(tree: &Tree, object: NodeId) -> BTreeMap<String, String> {
    texts(tree, meta_map(tree, object, "labels"))
}

fn texts(tree: &Tree, map: Option<NodeId>) -> BTreeMap<String, String> {
    map.map(|map| {
        tree.pairs(map)
            .map(|(key, value)| (tree.value(key).to_owned(), tree.value(value).to_owned()))
            .collect()
    })
    .unwrap_or_default()
}

/// The string fields of a map that is a field of an object (`data`); nulls are empty strings.
pub(crate) fn data(tree: &Tree, object: NodeId, field: &str) -> BTreeMap<String, String> {
    let Some(map) = tree.field(object, field).filter(|map| tree.kind(*map) == Kind::Mapping) else {
        return BTreeMap::new();
    };
    tree.pairs(map)
        .map(|(key, value)| (tree.text(key).to_owned(), tree.text(value).to_owned()))
        .collect()
}

/// Replaces all annotations; none at all removes the field.
pub(crate) fn set_annotations(
    tree: &mut Tree,
    object: NodeId,
    new: &BTreeMap<String, String>,
) -> Result<()> {
    set_meta_map(tree, object, "annotations", new)
}

/// Replaces all labels; none at all removes the field.
pub(crate) fn set_labels(
    tree: &mut Tree,
    object: NodeId,
    new: &BTreeMap<String, String>,
) -> Result<()> {
    set_meta_map(tree, object, "labels", new)
}

fn set_meta_map(
    tree: &mut Tree,
    object: NodeId,
    name: &str,
    new: &BTreeMap<String, String>,
) -> Result<()> {
    let Some(meta) = tree.lookup_create(object, Kind::Mapping, &["metadata"])? else {
        return Ok(());
    };
    tree.clear_field(meta, name)?;
    if new.is_empty() {
        return Ok(());
    }
    if let Some(map) = tree.field_or_new(meta, name, Kind::Mapping)? {
        for (key, value) in new {
            tree.set_string(map, key, value)?;
        }
    }
    Ok(())
}

/// Sets one annotation.
pub(crate) fn set_annotation(
    tree: &mut Tree,
    object: NodeId,
    name: &str,
    value: &str,
) -> Result<()> {
    if let Some(meta) = tree.get_field(object, "metadata")?
        && let Some(map) = tree.get_field(meta, "annotations")?
        && tree.items(map).is_empty()
    {
        tree.clear_field(meta, "annotations")?;
    }
    if let Some(meta) = tree.get_field(object, "metadata")?
        && tree.items(meta).is_empty()
    {
        tree.clear_field(object, "metadata")?;
    }
    set_in_meta(tree, object, "annotations", (name, value))
}

/// Sets one label.
pub(crate) fn set_label(tree: &mut Tree, object: NodeId, name: &str, value: &str) -> Result<()> {
    set_in_meta(tree, object, "labels", (name, value))
}

fn set_in_meta(
    tree: &mut Tree,
    object: NodeId,
    map: &str,
    (name, value): (&str, &str),
) -> Result<()> {
    let Some(map) = tree.lookup_create(object, Kind::Mapping, &["metadata", map])? else {
        return Ok(());
    };
    let value = Node { style: Style::SINGLE, ..Node::string(value) };
    let value = tree.add(value);
    tree.set_field(map, name, Some(value.into()))
}

/// Sets the name.
pub(crate) fn set_name(tree: &mut Tree, object: NodeId, name: &str) -> Result<()> {
    match tree.lookup_create(object, Kind::Mapping, &["metadata"])? {
        Some(meta) => tree.set_text(meta, "name", name),
        None => Ok(()),
    }
}

/// Sets the namespace; an empty one removes the field.
pub(crate) fn set_namespace(tree: &mut Tree, object: NodeId, namespace: &str) -> Result<()> {
    if !namespace.is_empty() {
        return match tree.lookup_create(object, Kind::Mapping, &["metadata"])? {
            Some(meta) => tree.set_text(meta, "namespace", namespace),
            None => Ok(()),
        };
    }
    match tree.get_field(object, "metadata")? {
        Some(meta) => tree.clear_field(meta, "namespace").map(|_| ()),
        None => Ok(()),
    }
}

/// Sets the kind.
pub(crate) fn set_kind(tree: &mut Tree, object: NodeId, kind: &str) -> Result<()> {
    tree.set_text(object, "kind", kind)
}

/// The comma-separated values of a build annotation.
pub(crate) fn list_annotation<'t>(tree: &'t Tree, object: NodeId, name: &str) -> Vec<&'t str> {
    annotation(tree, object, name).map(|list| list.split(',').collect()).unwrap_or_default()
}

/// Adds to a comma-separated build annotation.
pub(crate) fn append_annotation(
    tree: &mut Tree,
    object: NodeId,
    name: &str,
    value: &str,
) -> Result<()> {
    if value.is_empty() {
        return Ok(());
    }
    let map = meta_map(tree, object, "annotations");
    let known = map.and_then(|map| tree.pairs(map).find(|(key, _)| tree.value(*key) == name));
    let Some((_, known)) = known else {
        return set_annotation(tree, object, name, value);
    };
    let node = tree.get_mut(known);
    node.value.push(',');
    node.value.push_str(value);
    node.tag = Tag::Str;
    Ok(())
}

/// Remembers the id that the object has now, before it changes.
pub(crate) fn store_previous_id(tree: &mut Tree, object: NodeId) -> Result<()> {
    let id = id(tree, object);
    append_annotation(tree, object, build::PREVIOUS_NAMES, &id.name)?;
    append_annotation(tree, object, build::PREVIOUS_NAMESPACES, id.effective_namespace())?;
    append_annotation(tree, object, build::PREVIOUS_KINDS, &id.gvk.kind)
}

/// Whether a switch of the build is on.
pub(crate) fn is_enabled(tree: &Tree, object: NodeId, name: &str) -> bool {
    annotation(tree, object, name) == Some(ENABLED)
}

/// Switches something on for this object.
pub(crate) fn enable(tree: &mut Tree, object: NodeId, name: &str) -> Result<()> {
    let mut all = annotations(tree, object);
    all.insert(name.to_owned(), ENABLED.to_owned());
    set_annotations(tree, object, &all)
}

/// What the object's generator wants when the id exists.
pub(crate) fn behavior(tree: &Tree, object: NodeId) -> Behavior {
    Behavior::parse(annotation(tree, object, build::BEHAVIOR).unwrap_or_default())
}

/// Takes the labels, annotations, name and namespace of the object that a generated one merges into or replaces.
pub(crate) fn take_metadata(tree: &mut Tree, object: NodeId, from: NodeId) -> Result<()> {
    let mut merged = labels(tree, from);
    merged.extend(labels(tree, object));
    set_labels(tree, object, &merged)?;
    let (own, theirs) = (annotations(tree, object), annotations(tree, from));
    let needs_hash = own.contains_key(build::NEEDS_HASH);
    let mut merged = theirs.clone();
    merged.extend(own);
    for name in build::ALL {
        match theirs.get(*name) {
            Some(value) => merged.insert((*name).to_owned(), value.clone()),
            None => merged.remove(*name),
        };
    }
    if !needs_hash {
        merged.remove(build::NEEDS_HASH);
    }
    set_annotations(tree, object, &merged)?;
    let id = id(tree, from);
    set_name(tree, object, &id.name)?;
    set_namespace(tree, object, &id.namespace)
}

/// Applies a strategic merge patch to an object. Name and kind change only if the patch may do that, the namespace never.
pub(crate) fn apply_patch(tree: &mut Tree, resource: &mut Resource, patch: NodeId) -> Result<()> {
    let Some(object) = resource.node else {
        return Ok(());
    };
    let before = id(tree, object);
    let may_rename = is_enabled(tree, patch, build::ALLOW_NAME_CHANGE);
    let may_change_kind = is_enabled(tree, patch, build::ALLOW_KIND_CHANGE);
    if may_rename || may_change_kind {
        store_previous_id(tree, object)?;
    }
    let options = crate::tree::merge::MergeOptions { infer_lists: false, prepend: true };
    if crate::tree::merge::merge(tree, object, patch, options)?.is_none() {
        resource.node = None;
        return Ok(());
    }
    if resource.is_empty(tree) {
        return Ok(());
    }
    if !may_change_kind {
        set_kind(tree, object, &before.gvk.kind)?;
    }
    if !may_rename {
        set_name(tree, object, &before.name)?;
    }
    set_namespace(tree, object, &before.namespace)
}
