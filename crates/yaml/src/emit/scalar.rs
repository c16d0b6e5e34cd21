//! Scalars: which styles a value can take, and writing it in each of them.

use super::writer::{Dialect, Writer};
use crate::node::ScalarStyle;

/// What stands in a value that rules some styles out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Analysis {
    empty: bool,
    found: u16,
}

// What can be found in a value, one bit each.
const BREAK: u16 = 1;
const OUTER_SPACE: u16 = 1 << 1;
const TRAILING_SPACE: u16 = 1 << 2;
const OUTER_BREAK: u16 = 1 << 3;
const BREAK_SPACE: u16 = 1 << 4;
const SPACE_BREAK: u16 = 1 << 5;
const SPECIAL: u16 = 1 << 6;
const TAB: u16 = 1 << 7;
const FLOW_INDICATOR: u16 = 1 << 8;
const BLOCK_INDICATOR: u16 = 1 << 9;

/// Findings that only a block or double-quoted scalar can hold.
const NOT_PLAIN: u16 =
    OUTER_SPACE | OUTER_BREAK | BREAK_SPACE | SPACE_BREAK | SPECIAL | TAB | BREAK;

impl Analysis {
    pub(crate) fn of(value: &str, dialect: Dialect) -> Self {
        Self { empty: value.is_empty(), found: scan(value, dialect) }
    }

    fn has(self, findings: u16) -> bool {
        self.found & findings != 0
    }

    pub(crate) fn multiline(self) -> bool {
        self.has(BREAK)
    }

    fn plain(self, place: Place) -> bool {
        if self.empty {
            return !(place.flow || place.simple_key);
        }
        !self.has(NOT_PLAIN | if place.flow { FLOW_INDICATOR } else { BLOCK_INDICATOR })
    }

    fn single_quoted(self) -> bool {
        !self.has(BREAK_SPACE | SPACE_BREAK | SPECIAL | TAB)
    }

    fn block(self) -> bool {
        !(self.empty || self.has(TRAILING_SPACE | SPACE_BREAK | SPECIAL))
    }

    /// The style closest to the one wished for that keeps the value intact.
    pub(crate) fn choose(self, wished: ScalarStyle, place: Place) -> ScalarStyle {
        let mut style = wished;
        if place.simple_key && self.multiline() {
            style = ScalarStyle::DoubleQuoted;
        }
        if style == ScalarStyle::Plain && !self.plain(place) {
            style = ScalarStyle::SingleQuoted;
        }
        if style == ScalarStyle::SingleQuoted && !self.single_quoted() {
            style = ScalarStyle::DoubleQuoted;
        }
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
            && (!self.block() || place.flow || place.simple_key)
        {
            style = ScalarStyle::DoubleQuoted;
        }
        style
    }
}

fn scan(value: &str, dialect: Dialect) -> u16 {
    let mut found = 0;
    if value.starts_with("---") || value.starts_with("...") {
        found |= FLOW_INDICATOR | BLOCK_INDICATOR;
    }
    if value.is_ascii() {
        let bytes = value.as_bytes();
        let at = |at: usize| bytes.get(at).copied().map(char::from);
        for (here, byte) in bytes.iter().enumerate().filter(|(_, byte)| !is_harmless(**byte)) {
            let before = here.checked_sub(1).and_then(at);
            found |= findings(char::from(*byte), before, at(here + 1), dialect);
        }
        return found;
    }
    let mut before = None;
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        found |= findings(c, before, chars.peek().copied(), dialect);
        before = Some(c);
    }
    found
}

/// Whether there is nothing to find in a character, wherever it stands.
const fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'$' | b'(' | b')' | b'+' | b'.' | b'/' | b';' | b'<' | b'=')
        || matches!(byte, b'\\' | b'^' | b'_' | b'~')
}

