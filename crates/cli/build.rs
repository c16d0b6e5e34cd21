//! How the program is linked.

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts by variables")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // As Go links its programs, because scripts start this one by the thousand. Of a program this size that can be at
    // any address the loader writes 70,000 addresses at each start, which touches 300 pages and takes 1 ms.
    let target = |key: &str| std::env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
