//! Dictionaries.

use std::collections::BTreeSet;

use super::general::text_of;
use super::merge::merge;
use crate::function::{Args, Row, Scope, Type};
use crate::text::Str;
use crate::value::{List, Map, Value};
use crate::{Error, Result};

use Type::{Any, Map as Dict, String as Text};

pub(crate) const TABLE: &[Row] = &[
    Row("dict", &[], Some(Any), dict),
    Row("get", &[Dict, Text], None, |_, a| {
        let found = a.map(0).and_then(|map| map.get(a.str(1).as_bytes()));
        Ok(found.unwrap_or_else(|| Value::string("")))
    }),
    Row("set", &[Dict, Text, Any], None, |_, a| {
        let map = a.map(0).ok_or_else(|| Error::new("assignment to entry in nil map"))?;
        map.set(a.str(1), a.any(2).clone());
        Ok(Value::Map(map.clone()))
    }),
    Row("unset", &[Dict, Text], None, |_, a| {
        if let Some(map) = a.map(0) {
            map.remove(a.str(1).as_bytes());
        }
        Ok(a.any(0).clone())
    }),
    Row("hasKey", &[Dict, Text], None, |_, a| {
        Ok(Value::Bool(a.map(0).is_some_and(|map| map.get(a.str(1).as_bytes()).is_some())))
    }),
    Row("pluck", &[Text], Some(Dict), |_, a| {
        let key = a.str(0);
        let maps = a.rest(1).iter().filter_map(Value::as_map);
        Ok(Value::list(maps.filter_map(|map| map.get(key.as_bytes())).collect()))
    }),
    Row("keys", &[], Some(Dict), |_, a| {
        let maps = a.rest(0).iter().filter_map(Value::as_map);
        let keys = maps.flat_map(Map::entries).map(|(key, _)| key);
        Ok(Value::List(List::strings(keys)))
    }),
    Row("pick", &[Dict], Some(Text), |_, a| Ok(filtered(a, true))),
    Row("omit", &[Dict], Some(Text), |_, a| Ok(filtered(a, false))),
    Row("values", &[Dict], None, |_, a| {
        let entries = a.map(0).map(Map::entries).unwrap_or_default();
        Ok(Value::list(entries.into_iter().map(|(_, value)| value).collect()))
    }),
    Row("merge", &[Dict], Some(Dict), |s, a| merge(s, a, false)),
    Row("mustMerge", &[Dict], Some(Dict), |s, a| merge(s, a, false)),
    Row("mergeOverwrite", &[Dict], Some(Dict), |s, a| merge(s, a, true)),
    Row("mustMergeOverwrite", &[Dict], Some(Dict), |s, a| merge(s, a, true)),
    Row("dig", &[], Some(Any), dig),
    Row("urlParse", &[Text], None, url_parse),
    Row("urlJoin", &[Dict], None, url_join),
];

fn dict(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let map = Map::new();
    for pair in args.rest(0).chunks(2) {
        if let Some(key) = pair.first() {
            let value = pair.get(1).cloned().unwrap_or_else(|| Value::string(""));
            map.set(text_of(key)?, value);
        }
    }
    Ok(Value::Map(map))
}

fn filtered(args: Args<'_>, keep: bool) -> Value {
    let names: BTreeSet<Str> = args.rest(1).iter().filter_map(Value::as_str).cloned().collect();
    let entries = args.map(0).map(Map::entries).unwrap_or_default();
    Value::Map(entries.into_iter().filter(|(key, _)| names.contains(key) == keep).collect())
}

fn dig(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let [keys @ .., default, dict] = args.rest(0) else {
        return Err(Error::new("dig needs at least three arguments"));
    };
    if keys.is_empty() {
        return Err(Error::new("dig needs at least three arguments"));
    }
    let conversion = |value: &Value, wanted: &str| {
        let found = match value {
            Value::Missing | Value::Nil => "nil".to_owned(),
            value => value.type_name(),
        };
        Error(format!("interface conversion: interface {{}} is {found}, not {wanted}"))
    };
    let as_dict = |value: &Value| match value {
        Value::Map(map) if Type::Map.accepts(value) && !value.type_name().contains('.') => {
            Ok(map.clone())
        }
        value => Err(conversion(value, "map[string]interface {}")),
    };
    let mut map = as_dict(dict)?;
    let keys: Result<Vec<&Str>> =
        keys.iter().map(|key| key.as_str().ok_or_else(|| conversion(key, "string"))).collect();
    let keys = keys?;
    for (index, key) in keys.iter().enumerate() {
        let Some(step) = map.get(key.as_bytes()) else { return Ok(default.clone()) };
        if index + 1 == keys.len() {
            return Ok(step);
        }
        map = as_dict(&step)?;
    }
    Ok(Value::Nil)
}

fn url_parse(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let url = crate::url::parse(&args.text(0))
        .map_err(|error| Error(format!("unable to parse url: {error}")))?;
    let map = Map::new();
    map.set("scheme", Value::string(url.scheme.as_str()));
    map.set("host", Value::string(url.host.as_str()));
    map.set("hostname", Value::string(url.hostname()));
    map.set("path", Value::string(url.path.clone()));
    map.set("query", Value::string(url.query.as_str()));
    map.set("opaque", Value::string(url.opaque.as_str()));
    map.set("fragment", Value::string(url.fragment.clone()));
    map.set("userinfo", Value::string(url.userinfo()));
    Ok(Value::Map(map))
}

fn url_join(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let part = |name: &str| -> Result<String> {
        match args.map(0).and_then(|map| map.get(name.as_bytes())) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.text().into_owned()),
            Some(other) => {
                let found = other.type_name();
                Err(Error(format!(
                    "unable to parse {name} key, must be of type string, but {found} found"
                )))
            }
        }
    };
    let userinfo = part("userinfo")?;
    let user = if userinfo.is_empty() {
        None
    } else {
        crate::url::parse(&format!("proto://{userinfo}@host"))
            .map_err(|error| Error(format!("unable to parse userinfo in dict: {error}")))?
            .user
    };
    let url = crate::url::Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?.into_bytes(),
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?.into_bytes(),
        user,
        ..crate::url::Url::default()
    };
    Ok(Value::string(url.to_string()))
}