/// What is found in one character between its neighbours.
fn findings(c: char, before: Option<char>, after: Option<char>, dialect: Dialect) -> u16 {
    let outer = before.is_none() || after.is_none();
    let mut found = indicators(c, before, after);
    if c == '\t' && dialect == Dialect::V3 {
        found |= TAB;
    } else if !is_printable(c) {
        found |= SPECIAL;
    }
    if c == ' ' {
        found |= if outer { OUTER_SPACE } else { 0 };
        found |= if after.is_none() { TRAILING_SPACE } else { 0 };
        found |= if before.is_some_and(is_break) { BREAK_SPACE } else { 0 };
    } else if is_break(c) {
        found |= BREAK;
        found |= if outer { OUTER_BREAK } else { 0 };
        found |= if before == Some(' ') { SPACE_BREAK } else { 0 };
    }
    found
}

fn indicators(c: char, before: Option<char>, after: Option<char>) -> u16 {
    let first = before.is_none();
    let after_blank = before.is_none_or(|c| matches!(c, ' ' | '\t' | '\0') || is_break(c));
    let before_blank = after.is_none_or(|c| matches!(c, ' ' | '\t'));
    let (flow, block) = match c {
        '#' => (after_blank, after_blank),
        ',' | '[' | ']' | '{' | '}' => (true, first),
        '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => (first, first),
        ':' => (true, before_blank),
        '?' => (true, first && before_blank),
        '-' => (first && before_blank, first && before_blank),
        _ => return 0,
    };
    (if flow { FLOW_INDICATOR } else { 0 }) | (if block { BLOCK_INDICATOR } else { 0 })
}

/// Where a scalar is to be written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    /// Inside `[…]` or `{…}`.
    pub(crate) flow: bool,
    /// As a key before `:` on the same line, where nothing may be folded.
    pub(crate) simple_key: bool,
}

pub(crate) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What go-yaml writes as it is. It escapes everything beyond the basic plane.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

impl Writer {
    /// Writes a scalar in a style that [`Analysis::choose`] gave; `indent` is for what is folded.
    pub(crate) fn scalar(&mut self, value: &str, style: ScalarStyle, indent: usize, fold: bool) {
        match style {
            ScalarStyle::Plain => self.plain(value, indent, fold),
            ScalarStyle::SingleQuoted => self.single_quoted(value, indent, fold),
            ScalarStyle::DoubleQuoted => self.double_quoted(value, indent, fold),
            ScalarStyle::Literal => self.literal(value, indent),
            ScalarStyle::Folded => self.folded(value, indent),
        }
    }

    /// Whether nothing in this value can make the writer leave the line.
    fn fits(&self, value: &str, fold: bool) -> bool {
        (!fold || self.column + value.len() <= self.width || !value.contains(' '))
            && !value.contains(is_break)
    }

    fn plain(&mut self, value: &str, indent: usize, fold: bool) {
        if self.dialect == Dialect::V2 || !value.is_empty() {
            self.space();
        }
        if self.fits(value, fold) {
            self.put_str(value);
        } else {
            self.flow_text(value, indent, fold, None);
        }
        if self.dialect == Dialect::V2 || !value.is_empty() {
            self.whitespace = false;
        }
        self.indention = false;
    }

    fn single_quoted(&mut self, value: &str, indent: usize, fold: bool) {
        self.indicator("'");
        if self.fits(value, fold) && !value.contains('\'') {
            self.put_str(value);
        } else {
            self.flow_text(value, indent, fold, Some('\''));
        }
        self.tight_indicator("'");
    }

    /// Plain and single-quoted text, folded at spaces; breaks of the value are doubled.
    fn flow_text(&mut self, value: &str, indent: usize, fold: bool, quote: Option<char>) {
        let (mut spaces, mut breaks) = (false, false);
        let mut chars = value.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let next = chars.peek().copied();
            if c == ' ' {
                // Quoted text is never folded at its ends; plain text has no spaces there.
                let inner = !first && next.is_some();
                if fold && !spaces && self.column > self.width && inner && next != Some(' ') {
                    self.indent(indent);
                } else {
                    self.put(c);
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break();
                }
                self.value_break(c);
                breaks = true;
            } else {
                if breaks {
                    self.indent(indent);
                }
                if quote == Some(c) {
                    self.put(c);
                }
                self.put(c);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
            first = false;
        }
    }

    fn value_break(&mut self, c: char) {
        self.put_value_break(c);
        if self.dialect == Dialect::V2 {
            self.indention = true;
        }
    }

