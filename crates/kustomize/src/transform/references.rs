//! Name references: when an object got another name, those that name it follow.

use crate::config::{FieldSpec, NameReference};
use crate::error::{Context, Error, Result};
use crate::id::{Gvk, ResId};
use crate::resmap::ResMap;
use crate::resource::{self, build};
use crate::tree::fieldspec::{self, Create};
use crate::tree::{Kind, NodeId, Tree, json};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

/// Updates all references.
pub(crate) fn update(tree: &mut Tree, map: &ResMap, references: &[NameReference]) -> Result<()> {
    let candidates = Candidates::new(tree, map);
    let order: Vec<usize> = (0..candidates.list.len()).collect();
    for at in order {
        update_referrer(tree, &candidates, at, references)?;
    }
    Ok(())
}

/// An object as others may refer to it. Nothing of this changes while references are updated.
struct Candidate {
    object: NodeId,
    id: ResId,
    previous: Vec<ResId>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    /// Who refers to it. Only an error ever shows it, so it does not become an annotation before.
    referred_by: RefCell<Vec<String>>,
}

impl Candidate {
    fn new(tree: &Tree, object: NodeId) -> Self {
        let list = |name| {
            resource::list_annotation(tree, object, name).into_iter().map(str::to_owned).collect()
        };
        Self {
            object,
            id: resource::id(tree, object),
            previous: resource::previous_ids(tree, object),
            prefixes: list(build::PREFIXES),
            suffixes: list(build::SUFFIXES),
            referred_by: RefCell::default(),
        }
    }

    fn original(&self) -> &ResId {
        self.previous.first().unwrap_or(&self.id)
    }
}

struct Candidates {
    list: Vec<Candidate>,
    /// Where objects are that had a name before.
    by_previous_name: HashMap<String, Vec<usize>>,
}

impl Candidates {
    fn new(tree: &Tree, map: &ResMap) -> Self {
        let objects = map.list.iter().filter_map(|resource| resource.node);
        let list: Vec<Candidate> = objects.map(|object| Candidate::new(tree, object)).collect();
        let mut by_previous_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, candidate) in list.iter().enumerate() {
            let names: BTreeSet<&str> =
                candidate.previous.iter().map(|id| id.name.as_str()).collect();
            for name in names {
                by_previous_name.entry(name.to_owned()).or_default().push(at);
            }
        }
        Self { list, by_previous_name }
    }

    fn named<'c>(&'c self, name: &str) -> impl Iterator<Item = &'c Candidate> {
        let places = self.by_previous_name.get(name).into_iter().flatten();
        places.filter_map(|at| self.list.get(*at))
    }
}

fn update_referrer(
    tree: &mut Tree,
    candidates: &Candidates,
    at: usize,
    references: &[NameReference],
) -> Result<()> {
    let Some(candidate) = candidates.list.get(at) else {
        return Ok(());
    };
    let visible = if candidate.id.gvk.cluster_scoped {
        None
    } else {
        Some(extra_namespaces(tree, candidate)?)
    };
    // Nothing was renamed that could be referred to.
    if candidates.by_previous_name.is_empty() {
        return Ok(());
    }
    let original = candidate.original().gvk.clone();
    for reference in references {
        for spec in reference.referrers.iter().filter(|spec| original.is_selected(&spec.gvk)) {
            let referrer = Referrer {
                candidate,
                candidates,
                visible: visible.as_ref(),
                target: &reference.gvk,
                spec,
            };
            referrer.update(tree)?;
        }
    }
    Ok(())
}

/// The namespaces of the ServiceAccounts that a role binding names: objects there can be referred to as well.
fn extra_namespaces(tree: &Tree, candidate: &Candidate) -> Result<HashSet<String>> {
    let mut namespaces = HashSet::new();
    if candidate.id.gvk.kind != "RoleBinding" {
        return Ok(namespaces);
    }
    let subjects =
        tree.field(candidate.object, "subjects").filter(|node| tree.kind(*node) == Kind::Sequence);
    for subject in subjects.into_iter().flat_map(|list| tree.items(list)) {
        let Some(namespace) = tree.field(*subject, "namespace") else {
            continue;
        };
        if tree.field(*subject, "kind").is_some_and(|kind| tree.value(kind) == "ServiceAccount") {
            if !json::scalar(tree.get(namespace))?.is_string() {
                let id = crate::error::quoted(&candidate.id.to_string());
                return Err(Error::new(format!(
                    "Invalid Input: namespace is blank for resource {id}\n"
                )));
            }
            namespaces.insert(tree.value(namespace).to_owned());
        }
    }
    Ok(namespaces)
}

