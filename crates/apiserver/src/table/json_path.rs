//! The JSONPath dialect of printer columns: `.spec.a`, `['a\.b']`, `[0]`, `[-1]`, `[*]`, `.*`,
//! `[?(@.type=="Ready")]`, `[1:3]`.

use serde_json::Value;

/// A parsed path.
#[derive(Debug, Clone)]
pub(crate) struct JsonPath(Vec<Step>);

#[derive(Debug, Clone)]
enum Step {
    Field(String),
    Index(i64),
    Slice(i64, Option<i64>),
    All,
    Filter { path: JsonPath, operator: String, value: Option<Value> },
}

impl JsonPath {
    /// `None` when the text is not a path of this dialect.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
        let text = text.strip_prefix('$').or_else(|| text.strip_prefix('@')).unwrap_or(text);
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            rest = if let Some(inner) = rest.strip_prefix('[') {
                let end = closing(inner)?;
                let (inside, after) = inner.split_at_checked(end)?;
                steps.push(bracket(inside)?);
                after.strip_prefix(']')?
            } else {
                let inner = rest.strip_prefix('.').unwrap_or(rest);
                let (name, after) = field(inner);
                if !name.is_empty() {
                    steps.push(if name == "*" { Step::All } else { Step::Field(name) });
                } else if after.len() == rest.len() {
                    return None;
                }
                after
            };
        }
        Some(Self(steps))
    }

    /// Everything the path leads to.
    pub(crate) fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        self.0.iter().fold(vec![value], |found, step| {
            found.into_iter().flat_map(|v| step.apply(v)).collect()
        })
    }
}

/// A field name up to the next `.` or `[`; `\.` is a dot in the name.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '.' | '[' => return (name, text.get(at..).unwrap_or_default()),
            '\\' => name.extend(chars.next().map(|(_, c)| c)),
            c => name.push(c),
        }
    }
    (name, "")
}

/// The index of the `]` that closes an opened bracket; quotes and inner brackets are skipped.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_u32, None);
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match (quote, c) {
            (_, '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

fn bracket(text: &str) -> Option<Step> {
    let text = text.trim();
    if text == "*" {
        return Some(Step::All);
    }
    if let Some(condition) = text.strip_prefix("?(").and_then(|t| t.strip_suffix(')')) {
        return filter(condition);
    }
    if let Some(quoted) = unquote(text) {
        return Some(Step::Field(quoted));
    }
    if let Some((from, to)) = text.split_once(':') {
        let from = if from.is_empty() { 0 } else { from.parse().ok()? };
        let to = if to.is_empty() { None } else { Some(to.parse().ok()?) };
        return Some(Step::Slice(from, to));
    }
    text.parse().ok().map(Step::Index)
}

fn unquote(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(inner.replace("\\.", ".").replace(&format!("\\{quote}"), &quote.to_string()))
}

fn filter(condition: &str) -> Option<Step> {
    for operator in ["==", "!=", ">=", "<=", ">", "<"] {
        if let Some((path, value)) = condition.split_once(operator) {
            let value = value.trim();
            let value =
                unquote(value).map(Value::String).or_else(|| serde_json::from_str(value).ok())?;
            let path = JsonPath::parse(path.trim())?;
            return Some(Step::Filter { path, operator: operator.to_owned(), value: Some(value) });
        }
    }
    Some(Step::Filter {
        path: JsonPath::parse(condition.trim())?,
        operator: String::new(),
        value: None,
    })
}

impl Step {
    fn apply<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match self {
            Self::Field(name) => value.get(name).into_iter().collect(),
            Self::Index(at) => {
                let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
                position(*at, list.len()).and_then(|at| list.get(at)).into_iter().collect()
            }
            Self::Slice(from, to) => {
                let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let from = position(*from, list.len()).unwrap_or(list.len());
                let to = to.map_or(list.len(), |to| position(to, list.len()).unwrap_or(list.len()));
                list.get(from..to.max(from)).unwrap_or_default().iter().collect()
            }
            Self::All => match value {
                Value::Array(list) => list.iter().collect(),
                Value::Object(map) => map.values().collect(),
                _ => Vec::new(),
            },
            Self::Filter { path, operator, value: wanted } => {
                let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
                list.iter()
                    .filter(|item| holds(&path.find(item), operator, wanted.as_ref()))
                    .collect()
            }
        }
    }
}

fn position(at: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if at < 0 { length + at } else { at }).ok()
}

fn holds(found: &[&Value], operator: &str, wanted: Option<&Value>) -> bool {
    let (Some(first), Some(wanted)) = (found.first(), wanted) else {
        return !found.is_empty() && wanted.is_none();
    };
    let order = || match (first, wanted) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => first.as_f64()?.partial_cmp(&wanted.as_f64()?),
    };
    match operator {
        "==" => *first == wanted,
        "!=" => *first != wanted,
        ">" => order().is_some_and(std::cmp::Ordering::is_gt),
        "<" => order().is_some_and(std::cmp::Ordering::is_lt),
        ">=" => order().is_some_and(std::cmp::Ordering::is_ge),
        "<=" => order().is_some_and(std::cmp::Ordering::is_le),
        _ => false,
    }
}
