//! Values put in the place of variables.

use super::Vars;
use super::glob::matches;
use super::parse::Node;
use crate::error::{Error, Result, quoted};

/// Replaces all variables.
pub(super) fn run(nodes: &[Node], vars: &Vars, strict: bool) -> Result<String> {
    let mut out = String::new();
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Variable { param, operator, args } => {
                let args = args
                    .iter()
                    .map(|arg| run(std::slice::from_ref(arg), vars, strict))
                    .collect::<Result<Vec<_>>>()?;
                let value = vars.get(param);
                if value.is_none() && strict && !gives_default(operator) {
                    return Err(Error::new(format!(
                        "variable not set (strict mode): {}",
                        quoted(param)
                    )));
                }
                let value = value.map_or("", String::as_str);
                let new = apply(operator, value, &args).ok_or_else(|| {
                    Error::new(format!(
                        "the part of variable {} is not in its value",
                        quoted(param)
                    ))
                })?;
                out.push_str(&new);
            }
        }
    }
    Ok(out)
}

fn gives_default(operator: &str) -> bool {
    matches!(operator, "-" | "+" | "=" | "?" | ":-" | ":+" | ":=" | ":?")
}

/// What an operator makes of a value; `None` if it cuts through a character or backwards.
fn apply(operator: &str, value: &str, args: &[String]) -> Option<String> {
    let first = args.first().map(String::as_str);
    let both = || first.zip(args.get(1).map(String::as_str));
    Some(match (operator, first) {
        (",", _) => change_first(value, lower),
        (",,", _) => value.chars().map(lower).collect(),
        ("^", _) => change_first(value, upper),
        ("^^", _) => value.chars().map(upper).collect(),
        ("#", None) => value.len().to_string(),
        ("#", Some(pattern)) => trim_shortest(value, pattern),
        ("##", Some(pattern)) => trim_longest(value, pattern),
        ("%", Some(pattern)) => reversed(&trim_shortest(&reversed(value), &reversed(pattern))),
        ("%%", Some(pattern)) => reversed(&trim_longest(&reversed(value), &reversed(pattern))),
        (":", Some(position)) => return part(value, position, args.get(1).map(String::as_str)),
        ("/#", _) => match both() {
            Some((old, new)) if value.starts_with(old) => value.replacen(old, new, 1),
            _ => value.to_owned(),
        },
        ("/%", _) => match both().and_then(|(old, new)| Some((value.strip_suffix(old)?, new))) {
            Some((head, new)) => format!("{head}{new}"),
            None => value.to_owned(),
        },
        ("/", Some(old)) => value.replacen(old, args.get(1).map_or("", String::as_str), 1),
        ("//", Some(old)) => value.replace(old, args.get(1).map_or("", String::as_str)),
        ("##" | "%" | "%%" | ":" | "/" | "//", None) => value.to_owned(),
        _ if value.is_empty() => args.concat(),
        _ => value.to_owned(),
    })
}

/// Go maps one character to one character.
fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn lower(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn change_first(value: &str, change: fn(char) -> char) -> String {
    let mut chars = value.chars();
    match chars.next() {
        Some(first) => format!("{}{}", change(first), chars.as_str()),
        None => String::new(),
    }
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// Bytes from a position on, at most as many as a length says. What is no number changes nothing.
fn part(value: &str, position: &str, length: Option<&str>) -> Option<String> {
    let count = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let Ok(position) = position.parse::<i64>() else {
        return Some(value.to_owned());
    };
    let start = if position < 0 { (count + position).max(0) } else { position };
    let end = match length.map(str::parse::<i64>) {
        Some(Err(_)) => return Some(value.to_owned()),
        Some(Ok(length)) => start.saturating_add(length).min(count),
        None => count,
    };
    if start >= count {
        return Some(String::new());
    }
    let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
    value.get(start..end).map(str::to_owned)
}

/// Takes off the shortest beginning that fits a pattern.
fn trim_shortest(value: &str, pattern: &str) -> String {
    trim(value, pattern, 1..=value.len())
}

/// Takes off the longest beginning that fits a pattern.
fn trim_longest(value: &str, pattern: &str) -> String {
    trim(value, pattern, (1..=value.len()).rev())
}

fn trim(value: &str, pattern: &str, lengths: impl Iterator<Item = usize>) -> String {
    for length in lengths {
        let Some((head, tail)) = value.split_at_checked(length) else {
            continue;
        };
        match matches(pattern.as_bytes(), head.as_bytes()) {
            Some(true) => return tail.to_owned(),
            Some(false) => {}
            // A malformed pattern changes nothing.
            None => break,
        }
    }
    value.to_owned()
}
