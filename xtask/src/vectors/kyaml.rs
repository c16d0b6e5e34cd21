//! kyaml: merges of documents, and kustomize's filters, both with comments kept.

use super::{Case, Outcome};
use kustomize::kyaml::{Filter, MergeOptions, merge};
use serde_json::Value;

pub(crate) fn run(case: &Case) -> Outcome {
    let got = match case.text("mode") {
        "merge2" => {
            let options = MergeOptions {
                infer_lists: case.flag("infer_associative_lists"),
                prepend: case.flag("prepend"),
            };
            merge(case.text("dst"), case.text("src"), options)
        }
        "filter" => {
            let fields = case.value.get("filter").cloned().unwrap_or(Value::Null);
            Filter::new(case.text("type"), fields)
                .and_then(|filter| filter.apply(case.text("input")))
        }
        _ => return Outcome::Unsupported,
    };
    case.compare(got.map_err(|error| error.to_string()))
}
