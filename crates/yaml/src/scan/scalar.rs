//! Plain, quoted and block scalars.

use super::{Kind, Payload, ScalarForm, Scanner, Token};
use crate::error::{Error, Mark};
use crate::node::ScalarStyle;
use std::borrow::Cow;

/// The white space between two words of a scalar, as far as it is read.
#[derive(Default)]
struct Gap {
    /// Offsets of the blanks on the first line.
    blanks: (usize, usize),
    /// Whether a line ended.
    broken: bool,
    first_break: String,
    more_breaks: String,
}

impl Gap {
    /// What the gap becomes: a single line break a space, others are kept.
    fn fold_into(&mut self, text: &mut String) {
        if !self.first_break.starts_with('\n') {
            text.push_str(&self.first_break);
            text.push_str(&self.more_breaks);
        } else if self.more_breaks.is_empty() {
            text.push(' ');
        } else {
            text.push_str(&self.more_breaks);
        }
        *self = Self::default();
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn plain(&mut self) -> Result<Token<'a>, Error> {
        let start = self.input.mark();
        let mut end = start;
        let mut owned: Option<String> = None;
        let mut gap = Gap::default();
        loop {
            if self.input.at_document_indicator() || self.input.byte(0) == b'#' {
                break;
            }
            let from = self.input.offset();
            self.input.skip_bytes(self.plain_word_length());
            let to = self.input.offset();
            if to > from {
                if gap.broken {
                    let text = owned.get_or_insert_with(|| {
                        self.input.slice(start.offset, end.offset).to_owned()
                    });
                    gap.fold_into(text);
                } else if let Some(text) = &mut owned {
                    text.push_str(self.input.slice(gap.blanks.0, gap.blanks.1));
                }
                if let Some(text) = &mut owned {
                    text.push_str(self.input.slice(from, to));
                }
                gap = Gap::default();
                end = self.input.mark();
            }
            if !(self.input.is_blank(0) || self.input.is_break(0)) {
                break;
            }
            self.plain_gap(&mut gap, start)?;
            if self.flow_level() == 0 && self.input.column() <= self.indent {
                break;
            }
        }
        if gap.broken {
            self.key_allowed = true;
        }
        let text = match owned {
            Some(text) => Cow::Owned(text),
            None => Cow::Borrowed(self.input.slice(start.offset, end.offset)),
        };
        Ok(Token::new(Kind::Scalar, start, end).with(Payload::Scalar(text, ScalarStyle::Plain)))
    }

    /// How many bytes from here belong to a word of a plain scalar.
    fn plain_word_length(&self) -> usize {
        let flow = self.flow_level() > 0;
        let rest = self.input.rest().as_bytes();
        for (at, byte) in rest.iter().enumerate() {
            let ends = match byte {
                b' ' | b'\t' | b'\r' | b'\n' => true,
                b':' => self.input.is_blankz(at + 1),
                b',' | b'?' | b'[' | b']' | b'{' | b'}' => flow,
                0xc2 | 0xe2 => self.input.is_break(at),
                _ => false,
            };
            if ends {
                return at;
            }
        }
        rest.len()
    }

    fn plain_gap(&mut self, gap: &mut Gap, start: Mark) -> Result<(), Error> {
        gap.blanks.0 = self.input.offset();
        loop {
            if self.input.is_blank(0) {
                let tab = self.input.byte(0) == b'\t';
                if gap.broken && tab && self.input.column() <= self.indent {
                    let problem = "found a tab character that violates indentation";
                    return Err(self.error_in(problem, start));
                }
                self.input.skip();
            } else if self.input.is_break(0) {
                let breaks = if gap.broken { &mut gap.more_breaks } else { &mut gap.first_break };
                self.input.read_line(breaks);
                gap.broken = true;
            } else {
                break;
            }
            if !gap.broken {
                gap.blanks.1 = self.input.offset();
            }
        }
        Ok(())
    }

