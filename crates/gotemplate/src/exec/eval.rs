//! Pipelines, operands, fields.

use std::rc::Rc;

use super::{Given, MissingKey, Slot, State};
use crate::node::{Command, Node, Operand, Pipe, Place};
use crate::object::Object;
use crate::quote::quote;
use crate::text::lossy;
use crate::value::{Element, Value};
use crate::{Error, Result};

impl<'t> State<'_, '_, 't> {
    /// The value of a pipeline; declares or assigns its variables.
    pub(super) fn pipeline(&mut self, dot: &Slot, pipe: &'t Pipe) -> Result<Slot> {
        self.at = Some(Place::Pipe(pipe));
        let mut value: Option<Slot> = None;
        for command in pipe.commands.iter() {
            value = Some(self.command(dot, command, value)?.unwrapped());
        }
        let value = value.unwrap_or_else(Slot::missing);
        for name in &pipe.declares {
            if pipe.assigns {
                self.assign(*name, value.clone())?;
            } else {
                self.variables.push((self.bytes(*name), value.clone()));
            }
        }
        Ok(value)
    }

    fn not_a_function(&self, args: &[Node], last: Option<&Slot>) -> Result<()> {
        match args.first() {
            Some(first) if args.len() > 1 || last.is_some() => {
                let first = self.shown(first);
                self.error(format!("can't give argument to non-function {first}"))
            }
            _ => Ok(()),
        }
    }

    fn command(&mut self, dot: &Slot, command: &'t Command, last: Option<Slot>) -> Result<Slot> {
        let args = &*command.args;
        let Some(first) = args.first() else { return Ok(Slot::missing()) };
        match &first.operand {
            Operand::Field(_) | Operand::Chain(..) | Operand::Variable(_) => {
                return self.chained(dot, first, Given { args, last });
            }
            Operand::Identifier(name) => {
                self.at = Some(Place::Node(first));
                return self.function(dot, *name, Place::Command(command), Given { args, last });
            }
            Operand::Pipe(pipe) => {
                self.not_a_function(args, last.as_ref())?;
                return self.pipeline(dot, pipe);
            }
            _ => {}
        }
        self.at = Some(Place::Node(first));
        self.not_a_function(args, last.as_ref())?;
        match &first.operand {
            Operand::Bool(b) => Ok(Slot::bare(Value::Bool(*b))),
            Operand::Dot => Ok(dot.clone()),
            Operand::Number(number) => match number.ideal() {
                Ok(value) => Ok(Slot::bare(value)),
                Err(error) => self.error(error.0),
            },
            Operand::String { text, .. } => Ok(Slot::bare(Value::String(text.clone()))),
            _ => self.error("nil is not a command"),
        }
    }

    /// A field, variable or chain, with the arguments that its last name may take as a method.
    pub(super) fn chained(&mut self, dot: &Slot, node: &'t Node, given: Given<'t>) -> Result<Slot> {
        self.at = Some(Place::Node(node));
        match &node.operand {
            Operand::Field(names) => {
                self.fields(dot, dot.clone(), (node, self.bytes(*names)), given)
            }
            Operand::Variable(names) => {
                let names = self.bytes(*names);
                let Some((name, fields)) = split_name(names) else {
                    let value = self.variable(names)?;
                    self.not_a_function(given.args, given.last.as_ref())?;
                    return Ok(value);
                };
                let value = self.variable(name)?;
                self.fields(dot, value, (node, fields), given)
            }
            Operand::Chain(inner, fields) => {
                if matches!(inner.operand, Operand::Nil) {
                    let node = self.shown(node);
                    return self.error(format!("indirection through explicit nil in {node}"));
                }
                let receiver = self.chain_start(dot, inner)?;
                self.fields(dot, receiver, (node, self.bytes(*fields)), given)
            }
            _ => Ok(Slot::missing()),
        }
    }

    fn chain_start(&mut self, dot: &Slot, node: &'t Node) -> Result<Slot> {
        self.at = Some(Place::Node(node));
        match &node.operand {
            Operand::Pipe(pipe) => self.pipeline(dot, pipe),
            Operand::Identifier(name) => {
                self.function(dot, *name, Place::Node(node), Given::nothing())
            }
            _ => self.chained(dot, node, Given::nothing()),
        }
    }

    fn variable(&self, name: &[u8]) -> Result<Slot> {
        match self.variables.iter().rev().find(|(known, _)| *known == name) {
            Some((_, slot)) => Ok(slot.clone()),
            None => self.error(format!("undefined variable: {}", lossy(name))),
        }
    }

    fn fields(
        &mut self,
        dot: &Slot,
        mut receiver: Slot,
        (node, mut names): (&'t Node, &'t [u8]),
        given: Given<'t>,
    ) -> Result<Slot> {
        while let Some((name, rest)) = split_name(names) {
            receiver = self.field(dot, receiver, (node, name), Given::nothing())?;
            names = rest;
        }
        self.field(dot, receiver, (node, names), given)
    }

