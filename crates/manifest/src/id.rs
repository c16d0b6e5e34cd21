use crate::Error;
use std::fmt;

/// Which object is meant: everything of its name but the API version, which may change while the
/// object stays the same.
///
/// Ordered by group, kind, namespace and name, the tie-break of every order Flux applies things in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty if the object has none.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// The kinds whose names may hold a colon, which an inventory id cannot.
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";
const RBAC_KINDS: [&str; 4] = ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"];

impl ObjectId {
    /// The id of an inventory entry, `<namespace>_<name>_<group>_<kind>`; empty parts stay empty,
    /// and a colon in the name of an RBAC object is written as `__` (cli-utils' ObjMetadata).
    pub fn to_inventory(&self) -> String {
        let rbac = self.group == RBAC_GROUP && RBAC_KINDS.contains(&self.kind.as_str());
        let name = if rbac { self.name.replace(':', "__") } else { self.name.clone() };
        format!("{}_{name}_{}_{}", self.namespace, self.group, self.kind)
    }

    /// Reads the id of an inventory entry.
    ///
    /// # Errors
    /// If the text does not have four parts, or its kind or name is empty.
    pub fn from_inventory(text: &str) -> Result<Self, Error> {
        let malformed = || Error::new(format!("cannot read inventory entry {text:?}"));
        let (namespace, rest) = text.split_once('_').ok_or_else(malformed)?;
        let (rest, kind) = rest.rsplit_once('_').ok_or_else(malformed)?;
        let (name, group) = rest.rsplit_once('_').ok_or_else(malformed)?;
        let name = name.replace("__", ":");
        if name.contains('_') || name.is_empty() || kind.is_empty() {
            return Err(malformed());
        }
        Ok(Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name,
        })
    }
}

impl fmt::Display for ObjectId {
    /// `Kind/namespace/name`, or `Kind/name` without a namespace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}
