//! Which objects were applied: the record that pruning goes by.

use std::collections::BTreeMap;

use manifest::ObjectId;

/// Applied objects with the API version they were applied in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    entries: BTreeMap<ObjectId, String>,
}

impl Inventory {
    /// Reads the entries of a status: `<namespace>_<name>_<group>_<kind>` and version.
    ///
    /// # Errors
    /// For an id that has another form.
    pub fn from_entries<'a>(
        entries: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, manifest::Error> {
        let mut inventory = Self::default();
        for (id, version) in entries {
            inventory.insert(ObjectId::from_inventory(id)?, version);
        }
        Ok(inventory)
    }

    /// The entries as a status holds them, in the order of the ids.
    pub fn to_entries(&self) -> Vec<(String, String)> {
        self.entries.iter().map(|(id, version)| (id.to_inventory(), version.clone())).collect()
    }

    /// Adds an object.
    pub fn insert(&mut self, id: ObjectId, version: impl Into<String>) {
        self.entries.insert(id, version.into());
    }

    /// Everything in either; versions of `newer` win.
    #[must_use]
    pub fn union(&self, newer: &Self) -> Self {
        let mut entries = self.entries.clone();
        entries.extend(newer.entries.clone());
        Self { entries }
    }

    /// What is here and not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let left = self.entries.iter().filter(|(id, _)| !other.entries.contains_key(*id));
        Self { entries: left.map(|(id, version)| (id.clone(), version.clone())).collect() }
    }

    /// Whether the object is here.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.entries.contains_key(id)
    }

    /// The objects and their versions.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &str)> {
        self.entries.iter().map(|(id, version)| (id, version.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl FromIterator<(ObjectId, String)> for Inventory {
    fn from_iter<T: IntoIterator<Item = (ObjectId, String)>>(objects: T) -> Self {
        Self { entries: objects.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(ids: &[(&str, &str)]) -> Inventory {
        Inventory::from_entries(ids.iter().copied()).unwrap()
    }

    #[test]
    fn sets_of_objects_add_and_subtract_by_identity() {
        let old = inventory(&[("a_x__ConfigMap", "v1"), ("a_y_apps_Deployment", "v1beta1")]);
        let new = inventory(&[("a_y_apps_Deployment", "v1"), ("_z__Namespace", "v1")]);
        assert_eq!(old.minus(&new), inventory(&[("a_x__ConfigMap", "v1")]));
        let both = old.union(&new);
        assert_eq!(both.len(), 3);
        assert!(both.to_entries().contains(&("a_y_apps_Deployment".to_owned(), "v1".to_owned())));
    }

    #[test]
    fn an_id_of_another_form_is_an_error() {
        assert!(Inventory::from_entries([("nonsense", "v1")]).is_err());
    }
}
