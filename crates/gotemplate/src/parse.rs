//! Turns tokens into trees, one for the file and one for each `define` and `block`.

use std::rc::Rc;

use crate::lex::{Kind, Token, tokens};
use crate::node::{Branch, Command, Node, Operand, Pipe, Statement, Tree};
use crate::number::{Form, Number};
use crate::quote::{quote, unquote};
use crate::text::Str;
use crate::{Error, Result};

/// Parentheses or control structures nested deeper than this are refused: each level costs stack,
/// and no template that people write comes near.
const MAX_NESTING: usize = 200;

/// Parses a text; gives the trees in the order they were finished, the file's own last.
/// `defined` says whether a function exists.
pub(crate) fn parse(name: &str, text: &[u8], defined: &dyn Fn(&str) -> bool) -> Result<Vec<Tree>> {
    parse_limited(name, text, defined, MAX_NESTING)
}

/// Parses with a limit of its own on nested parentheses.
pub(crate) fn parse_limited(
    name: &str,
    text: &[u8],
    defined: &dyn Fn(&str) -> bool,
    max_parens: usize,
) -> Result<Vec<Tree>> {
    let loops = (!defined("break"), !defined("continue"));
    let mut parser = Parser {
        tokens: tokens(text, loops),
        next: 0,
        furthest: 0,
        name: Rc::from(name),
        text: Rc::from(text),
        defined,
        variables: vec![Rc::from("$")],
        action_line: 0,
        range_depth: 0,
        nesting: 0,
        parens: 0,
        max_parens,
        trees: Vec::new(),
    };
    let root = parser.file()?;
    let name = parser.name.clone();
    parser.add(name, root)?;
    Ok(parser.trees)
}

struct Parser<'a> {
    tokens: Vec<Token>,
    next: usize,
    furthest: usize,
    name: Rc<str>,
    text: Rc<[u8]>,
    defined: &'a dyn Fn(&str) -> bool,
    variables: Vec<Rc<str>>,
    action_line: usize,
    range_depth: usize,
    nesting: usize,
    parens: usize,
    max_parens: usize,
    trees: Vec<Tree>,
}

/// A statement, or what ends a list of them.
enum Item {
    Statement(Statement),
    /// The position of the `else`.
    Else,
    End,
}

impl Item {
    fn show(&self) -> String {
        match self {
            Self::Statement(statement) => statement.to_string(),
            Self::Else => "{{else}}".to_owned(),
            Self::End => "{{end}}".to_owned(),
        }
    }
}

static END: Token = Token { kind: Kind::Eof, position: 0, line: 1, text: Vec::new() };

