//! Text to tokens, by the rules of libyaml as go-yaml has them.
//!
//! What makes this scanner accept exactly what Go accepts is the way simple keys are found: a key
//! without `?` is recognised only at its `:`, so every place where one may start is remembered,
//! and a KEY token is put into the queue in front of it later. Tokens are therefore handed out
//! only when no key can start at them any more.

mod comment;
mod directive;
mod input;
mod scalar;
mod token;

pub(crate) use comment::Notes;
pub(crate) use token::{Kind, Payload, Token};

use crate::error::{Error, Mark};
use crate::resolve::Rules;
use comment::Comments;
use input::Input;
use std::collections::VecDeque;

/// Deepest nesting that is read: what serde_json reads too, so that whatever is read here can go to
/// a cluster and come back. Readers recurse, and have to fit a small stack: a level takes up to 12 kB
/// of it when nothing is optimised. (Go stops at 10,000.)
pub(crate) const MAX_DEPTH: usize = 128;

/// The furthest a `:` may be from the start of its key, in characters, by the specification.
const LONGEST_KEY: u32 = 1024;

/// A place where a simple key may start.
#[derive(Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    /// Whether the text is wrong if no key starts here.
    required: bool,
    /// The number of the token that would follow KEY.
    token: usize,
    /// Whether its token waits until it is known whether it is a key. go-yaml forgets to wait at an empty flow
    /// collection (`[]`, `{}`), which shows in what it makes of what follows.
    waits: bool,
    mark: Mark,
}

pub(crate) struct Scanner<'a> {
    input: Input<'a>,
    rules: Rules,
    tokens: VecDeque<Token<'a>>,
    /// How many tokens were handed out.
    taken: usize,
    /// Whether the first token in the queue may be handed out.
    available: bool,
    /// One entry per flow level, and one for the block level below them.
    keys: Vec<SimpleKey>,
    key_allowed: bool,
    /// The column of the current block collection; -1 outside of any.
    indent: i64,
    indents: Vec<i64>,
    comments: Option<Comments>,
}

impl<'a> Scanner<'a> {
    /// A scanner of `text`, which keeps comments if asked to.
    pub(crate) fn new(text: &'a str, rules: Rules, comments: bool) -> Result<Self, Error> {
        if Input::forbidden(text).is_some() {
            return Err(Error::unplaced("control characters are not allowed"));
        }
        let mut scanner = Self {
            input: Input::new(text.strip_prefix('\u{feff}').unwrap_or(text)),
            rules,
            tokens: VecDeque::new(),
            taken: 0,
            available: false,
            keys: vec![SimpleKey::default()],
            key_allowed: true,
            indent: -1,
            indents: Vec::new(),
            comments: comments.then(Comments::default),
        };
        scanner.push(Kind::StreamStart, Mark::default());
        Ok(scanner)
    }

    /// The kind of the next token. Comments up to it are noted down in passing.
    pub(crate) fn peek(&mut self) -> Result<Kind, Error> {
        Ok(self.front()?.0)
    }

    /// Kind and place of the next token.
    pub(crate) fn front(&mut self) -> Result<(Kind, Mark), Error> {
        if !self.available {
            self.fetch_more()?;
            self.available = true;
        }
        let Some(token) = self.tokens.front() else {
            return Ok((Kind::StreamEnd, self.input.mark()));
        };
        let (kind, start) = (token.kind, token.start);
        if let Some(comments) = &mut self.comments {
            comments.unfold(kind, start);
        }
        Ok((kind, start))
    }

