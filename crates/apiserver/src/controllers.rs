//! What runs beside the API: one task that looks at what changed, garbage collection, the end of
//! namespaces and of custom resource definitions, and the workload simulation.
//!
//! Everything here is synchronous and goes through [`crate::write`] like any client; the task only waits.

mod garbage;
mod namespaces;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::core::Core;
use crate::object;
use crate::store::{Reference, Work};
use crate::workloads::{self, Pace, Subject};

/// Starts the controllers unless they run; needs a runtime, so it is asked at every request.
pub(crate) fn ensure_running(core: &Arc<Core>) {
    if !core.options.controllers {
        return;
    }
    let mut background = core.background.lock().unwrap_or_else(PoisonError::into_inner);
    // A task dies with its runtime; a test may use one server in several.
    if background.as_ref().is_some_and(|task| !task.is_finished()) {
        return;
    }
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    *background = Some(runtime.spawn(run(Arc::downgrade(core))).abort_handle());
}

/// Objects to look at again, by the time they are due.
type Timers = BTreeMap<Instant, BTreeSet<Reference>>;

async fn run(core: Weak<Core>) {
    let mut timers = Timers::new();
    let mut pace = Pace::default();
    loop {
        let Some(alive) = core.upgrade() else { return };
        settle(&alive, &mut timers, &mut pace);
        let bell = alive.store.bell();
        drop(alive);
        let next = timers.keys().next().copied();
        tokio::select! {
            () = bell.notified() => {}
            () = until(next) => {}
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Does everything that can be done now.
fn settle(core: &Arc<Core>, timers: &mut Timers, pace: &mut Pace) {
    loop {
        let mut work = core.store.take_work();
        let later = timers.split_off(&(Instant::now() + Duration::from_nanos(1)));
        let due = std::mem::replace(timers, later);
        work.extend(due.into_values().flatten().map(Work::Object));
        if work.is_empty() {
            return;
        }
        for item in work {
            match item {
                Work::OwnerGone(uid) => garbage::owner_gone(core, &uid),
                Work::Object(reference) => {
                    if let Some(wait) = look_at(core, &reference, pace) {
                        timers.entry(Instant::now() + wait).or_default().insert(reference);
                    }
                }
            }
        }
    }
}

/// Does what one object needs; how long until it should be looked at again, if it should.
fn look_at(core: &Arc<Core>, reference: &Reference, pace: &mut Pace) -> Option<Duration> {
    let registry = core.registry();
    let resource = registry.of_shelf(reference.shelf)?;
    let Some(live) = core.store.get(reference.shelf, &reference.key) else {
        pace.forget(reference);
        workloads::gone(core, resource, &reference.key);
        return None;
    };
    if object::is_deleting(&live.value) {
        garbage::deleting(core, resource, &live);
        if resource.is("", "Namespace") {
            namespaces::empty(core, &live);
        }
        if resource.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            crate::crd::clean_up(core, &live);
        }
    } else {
        garbage::dependent(core, resource, &live);
    }
    // What was done above may have changed or removed it.
    let live = core.store.get(reference.shelf, &reference.key)?;
    workloads::look_at(&Subject { core, resource, reference, live: &live }, pace)
}
