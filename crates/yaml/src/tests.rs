//! What Go makes of the same input, recorded in `cases/`, and what has no counterpart in Go.

use crate::{Document, Error, Node, Rules, Step, Style};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A recorded case: its name, its text (for reading) and its sections.
struct Case {
    name: String,
    text: String,
    sections: BTreeMap<String, String>,
}

/// A text in a case file goes up to the first `@` at the end of a line; errors have `!` in their key.
fn cases(file: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut lines = file.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("@@ ") {
            cases.push(Case {
                name: name.to_owned(),
                text: String::new(),
                sections: BTreeMap::new(),
            });
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        match line.strip_prefix('@').map(|header| header.split_once(' ').ok_or(header)) {
            Some(Ok((key, value))) => {
                case.sections.insert(key.to_owned(), unescape(value));
            }
            Some(Err("")) => {}
            Some(Err(key)) => {
                let first = lines.next().unwrap();
                case.sections.insert(key.to_owned(), block(first, &mut lines));
            }
            None => case.text = block(line, &mut lines),
        }
    }
    assert!(cases.len() > 10, "cases were not found");
    cases
}

fn block<'a>(first: &'a str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut line = first;
    loop {
        if let Some(last) = line.strip_suffix('@') {
            return unescape(&(text + last));
        }
        text = text + line + "\n";
        line = lines.next().unwrap();
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => out.push(match chars.next().unwrap() {
                'r' => '\r',
                't' => '\t',
                'a' => '\u{7}',
                'f' => '\u{feff}',
                other => other,
            }),
            (c, false) => out.push(c),
        }
    }
    out
}

/// Errors are compared word for word, unless v3 shows one of Go's values in them.
fn check_error(name: &str, expected: &str, got: &Error) {
    let goish = ["interface", "unsupported", "mapping key"].iter().any(|w| expected.contains(w));
    if !goish || name.ends_with("(v2)") {
        assert_eq!(got.go_message().replace('\n', " "), expected, "{name}");
    }
}

/// Compares with a section of a case, or with its error.
fn check<T: PartialEq + std::fmt::Debug>(
    case: &Case,
    section: &str,
    parse: impl Fn(&str) -> T,
    got: Result<T, Error>,
) {
    let name = format!("{} ({section})", case.name);
    match (case.sections.get(section), got) {
        (Some(expected), Ok(got)) => assert_eq!(got, parse(expected), "{name}"),
        (None, Err(error)) => check_error(&name, &case.sections[&format!("{section}!")], &error),
        (expected, got) => panic!("{name}: {got:?} instead of {expected:?}"),
    }
}

#[test]
fn texts_are_read_as_go_reads_them() {
    for case in cases(include_str!("cases/read.txt")) {
        let json = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
        check(&case, "v2", json, crate::to_json(&case.text, Rules::V2));
        check(&case, "v3", json, crate::to_json(&case.text, Rules::V3));
    }
}

#[test]
fn trees_are_written_as_go_writes_them() {
    for case in cases(include_str!("cases/read.txt")) {
        let written = crate::parse_all(&case.text).map(|n| crate::emit(&n, Style::default()));
        check(&case, "node", str::to_owned, written);
    }
}

#[test]
fn trees_mean_what_their_text_means() {
    for case in cases(include_str!("cases/read.txt")) {
        let Ok(nodes) = crate::parse_all(&case.text) else { continue };
        let tree = nodes.first().map_or(Ok(Value::Null), |node| node.to_json(Rules::V3));
        match (crate::to_json(&case.text, Rules::V3), tree) {
            (Ok(text), Ok(tree)) => assert_eq!(text, tree, "{}", case.name),
            (Err(_), Err(_)) => {}
            (text, tree) => panic!("{}: {text:?} but {tree:?}", case.name),
        }
    }
}

/// What is not wanted is left out, but mistakes in it are still found, at the same place.
#[test]
fn members_are_those_of_the_whole_document() {
    const WANTED: &[&str] = &["a", "metadata"];
    for case in cases(include_str!("cases/read.txt")) {
        let indented = case.text.replace('\n', "\n  ");
        for text in
            [case.text.clone(), format!("a: 1\nspec:\n  {indented}\nmetadata: {{x: [1]}}\n")]
        {
            match (crate::to_json(&text, Rules::V2), crate::to_json_members(&text, WANTED)) {
                (Ok(Value::Object(mut all)), Ok(Value::Object(mut some))) => {
                    all.retain(|name, _| WANTED.contains(&name.as_str()));
                    some.retain(|name, _| WANTED.contains(&name.as_str()));
                    assert_eq!(some, all, "{text}");
                }
                (all, some) => assert_eq!(some, all, "{text}"),
            }
        }
    }
    let some = crate::to_json_members("a: 1\nb: {a: [2, {c: 3}]}\n? d\na: {b: 4}\ne:\n", WANTED);
    assert_eq!(some.unwrap(), json!({"a": {"b": 4}}));
}

