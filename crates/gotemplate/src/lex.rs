//! Cuts a template into tokens.

use crate::node::Span;
use crate::text::{find, first_rune};

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Error,
    Eof,
    Text,
    LeftDelimiter,
    RightDelimiter,
    Space,
    Assign,
    Declare,
    Pipe,
    LeftParen,
    RightParen,
    Character,
    Bool,
    CharConstant,
    Complex,
    Number,
    String,
    RawString,
    Field,
    Identifier,
    Variable,
    Dot,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl Kind {
    fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Dot
                | Self::Nil
                | Self::Block
                | Self::Break
                | Self::Continue
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// The tokens of a text.
#[derive(Debug, Default)]
pub(crate) struct Tokens<'a> {
    /// What they are cut out of.
    input: &'a [u8],
    /// All of them, ending with an end-of-file or an error token.
    pub(crate) list: Vec<Token>,
    /// What the error token says.
    error: String,
}

impl<'a> Tokens<'a> {
    /// The bytes of a token.
    #[inline]
    pub(crate) fn text(&self, token: Token) -> &'a [u8] {
        token.span.of(self.input)
    }

    /// The line of a byte position, from 1.
    pub(crate) fn line(&self, position: u32) -> usize {
        let before = self.input.get(..position as usize).unwrap_or_default();
        1 + memchr::memchr_iter(b'\n', before).count()
    }

    /// A token as Go's error messages show it.
    pub(crate) fn show(&self, token: Token) -> String {
        let bytes = self.text(token);
        let text = String::from_utf8_lossy(bytes);
        match token.kind {
            Kind::Error => self.error.clone(),
            Kind::Eof => "EOF".to_owned(),
            kind if kind.is_keyword() => format!("<{text}>"),
            _ if bytes.len() > 10 => {
                let cut: String = text.chars().take(10).collect();
                format!("{}...", crate::quote::quote(cut.as_bytes()))
            }
            _ => crate::quote::quote(bytes),
        }
    }
}

const LEFT: &[u8] = b"{{";
const RIGHT: &[u8] = b"}}";

/// The most tokens for which there is room from the beginning.
const MOST_SET_ASIDE: usize = 1 << 14;

/// All tokens of a template.
/// `loops`: whether `break` and `continue` are keywords (no function has that name).
/// `list`: an empty list, into which they go.
pub(crate) fn tokens(input: &[u8], loops: (bool, bool), mut list: Vec<Token>) -> Tokens<'_> {
    // A token in eight bytes is about what templates have; those that have far fewer are the long ones.
    list.reserve((input.len() / 8 + 4).min(MOST_SET_ASIDE));
    let mut lexer = Lexer {
        input,
        position: 0,
        start: 0,
        parens: 0,
        loops,
        out: Tokens { input, list, error: String::new() },
    };
    if u32::try_from(input.len()).is_ok() {
        lexer.run();
    } else {
        lexer.error("the template is too large".to_owned());
    }
    lexer.out
}

struct Lexer<'a> {
    input: &'a [u8],
    position: usize,
    start: usize,
    parens: usize,
    loops: (bool, bool),
    out: Tokens<'a>,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphabetic() || c.is_numeric()
}

fn leading_space(text: &[u8]) -> usize {
    text.iter().take_while(|b| is_space(**b)).count()
}

/// Where an action begins. Most texts have no other brace, so that looking for one is quickest.
fn left_delimiter(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'{', text)
        .find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(LEFT)))
}

/// A position; texts that it could not count are refused.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

impl<'a> Lexer<'a> {
    fn run(&mut self) {
        while self.text() && self.action() {}
    }

