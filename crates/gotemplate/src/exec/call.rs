//! Calls of functions: arity, argument types, short circuits.

use smallvec::SmallVec;

use super::{Given, Slot, State};
use crate::builtin;
use crate::function::{Function, Type};
use crate::node::{Node, Operand, Place, Span};
use crate::quote::quote;
use crate::text::lossy;
use crate::value::Value;
use crate::{Error, Result};

/// The arguments of a call; most have few.
type Arguments = SmallVec<[Value; 4]>;

impl<'t> State<'_, '_, 't> {
    /// Calls a function by name; `args` holds the function's own node first, if anything.
    pub(super) fn function(
        &mut self,
        dot: &Slot,
        name: Span,
        place: Place<'t>,
        Given { args, last }: Given<'t>,
    ) -> Result<Slot> {
        let functions = self.scope.run.functions;
        let name = &*lossy(self.bytes(name));
        let Some(function) = functions.get(name) else {
            return self.error(format!("{} is not a defined function", quote(name.as_bytes())));
        };
        let args = args.get(1..).unwrap_or_default();
        let given = args.len() + usize::from(last.is_some());
        self.check_count(function, args.len(), given)?;
        if function.is_builtin() && matches!(name, "and" | "or") {
            return self.short_circuit(dot, name == "or", args, last);
        }
        let callee = match (function.is_builtin() && name == "call", args.first()) {
            (true, Some(first)) => Some(self.shown(first).to_string()),
            (true, None) => last.as_ref().map(|slot| piped_callee(&slot.value)),
            _ => None,
        };
        let values = self.arguments(dot, function, args, last)?;
        if let Err(error) = function.charge(self.scope, &values) {
            self.at = Some(place);
            return self.error(error.0);
        }
        let result = match callee {
            Some(callee) => builtin::call(self.scope, &callee, &values),
            None => function.call(self.scope, &values),
        };
        match result.and_then(|value| self.charge(value)) {
            Ok(value) => Ok(Slot::bare(value)),
            Err(error) => {
                self.at = Some(place);
                self.error(format!("error calling {name}: {error}"))
            }
        }
    }

    /// Counts what a function made against the budget.
    fn charge(&self, value: Value) -> Result<Value> {
        match &value {
            Value::String(text) => self.scope.bytes(text.len())?,
            Value::List(list) => self.scope.step(list.items().len() / 4)?,
            _ => {}
        }
        Ok(value)
    }

    fn check_count(&self, function: &Function, fixed: usize, given: usize) -> Result<()> {
        let wanted = function.parameters().len();
        let name = function.name();
        if function.rest().is_some() {
            if given < wanted {
                return self.error(format!(
                    "wrong number of args for {name}: want at least {wanted} got {fixed}"
                ));
            }
        } else if given != wanted {
            return self
                .error(format!("wrong number of args for {name}: want {wanted} got {given}"));
        }
        Ok(())
    }

    fn short_circuit(
        &mut self,
        dot: &Slot,
        or: bool,
        args: &'t [Node],
        last: Option<Slot>,
    ) -> Result<Slot> {
        let mut value = Value::Missing;
        for arg in args {
            value = self.argument(dot, Type::Reflect, arg)?;
            if value.truth() == or {
                return Ok(Slot::bare(value));
            }
        }
        Ok(last.unwrap_or_else(|| Slot::bare(value)))
    }

    fn arguments(
        &mut self,
        dot: &Slot,
        function: &Function,
        args: &'t [Node],
        last: Option<Slot>,
    ) -> Result<Arguments> {
        let mut values = Arguments::with_capacity(args.len() + 1);
        let kind = |index: usize| {
            let fixed = function.parameters().get(index).copied();
            fixed.or_else(|| function.rest()).unwrap_or(Type::Any)
        };
        for (index, arg) in args.iter().enumerate() {
            values.push(self.argument(dot, kind(index), arg)?);
        }
        if let Some(last) = last {
            let wanted = kind(values.len());
            values.push(self.validate(last, wanted)?);
        }
        Ok(values)
    }