#[test]
fn json_is_written_as_go_writes_it() {
    for case in cases(include_str!("cases/write.txt")) {
        let value: Value = serde_json::from_str(&case.name).unwrap();
        assert_eq!(crate::from_json(&value), case.sections["v2"], "{}", case.name);
        if let Some(expected) = case.sections.get("v3") {
            assert_eq!(&crate::from_json_indented(&value, 2), expected, "{}", case.name);
        }
        let node = Node::from_json(&value);
        assert_eq!(node.to_json(Rules::V3).unwrap(), value, "{}", case.name);
    }
}

#[test]
fn documents_come_with_their_place() {
    let text = "# none\n---\n---\na: 1\n---\n- 2\n...\n";
    let documents = crate::to_json_documents(text, Rules::V2).unwrap();
    let places: Vec<_> = documents.iter().map(|d| (d.number, d.line, d.value.clone())).collect();
    assert_eq!(places, [(2, 4, json!({"a": 1})), (3, 6, json!([2]))]);
}

#[test]
fn equal_keys_are_an_error_when_asked_for() {
    let error = crate::to_json_strict("a: 1\nb:\n  c: 1\n  c: 2\n").unwrap_err();
    assert_eq!((error.line, error.column), (4, 6));
    assert_eq!(
        error.go_message(),
        "yaml: unmarshal errors:\n  line 4: key \"c\" already set in map"
    );
    assert!(crate::to_json_strict("a: {<<: {b: 1}, b: 2}").is_err());
}

#[test]
fn errors_name_the_place() {
    for (text, line, column) in
        [("a: 1\n  b: 2\n", 2, 4), ("a: 1\nb\n", 3, 1), ("é: \"x\n", 2, 1), ("k: *x", 1, 4)]
    {
        let error = crate::to_json(text, Rules::V2).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{text:?}: {error}");
    }
}

#[test]
fn hostile_texts_end_in_errors() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let below = format!("*a{}", level - 1);
        let items = vec![below; 9].join(", ");
        bomb = format!("{bomb}a{level}: &a{level} [{items}]\n");
    }
    let error = crate::to_json(&bomb, Rules::V2).unwrap_err();
    assert_eq!(error.message, "document contains excessive aliasing");
    for text in
        ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000), "? ".repeat(9_999)]
    {
        assert!(crate::to_json(&text, Rules::V2).is_err());
        assert!(crate::parse_all(&text).is_err());
    }
}

#[test]
fn many_aliases_of_little_are_fine() {
    let text = format!("- &a x\n{}", "- *a\n".repeat(5000));
    assert_eq!(crate::to_json(&text, Rules::V2).unwrap().as_array().unwrap().len(), 5001);
}

#[test]
fn wide_sequences_are_indented() {
    let nodes = crate::parse_all("a:\n- b\n- - c\n").unwrap();
    let style = Style { sequences: crate::SequenceIndent::Wide, ..Style::default() };
    assert_eq!(crate::emit(&nodes, style), "a:\n  - b\n  - - c\n");
}

#[test]
fn strings_made_in_code_stay_strings() {
    let mut node = Node::mapping(Vec::new());
    for text in ["a", "1", "true", "yes", "null", "1.5", "two\nlines", ""] {
        node.insert(&format!("k{text}"), Node::string(text)).unwrap();
    }
    let text = crate::emit(std::slice::from_ref(&node), Style::default());
    let value = crate::to_json(&text, Rules::V3).unwrap();
    assert!(value.as_object().unwrap().values().all(Value::is_string), "{text}");
    assert_eq!(value, node.to_json(Rules::V3).unwrap());
}

#[test]
fn comments_go_with_the_last_of_them() {
    let mut node = Node::plain("a");
    node.edit_comments(|comments| "# x".clone_into(&mut comments.line));
    assert_eq!(node.line_comment(), "# x");
    node.edit_comments(|comments| comments.line.clear());
    assert!(node.comments.is_none());
}

