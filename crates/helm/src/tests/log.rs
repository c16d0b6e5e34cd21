//! What loading and rendering say beside their result.

use std::path::Path;
use std::sync::Mutex;

use super::chart;
use crate::*;

/// Keeps what is logged, but for what is of interest to those who look for a mistake only.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Environment for Log {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn random(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }

    fn log(&self, line: &LogLine<'_>) {
        if !matches!(line.level, Level::Debug) {
            self.0.lock().unwrap().push(line.to_string());
        }
    }
}

#[test]
fn the_log_tells_what_is_passed_over() {
    let schema = r#"{"properties": {"a": {"$ref": "urn:a:b"}, "c": {"$ref": "urn:a:b"}}}"#;
    let hook = "kind: Job\nmetadata:\n  annotations: {helm.sh/hook: \"crd-install, test\"}\n";
    let files = [("values.schema.json", schema), ("templates/hook.yaml", hook)];
    let log = Log::default();
    let out = render(&chart(&files), &Values::new(), &Options::new("r", "n", &log)).unwrap();
    assert!(out.hooks.is_empty() && out.manifests.is_empty());
    let expected = [
        "level=WARN msg=\"unresolved URN reference ignored; using permissive schema\" urn=urn:a:b",
        "level=INFO msg=\"skipping unknown hooks\" hookTypes=\"crd-install, test\"",
    ];
    assert_eq!(log.0.into_inner().unwrap(), expected);
}

#[test]
fn links_in_a_folder_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("app/templates")).unwrap();
    std::fs::write(path("app/Chart.yaml"), "apiVersion: v2\nname: a\nversion: 1.0.0\n").unwrap();
    std::fs::write(path("a.yaml"), "kind: A\n").unwrap();
    std::os::unix::fs::symlink("../../a.yaml", path("app/templates/a.yaml")).unwrap();
    std::os::unix::fs::symlink("app", path("link")).unwrap();
    let mut told = Vec::new();
    let mut tell = |link: &Path, target: &Path| told.push((link.to_owned(), target.to_owned()));
    let chart = Chart::load_dir_telling(&path("link"), folder.path(), &mut tell).unwrap();
    assert_eq!(chart.templates[0].data, "kind: A\n");
    let real = |name: &str| path(name).canonicalize().unwrap();
    let expected = [(path("link"), real("app")), (path("link/templates/a.yaml"), real("a.yaml"))];
    assert_eq!(told, expected);
}
