//! Health by CEL expressions, for kinds whose status says it in its own way.

use std::collections::HashMap;

use crate::field::Field as _;
use kube_cel::KubeCelExt;
use kube_cel::cel::{Context, Program, Value as CelValue};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::health::Health;

/// The expressions for one kind, or for all kinds of a group.
#[derive(Debug)]
pub struct HealthCheck {
    group: String,
    kind: Option<String>,
    current: Expression,
    in_progress: Option<Expression>,
    failed: Option<Expression>,
}

/// The same as it stands in a spec.
#[derive(Debug, Clone, Default)]
pub struct HealthCheckSpec<'a> {
    /// API version; only its group counts.
    pub api_version: &'a str,
    /// Kind; all kinds of the group when `None`.
    pub kind: Option<&'a str>,
    /// True when the object is as wanted.
    pub current: &'a str,
    /// True while it is on its way.
    pub in_progress: Option<&'a str>,
    /// True when it has failed.
    pub failed: Option<&'a str>,
}

#[derive(Debug)]
struct Expression {
    text: String,
    program: Program,
}

impl HealthCheck {
    /// Compiles the expressions.
    ///
    /// # Errors
    /// For one that is no CEL.
    pub fn new(spec: &HealthCheckSpec<'_>) -> Result<Self, Error> {
        let group = spec.api_version.split_once('/').map_or("", |(group, _)| group);
        let maybe = |text: Option<&str>| {
            text.filter(|text| !text.is_empty()).map(Expression::compile).transpose()
        };
        Ok(Self {
            group: group.to_owned(),
            kind: spec.kind.map(str::to_owned).filter(|kind| !kind.is_empty()),
            current: Expression::compile(spec.current)?,
            in_progress: maybe(spec.in_progress)?,
            failed: maybe(spec.failed)?,
        })
    }

    /// The first two checks that are for the same kind, or for the same group as a whole; which of
    /// them counts could not be told.
    pub fn duplicate(checks: &[Self]) -> Option<String> {
        let name = |check: &Self| match &check.kind {
            Some(kind) if check.group.is_empty() => kind.clone(),
            Some(kind) => format!("{kind}.{}", check.group),
            None => check.group.clone(),
        };
        let twice = |(index, check): (usize, &Self)| {
            let before = checks.get(..index)?;
            let same = |other: &Self| (&other.group, &other.kind) == (&check.group, &check.kind);
            before.iter().any(same).then(|| {
                format!("duplicate custom health check for GroupKind {} at [{index}]", name(check))
            })
        };
        checks.iter().enumerate().find_map(twice)
    }

    /// Whether the check may be for kinds of this group.
    pub(crate) fn is_for(&self, group: &str) -> bool {
        self.group == group
    }

    /// The health of an object that this check is for.
    fn of(&self, object: &Value) -> Health {
        let generation = object.at("metadata.generation").as_i64();
        let observed = object.at("status.observedGeneration").as_i64();
        if observed.is_some() && generation.is_some() && observed != generation {
            return Health::InProgress("generation is not observed".to_owned());
        }
        let holds = |expression: Option<&Expression>| {
            expression.map_or(Ok(false), |expression| expression.is_true(object))
        };
        let evaluated = || -> Result<Health, String> {
            if holds(self.in_progress.as_ref())? {
                return Ok(Health::InProgress("in progress by CEL expression".to_owned()));
            }
            if holds(self.failed.as_ref())? {
                return Ok(Health::Failed("failed by CEL expression".to_owned()));
            }
            if holds(Some(&self.current))? {
                return Ok(Health::Current);
            }
            Ok(Health::InProgress("not current by CEL expression".to_owned()))
        };
        evaluated().unwrap_or_else(Health::Unknown)
    }
}

