//! Go's regular expressions on the `regex` crate: the syntax is translated, because both descend
//! from RE2 but differ in what is Unicode-aware, what is literal and what is an error.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::bytes::{Regex, RegexBuilder};

use crate::{Error, Result};

/// The most a compiled expression may take, in bytes.
const SIZE_LIMIT: usize = 16 << 20;

/// Go's limit on repetition counts.
const MAX_REPEAT: u32 = 1000;

/// Parentheses nested deeper than this are refused, as in Go.
const MAX_NESTING: u32 = 1000;

/// Compiles an expression written for Go's `regexp`.
///
/// # Errors
/// With Go's text.
pub fn compile(expression: &str) -> Result<Regex> {
    let known = COMPILED.with_borrow(|compiled| compiled.get(expression).cloned());
    if let Some(regex) = known {
        return Ok(regex);
    }
    let regex = compile_new(expression)?;
    if expression.len() <= MAX_KEPT_LENGTH {
        COMPILED.with_borrow_mut(|compiled| {
            if compiled.len() >= MAX_KEPT {
                compiled.clear();
            }
            compiled.insert(expression.to_owned(), regex.clone());
        });
    }
    Ok(regex)
}

/// The most expressions that a thread keeps, and the longest one that it does.
const MAX_KEPT: usize = 64;
const MAX_KEPT_LENGTH: usize = 256;

thread_local! {
    /// Templates use the same few expressions over and over, and compiling is slow.
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// Steps for compiling an expression that is not kept yet: its size once its repetitions are written out, which is what
/// the compiler does with them.
pub(crate) fn cost(expression: &str) -> usize {
    if COMPILED.with_borrow(|compiled| compiled.contains_key(expression)) {
        return 0;
    }
    let counts = expression.split('{').skip(1).filter_map(|tail| {
        let counts = tail.split_once('}')?.0;
        let most = counts.rsplit(',').find(|count| !count.is_empty())?;
        most.trim().parse::<usize>().ok()
    });
    counts.fold(expression.len(), |size, count| size.saturating_mul(count.max(1))).min(MAX_COST)
}

/// The most steps for compiling one expression; what is larger when written out is refused by its size.
const MAX_COST: usize = 1_000_000;

fn compile_new(expression: &str) -> Result<Regex> {
    let translated = Translator::new(expression).run()?;
    RegexBuilder::new(&translated).size_limit(SIZE_LIMIT).nest_limit(MAX_NESTING).build().map_err(
        |error| match error {
            regex::Error::CompiledTooBig(_) => problem("expression nests too deeply", expression),
            _ => problem("invalid or unsupported Perl syntax", expression),
        },
    )
}

fn problem(what: &str, text: &str) -> Error {
    Error(format!("error parsing regexp: {what}: `{text}`"))
}

struct Translator<'a> {
    expression: &'a str,
    rest: &'a str,
    out: String,
    depth: u32,
    /// Whether something stands here that can be repeated.
    repeatable: bool,
    /// The start of the repetition operator just written, for Go's error about a second one.
    repeated: Option<&'a str>,
}

impl<'a> Translator<'a> {
    fn new(expression: &'a str) -> Self {
        Self {
            expression,
            rest: expression,
            out: String::new(),
            depth: 0,
            repeatable: false,
            repeated: None,
        }
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        Some(c)
    }

    fn skip(&mut self, size: usize) {
        self.rest = self.rest.get(size..).unwrap_or_default();
    }

