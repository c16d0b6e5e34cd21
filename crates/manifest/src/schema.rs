//! What is known of Kubernetes' built-in kinds without asking a cluster.

use std::sync::LazyLock;

/// The kinds of Kubernetes v1.37 (`cargo xtask schema`).
const KINDS: &str = include_str!("schema/kinds.txt");

static TABLE: LazyLock<Vec<BuiltinKind>> =
    LazyLock::new(|| KINDS.lines().filter_map(BuiltinKind::parse).collect());

/// A kind that every cluster serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltinKind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// The name of the resource in URLs.
    pub plural: &'static str,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
}

impl BuiltinKind {
    fn parse(line: &'static str) -> Option<Self> {
        let mut words = line.strip_prefix("kind ")?.split(' ');
        let group = words.next()?;
        Some(Self {
            group: if group == "-" { "" } else { group },
            version: words.next()?,
            kind: words.next()?,
            plural: words.next()?,
            namespaced: words.next()? == "namespaced",
        })
    }
}

/// All built-in kinds, by group, version and kind.
pub fn builtin() -> impl Iterator<Item = BuiltinKind> {
    TABLE.iter().copied()
}

/// The versions of a built-in kind; none if it is not built in.
pub fn versions(group: &str, kind: &str) -> impl Iterator<Item = BuiltinKind> {
    builtin().filter(move |known| known.group == group && known.kind == kind)
}

/// Whether objects of a kind live in a namespace; `None` if the kind is not built in.
pub fn is_namespaced(group: &str, kind: &str) -> Option<bool> {
    versions(group, kind).next().map(|kind| kind.namespaced)
}