/// The health of an object: by the check for its kind, else by that for its group, else by the
/// built-in rules.
pub(crate) fn health(checks: &[HealthCheck], object: &Value) -> Health {
    if !object.at("metadata.deletionTimestamp").is_null() {
        return Health::Terminating;
    }
    let api_version = object.at("apiVersion").as_str().unwrap_or_default();
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let kind = object.at("kind").as_str();
    let of_group = || checks.iter().filter(|check| check.group == group);
    let by_kind = of_group().find(|check| check.kind.is_some() && check.kind.as_deref() == kind);
    match by_kind.or_else(|| of_group().find(|check| check.kind.is_none())) {
        Some(check) => check.of(object),
        None => crate::health::of(object),
    }
}

impl Expression {
    fn compile(text: &str) -> Result<Self, Error> {
        let program = Program::compile(text).map_err(|error| {
            Error::Expression(format!("failed to compile expression '{text}': {error}"))
        })?;
        Ok(Self { text: text.to_owned(), program })
    }

    /// Evaluates the expression; the fields of the object are its variables.
    fn is_true(&self, object: &Value) -> Result<bool, String> {
        let failed =
            |message: String| format!("failed to evaluate expression '{}': {message}", self.text);
        let mut context = Context::default().with_all();
        let nothing = Value::Object(Map::new());
        for field in ["metadata", "spec", "status", "data"] {
            context.add_variable_from_value(field, to_cel(object.get(field).unwrap_or(&nothing)));
        }
        for (field, value) in object.as_object().into_iter().flatten() {
            context.add_variable_from_value(field.as_str(), to_cel(value));
        }
        match self.program.execute(&context) {
            Ok(CelValue::Bool(answer)) => Ok(answer),
            Ok(other) => Err(failed(format!("result is {}, not bool", other.type_of()))),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

/// A JSON value as Kubernetes shows it to CEL: whole numbers are `int`, never `uint`.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(kind: Option<&'static str>, current: &'static str) -> HealthCheck {
        HealthCheck::new(&HealthCheckSpec {
            api_version: "example.com/v1",
            kind,
            current,
            in_progress: Some("status.phase == 'Working'"),
            failed: Some("status.phase == 'Broken'"),
        })
        .unwrap()
    }

    fn object(kind: &str, phase: &str) -> Value {
        json!({"apiVersion": "example.com/v1", "kind": kind, "status": {"phase": phase}})
    }

    #[test]
    fn the_kind_wins_over_the_group() {
        let checks = [check(None, "true"), check(Some("Widget"), "status.phase == 'Done'")];
        for (kind, phase, expected) in [
            ("Widget", "Done", "Current"),
            ("Widget", "New", "InProgress"),
            ("Widget", "Working", "InProgress"),
            ("Widget", "Broken", "Failed"),
            ("Gadget", "New", "Current"),
        ] {
            assert_eq!(health(&checks, &object(kind, phase)).as_str(), expected, "{kind} {phase}");
        }
    }

    #[test]
    fn two_checks_for_one_kind_are_named() {
        let one = || check(Some("Widget"), "true");
        let duplicate = HealthCheck::duplicate(&[one(), check(None, "true"), one()]).unwrap();
        assert!(duplicate.contains("Widget.example.com at [2]"), "{duplicate}");
        assert_eq!(HealthCheck::duplicate(&[one(), check(None, "true")]), None);
    }

    #[test]
    fn an_unseen_generation_is_in_progress_and_an_error_is_unknown() {
        let checks = [check(Some("Widget"), "status.n > 'a'")];
        let mut unseen = object("Widget", "Done");
        unseen["metadata"] = json!({"generation": 2});
        unseen["status"]["observedGeneration"] = json!(1);
        assert_eq!(health(&checks, &unseen).as_str(), "InProgress");
        assert_eq!(health(&checks, &object("Widget", "Done")).as_str(), "Unknown");
        let broken = HealthCheckSpec { current: "status.(", ..HealthCheckSpec::default() };
        assert!(HealthCheck::new(&broken).is_err());
    }
}