    fn run(mut self) -> Result<String> {
        while let Some(c) = self.rest.chars().next() {
            let operator =
                matches!(c, '*' | '+' | '?') || (c == '{' && self.repetition().is_some());
            if !operator {
                self.repeated = None;
            }
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open()?,
                ')' => self.close()?,
                '*' | '+' | '?' => {
                    let before = self.rest;
                    self.skip(1);
                    self.repeat(before, c.encode_utf8(&mut [0; 4]))?;
                }
                '{' => self.brace()?,
                '|' => {
                    self.skip(1);
                    self.out.push('|');
                    self.repeatable = false;
                }
                '}' => {
                    self.skip(1);
                    self.out.push_str("\\}");
                    self.repeatable = true;
                }
                _ => {
                    self.bump();
                    self.out.push(c);
                    self.repeatable = true;
                }
            }
        }
        if self.depth > 0 {
            return Err(problem("missing closing )", self.expression));
        }
        Ok(self.out)
    }

    /// Writes a repetition operator, with its lazy mark.
    fn repeat(&mut self, before: &'a str, operator: &str) -> Result<()> {
        let used =
            |rest: &str| before.get(..before.len() - rest.len()).unwrap_or(before).to_owned();
        if !self.repeatable {
            return Err(problem("missing argument to repetition operator", &used(self.rest)));
        }
        self.out.push_str(operator);
        if self.rest.starts_with('?') {
            self.skip(1);
            self.out.push('?');
        }
        if let Some(first) = self.repeated {
            let text = first.get(..first.len() - self.rest.len()).unwrap_or(first);
            return Err(problem("invalid nested repetition operator", text));
        }
        self.repeated = Some(before);
        Ok(())
    }

    /// The bounds at a `{`, if they are a repetition to Go: `{n}`, `{n,}` or `{n,m}`.
    fn repetition(&self) -> Option<(&'a str, u32, Option<u32>)> {
        let inner = self.rest.strip_prefix('{')?;
        let end = inner.find('}')?;
        let (body, _) = inner.split_at_checked(end)?;
        let (low, high) = body.split_once(',').unwrap_or((body, body));
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if !digits(low) || !(high.is_empty() || digits(high)) {
            return None;
        }
        let low = low.parse().unwrap_or(u32::MAX);
        let high = if high.is_empty() { None } else { Some(high.parse().unwrap_or(u32::MAX)) };
        Some((self.rest.get(..end + 2)?, low, high))
    }

    fn brace(&mut self) -> Result<()> {
        let Some((text, low, high)) = self.repetition() else {
            self.skip(1);
            self.out.push_str("\\{");
            self.repeatable = true;
            return Ok(());
        };
        let too_many = low > MAX_REPEAT || high.is_some_and(|h| h > MAX_REPEAT || h < low);
        if too_many {
            return Err(problem("invalid repeat count", text));
        }
        let before = self.rest;
        self.skip(text.len());
        self.repeat(before, text)
    }

    fn open(&mut self) -> Result<()> {
        self.depth += 1;
        self.repeatable = false;
        if !self.rest.starts_with("(?") {
            self.skip(1);
            self.out.push('(');
            return Ok(());
        }
        for prefix in ["(?P<", "(?<"] {
            if let Some(name) = self.rest.strip_prefix(prefix) {
                let end = name.find('>');
                let valid = end.and_then(|end| name.get(..end)).filter(|name| {
                    !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
                });
                let Some(valid) = valid else {
                    let shown = end.and_then(|end| self.rest.get(..prefix.len() + end + 1));
                    return Err(problem("invalid named capture", shown.unwrap_or(self.rest)));
                };
                // A name may start with a digit in Go only.
                self.out.push_str("(?P<");
                self.out.push_str(valid);
                self.out.push('>');
                self.skip(prefix.len() + valid.len() + 1);
                return Ok(());
            }
        }
        let flags_end = self.rest.find([':', ')']).unwrap_or(self.rest.len());
        let flags = self.rest.get(2..flags_end).unwrap_or_default();
        let known = flags.chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-'));
        if !known || flags.ends_with('-') || flags.matches('-').count() > 1 {
            let shown = self.rest.get(..flags_end.min(3)).unwrap_or(self.rest);
            return Err(problem("invalid or unsupported Perl syntax", shown));
        }
        let Some(end) = self.rest.chars().nth(flags_end) else {
            return Err(problem("missing argument to repetition operator", "?"));
        };
        self.out.push_str("(?");
        self.out.push_str(flags);
        self.out.push(end);
        self.skip(flags_end + 1);
        if end == ')' {
            self.depth -= 1;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Err(problem("unexpected )", self.expression));
        };
        self.depth = depth;
        self.skip(1);
        self.out.push(')');
        self.repeatable = true;
        Ok(())
    }

    fn escape(&mut self) -> Result<()> {
        let before = self.rest;
        self.skip(1);
        let Some(c) = self.bump() else {
            return Err(Error::new(
                "error parsing regexp: trailing backslash at end of expression: ``",
            ));
        };
        self.repeatable = true;
        match c {
            'A' => self.out.push_str(r"\A"),
            'z' => self.out.push_str(r"\z"),
            'b' => self.out.push_str(r"(?-u:\b)"),
            'B' => self.out.push_str(r"(?-u:\B)"),
            'C' => self.out.push_str(r"(?s-u:.)"),
            'Q' => {
                let end = self.rest.find(r"\E");
                let literal = self.rest.get(..end.unwrap_or(self.rest.len())).unwrap_or_default();
                self.out.push_str(&regex::escape(literal));
                self.skip(literal.len() + if end.is_some() { 2 } else { 0 });
            }
            'E' => {}
            c => {
                let unit = self.escaped(c, before, false)?;
                self.out.push_str(&unit);
            }
        }
        Ok(())
    }

    /// The translation of an escape that is valid in and out of classes; the backslash and `c`
    /// have been read.
    fn escaped(&mut self, c: char, before: &'a str, in_class: bool) -> Result<String> {
        let wrap = |items: &str, negated: bool| {
            let not = if negated { "^" } else { "" };
            format!("[{not}{items}]")
        };
        Ok(match c {
            'd' => wrap("0-9", false),
            'D' => wrap("0-9", true),
            'w' => wrap("0-9A-Za-z_", false),
            'W' => wrap("0-9A-Za-z_", true),
            's' => wrap(r"\t\n\f\r ", false),
            'S' => wrap(r"\t\n\f\r ", true),
            'a' | 'f' | 't' | 'n' | 'r' | 'v' => format!("\\{c}"),
            'p' | 'P' => self.unicode_class(c, before)?,
            'x' => self.hexadecimal(before)?,
            '0' => {
                let size =
                    self.rest.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
                let digits = self.rest.get(..size).unwrap_or_default();
                let code = u32::from_str_radix(digits, 8).unwrap_or_default();
                self.skip(size);
                format!("\\x{{{code:x}}}")
            }
            '1'..='7' => {
                // A single digit would be a back reference, which RE2 does not have.
                let size =
                    self.rest.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
                if size == 0 {
                    return Err(invalid_escape(before, self.rest));
                }
                let digits = format!("{c}{}", self.rest.get(..size).unwrap_or_default());
                let code = u32::from_str_radix(&digits, 8).unwrap_or_default();
                self.skip(size);
                format!("\\x{{{code:x}}}")
            }
            c if c.is_ascii_punctuation() || (in_class && c == ' ') => {
                format!("\\x{{{:x}}}", u32::from(c))
            }
            c if c.is_ascii() => return Err(invalid_escape(before, self.rest)),
            c => {
                let _ = c;
                return Err(invalid_escape(before, self.rest));
            }
        })
    }

    fn unicode_class(&mut self, c: char, before: &'a str) -> Result<String> {
        let negated = c == 'P';
        let end = if self.rest.starts_with('{') {
            self.rest.find('}').map(|end| end + 1)
        } else {
            self.rest.chars().next().map(char::len_utf8)
        };
        let bad = |shown: &str| problem("invalid character class range", shown);
        let Some(text) = end.and_then(|end| self.rest.get(..end)) else {
            return Err(bad(before));
        };
        let name = text.trim_start_matches('{').trim_end_matches('}');
        let (negated, name) = match name.strip_prefix('^') {
            Some(name) => (!negated, name),
            None => (negated, name),
        };
        let translated = format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' });
        if Regex::new(&translated).is_err() {
            return Err(bad(&format!("\\{c}{text}")));
        }
        self.skip(text.len());
        Ok(translated)
    }

    fn hexadecimal(&mut self, before: &'a str) -> Result<String> {
        let (digits, size) = match self.rest.strip_prefix('{') {
            Some(inner) => {
                let end = inner.find('}').unwrap_or(inner.len());
                (inner.get(..end).unwrap_or_default(), end + 2)
            }
            None => (self.rest.get(..2).unwrap_or_default(), 2),
        };
        match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) {
            Some(c) => {
                self.skip(size);
                Ok(format!("\\x{{{:x}}}", u32::from(c)))
            }
            None => Err(invalid_escape(before, self.rest)),
        }
    }

    fn class(&mut self) -> Result<()> {
        let start = self.rest;
        self.skip(1);
        let mut class = String::from("[");
        if self.rest.starts_with('^') {
            self.skip(1);
            class.push('^');
        }
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            if self.rest.is_empty() {
                return Err(problem("missing closing ]", start));
            }
            first = false;
            if self.rest.starts_with("[:")
                && let Some(named) = self.named_class()?
            {
                class.push_str(&named);
                continue;
            }
            let item_start = self.rest;
            let low = self.class_item(start)?;
            if low.starts_with('[') || low.starts_with("\\p") || low.starts_with("\\P") {
                class.push_str(&low);
                continue;
            }
            class.push_str(&low);
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.skip(1);
                let high = self.class_item(start)?;
                if code(&high) < code(&low) {
                    let shown = item_start.len() - self.rest.len();
                    let shown = item_start.get(..shown).unwrap_or(item_start);
                    return Err(problem("invalid character class range", shown));
                }
                class.push('-');
                class.push_str(&high);
            }
        }
        self.skip(1);
        class.push(']');
        self.out.push_str(&class);
        self.repeatable = true;
        Ok(())
    }

    fn named_class(&mut self) -> Result<Option<String>> {
        let Some(end) = self.rest.find(":]") else { return Ok(None) };
        let text = self.rest.get(..end + 2).unwrap_or(self.rest);
        if Regex::new(&format!("[{text}]")).is_err() {
            return Err(problem("invalid character class range", text));
        }
        self.skip(text.len());
        Ok(Some(text.to_owned()))
    }

    /// One character or escape of a class, in a form that is literal in Rust's classes.
    fn class_item(&mut self, start: &'a str) -> Result<String> {
        let before = self.rest;
        match self.bump() {
            None => Err(problem("missing closing ]", start)),
            Some('\\') => match self.bump() {
                Some(c) => self.escaped(c, before, true),
                None => Err(Error::new(
                    "error parsing regexp: trailing backslash at end of expression: ``",
                )),
            },
            Some(c) => Ok(format!("\\x{{{:x}}}", u32::from(c))),
        }
    }
}

/// The code point of a class item, for checking ranges.
fn code(item: &str) -> u32 {
    if let Some(hex) = item.strip_prefix("\\x{").and_then(|t| t.strip_suffix('}')) {
        return u32::from_str_radix(hex, 16).unwrap_or_default();
    }
    match item {
        r"\a" => 7,
        r"\f" => 12,
        r"\t" => 9,
        r"\n" => 10,
        r"\r" => 13,
        r"\v" => 11,
        _ => 0,
    }
}

fn invalid_escape(before: &str, rest: &str) -> Error {
    let shown = before.get(..before.len() - rest.len()).unwrap_or(before);
    problem("invalid escape sequence", shown)
}
