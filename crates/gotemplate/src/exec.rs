//! Executes templates.

use crate::budget::{Budget, Limits};
use crate::environment::Environment;
use crate::function::{Functions, Run, Scope};
use crate::node::{Branch, Node, Pipe, Place, Shown, Span, Statement, Tree};
use crate::quote::quote;
use crate::set::TemplateSet;
use crate::text::{LONG, lossy};
use crate::value::{Element, Value};
use crate::{Error, Result, gofmt};

mod call;
mod eval;

/// What the lookup of an absent map key gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingKey {
    /// No value, printed `<no value>`.
    #[default]
    Default,
    /// The zero value: a nil interface.
    Zero,
    /// An error.
    Error,
}

/// How to render.
pub struct Options<'e> {
    /// Absent map keys.
    pub missing_key: MissingKey,
    /// Limits against hostile templates.
    pub limits: Limits,
    /// Time, randomness and the like.
    pub environment: &'e dyn Environment,
}

impl<'e> Options<'e> {
    /// Go's defaults over an environment.
    pub fn new(environment: &'e dyn Environment) -> Self {
        Self { missing_key: MissingKey::default(), limits: Limits::default(), environment }
    }
}

/// Renders the template `name` of a set with `data` as the dot.
///
/// Deeply nested templates need stack: call this from a thread with at least 64 MiB when the
/// templates are not trusted.
///
/// # Errors
/// With Go's text (`template: file:line:column: executing "name" at <...>: ...`), or when a limit
/// is reached.
pub fn render(
    set: &TemplateSet,
    name: &str,
    data: Value,
    functions: &Functions,
    options: &Options<'_>,
) -> Result<Vec<u8>, Error> {
    let run = Run { functions, options, budget: Budget::new(options.limits) };
    let mut scope = Scope { run: &run, set: set.clone(), depth: 0, spare: Vec::new() };
    let mut out = Vec::new();
    named(&mut scope, name, data, &mut out).map(|()| out)
}

/// Renders a named template in a scope.
pub(crate) fn named(
    scope: &mut Scope<'_>,
    name: &str,
    data: Value,
    out: &mut Vec<u8>,
) -> Result<()> {
    let tree = scope.set.lookup(name).ok_or_else(|| {
        let (name, set) = (quote(name.as_bytes()), quote(scope.set.name().as_bytes()));
        Error(format!("template: no template {name} associated with template {set}"))
    })?;
    if scope.depth >= scope.run.budget.depth() {
        return Err(too_deep(scope));
    }
    scope.depth += 1;
    let data = if matches!(data, Value::Nil) { Value::Missing } else { data };
    let result = State::new(scope, &tree, out, Slot::bare(data)).body();
    scope.depth -= 1;
    result
}

fn too_deep(scope: &Scope<'_>) -> Error {
    Error(format!("exceeded maximum template depth ({})", scope.run.budget.depth()))
}

/// A value and whether it sits in an interface, which shows in Go's errors.
#[derive(Clone)]
struct Slot {
    value: Value,
    wrapped: bool,
}

impl Slot {
    fn bare(value: Value) -> Self {
        Self { value, wrapped: false }
    }

    /// An element of a container with this element type.
    fn element(value: Value, element: Element) -> Self {
        Self { value, wrapped: element == Element::Any }
    }

    fn missing() -> Self {
        Self::bare(Value::Missing)
    }

    /// Takes it out of its interface; a nil interface becomes no value.
    fn unwrapped(self) -> Self {
        match self.value {
            Value::Nil => Self::missing(),
            value => Self::bare(value),
        }
    }

    fn type_name(&self) -> String {
        if self.wrapped { "interface {}".to_owned() } else { self.value.type_name() }
    }
}

/// What a word of a command is given: its arguments, itself first, and what comes down the pipe.
struct Given<'t> {
    args: &'t [Node],
    last: Option<Slot>,
}

impl Given<'_> {
    fn nothing() -> Self {
        Self { args: &[], last: None }
    }
}

/// How a list of statements ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Normal,
    Break,
    Continue,
}

/// Room for what follows a long text, in bytes: mostly the end of a line.
const MORE: usize = 1 << 10;

/// The execution of one template.
struct State<'s, 'r, 't> {
    scope: &'s mut Scope<'r>,
    tree: &'t Tree,
    out: &'s mut Vec<u8>,
    dot: Slot,
    variables: Vec<(&'t [u8], Slot)>,
    at: Option<Place<'t>>,
}

impl<'s, 'r, 't> State<'s, 'r, 't> {
    fn new(scope: &'s mut Scope<'r>, tree: &'t Tree, out: &'s mut Vec<u8>, dot: Slot) -> Self {
        let variables = vec![(b"$".as_slice(), dot.clone())];
        Self { scope, tree, out, dot, variables, at: None }
    }

