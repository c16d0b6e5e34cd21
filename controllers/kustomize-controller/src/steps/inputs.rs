//! Reading the variables of the post-build substitution.

use std::sync::Arc;

use common::api::kustomize::{DataKind, PostBuild, SubstituteReference, SubstituteStrategy};
use common::condition::Reason;
use kube::Client;
use kustomize::substitute::{self, Vars};
use runtime::{OrStop, Stop, secrets};

use crate::plan::Plan;

/// Variables to replace, and whether text that is no variable's is an error.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Inputs {
    /// `None` when nothing is to be replaced.
    pub(crate) vars: Option<Vars>,
    pub(crate) strict: bool,
    /// What of them must not be shown.
    pub(crate) secrets: Hidden,
}

/// Values that came from Secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Hidden(Arc<Vec<String>>);

/// Shorter values are words of everyday: masking them would garble messages and hide nothing.
const SHORTEST: usize = 8;

impl Hidden {
    /// A failure whose message does not show them: a server may quote what it refuses.
    pub(crate) fn hidden(&self, stop: Stop) -> Stop {
        let mask = |text: &str| apply::mask(text, self.0.iter().map(String::as_str));
        match stop {
            Stop::Retry { reason, .. } if !self.0.is_empty() => {
                Stop::retry(reason, mask(&stop.message()))
            }
            other => other,
        }
    }
}

/// Reads the variables: those of `substituteFrom` in order, later ones winning, then the inline
/// ones, which win over all.
pub(crate) async fn read(client: &Client, plan: &Plan) -> Result<Inputs, Stop> {
    let Some(substitution) = &plan.substitution else {
        return Ok(Inputs { vars: None, strict: false, secrets: Hidden::default() });
    };
    let post_build = &substitution.post_build;
    let (vars, secrets) = read_all(Some(client), &plan.target.namespace, post_build).await?;
    let secrets = Hidden(Arc::new(secrets));
    Ok(Inputs { vars, strict: substitution.strict, secrets })
}

/// The variables of a post-build substitution; `None` when nothing is to be replaced. Without a client those of
/// `substituteFrom` are left out.
///
/// # Errors
/// When an object with variables cannot be read, or is missing and not optional.
pub async fn variables(
    client: Option<&Client>,
    namespace: &str,
    post_build: &PostBuild,
) -> Result<Option<Vars>, Stop> {
    Ok(read_all(client, namespace, post_build).await?.0)
}

/// The same, and the values among them that came from Secrets.
async fn read_all(
    client: Option<&Client>,
    namespace: &str,
    post_build: &PostBuild,
) -> Result<(Option<Vars>, Vec<String>), Stop> {
    let (mut vars, mut secrets) = (Vars::new(), Vec::new());
    if let Some(client) = client {
        for reference in &post_build.substitute_from {
            let found = one(client, namespace, reference).await?;
            if reference.kind == DataKind::Secret {
                secrets.extend(found.values().filter(|value| value.len() >= SHORTEST).cloned());
            }
            vars.extend(found);
        }
    }
    let inline = post_build.substitute.iter();
    vars.extend(inline.map(|(name, value)| (name.clone(), substitute::clean_value(value))));
    let always = post_build.substitute_strategy == Some(SubstituteStrategy::Always);
    Ok(((always || !vars.is_empty()).then_some(vars), secrets))
}

async fn one(
    client: &Client,
    namespace: &str,
    reference: &SubstituteReference,
) -> Result<Vars, Stop> {
    let name = &reference.name;
    let found: Option<Vars> = match &reference.kind {
        DataKind::ConfigMap => {
            let map = secrets::config_map(client, namespace, name).await;
            map.or_stop(Reason::ReconciliationFailed)?
        }
        DataKind::Secret => {
            let secret = secrets::find(client, namespace, name).await;
            let secret = secret.or_stop(Reason::ReconciliationFailed)?;
            secret.map(|secret| {
                let text = |(key, value): (&String, &Vec<u8>)| {
                    (key.clone(), String::from_utf8_lossy(value).into_owned())
                };
                secret.entries().iter().map(text).collect()
            })
        }
        DataKind::Other(_) => None,
    };
    match found {
        Some(vars) => {
            let cleaned = |(name, value): (String, String)| (name, substitute::clean_value(&value));
            Ok(vars.into_iter().map(cleaned).collect())
        }
        None if reference.optional => Ok(Vars::new()),
        None => Err(Stop::retry(
            Reason::BuildFailed,
            format!("post build failed: substitute from '{}/{name}': not found", reference.kind),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::variables;
    use serde_json::json;

    #[tokio::test]
    async fn variables_lose_their_line_breaks() {
        let post_build = serde_json::from_value(json!({ "substitute": { "a": "x\ny" } })).unwrap();
        let vars = variables(None, "team", &post_build).await.unwrap().unwrap();
        assert_eq!(vars["a"], "xy");
    }

    #[tokio::test]
    async fn without_variables_nothing_is_replaced_unless_it_always_is() {
        for (strategy, expected) in [("WithVariables", false), ("Always", true)] {
            let post_build = json!({ "substituteStrategy": strategy });
            let post_build = serde_json::from_value(post_build).unwrap();
            let vars = variables(None, "team", &post_build).await.unwrap();
            assert_eq!(vars.is_some(), expected, "{strategy}");
        }
    }
}
