//! However an index is written, reading it in pieces gives what reading it as a whole gives: comments, anchors, texts of
//! several lines, keys that stand twice, CRLF, tabs, byte order marks, NULs, bytes that are no UTF-8, and a last line
//! without its end.

use std::fmt::Write as _;
use std::io::{BufReader, Cursor};

use gotemplate::{Environment as _, Fixed};

use super::{RepositoryIndex, pieces, scan, whole};

/// One chart version in the usual style; `MORE` stands for what a test adds.
const USUAL: &str = "  - apiVersion: v2\n    name: app\n    version: 1.2.3\nMORE    urls:\n    - https://example.org/app-1.2.3.tgz\n";

fn index(entry: &str) -> String {
    format!("apiVersion: v1\nentries:\n  app:\n{entry}generated: \"2026-01-02T03:04:05Z\"\n")
}

/// Both ways of reading agree; returns whether the pieces could be read, and whether without the YAML reader.
#[track_caller]
fn agree(text: &str) -> (bool, bool) {
    let pieces = pieces::read(&mut Cursor::new(text)).unwrap();
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
        index("  - &a {apiVersion: v2, name: app, version: 1.0.0}\n  - <<: *a\n    description: x\n"),
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
        ("apiVersion: v1\nentries:\n  app:\n- key\n", "error converting YAML to JSON"),
        ("entries:\nentries: # again\npublicKeys:\n  a: b\n", "error converting YAML to JSON"),
        (
            "apiVersion: v1\nentries:\n  app:\n  - name: app\n   version: 1\n",
            "error converting YAML",
        ),
    ] {
        let found = RepositoryIndex::parse(text).unwrap_err().to_string();
        assert!(found.starts_with(error), "{text}: {found}");
    }
}

