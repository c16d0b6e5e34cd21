//! Applying a change to every place a field spec names.

use super::{Kind, Node, NodeId, Tag, Tree};
use crate::config::FieldSpec;
use crate::error::{Context, Error, Result};
use crate::id::{Gvk, ResId};

/// What to create at the end of a field spec's path.
#[derive(Clone, Debug)]
pub(crate) struct Create {
    pub(crate) kind: Kind,
    pub(crate) tag: Tag,
}

impl Create {
    /// Nothing is created.
    pub(crate) const NOTHING: Self = Self { kind: Kind::None, tag: Tag::None };
    /// A mapping, for labels and annotations.
    pub(crate) const MAP: Self = Self { kind: Kind::Mapping, tag: Tag::Map };
    /// A string.
    pub(crate) const STRING: Self = Self { kind: Kind::Scalar, tag: Tag::Str };
    /// An integer.
    pub(crate) const INT: Self = Self { kind: Kind::Scalar, tag: Tag::Int };
    /// A scalar whose tag is left open.
    pub(crate) const SCALAR: Self = Self { kind: Kind::Scalar, tag: Tag::None };
}

/// The change itself: gets the tree and the node found.
pub(crate) type Setter<'a> = dyn FnMut(&mut Tree, NodeId) -> Result<()> + 'a;

/// Applies a change to all places that these field specs name in an object.
pub(crate) fn apply_all(
    tree: &mut Tree,
    object: NodeId,
    specs: &[FieldSpec],
    create: &Create,
    set: &mut Setter<'_>,
) -> Result<()> {
    specs.iter().try_for_each(|spec| apply(tree, object, spec, create, set))
}

/// Applies a change to all places that a field spec names in an object, if the object's kind fits.
pub(crate) fn apply(
    tree: &mut Tree,
    object: NodeId,
    spec: &FieldSpec,
    create: &Create,
    set: &mut Setter<'_>,
) -> Result<()> {
    if !matches_kind(tree, object, spec) {
        return Ok(());
    }
    apply_path(tree, object, spec, create, set)
}

/// As [`apply`], for an object whose kind is known to fit.
pub(crate) fn apply_path(
    tree: &mut Tree,
    object: NodeId,
    spec: &FieldSpec,
    create: &Create,
    set: &mut Setter<'_>,
) -> Result<()> {
    visit(tree, object, spec.parts(), &mut Visit { spec, create, set }).context(|| {
        format!("considering field '{}' of object {}", spec.path, ResId::of_node(tree, object))
    })
}

/// Whether an object has the kind, group and version that a field spec asks for.
pub(crate) fn matches_kind(tree: &Tree, object: NodeId, spec: &FieldSpec) -> bool {
    let kind = tree.field(object, "kind").map_or("", |kind| tree.value(kind));
    if !spec.gvk.kind.is_empty() && spec.gvk.kind != kind {
        return false;
    }
    if spec.gvk.group.is_empty() && spec.gvk.version.is_empty() {
        return true;
    }
    let api_version = tree.field(object, "apiVersion").map_or("", |node| tree.value(node));
    let (group, version) = Gvk::split_api_version(api_version);
    (spec.gvk.group.is_empty() || spec.gvk.group == group)
        && (spec.gvk.version.is_empty() || spec.gvk.version == version)
}

struct Visit<'a, 'b> {
    spec: &'a FieldSpec,
    create: &'a Create,
    set: &'a mut Setter<'b>,
}

fn visit(tree: &mut Tree, id: NodeId, path: &[String], to: &mut Visit<'_, '_>) -> Result<()> {
    let Some((part, rest)) = path.split_first() else {
        return (to.set)(tree, id);
    };
    if tree.is_null(id) {
        return Ok(());
    }
    match tree.kind(id) {
        Kind::Mapping => visit_field(tree, id, (part, rest), to),
        Kind::Sequence => {
            for index in 0..tree.items(id).len() {
                let Some(item) = tree.items(id).get(index).copied() else {
                    break;
                };
                visit(tree, item, path, to)
                    .context(|| format!("visit traversal on path: [{}]", path.join(" ")))?;
            }
            Ok(())
        }
        Kind::Scalar | Kind::None => Err(Error::new("expected sequence or mapping node")),
    }
}

fn visit_field(
    tree: &mut Tree,
    id: NodeId,
    (part, rest): (&str, &[String]),
    to: &mut Visit<'_, '_>,
) -> Result<()> {
    let name = part.strip_suffix("[]").unwrap_or(part);
    let is_sequence = name.len() != part.len();
    if name.is_empty() {
        return Err(Error::new("cannot set or create an empty field name"));
    }
    let (kind, tag) = if !to.spec.create || to.create.kind == Kind::None || is_sequence {
        (if is_sequence { Kind::Sequence } else { Kind::None }, Tag::None)
    } else if rest.is_empty() {
        (to.create.kind, to.create.tag.clone())
    } else {
        (Kind::Mapping, Tag::Map)
    };
    let found = if kind == Kind::None || is_sequence {
        lookup_one(tree, id, name).context(|| format!("fieldName: {name}"))?
    } else {
        tree.lookup_create(id, kind, &[name]).context(|| format!("fieldName: {name}"))?
    };
    let Some(field) = found else {
        return Ok(());
    };
    if kind != Kind::None && tree.is_null(field) {
        let node = tree.get_mut(field);
        node.kind = kind;
        node.tag = tag;
    }
    visit(tree, field, rest, to)
}

/// A plain name is looked up as a field; one that looks like a position or selection keeps kyaml's meaning.
fn lookup_one(tree: &Tree, id: NodeId, name: &str) -> Result<Option<NodeId>> {
    let first = name.as_bytes().first().copied().unwrap_or_default();
    if first.is_ascii_alphabetic() && !name.ends_with(' ') {
        return tree.get_field(id, name);
    }
    tree.lookup(id, &[name])
}

/// A change that writes an entry of a mapping, or the scalar itself when `name` is empty.
///
/// The value is one node however often it is written, see the module documentation of [`crate::tree`].
pub(crate) fn set_entry(
    tree: &mut Tree,
    name: &str,
    value: &str,
    tag: Tag,
) -> impl FnMut(&mut Tree, NodeId) -> Result<()> + use<> {
    let node = tree.add(Node::tagged(value, tag));
    let name = name.to_owned();
    move |tree, target| {
        if name.is_empty() {
            tree.set_scalar(target, node)
        } else {
            tree.set_field(target, &name, Some(node.into()))
        }
    }
}

/// As [`set_entry`], but leaves what already has a value.
pub(crate) fn set_entry_if_empty(
    tree: &mut Tree,
    name: &str,
    value: &str,
    tag: Tag,
) -> impl FnMut(&mut Tree, NodeId) -> Result<()> + use<> {
    let mut set = set_entry(tree, name, value, tag);
    let name = name.to_owned();
    move |tree, target| if has_value(tree, target, &name) { Ok(()) } else { set(tree, target) }
}

fn has_value(tree: &Tree, target: NodeId, name: &str) -> bool {
    if tree.get(target).is_empty() {
        return false;
    }
    if tree.kind(target) == Kind::Scalar {
        return !tree.text(target).is_empty();
    }
    tree.field(target, name).is_some_and(|field| !tree.text(field).is_empty())
}
