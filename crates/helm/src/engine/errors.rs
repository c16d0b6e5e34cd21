//! Errors of templates in the form that Helm 4 gives them.

use crate::Error;

const WARN_START: &str = "HELM_ERR_START";
const WARN_END: &str = "HELM_ERR_END";

/// What `fail` and `required` give: marked, so that the message can be found in the chain.
pub(super) fn warning(message: &str) -> gotemplate::Error {
    gotemplate::Error(format!("{WARN_START}{message}{WARN_END}"))
}

/// An error of parsing a file's template.
pub(super) fn parse_error(name: &str, error: &str) -> Error {
    let parts: Vec<&str> = error.split(": ").collect();
    match (parts.get(1), parts.last()) {
        (Some(location), Some(message)) => {
            Error::new(format!("parse error at ({location}): {message}"))
        }
        _ => Error::new(format!("parse error in ({name}): {error}")),
    }
}

/// An error of executing a file's template: the message of `fail` alone, or else the chain of
/// places, one a line.
pub(super) fn execution_error(error: &str) -> Error {
    let Some(rest) = error.strip_prefix("template: ") else { return Error::new(error) };
    let Some((location, rest)) = rest.split_once(": ") else { return Error::new(error) };
    if let Some((_, tail)) = rest.split_once(WARN_START)
        && let Some((message, _)) = tail.rsplit_once(WARN_END)
    {
        return Error::new(format!("execution error at ({location}): {message}"));
    }
    match chain(error) {
        Some(shown) => Error::new(shown.trim()),
        None => Error::new(error),
    }
}

/// The places from the outermost to the innermost; `None` when a link of the chain is no error of
/// the template engine.
fn chain(error: &str) -> Option<String> {
    let mut out = String::new();
    let mut last: Option<String> = None;
    let mut rest = error;
    loop {
        let shown = place(rest)?;
        if last.as_deref() != Some(&shown) {
            out.push_str(&shown);
        }
        last = Some(shown);
        match cause(rest) {
            Some(inner) => rest = inner,
            None => return Some(out),
        }
    }
}

/// What a function that was called failed with.
fn cause(error: &str) -> Option<&str> {
    let (_, call) = error.split_once(">: error calling ")?;
    call.split_once(": ").map(|(_, cause)| cause)
}

fn place(error: &str) -> Option<String> {
    let rest = error.strip_prefix("template: ")?;
    if rest.starts_with("no template ") {
        return Some(format!("{error}\n"));
    }
    if let Some(shown) = executing(rest) {
        return Some(shown);
    }
    let (location, message) = rest.rsplit_once(": ")?;
    Some(format!("{location}\n  {}\n", without_template(message)))
}

fn executing(rest: &str) -> Option<String> {
    let (location, after) = rest.split_once(": executing \"")?;
    let (name, after) = after.split_once('"')?;
    let (context, message) = after.strip_prefix(" at <")?.split_once(">: ")?;
    let message = without_template(message);
    Some(format!("{location}\n  executing \"{name}\" at <{context}>:\n    {message}\n"))
}

/// Cuts off the next link of the chain.
fn without_template(message: &str) -> &str {
    message.split(" template:").next().unwrap_or(message)
}
