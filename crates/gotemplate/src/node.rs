//! The syntax tree, and how Go prints it in errors.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};
use std::ops::Deref;
use std::rc::Rc;

use crate::number::Number;
use crate::quote::quote;
use crate::source::Source;
use crate::text::{Str, lossy};

/// A parsed template: its tree and the text that positions refer to.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Rc<str>,
    /// The name of the file it was defined in, for error messages.
    pub(crate) parse_name: Rc<str>,
    pub(crate) text: Source,
    pub(crate) root: Rc<[Statement]>,
}

impl Tree {
    /// True when only white space and definitions stand in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.root.iter().all(|s| match s {
            Statement::Text(text) => lossy(text.of(&self.text)).trim().is_empty(),
            _ => false,
        })
    }

    /// The same tree under another name, from a file of the same text.
    pub(crate) fn renamed(&self, name: &Rc<str>, parse_name: &Rc<str>) -> Self {
        Self {
            name: name.clone(),
            parse_name: parse_name.clone(),
            text: self.text.clone(),
            root: self.root.clone(),
        }
    }

    /// `file:line:column` of a byte position; the column counts bytes from 0.
    pub(crate) fn location(&self, position: usize) -> String {
        let before = self.text.get(..position).unwrap_or_default();
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = before.iter().rev().take_while(|b| **b != b'\n').count();
        format!("{}:{line}:{column}", self.parse_name)
    }
}

/// A stretch of a template's text; those of names have dots between them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    /// The bytes in the text that it is a stretch of.
    #[inline]
    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// A statement of a template.
#[derive(Debug)]
pub(crate) enum Statement {
    /// What stands between actions.
    Text(Span),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template {
        position: u32,
        name: Rc<str>,
        pipe: Option<Pipe>,
    },
    Break(u32),
    Continue(u32),
}

/// The parts of `if`, `with` and `range`.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) list: Box<[Statement]>,
    pub(crate) otherwise: Option<Box<[Statement]>>,
}

/// A pipeline with its declarations.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) position: u32,
    pub(crate) assigns: bool,
    pub(crate) declares: Box<[Span]>,
    pub(crate) commands: Commands,
}

/// The commands of a pipeline. Most have one, which then needs no list.
#[derive(Debug)]
pub(crate) enum Commands {
    One(Command),
    Many(Box<[Command]>),
}

impl Deref for Commands {
    type Target = [Command];

    fn deref(&self) -> &[Command] {
        match self {
            Self::One(command) => std::slice::from_ref(command),
            Self::Many(commands) => commands,
        }
    }
}

/// A command: a word and its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) position: u32,
    pub(crate) args: Box<[Node]>,
}

/// An operand.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) position: u32,
    pub(crate) operand: Operand,
}

/// What an operand is.
#[derive(Debug)]
pub(crate) enum Operand {
    Bool(bool),
    Dot,
    Nil,
    Number(Box<Number>),
    String {
        quoted: Span,
        text: Str,
    },
    Identifier(Span),
    /// Names: `Values.image` for `.Values.image`.
    Field(Span),
    /// The variable, then names: `$x.image`.
    Variable(Span),
    /// What the names are looked up in.
    Chain(Box<Node>, Span),
    Pipe(Box<Pipe>),
}

/// A place in the tree that an error is about.
#[derive(Clone, Copy)]
pub(crate) enum Place<'t> {
    Statement(&'t Statement),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Node(&'t Node),
}

impl Place<'_> {
    pub(crate) fn position(&self) -> usize {
        let position = match self {
            Self::Statement(statement) => match statement {
                Statement::Text(text) => text.start,
                Statement::Template { position, .. }
                | Statement::Break(position)
                | Statement::Continue(position) => *position,
                Statement::Action(pipe) => pipe.position,
                Statement::If(branch) | Statement::With(branch) | Statement::Range(branch) => {
                    branch.pipe.position
                }
            },
            Self::Pipe(pipe) => pipe.position,
            Self::Command(command) => command.position,
            Self::Node(node) => node.position,
        };
        position as usize
    }
}

