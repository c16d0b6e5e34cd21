//! A template and its data, separated by a zero byte: the data is JSON. Every template must end within its budget, whatever
//! it calls, without a panic.
#![no_main]

use gotemplate::{Fixed, Functions, Limits, Options, TemplateSet, Value, render};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FUNCTIONS: Functions = Functions::sprig();
}

/// Far below the defaults, so that an input takes no longer than a fuzzer likes.
const LIMITS: Limits = Limits { steps: 50_000, bytes: 1 << 20, depth: 40 };

fuzz_target!(|input: &str| {
    let (template, data) = input.split_once('\0').unwrap_or((input, "{}"));
    // Making keys and hashing passwords is slow by design.
    if ["gen", "bcrypt", "htpasswd", "derivePassword"].iter().any(|name| template.contains(name)) {
        return;
    }
    FUNCTIONS.with(|functions| {
        let set = TemplateSet::new();
        if set.parse("fuzz", template, functions).is_err() {
            return;
        }
        let environment = Fixed::default();
        let mut options = Options::new(&environment);
        options.limits = LIMITS;
        let data = gotemplate::from_json_text(data.as_bytes()).unwrap_or(Value::Nil);
        let _ = render(&set, "fuzz", data, functions, &options);
    });
});
