//! Functions of templates: their types, their registry, and what they can reach.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use crate::budget::Budget;
use crate::environment::Environment;
use crate::exec::Options;
use crate::hash::Fast;
use crate::set::TemplateSet;
use crate::text::{LONG, Str};
use crate::value::{List, Map, Value};
use crate::{Error, Result};

/// The static type of a parameter; decides what a template may pass, and the error if not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`.
    Any,
    /// `reflect.Value`, as Go's own functions take.
    Reflect,
    /// `bool`.
    Bool,
    /// `int`.
    Int,
    /// `int64`.
    Int64,
    /// `uint32`.
    Uint32,
    /// `float64`.
    Float,
    /// `string`.
    String,
    /// `[]interface {}`.
    List,
    /// `map[string]interface {}`.
    Map,
    /// `time.Time`.
    Time,
    /// `time.Duration`.
    Duration,
    /// Sprig's certificate.
    Certificate,
}

impl Type {
    /// Go's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint32 => "uint32",
            Self::Float => "float64",
            Self::String => "string",
            Self::List => "[]interface {}",
            Self::Map => "map[string]interface {}",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Certificate => "sprig.certificate",
        }
    }

    pub(crate) fn can_be_nil(self) -> bool {
        matches!(self, Self::Any | Self::Reflect | Self::List | Self::Map)
    }

    pub(crate) fn accepts(self, value: &Value) -> bool {
        use crate::value::Element;
        match (self, value) {
            (Self::Any | Self::Reflect, _)
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_))
            | (Self::Int64, Value::Int64(_))
            | (Self::Float, Value::Float(_))
            | (Self::String, Value::String(_))
            | (Self::Time, Value::Time(_))
            | (Self::Duration, Value::Duration(_)) => true,
            (Self::List, Value::List(list)) => list.element() == Element::Any,
            (Self::Map, Value::Map(map)) => map.element() == Element::Any,
            (Self::Certificate, Value::Object(object)) => object.type_name() == self.name(),
            _ => false,
        }
    }
}

/// A function of fixed parameters and, maybe, a variadic rest.
pub struct Function {
    name: Cow<'static, str>,
    parameters: Cow<'static, [Type]>,
    rest: Option<Type>,
    body: Body,
    builtin: bool,
    /// Steps that a call takes besides what its arguments and its result take.
    cost: usize,
    work: Work,
}

/// What a call does with its arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Looks at the arguments themselves.
    Shallow,
    /// Reads texts of another language.
    Reads,
    /// Goes through all that is in the arguments.
    Deep,
    /// The same, and makes a copy of it.
    Copies,
}

impl Work {
    fn of(name: &str) -> Self {
        let plain = name.strip_prefix("must").unwrap_or(name);
        if matches!(plain, "deepCopy" | "DeepCopy") {
            Self::Copies
        } else if goes_deep(name) {
            Self::Deep
        } else if plain.to_ascii_lowercase().starts_with("from") {
            Self::Reads
        } else {
            Self::Shallow
        }
    }
}

/// Steps that functions take which are slow on purpose: making a key, hashing a password, deriving one.
fn cost(name: &str) -> usize {
    match name {
        "derivePassword" => 1_000_000,
        "bcrypt" | "htpasswd" => 400_000,
        name if name.starts_with("gen") => 400_000,
        _ => 0,
    }
}

/// Steps for looking at an argument.
fn width(argument: &Value) -> usize {
    match argument {
        Value::String(text) => text.len() / 64,
        Value::List(list) => list.items().len() / 8,
        _ => 0,
    }
}

/// Functions that look at everything inside a value. One list may stand in another twice, and that twice in a third: such
/// a value is small until it is written.
fn goes_deep(name: &str) -> bool {
    let name = name.strip_prefix("must").unwrap_or(name);
    let written = ["Yaml", "YamlPretty", "Json", "RawJson", "PrettyJson", "Toml"];
    let write = name.strip_prefix("to").or_else(|| name.strip_prefix("To"));
    write.is_some_and(|what| written.contains(&what))
        || matches!(name, "deepEqual" | "has" | "Has" | "without" | "Without" | "uniq" | "Uniq")
}

/// Bytes that a copied value is taken for. It is more, but most copies are soon gone.
const COPIED_VALUE: usize = 100;

/// Bytes of a text.
fn text_length(argument: &Value) -> usize {
    match argument {
        Value::String(text) => text.len(),
        _ => 0,
    }
}

/// The most values that one value may hold for functions that go through all of them.
const MAX_HELD: usize = 2_000_000;

/// Values nested deeper are left to the function, which takes them for a cycle.
const MAX_NESTED: usize = 500;

