//! Substitutes variables in any text. No input may panic or run for ever.
#![no_main]

use kustomize::substitute::{Vars, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let vars: Vars = [("a", "x/y.z"), ("b", ""), ("c", "é${a}")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for strict in [false, true] {
        let _ = text(input, &vars, strict);
    }
});
