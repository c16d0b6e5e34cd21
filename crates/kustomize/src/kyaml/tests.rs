use super::{Filter, MergeOptions, merge};
use serde_json::json;

#[test]
fn merging_keeps_comments_and_order() {
    for (target, patch, options, expected) in [
        ("b: 1 # one\na: 2\n", "a: 3\n", MergeOptions::default(), "b: 1 # one\na: 3\n"),
        ("a: {x: 1}\n", "a: {x: null}\n", MergeOptions::default(), "a: {}\n"),
        ("a: x\n", "$patch: delete\n", MergeOptions::default(), ""),
        (
            "l:\n- name: a\n  v: 1\n",
            "l:\n- name: b\n- name: a\n  v: 2\n",
            MergeOptions { infer_lists: true, prepend: false },
            "l:\n- name: a\n  v: 2\n- name: b\n",
        ),
        (
            "l:\n- name: a\n  v: 1\n",
            "l:\n- name: b\n",
            MergeOptions { infer_lists: true, prepend: true },
            "l:\n- name: b\n- name: a\n  v: 1\n",
        ),
    ] {
        assert_eq!(merge(target, patch, options).unwrap(), expected, "{target} + {patch}");
    }
    assert!(merge("a: [1]\n", "a: {b: 1}\n", MergeOptions::default()).is_err());
}

#[test]
fn filters_change_every_object_of_a_stream() {
    let pod = "kind: Pod\nspec:\n  containers:\n  # web\n  - image: nginx:1\n";
    let fields = json!({
        "imageTag": {"name": "nginx", "newTag": "2"},
        "fieldSpecs": [{"path": "spec/containers[]/image"}],
    });
    let filter = Filter::new("imagetag.Filter", fields).unwrap();
    let changed = pod.replace(":1", ":2");
    assert_eq!(
        filter.apply(&format!("{pod}---\n{pod}")).unwrap(),
        format!("{changed}---\n{changed}")
    );
    assert!(filter.apply("a: [").is_err());
    assert!(Filter::new("some.Filter", json!({})).is_err());
    assert!(Filter::new("imagetag.Filter", json!([])).is_err());
}
