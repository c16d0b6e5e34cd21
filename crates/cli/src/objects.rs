//! What commands read from, and ask of, objects of any kind in the table.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::watcher::{self, watch_object};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::kinds::Kind;

/// Asks for one run; any new value does.
pub(crate) const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// The objects of a kind in a namespace, or in all with `None`.
pub(crate) fn api(client: &Client, kind: &Kind, namespace: Option<&str>) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind.resource()),
        None => Api::all_with(client.clone(), &kind.resource()),
    }
}

/// The text at a JSON pointer, or nothing.
pub(crate) fn text<'a>(object: &'a DynamicObject, pointer: &str) -> &'a str {
    object.data.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Whether `spec.suspend` is set.
pub(crate) fn suspended(object: &DynamicObject) -> bool {
    object.data.pointer("/spec/suspend").and_then(Value::as_bool).unwrap_or_default()
}

/// A condition's status and message.
pub(crate) fn condition<'a>(object: &'a DynamicObject, kind: &str) -> Option<(&'a str, &'a str)> {
    let conditions = object.data.pointer("/status/conditions")?.as_array()?;
    let condition = conditions
        .iter()
        .find(|condition| condition.get("type").and_then(Value::as_str) == Some(kind))?;
    let field = |name| condition.get(name).and_then(Value::as_str).unwrap_or_default();
    Some((field("status"), field("message")))
}

/// Reads one object; the error says what was looked for and where.
pub(crate) async fn get(
    client: &Client,
    kind: &Kind,
    namespace: &str,
    name: &str,
) -> Result<DynamicObject> {
    let found = api(client, kind, Some(namespace)).get_opt(name).await;
    let found = found.with_context(|| format!("cannot read {} {namespace}/{name}", kind.kind))?;
    found.with_context(|| format!("{} {name} not found in namespace {namespace}", kind.kind))
}

/// Sets the annotation that asks for one run, and returns its value.
pub(crate) async fn request(
    client: &Client,
    kind: &Kind,
    namespace: &str,
    name: &str,
) -> Result<String> {
    let token = now();
    let patch = json!({ "metadata": { "annotations": { REQUESTED_AT: token } } });
    merge(client, kind, (namespace, name), &patch).await?;
    Ok(token)
}

/// Changes an object by a merge patch.
pub(crate) async fn merge(
    client: &Client,
    kind: &Kind,
    object: (&str, &str),
    patch: &Value,
) -> Result<DynamicObject> {
    let (namespace, name) = object;
    let params = PatchParams { field_manager: Some("weir".to_owned()), ..PatchParams::default() };
    let changed =
        api(client, kind, Some(namespace)).patch(name, &params, &Patch::Merge(patch)).await;
    changed.with_context(|| format!("cannot change {} {namespace}/{name}", kind.kind))
}

/// Waits until the object's controller has handled `token` (or, without one, its newest generation) and says Ready.
///
/// Returns the object when it is ready; when its controller gave up or failed, the condition's message is the error.
pub(crate) async fn wait_ready(
    client: &Client,
    kind: &Kind,
    (namespace, name): (&str, &str),
    token: Option<&str>,
    timeout: Duration,
) -> Result<DynamicObject> {
    let mut changes = std::pin::pin!(watch_object(api(client, kind, Some(namespace)), name));
    let mut last = None;
    let outcome = tokio::time::timeout(timeout, async {
        while let Some(change) = changes.next().await {
            match change {
                Ok(Some(object)) => match outcome(&object, token) {
                    Outcome::Ready => return Ok(object),
                    Outcome::Failed(message) => bail!("{message}"),
                    Outcome::Pending => last = Some(object),
                },
                Ok(None) => bail!("{} {namespace}/{name} is gone", kind.kind),
                Err(watcher::Error::WatchFailed(_) | watcher::Error::WatchError(_)) => {}
                Err(error) => {
                    return Err(error)
                        .context(format!("cannot watch {} {namespace}/{name}", kind.kind));
                }
            }
        }
        bail!("the watch on {} {namespace}/{name} ended", kind.kind)
    });
    match outcome.await {
        Ok(done) => done,
        Err(_elapsed) => {
            let said = last
                .as_ref()
                .and_then(|object| condition(object, "Ready"))
                .map(|(_, message)| message);
            bail!(
                "timed out waiting for {} {namespace}/{name}: {}",
                kind.kind,
                said.unwrap_or("no condition yet")
            )
        }
    }
}

enum Outcome {
    Ready,
    Failed(String),
    Pending,
}

fn outcome(object: &DynamicObject, token: Option<&str>) -> Outcome {
    let handled = token.is_none_or(|token| text(object, "/status/lastHandledReconcileAt") == token);
    let observed = object.data.pointer("/status/observedGeneration").and_then(Value::as_i64);
    let current = observed.is_some() && observed == object.metadata.generation;
    match condition(object, "Ready") {
        Some(("True", _)) if handled && current => Outcome::Ready,
        Some(("False", message)) if handled => Outcome::Failed(message.to_owned()),
        _ if condition(object, "Stalled").is_some_and(|(status, _)| status == "True")
            && current =>
        {
            Outcome::Failed(
                condition(object, "Stalled")
                    .map_or_else(String::new, |(_, message)| message.to_owned()),
            )
        }
        _ => Outcome::Pending,
    }
}

/// The namespace of an object that has one.
pub(crate) fn namespace(object: &DynamicObject) -> String {
    object.namespace().unwrap_or_default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a request is marked with the time at which a person made it"
)]
fn now() -> String {
    jiff::Timestamp::now().to_string()
}
