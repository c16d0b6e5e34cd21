//! The ordered set of objects that a build works on.

mod selector;

use crate::error::{Error, Result};
use crate::id::ResId;
use crate::resource::{self, Behavior, Resource};
use crate::tree::{Kind, NodeId, Tree};
use base64::Engine as _;
use std::collections::{BTreeMap, HashMap, HashSet};

pub(crate) use selector::{Selector, SelectorRegex};

type Key = (String, String, String, String, String);

/// The ids of the objects of a [`ResMap`] at some moment.
#[derive(Debug, Default)]
pub(crate) struct Ids(HashSet<Key>);

/// Objects in order, no two with the same id.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResMap {
    pub(crate) list: Vec<Resource>,
}

impl ResMap {
    /// The objects of a stream.
    pub(crate) fn from_nodes(tree: &Tree, nodes: Vec<NodeId>) -> Result<Self> {
        let mut map = Self::default();
        map.append_all(tree, nodes.into_iter().map(Resource::from).collect())?;
        Ok(map)
    }

    /// The ids of all objects.
    pub(crate) fn ids(&self, tree: &Tree) -> Ids {
        Ids(self.list.iter().map(|known| known.id(tree).key()).collect())
    }

    /// Adds objects; an id that is there already is an error.
    pub(crate) fn append_all(&mut self, tree: &Tree, more: Vec<Resource>) -> Result<()> {
        let mut ids = self.ids(tree);
        self.append_to(&mut ids, tree, more)
    }

    /// As [`ResMap::append_all`], for many calls with no change of the objects in between, whose ids are kept.
    pub(crate) fn append_to(
        &mut self,
        ids: &mut Ids,
        tree: &Tree,
        more: Vec<Resource>,
    ) -> Result<()> {
        for resource in more {
            let id = resource.id(tree);
            if !ids.0.insert(id.key()) {
                return Err(Error::new(format!(
                    "may not add resource with an already registered id: {id}"
                )));
            }
            self.list.push(resource);
        }
        Ok(())
    }

    /// Leaves out what patches deleted.
    pub(crate) fn drop_empties(&mut self, tree: &Tree) {
        self.list.retain(|resource| !resource.is_empty(tree));
    }

    /// The places of objects one of whose ids, past or present, has this name and is as wanted.
    pub(crate) fn with_any_id(
        &self,
        tree: &Tree,
        name: &str,
        wanted: impl Fn(&ResId) -> bool,
    ) -> Vec<usize> {
        let mut found = Vec::new();
        for (at, resource) in self.list.iter().enumerate() {
            // A look at the names first: making the ids of all objects for each of many patches takes long.
            if !resource.has_or_had_name(tree, name) || resource.is_empty(tree) {
                continue;
            }
            if resource.previous_ids(tree).iter().any(&wanted) || wanted(&resource.id(tree)) {
                found.push(at);
            }
        }
        found
    }

    /// The place of the one object that has or had this id.
    pub(crate) fn find(&self, tree: &Tree, id: &ResId) -> Result<usize> {
        let found = self.with_any_id(tree, &id.name, |candidate| candidate.same(id));
        let problem = match found.as_slice() {
            [one] => return Ok(*one),
            [] => "no matches for",
            _ => "multiple matches for",
        };
        Err(Error::new(format!("{problem} Id {id}; failed to find unique target for patch {id}")))
    }

    /// Takes in what a generator made: new objects are added, others merge into or replace one that is there.
    pub(crate) fn absorb_all(&mut self, tree: &mut Tree, made: Vec<Resource>) -> Result<()> {
        made.into_iter().try_for_each(|resource| self.absorb(tree, resource))
    }

