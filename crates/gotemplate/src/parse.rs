//! Turns tokens into trees, one for the file and one for each `define` and `block`.

use std::rc::Rc;

use smallvec::SmallVec;

use crate::lex::{Kind, Token, Tokens, tokens};
use crate::node::{Branch, Command, Commands, Node, Operand, Pipe, Shown, Span, Statement, Tree};
use crate::number::{Form, Number};
use crate::quote::{quote, unquote};
use crate::source::Source;
use crate::text::lossy;
use crate::{Error, Result};

/// Parentheses or control structures nested deeper than this are refused: each level costs stack,
/// and no template that people write comes near.
const MAX_NESTING: usize = 200;

/// The trees of a text.
pub(crate) struct Trees {
    /// In the order they were finished, the file's own last.
    pub(crate) all: Vec<Tree>,
    /// Whether some name was given to two of them; then one stands where the other was.
    pub(crate) merged: bool,
    /// The list that the tokens were in, now empty.
    pub(crate) spare: Vec<Token>,
}

/// Parses a text; `defined` says whether a function exists, and tokens go into the list `spare`.
pub(crate) fn parse(
    name: Rc<str>,
    text: &Source,
    defined: &dyn Fn(&str) -> bool,
    spare: Vec<Token>,
) -> Result<Trees> {
    parse_limited(name, text, defined, (MAX_NESTING, spare))
}

/// Parses with a limit of its own on nested parentheses.
pub(crate) fn parse_limited(
    name: Rc<str>,
    text: &Source,
    defined: &dyn Fn(&str) -> bool,
    (max_parens, spare): (usize, Vec<Token>),
) -> Result<Trees> {
    let loops = (!defined("break"), !defined("continue"));
    let mut parser = Parser {
        tokens: tokens(text, loops, spare),
        next: 0,
        furthest: 0,
        name,
        text: text.clone(),
        defined,
        variables: vec![b"$"],
        action: None,
        range_depth: 0,
        nesting: 0,
        parens: 0,
        max_parens,
        statements: Vec::new(),
        commands: Vec::new(),
        nodes: Vec::new(),
        trees: Trees { all: Vec::new(), merged: false, spare: Vec::new() },
    };
    let root = parser.file()?;
    let name = parser.name.clone();
    parser.add(name, root)?;
    let mut spare = parser.tokens.list;
    spare.clear();
    Ok(Trees { spare, ..parser.trees })
}

struct Parser<'a> {
    tokens: Tokens<'a>,
    next: usize,
    furthest: usize,
    name: Rc<str>,
    text: Source,
    defined: &'a dyn Fn(&str) -> bool,
    variables: Vec<&'a [u8]>,
    /// Where the action begins that is being parsed.
    action: Option<u32>,
    range_depth: usize,
    nesting: usize,
    parens: usize,
    max_parens: usize,
    /// What is not yet part of a list: lists grow here, and are then cut off at their size.
    statements: Vec<Statement>,
    commands: Vec<Command>,
    nodes: Vec<Node>,
    trees: Trees,
}

/// A statement, or what ends a list of them.
enum Item {
    Statement(Statement),
    /// The position of the `else`.
    Else,
    End,
}

impl Item {
    fn show(&self, text: &[u8]) -> String {
        match self {
            Self::Statement(statement) => Shown(statement, text).to_string(),
            Self::Else => "{{else}}".to_owned(),
            Self::End => "{{end}}".to_owned(),
        }
    }
}

const END: Token = Token { kind: Kind::Eof, span: Span { start: 0, end: 0 } };

