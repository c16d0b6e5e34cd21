//! Reading the variables of the post-build substitution.

use common::api::kustomize::{DataKind, SubstituteReference};
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
}

/// Reads the variables: those of `substituteFrom` in order, later ones winning, then the inline
/// ones, which win over all.
pub(crate) async fn read(client: &Client, plan: &Plan) -> Result<Inputs, Stop> {
    let Some(substitution) = &plan.substitution else {
        return Ok(Inputs { vars: None, strict: false });
    };
    let mut vars = Vars::new();
    for reference in &substitution.from {
        vars.extend(one(client, &plan.target.namespace, reference).await?);
    }
    vars.extend(substitution.inline.clone());
    let wanted = substitution.always || !vars.is_empty();
    Ok(Inputs { vars: wanted.then_some(vars), strict: substitution.strict })
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
