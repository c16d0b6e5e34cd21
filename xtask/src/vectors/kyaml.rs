//! kyaml: merges of node trees. Its filters are run by the kustomize engine.

use super::{Case, Outcome};

pub(crate) fn run(_case: &Case) -> Outcome {
    Outcome::Unsupported
}
