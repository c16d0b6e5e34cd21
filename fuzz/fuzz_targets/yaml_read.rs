//! Reads any text as YAML, writes it and reads it again: what was read once has to be read the same way twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yaml::Rules;

fuzz_target!(|input: &str| {
    for rules in [Rules::V2, Rules::V3] {
        if let Ok(value) = yaml::to_json(input, rules) {
            let written = yaml::from_json(&value);
            assert_eq!(yaml::to_json(&written, Rules::V2).as_ref(), Ok(&value), "{written}");
        }
    }
    let _ = yaml::parse_all(input);
});
