//! Go templates, bare and with Sprig.

use super::{Case, Outcome};
use gotemplate::{Fixed, Function, Functions, MissingKey, Options, TemplateSet, Type, Value};
use serde_json::Value as Json;

/// Go's own parser tests lower its limit on nested parentheses to this.
const TEST_PARENS: usize = 3;

pub(crate) fn run(case: &Case) -> Outcome {
    run_with(case, &Functions::builtin())
}

pub(crate) fn run_sprig(case: &Case) -> Outcome {
    run_with(case, &Functions::sprig())
}

fn run_with(case: &Case, functions: &Functions) -> Outcome {
    match case.text("mode") {
        "parse" => parse(case),
        "number" => number(case),
        "isempty" => match TemplateSet::is_empty_text("t", case.text("template")) {
            Ok(empty) if empty == case.flag("empty") => Outcome::Passed,
            other => Outcome::Failed(format!("{other:?}")),
        },
        "" => same_or_error(case, "expected", execute(case, functions)),
        _ => Outcome::Unsupported,
    }
}

/// Errors are compared whole: people read them.
fn same_or_error(case: &Case, member: &str, got: Result<String, String>) -> Outcome {
    match (case.value.get("error").and_then(Json::as_str), got) {
        (Some(expected), Err(error)) => super::same_text(expected, &error),
        (Some(expected), Ok(got)) => {
            Outcome::Failed(format!("expected the error: {expected}\ngot:\n{got}"))
        }
        (None, Ok(got)) if case.value.get(member).is_some() => {
            super::same_text(case.text(member), &got)
        }
        (None, Err(_)) if case.value.get(member).is_none() => Outcome::Passed,
        (None, Err(error)) => Outcome::Failed(format!("unexpected error: {error}")),
        (None, Ok(got)) => Outcome::Failed(format!("expected an error, got:\n{got}")),
    }
}

fn parse(case: &Case) -> Outcome {
    let name = case.name.rsplit('/').next().unwrap_or_default();
    let name = name.trim_start_matches("parseerr-").trim_start_matches("parse-");
    // The functions that Go's parser tests define.
    let mut functions = Functions::builtin();
    let texts = &[Type::String, Type::String];
    functions.add(Function::new("contains", texts, None, |_, _| Ok(Value::Nil)));
    let got = TemplateSet::canonical(name, case.text("template"), &functions, TEST_PARENS);
    same_or_error(case, "canonical", got.map_err(|e| e.to_string()))
}

fn number(case: &Case) -> Outcome {
    const KINDS: [&str; 4] = ["isInt", "isUint", "isFloat", "isComplex"];
    let valid = KINDS.iter().any(|kind| case.flag(kind));
    let Ok(got) = gotemplate::describe_number(case.text("text")) else {
        return if valid { Outcome::Failed("not a number".to_owned()) } else { Outcome::Passed };
    };
    let kinds = KINDS.iter().all(|kind| got.get(kind) == case.value.get(kind));
    let float = |value: &Json| value.get("float").and_then(Json::as_f64);
    if kinds && got.get("int") == case.value.get("int") && float(&got) == float(&case.value) {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("got {got}"))
    }
}

fn execute(case: &Case, functions: &Functions) -> Result<String, String> {
    let set = TemplateSet::new();
    set.parse("test", case.text("template"), functions).map_err(|e| e.to_string())?;
    let environment = Fixed::default();
    let mut options = Options::new(&environment);
    options.missing_key = match case.text("missingkey") {
        "zero" => MissingKey::Zero,
        "error" => MissingKey::Error,
        _ => MissingKey::Default,
    };
    let data = Value::from_json(case.value.get("data").unwrap_or(&Json::Null));
    let out = gotemplate::render(&set, "test", data, functions, &options);
    out.map(|out| String::from_utf8_lossy(&out).into_owned()).map_err(|e| e.to_string())
}
