//! Which fields of which kinds the transformers change: the built-in tables, and what users add to them.

pub(crate) mod crds;
mod defaults;
mod parse;

use crate::error::{Error, Result};
use crate::id::{Gvk, Text};
use crate::tree::lookup::split_path;
use manifest::order::{LEGACY_FIRST, LEGACY_LAST};
use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

pub(crate) use parse::{field_specs as parse_field_specs, transformer_config};

/// One place in objects of some kind.
#[derive(Clone, Debug)]
pub(crate) struct FieldSpec {
    pub(crate) gvk: Gvk,
    /// Field names separated by `/`; `\/` is a slash inside a name, `[]` after a name says that it is a list.
    pub(crate) path: Text,
    /// Whether missing fields are created.
    pub(crate) create: bool,
    /// The path taken apart, once somebody asks: of the built-in places most builds see only a few.
    parts: OnceLock<Vec<String>>,
}

impl FieldSpec {
    pub(crate) fn new(gvk: Gvk, path: impl Into<Text>, create: bool) -> Self {
        Self { gvk, path: path.into(), create, parts: OnceLock::new() }
    }

    /// A place in every object.
    pub(crate) fn everywhere(path: &'static str, create: bool) -> Self {
        Self::new(Gvk::default(), path, create)
    }

    /// The field names on the path.
    pub(crate) fn parts(&self) -> &[String] {
        self.parts.get_or_init(|| split_path(&self.path, '/'))
    }
}

impl PartialEq for FieldSpec {
    fn eq(&self, other: &Self) -> bool {
        self.gvk == other.gvk && self.path == other.path && self.create == other.create
    }
}

impl Eq for FieldSpec {}

fn rank(kind: &str) -> isize {
    let at = |list: &[&str]| {
        list.iter().position(|known| *known == kind).and_then(|at| isize::try_from(at).ok())
    };
    let before = isize::try_from(LEGACY_FIRST.len()).unwrap_or_default();
    at(&LEGACY_FIRST)
        .map(|at| at - before)
        .or_else(|| at(&LEGACY_LAST).map(|at| at + 1))
        .unwrap_or_default()
}

/// How selectors are ordered in tables: known kinds first, the rest by group, version and kind.
fn compare(a: &Gvk, b: &Gvk) -> Ordering {
    let order = rank(&a.kind).cmp(&rank(&b.kind));
    order.then_with(|| a.sort_key().cmp(b.sort_key()))
}

/// Adds field specs to others; the same place twice has to agree on `create`.
pub(crate) fn merge_specs(into: &mut Vec<FieldSpec>, more: &[FieldSpec]) -> Result<()> {
    for spec in more {
        let same =
            into.iter().find(|known| known.gvk.is_selected(&spec.gvk) && known.path == spec.path);
        match same {
            Some(known) if known.create != spec.create => {
                return Err(Error::new("conflicting fieldspecs"));
            }
            Some(_) => {}
            None => into.push(spec.clone()),
        }
    }
    Ok(())
}

/// The fields that refer by name to objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameReference {
    /// What is referred to.
    pub(crate) gvk: Gvk,
    /// Who refers to it, and where.
    pub(crate) referrers: Vec<FieldSpec>,
}

/// All tables together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TransformerConfig {
    pub(crate) name_prefix: Vec<FieldSpec>,
    pub(crate) name_suffix: Vec<FieldSpec>,
    pub(crate) namespace: Vec<FieldSpec>,
    pub(crate) common_labels: Vec<FieldSpec>,
    pub(crate) labels: Vec<FieldSpec>,
    pub(crate) template_labels: Vec<FieldSpec>,
    pub(crate) volume_claim_template_labels: Vec<FieldSpec>,
    pub(crate) common_annotations: Vec<FieldSpec>,
    pub(crate) name_reference: Vec<NameReference>,
    pub(crate) var_reference: Vec<FieldSpec>,
    pub(crate) images: Vec<FieldSpec>,
    pub(crate) replicas: Vec<FieldSpec>,
}

impl TransformerConfig {
    /// The built-in tables.
    pub(crate) fn builtin() -> Arc<Self> {
        defaults::config()
    }

    /// Adds another configuration's entries to this one.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        for ((name, mine), (_, theirs)) in self.lists_mut().into_iter().zip(other.lists()) {
            merge_specs(mine, theirs)
                .map_err(|error| error.during(format!("failed to merge {name} fieldSpec")))?;
        }
        for reference in &other.name_reference {
            self.add_reference(reference)
                .map_err(|error| error.during("failed to merge NameReference fieldSpec"))?;
        }
        self.sort();
        Ok(())
    }

    fn add_reference(&mut self, reference: &NameReference) -> Result<()> {
        let mut found = false;
        for known in self.name_reference.iter_mut().filter(|known| known.gvk.same(&reference.gvk)) {
            merge_specs(&mut known.referrers, &reference.referrers)?;
            found = true;
        }
        if !found {
            self.name_reference.push(reference.clone());
        }
        Ok(())
    }

    fn lists_mut(&mut self) -> [(&'static str, &mut Vec<FieldSpec>); 11] {
        [
            ("NamePrefix", &mut self.name_prefix),
            ("NameSuffix", &mut self.name_suffix),
            ("NameSpace", &mut self.namespace),
            ("CommonAnnotations", &mut self.common_annotations),
            ("CommonLabels", &mut self.common_labels),
            ("Labels", &mut self.labels),
            ("TemplateLabels", &mut self.template_labels),
            ("VolumeClaimTemplateLabels", &mut self.volume_claim_template_labels),
            ("VarReference", &mut self.var_reference),
            ("Images", &mut self.images),
            ("Replicas", &mut self.replicas),
        ]
    }

    fn lists(&self) -> [(&'static str, &Vec<FieldSpec>); 11] {
        [
            ("NamePrefix", &self.name_prefix),
            ("NameSuffix", &self.name_suffix),
            ("NameSpace", &self.namespace),
            ("CommonAnnotations", &self.common_annotations),
            ("CommonLabels", &self.common_labels),
            ("Labels", &self.labels),
            ("TemplateLabels", &self.template_labels),
            ("VolumeClaimTemplateLabels", &self.volume_claim_template_labels),
            ("VarReference", &self.var_reference),
            ("Images", &self.images),
            ("Replicas", &self.replicas),
        ]
    }

    fn sort(&mut self) {
        for (_, list) in self.lists_mut() {
            list.sort_by(|a, b| compare(&a.gvk, &b.gvk));
        }
        self.name_reference.sort_by(|a, b| compare(&a.gvk, &b.gvk));
    }
}
