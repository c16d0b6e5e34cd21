//! The part of kubectl's JSONPath that selects values: texts, fields, indexes, wildcards.

use helm::{Error, Values};
use serde_json::Value as Json;

/// What a template of texts and `{.path}` expressions gives for values.
pub(super) fn print(template: &str, values: &Values) -> Result<String, Error> {
    let root = Json::Object(values.clone());
    let broken = |what: &str| Error::new(format!("error parsing jsonpath {template}: {what}"));
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (expression, tail) = after.split_once('}').ok_or_else(|| broken("unclosed action"))?;
        let expression = expression.trim();
        let quoted = expression.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        if let Some(text) = quoted {
            out.push_str(&text.replace("\\n", "\n").replace("\\t", "\t"));
        } else {
            let steps = steps(expression).ok_or_else(|| {
                broken(&format!("only fields, indexes and wildcards are known, not {expression}"))
            })?;
            let found: Vec<String> = select(&root, &steps).into_iter().map(text).collect();
            out.push_str(&found.join(" "));
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

enum Step {
    Field(String),
    Index(i64),
    All,
}

/// `$.a.b[0]['c'].*`; `None` for anything else.
fn steps(expression: &str) -> Option<Vec<Step>> {
    let mut rest = expression.trim_start_matches(['$', '@']);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inside, tail) = after.split_once(']')?;
            let quoted = inside.strip_prefix('\'').and_then(|it| it.strip_suffix('\''));
            steps.push(match (quoted, inside) {
                (Some(name), _) => Step::Field(name.to_owned()),
                (None, "*") => Step::All,
                (None, number) => Step::Index(number.parse().ok()?),
            });
            rest = tail;
            continue;
        }
        let after = rest.strip_prefix('.')?;
        let mut name = String::new();
        let mut chars = after.char_indices().peekable();
        let mut end = after.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => name.extend(chars.next().map(|(_, c)| c)),
                '.' | '[' => {
                    end = at;
                    break;
                }
                c if c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '*') => name.push(c),
                _ => return None,
            }
        }
        match name.as_str() {
            "" => {}
            "*" => steps.push(Step::All),
            _ => steps.push(Step::Field(name)),
        }
        rest = after.get(end..)?;
    }
    Some(steps)
}

fn select<'j>(root: &'j Json, steps: &[Step]) -> Vec<&'j Json> {
    steps.iter().fold(vec![root], |found, step| {
        let next = found.into_iter().flat_map(|json| match (step, json) {
            (Step::Field(name), Json::Object(map)) => map.get(name).into_iter().collect(),
            (Step::Index(index), Json::Array(items)) => {
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let index = if *index < 0 { index.saturating_add(length) } else { *index };
                let index = usize::try_from(index).ok();
                index.and_then(|index| items.get(index)).into_iter().collect()
            }
            (Step::All, Json::Array(items)) => items.iter().collect(),
            (Step::All, Json::Object(map)) => map.values().collect(),
            _ => Vec::new(),
        });
        next.collect()
    })
}

fn text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        Json::Object(_) | Json::Array(_) => helm::to_json(json),
        other => helm::to_json(other),
    }
}

#[cfg(test)]
mod tests {
    use super::print;

    #[test]
    fn paths_select_values() {
        let values = helm::from_yaml("a: {b.c: [1, x, {d: true}]}\ne: text\n").unwrap();
        for (template, expected) in [
            ("{.e}", "text"),
            ("{$.a.b\\.c[1]} and {.e}{\"\\n\"}", "x and text\n"),
            ("{.a['b.c'][-1].d}", "true"),
            ("{.a.*[0]}", "1"),
            ("{.a.b\\.c[2]}", "{\"d\":true}"),
            ("{.absent}", ""),
        ] {
            assert_eq!(print(template, &values).unwrap(), expected, "{template}");
        }
        for template in ["{.a", "{range .a}", "{.a[?(@.b)]}"] {
            assert!(print(template, &values).is_err(), "{template}");
        }
    }
}
