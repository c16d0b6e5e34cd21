//! Putting objects into a namespace.

use crate::config::FieldSpec;
use crate::error::{Context, Error, ErrorKind, Result, quoted};
use crate::id::Gvk;
use crate::resmap::ResMap;
use crate::resource::{self, build};
use crate::tree::fieldspec::{self, Create, Setter, set_entry, set_entry_if_empty};
use crate::tree::{Kind, NodeId, Tag, Tree};

/// Which subjects of role bindings get the namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Subjects {
    /// Those named `default`.
    #[default]
    DefaultOnly,
    /// All ServiceAccounts.
    AllServiceAccounts,
    /// None.
    None,
}

impl Subjects {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text {
            "" | "defaultOnly" => Ok(Self::DefaultOnly),
            "allServiceAccounts" => Ok(Self::AllServiceAccounts),
            "none" => Ok(Self::None),
            other => Err(Error::new(format!(
                "invalid value {} for setRoleBindingSubjects: must be one of \"defaultOnly\", \"none\" or \"allServiceAccounts\"",
                quoted(other)
            ))),
        }
    }
}

/// What the transformer does.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamespaceChange {
    pub(crate) namespace: String,
    pub(crate) specs: Vec<FieldSpec>,
    pub(crate) unset_only: bool,
    pub(crate) subjects: Subjects,
}

impl NamespaceChange {
    /// Changes all objects; afterwards no two may have the same id.
    pub(crate) fn apply(&self, tree: &mut Tree, map: &ResMap) -> Result<()> {
        if self.namespace.is_empty() {
            return Ok(());
        }
        // The ids of objects before and after this one in the list, as they are while it changes.
        let mut counts = map.count_ids(tree);
        for resource in &map.list {
            let Some(object) = resource.node.filter(|_| !resource.is_empty(tree)) else {
                continue;
            };
            if resource::annotation(tree, object, build::HELM_GENERATED) == Some("true") {
                continue;
            }
            if let Some(count) = counts.get_mut(&resource.id(tree).key()) {
                *count -= 1;
            }
            resource::store_previous_id(tree, object)?;
            self.apply_to(tree, object)?;
            let id = resource.id(tree);
            let count = counts.entry(id.key()).or_insert(0);
            *count += 1;
            if *count != 1 {
                let message = "namespace transformation produces ID conflict";
                return Err(Error::new(format!("{message}: there are several {id}")));
            }
        }
        Ok(())
    }

    /// Changes one object.
    pub(crate) fn apply_to(&self, tree: &mut Tree, object: NodeId) -> Result<()> {
        let gvk = Gvk::of_node(tree, object);
        let is_core = gvk.api_version() == "v1";
        if !gvk.cluster_scoped {
            let spec = FieldSpec::everywhere("metadata/namespace", true);
            let mut set = self.setter(tree);
            fieldspec::apply(tree, object, &spec, &Create::SCALAR, &mut set)?;
        }
        let is_binding = is_role_binding(&gvk.kind);
        if is_binding {
            self.apply_to_subjects(tree, object)?;
        }
        let mut set = self.setter(tree);
        for spec in &self.specs {
            let skipped = spec.path == "metadata/namespace"
                || (!is_core && spec.path == "metadata/name")
                || (is_binding
                    && is_role_binding(&spec.gvk.kind)
                    && spec.path == "subjects/namespace");
            if !skipped {
                fieldspec::apply(tree, object, spec, &Create::STRING, &mut set).map_err(
                    |error| {
                        let only_scalars = error.kind() == ErrorKind::WrongKind { scalar: false };
                        error.during(if only_scalars {
                            "namespace field specs must target scalar nodes"
                        } else {
                            "namespace transformation failed"
                        })
                    },
                )?;
            }
        }
        Ok(())
    }

    fn setter(&self, tree: &mut Tree) -> Box<Setter<'static>> {
        if self.unset_only {
            Box::new(set_entry_if_empty(tree, "", &self.namespace, Tag::Str))
        } else {
            Box::new(set_entry(tree, "", &self.namespace, Tag::Str))
        }
    }

    fn apply_to_subjects(&self, tree: &mut Tree, object: NodeId) -> Result<()> {
        let (field, wanted) = match self.subjects {
            Subjects::None => return Ok(()),
            Subjects::DefaultOnly => ("name", "default"),
            Subjects::AllServiceAccounts => ("kind", "ServiceAccount"),
        };
        let Some(subjects) =
            tree.get_field(object, "subjects")?.filter(|subjects| !tree.is_null(*subjects))
        else {
            return Ok(());
        };
        let doing = || "setting namespace on (cluster)role binding subjects".to_owned();
        tree.expect_kind(Some(subjects), Kind::Sequence).context(doing)?;
        for subject in tree.items(subjects).to_vec() {
            let found = tree.get_field(subject, field).context(doing)?;
            let matches = found.is_some_and(|found| {
                tree.kind(found) == Kind::Scalar
                    && tree.text(found) == wanted
                    && !tree.is_null(found)
            });
            if !matches {
                continue;
            }
            if let Some(namespace) =
                tree.field_or_new(subject, "namespace", Kind::Scalar).context(doing)?
            {
                let mut set = self.setter(tree);
                set(tree, namespace).context(doing)?;
            }
        }
        Ok(())
    }
}

fn is_role_binding(kind: &str) -> bool {
    kind == "RoleBinding" || kind == "ClusterRoleBinding"
}
