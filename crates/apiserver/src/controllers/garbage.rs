//! Garbage collection by ownerReferences, as kube-controller-manager's collector does it.

use std::sync::Arc;

use serde_json::Value;

use crate::core::Core;
use crate::failure::Failure;
use crate::object;
use crate::registry::Resource;
use crate::store::{Reference, Stored};
use crate::strategy::admission::PROTECTIONS;
use crate::write::{DeleteOptions, FOREGROUND, ORPHAN, Propagation, UpdateMode, Write};

const MANAGER: &str = "kube-controller-manager";

/// The state of an owner, seen from a dependent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// There, and staying.
    Solid,
    /// Waits for its dependents to be deleted.
    Waiting,
    Absent,
}

/// Every dependent of an object that is gone.
pub(super) fn owner_gone(core: &Arc<Core>, uid: &str) {
    for dependent in core.store.with_index(|index| index.dependents(uid)) {
        let Some(live) = core.store.get(dependent.shelf, &dependent.key) else { continue };
        let registry = core.registry();
        if let Some(resource) = registry.of_shelf(dependent.shelf) {
            self::dependent(core, resource, &live);
        }
    }
}

/// An object that names owners: without any left it goes, too.
pub(super) fn dependent(core: &Arc<Core>, resource: &Resource, live: &Stored) {
    let owners: Vec<(&str, Owner)> = object::owners(&live.value)
        .filter_map(|o| o.get("uid")?.as_str())
        .map(|uid| (uid, state(core, &live.value, uid)))
        .collect();
    if owners.is_empty() || object::is_deleting(&live.value) {
        return;
    }
    let any = |wanted: Owner| owners.iter().any(|(_, state)| *state == wanted);
    if any(Owner::Solid) {
        let gone: Vec<&str> =
            owners.iter().filter(|(_, s)| *s != Owner::Solid).map(|(uid, _)| *uid).collect();
        if !gone.is_empty() {
            forget_owners(core, resource, live, &gone);
        }
        return;
    }
    let own = object::uid(&live.value).unwrap_or_default();
    let parent = !core.store.with_index(|index| index.dependents(own)).is_empty();
    let propagation = match any(Owner::Waiting) && parent {
        true => Propagation::Foreground,
        false if object::has_finalizer(&live.value, ORPHAN) => Propagation::Orphan,
        false if object::has_finalizer(&live.value, FOREGROUND) => Propagation::Foreground,
        false => Propagation::Background,
    };
    delete(core, resource, live, propagation);
}

/// An object on its way out: does what its garbage finalizers stand for.
pub(super) fn deleting(core: &Arc<Core>, resource: &Resource, live: &Stored) {
    let Some(uid) = object::uid(&live.value) else { return };
    let dependents = core.store.with_index(|index| index.dependents(uid));
    if object::has_finalizer(&live.value, ORPHAN) {
        for reference in &dependents {
            with_resource(core, reference, |resource, live| {
                forget_owners(core, resource, live, &[uid]);
            });
        }
        finish(core, resource, live, ORPHAN);
    } else if let Some(protection) =
        PROTECTIONS.iter().find(|p| object::has_finalizer(&live.value, p))
    {
        finish(core, resource, live, protection);
    } else if object::has_finalizer(&live.value, FOREGROUND) {
        for reference in &dependents {
            with_resource(core, reference, |resource, live| dependent(core, resource, live));
        }
        let left = core.store.with_index(|index| index.dependents(uid));
        let blocks = |r: &Reference| {
            core.store.get(r.shelf, &r.key).is_some_and(|o| blocks_owner(&o.value, uid))
        };
        if !left.iter().any(blocks) {
            finish(core, resource, live, FOREGROUND);
        }
    }
}

fn with_resource(core: &Arc<Core>, reference: &Reference, act: impl Fn(&Resource, &Stored)) {
    let registry = core.registry();
    let live = core.store.get(reference.shelf, &reference.key);
    if let (Some(resource), Some(live)) = (registry.of_shelf(reference.shelf), live) {
        act(resource, &live);
    }
}

/// An owner counts only in the dependent's namespace or at cluster scope.
fn state(core: &Core, dependent: &Value, uid: &str) -> Owner {
    let Some(reference) = core.store.with_index(|index| index.by_uid(uid).cloned()) else {
        return Owner::Absent;
    };
    if !reference.key.namespace.is_empty()
        && reference.key.namespace != object::namespace(dependent)
    {
        return Owner::Absent;
    }
    match core.store.get(reference.shelf, &reference.key) {
        None => Owner::Absent,
        Some(owner)
            if object::is_deleting(&owner.value)
                && object::has_finalizer(&owner.value, FOREGROUND) =>
        {
            Owner::Waiting
        }
        Some(_) => Owner::Solid,
    }
}

fn blocks_owner(dependent: &Value, uid: &str) -> bool {
    object::owners(dependent).any(|o| {
        o.get("uid").and_then(Value::as_str) == Some(uid)
            && o.get("blockOwnerDeletion").and_then(Value::as_bool) == Some(true)
    })
}

fn delete(core: &Arc<Core>, resource: &Resource, live: &Stored, propagation: Propagation) {
    let options = DeleteOptions {
        propagation: Some(propagation),
        uid: object::uid(&live.value).map(str::to_owned),
        ..DeleteOptions::default()
    };
    let key = crate::store::Key::new(object::namespace(&live.value), object::name(&live.value));
    report(Write::controller(core, resource, "", MANAGER).delete(&key, &options).map(|_| ()));
}

fn forget_owners(core: &Arc<Core>, resource: &Resource, live: &Stored, uids: &[&str]) {
    change(core, resource, live, &mut |object| {
        if let Some(metadata) = object::metadata_mut(object)
            && let Some(Value::Array(owners)) = metadata.get_mut("ownerReferences")
        {
            owners.retain(|o| {
                o.get("uid").and_then(Value::as_str).is_none_or(|uid| !uids.contains(&uid))
            });
            if owners.is_empty() {
                metadata.remove("ownerReferences");
            }
        }
    });
}

fn finish(core: &Arc<Core>, resource: &Resource, live: &Stored, finalizer: &str) {
    change(core, resource, live, &mut |object| object::remove_finalizer(object, finalizer));
}

fn change(core: &Arc<Core>, resource: &Resource, live: &Stored, edit: &mut dyn FnMut(&mut Value)) {
    let key = crate::store::Key::new(object::namespace(&live.value), object::name(&live.value));
    let mut write = Write::controller(core, resource, "", MANAGER);
    let done = write.update(&key, UpdateMode::default(), &mut |live| {
        let mut object = live.cloned().unwrap_or_default();
        object::remove_meta(&mut object, "resourceVersion");
        edit(&mut object);
        Ok(object)
    });
    report(done.map(|_| ()));
}

/// What is gone already is as good as done; anything else should be seen.
pub(super) fn report(done: Result<(), Failure>) {
    if let Err(why) = done
        && why.reason != "NotFound"
    {
        tracing::warn!(error = %why, "a controller's write was refused");
    }
}
