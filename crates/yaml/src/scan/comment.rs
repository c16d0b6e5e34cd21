//! Comments, and which token they belong to.
//!
//! A comment is a head (above a node), a line (behind it) or a foot (below it, before an empty
//! line). Which one depends on the tokens round it, on indentation and on empty lines; the rules are
//! go-yaml v3's, kept exactly, because kyaml's output shows where a comment went.

use super::{Kind, Scanner};
use crate::error::Mark;

/// How far go-yaml looks ahead for a comment or the end of its block, in bytes.
const LOOKAHEAD: usize = 512;

/// The comments found up to the current token that no node has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) head: String,
    pub(crate) line: String,
    pub(crate) foot: String,
    /// The head of an item of a sequence that is itself a collection.
    pub(crate) stem: String,
}

/// A comment that waits for its token.
#[derive(Default)]
struct Comment {
    /// Where the search for it began.
    scan: usize,
    /// The token at or after this offset gets it.
    token: usize,
    start: Mark,
    /// Where the search for its end stopped.
    end: usize,
    head: String,
    line: String,
    foot: String,
}

#[derive(Default)]
pub(super) struct Comments {
    waiting: Vec<Comment>,
    /// How many of them were handed out; those are empty.
    done: usize,
    pub(super) notes: Notes,
}

impl Comments {
    /// Hands out what belongs to a token or to something before it.
    pub(super) fn unfold(&mut self, kind: Kind, start: Mark) {
        while let Some(comment) = self.waiting.get_mut(self.done) {
            if start.offset < comment.token {
                break;
            }
            // The end of a block has no head; what follows it has.
            if !comment.head.is_empty() && kind == Kind::BlockEnd {
                break;
            }
            let comment = std::mem::take(comment);
            append(&mut self.notes.head, &comment.head);
            append(&mut self.notes.foot, &comment.foot);
            append(&mut self.notes.line, &comment.line);
            self.done += 1;
        }
    }

    /// Where a block of this indentation ends: before the comments right before `end` that are
    /// indented like the block's parent expects its own.
    pub(super) fn end_of_block(&self, indent: i64, end: Mark) -> Mark {
        let mut end = end;
        let mut stop = end.offset;
        for comment in self.waiting.iter().rev() {
            if comment.end < stop {
                break;
            }
            if i64::from(comment.start.column) == indent + 1 {
                end = comment.start;
            }
            stop = comment.scan;
        }
        end
    }
}

fn append(notes: &mut String, comment: &str) {
    if comment.is_empty() {
        return;
    }
    if !notes.is_empty() {
        notes.push('\n');
    }
    notes.push_str(comment);
}

/// A block of comment lines that is being read.
struct Block {
    /// The kind of the token before it.
    after: Kind,
    scan: usize,
    token: usize,
    /// Its column counts from 1.
    start: Mark,
    text: String,
    line: u32,
    column: u32,
    /// The line a comment must start on to be a foot of what is above.
    foot_line: Option<u32>,
    /// Whether no empty line was seen at all, and whether the last line was one.
    first_empty: bool,
    recent_empty: bool,
}

impl Block {
    fn split_foot(&mut self, comments: &mut Comments, end: usize) {
        comments.waiting.push(Comment {
            scan: self.scan,
            token: self.token,
            start: self.start,
            end,
            foot: std::mem::take(&mut self.text),
            ..Comment::default()
        });
        self.scan = end;
        self.token = end;
    }

    /// An empty line, or the end of a flow collection or of the text.
    fn line_end(&mut self, comments: &mut Comments, end: LineEnd) {
        if !end.closes_flow && self.recent_empty {
            return;
        }
        let dedented = i64::from(self.start.column) - 1 < end.indent;
        let foot = Some(self.start.line) == self.foot_line && self.after != Kind::Value;
        if end.closes_flow || self.first_empty && (foot || dedented) {
            if !self.text.is_empty() {
                if dedented {
                    self.token = self.start.offset;
                }
                self.split_foot(comments, end.offset);
            }
        } else if !self.text.is_empty() && !end.of_text {
            self.text.push('\n');
        }
    }
}

struct LineEnd {
    offset: usize,
    /// The column of the current block, at least 0.
    indent: i64,
    closes_flow: bool,
    of_text: bool,
}

