//! Texts with variables, taken apart. The grammar is that of `fluxcd/pkg/envsubst/parse`, oddities included.

use crate::error::{Error, ErrorKind, Result};

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Plain text.
    Text(String),
    /// `${param operator args}`.
    Variable { param: String, operator: String, args: Vec<Self> },
}

/// Substitutions inside each other that are followed.
const MAX_DEPTH: usize = 100;

/// Takes a text apart.
pub(super) fn parse(text: &str) -> Result<Vec<Node>> {
    let mut parser = Parser { rest: text, escapes: Escapes::Dollar, depth: 0 };
    let mut nodes = Vec::new();
    loop {
        parser.escapes = Escapes::Dollar;
        let mode = Mode { ident: true, open: true, close: false, escape: true };
        match parser.scan(mode, |_, _| true) {
            Token::Ident(text) => nodes.push(Node::Text(text)),
            Token::End => return Ok(nodes),
            Token::Open => nodes.push(parser.variable()?),
            Token::Close | Token::Illegal => return Err(bad()),
        }
    }
}

fn bad() -> Error {
    Error::new("bad substitution")
}

/// Which characters a backslash or dollar can escape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Dollar,
    All,
}

#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "a set of what may come next")]
struct Mode {
    ident: bool,
    open: bool,
    close: bool,
    escape: bool,
}

const IDENT: Mode = Mode { ident: true, open: false, close: false, escape: false };
const CLOSE: Mode = Mode { ident: false, open: false, close: true, escape: false };

enum Token {
    End,
    Open,
    Close,
    Ident(String),
    Illegal,
}

struct Parser<'t> {
    rest: &'t str,
    escapes: Escapes,
    depth: usize,
}

/// Says whether a character, which ends at a position (from 1) in the token, belongs to it.
type Accept = fn(char, usize) -> bool;

fn in_name(c: char, _: usize) -> bool {
    c.is_alphabetic() || c.is_numeric() || c == '_'
}

fn not_closing(c: char, _: usize) -> bool {
    c != '}'
}