    fn field(
        &mut self,
        dot: &Slot,
        receiver: Slot,
        (node, key): (&'t Node, &'t [u8]),
        given: Given<'t>,
    ) -> Result<Slot> {
        let has_args = given.args.len() > 1 || given.last.is_some();
        // Plain maps first: most lookups are in one, and their keys are bytes.
        if let Value::Map(map) = &receiver.value
            && map.methods().is_none()
            && !has_args
        {
            return match map.get(key) {
                Some(value) => Ok(Slot::element(value, map.element())),
                None => self.absent(&lossy(key), map.element()),
            };
        }
        let name = &*lossy(key);
        match &receiver.value {
            Value::Missing => {
                if self.missing_key() == MissingKey::Error {
                    let key = quote(name.as_bytes());
                    return self.error(format!("nil data; no entry for key {key}"));
                }
                Ok(Slot::missing())
            }
            Value::Nil => self.error(format!("nil pointer evaluating interface {{}}.{name}")),
            Value::Map(map) if map.methods().is_some() => {
                let (map, methods) = (map.clone(), map.methods());
                let values = self.method_args(dot, given)?;
                match methods.and_then(|methods| methods(&map, name, &values)) {
                    Some(result) => self.method_result(node, name, result),
                    None if has_args => {
                        self.error(format!("{name} is not a method but has arguments"))
                    }
                    None => match map.get(key) {
                        Some(value) => Ok(Slot::element(value, map.element())),
                        None => self.absent(name, map.element()),
                    },
                }
            }
            Value::Map(_) => self.error(format!("{name} is not a method but has arguments")),
            Value::Object(object) => {
                if let Some(value) = object.field(name) {
                    if has_args {
                        return self.error(format!(
                            "{name} has arguments but cannot be invoked as function"
                        ));
                    }
                    return Ok(Slot::bare(value));
                }
                let object = object.clone();
                self.object_method(dot, &object, (node, name), given)
            }
            Value::Time(_) | Value::Duration(_) => {
                let values = self.method_args(dot, given)?;
                match crate::gotime::method(&receiver.value, name, &values) {
                    Some(result) => self.method_result(node, name, result),
                    None => self.no_field(name, &receiver),
                }
            }
            _ => self.no_field(name, &receiver),
        }
    }

    fn missing_key(&self) -> MissingKey {
        self.scope.run.options.missing_key
    }

    fn absent(&self, name: &str, element: Element) -> Result<Slot> {
        match self.missing_key() {
            MissingKey::Default => Ok(Slot::missing()),
            MissingKey::Zero => Ok(match element {
                Element::Any => Slot { value: Value::Nil, wrapped: true },
                Element::String => Slot::bare(Value::string("")),
                _ => Slot::missing(),
            }),
            MissingKey::Error => {
                self.error(format!("map has no entry for key {}", quote(name.as_bytes())))
            }
        }
    }

    fn no_field<T>(&self, name: &str, receiver: &Slot) -> Result<T> {
        self.error(format!("can't evaluate field {name} in type {}", receiver.type_name()))
    }

    fn method_args(&mut self, dot: &Slot, Given { args, last }: Given<'t>) -> Result<Vec<Value>> {
        let mut values = Vec::with_capacity(args.len());
        for arg in args.iter().skip(1) {
            values.push(self.argument(dot, crate::Type::Any, arg)?);
        }
        values.extend(last.map(|slot| slot.value));
        Ok(values)
    }

    fn object_method(
        &mut self,
        dot: &Slot,
        object: &Rc<dyn Object>,
        (node, name): (&'t Node, &str),
        given: Given<'t>,
    ) -> Result<Slot> {
        let values = self.method_args(dot, given)?;
        self.at = Some(Place::Node(node));
        match object.method(self.scope, name, &values) {
            Some(result) => self.method_result(node, name, result),
            None if object.kind_name() == "map" => self.absent(name, Element::Any),
            None => {
                let shown = object.type_name();
                self.error(format!("can't evaluate field {name} in type {shown}"))
            }
        }
    }

    fn method_result(
        &mut self,
        node: &'t Node,
        name: &str,
        result: Result<Value, Error>,
    ) -> Result<Slot> {
        match result {
            Ok(value) => Ok(Slot::bare(value)),
            Err(error) => {
                self.at = Some(Place::Node(node));
                self.error(format!("error calling {name}: {error}"))
            }
        }
    }
}

/// Cuts names at the first dot.
fn split_name(names: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = names.iter().position(|byte| *byte == b'.')?;
    Some((names.get(..at)?, names.get(at + 1..)?))
}
