//! Deleting what is no longer wanted: only what carries our labels, and nothing that asks to stay.

use std::collections::BTreeMap;

use crate::field::Field as _;
use manifest::{Object, ObjectId, order};
use serde_json::{Value, json};

use crate::changes::{Action, ChangeSet};
use crate::cluster::Cluster;
use crate::control;
use crate::discovery::Resource;
use crate::error::Error;
use crate::inventory::Inventory;

/// What became of the objects to delete.
#[derive(Debug, Default)]
pub struct Pruned {
    /// What was deleted or left.
    pub changes: ChangeSet,
    /// What could not be deleted, and why; it must be tried again.
    pub failed: Vec<(ObjectId, String, Error)>,
}

impl Pruned {
    /// The objects to try again.
    pub fn survivors(&self) -> Inventory {
        self.failed.iter().map(|(id, version, _)| (id.clone(), version.clone())).collect()
    }

    /// The objects that were told to go.
    pub fn deleted(&self) -> Vec<(ObjectId, String)> {
        let deleted = self.changes.entries.iter().filter(|entry| entry.action == Action::Deleted);
        deleted.map(|entry| (entry.id.clone(), entry.version.clone())).collect()
    }
}

/// Deletes the objects in the background, in the reverse of the order of applying. An object is
/// deleted only if it carries all of `owner`'s labels and does not ask to stay. What is gone already
/// counts as deleted; what cannot be looked at has failed.
pub async fn delete(
    cluster: &Cluster,
    stale: &Inventory,
    owner: &BTreeMap<String, String>,
) -> Pruned {
    let mut pruned = Pruned::default();
    for (id, version) in ordered(stale) {
        match one(cluster, &id, &version, owner).await {
            Ok(action) => pruned.changes.push(id, &version, action),
            Err(error) => pruned.failed.push((id, version, error)),
        }
    }
    pruned
}

/// In the order of deletion.
fn ordered(stale: &Inventory) -> Vec<(ObjectId, String)> {
    let mut versions: BTreeMap<ObjectId, String> = BTreeMap::new();
    let mut objects = Vec::new();
    for (id, version) in stale.iter() {
        let api_version = match id.group.as_str() {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
        };
        let metadata = match id.namespace.as_str() {
            "" => json!({"name": id.name}),
            namespace => json!({"name": id.name, "namespace": namespace}),
        };
        let value = json!({"apiVersion": api_version, "kind": id.kind, "metadata": metadata});
        versions.insert(id.clone(), version.to_owned());
        objects.extend(Object::try_from(value).ok());
    }
    order::delete(&mut objects);
    objects.iter().filter_map(|object| versions.remove_entry(&object.id())).collect()
}

/// Looks at an object that somebody else changes just then, before it is left for the next time.
const LOOKS: usize = 3;

async fn one(
    cluster: &Cluster,
    id: &ObjectId,
    version: &str,
    owner: &BTreeMap<String, String>,
) -> Result<Action, Error> {
    let mut looks = 1;
    loop {
        let Some((resource, live)) = find(cluster, id, version).await? else {
            return Ok(Action::Deleted);
        };
        if !is_ours(&live, owner) || control::is_kept(&live) {
            return Ok(Action::Skipped);
        }
        if !live.at("metadata.deletionTimestamp").is_null() {
            return Ok(Action::Deleted);
        }
        // Only what was looked at is deleted: whoever takes the object over meanwhile keeps it.
        match cluster.delete(&resource, id, &live).await {
            Ok(_) => return Ok(Action::Deleted),
            Err(error) if error.is_conflict() && looks < LOOKS => looks += 1,
            Err(error) => return Err(error),
        }
    }
}

/// The object as it is; `None` when the server itself says that there is none, or no such kind.
async fn find(
    cluster: &Cluster,
    id: &ObjectId,
    version: &str,
) -> Result<Option<(Resource, Value)>, Error> {
    let mut asked_anew = false;
    loop {
        let Some(resource) = cluster.resource_of(id, version).await? else {
            if cluster.has_no_kind(id).await? {
                return Ok(None);
            }
            return Err(Error::Invalid {
                object: id.to_string(),
                message: "cannot be looked at: its kind is out of reach".to_owned(),
            });
        };
        if resource.namespaced && id.namespace.is_empty() {
            // Such an object cannot be.
            return Ok(None);
        }
        match cluster.get_surely(&resource, id).await {
            Ok(live) => return Ok(live.map(|live| (resource, live))),
            // The version is not served any more; another one may be.
            Err(error) if error.code() == Some(404) && !asked_anew => {
                asked_anew = true;
                cluster.discover().await?;
            }
            Err(error) => return Err(error),
        }
    }
}

fn is_ours(live: &Value, owner: &BTreeMap<String, String>) -> bool {
    let labels = &live.at("metadata.labels");
    owner.iter().all(|(key, value)| labels.get(key).and_then(Value::as_str) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletion_runs_against_the_order_of_applying() {
        let entries =
            [("_a__Namespace", "v1"), ("a_web_apps_Deployment", "v1"), ("a_cm__ConfigMap", "v1")];
        let stale = Inventory::from_entries(entries).unwrap();
        let kinds: Vec<String> = ordered(&stale).into_iter().map(|(id, _)| id.kind).collect();
        assert_eq!(kinds, ["Deployment", "ConfigMap", "Namespace"]);
    }

    #[test]
    fn both_labels_make_an_object_ours() {
        let owner =
            BTreeMap::from([("n".to_owned(), "a".to_owned()), ("ns".to_owned(), "b".to_owned())]);
        let live = |labels: Value| json!({"metadata": {"labels": labels}});
        assert!(is_ours(&live(json!({"n": "a", "ns": "b", "other": "c"})), &owner));
        assert!(!is_ours(&live(json!({"n": "a"})), &owner));
        assert!(!is_ours(&live(json!({"n": "a", "ns": "c"})), &owner));
        assert!(!is_ours(&json!({"metadata": {}}), &owner));
    }
}
