//! What objects are called during a build: kinds and ids, as the original compares and prints them.

use crate::tree::{NodeId, Tree};
use std::borrow::Cow;
use std::fmt;

/// A text that is built in or comes from an object.
pub(crate) type Text = Cow<'static, str>;

/// Group, version and kind. As a selector, empty parts match anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Gvk {
    pub(crate) group: Text,
    pub(crate) version: Text,
    pub(crate) kind: Text,
    /// Whether the kind is known to have no namespace. Left false in selectors and in remembered ids.
    pub(crate) cluster_scoped: bool,
}

impl Gvk {
    /// Splits `group/version`; a version alone has the empty group.
    pub(crate) fn split_api_version(api_version: &str) -> (&str, &str) {
        api_version.split_once('/').unwrap_or(("", api_version))
    }

    /// A selector.
    pub(crate) fn selector(group: &str, version: &str, kind: &str) -> Self {
        let own = |text: &str| Text::Owned(text.to_owned());
        Self { group: own(group), version: own(version), kind: own(kind), cluster_scoped: false }
    }

    /// A selector of the built-in tables.
    pub(crate) const fn builtin(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
    ) -> Self {
        Self {
            group: Text::Borrowed(group),
            version: Text::Borrowed(version),
            kind: Text::Borrowed(kind),
            cluster_scoped: false,
        }
    }

    /// What kinds are ordered by: the bytes of `group_version_kind`, where `~G`, `~V` and `~K` stand for what is empty.
    pub(crate) fn sort_key(&self) -> impl Iterator<Item = u8> {
        let [group, version, kind] =
            [or(&self.group, "~G"), or(&self.version, "~V"), or(&self.kind, "~K")];
        [group, "_", version, "_", kind].into_iter().flat_map(str::bytes)
    }

    /// The kind of an object.
    pub(crate) fn of_node(tree: &Tree, object: NodeId) -> Self {
        let cluster_scoped = is_cluster_scoped(tree, object);
        Self { cluster_scoped, ..Self::selector_of_node(tree, object) }
    }

    /// The kind of an object, without regard to whether it has namespaces.
    fn selector_of_node(tree: &Tree, object: NodeId) -> Self {
        let (api_version, kind) = type_of_node(tree, object);
        let (group, version) = Self::split_api_version(api_version);
        Self::selector(group, version, kind)
    }

    /// `group/version`, or the version alone.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Whether this kind is one that `selector` stands for.
    pub(crate) fn is_selected(&self, selector: &Self) -> bool {
        (selector.group.is_empty() || selector.group == self.group)
            && (selector.version.is_empty() || selector.version == self.version)
            && (selector.kind.is_empty() || selector.kind == self.kind)
    }

    /// Equal in group, version and kind.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.group == other.group && self.version == other.version && self.kind == other.kind
    }
}

/// Whether an object's kind is known to have no namespace.
pub(crate) fn is_cluster_scoped(tree: &Tree, object: NodeId) -> bool {
    let (api_version, kind) = type_of_node(tree, object);
    tree.schemas.is_cluster_scoped(api_version, kind)
}

/// An object's `apiVersion` and `kind`.
fn type_of_node(tree: &Tree, object: NodeId) -> (&str, &str) {
    let text = |field| tree.field(object, field).map_or("", |node| tree.value(node));
    (text("apiVersion"), text("kind"))
}

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, version, group) =
            (or(&self.kind, "[noKind]"), or(&self.version, "[noVer]"), or(&self.group, "[noGrp]"));
        write!(f, "{kind}.{version}.{group}")
    }
}

/// The namespace that stands for "none possible".
const NO_NAMESPACE: &str = "_non_namespaceable_";
const DEFAULT_NAMESPACE: &str = "default";

/// A kind with name and namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ResId {
    pub(crate) gvk: Gvk,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl ResId {
    /// The id of an object, without regard to whether its kind has namespaces.
    pub(crate) fn of_node(tree: &Tree, object: NodeId) -> Self {
        Self {
            gvk: Gvk::selector_of_node(tree, object),
            name: meta_text(tree, object, "name").to_owned(),
            namespace: meta_text(tree, object, "namespace").to_owned(),
        }
    }

    /// The namespace, where none given means `default` and cluster-scoped objects have one of their own.
    pub(crate) fn effective_namespace(&self) -> &str {
        if self.gvk.cluster_scoped {
            NO_NAMESPACE
        } else if self.namespace.is_empty() {
            DEFAULT_NAMESPACE
        } else {
            &self.namespace
        }
    }

    /// Equal in everything, namespaces compared by what they mean.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.same_but_namespace(other) && self.same_namespace(other)
    }

    /// Equal in name, group, version and kind.
    pub(crate) fn same_but_namespace(&self, other: &Self) -> bool {
        self.name == other.name && self.gvk.same(&other.gvk)
    }

    /// Equal in what the namespaces mean.
    pub(crate) fn same_namespace(&self, other: &Self) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    /// Whether this id is one that `selector` stands for; empty parts match anything.
    pub(crate) fn is_selected_by(&self, selector: &Self) -> bool {
        (selector.name.is_empty() || selector.name == self.name)
            && (selector.namespace.is_empty() || selector.same_namespace(self))
            && self.gvk.is_selected(&selector.gvk)
    }

    /// What tells two objects of a build apart, for use in sets.
    pub(crate) fn key(&self) -> (String, String, String, String, String) {
        let Gvk { group, version, kind, cluster_scoped: _ } = self.gvk.clone();
        let (group, version, kind) = (group.into_owned(), version.into_owned(), kind.into_owned());
        (group, version, kind, self.effective_namespace().to_owned(), self.name.clone())
    }

    /// Go's `%#v` of the id, which some of the original's errors show.
    pub(crate) fn go_syntax(&self) -> String {
        let Gvk { group, version, kind, cluster_scoped } = &self.gvk;
        format!(
            "resid.ResId{{Gvk:resid.Gvk{{Group:{group:?}, Version:{version:?}, Kind:{kind:?}, isClusterScoped:{cluster_scoped}}}, Name:{:?}, Namespace:{:?}}}",
            self.name, self.namespace
        )
    }
}

impl fmt::Display for ResId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}", self.gvk, or(&self.name, "[noName]"), or(&self.namespace, "[noNs]"))
    }
}

/// A text field of an object's metadata; empty if it is missing or empty.
pub(crate) fn meta_text<'t>(tree: &'t Tree, object: NodeId, name: &str) -> &'t str {
    meta(tree, object)
        .and_then(|meta| tree.field(meta, name))
        .filter(|field| !tree.get(*field).is_empty())
        .map_or("", |field| tree.value(field))
}

/// An object's metadata, if it has some.
pub(crate) fn meta(tree: &Tree, object: NodeId) -> Option<NodeId> {
    if tree.is_null(object) {
        return None;
    }
    tree.field(object, "metadata").filter(|meta| !tree.get(*meta).is_empty())
}
