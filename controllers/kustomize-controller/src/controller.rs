//! The controller: what it shares between objects and what it remembers of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use apply::{ChangeSet, Cluster, Foreign, Inventory, Known, Memory, Tracker};
use common::api::kustomize::Kustomization;
use common::artifact::{Artifact, Cache};
use common::names;
use kube::ResourceExt;
use manifest::ObjectId;
use runtime::{Cause, Context, Key, Links, Run};
use tokio::time::Instant;

use crate::plan::ClusterRef;
use crate::settings::Settings;
use crate::sources::Sources;
use crate::steps::render::Basis;
use crate::steps::target::{RemoteClusters, Target};
use crate::waiting::Waiting;

/// Reconciles Kustomizations.
pub(crate) struct KustomizeController {
    pub(crate) cluster: Cluster,
    pub(crate) links: Links<Kustomization>,
    pub(crate) settings: Settings,
    pub(crate) sources: Sources,
    pub(crate) artifacts: Cache,
    pub(crate) remote: RemoteClusters,
    pub(crate) tracker: Tracker,
    pub(crate) waiting: Waiting,
    memory: Mutex<BTreeMap<Key, Remembered>>,
}

/// What was done to the cluster, as the next steps need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Digest of what was rendered.
    pub(crate) digest: String,
    /// All objects of the set.
    pub(crate) inventory: Inventory,
    /// Those that do not ask to be left alone.
    pub(crate) ours: Inventory,
    /// Jobs among them that remove themselves when they are done.
    pub(crate) vanishing: Arc<BTreeSet<ObjectId>>,
    /// Whether anything was changed.
    pub(crate) changed: bool,
}

/// What is remembered of a Kustomization. Losing it costs requests, nothing else.
#[derive(Default)]
struct Remembered {
    /// Who applied what is known: another account may have other rights.
    applier: Option<ClusterRef>,
    known: Known,
    last: Option<(Basis, Applied)>,
}

