//! A schema and values, separated by a zero byte, both JSON. No input may panic or run for ever.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (schema, values) = input.split_once('\0').unwrap_or((input, "{}"));
    let values = serde_json::from_str(values).unwrap_or_default();
    let _ = helm::validate_schema(schema.as_bytes(), &values);
});