/// One field of one object that may name others.
struct Referrer<'r> {
    candidate: &'r Candidate,
    candidates: &'r Candidates,
    /// For an object in a namespace: other namespaces whose objects it may name.
    visible: Option<&'r HashSet<String>>,
    target: &'r Gvk,
    spec: &'r FieldSpec,
}

impl Referrer<'_> {
    fn update(&self, tree: &mut Tree) -> Result<()> {
        let object = self.candidate.object;
        fieldspec::apply_path(tree, object, self.spec, &Create::NOTHING, &mut |tree, node| {
            self.set(tree, node)
        })
        .context(|| {
            format!(
                "updating name reference in '{}' field of '{}'",
                self.spec.path, self.candidate.id
            )
        })
    }

    fn set(&self, tree: &mut Tree, node: NodeId) -> Result<()> {
        if tree.is_null(node) {
            return Ok(());
        }
        match tree.kind(node) {
            Kind::Scalar => self.set_scalar(tree, node),
            Kind::Mapping => self.set_mapping(tree, node),
            Kind::Sequence => {
                for item in tree.items(node).to_vec() {
                    match tree.kind(item) {
                        _ if tree.is_null(item) => {}
                        Kind::Scalar => self.set_scalar(tree, item)?,
                        Kind::Mapping => self.set_mapping(tree, item)?,
                        Kind::Sequence | Kind::None => {
                            return Err(Error::new(
                                "a list item is expected to be either a string or a map of string",
                            ));
                        }
                    }
                }
                Ok(())
            }
            Kind::None => Err(Error::new("node must be a scalar, sequence or map")),
        }
    }

    fn set_scalar(&self, tree: &mut Tree, node: NodeId) -> Result<()> {
        let old = tree.value(node).to_owned();
        let same_name = |found: &[&Candidate]| {
            found.windows(2).all(|pair| matches!(pair, [a, b] if a.id.name == b.id.name))
        };
        let found = self.select(tree, &old, |_| true, same_name)?;
        let Some(found) = found else {
            return Ok(());
        };
        self.record(found);
        if found.id.name == old {
            return Ok(());
        }
        tree.set_scalar_text(node, &found.id.name)
    }

    fn set_mapping(&self, tree: &mut Tree, node: NodeId) -> Result<()> {
        let name = tree
            .get_field(node, "name")?
            .ok_or_else(|| Error::new("path config error; no 'name' field in node"))?;
        let old = tree.value(name).to_owned();
        let namespace =
            tree.get_field(node, "namespace")?.map(|namespace| tree.value(namespace).to_owned());
        let in_original = namespace.as_deref().is_some_and(|namespace| {
            self.candidates
                .list
                .iter()
                .filter(|candidate| self.can_see(candidate))
                .any(|candidate| is_in(candidate.original(), namespace))
        });
        let fits = |candidate: &Candidate| match namespace.as_deref() {
            None => true,
            Some(namespace) if in_original => is_in(candidate.original(), namespace),
            Some(namespace) => is_in(&candidate.id, namespace),
        };
        let same = |found: &[&Candidate]| {
            found.windows(2).all(|pair| {
                matches!(pair, [a, b] if a.id.name == b.id.name && a.id.namespace == b.id.namespace)
            })
        };
        let Some(found) = self.select(tree, &old, fits, same)? else {
            return Ok(());
        };
        self.record(found);
        if found.id.name == old && found.id.namespace.is_empty() {
            return Ok(());
        }
        tree.set_text(node, "name", &found.id.name)?;
        if found.id.namespace.is_empty() {
            return Ok(());
        }
        tree.set_text(node, "namespace", &found.id.namespace)
    }

    /// Whether an object may be named from here at all.
    fn can_see(&self, candidate: &Candidate) -> bool {
        match self.visible {
            None => true,
            Some(extra) => {
                candidate.id.gvk.cluster_scoped
                    || candidate.id.same_namespace(&self.candidate.id)
                    || extra.contains(&candidate.id.namespace)
            }
        }
    }

    /// The object that a name means, if there is exactly one.
    fn select<'c>(
        &'c self,
        tree: &Tree,
        old: &str,
        fits: impl Fn(&Candidate) -> bool,
        identical: impl Fn(&[&Candidate]) -> bool,
    ) -> Result<Option<&'c Candidate>> {
        let role = self.role(tree);
        let mut found: Vec<&Candidate> = self
            .candidates
            .named(old)
            .filter(|candidate| self.can_see(candidate) && fits(candidate))
            .filter(|candidate| candidate.previous.iter().any(|id| id.gvk.is_selected(self.target)))
            .filter(|candidate| {
                role.as_ref()
                    .is_none_or(|role| candidate.previous.iter().any(|id| id.gvk.is_selected(role)))
            })
            .filter(|candidate| self.in_reach(candidate))
            .collect();
        if let [one] = found.as_slice() {
            return Ok(Some(one));
        }
        found.retain(|candidate| self.same_affixes(candidate, true));
        if found.len() > 1 {
            found.retain(|candidate| self.same_affixes(candidate, false));
        }
        match found.as_slice() {
            [] => Ok(None),
            [first] => Ok(Some(first)),
            [first, ..] if identical(&found) => Ok(Some(first)),
            many => Err(self.ambiguous(tree, many)),
        }
    }

    /// For `roleRef`, the kind it says.
    fn role(&self, tree: &Tree) -> Option<Gvk> {
        if !self.spec.path.ends_with("roleRef/name") {
            return None;
        }
        let role = tree.field(self.candidate.object, "roleRef")?;
        let group = tree.field(role, "apiGroup")?;
        let kind = tree.field(role, "kind")?;
        Some(Gvk::selector(tree.value(group), "", tree.value(kind)))
    }

    /// Objects in a namespace name others there, ServiceAccounts anywhere, and what has no namespace.
    fn in_reach(&self, candidate: &Candidate) -> bool {
        self.candidate.id.gvk.cluster_scoped
            || candidate.id.gvk.cluster_scoped
            || candidate.id.gvk.kind == "ServiceAccount"
            || self.candidate.id.same_namespace(&candidate.id)
    }

    fn same_affixes(&self, candidate: &Candidate, allow_none: bool) -> bool {
        let same = |a: &[String], b: &[String]| {
            (allow_none && (a.is_empty() || b.is_empty())) || same_ending(a, b)
        };
        same(&candidate.prefixes, &self.candidate.prefixes)
            && same(&candidate.suffixes, &self.candidate.suffixes)
    }

    fn record(&self, found: &Candidate) {
        found.referred_by.borrow_mut().push(self.candidate.id.to_string());
    }

    fn ambiguous(&self, tree: &Tree, found: &[&Candidate]) -> Error {
        let ids: Vec<String> = found.iter().map(|candidate| candidate.id.to_string()).collect();
        let shown = |candidate: &Candidate| {
            let mut value = json::to_value(tree, candidate.object).unwrap_or_default();
            let referred_by = candidate.referred_by.borrow();
            let annotations =
                value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
            if let Some(annotations) = annotations.filter(|_| !referred_by.is_empty()) {
                annotations.insert(build::REFERRED_BY.to_owned(), referred_by.join(",").into());
            }
            yaml::from_json(&value)
        };
        let mut text = format!(
            "found multiple possible referrals: {}\n\n**** Too many possible referral targets to referrer:\n{}\n",
            ids.join(", "),
            shown(self.candidate)
        );
        for (at, candidate) in found.iter().enumerate() {
            let _ = writeln!(text, "--- possible referral {at}:\n{}", shown(candidate));
        }
        Error::new(text)
    }
}

/// Whether an id is in a namespace, where cluster-scoped ids are in none.
fn is_in(id: &ResId, namespace: &str) -> bool {
    let effective = id.effective_namespace();
    effective == namespace && effective != "_non_namespaceable_"
}

/// Whether the shorter list is the end of the longer one; an empty one only of an empty one.
fn same_ending(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}
