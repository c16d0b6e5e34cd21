//! What kustomize-controller does to one `Kustomization`, in order. Steps live in `steps/`.

use common::api::duration;
use common::api::kustomize::Kustomization;
use common::api::meta::DurationError;
use common::artifact::Artifact;
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
        let artifact = source::resolve(self, &plan).await?;
        source::announce(run, &artifact);
        let dependencies = Dependencies {
            client: run.context().client(),
            objects: &self.links.objects,
            additive: self.settings.gate("AdditiveCELDependencyCheck"),
        };
        let same_revision = source::shares(&plan.source, &artifact);
        self.waiting.looks_at_dependencies(run.object());
        dependencies.check(run.object(), &plan.depends_on, same_revision).await?;
        self.waiting.goes_on(run.key());
        let inputs = inputs::read(run.context().client(), &plan).await?;
        let secrets = inputs.secrets.clone();
        let cluster = target::cluster(self, run.context(), &plan.target).await?;

        // Render and change, unless the watches say that all is as the same inputs made it.
        let basis = render::Basis::new(run.object(), &artifact, &inputs);
        let applied = if let Some(applied) = self.settled(run, (&basis, &artifact), &cluster) {
            source::attempted(run, &artifact);
            applied
        } else {
            let tree = fetch::tree(self, run, &plan, &artifact).await?;
            render::check_path(&tree, &plan.path)?;
            source::attempted(run, &artifact);
            progress(run, "Building manifests", &plan, &artifact);
            let rendered = render::objects(run, (&plan, &self.settings), tree, inputs).await;
            let rendered = rendered.map_err(|stop| secrets.hidden(stop))?;
            clock.digest(&rendered.digest);
            // What stands behind a name elsewhere may change without a word.
            let lasts = !rendered.remote;
            let basis = basis.with(&artifact, &rendered.directories);
            progress(run, "Detecting drift", &plan, &artifact);
            let applied = change::make(self, run, (&plan, &cluster), rendered).await;
            let applied = applied.map_err(|stop| secrets.hidden(stop));
            let applied = clock.failed(run, &artifact, applied)?;
            if lasts {
                self.remember(run.key(), basis, &applied);
            }
            applied
        };
        clock.digest(&applied.digest);

        // Wait. Newer work or a shutdown cancels this, and only this, step.
        let healthy = health::wait(run, (&plan, &cluster), &artifact, &applied).await;
        let healthy = healthy.map_err(|stop| secrets.hidden(stop));
        clock.failed(run, &artifact, healthy)?;
        Ok(finish::ready(run, &plan, &artifact, &clock))
    }

    async fn finalize(&self, run: &mut Run<Kustomization>) -> Result<(), Stop> {
        farewell::delete(self, run).await
    }

    fn settled(&self, key: &Key, ready: bool) {
        self.wake(self.waiting.visited(key, ready));
    }

    fn forget(&self, key: &Key) {
        self.forget_object(key);
        self.wake(self.waiting.forget(key));
    }
}

impl KustomizeController {
    fn wake(&self, keys: Vec<Key>) {
        for key in keys {
            self.links.waker.wake(key, Cause::Dependency);
        }
    }
}

/// Says which step the visit is at.
fn progress(run: &mut Run<Kustomization>, step: &str, plan: &Plan, artifact: &Artifact) {
    let (revision, timeout) = (&artifact.revision, duration::format(plan.timeout));
    run.progress(format!("{step} for revision {revision} with a timeout of {timeout}"));
}
