//! envsubst: Flux's post-build substitution, of texts and of whole resources.

use super::{Case, Outcome};
use kustomize::substitute::{self, Vars};
use serde_json::Value;

pub(crate) fn run(case: &Case) -> Outcome {
    let vars = case.value.get("vars").and_then(Value::as_object).into_iter().flatten();
    let mut vars: Vars = vars
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    for unset in case.value.get("unset").and_then(Value::as_array).into_iter().flatten() {
        vars.remove(unset.as_str().unwrap_or_default());
    }
    let (input, strict) = (case.text("input"), case.flag("strict"));
    if case.text("mode") != "flux-resource" {
        return case.compare(substitute::text(input, &vars, strict).map_err(|error| error.chain()));
    }
    let got = substitute::document(input, &vars, strict).map_err(|error| error.chain());
    match (case.value.get("expected_json").and_then(Value::as_str), got) {
        (Some(expected), Ok(got))
            if serde_json::from_str::<Value>(expected).is_ok_and(|expected| expected == got) =>
        {
            Outcome::Passed
        }
        (Some(expected), got) => Outcome::Failed(format!("expected {expected}\ngot {got:?}")),
        (None, Err(_)) => Outcome::Passed,
        (None, Ok(got)) => {
            Outcome::Failed(format!("expected the error: {}\ngot {got}", case.text("error")))
        }
    }
}
