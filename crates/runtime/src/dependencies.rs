//! `dependsOn`: objects of the same kind that must be ready first.

use common::api::meta::{ConditionStatus, DependencyReference};
use common::api::{Object, Status};
use common::condition::{self, ConditionType, Reason};
use kube::Client;
use kube::api::Api;
use serde_json::Value;

use crate::cel::Expression;
use crate::kind::Key;
use crate::objects::Objects;
use crate::outcome::{OrStop, Stop, chain};

/// How dependencies are looked up and judged.
pub struct Dependencies<'a, K: Object> {
    /// For dependencies that the watch does not show, for example of another shard.
    pub client: &'a Client,
    /// What the watch shows.
    pub objects: &'a Objects<K>,
    /// `readyExpr` adds to the built-in check instead of replacing it (gate
    /// `AdditiveCELDependencyCheck`).
    pub additive: bool,
}

impl<K: Object> Dependencies<'_, K> {
    /// Checks all of them; `extra` is what the kind asks for beyond being ready.
    ///
    /// # Errors
    /// [`Stop::Wait`] for the first that is missing or not ready, [`Stop::Stall`] for an
    /// expression that does not compile.
    pub async fn check(
        &self,
        own: &K,
        references: &[DependencyReference],
        extra: impl Fn(&K) -> Result<(), String> + Send + Sync,
    ) -> Result<(), Stop> {
        for reference in references {
            let namespace = reference.namespace.clone();
            let namespace = namespace.or_else(|| own.meta().namespace.clone()).unwrap_or_default();
            let key = Key::new(namespace, reference.name.clone());
            let dependency = self.find(&key).await?;
            let by_condition = || is_ready(&dependency, &key).and_then(|()| extra(&dependency));
            let answer = match &reference.ready_expr {
                None => by_condition(),
                Some(expression) => {
                    let agrees = by_expression(expression, own, &dependency, &key)?;
                    if self.additive { agrees.and_then(|()| by_condition()) } else { agrees }
                }
            };
            answer.map_err(|message| Stop::wait(Reason::DependencyNotReady, message))?;
        }
        Ok(())
    }

    async fn find(&self, key: &Key) -> Result<K, Stop> {
        if let Some(object) = self.objects.get(key) {
            return Ok(object.as_ref().clone());
        }
        let api: Api<K> = Api::namespaced(self.client.clone(), &key.namespace);
        match api.get_opt(&key.name).await {
            Ok(Some(object)) => Ok(object),
            Ok(None) => {
                let message = format!("dependency '{key}' not found");
                Err(Stop::wait(Reason::DependencyNotReady, message))
            }
            Err(error) => {
                let message = format!("unable to get '{key}' dependency: {}", chain(&error));
                Err(Stop::wait(Reason::DependencyNotReady, message))
            }
        }
    }
}

/// The built-in check: there are conditions, they are about the current spec, and `Ready` is True.
fn is_ready<K: Object>(dependency: &K, key: &Key) -> Result<(), String> {
    let status = dependency.status();
    let ready = status.and_then(|status| condition::get(status.conditions(), ConditionType::Ready));
    let current = status.and_then(Status::observed_generation) == dependency.meta().generation;
    match ready {
        Some(ready) if current && ready.status == ConditionStatus::True => Ok(()),
        _ => Err(format!("dependency '{key}' is not ready")),
    }
}

fn by_expression<K: Object>(
    expression: &str,
    own: &K,
    dependency: &K,
    key: &Key,
) -> Result<Result<(), String>, Stop> {
    let compiled =
        Expression::compile(expression, &["dep", "self"]).or_stall(Reason::InvalidCelExpression)?;
    let json = |object: &K| -> Result<Value, Stop> {
        serde_json::to_value(object).or_stop(Reason::DependencyNotReady)
    };
    let (dep, own) = (json(dependency)?, json(own)?);
    Ok(match compiled.is_true(&[("dep", &dep), ("self", &own)]) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("dependency '{key}' is not ready according to readyExpr eval")),
        Err(error) => Err(format!("dependency '{key}' is not ready: {error}")),
    })
}
