//! Reads one chart version in the plain YAML that index writers write: names and one-line or
//! folded texts, lists and mappings of them, literal blocks. Whatever else there is makes it give
//! up, and the YAML reader takes over.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::ChartVersion;
use crate::metadata::{Dependency, Maintainer, scalar_text};

/// A line: how far it is indented, and its text.
#[derive(Clone, Copy)]
struct Line<'t> {
    indent: usize,
    text: &'t str,
    /// As it stands, for literal blocks.
    raw: &'t str,
}

/// Lines that are still to be read.
struct Lines<'t> {
    rest: &'t str,
    next: Option<Line<'t>>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let mut lines = Self { rest: text, next: None };
        lines.advance();
        lines
    }

    fn advance(&mut self) {
        if self.rest.is_empty() {
            self.next = None;
            return;
        }
        let end = memchr::memchr(b'\n', self.rest.as_bytes()).unwrap_or(self.rest.len());
        let (raw, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest.get(1..).unwrap_or_default();
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        let indent = raw.bytes().take_while(|byte| *byte == b' ').count();
        let text = raw.get(indent..).unwrap_or_default();
        let text = if text.ends_with(' ') { text.trim_end_matches(' ') } else { text };
        self.next = Some(Line { indent, text, raw });
    }

    /// Takes the dash off the next line, so that its rest stands where it stands.
    fn enter_item(&mut self) -> Option<usize> {
        let line = self.next.as_mut()?;
        let inner = line.text.strip_prefix('-')?;
        let text = inner.trim_start_matches(' ');
        if text.is_empty() || inner.len() == text.len() {
            return None;
        }
        line.indent += line.text.len() - text.len();
        line.text = text;
        Some(line.indent)
    }
}

/// Whether a text has no characters that YAML refuses or that mean more than themselves: controls, tabs, marks of byte
/// order, and ends of lines that only YAML knows.
fn is_plain_text(text: &str) -> bool {
    let usual = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
    // Without a way out in the middle, so that many bytes are looked at together.
    if text.bytes().fold(true, |all, byte| all & usual(byte)) {
        return true;
    }
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let odd = match c {
            '\n' => false,
            '\r' => characters.peek() != Some(&'\n'),
            '\0'..='\x1f' | '\x7f'..='\u{9f}' => true,
            c => matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'),
        };
        if odd {
            return false;
        }
    }
    true
}

/// The keys of a mapping that were read.
#[derive(Default)]
struct Keys<'t> {
    all: SmallVec<[&'t str; 24]>,
    greatest: &'t str,
}

impl<'t> Keys<'t> {
    /// Adds a key, unless it is there: that is for the YAML reader to refuse.
    fn add(&mut self, key: &'t str) -> Option<()> {
        // Those who write indexes sort the keys.
        if key > self.greatest {
            self.greatest = key;
        } else if self.all.contains(&key) {
            return None;
        }
        self.all.push(key);
        Some(())
    }
}

/// What a key has.
enum Value {
    Text(String),
    /// Something below it, at the key's column or farther in.
    Below(usize),
}

/// Reads an item of the list of a chart's versions.
pub(super) fn version(piece: &str) -> Option<ChartVersion> {
    if !is_plain_text(piece) {
        return None;
    }
    let mut lines = Lines::new(piece);
    let column = lines.enter_item()?;
    let mut version = ChartVersion::default();
    let mut keys = Keys::default();
    mapping(&mut lines, column, &mut |lines, key, rest, value| {
        keys.add(key)?;
        let metadata = &mut version.metadata;
        let slot = match key {
            "name" => &mut metadata.name,
            "home" => &mut metadata.home,
            "version" => &mut metadata.version,
            "description" => &mut metadata.description,
            "icon" => &mut metadata.icon,
            "apiVersion" => &mut metadata.api_version,
            "condition" => &mut metadata.condition,
            "tags" => &mut metadata.tags,
            "appVersion" => &mut metadata.app_version,
            "kubeVersion" => &mut metadata.kube_version,
            "type" => &mut metadata.kind,
            "created" => &mut version.created,
            "digest" => &mut version.digest,
            "deprecated" | "removed" => {
                // A quoted one is no boolean, one that goes on is none either.
                let Value::Text(text) = value else { return None };
                let flag = text.parse().ok().filter(|_| text == rest)?;
                *(if key == "removed" { &mut version.removed } else { &mut metadata.deprecated }) =
                    flag;
                return Some(());
            }
            "sources" => {
                metadata.sources = items(lines, &value, text)?;
                return Some(());
            }
            "keywords" => {
                metadata.keywords = items(lines, &value, text)?;
                return Some(());
            }
            "urls" => {
                version.urls = items(lines, &value, text)?;
                return Some(());
            }
            "maintainers" => {
                metadata.maintainers = items(lines, &value, maintainer)?;
                return Some(());
            }
            "dependencies" => {
                metadata.dependencies = items(lines, &value, dependency)?;
                return Some(());
            }
            "annotations" => {
                let Value::Below(column) = value else { return None };
                let column = deeper(lines, column)?;
                return mapping(lines, column, &mut |_, key, _, value| {
                    let Value::Text(text) = value else { return None };
                    metadata.annotations.insert(key.to_owned(), text).is_none().then_some(())
                });
            }
            _ => return None,
        };
        set(slot, value)
    })?;
    lines.next.is_none().then_some(version)
}

