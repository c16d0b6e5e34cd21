//! Whole builds, one folder each: `input/`, and the `expected.yaml` or `error.txt` that comes of it.
//!
//! What is built is `input/top` where it exists, else `input`. `UPDATE_EXPECT=1` writes what came out; for the
//! expected files made by the real tool (see each `about.md`) a change is a difference from it.

use crate::{DirFiles, Options, Reorder, build_yaml};
use std::fs;
use std::path::{Path, PathBuf};

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cases");
    let entries = fs::read_dir(&root).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// The result and the name of the file it belongs into.
fn run(folder: &Path) -> (&'static str, String) {
    let files = DirFiles::jailed(&folder.join("input")).unwrap();
    let top = folder.join("input/top").is_dir();
    let directory = Path::new(if top { "/top" } else { "/" });
    let options = Options { reorder: Reorder::Legacy, ..Options::default() };
    match build_yaml(&files, directory, &options) {
        Ok(built) => ("expected.yaml", built.yaml),
        Err(error) => ("error.txt", format!("{}\n", error.chain().trim_end())),
    }
}

#[test]
fn every_case_has_its_result() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut different = Vec::new();
    let all = folders();
    assert!(all.len() > 60, "cases are missing");
    for folder in all {
        let (file, text) = run(&folder);
        let path = folder.join(file);
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected == text {
            continue;
        }
        if update {
            fs::write(&path, &text).unwrap();
        }
        different.push(format!("--- {}\nexpected:\n{expected}got:\n{text}", path.display()));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn every_case_says_what_it_shows() {
    for folder in folders() {
        let about = fs::read_to_string(folder.join("about.md")).unwrap_or_default();
        assert!(!about.trim().is_empty(), "{} has no about.md", folder.display());
        let results =
            ["expected.yaml", "error.txt"].iter().filter(|file| folder.join(file).exists()).count();
        assert_eq!(results, 1, "{} has one result", folder.display());
    }
}

/// Threads have 2 MiB unless somebody says otherwise, and everything that walks objects recurses.
#[test]
fn objects_as_deep_as_they_may_be_fit_a_small_stack() {
    let work = || {
        let folder = tempfile::tempdir().unwrap();
        // The object and its `spec` are levels, too, and so is the text in the middle.
        let deep = |levels: usize, text: &str| {
            let spec = "{a: ".repeat(levels) + text + &"}".repeat(levels);
            format!("apiVersion: v1\nkind: A\nmetadata: {{name: a}}\nspec: {spec}\n")
        };
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "kustomization.yaml",
            "namePrefix: p-\nnamespace: ns\nresources: [a.yaml, b.yaml]\npatches:\n- path: p.yaml\n- target: {kind: A}\n  patch: '- {op: add, path: /spec/b, value: {c: 1}}'\nlabels: [{pairs: {l: m}, includeSelectors: true}]\ncommonAnnotations: {x: z}\nimages: [{name: i, newTag: t}]\nreplacements:\n- source: {kind: A, fieldPath: spec}\n  targets: [{select: {kind: B}, fieldPaths: [spec], options: {create: true}}]\n",
        );
        write("b.yaml", "apiVersion: v1\nkind: B\nmetadata: {name: b}\n");
        let built = |levels| {
            write("a.yaml", &deep(levels, "1"));
            write("p.yaml", &deep(levels, "2"));
            let files = DirFiles::jailed(folder.path()).unwrap();
            build_yaml(&files, Path::new("/"), &Options::default()).map(|built| built.yaml)
        };
        let text = built(126).unwrap();
        assert_eq!(text.matches("a: 2\n").count(), 2, "{text}");
        let error = built(127).unwrap_err().chain();
        assert!(error.contains("exceeded max depth of 128"), "{error}");
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}
