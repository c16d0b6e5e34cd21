//! The apply itself: merge, take away what the manager no longer applies, settle who owns what.

use serde_json::{Map, Value};

use super::compare::Comparison;
use super::conflict::{Conflict, Conflicts};
use super::managed::{self, Identity, Managers, Operation, Owned};
use super::merge::merge;
use super::set::Set;
use super::shape::same;
use super::walk::{field_set, remove, with_named_fields};
use super::{Error, Manager, check, last_applied, update};
use crate::schema::TypeRef;

/// The manager that is given the fields of an object that had no managers before its first apply.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// One apply request, as the steps share it.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) of: &'a TypeRef,
    pub(super) live: &'a Value,
    pub(super) applied: &'a Value,
    pub(super) manager: &'a Manager<'a>,
    pub(super) force: bool,
    pub(super) now: &'a str,
}

impl Request<'_> {
    /// The merged object with its new `managedFields`.
    pub(super) fn run(self) -> Result<Value, Error> {
        self.check()?;
        let live = managed::without(self.live);
        let managers = match Managers::decode(self.live) {
            Some(managers) => managers,
            None => update::all_fields(self.of, &live, BEFORE_FIRST_APPLY, self.now),
        };
        let request = Request { live: &live, ..self };
        if self.manager.name != last_applied::KUBECTL {
            return request.merge(managers);
        }
        match request.merge(managers.clone()) {
            Err(Error::Conflict(conflicts)) => {
                let owned = last_applied::owned_fields(self.of, &live)
                    .ok_or_else(|| Error::Conflict(conflicts.clone()))?;
                let left: Vec<_> =
                    conflicts.0.into_iter().filter(|conflict| !owned.has(&conflict.path)).collect();
                if left.is_empty() {
                    return Request { force: true, ..request }.merge(managers);
                }
                Err(Error::Conflict(Conflicts(left)))
            }
            result => result,
        }
    }

    fn check(&self) -> Result<(), Error> {
        let version = self.applied.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        if version != self.of.api_version() {
            return Err(Error::BadRequest(format!(
                "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {}",
                self.of.api_version()
            )));
        }
        let metadata = self.applied.get("metadata");
        if metadata
            .and_then(|metadata| metadata.get("managedFields"))
            .is_some_and(|fields| !fields.is_null())
        {
            return Err(Error::BadRequest("metadata.managedFields must be nil".to_owned()));
        }
        let mismatches = check::mismatches(self.of.schema(), self.applied, false);
        if mismatches.is_empty() {
            return Ok(());
        }
        Err(Error::Type(format!(
            "failed to create typed patch object ({}): {}",
            describe(self.of, self.applied),
            check::report(&mismatches)
        )))
    }

    fn identity(&self) -> Identity {
        Identity {
            manager: self.manager.name_or_unknown().to_owned(),
            operation: Operation::Apply,
            api_version: String::new(),
            subresource: self.manager.subresource.to_owned(),
        }
    }

    fn merge(&self, mut managers: Managers) -> Result<Value, Error> {
        let schema = self.of.schema();
        managers.reconcile(schema);
        let merged = merge(schema, Some(self.live), Some(self.applied)).unwrap_or_else(empty);
        let reset = self.manager.reset_fields(self.of);
        let set = field_set(schema, self.applied).difference_with_children(&reset);
        let identity = self.identity();
        let last = managers.0.get(&identity).cloned();
        // Who applies no less than before takes nothing away.
        let shrinks = last.as_ref().is_some_and(|last| !last.set.difference(&set).is_empty());
        let owned = Owned {
            set,
            api_version: self.of.api_version().to_owned(),
            time: last.as_ref().and_then(|last| last.time.clone()),
        };
        managers.0.insert(identity.clone(), owned);
        let merged = match last {
            Some(last) if shrinks => self.prune(merged, &managers, &last.set),
            _ => merged,
        };
        let changed = !same(&merged, self.live);
        if changed {
            let comparison = Comparison::of(schema, self.live, &merged).without(&reset);
            settle(&mut managers, &identity, &comparison, self.force)?;
        }
        if let Some(owned) = managers.0.get_mut(&identity) {
            owned.set = owned.set.difference(&update::never_owned());
            if changed {
                owned.time = Some(self.now.to_owned());
            }
        }
        managers.0.retain(|_, owned| !owned.set.is_empty());
        let mut merged = merged;
        if self.manager.name == last_applied::KUBECTL {
            last_applied::refresh(&mut merged, self.applied);
        }
        managers.encode(&mut merged);
        Ok(merged)
    }

    /// Takes away what the manager applied last time, does not apply now, and nobody else owns.
    fn prune(&self, merged: Value, managers: &Managers, last: &Set) -> Value {
        let schema = self.of.schema();
        let last = with_named_fields(schema, last);
        let merged_set = with_named_fields(schema, &field_set(schema, &merged));
        let pruned = remove(schema, &merged, &last);
        // What others, or the new configuration, own comes back.
        let owned = managers.0.values().fold(Set::new(), |all, owned| all.union(&owned.set));
        let kept = with_named_fields(schema, &field_set(schema, &pruned))
            .union(&with_named_fields(schema, &owned));
        let pruned = remove(schema, &merged, &merged_set.difference(&kept));
        // What nobody owned, and so this manager never did, comes back too.
        let kept = with_named_fields(schema, &field_set(schema, &pruned));
        let pruned = remove(schema, &merged, &merged_set.difference(&kept).intersection(&last));
        if pruned.is_null() { empty() } else { pruned }
    }
}

/// Takes fields that the write changed or removed away from the other managers.
///
/// # Errors
/// The conflicts, if others own changed fields and `force` is not set.
pub(super) fn settle(
    managers: &mut Managers,
    writer: &Identity,
    comparison: &Comparison,
    force: bool,
) -> Result<(), Error> {
    let changed = comparison.changed();
    if !force {
        let mut conflicts = Vec::new();
        for (identity, owned) in managers.0.iter().filter(|(identity, _)| *identity != writer) {
            let paths = owned.set.intersection(&changed).paths();
            conflicts.extend(paths.into_iter().map(|path| Conflict::new(identity, owned, path)));
        }
        if !conflicts.is_empty() {
            return Err(Error::Conflict(Conflicts(conflicts)));
        }
    }
    for (_, owned) in managers.0.iter_mut().filter(|(identity, _)| *identity != writer) {
        if !changed.is_empty() {
            owned.set = owned.set.difference(&changed);
        }
        if !comparison.removed.is_empty() {
            owned.set = owned.set.difference(&comparison.removed);
        }
    }
    managers.0.retain(|_, owned| !owned.set.is_empty());
    Ok(())
}

fn empty() -> Value {
    Value::Object(Map::new())
}

/// `namespace/name; group/version, Kind=Kind`, as error messages name an object.
fn describe(of: &TypeRef, object: &Value) -> String {
    let metadata = |key| {
        let value = object.get("metadata").and_then(|metadata| metadata.get(key));
        value.and_then(Value::as_str).unwrap_or_default()
    };
    let version = if of.group().is_empty() {
        format!("/{}", of.api_version())
    } else {
        of.api_version().to_owned()
    };
    format!("{}/{}; {version}, Kind={}", metadata("namespace"), metadata("name"), of.kind())
}