fn set(slot: &mut String, value: Value) -> Option<()> {
    let Value::Text(text) = value else { return None };
    *slot = text;
    Some(())
}

fn maintainer(lines: &mut Lines<'_>, column: usize) -> Option<Maintainer> {
    let mut maintainer = Maintainer::default();
    let mut keys = Keys::default();
    mapping(lines, column, &mut |_, key, _, value| {
        keys.add(key)?;
        match key {
            "name" => set(&mut maintainer.name, value),
            "email" => set(&mut maintainer.email, value),
            "url" => set(&mut maintainer.url, value),
            _ => None,
        }
    })?;
    Some(maintainer)
}

fn dependency(lines: &mut Lines<'_>, column: usize) -> Option<Dependency> {
    let mut dependency = Dependency::default();
    let mut keys = Keys::default();
    mapping(lines, column, &mut |lines, key, _, value| {
        keys.add(key)?;
        match key {
            "name" => set(&mut dependency.name, value),
            "version" => set(&mut dependency.version, value),
            "repository" => set(&mut dependency.repository, value),
            "condition" => set(&mut dependency.condition, value),
            "alias" => set(&mut dependency.alias, value),
            "tags" => {
                dependency.tags = items(lines, &value, text)?;
                Some(())
            }
            _ => None,
        }
    })?;
    Some(dependency)
}

/// The column of what stands below a key at `column`, which must be farther in.
fn deeper(lines: &Lines<'_>, column: usize) -> Option<usize> {
    lines.next.map(|line| line.indent).filter(|indent| *indent > column)
}

/// Reads `key: value` lines that stand at one column.
fn mapping<'t>(
    lines: &mut Lines<'t>,
    column: usize,
    field: &mut dyn FnMut(&mut Lines<'t>, &'t str, &str, Value) -> Option<()>,
) -> Option<()> {
    while let Some(line) = lines.next {
        if line.indent < column || (line.indent == column && is_item(line.text)) {
            break;
        }
        if line.indent > column || line.text.is_empty() {
            return None;
        }
        let (key, rest) = split_key(line.text)?;
        lines.advance();
        let value = value(lines, column, rest)?;
        field(lines, key, rest, value)?;
    }
    Some(())
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// A plain key, and what follows its colon.
fn split_key(text: &str) -> Option<(&str, &str)> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
    let end = text.bytes().position(|byte| !plain(&byte))?;
    let (key, rest) = text.split_at_checked(end)?;
    let rest = match rest.strip_prefix(": ") {
        Some(rest) => rest.trim_start_matches(' '),
        None if rest == ":" => "",
        None => return None,
    };
    (key.starts_with(|c: char| c.is_ascii_alphabetic()) && is_surely_text(key))
        .then_some((key, rest))
}

/// The value after a key at `column`.
fn value(lines: &mut Lines<'_>, column: usize, rest: &str) -> Option<Value> {
    match rest {
        "" => Some(Value::Below(column)),
        "|" | "|-" | "|+" => literal(lines, column, rest).map(Value::Text),
        rest => scalar(lines, column, rest).map(Value::Text),
    }
}

/// A literal block below a key at `column`.
fn literal(lines: &mut Lines<'_>, column: usize, header: &str) -> Option<String> {
    let first = lines.next.filter(|line| !line.text.is_empty())?;
    let indent = first.indent;
    if indent <= column {
        return None;
    }
    let mut block: SmallVec<[&str; 16]> = SmallVec::new();
    let mut blank = 0;
    while let Some(line) = lines.next {
        if line.text.is_empty() {
            // Blanks beyond the indentation would count.
            if line.raw.len() > indent {
                return None;
            }
            blank += 1;
            lines.advance();
            continue;
        }
        if line.indent < indent {
            break;
        }
        block.extend(std::iter::repeat_n("", blank));
        blank = 0;
        block.push(line.raw.get(indent..)?);
        lines.advance();
    }
    let size = block.iter().map(|line| line.len() + 1).sum::<usize>();
    let ends = match header {
        "|-" => 0,
        "|+" => 1 + blank,
        _ => 1,
    };
    let mut text = String::with_capacity(size - 1 + ends);
    for (at, line) in block.iter().enumerate() {
        text.push_str(if at == 0 { "" } else { "\n" });
        text.push_str(line);
    }
    text.extend(std::iter::repeat_n('\n', ends));
    Some(text)
}