impl Parser<'_> {
    /// A zero byte counts as the end.
    fn peek(&self) -> Option<char> {
        self.rest.chars().next().filter(|c| *c != '\0')
    }

    fn second(&self) -> Option<char> {
        self.rest.chars().nth(1)
    }

    fn advance(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    fn at_open(&self) -> bool {
        self.rest.starts_with("${")
    }

    fn at_escape(&self, mode: Mode) -> bool {
        mode.escape
            && match self.peek() {
                Some('$') => self.second() == Some('$'),
                Some('\\') if self.escapes == Escapes::All => {
                    matches!(self.second(), Some('/' | '\\'))
                }
                _ => false,
            }
    }

    fn scan(&mut self, mode: Mode, accept: Accept) -> Token {
        let Some(first) = self.peek() else {
            return Token::End;
        };
        if mode.open && self.at_open() {
            self.advance();
            self.advance();
            return Token::Open;
        }
        if mode.close && first == '}' {
            self.advance();
            return Token::Close;
        }
        if !mode.ident || !(self.at_escape(mode) || accept(first, first.len_utf8())) {
            self.advance();
            return Token::Illegal;
        }
        let mut ident = String::new();
        while let Some(c) = self.peek() {
            if !ident.is_empty() && mode.open && self.at_open() {
                break;
            }
            if self.at_escape(mode) {
                self.advance();
                ident.extend(self.peek());
            } else if accept(c, ident.len() + c.len_utf8()) {
                ident.push(c);
            } else {
                break;
            }
            self.advance();
        }
        Token::Ident(ident)
    }

    fn ident(&mut self, accept: Accept) -> Result<String> {
        match self.scan(IDENT, accept) {
            Token::Ident(text) => Ok(text),
            _ => Err(bad()),
        }
    }

    fn close(&mut self) -> Result<()> {
        match self.scan(CLOSE, in_name) {
            Token::Close => Ok(()),
            _ => Err(bad()),
        }
    }

    /// What follows `${`.
    fn variable(&mut self) -> Result<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("substitutions are nested more than {MAX_DEPTH} deep");
            return Err(Error::of(ErrorKind::Limit, message));
        }
        self.escapes = Escapes::All;
        let node = if self.peek() == Some('#') { self.length() } else { self.named() };
        self.depth -= 1;
        node
    }

    fn length(&mut self) -> Result<Node> {
        let operator = self.ident(|c, at| c == '#' && at == 1)?;
        let param = self.ident(in_name)?;
        self.close()?;
        Ok(Node::Variable { param, operator, args: Vec::new() })
    }

    fn named(&mut self) -> Result<Node> {
        let Token::Ident(param) = self.scan(IDENT, in_name) else {
            return Err(Error::new("unable to parse variable name"));
        };
        match self.peek() {
            Some(':') if matches!(self.second(), Some('=' | '-' | '?' | '+')) => {
                self.default_value(param)
            }
            Some(':') => self.part(param),
            Some('=') => self.default_value(param),
            Some(',' | '^') => {
                let operator = self.ident(|c, at| matches!(c, ',' | '^') && at < 3)?;
                self.close()?;
                Ok(Node::Variable { param, operator, args: Vec::new() })
            }
            Some('/') => self.replace(param),
            Some('#') => self.remove(param, |c, at| c == '#' && at < 3),
            Some('%') => self.remove(param, |c, at| c == '%' && at < 3),
            _ => match self.scan(CLOSE, in_name) {
                Token::Close => {
                    Ok(Node::Variable { param, operator: String::new(), args: Vec::new() })
                }
                _ => Err(Error::new("missing closing brace")),
            },
        }
    }

    fn argument(&mut self, accept: Accept, escape: bool) -> Result<Node> {
        let mode = Mode { ident: true, open: true, close: false, escape };
        match self.scan(mode, accept) {
            Token::Open => self.variable(),
            Token::Ident(text) => Ok(Node::Text(text)),
            Token::End | Token::Close | Token::Illegal => {
                Err(Error::new("unable to parse substitution within function"))
            }
        }
    }

    fn default_value(&mut self, param: String) -> Result<Node> {
        let accept: Accept = if self.peek() == Some('=') {
            |c, at| c == '=' && at == 1
        } else {
            |c, at| (at == 1 && c == ':') || (at == 2 && matches!(c, '=' | '-' | '?' | '+'))
        };
        let Token::Ident(operator) = self.scan(IDENT, accept) else {
            return Err(Error::new("unable to parse default function"));
        };
        let mut args = Vec::new();
        while self.peek() != Some('}') {
            args.push(self.argument(not_closing, false)?);
        }
        self.close()?;
        Ok(Node::Variable { param, operator, args })
    }

    fn part(&mut self, param: String) -> Result<Node> {
        let operator = self.ident(|c, at| c == ':' && at == 1)?;
        let mut args = vec![self.argument(|c, _| c != ':' && c != '}', false)?];
        match self.scan(Mode { close: true, ..IDENT }, |c, _| c == ':') {
            Token::Close => return Ok(Node::Variable { param, operator, args }),
            Token::Ident(_) => {}
            Token::End | Token::Open | Token::Illegal => return Err(bad()),
        }
        args.push(self.argument(not_closing, false)?);
        self.close()?;
        Ok(Node::Variable { param, operator, args })
    }

    fn remove(&mut self, param: String, accept: Accept) -> Result<Node> {
        let operator = self.ident(accept)?;
        let args = vec![self.argument(not_closing, false)?];
        self.close()?;
        Ok(Node::Variable { param, operator, args })
    }

    fn replace(&mut self, param: String) -> Result<Node> {
        let operator =
            self.ident(|c, at| (at == 1 && c == '/') || (at == 2 && matches!(c, '/' | '#' | '%')))?;
        let mut args = vec![self.argument(|c, _| c != '/', true)?];
        self.ident(|c, _| c == '/')?;
        if self.peek() != Some('}') {
            args.push(self.argument(not_closing, true)?);
        }
        self.close()?;
        Ok(Node::Variable { param, operator, args })
    }
}
