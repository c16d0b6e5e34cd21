//! CEL rules of custom resources (`x-kubernetes-validations`).

use std::cell::OnceCell;
use std::collections::HashSet;
use std::sync::Arc;

use kube_cel::KubeCelExt as _;
use kube_cel::cel::objects::OptionalValue;
use kube_cel::cel::{self, Context, ExecutionError, Program};
use serde_json::Value;

use super::super::node::{Additional, Kind, ListType, Rule, Schema};
use super::super::{FieldError, Reason};
use super::cel_value;

thread_local! {
    /// The functions of Kubernetes' CEL environment; a `Context` cannot move between threads.
    static FUNCTIONS: OnceCell<Context<'static>> = const { OnceCell::new() };
}

/// A rule that is ready to run.
#[derive(Debug)]
pub(crate) struct Compiled {
    program: Program,
    message: Option<Program>,
    compares_with_old: bool,
}

impl Compiled {
    /// # Errors
    /// What is wrong with the rule's text.
    pub(crate) fn new(rule: &Rule) -> Result<Self, String> {
        let compile = |text: &str| Program::compile(text).map_err(|error| error.to_string());
        let program = compile(&rule.rule)?;
        let message = rule.message_expression.as_deref().map(compile).transpose()?;
        let compares_with_old = program.references().has_variable("oldSelf");
        Ok(Self { program, message, compares_with_old })
    }
}

fn functions_of_kubernetes() -> Context<'static> {
    let mut context = Context::default().with_all();
    // The interpreter knows no type values: names of types stand for them.
    context.add_function("type", |value: cel::Value| match value {
        cel::Value::Float(_) => "double".to_owned(),
        cel::Value::Null => "null_type".to_owned(),
        other => other.type_of().to_string(),
    });
    for name in ["int", "uint", "double", "string", "bool", "bytes", "list", "map", "null_type"] {
        context.add_variable_from_value(name, name.to_owned());
    }
    context
}

/// Runs all rules on an object. `old` is the stored object on updates.
pub(super) fn validate(schema: &Schema, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    if !has_rules(schema) {
        return Vec::new();
    }
    FUNCTIONS.with(|functions| {
        let functions = functions.get_or_init(functions_of_kubernetes);
        let mut run = Run { functions, errors: Vec::new() };
        run.visit(schema, object, old, "");
        run.errors
    })
}

/// Most schemas have none: then no value is converted.
fn has_rules(schema: &Schema) -> bool {
    let below = |schema: &Option<Box<Schema>>| schema.as_deref().is_some_and(has_rules);
    !schema.rules.is_empty()
        || schema.properties.values().any(has_rules)
        || below(&schema.items)
        || matches!(&schema.additional, Additional::Typed(values) if has_rules(values))
        || schema.limits.as_ref().is_some_and(|limits| limits.all_of.iter().any(has_rules))
}

struct Run<'a> {
    functions: &'a Context<'static>,
    errors: Vec<FieldError>,
}

impl Run<'_> {
    fn visit(&mut self, schema: &Schema, value: &Value, old: Option<&Value>, path: &str) {
        if value.is_null() || schema.reference.is_some() {
            return;
        }
        let old = old.filter(|old| !old.is_null());
        if !schema.rules.is_empty() {
            self.check(schema, value, old, path);
        }
        for all_of in schema.limits.iter().flat_map(|limits| &limits.all_of) {
            self.visit(all_of, value, old, path);
        }
        match value {
            Value::Object(fields) => {
                let old = old.filter(|_| schema.atomic_map != Some(true));
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by(|left, right| left.0.cmp(right.0));
                for (name, value) in fields {
                    let old = old.and_then(|old| old.get(name));
                    match (schema.properties.get(name.as_str()), &schema.additional) {
                        (Some(field), _) => {
                            self.visit(field, value, old, &super::child(path, name));
                        }
                        (None, Additional::Typed(field)) => {
                            self.visit(field, value, old, &format!("{path}[{name}]"));
                        }
                        (None, _) => {}
                    }
                }
            }
            Value::Array(items) => {
                let Some(item_schema) = &schema.items else { return };
                for (index, item) in items.iter().enumerate() {
                    let old = old.and_then(|old| super::correlated(schema, item, old));
                    self.visit(item_schema, item, old, &format!("{path}[{index}]"));
                }
            }
            _ => {}
        }
    }

    fn check(&mut self, schema: &Schema, value: &Value, old: Option<&Value>, path: &str) {
        let mut scope = self.functions.new_inner_scope();
        scope.add_variable_from_value("self", cel_value::of(schema, value));
        if let Some(old) = old {
            scope.add_variable_from_value("oldSelf", cel_value::of(schema, old));
        }
        let mut optional = self.functions.new_inner_scope();
        if schema.rules.iter().any(|rule| rule.optional_old_self) {
            let old = old.map_or_else(OptionalValue::none, |old| {
                OptionalValue::of(cel_value::of(schema, old))
            });
            optional.add_variable_from_value("self", cel_value::of(schema, value));
            optional.add_variable_from_value("oldSelf", cel::Value::Opaque(Arc::new(old)));
        }
        for rule in &schema.rules {
            let compiled = match rule.compiled() {
                Ok(compiled) => compiled,
                Err(error) => {
                    self.errors.push(invalid(
                        schema,
                        value,
                        path,
                        format!("rule compile error: {error}"),
                    ));
                    continue;
                }
            };
            if compiled.compares_with_old && old.is_none() && !rule.optional_old_self {
                continue;
            }
            let scope = if rule.optional_old_self { &optional } else { &scope };
            let Some(error) = failure(schema, (rule, compiled), scope, value, path) else {
                continue;
            };
            // What was already wrong and did not change is let through.
            if compiled.compares_with_old || old != Some(value) {
                self.errors.push(error);
            }
        }
    }
}