    fn double_quoted(&mut self, value: &str, indent: usize, fold: bool) {
        self.indicator("\"");
        // go-yaml looks for a byte order mark at the start of the value whichever character it is
        // at, and escapes everything if there is one.
        let mark = value.starts_with('\u{feff}');
        let mut spaces = false;
        let mut chars = value.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let next = chars.peek().copied();
            if mark || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escape(c);
                spaces = false;
            } else if c == ' ' {
                if fold && !spaces && self.column > self.width && !first && next.is_some() {
                    self.indent(indent);
                    if next == Some(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
            first = false;
        }
        self.tight_indicator("\"");
    }

    fn escape(&mut self, c: char) {
        self.put('\\');
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' | '\\' => c,
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let code = u32::from(c);
                let text = match code {
                    0..=0xff => format!("x{code:02X}"),
                    0x100..=0xffff => format!("u{code:04X}"),
                    _ => format!("U{code:08X}"),
                };
                self.put_str(&text);
                return;
            }
        };
        self.put(short);
    }

    /// The header of a block scalar: the indentation if the text starts with white space, and
    /// what becomes of the breaks at its end.
    pub(crate) fn block_header(&mut self, value: &str, marker: &str) {
        self.indicator(marker);
        if value.starts_with(|c| c == ' ' || is_break(c)) {
            let hint = self.step.to_string();
            self.tight_indicator(&hint);
        }
        let mut ends = value.chars().rev();
        let chomp = match (ends.next().map(is_break), ends.next().map(is_break)) {
            (Some(true), Some(false)) => return,
            (Some(true), None | Some(true)) => "+",
            _ => "-",
        };
        self.tight_indicator(chomp);
    }

    fn literal(&mut self, value: &str, indent: usize) {
        self.block_header(value, "|");
        self.put_break();
        self.literal_body(value, indent);
    }

    pub(crate) fn literal_body(&mut self, value: &str, indent: usize) {
        self.indention = true;
        self.whitespace = true;
        let mut rest = value;
        while let Some(first) = rest.chars().next() {
            if is_break(first) {
                self.value_break(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                continue;
            }
            let end = rest.find(is_break).unwrap_or(rest.len());
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            self.indent(indent);
            self.put_str(line);
            self.indention = false;
            rest = after;
        }
    }

    fn folded(&mut self, value: &str, indent: usize) {
        self.block_header(value, ">");
        self.put_break();
        self.folded_body(value, indent);
    }

    pub(crate) fn folded_body(&mut self, value: &str, indent: usize) {
        self.indention = true;
        self.whitespace = true;
        let (mut breaks, mut leading_spaces) = (true, true);
        // go-yaml looks past the breaks at the START of the value, whichever break it is at.
        let start = value.trim_start_matches(is_break).chars().next();
        let starts_blank = start.is_none_or(|c| matches!(c, ' ' | '\t' | '\0'));
        let mut chars = value.chars().peekable();
        while let Some(c) = chars.next() {
            if is_break(c) {
                if !breaks && !leading_spaces && c == '\n' && !starts_blank {
                    self.put_break();
                }
                self.value_break(c);
                breaks = true;
                continue;
            }
            if breaks {
                self.indent(indent);
                leading_spaces = matches!(c, ' ' | '\t');
            }
            let foldable = !breaks && c == ' ' && chars.peek() != Some(&' ');
            if foldable && self.column > self.width {
                self.indent(indent);
            } else {
                self.put(c);
            }
            self.indention = false;
            breaks = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_found_in_harmless_characters() {
        let around = [None, Some(' '), Some('\n'), Some('a'), Some('-')];
        for byte in (0..=0x7f).filter(|byte| is_harmless(*byte)) {
            for (before, after) in around.iter().flat_map(|b| around.iter().map(move |a| (b, a))) {
                for dialect in [Dialect::V2, Dialect::V3] {
                    let found = findings(char::from(byte), *before, *after, dialect);
                    assert_eq!(found, 0, "{:?} between {before:?} and {after:?}", char::from(byte));
                }
            }
        }
    }
}
