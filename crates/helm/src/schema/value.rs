//! One schema at one value: what the keywords say, and what can be told without looking deeper.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value as Json};

use super::documents::{Draft, Node};
use super::format;
use super::number::Decimal;
use super::problem::{Problem, quoted};

/// One schema at one value.
pub(super) struct Here<'h, 's> {
    pub(super) node: Node<'s>,
    pub(super) map: &'s Map<String, Json>,
    pub(super) keywords: Keywords,
    pub(super) draft: Draft,
    pub(super) value: &'h Json,
    pub(super) unseen: Unseen,
    pub(super) problems: Vec<Problem>,
}

/// Which keywords a schema may have: most that are asked for are not there, and this tells it
/// sooner than the map does.
#[derive(Clone, Copy, Default)]
pub(super) struct Keywords(u64);

impl Keywords {
    pub(super) fn of(map: &Map<String, Json>) -> Self {
        Self(map.keys().fold(0, |bits, keyword| bits | Self::bit(keyword)))
    }

    #[inline]
    pub(super) fn may_have(self, keyword: &str) -> bool {
        self.0 & Self::bit(keyword) != 0
    }

    #[inline]
    fn bit(keyword: &str) -> u64 {
        let (first, last) = match keyword.as_bytes() {
            [first, .., last] => (*first, *last),
            _ => (0, 0),
        };
        let sum = keyword.len() + 5 * usize::from(first) + 11 * usize::from(last);
        1 << (sum % 64)
    }
}

impl<'s> Here<'_, 's> {
    #[inline]
    pub(super) fn get(&self, keyword: &str) -> Option<&'s Json> {
        if self.keywords.may_have(keyword) { self.map.get(keyword) } else { None }
    }

    /// True when one of the keywords may be there.
    pub(super) fn may_have(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.keywords.may_have(keyword))
    }

    /// A keyword's schema; none if it holds something else.
    pub(super) fn schema(&self, keyword: &str) -> Option<&'s Json> {
        self.get(keyword).filter(|json| json.is_object() || json.is_boolean())
    }

    pub(super) fn list(&self, keyword: &str) -> &'s [Json] {
        self.get(keyword).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn named(
        &self,
        keyword: &str,
    ) -> impl Iterator<Item = (&'s String, &'s Json)> + use<'s> {
        self.get(keyword).and_then(Json::as_object).into_iter().flatten()
    }

    pub(super) fn size(&self, keyword: &str) -> Option<usize> {
        let number = self.get(keyword)?;
        let whole = number.as_u64().or_else(|| {
            let float = number.as_f64().filter(|float| float.fract() == 0.0 && *float >= 0.0)?;
            format!("{float}").parse().ok()
        });
        usize::try_from(whole?).ok()
    }

    pub(super) fn number(&self, keyword: &str) -> Option<Decimal> {
        match self.get(keyword)? {
            Json::Number(number) => Some(Decimal::of(number)),
            _ => None,
        }
    }

    pub(super) fn flag(&self, keyword: &str) -> bool {
        self.get(keyword).and_then(Json::as_bool) == Some(true)
    }
}

/// The parts of a value that no schema has looked at yet.
#[derive(Default, Clone)]
pub(super) struct Unseen {
    pub(super) names: Option<BTreeSet<String>>,
    pub(super) items: Option<BTreeSet<usize>>,
}

impl Unseen {
    pub(super) fn is_empty(&self) -> bool {
        self.names.as_ref().is_none_or(BTreeSet::is_empty)
            && self.items.as_ref().is_none_or(BTreeSet::is_empty)
    }

    /// Keeps what another look at the same value left unseen, too.
    pub(super) fn intersect(&mut self, other: &Self) {
        if let Some(names) = &mut self.names {
            names.retain(|name| other.names.as_ref().is_some_and(|names| names.contains(name)));
        }
        if let Some(items) = &mut self.items {
            items.retain(|item| other.items.as_ref().is_some_and(|items| items.contains(item)));
        }
    }
}

/// What a schema that takes anything leaves unseen.
pub(super) fn everything(value: &Json, needs: bool) -> Unseen {
    match value {
        Json::Object(map) if needs => {
            Unseen { names: Some(map.keys().cloned().collect()), items: None }
        }
        Json::Array(items) if needs => {
            Unseen { names: None, items: Some((0..items.len()).collect()) }
        }
        _ => Unseen::default(),
    }
}

