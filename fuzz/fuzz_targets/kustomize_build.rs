//! Builds a tree of files made of the input: parts separated by a line with a zero byte, the first is the
//! kustomization, the others are `0.yaml`, `1.yaml` and so on. No input may panic or run for ever.
#![no_main]

use kustomize::{MemoryFiles, Options, build_yaml};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|input: &str| {
    let mut files = MemoryFiles::new();
    for (number, part) in input.split('\0').enumerate() {
        match number {
            0 => files.insert("kustomization.yaml", part),
            number => files.insert(format!("{}.yaml", number - 1), part),
        }
    }
    let _ = build_yaml(&files, Path::new("/"), &Options::default());
});
