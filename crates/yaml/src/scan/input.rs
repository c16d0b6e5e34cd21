//! The text, and where in it the scanner is.

use crate::error::Mark;

/// A text that is read from the front. Past its end it seems to go on with NUL bytes, which cannot
/// stand in it: texts with control characters are refused before they are scanned.
pub(super) struct Input<'a> {
    text: &'a str,
    mark: Mark,
    /// Line breaks since the last character that was neither blank nor a break.
    pub(super) newlines: u32,
}

impl<'a> Input<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, mark: Mark::default(), newlines: 0 }
    }

    /// The first character YAML does not allow, by libyaml's table.
    pub(super) fn forbidden(text: &str) -> Option<char> {
        let suspicious = |b: u8| (b < 0x20 && !matches!(b, 9 | 10 | 13)) || b >= 0x7f;
        // Whole blocks without leaving early, which a compiler turns into a few vector instructions.
        let clean = |block: &[u8]| !block.iter().fold(false, |found, b| found | suspicious(*b));
        if text.as_bytes().chunks(256).all(clean) {
            return None;
        }
        text.chars().find(|c| {
            matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}')
                || matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
        })
    }

    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    pub(super) fn offset(&self) -> usize {
        self.mark.offset
    }

    pub(super) fn column(&self) -> i64 {
        i64::from(self.mark.column)
    }

    /// The text between two offsets.
    pub(super) fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// What is left to read.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.mark.offset..).unwrap_or_default()
    }

    /// The byte `ahead` bytes from here.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.mark.offset + ahead).copied().unwrap_or(0)
    }

    pub(super) fn at_end(&self) -> bool {
        self.byte(0) == 0
    }

    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    pub(super) fn is_break(&self, ahead: usize) -> bool {
        match self.byte(ahead) {
            b'\r' | b'\n' => true,
            0xc2 => self.byte(ahead + 1) == 0x85,
            0xe2 => self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xa8 | 0xa9),
            _ => false,
        }
    }

    pub(super) fn is_breakz(&self, ahead: usize) -> bool {
        self.byte(ahead) == 0 || self.is_break(ahead)
    }

    pub(super) fn is_blankz(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_breakz(ahead)
    }

    /// Whether `---` or `...` stands at the start of this line.
    pub(super) fn at_document_indicator(&self) -> bool {
        self.mark.column == 0 && (self.at_indicator("---") || self.at_indicator("..."))
    }

    pub(super) fn at_indicator(&self, indicator: &str) -> bool {
        self.mark.column == 0 && self.rest().starts_with(indicator) && self.is_blankz(3)
    }

    /// Goes over one character that is no line break.
    pub(super) fn skip(&mut self) {
        if !self.is_blank(0) {
            self.newlines = 0;
        }
        self.mark.offset += width(self.byte(0));
        self.mark.column += 1;
    }

    /// Goes over spaces, at most up to a column.
    pub(super) fn skip_spaces(&mut self, column: i64) {
        let most = usize::try_from(column - self.column()).unwrap_or_default();
        let rest = self.rest().bytes().take(most);
        let length = rest.take_while(|b| *b == b' ').count();
        self.mark.offset += length;
        self.mark.column += u32::try_from(length).unwrap_or(u32::MAX);
    }

    /// Goes over a stretch of bytes without line breaks.
    pub(super) fn skip_bytes(&mut self, bytes: usize) {
        let stretch = self.slice(self.mark.offset, self.mark.offset + bytes);
        if stretch.bytes().any(|b| !matches!(b, b' ' | b'\t')) {
            self.newlines = 0;
        }
        let characters = stretch.chars().count();
        self.mark.offset += bytes;
        self.mark.column += u32::try_from(characters).unwrap_or(u32::MAX);
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip();
        }
    }

    /// Goes over everything up to the end of the line.
    pub(super) fn skip_to_break(&mut self) {
        let rest = self.rest().as_bytes();
        let line = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let plain = rest.get(..line).is_some_and(<[u8]>::is_ascii);
        let mut length = if plain { line } else { 0 };
        while length < rest.len() && !self.is_break(length) {
            length += 1;
        }
        self.skip_bytes(length);
    }

    /// Goes over a line break, if there is one.
    pub(super) fn skip_line(&mut self) {
        let length = match self.byte(0) {
            b'\r' if self.byte(1) == b'\n' => 2,
            b'\r' | b'\n' => 1,
            0xc2 => 2,
            _ => 3,
        };
        if self.is_break(0) {
            self.mark.offset += length;
            self.mark.column = 0;
            self.mark.line += 1;
            self.newlines += 1;
        }
    }

    /// Goes over a line break and adds it to `text`, most kinds as a line feed.
    pub(super) fn read_line(&mut self, text: &mut String) {
        match self.byte(0) {
            0xe2 => text.push_str(self.slice(self.mark.offset, self.mark.offset + 3)),
            _ => text.push('\n'),
        }
        self.skip_line();
    }

    /// Goes to the start of a line that is not there, for the end of the text.
    pub(super) fn force_line(&mut self) {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
    }
}

fn width(byte: u8) -> usize {
    match byte {
        0..=0x7f => 1,
        0x80..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
    }
}