/// What helm 4.3.1 makes of them, from `helm search repo` and `helm pull`.
#[test]
fn odd_fields_are_what_helm_takes_them_for() {
    let odd = "    description: a\t\n      b\n    digest: 12\n    urls:\n    - 7\n";
    let usual = index(&format!("  - name: app\n    version: 1.0.0\n{odd}"));
    let flow = usual.replace("    - 7\n", "").replace("urls:", "urls: [7]");
    for text in [usual, flow] {
        let read = RepositoryIndex::parse(&text.replace("  app:", "  empty:\n  app:")).unwrap();
        let version = read.get("app", "").unwrap();
        assert_eq!(version.metadata.description, "a b");
        assert_eq!(
            (version.digest.as_str(), version.urls.as_slice()),
            ("12", &["7".to_owned()][..])
        );
        let error = read.get("empty", "").unwrap_err().to_string();
        assert_eq!(error, "no chart version found");
    }
    for (odd, error) in [
        ("    urls:\n    - a\n    urls:\n    - b\n", "key \"urls\" already set in map"),
        ("    description: a\u{1}b\n", "yaml: control characters are not allowed"),
    ] {
        let text = index(&format!("  - name: app\n    version: 1.0.0\n{odd}"));
        let found = RepositoryIndex::parse(&text).unwrap_err().to_string();
        assert!(found.starts_with("error converting YAML to JSON: yaml: "), "{found}");
        assert!(found.ends_with(error), "{found}");
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

/// Lines that an index in the usual style has, or that somebody could write into one; `C` is the column of keys.
const LINES: &[&str] = &[
    "Chome: https://example.org/#a",
    "Cdescription: Text that goes on",
    "C  in a second line",
    "C    and: a third",
    "Cdescription: 'quoted",
    "C  and closed'",
    "Cdescription: \"with \\\"escapes\\\" \\u00e9\"",
    "Cdescription: |",
    "Cdescription: |-",
    "Cdescription: |+",
    "Cdescription: >-",
    "C  - like: an item",
    "C   farther in",
    "Cdescription: text # and a comment",
    "Cdescription: é\u{a0}ü\u{2028}",
    "Cdescription: a\u{0}b",
    "Cdescription: a\u{1}b",
    "Cdescription: a\tb\t",
    "\t",
    "C\tindented: with a tab",
    "C\u{feff}icon: x",
    "",
    "C",
    "C      ",
    "\u{a0}",
    "# a comment",
    "  # a comment",
    "    # a comment",
    "C# a comment",
    "Cname: app",
    "Cname: other",
    "Cversion: 2.0.0-rc.1",
    "Cversion: \"1.0\"",
    "Cversion: 1.0",
    "Cversion: v3",
    "CapiVersion: v1",
    "CappVersion: 0x1f",
    "CappVersion: 1e3",
    "CappVersion: 2026-01-02",
    "CappVersion: 12:30:45",
    "CappVersion: 007",
    "CappVersion: ~",
    "Ccreated: \"2026-01-02T03:04:05.6789Z\"",
    "Cdigest: 0000000000000000000000000000000000000000000000000000000000000012",
    "Cdeprecated: true",
    "Cdeprecated: yes",
    "Cremoved: \"true\"",
    "Ctype: library",
    "Ctype: other",
    "Ckeywords:",
    "C- one",
    "C- two words",
    "C  - farther in",
    "C- 'quoted'",
    "C- key: value",
    "C- 7",
    "C-",
    "Ckeywords: [a, b]",
    "Csources:",
    "Curls:",
    "C- https://example.org/a.tgz",
    "Cmaintainers:",
    "C- name: Someone",
    "C  email: someone@example.org",
    "C  url:",
    "Cdependencies:",
    "C  alias: x",
    "C  tags:",
    "C  - t",
    "C  repository: oci://example.org",
    "Cannotations:",
    "C  a/b: text",
    "C  c: |",
    "C    more",
    "C  \"d\": e",
    "Cannotations: &a {a: b}",
    "Cannotations: *a",
    "C<<: *b",
    "  - &b",
    "  - *b",
    "Cunknown: field",
    "C? complex",
    "C: key",
    "Cicon: !!str 7",
    "Cicon: 'it''s'",
    "Ccondition:value",
    "  - null",
    "  - {name: app, version: 1.0.0}",
    "  - name: app",
    "  -  name: app",
    "  -",
    "    - name: app",
    "- name: app",
    "  app:",
    "  \"other\":",
    "  other: []",
    "  yes:",
    "  1.0:",
    "  new: &c",
    "entries:",
    "entries: # again",
    "generated: now",
    "serverInfo:",
    "annotations:",
    "publicKeys:",
    "- key",
    "---",
    "...",
    "%YAML 1.1",
    "{",
    "[",
    "garbage",
];

/// Numbers that look random, and are the same in every run.
struct Dice(Fixed);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.random(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % limit as u64).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn line(&mut self, column: usize) -> String {
        let column = if self.one_in(40) { column + self.below(3) - 1 } else { column };
        LINES[self.below(LINES.len())].replacen('C', &" ".repeat(column), 1)
    }

    /// An index with some charts and versions, most of them usual, and some lines among theirs.
    fn index(&mut self) -> String {
        let column = if self.one_in(4) { 4 } else { 2 };
        let (dash, keys) = (" ".repeat(column), column + 2);
        let mut lines = vec!["apiVersion: v1".to_owned(), "entries:".to_owned()];
        let mut odd = self.below(4);
        for chart in 0..=self.below(3) {
            lines.push(format!("  chart-{chart}:"));
            for version in 0..=self.below(3) {
                lines.push(format!("{dash}- name: chart-{chart}"));
                for line in ["Cversion: ", "CapiVersion: v2", "Curls:", "C- https://example.org/x"]
                {
                    let line = line.replacen('C', &" ".repeat(keys), 1);
                    lines.push(if line.ends_with(' ') {
                        format!("{line}{version}.0.0")
                    } else {
                        line
                    });
                    while odd > 0 && self.one_in(3) {
                        odd -= 1;
                        let count = 1 + self.below(2);
                        lines.extend((0..count).map(|_| self.line(keys)));
                    }
                }
            }
        }
        lines.push("generated: \"2026-01-02T03:04:05Z\"".to_owned());
        let mut text = String::from(if self.one_in(30) { "\u{feff}" } else { "" });
        let windows = self.one_in(8);
        for line in lines {
            let end = if windows || self.one_in(60) { "\r\n" } else { "\n" };
            let blanks = if self.one_in(60) { "  " } else { "" };
            write!(text, "{line}{blanks}{end}").unwrap();
        }
        if self.one_in(4) {
            text.truncate(text.trim_end().len());
        }
        text
    }
}

fn in_chunks(bytes: &[u8], size: usize) -> Result<RepositoryIndex, crate::Error> {
    RepositoryIndex::read(BufReader::with_capacity(size, Cursor::new(bytes)))
}

#[test]
fn random_indexes_are_read_in_pieces_as_they_are_read_as_a_whole() {
    let mut dice = Dice(Fixed::default());
    let (mut read, mut in_pieces, mut refused) = (0, 0, 0);
    for _ in 0..3_000 {
        let text = dice.index();
        let found = in_chunks(text.as_bytes(), 1 + dice.below(40));
        let expected = whole(&text).and_then(|json| RepositoryIndex::from_json(&json));
        match (found, expected) {
            (Ok(found), Ok(mut expected)) => {
                expected.sort();
                assert_eq!(found, expected, "{text}");
                read += 1;
                in_pieces += usize::from(agree(&text).0);
            }
            (Err(found), Err(expected)) => {
                assert_eq!(found.to_string(), expected.to_string(), "{text}");
                refused += 1;
            }
            (found, expected) => panic!("{found:?}\n{expected:?}\n{text}"),
        }
    }
    // Of each kind there are many, or the test says little.
    assert!(in_pieces > 500 && read > in_pieces && refused > 500);
}

#[test]
fn bytes_that_are_no_utf8_are_refused_wherever_they_stand() {
    let usual = index(&USUAL.replace("MORE", "    description: text\n    # a comment\n"));
    for at in 0..=usual.len() {
        for bad in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80"] {
            let bytes = [&usual.as_bytes()[..at], bad, &usual.as_bytes()[at..]].concat();
            let error = in_chunks(&bytes, 1 + at % 40).unwrap_err();
            let expected = "cannot read the index: stream did not contain valid UTF-8";
            assert_eq!(error.to_string(), expected, "{at}");
        }
    }
}

#[test]
fn an_entry_has_at_most_8_mib() {
    let lines = |count: usize| "      more of the text, and more of it\n".repeat(count);
    let whole = |bytes: &[u8]| {
        let (before, after) = USUAL.split_once("MORE").unwrap();
        let text = index(&format!("{before}    description: text\nMORE{after}"));
        let (before, after) = text.split_once("MORE").unwrap();
        in_chunks(&[before.as_bytes(), bytes, after.as_bytes()].concat(), 8192)
    };
    let error = |bytes: &[u8]| whole(bytes).unwrap_err().to_string();
    let large = lines(300_000);
    assert!(whole(lines(200_000).as_bytes()).is_ok());
    assert_eq!(error(large.as_bytes()), "an entry of the index is larger than 8388608 bytes");
    // Whichever comes first is told.
    let bad = b"      \xff\n";
    let utf8 = "cannot read the index: stream did not contain valid UTF-8";
    assert_eq!(error(&[bad, large.as_bytes()].concat()), utf8);
    assert_eq!(
        error(&[large.as_bytes(), bad].concat()),
        "an entry of the index is larger than 8388608 bytes"
    );
}