/// A part of a tree and the text it is of, to be printed.
pub(crate) struct Shown<'t, T: ?Sized>(pub(crate) &'t T, pub(crate) &'t [u8]);

impl<T: ?Sized> Shown<'_, T> {
    fn text(&self, span: Span) -> Cow<'_, str> {
        lossy(span.of(self.1))
    }

    /// Another part of the same tree.
    fn part<'p, P: ?Sized>(&'p self, part: &'p P) -> Shown<'p, P> {
        Shown(part, self.1)
    }
}

impl Display for Shown<'_, Place<'_>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Place::Statement(statement) => self.part(*statement).fmt(f),
            Place::Pipe(pipe) => self.part(*pipe).fmt(f),
            Place::Command(command) => self.part(*command).fmt(f),
            Place::Node(node) => self.part(*node).fmt(f),
        }
    }
}

impl Display for Shown<'_, [Statement]> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|statement| self.part(statement).fmt(f))
    }
}

impl Display for Shown<'_, Statement> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // `{:#}` quotes texts, as Go's parser tests print them.
            Statement::Text(text) if f.alternate() => f.write_str(&quote(text.of(self.1))),
            Statement::Text(text) => f.write_str(&self.text(*text)),
            Statement::Action(pipe) => write!(f, "{{{{{}}}}}", self.part(pipe)),
            Statement::If(branch) => self.part(branch).write(f, "if"),
            Statement::With(branch) => self.part(branch).write(f, "with"),
            Statement::Range(branch) => self.part(branch).write(f, "range"),
            Statement::Template { name, pipe, .. } => {
                write!(f, "{{{{template {}", quote(name.as_bytes()))?;
                if let Some(pipe) = pipe {
                    write!(f, " {}", self.part(pipe))?;
                }
                f.write_str("}}")
            }
            Statement::Break(_) => f.write_str("{{break}}"),
            Statement::Continue(_) => f.write_str("{{continue}}"),
        }
    }
}

impl Shown<'_, Branch> {
    fn write(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        write!(f, "{{{{{name} {}}}}}", self.part(&self.0.pipe))?;
        self.part(&*self.0.list).fmt(f)?;
        if let Some(otherwise) = &self.0.otherwise {
            f.write_str("{{else}}")?;
            self.part(&**otherwise).fmt(f)?;
        }
        f.write_str("{{end}}")
    }
}

impl Display for Shown<'_, Pipe> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.declares.iter().enumerate() {
            write!(f, "{}{}", if index > 0 { ", " } else { "" }, self.text(*name))?;
        }
        if !self.0.declares.is_empty() {
            f.write_str(if self.0.assigns { " = " } else { " := " })?;
        }
        for (index, command) in self.0.commands.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            self.part(command).fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Shown<'_, Command> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, arg) in self.0.args.iter().enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            self.part(arg).in_parentheses(f)?;
        }
        Ok(())
    }
}

impl Shown<'_, Node> {
    /// Prints it; a pipeline in parentheses.
    fn in_parentheses(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.operand {
            Operand::Pipe(pipe) => write!(f, "({})", self.part(&**pipe)),
            _ => self.fmt(f),
        }
    }
}

impl Display for Shown<'_, Node> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.operand {
            Operand::Bool(b) => write!(f, "{b}"),
            Operand::Dot => f.write_str("."),
            Operand::Nil => f.write_str("nil"),
            Operand::Number(number) => f.write_str(&number.text),
            Operand::String { quoted: span, .. }
            | Operand::Identifier(span)
            | Operand::Variable(span) => f.write_str(&self.text(*span)),
            Operand::Field(names) => write!(f, ".{}", self.text(*names)),
            Operand::Chain(node, names) => {
                self.part(&**node).in_parentheses(f)?;
                write!(f, ".{}", self.text(*names))
            }
            Operand::Pipe(pipe) => self.part(&**pipe).fmt(f),
        }
    }
}