    fn body(mut self) -> Result<()> {
        let dot = self.dot.clone();
        self.list(&dot, &self.tree.root).map(|_| ())
    }

    /// The error of this text at the present place.
    fn error<T>(&self, message: impl AsRef<str>) -> Result<T> {
        let message = message.as_ref();
        let name = &self.tree.name;
        Err(Error(match &self.at {
            None => format!("template: {name}: {message}"),
            Some(place) => {
                let location = self.tree.location(place.position());
                let (shown, place) = (quote(name.as_bytes()), self.shown(place));
                format!("template: {location}: executing {shown} at <{place}>: {message}")
            }
        }))
    }

    /// Takes a step; who runs out of them is told where.
    fn step(&self) -> Result<()> {
        self.scope.step(1).or_else(|error| self.error(error.0))
    }

    /// Takes bytes to write, as [`Self::step`] takes steps.
    fn write(&self, count: usize) -> Result<()> {
        self.scope.bytes(count).or_else(|error| self.error(error.0))
    }

    /// A part of the template as errors show it.
    fn shown<'p, T>(&'p self, part: &'p T) -> Shown<'p, T> {
        Shown(part, &self.tree.text)
    }

    /// The bytes of a stretch of the template.
    fn bytes(&self, span: Span) -> &'t [u8] {
        span.of(&self.tree.text)
    }

    fn list(&mut self, dot: &Slot, list: &'t [Statement]) -> Result<Flow> {
        for statement in list {
            self.step()?;
            let flow = self.statement(dot, statement)?;
            if flow != Flow::Normal {
                return Ok(flow);
            }
        }
        Ok(Flow::Normal)
    }

    fn statement(&mut self, dot: &Slot, statement: &'t Statement) -> Result<Flow> {
        self.at = Some(Place::Statement(statement));
        match statement {
            Statement::Text(text) => {
                let text = self.bytes(*text);
                self.write(text.len())?;
                if text.len() >= LONG {
                    // Little follows such a text, and it should not be copied to a larger place for that.
                    self.out.reserve(text.len() + MORE);
                }
                self.out.extend_from_slice(text);
            }
            Statement::Action(pipe) => {
                let slot = self.pipeline(dot, pipe)?;
                if pipe.declares.is_empty() {
                    self.at = Some(Place::Statement(statement));
                    self.print(statement, &slot.value)?;
                }
            }
            Statement::If(branch) => return self.if_or_with(dot, branch, false),
            Statement::With(branch) => return self.if_or_with(dot, branch, true),
            Statement::Range(branch) => return self.range(dot, branch),
            Statement::Template { name, pipe, .. } => self.template(dot, name, pipe.as_ref())?,
            Statement::Break(_) => return Ok(Flow::Break),
            Statement::Continue(_) => return Ok(Flow::Continue),
        }
        Ok(Flow::Normal)
    }

    fn print(&mut self, statement: &Statement, value: &Value) -> Result<()> {
        let start = self.out.len();
        match value {
            Value::Missing => self.out.extend_from_slice(b"<no value>"),
            Value::String(text) => self.out.extend_from_slice(text.as_bytes()),
            Value::Function(function) => {
                let (statement, name) = (self.shown(statement), function.type_name());
                return self.error(format!("can't print {statement} of type {name}"));
            }
            Value::Object(object) if let Some(text) = object.printed() => {
                self.out.extend_from_slice(text.as_bytes());
            }
            value => match gofmt::print_one(value, &self.scope.run.budget) {
                Ok(text) => self.out.extend_from_slice(&text),
                Err(error) => return self.error(error.0),
            },
        }
        self.write(self.out.len() - start)
    }

    fn if_or_with(&mut self, dot: &Slot, branch: &'t Branch, with: bool) -> Result<Flow> {
        let mark = self.variables.len();
        let slot = self.pipeline(dot, &branch.pipe)?;
        let flow = if slot.value.truth() {
            self.list(if with { &slot } else { dot }, &branch.list)?
        } else if let Some(otherwise) = &branch.otherwise {
            self.list(dot, otherwise)?
        } else {
            Flow::Normal
        };
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn range(&mut self, dot: &Slot, branch: &'t Branch) -> Result<Flow> {
        let outer = self.variables.len();
        let slot = self.pipeline(dot, &branch.pipe)?;
        let flow = self.range_over(dot, branch, slot)?;
        self.variables.truncate(outer);
        Ok(if flow == Flow::Break { Flow::Normal } else { flow })
    }

    fn range_over(&mut self, dot: &Slot, branch: &'t Branch, slot: Slot) -> Result<Flow> {
        let pairs: Vec<(Slot, Slot)> = match &slot.value {
            Value::Missing | Value::Nil => Vec::new(),
            Value::List(list) => {
                let items = list.items().iter().enumerate();
                let index = |i| Slot::bare(Value::Int(i64::try_from(i).unwrap_or(i64::MAX)));
                items.map(|(i, v)| (index(i), Slot::element(v.clone(), list.element()))).collect()
            }
            Value::Map(map) => {
                let element = map.element();
                let entries = map.entries().into_iter();
                entries
                    .map(|(k, v)| (Slot::bare(Value::String(k)), Slot::element(v, element)))
                    .collect()
            }
            Value::Int(_)
            | Value::Int64(_)
            | Value::Uint8(_)
            | Value::Uint64(_)
            | Value::Duration(_) => {
                return self.range_integer(dot, branch, &slot.value);
            }
            Value::Object(object) => match object.entries() {
                Some(entries) => {
                    entries.into_iter().map(|(k, v)| (Slot::bare(k), Slot::bare(v))).collect()
                }
                None => return self.not_iterable(&slot.value),
            },
            value => return self.not_iterable(value),
        };
        let empty = pairs.is_empty();
        for (index, element) in pairs {
            if self.iteration(branch, index, element)? == Flow::Break {
                return Ok(Flow::Break);
            }
        }
        if empty { self.otherwise(dot, branch) } else { Ok(Flow::Normal) }
    }

    fn not_iterable<T>(&self, value: &Value) -> Result<T> {
        let shown = gofmt::to_text(value)?;
        self.error(format!("range can't iterate over {}", shown.text()))
    }

    fn otherwise(&mut self, dot: &Slot, branch: &'t Branch) -> Result<Flow> {
        match &branch.otherwise {
            Some(otherwise) => self.list(dot, otherwise),
            None => Ok(Flow::Normal),
        }
    }

    fn range_integer(&mut self, dot: &Slot, branch: &'t Branch, value: &Value) -> Result<Flow> {
        if branch.pipe.declares.len() > 1 {
            let shown = gofmt::to_text(value)?;
            let shown = shown.text();
            return self.error(format!("can't use {shown} to iterate over more than one variable"));
        }
        let (end, make): (i64, fn(i64) -> Value) = match value {
            Value::Int64(i) => (*i, Value::Int64),
            Value::Duration(i) => (*i, Value::Duration),
            Value::Uint8(i) => {
                (i64::from(*i), |i| Value::Uint8(u8::try_from(i).unwrap_or(u8::MAX)))
            }
            Value::Uint64(i) => {
                (i64::try_from(*i).unwrap_or(i64::MAX), |i| Value::Uint64(i.unsigned_abs()))
            }
            Value::Int(i) => (*i, Value::Int),
            _ => (0, Value::Int),
        };
        if end <= 0 {
            return self.otherwise(dot, branch);
        }
        for number in 0..end {
            let element = Slot::bare(make(number));
            if self.iteration(branch, Slot::missing(), element)? == Flow::Break {
                return Ok(Flow::Break);
            }
        }
        Ok(Flow::Normal)
    }

    fn iteration(&mut self, branch: &'t Branch, index: Slot, element: Slot) -> Result<Flow> {
        self.step()?;
        let pipe = &branch.pipe;
        let mark = self.variables.len();
        match (&*pipe.declares, pipe.assigns) {
            ([], _) => {}
            ([only], true) => self.assign(*only, element.clone())?,
            ([first, second, ..], true) => {
                self.assign(*first, index)?;
                self.assign(*second, element.clone())?;
            }
            ([_], false) => self.set_top(1, element.clone()),
            ([_, _, ..], false) => {
                self.set_top(1, element.clone());
                self.set_top(2, index);
            }
        }
        let flow = self.list(&element, &branch.list)?;
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn set_top(&mut self, from_top: usize, slot: Slot) {
        let at = self.variables.len().checked_sub(from_top);
        if let Some((_, variable)) = at.and_then(|at| self.variables.get_mut(at)) {
            *variable = slot;
        }
    }

    fn assign(&mut self, name: Span, slot: Slot) -> Result<()> {
        let name = self.bytes(name);
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, variable)) => {
                *variable = slot;
                Ok(())
            }
            None => self.error(format!("undefined variable: {}", lossy(name))),
        }
    }

    fn template(&mut self, dot: &Slot, name: &str, pipe: Option<&'t Pipe>) -> Result<()> {
        let Some(tree) = self.scope.set.lookup(name) else {
            return self.error(format!("template {} not defined", quote(name.as_bytes())));
        };
        if self.scope.depth >= self.scope.run.budget.depth() {
            return self.error(too_deep(self.scope).0);
        }
        let data = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Slot::missing(),
        };
        self.scope.depth += 1;
        let result = State::new(self.scope, &tree, self.out, data).body();
        self.scope.depth -= 1;
        result
    }
}