    pub(super) fn quoted(&mut self, single: bool) -> Result<Token<'a>, Error> {
        let start = self.input.mark();
        self.input.skip();
        let style = if single { ScalarStyle::SingleQuoted } else { ScalarStyle::DoubleQuoted };
        let text = match self.simple_quoted(single) {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.folded_quoted(single, start)?),
        };
        self.input.skip();
        let token = Token::new(Kind::Scalar, start, self.input.mark());
        Ok(token.with(Payload::Scalar(text, style)))
    }

    /// The text up to the closing quote, if it holds no escapes and no line breaks.
    fn simple_quoted(&mut self, single: bool) -> Option<&'a str> {
        let rest = self.input.rest();
        let end = rest.bytes().position(|byte| match byte {
            b'\'' => single,
            b'"' | b'\\' => !single,
            b'\r' | b'\n' | 0xc2 | 0xe2 => true,
            _ => false,
        })?;
        let quote = if single { b'\'' } else { b'"' };
        let escaped = single && self.input.byte(end + 1) == quote;
        if self.input.byte(end) != quote || escaped {
            return None;
        }
        self.input.skip_bytes(end);
        rest.get(..end)
    }

    fn folded_quoted(&mut self, single: bool, start: Mark) -> Result<String, Error> {
        let quote = if single { b'\'' } else { b'"' };
        let mut text = String::new();
        loop {
            if self.input.at_document_indicator() {
                return Err(self.error_in("found unexpected document indicator", start));
            }
            if self.input.at_end() {
                return Err(self.error_in("found unexpected end of stream", start));
            }
            let mut gap =
                Gap { broken: self.quoted_word(single, start, &mut text)?, ..Gap::default() };
            if self.input.byte(0) == quote {
                return Ok(text);
            }
            self.quoted_gap(&mut gap);
            if gap.broken {
                // An escaped line break leaves no first break, and so folds to nothing.
                gap.fold_into(&mut text);
            } else {
                text.push_str(self.input.slice(gap.blanks.0, gap.blanks.1));
            }
        }
    }

    fn quoted_gap(&mut self, gap: &mut Gap) {
        gap.blanks.0 = self.input.offset();
        loop {
            if self.input.is_blank(0) {
                self.input.skip();
            } else if self.input.is_break(0) {
                let breaks = if gap.broken { &mut gap.more_breaks } else { &mut gap.first_break };
                self.input.read_line(breaks);
                gap.broken = true;
            } else {
                break;
            }
            if !gap.broken {
                gap.blanks.1 = self.input.offset();
            }
        }
        if !gap.broken {
            gap.blanks.1 = self.input.offset();
        }
    }

    /// Reads up to white space or the closing quote; true if an escaped line break came first.
    fn quoted_word(&mut self, single: bool, start: Mark, text: &mut String) -> Result<bool, Error> {
        while !self.input.is_blankz(0) {
            match (self.input.byte(0), self.input.byte(1)) {
                (b'\'', b'\'') if single => {
                    text.push('\'');
                    self.input.skip_bytes(2);
                }
                (b'\'', _) if single => return Ok(false),
                (b'"', _) if !single => return Ok(false),
                (b'\\', _) if !single && self.input.is_break(1) => {
                    self.input.skip();
                    self.input.skip_line();
                    return Ok(true);
                }
                (b'\\', _) if !single => self.escape(start, text)?,
                _ => {
                    let from = self.input.offset();
                    self.input.skip();
                    text.push_str(self.input.slice(from, self.input.offset()));
                }
            }
        }
        Ok(false)
    }

    fn escape(&mut self, start: Mark, text: &mut String) -> Result<(), Error> {
        let digits = match self.input.byte(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            other => {
                let Some(c) = simple_escape(other) else {
                    return Err(self.error_in("found unknown escape character", start));
                };
                text.push(c);
                self.input.skip_bytes(2);
                return Ok(());
            }
        };
        self.input.skip_bytes(2);
        let mut value = 0u32;
        for at in 0..digits {
            let Some(digit) = char::from(self.input.byte(at)).to_digit(16) else {
                return Err(self.error_in("did not find expected hexdecimal number", start));
            };
            value = value << 4 | digit;
        }
        let Some(c) = char::from_u32(value) else {
            return Err(self.error_in("found invalid Unicode character escape code", start));
        };
        text.push(c);
        self.input.skip_bytes(digits);
        Ok(())
    }

    pub(super) fn block_scalar(&mut self, form: ScalarForm) -> Result<Token<'a>, Error> {
        let start = self.input.mark();
        self.input.skip();
        let header = self.block_header(start)?;
        let mut indent = match header.increment {
            0 => 0,
            increment => self.indent.max(0) + increment,
        };
        let mut end = self.input.mark();
        let (mut text, mut leading, mut trailing) = (String::new(), String::new(), String::new());
        self.block_breaks(&mut indent, &mut trailing, start, &mut end)?;
        let mut leading_blank = false;
        while self.input.column() == indent && !self.input.at_end() {
            let blank = self.input.is_blank(0);
            let fold = form == ScalarForm::Folded && !leading_blank && !blank;
            if !fold || !leading.starts_with('\n') {
                text.push_str(&leading);
            } else if trailing.is_empty() {
                text.push(' ');
            }
            leading.clear();
            text.push_str(&trailing);
            trailing.clear();
            leading_blank = blank;
            let from = self.input.offset();
            self.input.skip_to_break();
            text.push_str(self.input.slice(from, self.input.offset()));
            if self.input.is_break(0) {
                self.input.read_line(&mut leading);
            }
            self.block_breaks(&mut indent, &mut trailing, start, &mut end)?;
        }
        if header.chomping != Chomping::Strip {
            text.push_str(&leading);
        }
        if header.chomping == Chomping::Keep {
            text.push_str(&trailing);
        }
        let style = match form {
            ScalarForm::Literal => ScalarStyle::Literal,
            ScalarForm::Folded => ScalarStyle::Folded,
        };
        Ok(Token::new(Kind::Scalar, start, end).with(Payload::Scalar(Cow::Owned(text), style)))
    }

    /// The rest of the line after `|` or `>`: chomping and indentation in either order.
    fn block_header(&mut self, start: Mark) -> Result<Header, Error> {
        let mut header = Header { chomping: Chomping::Clip, increment: 0 };
        if !self.chomping(&mut header) {
            self.increment(&mut header, start)?;
            self.chomping(&mut header);
        } else {
            self.increment(&mut header, start)?;
        }
        self.input.skip_blanks();
        if self.input.byte(0) == b'#' {
            self.line_comment(start);
            self.input.skip_to_break();
        }
        if !self.input.is_breakz(0) {
            return Err(self.error_in("did not find expected comment or line break", start));
        }
        self.input.skip_line();
        Ok(header)
    }

    fn chomping(&mut self, header: &mut Header) -> bool {
        header.chomping = match self.input.byte(0) {
            b'+' => Chomping::Keep,
            b'-' => Chomping::Strip,
            _ => return false,
        };
        self.input.skip();
        true
    }

    fn increment(&mut self, header: &mut Header, start: Mark) -> Result<(), Error> {
        match self.input.byte(0) {
            b'0' => {
                let problem = "found an indentation indicator equal to 0";
                return Err(self.error_in(problem, start));
            }
            digit @ b'1'..=b'9' => {
                header.increment = i64::from(digit - b'0');
                self.input.skip();
            }
            _ => {}
        }
        Ok(())
    }

    /// Goes over indentation and empty lines, and finds the indentation out if it is not known.
    fn block_breaks(
        &mut self,
        indent: &mut i64,
        breaks: &mut String,
        start: Mark,
        end: &mut Mark,
    ) -> Result<(), Error> {
        *end = self.input.mark();
        let mut deepest = 0;
        loop {
            let unknown = *indent == 0;
            self.input.skip_spaces(if unknown { i64::MAX } else { *indent });
            deepest = deepest.max(self.input.column());
            if (unknown || self.input.column() < *indent) && self.input.byte(0) == b'\t' {
                let problem = "found a tab character where an indentation space is expected";
                return Err(self.error_in(problem, start));
            }
            if !self.input.is_break(0) {
                break;
            }
            self.input.read_line(breaks);
            *end = self.input.mark();
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(())
    }
}

struct Header {
    chomping: Chomping,
    /// Columns deeper than the parent; 0 if the text decides.
    increment: i64,
}

/// What becomes of the line breaks at the end of a block scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

fn simple_escape(byte: u8) -> Option<char> {
    Some(match byte {
        b'0' => '\0',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\u{b}',
        b'f' => '\u{c}',
        b'r' => '\r',
        b'e' => '\u{1b}',
        b' ' => ' ',
        b'"' => '"',
        b'\'' => '\'',
        b'\\' => '\\',
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => return None,
    })
}