fn failure(
    schema: &Schema,
    (rule, compiled): (&Rule, &Compiled),
    scope: &Context<'_>,
    value: &Value,
    path: &str,
) -> Option<FieldError> {
    let words = rule.message.as_deref().unwrap_or(&rule.rule).trim();
    match compiled.program.execute(scope) {
        Ok(cel::Value::Bool(true)) => return None,
        Ok(cel::Value::Bool(false)) => {}
        Ok(_) => {
            return Some(invalid(
                schema,
                value,
                path,
                format!("rule must evaluate to a bool: {words}"),
            ));
        }
        Err(error) => {
            return Some(failed(
                schema,
                path,
                format!("{} evaluating rule: {words}", reworded(&error)),
            ));
        }
    }
    let computed = compiled.message.as_ref().and_then(|message| match message.execute(scope) {
        Ok(cel::Value::String(text)) if !text.trim().is_empty() && !text.contains('\n') => {
            Some(text.trim().to_owned())
        }
        _ => None,
    });
    let detail = computed.unwrap_or_else(|| match &rule.message {
        Some(message) => message.trim().to_owned(),
        None => format!("failed rule: {}", rule.rule.trim()),
    });
    let below = rule.field_path.as_deref().unwrap_or_default();
    let path = format!("{path}{below}");
    let path = path.strip_prefix('.').unwrap_or(&path);
    Some(match rule.reason.as_deref() {
        Some("FieldValueForbidden") => FieldError::forbidden(path, detail),
        Some("FieldValueRequired") => FieldError::required(path, detail),
        Some("FieldValueDuplicate") => {
            FieldError { value: shown(schema, value), ..FieldError::duplicate(path, value) }
        }
        _ => invalid(schema, value, path, detail),
    })
}

/// Objects and lists are not shown.
fn shown(schema: &Schema, value: &Value) -> Option<String> {
    let simple = !matches!(schema.kind, Kind::Object | Kind::Array);
    simple.then(|| FieldError::invalid("", value, "").value).flatten()
}

fn invalid(schema: &Schema, value: &Value, path: &str, detail: String) -> FieldError {
    FieldError {
        field: path.to_owned(),
        reason: Reason::Invalid,
        value: shown(schema, value),
        detail,
    }
}

/// A rule that could not be run shows the type of the value in its place.
fn failed(schema: &Schema, path: &str, detail: String) -> FieldError {
    let kind = match schema.kind {
        Kind::Object => "object",
        Kind::Array => "array",
        Kind::String => "string",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Any | Kind::IntOrString | Kind::Quantity | Kind::Raw => "",
    };
    FieldError::invalid(path, &kind.into(), detail)
}

fn reworded(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::DivisionByZero(_) => "division by zero".to_owned(),
        ExecutionError::RemainderByZero(_) => "modulus by zero".to_owned(),
        ExecutionError::NoSuchOverload => "no such overload".to_owned(),
        other => other.to_string(),
    }
}

/// The keys of a list of type map, to find an item again.
pub(super) fn keys_of(list: &ListType, item: &Value) -> Option<Vec<Option<Value>>> {
    match list {
        ListType::Map(keys) => Some(keys.iter().map(|key| item.get(&**key).cloned()).collect()),
        ListType::Atomic | ListType::Set => None,
    }
}

/// Problems of the rules of a schema that do not depend on any object: rules that cannot be parsed.
pub fn check_rules(schema: &Schema, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut seen = HashSet::new();
    for (index, rule) in schema.rules.iter().enumerate() {
        let path = format!("{path}.x-kubernetes-validations[{index}].rule");
        if let Err(error) = rule.compiled()
            && seen.insert(&rule.rule)
        {
            errors.push(FieldError::invalid(
                path,
                &Value::from(rule.rule.as_str()),
                format!("compilation failed: {error}"),
            ));
        }
    }
    for (name, field) in &schema.properties {
        errors.extend(check_rules(field, &format!("{path}.properties[{name}]")));
    }
    if let Some(items) = &schema.items {
        errors.extend(check_rules(items, &format!("{path}.items")));
    }
    if let Additional::Typed(values) = &schema.additional {
        errors.extend(check_rules(values, &format!("{path}.additionalProperties")));
    }
    errors
}
