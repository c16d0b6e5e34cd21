//! The syntax tree, and how Go prints it in errors.

use std::fmt::{self, Display, Write};
use std::rc::Rc;

use crate::number::Number;
use crate::quote::quote;
use crate::text::Str;

/// A parsed template: its tree and the text that positions refer to.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Rc<str>,
    /// The name of the file it was defined in, for error messages.
    pub(crate) parse_name: Rc<str>,
    pub(crate) text: Rc<[u8]>,
    pub(crate) root: Rc<[Statement]>,
}

impl Tree {
    /// True when only white space and definitions stand in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.root.iter().all(|s| match s {
            Statement::Text(text) => String::from_utf8_lossy(text.bytes()).trim().is_empty(),
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

/// A text between actions: a part of the template's own text.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) whole: Rc<[u8]>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Text {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.whole.get(self.start..self.end).unwrap_or_default()
    }
}

/// A statement of a template.
#[derive(Debug)]
pub(crate) enum Statement {
    Text(Text),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { position: usize, name: Rc<str>, pipe: Option<Pipe> },
    Break(usize),
    Continue(usize),
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
    pub(crate) position: usize,
    pub(crate) assigns: bool,
    pub(crate) declares: Vec<Rc<str>>,
    pub(crate) commands: Box<[Command]>,
}

/// A command: a word and its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) position: usize,
    pub(crate) args: Box<[Node]>,
}

/// An operand.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) position: usize,
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
        quoted: Box<str>,
        text: Str,
    },
    Identifier(Box<str>),
    /// Names with dots between them: `Values.image` for `.Values.image`.
    Field(Box<str>),
    /// The variable, then names with dots between them: `$x.image`.
    Variable(Box<str>),
    /// What the names, with dots between them, are looked up in.
    Chain(Box<Node>, Box<str>),
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
        match self {
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
        }
    }
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement(statement) => statement.fmt(f),
            Self::Pipe(pipe) => pipe.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Node(node) => node.fmt(f),
        }
    }
}

pub(crate) fn write_list(f: &mut fmt::Formatter<'_>, list: &[Statement]) -> fmt::Result {
    list.iter().try_for_each(|statement| statement.fmt(f))
}

/// Prints a list of statements.
pub(crate) struct Listing<'t>(pub(crate) &'t [Statement]);

impl Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.0)
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // `{:#}` quotes texts, as Go's parser tests print them.
            Self::Text(text) if f.alternate() => f.write_str(&quote(text.bytes())),
            Self::Text(text) => f.write_str(&String::from_utf8_lossy(text.bytes())),
            Self::Action(pipe) => write!(f, "{{{{{pipe}}}}}"),
            Self::If(branch) => branch.write(f, "if"),
            Self::With(branch) => branch.write(f, "with"),
            Self::Range(branch) => branch.write(f, "range"),
            Self::Template { name, pipe, .. } => {
                write!(f, "{{{{template {}", quote(name.as_bytes()))?;
                if let Some(pipe) = pipe {
                    write!(f, " {pipe}")?;
                }
                f.write_str("}}")
            }
            Self::Break(_) => f.write_str("{{break}}"),
            Self::Continue(_) => f.write_str("{{continue}}"),
        }
    }
}

impl Branch {
    fn write(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        write!(f, "{{{{{name} {}}}}}", self.pipe)?;
        write_list(f, &self.list)?;
        if let Some(otherwise) = &self.otherwise {
            f.write_str("{{else}}")?;
            write_list(f, otherwise)?;
        }
        f.write_str("{{end}}")
    }
}

impl Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.declares.is_empty() {
            f.write_str(&self.declares.join(", "))?;
            f.write_str(if self.assigns { " = " } else { " := " })?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, arg) in self.args.iter().enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            match &arg.operand {
                Operand::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => arg.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operand {
            Operand::Bool(b) => write!(f, "{b}"),
            Operand::Dot => f.write_str("."),
            Operand::Nil => f.write_str("nil"),
            Operand::Number(number) => f.write_str(&number.text),
            Operand::String { quoted, .. } => f.write_str(quoted),
            Operand::Identifier(name) => f.write_str(name),
            Operand::Field(names) => write!(f, ".{names}"),
            Operand::Variable(names) => f.write_str(names),
            Operand::Chain(node, names) => {
                match &node.operand {
                    Operand::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => node.fmt(f)?,
                }
                write!(f, ".{names}")
            }
            Operand::Pipe(pipe) => pipe.fmt(f),
        }
    }
}
