//! Characters, columns, indentation: what both writers of go-yaml have in common, and the few
//! places where v2 and v3 differ.

/// Which emitter to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    V2,
    V3,
}

pub(crate) struct Writer {
    pub(crate) out: String,
    pub(crate) dialect: Dialect,
    /// Columns per level, also the digit in the header of an indented block scalar.
    pub(crate) step: usize,
    /// Scalars are folded at the first space after this column.
    pub(crate) width: usize,
    /// Characters in the current line.
    pub(crate) column: usize,
    /// Whether the last character was white space (or nothing was written yet).
    pub(crate) whitespace: bool,
    /// Whether the current line holds indentation and indicators only.
    pub(crate) indention: bool,
    /// The indentation of a foot comment that was just written: an empty line must follow before
    /// anything is written at the same level.
    pub(crate) foot_indent: Option<usize>,
}

impl Writer {
    pub(crate) fn new(dialect: Dialect, step: usize, width: usize) -> Self {
        Self {
            out: String::new(),
            dialect,
            step,
            width,
            column: 0,
            whitespace: true,
            indention: true,
            foot_indent: None,
        }
    }

    pub(crate) fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    /// Writes text that has no line break in it.
    pub(crate) fn put_str(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += if text.is_ascii() { text.len() } else { text.chars().count() };
    }

    pub(crate) fn put_break(&mut self) {
        self.out.push('\n');
        self.line_ended();
    }

    /// Writes a line break of the value itself, which need not be a line feed.
    pub(crate) fn put_value_break(&mut self, c: char) {
        self.out.push(c);
        self.line_ended();
    }

    fn line_ended(&mut self) {
        self.column = 0;
        if self.dialect == Dialect::V3 {
            self.indention = true;
        }
    }

    /// Puts spaces in long pieces: a text takes single characters much slower, and every line begins with some.
    fn spaces(&mut self, mut count: usize) {
        const SPACES: &str = "                                                                ";
        while count > 0 {
            let piece = SPACES.get(..count).unwrap_or(SPACES);
            self.out.push_str(piece);
            count -= piece.len();
        }
    }

    /// Goes to a fresh line unless this one holds nothing yet, and indents it.
    pub(crate) fn indent(&mut self, indent: usize) {
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        if self.foot_indent == Some(indent) {
            self.put_break();
        }
        let spaces = indent.saturating_sub(self.column);
        self.spaces(spaces);
        self.column += spaces;
        self.whitespace = true;
        if self.dialect == Dialect::V2 {
            self.indention = true;
        }
        self.foot_indent = None;
    }

    /// Writes `-`, `:`, `[` and the like, after a space unless there is white space.
    pub(crate) fn indicator(&mut self, text: &str) {
        self.space();
        self.tight_indicator(text);
    }

    /// Writes an indicator that needs no space before it.
    pub(crate) fn tight_indicator(&mut self, text: &str) {
        self.put_str(text);
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes `-`, `?` or `:` of a block collection, which count as indentation.
    pub(crate) fn block_indicator(&mut self, text: &str) {
        let indention = self.indention;
        self.indicator(text);
        self.indention = indention;
    }

    /// Writes `[` or `{`, after which no space is needed.
    pub(crate) fn opening_indicator(&mut self, text: &str) {
        self.indicator(text);
        self.whitespace = true;
    }

    pub(crate) fn space(&mut self) {
        if !self.whitespace {
            self.put(' ');
        }
    }

    /// A name after `&` or `*`, or the rest of a tag.
    pub(crate) fn name(&mut self, text: &str) {
        self.put_str(text);
        self.whitespace = false;
        self.indention = false;
    }

    /// The indentation one level deeper than `indent`. `None` is the level of the document.
    pub(crate) fn deeper(&self, indent: Option<usize>, parent: Parent) -> usize {
        let Some(indent) = indent else {
            return if parent == Parent::Flow { self.step } else { 0 };
        };
        match self.dialect {
            Dialect::V2 => indent + self.step,
            Dialect::V3 if parent == Parent::BlockSequence => indent + 2,
            Dialect::V3 => (indent + self.step) / self.step * self.step,
        }
    }
}

/// What the level that is being opened lies in; go-yaml v3 lines a sequence's items up with the
/// text after `- `.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    /// An item of a block sequence.
    BlockSequence,
    /// Scalars and flow collections at the root of a document.
    Flow,
    /// Anything else.
    Other,
}