impl KustomizeController {
    pub(crate) fn new(
        context: &Context,
        links: Links<Kustomization>,
        settings: Settings,
        (sources, artifacts, waiting): (Sources, Cache, Waiting),
    ) -> Self {
        let cluster = Cluster::new(context.client().clone(), names::KUSTOMIZE_CONTROLLER)
            .with_concurrency(settings.concurrent_ssa);
        let drift = Drift { links: links.clone(), corrected: Mutex::default() };
        let on_foreign = Arc::new(move |foreign| drift.seen(&foreign));
        let tracker = Tracker::new(&cluster, names::KUSTOMIZE_NAME, on_foreign);
        Self {
            cluster,
            links,
            settings,
            sources,
            artifacts,
            remote: RemoteClusters::default(),
            tracker,
            waiting,
            memory: Mutex::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, BTreeMap<Key, Remembered>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the same inputs made of the cluster before, if nobody changed it since.
    pub(crate) fn settled(
        &self,
        run: &Run<Kustomization>,
        (basis, artifact): (&Basis, &Artifact),
        target: &Target,
    ) -> Option<Applied> {
        let tracker = target.is_local().then_some(&self.tracker)?;
        let mut memory = self.memory();
        let remembered = memory.get_mut(run.key())?;
        let (last, applied) = remembered.last.as_ref()?;
        if !last.holds_for(basis, artifact, rebuilds_always(run.object())) {
            return None;
        }
        let applied = Applied { changed: false, ..applied.clone() };
        let known = std::mem::take(&mut remembered.known);
        let asked = Memory { known, tracker: Some(tracker), ..Memory::default() };
        let settled = asked.is_settled(applied.ours.iter().map(|(id, _)| id));
        remembered.known = asked.known;
        settled.then_some(applied)
    }

    /// Lends what is known of the objects of a Kustomization to who applied them; to be given back.
    pub(crate) fn borrow_known(&self, key: &Key, applier: &ClusterRef) -> Known {
        let mut memory = self.memory();
        let remembered = memory.get_mut(key).filter(|r| r.applier.as_ref() == Some(applier));
        remembered.map(|r| std::mem::take(&mut r.known)).unwrap_or_default()
    }

    /// Takes back what was lent.
    pub(crate) fn return_known(&self, key: &Key, applier: &ClusterRef, known: Known) {
        let applier = Some(applier.clone());
        self.memory().insert(key.clone(), Remembered { applier, known, last: None });
    }

    /// Remembers what these inputs made of the cluster.
    pub(crate) fn remember(&self, key: &Key, basis: Basis, applied: &Applied) {
        self.memory().entry(key.clone()).or_default().last = Some((basis, applied.clone()));
    }

    pub(crate) fn forget_object(&self, key: &Key) {
        self.memory().remove(key);
    }
}

/// Whether a Kustomization asks to be rebuilt for every revision.
fn rebuilds_always(object: &Kustomization) -> bool {
    object.annotations().get(names::SUBTREE_CACHE).is_some_and(|value| value == names::DISABLED)
}

/// What was applied, from its change set: objects that ask to be left alone are not ours to check.
pub(crate) fn applied(
    digest: String,
    changes: &ChangeSet,
    vanishing: BTreeSet<ObjectId>,
) -> Applied {
    let ours = changes.entries.iter().filter(|entry| entry.action != apply::Action::Skipped);
    Applied {
        digest,
        inventory: changes.inventory(),
        ours: ours.map(|entry| (entry.id.clone(), entry.version.clone())).collect(),
        vanishing: Arc::new(vanishing),
        changed: !changes.changed().is_empty(),
    }
}

/// Turns foreign changes into visits.
struct Drift {
    links: Links<Kustomization>,
    corrected: Mutex<BTreeMap<Key, Corrections>>,
}

/// The corrections of one Kustomization.
struct Corrections {
    since: Instant,
    last: Instant,
    count: u32,
}

/// Corrections of one Kustomization within [`WINDOW`]. Somebody who changes an object back as fast
/// as we correct it must not keep the two of us busy for ever; the interval still corrects it.
const CORRECTIONS: u32 = 20;
const WINDOW: Duration = Duration::from_mins(1);
/// Changes this close to each other are corrected together, however many objects they are.
const BURST: Duration = Duration::from_millis(250);

impl Drift {
    fn seen(&self, foreign: &Foreign) {
        for owner in self.owners(foreign) {
            if self.may_correct(&owner, Instant::now()) {
                tracing::debug!(%owner, object = %foreign.id, "drift");
                self.links.waker.wake(owner, Cause::Drift);
            }
        }
    }

    /// The Kustomizations in whose inventory an object stands. Its labels name one; labels can be
    /// copied, and an object that nobody saw go has none any more.
    fn owners(&self, foreign: &Foreign) -> Vec<Key> {
        let entry = foreign.id.to_inventory();
        let is_ours = |object: &Kustomization| {
            let inventory = object.status.as_ref().and_then(|status| status.inventory.as_ref());
            inventory.is_some_and(|inventory| inventory.entries.iter().any(|e| e.id == entry))
        };
        let label = |name: &str| foreign.labels.get(name).cloned();
        match label(names::KUSTOMIZE_NAMESPACE).zip(label(names::KUSTOMIZE_NAME)) {
            None if foreign.labels.is_empty() => self.links.objects.keys_where(is_ours),
            None => Vec::new(),
            Some((namespace, name)) => {
                let owner = Key::new(namespace, name);
                let found = self.links.objects.get(&owner).is_some_and(|object| is_ours(&object));
                found.then_some(owner).into_iter().collect()
            }
        }
    }

    fn may_correct(&self, owner: &Key, now: Instant) -> bool {
        let mut corrected = self.corrected.lock().unwrap_or_else(PoisonError::into_inner);
        corrected.retain(|_, of| now - of.since < WINDOW);
        let fresh = || Corrections { since: now, last: now, count: 1 };
        let of = corrected.entry(owner.clone()).or_insert_with(fresh);
        if now - of.last >= BURST {
            of.last = now;
            of.count += 1;
            if of.count == CORRECTIONS {
                tracing::warn!(%owner, "objects are changed again and again by somebody else; correcting them at intervals only");
            }
        }
        of.count < CORRECTIONS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_changes_at_once_are_one_correction_and_a_fight_ends() {
        let (waker, _wakes) = runtime::Waker::channel();
        let links = Links { waker, objects: runtime::Objects::default() };
        let drift = Drift { links, corrected: Mutex::default() };
        let owner = Key::new("team", "apps");
        let start = Instant::now();
        assert!((0..100).all(|_| drift.may_correct(&owner, start)), "a burst is one correction");
        let bursts = (1..100).map(|burst| start + BURST * burst);
        let allowed = bursts.filter(|at| drift.may_correct(&owner, *at)).count();
        assert_eq!(allowed + 2, CORRECTIONS as usize);
        assert!(drift.may_correct(&owner, start + WINDOW), "the next minute starts anew");
    }
}