    fn rest(&self) -> &'a [u8] {
        self.input.get(self.position..).unwrap_or_default()
    }

    fn pending(&self) -> &'a [u8] {
        self.input.get(self.start..self.position).unwrap_or_default()
    }

    fn emit(&mut self, kind: Kind) {
        let span = Span { start: narrow(self.start), end: narrow(self.position) };
        self.out.list.push(Token { kind, span });
        self.start = self.position;
    }

    fn ignore(&mut self) {
        self.start = self.position;
    }

    fn error(&mut self, message: String) -> bool {
        let at = narrow(self.start);
        let span = Span { start: at, end: at };
        self.out.list.push(Token { kind: Kind::Error, span });
        self.out.error = message;
        false
    }

    /// Text up to the next action; false at the end.
    fn text(&mut self) -> bool {
        loop {
            let Some(length) = left_delimiter(self.rest()) else {
                self.position = self.input.len();
                if self.position > self.start {
                    self.emit(Kind::Text);
                }
                self.emit(Kind::Eof);
                return false;
            };
            self.text_before_action(length);
            let after = self.rest().get(LEFT.len()..).unwrap_or_default();
            let marker = trims_left(after);
            let skip = if marker { 2 } else { 0 };
            if !after.get(skip..).unwrap_or_default().starts_with(b"/*") {
                self.position += LEFT.len();
                self.emit(Kind::LeftDelimiter);
                self.position += skip;
                self.ignore();
                self.parens = 0;
                return true;
            }
            self.position += LEFT.len() + skip;
            self.ignore();
            if !self.comment() {
                return false;
            }
        }
    }

    fn text_before_action(&mut self, length: usize) {
        let action = self.position + length;
        let text = self.rest().get(..length).unwrap_or_default();
        let after = self.input.get(action + LEFT.len()..).unwrap_or_default();
        let trimmed = if trims_left(after) {
            text.iter().rev().take_while(|b| is_space(**b)).count()
        } else {
            0
        };
        self.position = action - trimmed;
        if self.position > self.start {
            self.emit(Kind::Text);
        }
        self.position = action;
        self.ignore();
    }

    fn comment(&mut self) -> bool {
        let body = self.rest().get(2..).unwrap_or_default();
        let Some(end) = find(body, b"*/") else {
            return self.error("unclosed comment".to_owned());
        };
        self.position += 2 + end + 2;
        let Some(trim) = self.at_right_delimiter() else {
            return self.error("comment ends before closing delimiter".to_owned());
        };
        self.position += RIGHT.len();
        if trim {
            self.position += 2;
            self.position += leading_space(self.rest());
        }
        self.ignore();
        true
    }

    /// `Some(trims)` when a closing delimiter stands here.
    fn at_right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if let [first, b'-', tail @ ..] = rest
            && is_space(*first)
            && tail.starts_with(RIGHT)
        {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    /// The inside of an action; false at the end of input or on an error.
    fn action(&mut self) -> bool {
        loop {
            if let Some(trim) = self.at_right_delimiter() {
                if self.parens > 0 {
                    return self.error("unclosed left paren".to_owned());
                }
                if trim {
                    self.position += 2;
                    self.ignore();
                }
                self.position += RIGHT.len();
                self.emit(Kind::RightDelimiter);
                if trim {
                    self.position += leading_space(self.rest());
                    self.ignore();
                }
                return true;
            }
            if !self.token() {
                return false;
            }
        }
    }

    #[inline]
    fn peek(&self) -> Option<char> {
        first_rune(self.rest()).map(|(c, _)| c)
    }

    fn next(&mut self) -> Option<char> {
        let (c, size) = first_rune(self.rest())?;
        self.position += size;
        Some(c)
    }

    fn single(&mut self, kind: Kind) -> bool {
        self.emit(kind);
        true
    }

    fn token(&mut self) -> bool {
        let before = self.position;
        let Some(c) = self.next() else { return self.error("unclosed action".to_owned()) };
        match c {
            ' ' | '\t' | '\r' | '\n' => {
                self.position = before;
                self.space()
            }
            '=' => self.single(Kind::Assign),
            ':' => {
                if self.next() != Some('=') {
                    return self.error("expected :=".to_owned());
                }
                self.single(Kind::Declare)
            }
            '|' => self.single(Kind::Pipe),
            '"' => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            '`' => self.raw(),
            '\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            '$' => self.field_or_variable(Kind::Variable),
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) && !self.rest().is_empty() => {
                self.field_or_variable(Kind::Field)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.position = before;
                self.number()
            }
            c if is_alphanumeric(c) => {
                self.position = before;
                self.identifier()
            }
            '(' => {
                self.parens += 1;
                self.single(Kind::LeftParen)
            }
            ')' => {
                let Some(parens) = self.parens.checked_sub(1) else {
                    return self.error("unexpected right paren".to_owned());
                };
                self.parens = parens;
                self.single(Kind::RightParen)
            }
            ' '..='~' => self.single(Kind::Character),
            c => self.error(format!("unrecognized character in action: {}", code_point(c))),
        }
    }

    fn space(&mut self) -> bool {
        let count = leading_space(self.rest());
        self.position += count;
        // The last space may belong to a trim marker.
        if self.rest().strip_prefix(b"-").is_some_and(|tail| tail.starts_with(RIGHT)) {
            self.position -= 1;
            if count == 1 {
                return true;
            }
        }
        self.single(Kind::Space)
    }

    fn quoted(&mut self, delimiter: u8, kind: Kind, message: &str) -> bool {
        loop {
            let rest = self.rest();
            let Some(at) = memchr::memchr3(delimiter, b'\\', b'\n', rest) else {
                self.position = self.input.len();
                return self.error(message.to_owned());
            };
            self.position += at + 1;
            match rest.get(at..) {
                Some([b'\\', next, ..]) if *next != b'\n' => self.position += 1,
                Some([found, ..]) if *found == delimiter => return self.single(kind),
                _ => return self.error(message.to_owned()),
            }
        }
    }

    fn raw(&mut self) -> bool {
        let Some(end) = find(self.rest(), b"`") else {
            return self.error("unterminated raw quoted string".to_owned());
        };
        self.position += end + 1;
        self.single(Kind::RawString)
    }

    fn at_terminator(&self) -> bool {
        match self.rest() {
            [] | [b'.' | b',' | b'|' | b':' | b')' | b'(' | b' ' | b'\t' | b'\r' | b'\n', ..] => {
                true
            }
            rest => rest.starts_with(RIGHT),
        }
    }

    fn field_or_variable(&mut self, kind: Kind) -> bool {
        if self.at_terminator() {
            return self.single(if kind == Kind::Variable { kind } else { Kind::Dot });
        }
        self.word();
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.single(kind)
    }

    fn word(&mut self) {
        let plain = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
        self.position += self.rest().iter().take_while(plain).count();
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
    }

    fn bad_character(&mut self) -> bool {
        let shown = self.peek().map(code_point).unwrap_or_default();
        self.error(format!("bad character {shown}"))
    }

    fn identifier(&mut self) -> bool {
        self.word();
        if !self.at_terminator() {
            return self.bad_character();
        }
        let kind = match self.pending() {
            b"block" => Kind::Block,
            b"break" if self.loops.0 => Kind::Break,
            b"continue" if self.loops.1 => Kind::Continue,
            b"define" => Kind::Define,
            b"else" => Kind::Else,
            b"end" => Kind::End,
            b"if" => Kind::If,
            b"range" => Kind::Range,
            b"nil" => Kind::Nil,
            b"template" => Kind::Template,
            b"with" => Kind::With,
            b"true" | b"false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.single(kind)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let found = self.peek().is_some_and(|c| valid.contains(c));
        if found {
            self.next();
        }
        found
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn number(&mut self) -> bool {
        if !self.scan_number() {
            return self.bad_number();
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || !self.pending().ends_with(b"i") {
                return self.bad_number();
            }
            return self.single(Kind::Complex);
        }
        self.single(Kind::Number)
    }

    fn bad_number(&mut self) -> bool {
        let shown = crate::quote::quote(self.pending());
        self.error(format!("bad number syntax: {shown}"))
    }

    fn scan_number(&mut self) -> bool {
        const DECIMAL: &str = "0123456789_";
        const HEX: &str = "0123456789abcdefABCDEF_";
        self.accept("+-");
        let mut digits = DECIMAL;
        if self.accept("0") {
            if self.accept("xX") {
                digits = HEX;
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        let exponent =
            (digits == DECIMAL && self.accept("eE")) || (digits == HEX && self.accept("pP"));
        if exponent {
            self.accept("+-");
            self.accept_run(DECIMAL);
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }
}

fn trims_left(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space(*space))
}

/// Go's `%#U`.
fn code_point(c: char) -> String {
    let code = u32::from(c);
    if crate::quote::is_printable(c) {
        format!("U+{code:04X} '{c}'")
    } else {
        format!("U+{code:04X}")
    }
}