    /// Takes the next token, which must have been looked at.
    pub(crate) fn take(&mut self) -> Token<'a> {
        self.available = false;
        self.taken += 1;
        let end = self.input.mark();
        self.tokens.pop_front().unwrap_or_else(|| Token::new(Kind::StreamEnd, end, end))
    }

    /// The comments that belong to what was just read.
    pub(crate) fn notes(&mut self) -> Option<&mut Notes> {
        self.comments.as_mut().map(|comments| &mut comments.notes)
    }

    /// Scans until the first token of the queue can be handed out. With comments, two more tokens
    /// must be there, because a comment may belong to what follows it.
    fn fetch_more(&mut self) -> Result<(), Error> {
        let ahead = if self.rules == Rules::V3 { 2 } else { 0 };
        loop {
            if self.tokens.len() > ahead && !self.key_may_start_at_front()? {
                return Ok(());
            }
            self.fetch()?;
        }
    }

    fn key_may_start_at_front(&mut self) -> Result<bool, Error> {
        let taken = self.taken;
        match self.keys.iter().rposition(|key| key.possible && key.waits && key.token == taken) {
            Some(level) => self.check_key(level),
            None => Ok(false),
        }
    }

    /// Whether the key remembered at this level is still possible.
    fn check_key(&mut self, level: usize) -> Result<bool, Error> {
        let here = self.input.mark();
        let Some(key) = self.keys.get_mut(level) else {
            return Ok(false);
        };
        if !key.possible {
            return Ok(false);
        }
        let past = key.mark.line < here.line || key.mark.column + LONGEST_KEY < here.column;
        if past && key.required {
            let context = key.mark;
            return Err(self.error_in("could not find expected ':'", context));
        }
        key.possible = !past;
        Ok(!past)
    }

    fn error(&self, problem: &str) -> Error {
        self.error_in(problem, self.input.mark())
    }

    /// An error in something that started earlier.
    fn error_in(&self, problem: &str, context: Mark) -> Error {
        Error::scanner(self.rules, self.input.mark(), context, problem)
    }

    fn fetch(&mut self) -> Result<(), Error> {
        let scan_mark = self.input.mark();
        self.skip_to_token(scan_mark)?;
        self.unroll_indent(self.input.column(), scan_mark);
        if self.input.at_end() {
            return self.fetch_stream_end();
        }
        if self.input.mark().column == 0 && self.input.byte(0) == b'%' {
            return self.fetch_directive();
        }
        if self.input.at_indicator("---") {
            return self.fetch_document_indicator(Kind::DocumentStart);
        }
        if self.input.at_indicator("...") {
            return self.fetch_document_indicator(Kind::DocumentEnd);
        }
        let mut comment_mark = self.input.mark();
        let separator = if self.flow_level() == 0 { b':' } else { b',' };
        if let Some(token) = self.tokens.back()
            && self.input.byte(0) == separator
        {
            comment_mark = token.start;
        }
        self.fetch_content()?;
        if self.tokens.back().is_some_and(|token| token.kind != Kind::BlockEntry) {
            self.line_comment(comment_mark);
        }
        Ok(())
    }

    fn flow_level(&self) -> usize {
        self.keys.len() - 1
    }

    fn fetch_content(&mut self) -> Result<(), Error> {
        let block = self.flow_level() == 0;
        let spaced = self.input.is_blankz(1);
        match self.input.byte(0) {
            b'[' => self.fetch_flow_start(Kind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(Kind::FlowMappingStart),
            b']' => self.fetch_flow_end(Kind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(Kind::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if spaced => self.fetch_block_entry(),
            b'?' if !block || spaced => self.fetch_key(),
            b':' if !block || spaced => self.fetch_value(),
            b'*' => self.fetch_anchor(Kind::Alias),
            b'&' => self.fetch_anchor(Kind::Anchor),
            b'!' => self.fetch_tag(),
            b'|' if block => self.fetch_block_scalar(ScalarForm::Literal),
            b'>' if block => self.fetch_block_scalar(ScalarForm::Folded),
            b'\'' => self.fetch_quoted(true),
            b'"' => self.fetch_quoted(false),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => {
                Err(self.error("found character that cannot start any token"))
            }
            _ => self.fetch_plain(),
        }
    }

    /// Adds a token without content that starts and ends at `mark`.
    fn push(&mut self, kind: Kind, mark: Mark) {
        self.tokens.push_back(Token::new(kind, mark, mark));
    }

    /// Adds a token for the next `length` characters, all of them ASCII.
    fn push_indicator(&mut self, kind: Kind, length: usize) {
        let start = self.input.mark();
        for _ in 0..length {
            self.input.skip();
        }
        self.tokens.push_back(Token::new(kind, start, self.input.mark()));
    }

    /// Remembers that a key may start here.
    fn save_key(&mut self) -> Result<(), Error> {
        if !self.key_allowed {
            return Ok(());
        }
        let key = SimpleKey {
            possible: true,
            required: self.flow_level() == 0 && self.indent == self.input.column(),
            token: self.taken + self.tokens.len(),
            waits: true,
            mark: self.input.mark(),
        };
        self.remove_key()?;
        if let Some(last) = self.keys.last_mut() {
            *last = key;
        }
        Ok(())
    }

    /// Forgets the key of this level; wrong if one had to be there.
    fn remove_key(&mut self) -> Result<(), Error> {
        let Some(key) = self.keys.last_mut() else {
            return Ok(());
        };
        if key.possible && key.required {
            let context = key.mark;
            return Err(self.error_in("could not find expected ':'", context));
        }
        key.possible = false;
        Ok(())
    }

    /// Opens a block collection if the column is deeper than the current one. `number` is the place
    /// in the queue, counted in all tokens, if the token does not go to its end.
    fn roll_indent(&mut self, number: Option<usize>, kind: Kind, mark: Mark) -> Result<(), Error> {
        let column = i64::from(mark.column);
        if self.flow_level() > 0 || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if self.indents.len() > MAX_DEPTH {
            return Err(self.error(&format!("exceeded max depth of {MAX_DEPTH}")));
        }
        self.insert(number, Token::new(kind, mark, mark));
        Ok(())
    }

    fn insert(&mut self, number: Option<usize>, token: Token<'a>) {
        // A place that was handed out already is none, and the token comes last.
        let place = number.and_then(|number| number.checked_sub(self.taken));
        let place = place.unwrap_or(self.tokens.len());
        self.tokens.insert(place.min(self.tokens.len()), token);
    }

    /// Closes the block collections deeper than the column. Where comments of an outer level came
    /// before, the collection ends in front of them.
    fn unroll_indent(&mut self, column: i64, scan_mark: Mark) {
        if self.flow_level() > 0 {
            return;
        }
        let mut end = scan_mark;
        end.offset = scan_mark.offset.saturating_sub(1);
        while self.indent > column {
            if let Some(comments) = &self.comments {
                end = comments.end_of_block(self.indent, end);
            }
            self.push(Kind::BlockEnd, end);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_stream_end(&mut self) -> Result<(), Error> {
        self.input.force_line();
        self.unroll_indent(-1, self.input.mark());
        self.remove_key()?;
        self.key_allowed = false;
        self.push(Kind::StreamEnd, self.input.mark());
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), Error> {
        self.unroll_indent(-1, self.input.mark());
        self.remove_key()?;
        self.key_allowed = false;
        let token = self.directive()?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn fetch_document_indicator(&mut self, kind: Kind) -> Result<(), Error> {
        self.unroll_indent(-1, self.input.mark());
        self.remove_key()?;
        self.key_allowed = false;
        self.push_indicator(kind, 3);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: Kind) -> Result<(), Error> {
        self.save_key()?;
        let token = self.taken + self.tokens.len();
        self.keys.push(SimpleKey { token, ..SimpleKey::default() });
        if self.keys.len() > MAX_DEPTH {
            return Err(self.error(&format!("exceeded max depth of {MAX_DEPTH}")));
        }
        self.key_allowed = true;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: Kind) -> Result<(), Error> {
        self.remove_key()?;
        if self.flow_level() > 0 {
            let inner = self.keys.pop();
            if let (Some(inner), Some(outer)) = (inner, self.keys.last_mut())
                && inner.token == outer.token
            {
                outer.waits = false;
            }
        }
        self.key_allowed = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Result<(), Error> {
        self.remove_key()?;
        self.key_allowed = true;
        self.push_indicator(Kind::FlowEntry, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), Error> {
        if self.flow_level() == 0 {
            if !self.key_allowed {
                let problem = "block sequence entries are not allowed in this context";
                return Err(self.error(problem));
            }
            self.roll_indent(None, Kind::BlockSequenceStart, self.input.mark())?;
        }
        self.remove_key()?;
        self.key_allowed = true;
        self.push_indicator(Kind::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Error> {
        let block = self.flow_level() == 0;
        if block {
            if !self.key_allowed {
                return Err(self.error("mapping keys are not allowed in this context"));
            }
            self.roll_indent(None, Kind::BlockMappingStart, self.input.mark())?;
        }
        self.remove_key()?;
        self.key_allowed = block;
        self.push_indicator(Kind::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), Error> {
        let level = self.flow_level();
        if self.check_key(level)?
            && let Some(key) = self.keys.last_mut()
        {
            key.possible = false;
            let key = *key;
            self.insert(Some(key.token), Token::new(Kind::Key, key.mark, key.mark));
            self.roll_indent(Some(key.token), Kind::BlockMappingStart, key.mark)?;
            self.key_allowed = false;
        } else {
            if level == 0 {
                if !self.key_allowed {
                    return Err(self.error("mapping values are not allowed in this context"));
                }
                self.roll_indent(None, Kind::BlockMappingStart, self.input.mark())?;
            }
            self.key_allowed = level == 0;
        }
        self.push_indicator(Kind::Value, 1);
        Ok(())
    }

    fn fetch_anchor(&mut self, kind: Kind) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let token = self.anchor(kind)?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn fetch_tag(&mut self) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let token = self.tag()?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn fetch_block_scalar(&mut self, form: ScalarForm) -> Result<(), Error> {
        self.remove_key()?;
        self.key_allowed = true;
        let token = self.block_scalar(form)?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn fetch_quoted(&mut self, single: bool) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let token = self.quoted(single)?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn fetch_plain(&mut self) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let token = self.plain()?;
        self.tokens.push_back(token);
        Ok(())
    }

    /// Goes over white space and comments. A tab may not stand where a key could.
    fn skip_to_token(&mut self, scan_mark: Mark) -> Result<(), Error> {
        loop {
            self.input.skip_spaces(i64::MAX);
            while self.input.byte(0) == b'\t' && (self.flow_level() > 0 || !self.key_allowed) {
                self.input.skip();
                self.input.skip_spaces(i64::MAX);
            }
            self.comment_before_entry();
            if self.input.byte(0) == b'#' {
                self.comment_lines(scan_mark);
            }
            if !self.input.is_break(0) {
                return Ok(());
            }
            self.input.skip_line();
            if self.flow_level() == 0 {
                self.key_allowed = true;
            }
        }
    }
}

/// The two block scalars.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ScalarForm {
    Literal,
    Folded,
}