impl Parser<'_> {
    fn error<T>(&self, message: &str) -> Result<T> {
        let line =
            self.tokens.get(self.furthest).or_else(|| self.tokens.last()).map_or(1, |t| t.line);
        Err(Error(format!("template: {}:{line}: {message}", self.name)))
    }

    fn token(&self, at: usize) -> &Token {
        self.tokens.get(at).or_else(|| self.tokens.last()).unwrap_or(&END)
    }

    fn advance(&mut self) -> Token {
        let token = self.token(self.next).clone();
        self.furthest = self.furthest.max(self.next.min(self.tokens.len().saturating_sub(1)));
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

    fn unexpected<T>(&self, token: &Token, context: &str) -> Result<T> {
        if token.kind != Kind::Error {
            return self.error(&format!("unexpected {} in {context}", token.show()));
        }
        let mut extra = String::new();
        if self.action_line != 0 && self.action_line != token.line {
            let shown = token.show();
            let lead = if shown.ends_with(" action") { "" } else { " in action" };
            extra = format!("{lead} started at {}:{}", self.name, self.action_line);
        }
        self.error(&format!("{}{extra}", token.show()))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Token> {
        let token = self.advance_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    fn add(&mut self, name: Rc<str>, root: Vec<Statement>) -> Result<()> {
        let tree = Tree { name, parse_name: self.name.clone(), text: self.text.clone(), root };
        let existing = self.trees.iter().position(|t| t.name == tree.name);
        match existing.and_then(|at| self.trees.get_mut(at)) {
            None => self.trees.push(tree),
            Some(old) if old.is_empty() => *old = tree,
            Some(_) if tree.is_empty() => {}
            Some(_) => {
                let name = quote(tree.name.as_bytes());
                return self.error(&format!("template: multiple definition of template {name}"));
            }
        }
        Ok(())
    }

    fn file(&mut self) -> Result<Vec<Statement>> {
        let mut root = Vec::new();
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
                Item::Statement(statement) => root.push(statement),
                end => return self.error(&format!("unexpected {}", end.show())),
            }
        }
        Ok(root)
    }

    fn definition(&mut self) -> Result<()> {
        const CONTEXT: &str = "define clause";
        let token = self.advance_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(Kind::RightDelimiter, CONTEXT)?;
        let root = self.subtree(CONTEXT)?;
        self.add(name, root)
    }

    /// The list of a `define` or `block`, with variables of its own.
    fn subtree(&mut self, context: &str) -> Result<Vec<Statement>> {
        let outer = std::mem::replace(&mut self.variables, vec![Rc::from("$")]);
        let depth = std::mem::take(&mut self.range_depth);
        let line = std::mem::take(&mut self.action_line);
        let (list, end) = self.item_list()?;
        self.variables = outer;
        self.range_depth = depth;
        self.action_line = line;
        match end {
            Item::End => Ok(list),
            end => self.error(&format!("unexpected {} in {context}", end.show())),
        }
    }

    fn template_name(&mut self, token: &Token, context: &str) -> Result<Rc<str>> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, context);
        }
        match unquote(&token.text) {
            Ok(name) => Ok(Rc::from(name.text().as_ref())),
            Err(error) => self.error(&error.0),
        }
    }

    fn item_list(&mut self) -> Result<(Vec<Statement>, Item)> {
        let mut list = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Statement(statement) => list.push(statement),
                end => return Ok((list, end)),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Result<Item> {
        let token = self.advance_non_space();
        match token.kind {
            Kind::Text => {
                let text = Str::from(token.text);
                Ok(Item::Statement(Statement::Text(token.position, text)))
            }
            Kind::LeftDelimiter => {
                self.action_line = token.line;
                let item = self.action();
                if item.is_ok() {
                    self.action_line = 0;
                }
                item
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Result<Item> {
        let token = self.advance_non_space();
        let statement = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => {
                self.loop_control("break")?;
                Statement::Break(token.position)
            }
            Kind::Continue => {
                self.loop_control("continue")?;
                Statement::Continue(token.position)
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
            return self.unexpected(&token, &format!("{{{{{name}}}}}"));
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
        let name = self.template_name(&token, CONTEXT)?;
        let mut pipe = None;
        if self.advance_non_space().kind != Kind::RightDelimiter {
            self.backup();
            pipe = Some(self.pipeline(CONTEXT, Kind::RightDelimiter)?);
        }
        Ok(Statement::Template { position: token.position, name, pipe })
    }

    fn block(&mut self) -> Result<Statement> {
        const CONTEXT: &str = "block clause";
        let token = self.advance_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelimiter)?;
        self.enter()?;
        let root = self.subtree(CONTEXT)?;
        self.nesting -= 1;
        self.add(name.clone(), root)?;
        Ok(Statement::Template { position: token.position, name, pipe: Some(pipe) })
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

    fn else_list(&mut self, context: &'static str) -> Result<Vec<Statement>> {
        if context == "if" && self.peek() == Kind::If {
            self.advance();
            return Ok(vec![Statement::If(self.control("if")?)]);
        }
        if context == "with" && self.peek_non_space().kind == Kind::With {
            self.advance_non_space();
            return Ok(vec![Statement::With(self.control("with")?)]);
        }
        let (list, end) = self.item_list()?;
        match end {
            Item::End => Ok(list),
            end => self.error(&format!("expected end; found {}", end.show())),
        }
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe> {
        let position = self.peek_non_space().position;
        let mut pipe =
            Pipe { position, assigns: false, declares: Vec::new(), commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.advance_non_space();
            match token.kind {
                kind if kind == end => {
                    self.check_pipeline(&pipe, context)?;
                    return Ok(pipe);
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
                    pipe.commands.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
    }

    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Result<()> {
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            let start = self.next;
            self.advance();
            let next = self.peek_non_space();
            let name: Rc<str> = Rc::from(String::from_utf8_lossy(&variable.text).as_ref());
            let comma = next.kind == Kind::Character && next.text == b",";
            if matches!(next.kind, Kind::Assign | Kind::Declare) {
                pipe.assigns = next.kind == Kind::Assign;
                self.advance_non_space();
                pipe.declares.push(name.clone());
                self.variables.push(name);
                return Ok(());
            }
            if !comma {
                self.next = start;
                return Ok(());
            }
            self.advance_non_space();
            pipe.declares.push(name.clone());
            self.variables.push(name);
            if context != "range" || pipe.declares.len() >= 2 {
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

    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Result<()> {
        if pipe.commands.is_empty() {
            return self.error(&format!("missing value for {context}"));
        }
        for (index, command) in pipe.commands.iter().enumerate().skip(1) {
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
        let position = self.peek_non_space().position;
        let mut command = Command { position, args: Vec::new() };
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                command.args.push(operand);
            }
            let token = self.advance();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelimiter | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if command.args.is_empty() {
            return self.error("empty command");
        }
        Ok(command)
    }

    fn operand(&mut self) -> Result<Option<Node>> {
        let Some(node) = self.term()? else { return Ok(None) };
        if self.peek() != Kind::Field {
            return Ok(Some(node));
        }
        let position = self.token(self.next).position;
        let mut names = Vec::new();
        while self.peek() == Kind::Field {
            names.push(field_name(&self.advance()));
        }
        let operand = match node.operand {
            Operand::Field(mut first) => {
                first.append(&mut names);
                Operand::Field(first)
            }
            Operand::Variable(mut first) => {
                first.append(&mut names);
                Operand::Variable(first)
            }
            Operand::Identifier(_) | Operand::Chain(..) | Operand::Pipe(_) => {
                Operand::Chain(Box::new(node), names)
            }
            _ => {
                let shown = quote(node.to_string().as_bytes());
                return self.error(&format!("unexpected . after term {shown}"));
            }
        };
        Ok(Some(Node { position, operand }))
    }

    fn term(&mut self) -> Result<Option<Node>> {
        let token = self.advance_non_space();
        let text = String::from_utf8_lossy(&token.text).into_owned();
        let operand = match token.kind {
            Kind::Identifier => {
                if !(self.defined)(&text) {
                    let name = quote(text.as_bytes());
                    return self.error(&format!("function {name} not defined"));
                }
                Operand::Identifier(Rc::from(text))
            }
            Kind::Dot => Operand::Dot,
            Kind::Nil => Operand::Nil,
            Kind::Variable => {
                if !self.variables.iter().any(|v| **v == *text) {
                    let name = quote(text.as_bytes());
                    return self.error(&format!("undefined variable {name}"));
                }
                Operand::Variable(vec![Rc::from(text)])
            }
            Kind::Field => Operand::Field(vec![field_name(&token)]),
            Kind::Bool => Operand::Bool(text == "true"),
            Kind::CharConstant => self.number(&text, Form::Character)?,
            Kind::Complex => self.number(&text, Form::Complex)?,
            Kind::Number => self.number(&text, Form::Plain)?,
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
            Kind::String | Kind::RawString => match unquote(&token.text) {
                Ok(value) => Operand::String { quoted: text, text: value },
                Err(error) => return self.error(&error.0),
            },
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        Ok(Some(Node { position: token.position, operand }))
    }

    fn number(&self, text: &str, form: Form) -> Result<Operand> {
        match Number::parse(text, form) {
            Ok(number) => Ok(Operand::Number(number)),
            Err(error) => self.error(&error.0),
        }
    }
}

/// The name of a field token without its dot.
fn field_name(token: &Token) -> Rc<str> {
    let text = String::from_utf8_lossy(&token.text);
    Rc::from(text.strip_prefix('.').unwrap_or(&text))
}