    /// Makes sure that a value can be passed as a type.
    fn validate(&self, slot: Slot, wanted: Type) -> Result<Value> {
        match slot.value {
            Value::Missing if wanted == Type::Reflect => Ok(Value::Missing),
            Value::Missing if wanted.can_be_nil() => Ok(Value::Nil),
            Value::Missing => self.error(format!("invalid value; expected {}", wanted.name())),
            value if wanted.accepts(&value) => Ok(value),
            value => {
                let found = match value {
                    Value::Nil => "interface {}".to_owned(),
                    value => value.type_name(),
                };
                let wanted = wanted.name();
                self.error(format!("wrong type for value; expected {wanted}; got {found}"))
            }
        }
    }

    /// Evaluates an argument for a parameter of a type.
    pub(super) fn argument(&mut self, dot: &Slot, wanted: Type, node: &'t Node) -> Result<Value> {
        self.at = Some(Place::Node(node));
        match &node.operand {
            Operand::Dot => self.validate(dot.clone(), wanted),
            Operand::Nil if wanted == Type::Reflect => Ok(Value::Missing),
            Operand::Nil if wanted.can_be_nil() => Ok(Value::Nil),
            Operand::Nil => self.error(format!("cannot assign nil to {}", wanted.name())),
            Operand::Field(_) | Operand::Variable(_) | Operand::Chain(..) => {
                let slot = self.chained(dot, node, Given::nothing())?;
                self.validate(slot, wanted)
            }
            Operand::Pipe(pipe) => {
                let slot = self.pipeline(dot, pipe)?;
                self.validate(slot, wanted)
            }
            Operand::Identifier(name) => {
                let slot = self.function(dot, *name, Place::Node(node), Given::nothing())?;
                self.validate(slot, wanted)
            }
            _ => self.constant(wanted, node),
        }
    }

    fn constant(&self, wanted: Type, node: &'t Node) -> Result<Value> {
        let expected = match (wanted, &node.operand) {
            (Type::Any | Type::Reflect, operand) => {
                return literal(operand).or_else(|error| self.error(error.0));
            }
            (Type::Bool, Operand::Bool(b)) => return Ok(Value::Bool(*b)),
            (Type::String, Operand::String { text, .. }) => return Ok(Value::String(text.clone())),
            (Type::Int, Operand::Number(n)) if n.is_int => return Ok(Value::Int(n.int)),
            (Type::Int64, Operand::Number(n)) if n.is_int => return Ok(Value::Int64(n.int)),
            (Type::Duration, Operand::Number(n)) if n.is_int => return Ok(Value::Duration(n.int)),
            (Type::Float, Operand::Number(n)) if n.is_float => return Ok(Value::Float(n.float)),
            (Type::Uint32, Operand::Number(n)) if n.is_uint => return Ok(Value::Uint64(n.uint)),
            (Type::Bool, _) => "bool",
            (Type::String, _) => "string",
            (Type::Int | Type::Int64 | Type::Duration, _) => "integer",
            (Type::Uint32, _) => "unsigned integer",
            (Type::Float, _) => "float",
            (Type::List | Type::Map | Type::Time | Type::Certificate, _) => {
                let (node, name) = (self.shown(node), wanted.name());
                return self.error(format!("can't handle {node} for arg of type {name}"));
            }
        };
        self.error(format!("expected {expected}; found {}", self.shown(node)))
    }
}

fn literal(operand: &Operand) -> Result<Value, Error> {
    match operand {
        Operand::Bool(b) => Ok(Value::Bool(*b)),
        Operand::Number(number) => number.ideal(),
        Operand::String { text, .. } => Ok(Value::String(text.clone())),
        _ => Ok(Value::Nil),
    }
}

/// A callee that comes down the pipe as Go names it: the text of a string, or else its type.
fn piped_callee(value: &Value) -> String {
    match value {
        Value::String(text) => text.text().into_owned(),
        Value::Missing | Value::Nil => "<invalid Value>".to_owned(),
        value => format!("<{} Value>", value.type_name()),
    }
}
