//! Any text for `--set` and its relatives, twice over the same values. No input may panic or take much memory.
#![no_main]

use helm::{Values, strvals};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    for set in [strvals::set, strvals::set_string, strvals::set_json, strvals::set_literal] {
        let mut values = Values::new();
        let _ = set(input, &mut values);
        let _ = set(input, &mut values);
    }
});