fn set(text: &str, path: &[Step<'_>], value: Value) -> Result<String, Error> {
    let mut document = Document::parse(text.to_owned())?;
    document.set(0, path, &value)?;
    Ok(document.text().to_owned())
}

#[test]
fn a_scalar_is_set_in_place() {
    let key = |k| [Step::Key(k)];
    for (text, path, value, expected) in [
        ("a:  b  # c\nd: e\n", &key("a")[..], json!("x"), "a:  x  # c\nd: e\n"),
        ("a: 'b'\n", &key("a")[..], json!("it's"), "a: 'it''s'\n"),
        ("a: \"b\" # c\n", &key("a")[..], json!("x y"), "a: \"x y\" # c\n"),
        ("a: b\n", &key("a")[..], json!("yes"), "a: \"yes\"\n"),
        ("a: b\n", &key("a")[..], json!(3), "a: 3\n"),
        ("a:\nb: 1\n", &key("a")[..], json!("x"), "a: x\nb: 1\n"),
        ("a: &n !!str b\n", &key("a")[..], json!("x"), "a: &n !!str x\n"),
        (
            "{a: b, c: [d]}",
            &[Step::Key("c"), Step::Index(0)][..],
            json!("x,y"),
            "{a: b, c: ['x,y']}",
        ),
        ("a: |\n  text\n  more\nb: 1\n", &key("a")[..], json!("x"), "a: x\nb: 1\n"),
        ("\u{feff}a: b\n", &key("a")[..], json!("x"), "\u{feff}a: x\n"),
        (
            "- a: 1\n  b: 2\r\n",
            &[Step::Index(0), Step::Key("b")][..],
            json!("é"),
            "- a: 1\n  b: é\r\n",
        ),
    ] {
        assert_eq!(set(text, path, value).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn only_scalars_that_exist_are_set() {
    let path = [Step::Key("a")];
    assert!(set("a: [1]\n", &path, json!("x")).is_err());
    assert!(set("b: 1\n", &path, json!("x")).is_err());
    assert!(set("a: 1\n", &path, json!([1])).is_err());
}

/// Values of every shape from a fixed sequence of numbers, with strings made of what is hard to write.
struct Values(u64);

impl Values {
    const PIECES: [&str; 28] = [
        "a",
        "Z",
        "0",
        "1.5",
        "yes",
        "null",
        "~",
        "-",
        ":",
        " ",
        "  ",
        "\n",
        "\t",
        "'",
        "\"",
        "\\",
        "#",
        "é",
        "😀",
        "\u{85}",
        "\u{2028}",
        "\u{7}",
        "{",
        "]",
        "*x",
        "!t",
        "long words in a row ",
        "%",
    ];

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn text(&mut self) -> String {
        let pieces = self.below(6);
        (0..pieces).map(|_| Self::PIECES[self.below(Self::PIECES.len())]).collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth > 4 { 6 } else { 9 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.0.cast_signed()),
            3 => json!(f64::from(u32::try_from(self.below(100_000)).unwrap()) / 64.0 + 0.001),
            4 | 5 => self.text().into(),
            6 => (0..self.below(4)).map(|_| self.value(depth + 1)).collect(),
            _ => {
                let entries = 0..self.below(4);
                let entries: serde_json::Map<_, _> =
                    entries.map(|_| (self.text(), self.value(depth + 1))).collect();
                Value::Object(entries)
            }
        }
    }
}

#[test]
fn what_is_written_reads_back_as_itself() {
    let mut values = Values(88_172_645_463_325_252);
    for _ in 0..3000 {
        let value = values.value(0);
        let text = crate::from_json(&value);
        assert_eq!(crate::to_json(&text, Rules::V2).as_ref(), Ok(&value), "{text}");
        let nodes = crate::parse_all(&text).unwrap();
        let again = crate::emit(&nodes, Style::default());
        assert_eq!(crate::to_json(&again, Rules::V2).as_ref(), Ok(&value), "{text}\n{again}");
    }
}

/// Texts with this many levels: collections inside each other, in each of the notations, around a text.
fn nested(levels: usize) -> [String; 4] {
    [
        "[".repeat(levels) + &"]".repeat(levels),
        // As in Go, an empty text in braces is written with quotes, so that it is no null any more.
        "{a: ".repeat(levels) + "1" + &"}".repeat(levels),
        (0..levels).map(|level| " ".repeat(level) + "a:\n").collect(),
        "- ".repeat(levels) + "a",
    ]
}

/// Threads have 2 MiB unless somebody says otherwise; a level takes up to 12 kB when nothing is optimised.
#[test]
fn the_deepest_nesting_fits_a_small_stack() {
    let work = || {
        // The text in the middle is a level, too.
        for text in nested(127) {
            let value = crate::to_json(&text, Rules::V2).unwrap();
            let read = |text: String| crate::to_json(&text, Rules::V2).unwrap();
            assert_eq!(read(crate::from_json(&value)), value.clone());
            assert_eq!(read(crate::from_json_indented(&value, 2)), value);
            let nodes = crate::parse_all(&text).unwrap();
            assert_eq!(nodes.clone()[0].to_json(Rules::V2).unwrap(), value);
            assert_eq!(read(crate::emit(&nodes, Style::default())), value);
            // Programs that read it as JSON can.
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
        }
        let [_, others @ ..] = nested(128);
        let [empty, ..] = nested(129);
        for text in others.into_iter().chain([empty]) {
            let error = crate::to_json(&text, Rules::V2).unwrap_err().to_string();
            assert!(error.contains("exceeded max depth of 128"), "{error}");
            let error = crate::parse_all(&text).unwrap_err().to_string();
            assert!(error.contains("exceeded max depth of 128"), "{error}");
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}
