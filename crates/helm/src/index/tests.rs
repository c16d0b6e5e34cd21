//! However an index is written, reading it in pieces gives what reading it as a whole gives.

use super::{RepositoryIndex, pieces, scan, whole};

/// One chart version in the usual style; `MORE` stands for what a test adds.
const USUAL: &str = "  - apiVersion: v2\n    name: app\n    version: 1.2.3\nMORE    urls:\n    - https://example.org/app-1.2.3.tgz\n";

fn index(entry: &str) -> String {
    format!("apiVersion: v1\nentries:\n  app:\n{entry}generated: \"2026-01-02T03:04:05Z\"\n")
}

/// Both ways of reading agree; returns whether the pieces could be read, and whether without the YAML reader.
#[track_caller]
fn agree(text: &str) -> (bool, bool) {
    let pieces = pieces::read(&mut std::io::Cursor::new(text)).unwrap();
    let whole = whole(text).and_then(|json| RepositoryIndex::from_json(&json)).unwrap();
    let usual = pieces.is_some();
    if let Some(pieces) = pieces {
        assert_eq!(pieces, whole, "{text}");
    }
    let start = text.find("  - ").unwrap_or_default();
    let end = text.find("generated").unwrap_or(text.len());
    (usual, scan::version(text.get(start..end).unwrap()).is_some())
}

#[test]
fn the_usual_style_needs_no_yaml_reader() {
    for more in [
        "",
        "    appVersion: 1.2.3\n    deprecated: true\n    digest: 0a1b2c\n",
        "    appVersion: \"1.0\"\n",
        "    appVersion: '1.0'\n    created: \"2026-01-02T03:04:05.678Z\"\n",
        "    appVersion: 1.10\n",
        "    appVersion: 7\n    kubeVersion: '>=1.20.0-0'\n",
        "    description: Text that goes on\n      in a second line\n      and a third\n",
        "    description: 'Quoted text that goes on\n      in a second line'\n",
        "    description: |\n      Line one\n\n        line two\n      line three\n    home: https://example.org\n",
        "    description: |-\n      Line: one\n",
        "    description: |+\n      Line one\n\n    home: https://example.org\n",
        "    keywords:\n    - a\n    - b c\n    - 'd'\n    - true-ish\n    - a long one that goes\n      on\n",
        "    sources:\n      - https://example.org/a#b\n      - https://example.org/c\n",
        "    maintainers:\n    - email: a@example.org\n      name: A\n    - name: B\n      url: https://example.org\n",
        "    dependencies:\n    - alias: x\n      condition: x.enabled\n      name: dep\n      repository: https://example.org\n      tags:\n      - t\n      version: ~1.2\n",
        "    annotations:\n      a/b: text\n      c: |\n        - kind: added\n          description: x\n      d: \"true\"\n",
        "    home: ~\n",
        "    icon: null\n",
        "    condition: yes\n",
        "    type: application\n    tags: a,b\n    removed: false\n",
    ] {
        assert_eq!(agree(&index(&USUAL.replace("MORE", more))), (true, true), "{more}");
    }
}

#[test]
fn anything_else_goes_to_the_yaml_reader() {
    for more in [
        "    description: \"escaped \\\"text\\\"\"\n",
        "    description: 'it''s'\n",
        "    description: >\n      folded\n      text\n",
        "    description: text # and a comment\n",
        "    # a comment\n",
        "    keywords: [a, b]\n",
        "    annotations: {a: b}\n",
        "    dependencies:\n    - name: dep\n      import-values:\n      - child: a\n        parent: b\n",
        "    description: text\n\n      with a paragraph\n",
        "    description: !!str 7\n",
        "    unknown: field\n",
        "    keywords:\n    -\n      a\n",
        "    annotations:\n      a: |2\n          indented\n",
    ] {
        assert_eq!(agree(&index(&USUAL.replace("MORE", more))), (true, false), "{more}");
    }
}

#[test]
fn other_ways_of_writing_are_read_too() {
    let usual = USUAL.replace("MORE", "");
    let deeper = usual.replace("  - ", "    - ").replace("\n    ", "\n      ");
    for text in [
        format!("# a comment\n---\n{}", index(&usual)),
        index(&format!("{usual}\n{usual}").replacen("1.2.3", "1.2.4", 1)),
        index(&deeper),
        index(&usual).replace('\n', "\r\n"),
        index(&usual).replace("  app:", "  \"app\":"),
        index(&usual).replace("  app:", "  # a comment\n  app:"),
        index("  - &a {apiVersion: v2, name: app, version: 1.0.0}\n  - <<: *a\n    version: 2.0.0\n"),
        "{\"apiVersion\": \"v1\", \"entries\": {\"app\": [{\"name\": \"app\", \"version\": \"1\"}]}}".to_owned(),
        "apiVersion: v1\nentries: {app: [{name: app, version: 1.0.0}]}\n".to_owned(),
        "apiVersion: v1\nentries: {}\n".to_owned(),
        "entries:\n  app: []\n  b:\n  - name: b\n    version: 1.0.0\napiVersion: v1\n".to_owned(),
        index("  - null\n  - name: app\n    version: nonsense\n  - name: app\n    version: 1.0.0\n"),
    ] {
        agree(&text);
        let read = RepositoryIndex::parse(&text).unwrap();
        let mut expected = RepositoryIndex::from_json(&whole(&text).unwrap()).unwrap();
        expected.sort();
        assert_eq!(read, expected, "{text}");
    }
}

#[test]
fn what_is_no_index_is_refused() {
    for (text, error) in [
        ("", "empty index.yaml file"),
        ("entries: {}\n", "no API version specified"),
        ("apiVersion: v1\nentries:\n  app:\n  - name: [\n", "error converting YAML to JSON"),
        (
            "apiVersion: v1\nentries:\n  app:\n  - name: app\n   version: 1\n",
            "error converting YAML",
        ),
    ] {
        let found = RepositoryIndex::parse(text).unwrap_err().to_string();
        assert!(found.starts_with(error), "{text}: {found}");
    }
}

#[test]
fn an_index_is_written_as_helm_writes_it() {
    let text = index(&USUAL.replace("MORE", "    created: \"2026-01-02T03:04:05Z\"\n"));
    let mut read = RepositoryIndex::parse(&text).unwrap();
    read.annotations.insert("a".to_owned(), "b".to_owned());
    assert_eq!(
        read.to_yaml().unwrap(),
        "annotations:\n  a: b\napiVersion: v1\nentries:\n  app:\n  - apiVersion: v2\n    created: \"2026-01-02T03:04:05Z\"\n    name: app\n    urls:\n    - https://example.org/app-1.2.3.tgz\n    version: 1.2.3\ngenerated: \"2026-01-02T03:04:05Z\"\n"
    );
    assert_eq!(RepositoryIndex::parse(&read.to_yaml().unwrap()).unwrap(), read);
}
