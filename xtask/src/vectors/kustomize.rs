//! kustomize: whole builds of trees in memory.

use super::{Case, Outcome};
use kustomize::{LoadRestriction, MemoryFiles, Options, Reorder};
use serde_json::Value;
use std::path::Path;

pub(crate) fn run(case: &Case) -> Outcome {
    if case.text("source").contains("TestRemoteLoad") {
        // The repositories of these cases were not recorded.
        return Outcome::Unsupported;
    }
    let mut files = MemoryFiles::new();
    for (path, content) in case.value.get("files").and_then(Value::as_object).into_iter().flatten()
    {
        files.insert(path, bytes(content.as_str().unwrap_or_default()));
    }
    let option = |name: &str| {
        let options = case.value.get("options");
        options.and_then(|options| options.get(name)).and_then(Value::as_str).unwrap_or_default()
    };
    let options = Options {
        load_restriction: match option("loadRestrictions") {
            "LoadRestrictionsNone" => LoadRestriction::None,
            _ => LoadRestriction::RootOnly,
        },
        reorder: if option("reorder") == "none" { Reorder::None } else { Reorder::Legacy },
        managed_by_label: case
            .value
            .pointer("/options/addManagedByLabel")
            .is_some_and(|on| *on == true),
        ..Options::default()
    };
    let directory = Path::new("/").join(case.text("path"));
    let built = kustomize::build_yaml(&files, &directory, &options);
    let got = built.map(|built| built.yaml).map_err(|error| error.chain());
    if let (Err(error), Some(wanted)) = (&got, case.value.get("error").and_then(Value::as_str))
        && std::env::var_os("WEIR_SHOW_ERRORS").is_some()
        && error != wanted
    {
        println!("--- {}\n  wanted: {wanted}\n  got:    {error}", case.name);
    }
    case.compare(got)
}

fn bytes(content: &str) -> Vec<u8> {
    use base64::Engine as _;
    content
        .strip_prefix("base64:")
        .and_then(|encoded| base64::engine::general_purpose::STANDARD.decode(encoded).ok())
        .unwrap_or_else(|| content.as_bytes().to_vec())
}
