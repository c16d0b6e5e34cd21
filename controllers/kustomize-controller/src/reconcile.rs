//! What kustomize-controller does to one `Kustomization`, in order. Steps live in `steps/`.

use common::api::kustomize::Kustomization;
use common::api::meta::DurationError;
use common::condition::Reason;
use runtime::dependencies::Dependencies;
use runtime::{Cause, Key, Ready, Reconcile, Run, Stop, Visits};

use crate::controller::KustomizeController;
use crate::plan::Plan;
use crate::steps::{change, farewell, fetch, finish, health, inputs, render, source, target};

impl Reconcile for KustomizeController {
    type Object = Kustomization;

    /// What a suspended Kustomization applied stays when it is deleted.
    const SUSPENDED_KEEPS: bool = true;

    fn visits(&self, object: &Kustomization) -> Result<Visits, DurationError> {
        Ok(Visits {
            interval: Some(object.spec.interval.get()?),
            retry_interval: Some(object.spec.retry_interval()?),
            suspended: object.spec.suspend,
        })
    }

    async fn reconcile(&self, run: &mut Run<Kustomization>) -> Result<Ready, Stop> {
        let mut clock = finish::Stopwatch::start(run);

        // Decide. Pure: a spec that can never work stalls here until its next generation.
        let plan = Plan::new(run.object(), &self.settings)?;

        // Look. Everything this run needs from outside is here, or the run waits for it.
        let artifact = source::resolve(self, &plan.source).await?;
        source::announce(run, &artifact);
        let dependencies = Dependencies {
            client: run.context().client(),
            objects: &self.links.objects,
            additive: self.settings.gate("AdditiveCELDependencyCheck"),
        };
        let same_revision = source::shares(&plan.source, &artifact);
        dependencies.check(run.object(), &plan.depends_on, same_revision).await?;
        let inputs = inputs::read(run.context().client(), &plan).await?;
        let cluster = target::cluster(self, run.context(), &plan.target).await?;

        // Render and change, unless the watches say that all is as the same inputs made it.
        let basis = render::Basis::new(run.object(), &artifact, &inputs);
        let applied = if let Some(applied) = self.settled(run, (&basis, &artifact), &cluster) {
            applied
        } else {
            let tree = fetch::tree(self, run, &plan, &artifact).await?;
            run.progress(format!("Building manifests for revision {}", artifact.revision));
            let rendered = render::objects(run, &plan, tree, inputs).await?;
            clock.digest(&rendered.digest);
            let basis = basis.with(&artifact, &rendered.directories);
            let applied = change::make(self, run, (&plan, &cluster), rendered).await;
            let applied = clock.failed(run, &artifact, applied)?;
            self.remember(run.key(), basis, &applied);
            applied
        };
        clock.digest(&applied.digest);

        // Wait. Newer work or a shutdown cancels this, and only this, step.
        let healthy = health::wait(run, (&plan, &cluster), &artifact, &applied).await;
        clock.failed(run, &artifact, healthy)?;
        Ok(finish::ready(run, &plan, &artifact, &clock))
    }

    async fn finalize(&self, run: &mut Run<Kustomization>) -> Result<(), Stop> {
        farewell::delete(self, run).await
    }

    fn settled(&self, key: &Key, ready: bool) {
        if !ready {
            return;
        }
        let waiting = self.links.objects.keys_where(|object| {
            is_waiting(object) && object.spec.depends_on.iter().any(|on| names(on, object, key))
        });
        for key in waiting {
            self.links.waker.wake(key, Cause::Dependency);
        }
    }

    fn forget(&self, key: &Key) {
        self.forget_object(key);
    }
}

/// Whether a Kustomization is held up by a dependency.
fn is_waiting(object: &Kustomization) -> bool {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let reason = Reason::DependencyNotReady.as_str();
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.reason == reason)
}

/// Whether a dependency of `object` is the Kustomization `key`.
fn names(on: &common::api::meta::DependencyReference, object: &Kustomization, key: &Key) -> bool {
    let namespace = on.namespace.as_ref().or(object.metadata.namespace.as_ref());
    on.name == key.name && namespace == Some(&key.namespace)
}
