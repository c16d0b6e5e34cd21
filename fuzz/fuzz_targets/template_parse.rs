//! Any text as a template with all of Sprig's functions. No input may panic or run for ever.
#![no_main]

use gotemplate::{Functions, TemplateSet};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FUNCTIONS: Functions = Functions::sprig();
}

fuzz_target!(|input: &[u8]| {
    FUNCTIONS.with(|functions| {
        let set = TemplateSet::new();
        let _ = set.parse("fuzz", input, functions);
    });
});
