//! Any text as the index of a chart repository. No input may panic or run for ever.
#![no_main]

use helm::RepositoryIndex;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let _ = RepositoryIndex::parse(input);
});
