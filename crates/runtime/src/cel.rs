//! CEL expressions of specs, in the environment the original gives them.

use std::collections::HashMap;

use kube_cel::KubeCelExt;
use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr};
use kube_cel::cel::{Context, Program, Value as CelValue};
use serde_json::Value;
use thiserror::Error;

/// Longest expression that is compiled: the limit Kubernetes sets for its own rules is of this size.
const MAX_LENGTH: usize = 64 * 1024;

/// What is wrong with an expression, or what went wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CelError {
    /// It does not compile; only another expression can help.
    #[error("failed to compile expression '{expression}': {message}")]
    Compile {
        /// The expression.
        expression: String,
        /// What the compiler said.
        message: String,
    },
    /// It failed on this object.
    #[error("failed to evaluate expression '{expression}': {message}")]
    Evaluate {
        /// The expression.
        expression: String,
        /// What happened.
        message: String,
    },
}

/// A compiled expression that answers yes or no.
#[derive(Debug)]
pub struct Expression {
    text: String,
    program: Program,
}

impl Expression {
    /// Compiles an expression over these variables.
    ///
    /// # Errors
    /// When it is no CEL, too long, or names another variable.
    pub fn compile(text: &str, variables: &[&str]) -> Result<Self, CelError> {
        let failed = |message: String| CelError::Compile { expression: text.to_owned(), message };
        if text.len() > MAX_LENGTH {
            return Err(failed(format!("longer than {MAX_LENGTH} bytes")));
        }
        let program = Program::compile(text).map_err(|error| failed(error.to_string()))?;
        if let Some(name) = undeclared(program.expression(), &mut variables.to_vec()) {
            return Err(failed(format!("undeclared reference to '{name}'")));
        }
        Ok(Self { text: text.to_owned(), program })
    }

    /// Evaluates it.
    ///
    /// # Errors
    /// When a field is missing, types do not fit, or the result is no bool.
    pub fn is_true(&self, variables: &[(&str, &Value)]) -> Result<bool, CelError> {
        let failed =
            |message: String| CelError::Evaluate { expression: self.text.clone(), message };
        let mut context = Context::default().with_all();
        for (name, value) in variables {
            context.add_variable_from_value(*name, to_cel(value));
        }
        match self.program.execute(&context) {
            Ok(CelValue::Bool(answer)) => Ok(answer),
            Ok(other) => Err(failed(format!("result is {}, not bool", other.type_of()))),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

/// A JSON value as Kubernetes shows it to CEL: whole numbers are `int`, never `uint`, so that they
/// mix with the literals of an expression.
fn to_cel(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(flag) => CelValue::Bool(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => CelValue::Int(whole),
            None => CelValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => CelValue::from(text.as_str()),
        Value::Array(items) => CelValue::from(items.iter().map(to_cel).collect::<Vec<_>>()),
        Value::Object(fields) => {
            let entry = |(key, value): (&String, &Value)| (key.clone(), to_cel(value));
            CelValue::from(fields.iter().map(entry).collect::<HashMap<_, _>>())
        }
    }
}

/// The first name in `expression` that is neither a variable nor bound by a macro around it.
/// Names of types (`int`, `string`, …) count as declared.
fn undeclared<'a>(expression: &'a IdedExpr, known: &mut Vec<&'a str>) -> Option<&'a str> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.as_str()).filter(|name| !is_declared(name, known)),
        Expr::Select(select) => undeclared(&select.operand, known),
        Expr::Call(call) => {
            let target = call.target.as_deref().and_then(|target| undeclared(target, known));
            target.or_else(|| call.args.iter().find_map(|argument| undeclared(argument, known)))
        }
        Expr::List(list) => list.elements.iter().find_map(|element| undeclared(element, known)),
        Expr::Map(map) => map.entries.iter().find_map(|entry| undeclared_entry(entry, known)),
        Expr::Struct(s) => s.entries.iter().find_map(|entry| undeclared_entry(entry, known)),
        Expr::Comprehension(inner) => {
            let outside = undeclared(&inner.iter_range, known)
                .or_else(|| undeclared(&inner.accu_init, known));
            if outside.is_some() {
                return outside;
            }
            let depth = known.len();
            known.extend([inner.iter_var.as_str(), inner.accu_var.as_str()]);
            known.extend(inner.iter_var2.as_deref());
            let parts = [&inner.loop_cond, &inner.loop_step, &inner.result];
            let inside = parts.into_iter().find_map(|part| undeclared(part, known));
            known.truncate(depth);
            inside
        }
        Expr::Literal(_) | Expr::Unspecified => None,
    }
}

fn undeclared_entry<'a>(entry: &'a IdedEntryExpr, known: &mut Vec<&'a str>) -> Option<&'a str> {
    match &entry.expr {
        EntryExpr::StructField(field) => undeclared(&field.value, known),
        EntryExpr::MapEntry(entry) => {
            undeclared(&entry.key, known).or_else(|| undeclared(&entry.value, known))
        }
    }
}

fn is_declared(name: &str, known: &[&str]) -> bool {
    const TYPES: [&str; 13] = [
        "bool",
        "bytes",
        "double",
        "dyn",
        "google",
        "int",
        "list",
        "map",
        "null_type",
        "optional",
        "string",
        "type",
        "uint",
    ];
    // Macros bind helper names that cannot be written in CEL itself.
    name.starts_with('@') || known.contains(&name) || TYPES.contains(&name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expressions_see_their_variables_and_answer_yes_or_no() {
        let dep = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}], "n": 3}});
        let own = json!({"spec": {"n": 3}});
        for (text, answer) in [
            ("dep.status.n == self.spec.n", Ok(true)),
            ("dep.status.n > 3.5", Ok(false)),
            ("dep.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", Ok(true)),
            ("has(dep.status.missing)", Ok(false)),
            ("dep.status.n + 1", Err("result is int, not bool")),
            ("dep.status.missing == 1", Err("No such key: missing")),
        ] {
            let expression = Expression::compile(text, &["dep", "self"]).unwrap();
            let result = expression.is_true(&[("dep", &dep), ("self", &own)]);
            match (result, answer) {
                (Ok(is), Ok(should)) => assert_eq!(is, should, "{text}"),
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{text}: {error}");
                }
                (is, should) => panic!("{text}: {is:?}, not {should:?}"),
            }
        }
    }

    #[test]
    fn macros_bind_their_variables_and_no_others() {
        let compiles = |text: &str| Expression::compile(text, &["dep"]).is_ok();
        assert!(compiles("dep.a.all(x, dep.b.exists(y, y == x)) && type(dep.c) == int"));
        assert!(compiles("{'a': dep.x}.size() == 1 && [dep.y].filter(i, i > 1).size() == 0"));
        assert!(!compiles("dep.a.exists(x, x == 1) && x == 2"));
        assert!(!compiles("dep.a.exists(x, x == z)"));
    }

    #[test]
    fn what_does_not_compile_is_said_before_any_object_is_looked_at() {
        assert!(Expression::compile("dep.status.(", &["dep"]).is_err());
        let unknown = Expression::compile("other.status == 1", &["dep"]).unwrap_err();
        assert!(unknown.to_string().contains("undeclared reference to 'other'"), "{unknown}");
    }
}
