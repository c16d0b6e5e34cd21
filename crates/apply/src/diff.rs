//! What an apply would change, without changing anything.

use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use manifest::{Object, ObjectId};
use serde_json::Value;

use crate::changes::Action;
use crate::cluster::Cluster;
use crate::control::{self, Mode};
use crate::drift;
use crate::error::Error;

/// What an apply would do to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The object.
    pub id: ObjectId,
    /// What would happen.
    pub action: Action,
    /// The object as it is.
    pub live: Option<Value>,
    /// The object as it would be.
    pub wanted: Option<Value>,
}

/// Compares all objects with the cluster by dry run, in their order.
///
/// # Errors
/// When an object is refused or the server does not answer. A kind that is not served yet counts as
/// created: its definition may be part of the set.
pub async fn diff(cluster: &Cluster, objects: &[Object]) -> Result<Vec<Difference>, Error> {
    let differences: Vec<_> = objects.iter().map(|object| one(cluster, object).boxed()).collect();
    stream::iter(differences).buffered(cluster.concurrency()).try_collect().await
}

async fn one(cluster: &Cluster, object: &Object) -> Result<Difference, Error> {
    let id = object.id();
    let answer = |action, live, wanted| Difference { id: id.clone(), action, live, wanted };
    if control::is_left_alone(object.as_value()) {
        return Ok(answer(Action::Skipped, None, None));
    }
    let created = || answer(Action::Created, None, Some(object.as_value().clone()));
    let resource = match cluster.resource(object).await {
        Ok(resource) => resource,
        Err(Error::NoMatch { .. }) => return Ok(created()),
        Err(error) => return Err(error),
    };
    let Some(live) = cluster.get(&resource, &id).await? else { return Ok(created()) };
    if control::is_left_alone(&live) || control::mode(object.as_value()) == Mode::IfNotPresent {
        return Ok(answer(Action::Skipped, Some(live), None));
    }
    let wanted = cluster.apply(&resource, object, true).await?;
    let drifted = drift::has_drifted(&live, &wanted);
    let action = if drifted { Action::Configured } else { Action::Unchanged };
    Ok(answer(action, Some(live), Some(wanted)))
}