/// Counts the values inside a value, up to a limit.
fn held(value: &Value, depth: usize, count: &mut usize) {
    *count += 1;
    if depth > MAX_NESTED || *count > MAX_HELD {
        return;
    }
    match value {
        Value::List(list) => list.items().iter().for_each(|item| held(item, depth + 1, count)),
        Value::Map(map) => {
            map.entries().iter().for_each(|(_, item)| held(item, depth + 1, count));
        }
        _ => {}
    }
}

pub(crate) type Plain = fn(&mut Scope<'_>, Args<'_>) -> Result<Value>;
type Closure = dyn Fn(&mut Scope<'_>, Args<'_>) -> Result<Value, Error>;

enum Body {
    Plain(Plain),
    Closure(Rc<Closure>),
}

impl Function {
    /// A function of the host.
    pub fn new(
        name: &'static str,
        parameters: &'static [Type],
        rest: Option<Type>,
        body: impl Fn(&mut Scope<'_>, Args<'_>) -> Result<Value, Error> + 'static,
    ) -> Self {
        Self {
            name: Cow::Borrowed(name),
            parameters: Cow::Borrowed(parameters),
            rest,
            body: Body::Closure(Rc::new(body)),
            builtin: false,
            cost: 0,
            work: Work::of(name),
        }
    }

    /// The name it is registered under.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn parameters(&self) -> &[Type] {
        &self.parameters
    }

    pub(crate) fn rest(&self) -> Option<Type> {
        self.rest
    }

    /// Takes the steps of a call with these arguments.
    pub(crate) fn charge(&self, scope: &Scope<'_>, arguments: &[Value]) -> Result<()> {
        scope.step(self.cost + arguments.iter().map(width).sum::<usize>())?;
        if self.work == Work::Reads {
            scope.step(arguments.iter().map(text_length).sum::<usize>() / 2)?;
        }
        let deep = matches!(self.work, Work::Deep | Work::Copies);
        for argument in arguments.iter().filter(|_| deep) {
            let mut count = 0;
            held(argument, 0, &mut count);
            if count > MAX_HELD {
                return Err(Error(format!("the value holds more than {MAX_HELD} values")));
            }
            scope.step(count)?;
            if self.work == Work::Copies {
                scope.bytes(count * COPIED_VALUE)?;
            }
        }
        Ok(())
    }

    pub(crate) fn is_builtin(&self) -> bool {
        self.builtin
    }

    pub(crate) fn type_name(&self) -> String {
        let mut names: Vec<String> = self.parameters.iter().map(|p| p.name().to_owned()).collect();
        if let Some(rest) = self.rest {
            names.push(format!("...{}", rest.name()));
        }
        format!("func({}) interface {{}}", names.join(", "))
    }

    /// Calls it; the arguments must have been checked against its parameters.
    pub(crate) fn call(&self, scope: &mut Scope<'_>, args: &[Value]) -> Result<Value> {
        let args = Args { values: args };
        match &self.body {
            Body::Plain(body) => body(scope, args),
            Body::Closure(body) => body(scope, args),
        }
    }
}

/// A row of a table of functions.
pub(crate) struct Row(
    pub(crate) &'static str,
    pub(crate) &'static [Type],
    pub(crate) Option<Type>,
    pub(crate) Plain,
);

/// The functions that templates may call.
#[derive(Clone, Default)]
pub struct Functions {
    /// Clones share it until one is changed.
    by_name: Rc<HashMap<Cow<'static, str>, Rc<Function>, Fast>>,
}

impl Functions {
    /// Only Go's own functions.
    pub fn builtin() -> Self {
        let mut functions = Self::default();
        functions.add_table(crate::builtin::TABLE, true);
        functions
    }

    /// Go's own functions and all of Sprig's `TxtFuncMap`.
    pub fn sprig() -> Self {
        let mut functions = Self::builtin();
        for table in crate::sprig::TABLES {
            functions.add_table(table, false);
        }
        functions
    }

    fn add_table(&mut self, table: &'static [Row], builtin: bool) {
        for Row(name, parameters, rest, body) in table {
            self.add(Function {
                name: Cow::Borrowed(name),
                parameters: Cow::Borrowed(parameters),
                rest: *rest,
                body: Body::Plain(*body),
                builtin,
                cost: cost(name),
                work: Work::of(name),
            });
        }
    }

    /// Adds or replaces a function.
    pub fn add(&mut self, function: Function) {
        Rc::make_mut(&mut self.by_name).insert(function.name.clone(), Rc::new(function));
    }

    /// Takes a function away; a template that calls it no longer parses.
    pub fn remove(&mut self, name: &str) {
        Rc::make_mut(&mut self.by_name).remove(name);
    }

