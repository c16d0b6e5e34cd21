//! Cases of a corpus folder: what to run, and where.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

/// One command line to run in one folder.
pub(crate) struct Case {
    /// The case's name.
    pub(crate) name: String,
    /// Where to run.
    pub(crate) folder: PathBuf,
    /// What follows the program's name.
    pub(crate) arguments: Vec<String>,
    /// The same for the program that runs the original as a library, without the number of rounds; `None` if the case
    /// asks for flags that it does not have.
    pub(crate) library: Option<Vec<String>>,
    /// Bytes of the expected output.
    pub(crate) size: u64,
}

/// The kustomizations of a folder: `NAME/{case.json,src}`.
pub(crate) fn kustomizations(folder: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for case in folders(folder)? {
        let Some(spec) = succeeding(&case)? else { continue };
        let source = case.join("src");
        let built = source.join(text(&spec, "dir")).display().to_string();
        let library = list(&spec).is_empty().then(|| vec![built.clone()]);
        let arguments = ["build".to_owned(), built].into_iter().chain(list(&spec)).collect();
        cases.push(Case {
            name: name(&case),
            folder: source,
            arguments,
            library,
            size: size(&case.join("expected.yaml")),
        });
    }
    Ok(cases)
}

/// The charts of a folder: `NAME/{chart,cases/CASE}`.
pub(crate) fn charts(folder: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for chart in folders(folder)? {
        for case in folders(&chart.join("cases"))? {
            let Some(spec) = succeeding(&case)? else { continue };
            let path = chart.join("chart").display().to_string();
            let (release, namespace) = (text(&spec, "release"), text(&spec, "namespace"));
            let mut library = vec![path.clone(), release.clone(), namespace.clone()];
            let mut arguments = vec!["template".to_owned(), release, path];
            arguments.extend(["--namespace".to_owned(), namespace]);
            let values = case.join("values.yaml");
            if size(&values) > 0 {
                let values = values.display().to_string();
                library.push(values.clone());
                arguments.extend(["-f".to_owned(), values]);
            }
            let flags = list(&spec);
            let library = flags.is_empty().then_some(library);
            arguments.extend(flags);
            cases.push(Case {
                name: format!("{}/{}", name(&chart), name(&case)),
                size: size(&case.join("expected.yaml")),
                folder: case,
                arguments,
                library,
            });
        }
    }
    Ok(cases)
}

/// The description of a case that is expected to succeed.
fn succeeding(case: &Path) -> Result<Option<Value>> {
    let path = case.join("case.json");
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let spec: Value = serde_json::from_slice(&bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(spec).filter(|spec| text(spec, "expect") == "ok"))
}

/// Bytes of a file; 0 if it is not there.
fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len())
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn text(spec: &Value, key: &str) -> String {
    spec.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list(spec: &Value) -> Vec<String> {
    let arguments = spec.get("args").and_then(Value::as_array).into_iter().flatten();
    arguments.filter_map(|argument| argument.as_str().map(str::to_owned)).collect()
}