impl Parser<'_> {
    fn error<T>(&self, message: &str) -> Result<T> {
        let line = self.tokens.line(self.token(self.furthest).span.start);
        Err(Error(format!("template: {}:{line}: {message}", self.name)))
    }

    fn token(&self, at: usize) -> Token {
        let list = &self.tokens.list;
        list.get(at).or_else(|| list.last()).copied().unwrap_or(END)
    }

    fn advance(&mut self) -> Token {
        let token = self.token(self.next);
        self.furthest = self.furthest.max(self.next.min(self.tokens.list.len().saturating_sub(1)));
        self.next += 1;
        token
    }

    fn backup(&mut self) {
        self.next = self.next.saturating_sub(1);
    }

    fn peek(&mut self) -> Kind {
        let kind = self.advance().kind;
        self.backup();
        kind
    }

    fn advance_non_space(&mut self) -> Token {
        loop {
            let token = self.advance();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token {
        let token = self.advance_non_space();
        self.backup();
        token
    }

    fn unexpected<T>(&self, token: Token, context: &str) -> Result<T> {
        if token.kind != Kind::Error {
            return self.error(&format!("unexpected {} in {context}", self.tokens.show(token)));
        }
        let mut extra = String::new();
        if let Some(line) = self.action.map(|action| self.tokens.line(action))
            && line != self.tokens.line(token.span.start)
        {
            let shown = self.tokens.show(token);
            let lead = if shown.ends_with(" action") { "" } else { " in action" };
            extra = format!("{lead} started at {}:{line}", self.name);
        }
        self.error(&format!("{}{extra}", self.tokens.show(token)))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Token> {
        let token = self.advance_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(token, context) }
    }

    fn add(&mut self, name: Rc<str>, root: Box<[Statement]>) -> Result<()> {
        let root = Rc::from(root);
        let tree = Tree { name, parse_name: self.name.clone(), text: self.text.clone(), root };
        let Trees { all, merged, .. } = &mut self.trees;
        let existing = all.iter().position(|t| t.name == tree.name);
        *merged |= existing.is_some();
        match existing.and_then(|at| all.get_mut(at)) {
            None => all.push(tree),
            Some(old) if old.is_empty() => *old = tree,
            Some(_) if tree.is_empty() => {}
            Some(_) => {
                let name = quote(tree.name.as_bytes());
                return self.error(&format!("template: multiple definition of template {name}"));
            }
        }
        Ok(())
    }

    fn file(&mut self) -> Result<Box<[Statement]>> {
        let mark = self.statements.len();
        while self.peek() != Kind::Eof {
            if self.peek() == Kind::LeftDelimiter {
                let start = self.next;
                self.advance();
                if self.advance_non_space().kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.next = start;
            }
            match self.text_or_action()? {
                Item::Statement(statement) => self.statements.push(statement),
                end => return self.error(&format!("unexpected {}", end.show(&self.text))),
            }
        }
        Ok(self.statements.drain(mark..).collect())
    }

    fn definition(&mut self) -> Result<()> {
        const CONTEXT: &str = "define clause";
        let token = self.advance_non_space();
        let name = self.template_name(token, CONTEXT)?;
        self.expect(Kind::RightDelimiter, CONTEXT)?;
        let root = self.subtree(CONTEXT)?;
        self.add(name, root)
    }

    /// The list of a `define` or `block`, with variables of its own.
    fn subtree(&mut self, context: &str) -> Result<Box<[Statement]>> {
        let outer = std::mem::replace(&mut self.variables, vec![b"$".as_slice()]);
        let depth = std::mem::take(&mut self.range_depth);
        let action = self.action.take();
        let (list, end) = self.item_list()?;
        self.variables = outer;
        self.range_depth = depth;
        self.action = action;
        match end {
            Item::End => Ok(list),
            end => self.error(&format!("unexpected {} in {context}", end.show(&self.text))),
        }
    }

    fn template_name(&mut self, token: Token, context: &str) -> Result<Rc<str>> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, context);
        }
        match unquote(self.tokens.text(token)) {
            Ok(name) => Ok(Rc::from(name.text().as_ref())),
            Err(error) => self.error(&error.0),
        }
    }

    fn item_list(&mut self) -> Result<(Box<[Statement]>, Item)> {
        let mark = self.statements.len();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Statement(statement) => self.statements.push(statement),
                end => return Ok((self.statements.drain(mark..).collect(), end)),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Result<Item> {
        let token = self.advance_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Statement(Statement::Text(token.span))),
            Kind::LeftDelimiter => {
                self.action = Some(token.span.start);
                let item = self.action();
                if item.is_ok() {
                    self.action = None;
                }
                item
            }
            _ => self.unexpected(token, "input"),
        }
    }

    fn action(&mut self) -> Result<Item> {
        let token = self.advance_non_space();
        let statement = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => {
                self.loop_control("break")?;
                Statement::Break(token.span.start)
            }
            Kind::Continue => {
                self.loop_control("continue")?;
                Statement::Continue(token.span.start)
            }
            Kind::Else => return self.otherwise(),
            Kind::End => {
                self.expect(Kind::RightDelimiter, "end")?;
                return Ok(Item::End);
            }
            Kind::If => Statement::If(self.control("if")?),
            Kind::Range => Statement::Range(self.control("range")?),
            Kind::Template => self.template()?,
            Kind::With => Statement::With(self.control("with")?),
            _ => {
                self.backup();
                Statement::Action(self.pipeline("command", Kind::RightDelimiter)?)
            }
        };
        Ok(Item::Statement(statement))
    }

    fn loop_control(&mut self, name: &str) -> Result<()> {
        let token = self.advance_non_space();
        if token.kind != Kind::RightDelimiter {
            return self.unexpected(token, &format!("{{{{{name}}}}}"));
        }
        if self.range_depth == 0 {
            return self.error(&format!("{{{{{name}}}}} outside {{{{range}}}}"));
        }
        Ok(())
    }

    fn otherwise(&mut self) -> Result<Item> {
        let peek = self.peek_non_space();
        if !matches!(peek.kind, Kind::If | Kind::With) {
            self.expect(Kind::RightDelimiter, "else")?;
        }
        Ok(Item::Else)
    }

    fn template(&mut self) -> Result<Statement> {
        const CONTEXT: &str = "template clause";
        let token = self.advance_non_space();
        let name = self.template_name(token, CONTEXT)?;
        let mut pipe = None;
        if self.advance_non_space().kind != Kind::RightDelimiter {
            self.backup();
            pipe = Some(self.pipeline(CONTEXT, Kind::RightDelimiter)?);
        }
        Ok(Statement::Template { position: token.span.start, name, pipe })
    }

    fn block(&mut self) -> Result<Statement> {
        const CONTEXT: &str = "block clause";
        let token = self.advance_non_space();
        let name = self.template_name(token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelimiter)?;
        self.enter()?;
        let root = self.subtree(CONTEXT)?;
        self.nesting -= 1;
        self.add(name.clone(), root)?;
        Ok(Statement::Template { position: token.span.start, name, pipe: Some(pipe) })
    }

    fn enter(&mut self) -> Result<()> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return self.error("control structures are nested too deeply");
        }
        Ok(())
    }

    fn control(&mut self, context: &'static str) -> Result<Branch> {
        self.enter()?;
        let variables = self.variables.len();
        let pipe = self.pipeline(context, Kind::RightDelimiter)?;
        self.range_depth += usize::from(context == "range");
        let (list, end) = self.item_list()?;
        self.range_depth -= usize::from(context == "range");
        let otherwise = match end {
            Item::Else => Some(self.else_list(context)?),
            _ => None,
        };
        self.variables.truncate(variables);
        self.nesting -= 1;
        Ok(Branch { pipe, list, otherwise })
    }

    fn else_list(&mut self, context: &'static str) -> Result<Box<[Statement]>> {
        if context == "if" && self.peek() == Kind::If {
            self.advance();
            return Ok(Box::new([Statement::If(self.control("if")?)]));
        }
        if context == "with" && self.peek_non_space().kind == Kind::With {
            self.advance_non_space();
            return Ok(Box::new([Statement::With(self.control("with")?)]));
        }
        let (list, end) = self.item_list()?;
        match end {
            Item::End => Ok(list),
            end => self.error(&format!("expected end; found {}", end.show(&self.text))),
        }
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe> {
        let position = self.peek_non_space().span.start;
        let mark = self.commands.len();
        let (assigns, declares) = self.declarations(context)?;
        loop {
            let token = self.advance_non_space();
            match token.kind {
                kind if kind == end => {
                    self.check_pipeline(mark, context)?;
                    let commands = match self.commands.len() - mark {
                        1 => self.commands.pop().map(Commands::One),
                        _ => None,
                    };
                    let commands = commands
                        .unwrap_or_else(|| Commands::Many(self.commands.drain(mark..).collect()));
                    return Ok(Pipe { position, assigns, declares, commands });
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    self.commands.push(command);
                }
                _ => return self.unexpected(token, context),
            }
        }
    }

    /// The variables that a pipeline begins with, and whether it assigns to them.
    fn declarations(&mut self, context: &str) -> Result<(bool, Box<[Span]>)> {
        let mut declares = SmallVec::<[Span; 2]>::new();
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok((false, declares.into_boxed_slice()));
            }
            let start = self.next;
            self.advance();
            let next = self.peek_non_space();
            let comma = next.kind == Kind::Character && self.tokens.text(next) == b",";
            if !comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
                self.next = start;
                return Ok((false, declares.into_boxed_slice()));
            }
            self.advance_non_space();
            declares.push(variable.span);
            self.variables.push(self.tokens.text(variable));
            if !comma {
                return Ok((next.kind == Kind::Assign, declares.into_boxed_slice()));
            }
            if context != "range" || declares.len() >= 2 {
                return self.error(&format!("too many declarations in {context}"));
            }
            if !matches!(
                self.peek_non_space().kind,
                Kind::Variable | Kind::RightDelimiter | Kind::RightParen
            ) {
                return self.error("range can only initialize variables");
            }
        }
    }

    /// Checks the commands of a pipeline, those from `mark` on.
    fn check_pipeline(&self, mark: usize, context: &str) -> Result<()> {
        let commands = self.commands.get(mark..).unwrap_or_default();
        if commands.is_empty() {
            return self.error(&format!("missing value for {context}"));
        }
        for (index, command) in commands.iter().enumerate().skip(1) {
            if let Some(Node {
                operand:
                    Operand::Bool(_)
                    | Operand::Dot
                    | Operand::Nil
                    | Operand::Number(_)
                    | Operand::String { .. },
                ..
            }) = command.args.first()
            {
                let stage = index + 1;
                return self.error(&format!("non executable command in pipeline stage {stage}"));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command> {
        let position = self.peek_non_space().span.start;
        let mark = self.nodes.len();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                self.nodes.push(operand);
            }
            let token = self.advance();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelimiter | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return self.unexpected(token, "operand"),
            }
            break;
        }
        let args: Box<[Node]> = self.nodes.drain(mark..).collect();
        if args.is_empty() {
            return self.error("empty command");
        }
        Ok(Command { position, args })
    }

    fn operand(&mut self) -> Result<Option<Node>> {
        let Some(node) = self.term()? else { return Ok(None) };
        if self.peek() != Kind::Field {
            return Ok(Some(node));
        }
        // The names stand one after the other in the text, each with its dot.
        let first = self.token(self.next).span;
        let mut last = first;
        while self.peek() == Kind::Field {
            last = self.advance().span;
        }
        let longer = |name: Span| Span { end: last.end, ..name };
        let operand = match node.operand {
            Operand::Field(names) => Operand::Field(longer(names)),
            Operand::Variable(names) => Operand::Variable(longer(names)),
            Operand::Identifier(_) | Operand::Chain(..) | Operand::Pipe(_) => {
                Operand::Chain(Box::new(node), longer(without_dot(first)))
            }
            _ => {
                let shown = Shown(&node, &self.text).to_string();
                let shown = quote(shown.as_bytes());
                return self.error(&format!("unexpected . after term {shown}"));
            }
        };
        Ok(Some(Node { position: first.start, operand }))
    }

    fn term(&mut self) -> Result<Option<Node>> {
        let token = self.advance_non_space();
        let bytes = self.tokens.text(token);
        let operand = match token.kind {
            Kind::Identifier => {
                let name = lossy(bytes);
                if !(self.defined)(&name) {
                    let name = quote(bytes);
                    return self.error(&format!("function {name} not defined"));
                }
                Operand::Identifier(token.span)
            }
            Kind::Dot => Operand::Dot,
            Kind::Nil => Operand::Nil,
            Kind::Variable => {
                if !self.variables.contains(&bytes) {
                    let name = quote(bytes);
                    return self.error(&format!("undefined variable {name}"));
                }
                Operand::Variable(token.span)
            }
            Kind::Field => Operand::Field(without_dot(token.span)),
            Kind::Bool => Operand::Bool(bytes == b"true"),
            Kind::CharConstant => self.number(&lossy(bytes), Form::Character)?,
            Kind::Complex => self.number(&lossy(bytes), Form::Complex)?,
            Kind::Number => self.number(&lossy(bytes), Form::Plain)?,
            Kind::LeftParen => {
                if self.parens >= self.max_parens {
                    return self.error("max expression depth exceeded");
                }
                self.parens += 1;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.parens -= 1;
                return Ok(Some(Node {
                    position: pipe.position,
                    operand: Operand::Pipe(Box::new(pipe)),
                }));
            }
            Kind::String | Kind::RawString => match unquote(bytes) {
                Ok(value) => Operand::String { quoted: token.span, text: value },
                Err(error) => return self.error(&error.0),
            },
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        Ok(Some(Node { position: token.span.start, operand }))
    }

    fn number(&self, text: &str, form: Form) -> Result<Operand> {
        match Number::parse(text, form) {
            Ok(number) => Ok(Operand::Number(Box::new(number))),
            Err(error) => self.error(&error.0),
        }
    }
}

/// The name of a field token, which begins with a dot.
fn without_dot(field: Span) -> Span {
    Span { start: field.start + 1, ..field }
}
