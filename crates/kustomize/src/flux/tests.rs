use super::{Image, Injection, Patch, Selector, build, generate};
use crate::MemoryFiles;
use expect_test::{Expect, expect};
use std::path::Path;

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn files(list: &[(&str, &str)]) -> MemoryFiles {
    list.iter().map(|(path, text)| (*path, *text)).collect()
}

fn check(list: &[(&str, &str)], injection: &Injection, expected: Expect) {
    let shown = match generate(&files(list), Path::new("/app"), injection) {
        Ok(generated) => {
            format!("{} {}\n{}", generated.path.display(), generated.created, generated.text)
        }
        Err(error) => format!("error: {}\n", error.chain()),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_plain_folder_gets_all_its_manifests() {
    let list = [
        ("app/b.yml", CONFIG_MAP),
        ("app/a.yaml", CONFIG_MAP),
        ("app/notes.txt", "no manifest"),
        ("app/sub/deep/c.yaml", CONFIG_MAP),
        ("app/own/kustomization.yaml", "resources: [x.yaml]\n"),
        ("app/own/x.yaml", CONFIG_MAP),
        ("other/d.yaml", CONFIG_MAP),
    ];
    check(
        &list,
        &Injection::default(),
        expect![[r"
        /app/kustomization.yaml true
        apiVersion: kustomize.config.k8s.io/v1beta1
        kind: Kustomization
        resources:
        - ./a.yaml
        - ./b.yml
        - ./own
        - ./sub/deep/c.yaml
    "]],
    );
}

#[test]
fn an_empty_folder_gets_a_placeholder() {
    check(
        &[("app/notes.txt", "x")],
        &Injection::default(),
        expect![[r"
        /app/kustomization.yaml true
        apiVersion: kustomize.config.k8s.io/v1beta1
        kind: Kustomization
        namespace: _placeholder
    "]],
    );
}

#[test]
fn a_file_that_is_no_manifest_is_named() {
    check(
        &[("app/a.yaml", "just: data\n")],
        &Injection::default(),
        expect![[r"
        error: failed to decode Kubernetes YAML from /app/a.yaml: missing Resource metadata
    "]],
    );
}

#[test]
fn what_flux_says_is_added() {
    let list = [
        (
            "app/kustomization.yml",
            "resources: [a.yaml]\nnamespace: old\nimages: [{name: x, newTag: v1, digest: d}]\n",
        ),
        ("app/a.yaml", CONFIG_MAP),
        ("app/there/kustomization.yaml", ""),
    ];
    let injection = Injection {
        target_namespace: Some("new".to_owned()),
        name_prefix: Some("p-".to_owned()),
        name_suffix: Some("-s".to_owned()),
        patches: vec![Patch {
            patch: "- op: remove\n  path: /data".to_owned(),
            target: Some(Selector { kind: "ConfigMap".to_owned(), ..Selector::default() }),
        }],
        images: vec![
            Image { name: "x".to_owned(), new_tag: "v2".to_owned(), ..Image::default() },
            Image { name: "y".to_owned(), new_name: "z".to_owned(), ..Image::default() },
        ],
        components: vec!["there".to_owned(), "gone".to_owned()],
        ignore_missing_components: true,
        build_metadata: vec!["originAnnotations".to_owned()],
    };
    check(
        &list,
        &injection,
        expect![[r#"
        /app/kustomization.yml false
        apiVersion: kustomize.config.k8s.io/v1beta1
        buildMetadata:
        - originAnnotations
        components:
        - there
        images:
        - name: x
          newTag: v2
        - name: "y"
          newName: z
        kind: Kustomization
        namePrefix: p-
        nameSuffix: -s
        namespace: new
        patches:
        - patch: |-
            - op: remove
              path: /data
          target:
            kind: ConfigMap
        resources:
        - a.yaml
    "#]],
    );
}

#[test]
fn an_unknown_field_is_refused_by_name() {
    let list = [("app/kustomization.yaml", "resorces: [a.yaml]\n"), ("app/a.yaml", CONFIG_MAP)];
    let files: MemoryFiles = list.into_iter().collect();
    let error = generate(&files, Path::new("/app"), &Injection::default()).unwrap_err();
    let said = error.chain();
    assert!(said.contains("kustomization.yaml") && said.contains("resorces"), "{said}");
}

#[test]
fn components_have_to_be_local() {
    let list = [("app/a.yaml", CONFIG_MAP)];
    for path in ["/etc", "https://example.com/x", "github.com/a/b", "git@host:a"] {
        let injection = Injection { components: vec![path.to_owned()], ..Injection::default() };
        let error = generate(&files(&list), Path::new("/app"), &injection).unwrap_err();
        assert_eq!(error.chain(), format!("component path '{path}' must be local and relative"));
    }
}

#[test]
fn the_generated_file_is_built_and_not_sorted() {
    let list = [
        ("app/1.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"),
        ("app/2.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n"),
    ];
    let injection = Injection { target_namespace: Some("n".to_owned()), ..Injection::default() };
    let objects = build(&files(&list), Path::new("/app"), &injection, None).unwrap();
    let ids: Vec<String> = objects.iter().map(|object| object.id().to_string()).collect();
    assert_eq!(ids, ["Service/n/s", "Namespace/n"]);
}

#[test]
fn files_outside_the_kustomization_may_be_read() {
    let list = [
        ("app/kustomization.yaml", "resources: [../shared/a.yaml]\n"),
        ("shared/a.yaml", CONFIG_MAP),
    ];
    assert_eq!(
        build(&files(&list), Path::new("/app"), &Injection::default(), None).unwrap().len(),
        1
    );
}