/// A text that starts on the line of its key or dash and may go on farther in.
fn scalar(lines: &mut Lines<'_>, column: usize, first: &str) -> Option<String> {
    let mut text = Cow::Borrowed(first);
    let quote = first.chars().next().filter(|c| matches!(c, '"' | '\''));
    while let Some(line) = lines.next {
        let open = quote.is_some_and(|quote| !is_closed(&text, quote));
        if line.text.is_empty() || (line.indent <= column && !open) {
            break;
        }
        // A quoted text has ended, so this is something else.
        if quote.is_some() && !open {
            return None;
        }
        let text = text.to_mut();
        text.push(' ');
        text.push_str(line.text);
        lines.advance();
    }
    // A blank line inside of a text is a line break, or the end.
    if lines.next.is_some_and(|line| line.text.is_empty()) {
        return None;
    }
    match quote {
        Some(quote) => unquoted(&text, quote),
        None => plain(text),
    }
}

fn is_closed(text: &str, quote: char) -> bool {
    text.len() > 1 && text.ends_with(quote)
}

fn unquoted(text: &str, quote: char) -> Option<String> {
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains([quote, '\\'])).then(|| inner.to_owned())
}

fn plain(text: Cow<'_, str>) -> Option<String> {
    const SPECIAL: &[u8] = b"-?:,[]{}#&*!|>'\"%@`";
    let bytes = text.as_bytes();
    let after = |at: usize| bytes.get(at + 1).copied();
    let before = |at: usize| bytes.get(at.checked_sub(1)?).copied();
    let ends = |at: usize| match bytes.get(at) {
        Some(b':') => matches!(after(at), None | Some(b' ')),
        _ => before(at) == Some(b' '),
    };
    if bytes.first().is_some_and(|first| SPECIAL.contains(first))
        || memchr::memchr2_iter(b':', b'#', bytes).any(ends)
    {
        return None;
    }
    if is_surely_text(&text) {
        let mut text = text.into_owned();
        text.shrink_to_fit();
        return Some(text);
    }
    scalar_text(yaml::to_json(&text, yaml::Rules::V2).ok()?)
}

/// Whether YAML 1.1 takes a plain scalar for a text: not for a number, a boolean, null or a date.
pub(super) fn is_surely_text(text: &str) -> bool {
    const WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    match text.chars().next() {
        Some(c) if c.is_ascii_alphabetic() => {
            text.len() > 5 || !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
        }
        Some(c) if c.is_ascii_digit() => {
            let dots = text.bytes().filter(|byte| *byte == b'.').count();
            // These letters are in no number but hexadecimal ones, and in no date.
            let letter = |b: u8| matches!(b, b'a' | b'c' | b'd' | b'f' | b'A' | b'C' | b'D' | b'F');
            let based = text.starts_with("0x") || text.starts_with("0X");
            let digest = !based && text.bytes().any(letter);
            !text.contains(':') && (dots >= 2 || digest)
        }
        _ => false,
    }
}

/// An item that is a text.
fn text(lines: &mut Lines<'_>, column: usize) -> Option<String> {
    let line = lines.next?;
    lines.advance();
    if !line.text.starts_with(['"', '\'']) && split_key(line.text).is_some() {
        return None;
    }
    scalar(lines, column - 1, line.text)
}

/// The items of a list below a key; each is read from its column on.
fn items<T>(
    lines: &mut Lines<'_>,
    value: &Value,
    item: fn(&mut Lines<'_>, usize) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::Below(column) = value else { return None };
    let start = lines.next.map(|line| line.indent).filter(|indent| indent >= column)?;
    let mut list: SmallVec<[T; 4]> = SmallVec::new();
    while let Some(line) = lines.next.filter(|line| line.indent == start && is_item(line.text)) {
        let column = lines.enter_item()?;
        if column <= line.indent {
            return None;
        }
        list.push(item(lines, column)?);
    }
    // An index has many versions, so nothing is taken that is not used.
    let mut exact = Vec::with_capacity(list.len());
    exact.extend(list);
    (!exact.is_empty()).then_some(exact)
}