/// What must still be seen of a value when a schema begins with it.
pub(super) fn unseen(here: &Here<'_, '_>, needs: bool) -> Unseen {
    match here.value {
        Json::Object(_) => {
            let wanted = needs || here.get("unevaluatedProperties").is_some();
            let all = here.get("additionalProperties").is_some();
            everything(here.value, wanted && !all)
        }
        Json::Array(items) => {
            let modern = here.draft >= Draft::D2020;
            let tuple = here.get("items").is_some_and(Json::is_array);
            let single = here.schema("items").is_some();
            let all = if modern {
                here.get("items").is_some()
            } else {
                single || here.get("additionalItems").is_some()
            };
            let wanted = needs || here.get("unevaluatedItems").is_some();
            if all || !wanted {
                return Unseen::default();
            }
            let ahead = match (modern, tuple) {
                (true, _) => here.list("prefixItems").len(),
                (false, true) => here.list("items").len(),
                (false, false) => 0,
            };
            Unseen { names: None, items: Some((ahead..items.len()).collect()) }
        }
        _ => Unseen::default(),
    }
}

/// The keywords that end a check at once: `type`, `const`, `enum`, `format`.
pub(super) fn whole_value(here: &Here<'_, '_>, formats: bool) -> Option<String> {
    let value = here.value;
    let wanted = match here.get("type") {
        Some(Json::String(only)) if is_type(value, only) => Vec::new(),
        Some(Json::String(only)) => vec![only.as_str()],
        Some(Json::Array(many)) => many.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    if !wanted.is_empty() && !wanted.iter().any(|wanted| is_type(value, wanted)) {
        let wanted = in_order(&wanted).join(" or ");
        return Some(format!("got {}, want {wanted}", type_name(value)));
    }
    if here.draft >= Draft::D6
        && let Some(only) = here.get("const").filter(|only| !equal(value, only))
    {
        return Some(match only {
            Json::Array(_) | Json::Object(_) => "'const' failed".to_owned(),
            only => format!("value must be {}", shown(only)),
        });
    }
    if let Some(Json::Array(many)) = here.get("enum")
        && !many.iter().any(|one| equal(value, one))
    {
        return Some(if many.iter().any(|one| one.is_array() || one.is_object()) {
            "'enum' failed".to_owned()
        } else {
            let one_of = if many.len() == 1 { "" } else { "one of " };
            let many: Vec<String> = many.iter().map(shown).collect();
            format!("value must be {one_of}{}", many.join(", "))
        });
    }
    let format = here
        .get("format")
        .and_then(Json::as_str)
        .filter(|_| formats || here.draft < Draft::D2019)?;
    let text = value.as_str()?;
    let reason = format::check(format, text)?;
    Some(format!("{} is not valid {format}: {reason}", quoted(text)))
}

/// Types in the order in which messages name them.
pub(super) fn in_order<'t>(types: &[&'t str]) -> Vec<&'t str> {
    const ORDER: &[&str] = &["null", "boolean", "number", "integer", "string", "array", "object"];
    let place = |name: &&str| ORDER.iter().position(|known| known == name);
    let mut types = types.to_vec();
    types.sort_by_key(place);
    types.dedup();
    types
}

pub(super) fn is_type(value: &Json, wanted: &str) -> bool {
    match (value, wanted) {
        (Json::Number(number), "integer") => Decimal::of(number).is_whole(),
        (value, wanted) => type_name(value) == wanted,
    }
}

pub(super) fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

pub(super) fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        Json::Null => "<nil>".to_owned(),
        Json::Array(_) | Json::Object(_) => "value".to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => Decimal::of(a).compare(Decimal::of(b)).is_eq(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The first two items that are equal. Numbers are in one form here, so equal items have equal texts.
pub(super) fn duplicates(items: &[Json]) -> Option<(usize, usize)> {
    let mut seen = HashMap::new();
    items.iter().enumerate().find_map(|(at, item)| Some((seen.insert(item.to_string(), at)?, at)))
}

pub(super) fn missing<'n>(object: &Map<String, Json>, names: &'n [Json]) -> Vec<&'n str> {
    let names = names.iter().filter_map(Json::as_str);
    names.filter(|name| !object.contains_key(*name)).collect()
}