    /// True when a function has this name.
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.by_name.keys().map(AsRef::as_ref).collect();
        names.sort_unstable();
        names
    }

    /// True when both are clones of the same functions.
    pub(crate) fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.by_name, &other.by_name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Rc<Function>> {
        self.by_name.get(name)
    }
}

/// The arguments of a call, already checked against the parameters.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    values: &'a [Value],
}

impl<'a> Args<'a> {
    /// The number of arguments.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True without arguments.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// An argument; nil when it was not given.
    pub fn any(&self, index: usize) -> &'a Value {
        const NIL: &Value = &Value::Nil;
        self.values.get(index).unwrap_or(NIL)
    }

    /// The arguments from an index on.
    pub fn rest(&self, from: usize) -> &'a [Value] {
        self.values.get(from..).unwrap_or_default()
    }

    /// A string argument.
    pub fn str(&self, index: usize) -> Str {
        self.any(index).as_str().cloned().unwrap_or_default()
    }

    /// A string argument as text.
    pub fn text(&self, index: usize) -> String {
        self.str(index).text().into_owned()
    }

    /// An integer argument.
    pub fn int(&self, index: usize) -> i64 {
        match self.any(index) {
            Value::Int(i) | Value::Int64(i) | Value::Duration(i) => *i,
            Value::Uint64(i) => i64::try_from(*i).unwrap_or(i64::MAX),
            _ => 0,
        }
    }

    /// A float argument.
    pub fn float(&self, index: usize) -> f64 {
        match self.any(index) {
            Value::Float(f) => *f,
            _ => 0.0,
        }
    }

    /// A boolean argument.
    pub fn bool(&self, index: usize) -> bool {
        matches!(self.any(index), Value::Bool(true))
    }

    /// A map argument; `None` for a nil map.
    pub fn map(&self, index: usize) -> Option<&'a Map> {
        self.any(index).as_map()
    }

    /// A list argument; `None` for a nil slice.
    pub fn list(&self, index: usize) -> Option<&'a List> {
        self.any(index).as_list()
    }
}

/// What all functions of one rendering share.
pub(crate) struct Run<'r> {
    pub(crate) functions: &'r Functions,
    pub(crate) options: &'r Options<'r>,
    pub(crate) budget: Budget,
}

/// What a function can reach: the templates it was called among, the environment, the budget.
pub struct Scope<'r> {
    pub(crate) run: &'r Run<'r>,
    pub(crate) set: TemplateSet,
    pub(crate) depth: u32,
    /// Buffers that a template was rendered into before.
    pub(crate) spare: Vec<Vec<u8>>,
}

impl<'r> Scope<'r> {
    /// Time, randomness and the like.
    pub fn environment(&self) -> &'r dyn Environment {
        self.run.options.environment
    }

    /// Takes steps of the budget.
    pub fn step(&self, count: usize) -> Result<(), Error> {
        self.run.budget.step(count as u64)
    }

    /// Takes bytes of the budget; call before allocating them.
    pub fn bytes(&self, count: usize) -> Result<(), Error> {
        self.run.budget.bytes(count as u64)
    }

    /// The present moment in the local zone.
    pub(crate) fn now(&self) -> jiff::Zoned {
        let environment = self.environment();
        environment.now().to_zoned(environment.time_zone())
    }

    /// Renders a named template of the set.
    ///
    /// # Errors
    /// When there is none, or it fails.
    pub fn render(&mut self, name: &str, data: Value) -> Result<Str, Error> {
        let mut out = self.spare.pop().unwrap_or_default();
        let result = crate::exec::named(self, name, data, &mut out);
        if result.is_ok() && out.len() >= LONG {
            return Ok(Str::from(out));
        }
        let text = result.map(|()| Str::from(out.as_slice()));
        out.clear();
        self.spare.push(out);
        text
    }

    /// Parses a text as the template `name` into a set of its own, over the one in use: what it
    /// defines is seen only there.
    ///
    /// # Errors
    /// When it does not parse.
    pub fn define(&self, name: &str, text: Str) -> Result<TemplateSet, Error> {
        self.step(100 + text.len() / 8)?;
        let overlay = self.set.overlay();
        overlay.parse(name, text, self.run.functions)?;
        Ok(overlay)
    }

    /// Renders a template that [`Scope::define`] parsed.
    ///
    /// # Errors
    /// When it fails.
    pub fn render_in(&mut self, set: TemplateSet, name: &str, data: Value) -> Result<Str, Error> {
        // An empty text does not replace the template of its name, but must give nothing.
        if !set.own(name) {
            return Ok(Str::default());
        }
        let outer = std::mem::replace(&mut self.set, set);
        let result = self.render(name, data);
        self.set = outer;
        result
    }
}
