//! Licences of what we link, and crates that must not come in.

use std::collections::BTreeSet;

use serde_json::Value;

/// Licences that need nothing from us but a notice.
const ALLOWED: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-1-Clause",
    "BSL-1.0",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "CC0-1.0",
    "0BSD",
    "MPL-2.0",
    "CDLA-Permissive-2.0",
    "OpenSSL",
];

/// Second TLS stacks, C libraries that have a Rust answer.
const BANNED: &[&str] = &["openssl", "openssl-sys", "native-tls", "git2", "libgit2-sys", "ring"];

/// Complaints about packages in the graph.
pub(super) fn check(metadata: &Value, linked: &BTreeSet<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in metadata.get("packages").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = text("name");
        if !linked.contains(name) {
            continue;
        }
        if BANNED.contains(&name) {
            complaints.push(format!("{name} is in the graph; it is banned"));
        }
        if package.get("license_file").and_then(Value::as_str).is_some()
            && text("license").is_empty()
        {
            continue;
        }
        if !acceptable(text("license")) {
            complaints
                .push(format!("{name} is under {:?}, which is not on our list", text("license")));
        }
        let source = text("source");
        if !source.is_empty() && !source.starts_with("registry+") {
            complaints.push(format!("{name} comes from {source}, not from the registry"));
        }
    }
    complaints
}

/// True when the SPDX expression can be met with licences of our list: one side of an OR, every side of an AND.
fn acceptable(expression: &str) -> bool {
    let plain = expression.replace('/', " OR ");
    let plain = plain.trim().trim_start_matches('(').trim_end_matches(')');
    plain.split(" OR ").any(|choice| {
        choice.split(" AND ").all(|part| {
            ALLOWED.contains(&part.trim_matches(|c: char| c == '(' || c == ')' || c == ' '))
        })
    }) || plain.split(" AND ").all(|part| {
        part.split(" OR ").any(|choice| {
            ALLOWED.contains(&choice.trim_matches(|c: char| c == '(' || c == ')' || c == ' '))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::acceptable;

    #[test]
    fn expressions_are_met_by_one_side_of_an_or() {
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert!(acceptable(good), "{good}");
        }
        for bad in ["GPL-3.0", "", "MIT AND GPL-3.0", "LGPL-2.0-or-later"] {
            assert!(!acceptable(bad), "{bad}");
        }
    }
}