    fn absorb(&mut self, tree: &mut Tree, resource: Resource) -> Result<()> {
        let Some(object) = resource.node else {
            return Ok(());
        };
        let id = resource.id(tree);
        let behavior = resource::behavior(tree, object);
        let found = self.with_any_id(tree, &id.name, |candidate| candidate.same(&id));
        let (at, old) = match found.as_slice() {
            [] if matches!(behavior, Behavior::Merge | Behavior::Replace) => {
                return Err(Error::new(format!(
                    "id {} does not exist; cannot merge or replace",
                    id.go_syntax()
                )));
            }
            // Nothing has this id, so nothing else is in the way.
            [] => {
                self.list.push(resource);
                return Ok(());
            }
            [at] => (*at, self.list.get(*at).and_then(|old| old.node)),
            _ => {
                return Err(Error::new(format!(
                    "found multiple objects that could accept merge of {id}"
                )));
            }
        };
        let Some(old) = old else {
            return Ok(());
        };
        match behavior {
            Behavior::Replace => resource::take_metadata(tree, object, old)?,
            Behavior::Merge => merge_generated(tree, object, old)?,
            Behavior::Create | Behavior::Unspecified => {
                return Err(Error::new(format!(
                    "id {} exists; can not use behavior: '{}', behavior must be merge or replace",
                    id.go_syntax(),
                    behavior.name()
                )));
            }
        }
        let vars = self.list.get(at).map(|old| old.vars.clone()).unwrap_or_default();
        self.replace(tree, at, Resource { vars, ..resource })
    }

    fn replace(&mut self, tree: &Tree, at: usize, resource: Resource) -> Result<()> {
        let id = resource.id(tree);
        let same = self.list.iter().enumerate().filter(|(_, other)| other.id(tree).same(&id));
        let places: Vec<usize> = same.map(|(place, _)| place).collect();
        match places.as_slice() {
            [] => Err(Error::new(format!("cannot find resource with id {id} to replace"))),
            [place] if *place == at => {
                if let Some(slot) = self.list.get_mut(at) {
                    *slot = resource;
                }
                Ok(())
            }
            [_] => Err(Error::new("unexpected target index in replacement")),
            many => {
                Err(Error::new(format!("id matched {} resources", many.len())).during("in Replace"))
            }
        }
    }

    /// The places of objects that a selector picks.
    pub(crate) fn select(&self, tree: &Tree, selector: &Selector) -> Result<Vec<usize>> {
        let regex = SelectorRegex::new(selector)?;
        let mut found = Vec::new();
        for (at, resource) in self.list.iter().enumerate() {
            if let Some(object) = resource.node
                && regex.selects(tree, object)
            {
                found.push(at);
            }
        }
        Ok(found)
    }

    /// How often each id occurs.
    pub(crate) fn count_ids(&self, tree: &Tree) -> HashMap<Key, usize> {
        let mut counts = HashMap::new();
        for resource in &self.list {
            *counts.entry(resource.id(tree).key()).or_insert(0) += 1;
        }
        counts
    }
}

/// Merges the data of an existing object into the one a generator made, which wins.
fn merge_generated(tree: &mut Tree, object: NodeId, old: NodeId) -> Result<()> {
    let origin = resource::annotation(tree, old, resource::ORIGIN).map(str::to_owned);
    let is_secret = tree.field(object, "kind").is_some_and(|kind| tree.value(kind) == "Secret");
    let mut data = resource::data(tree, old, "data");
    if is_secret {
        // `stringData` of the old Secret means the same as encoded `data`, and wins over it.
        for (key, value) in resource::data(tree, old, "stringData") {
            data.insert(key, encode(value.as_bytes()));
        }
    }
    resource::take_metadata(tree, object, old)?;
    data.extend(resource::data(tree, object, "data"));
    set_data(tree, object, "data", &data)?;
    let mut binary = resource::data(tree, old, "binaryData");
    binary.extend(resource::data(tree, object, "binaryData"));
    set_data(tree, object, "binaryData", &binary)?;
    if let Some(origin) = origin {
        let mut all = resource::annotations(tree, object);
        all.insert(resource::ORIGIN.to_owned(), origin);
        resource::set_annotations(tree, object, &all)?;
    }
    Ok(())
}

fn set_data(
    tree: &mut Tree,
    object: NodeId,
    field: &str,
    data: &BTreeMap<String, String>,
) -> Result<()> {
    tree.clear_field(object, field)?;
    if data.is_empty() {
        return Ok(());
    }
    if let Some(map) = tree.field_or_new(object, field, Kind::Mapping)? {
        for (key, value) in data {
            tree.set_string(map, key, value)?;
        }
    }
    Ok(())
}

/// Base64 in lines of 70 characters, as go-yaml writes binary data.
pub(crate) fn encode(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let flat = base64::engine::general_purpose::STANDARD.encode(bytes);
    if flat.len() <= LINE {
        return flat;
    }
    let mut out = String::with_capacity(flat.len() + flat.len() / LINE + 1);
    for (at, c) in flat.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    out.push('\n');
    out
}