impl Scanner<'_> {
    /// Notes a comment down that stands behind a token in the same line.
    pub(super) fn line_comment(&mut self, token: Mark) {
        let Some(comments) = &mut self.comments else { return };
        if self.input.newlines > 0 {
            return;
        }
        let rest = self.input.rest();
        let blanks = rest.bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
        if blanks >= LOOKAHEAD || self.input.byte(blanks) != b'#' {
            return;
        }
        self.input.skip_bytes(blanks);
        let start = self.input.mark();
        self.input.skip_to_break();
        let line = self.input.slice(start.offset, self.input.offset()).to_owned();
        comments.waiting.push(Comment { token: token.offset, start, line, ..Comment::default() });
    }

    /// Turns the comment behind the `-` that opens a sequence into the head of what follows it.
    pub(super) fn comment_before_entry(&mut self) {
        let Some(comments) = &mut self.comments else { return };
        let mut last = self.tokens.iter().rev().map(|token| token.kind);
        if last.next() != Some(Kind::BlockEntry) || last.next() != Some(Kind::BlockSequenceStart) {
            return;
        }
        let here = self.input.mark();
        let Some(comment) = comments.waiting.last_mut() else { return };
        if comment.line.is_empty() || self.input.is_break(0) {
            return;
        }
        comment.head = std::mem::take(&mut comment.line);
        if comment.start.line + 1 == here.line {
            comment.token = here.offset;
        }
    }

    /// Reads a block of comment lines, up to the end of the last one.
    pub(super) fn comment_lines(&mut self, scan_mark: Mark) {
        let Some(mut comments) = self.comments.take() else {
            return self.input.skip_to_break();
        };
        let mut block = self.start_of_comments(scan_mark);
        let indent = self.indent.max(0);
        let mut peek = 0;
        while peek < LOOKAHEAD {
            block.column += 1;
            if self.input.is_blank(peek) {
                peek += 1;
                continue;
            }
            let offset = self.input.offset() + peek;
            let byte = self.input.byte(peek);
            let closes_flow = self.flow_level() > 0 && matches!(byte, b']' | b'}');
            if closes_flow || self.input.is_breakz(peek) {
                let end = LineEnd { offset, indent, closes_flow, of_text: byte == 0 };
                block.line_end(&mut comments, end);
                if !self.input.is_break(peek) {
                    break;
                }
                block.first_empty = false;
                block.recent_empty = true;
                block.column = 0;
                block.line += 1;
                peek += 1;
                continue;
            }
            let dedented = i64::from(block.column) - 1 < indent;
            if !block.text.is_empty() && dedented && block.column != block.start.column {
                block.split_foot(&mut comments, offset);
            }
            if byte != b'#' {
                break;
            }
            self.comment_line(&mut block, peek);
            // go-yaml goes on behind the character after the comment, which is the line break.
            peek = 1;
        }
        if !block.text.is_empty() {
            comments.waiting.push(Comment {
                scan: block.scan,
                token: block.start.offset,
                start: block.start,
                end: (self.input.offset() + peek).saturating_sub(1),
                head: block.text,
                ..Comment::default()
            });
        }
        self.comments = Some(comments);
    }

    fn start_of_comments(&self, scan_mark: Mark) -> Block {
        let mut last = self.tokens.iter().rev();
        let mut token = last.next();
        if token.is_some_and(|token| token.kind == Kind::FlowEntry) {
            token = last.next().or(token);
        }
        let here = self.input.mark();
        let newlines = self.input.newlines;
        let foot_line = (scan_mark.line > 0).then(|| {
            let beside = newlines == 0 && here.column > 1;
            (here.line + 1 + u32::from(beside)).saturating_sub(newlines)
        });
        Block {
            after: token.map_or(Kind::StreamStart, |token| token.kind),
            scan: scan_mark.offset,
            token: token.map_or(0, |token| token.start.offset),
            start: Mark::default(),
            text: String::new(),
            line: here.line,
            column: here.column,
            foot_line,
            first_empty: newlines <= 1,
            recent_empty: false,
        }
    }

    /// Reads the comment line that starts `peek` bytes from here.
    fn comment_line(&mut self, block: &mut Block, peek: usize) {
        let start = self.input.offset() + peek;
        if block.text.is_empty() {
            block.start = Mark { offset: start, line: block.line, column: block.column };
        } else {
            block.text.push('\n');
        }
        block.recent_empty = false;
        while self.input.offset() < start {
            if self.input.is_break(0) {
                self.input.skip_line();
            } else {
                self.input.skip();
            }
        }
        self.input.skip_to_break();
        block.text.push_str(self.input.slice(start, self.input.offset()));
        block.column = 0;
        block.line = self.input.mark().line;
    }
}
