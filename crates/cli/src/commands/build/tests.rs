use std::path::Path;

use clap::Parser;
use common::api::kustomize::Kustomization;

use super::{Args, What};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// A repository with two Kustomizations, one among the objects of the other.
fn repository() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let kustomization = |name: &str, extra: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  namespace: flux-system\nspec:\n  interval: 1m\n  prune: true\n  path: ./{name}\n  sourceRef:\n    kind: GitRepository\n    name: repo\n{extra}"
        )
    };
    let config = |name: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: ${{value}}\n  other: ${{other:=default}}\n"
        )
    };
    for (path, text) in [
        ("flux.yaml", kustomization("cluster", "  targetNamespace: outer\n")),
        ("cluster/self.yaml", kustomization("cluster", "")),
        (
            "cluster/apps.yaml",
            kustomization(
                "apps",
                "  commonMetadata:\n    labels: {team: a}\n  postBuild:\n    substitute: {value: '1'}\n",
            ),
        ),
        ("apps/one.yaml", config("one")),
        ("apps/two.yaml", config("two")),
        ("apps/notes.yaml", "not: a manifest\n".to_owned()),
        ("apps/.sourceignore", "notes.yaml\n".to_owned()),
    ] {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

#[expect(clippy::unwrap_in_result, reason = "a failure of the test itself is no result")]
fn build(root: &Path, name: &str, arguments: &[&str]) -> Result<String, String> {
    let path = root.join(name).display().to_string();
    let file = root.join("flux.yaml").display().to_string();
    let mut line =
        vec!["build", "ks", name, "--path", &path, "--dry-run", "--kustomization-file", &file];
    line.extend(arguments);
    let Line { args: Args { what: What::Kustomization(args) } } =
        Line::try_parse_from(line).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let objects = runtime.block_on(args.build(None, "flux-system"));
    let objects = objects.map_err(|error| format!("{error:#}"))?;
    Ok(manifest::to_yaml(&objects))
}

fn names(yaml: &str) -> Vec<&str> {
    yaml.lines().filter_map(|line| line.strip_prefix("  name: ")).collect()
}

#[test]
fn one_kustomization_is_built_and_labelled() {
    let root = repository();
    let built = build(root.path(), "cluster", &[]).unwrap();
    assert_eq!(names(&built), ["apps", "cluster"]);
    assert!(built.contains("kustomize.toolkit.fluxcd.io/name: cluster"), "{built}");
    assert!(built.contains("  namespace: outer\n"), "{built}");
    let mut left: Vec<_> = std::fs::read_dir(root.path().join("cluster"))
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["apps.yaml", "self.yaml"]);
}

#[test]
fn those_among_the_objects_are_built_too_once() {
    let root = repository();
    std::fs::write(
        root.path().join("flux.yaml"),
        std::fs::read_to_string(root.path().join("flux.yaml"))
            .unwrap()
            .replace("  targetNamespace: outer\n", ""),
    )
    .unwrap();
    let sources = format!("GitRepository/flux-system/repo={}", root.path().display());
    let built =
        build(root.path(), "cluster", &["--recursive", "--local-sources", &sources]).unwrap();
    assert_eq!(names(&built), ["apps", "cluster", "one", "two"]);
    assert!(built.contains("value: 1\n") || built.contains("value: \"1\"\n"), "{built}");
    assert!(built.contains("other: default\n") && built.contains("team: a\n"), "{built}");
    let error = build(root.path(), "cluster", &["-r"]).unwrap_err();
    assert!(error.contains("--local-sources GitRepository/flux-system/repo=DIR"), "{error}");
}

#[test]
fn paths_can_be_left_out() {
    let root = repository();
    let flux = std::fs::read_to_string(root.path().join("flux.yaml")).unwrap();
    std::fs::write(root.path().join("flux.yaml"), flux.replace("cluster", "apps")).unwrap();
    assert_eq!(names(&build(root.path(), "apps", &[]).unwrap()), ["one", "two"]);
    let built = build(root.path(), "apps", &["--ignore-paths", "two.yaml,other.yaml"]).unwrap();
    assert_eq!(names(&built), ["one"]);
    // Without variables nothing is replaced.
    assert!(built.contains("value: ${value}\n"), "{built}");
}

#[test]
fn strict_substitution_names_the_variable() {
    let root = repository();
    let flux = std::fs::read_to_string(root.path().join("flux.yaml")).unwrap();
    let flux = flux.replace("cluster", "apps") + "  postBuild:\n    substitute: {a: b}\n";
    std::fs::write(root.path().join("flux.yaml"), flux).unwrap();
    assert!(build(root.path(), "apps", &[]).is_ok());
    let error = build(root.path(), "apps", &["--strict-substitute"]).unwrap_err();
    assert!(error.contains("value") && error.contains("one"), "{error}");
}

#[test]
fn what_is_missing_is_named() {
    let root = repository();
    for (name, arguments, expected) in [
        ("gone", &[][..], "no directory"),
        ("apps", &[], "has no Kustomization 'apps' in namespace 'flux-system'"),
        ("cluster", &["--in-memory-build"], "outside of the working directory"),
        ("cluster", &["--local-sources", "x"], "GitRepository/NAMESPACE/NAME=DIR"),
    ] {
        let error = build(root.path(), name, arguments).unwrap_err();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn a_kustomization_file_may_hold_other_documents() {
    let root = repository();
    let path = root.path().join("flux.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cluster\n---\n";
    std::fs::write(&path, other.to_owned() + &text).unwrap();
    let found: Kustomization = super::from_file(&path, "flux-system", "cluster").unwrap();
    assert_eq!(found.metadata.name.as_deref(), Some("cluster"));
}
