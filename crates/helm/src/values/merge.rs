//! Values of charts over each other. What is passed over on the way is told to the log in Helm's words.

use std::fmt;

use gotemplate::{Environment, Level, LogLine};
use serde_json::Value as Json;

use super::Values;
use crate::chart::Chart;
use crate::{Error, Result};

const GLOBAL: &str = "global";

/// The values that templates see: the user's over the chart's, for the chart and all below it. A
/// `null` of the user's takes a default away.
///
/// # Errors
/// When a subchart's values are not a mapping.
pub fn coalesce_values(chart: &Chart, user: &Values) -> Result<Values, Error> {
    Merge::coalescing(None).values(chart, user)
}

/// As [`coalesce_values`], but every `null` is kept.
///
/// # Errors
/// When a subchart's values are not a mapping.
pub fn merge_values(chart: &Chart, user: &Values) -> Result<Values, Error> {
    Merge::keeping_nulls(None).values(chart, user)
}

/// Fills `destination` from `source`; a `null` in the destination takes the key away.
pub fn coalesce_tables(destination: &mut Values, source: Values) {
    Merge::coalescing(None).tables(destination, source);
}

/// Fills `destination` from `source`; a `null` in the destination stays.
pub fn merge_tables(destination: &mut Values, source: Values) {
    Merge::keeping_nulls(None).tables(destination, source);
}

/// How values are put over each other.
#[derive(Clone, Copy)]
pub(crate) struct Merge<'l> {
    nulls: Nulls,
    log: Option<&'l dyn Environment>,
}

/// What becomes of a `null`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// It stays, on either side.
    Keep,
    /// The source's is not taken over, the destination's takes the key away.
    Drop,
}

/// A dotted path, for messages.
#[derive(Clone, Copy)]
struct Place<'p> {
    above: Option<&'p Self>,
    name: &'p str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            write!(f, "{above}.")?;
        }
        f.write_str(self.name)
    }
}

impl<'l> Merge<'l> {
    /// As [`coalesce_values`].
    pub(crate) fn coalescing(log: Option<&'l dyn Environment>) -> Self {
        Self { nulls: Nulls::Drop, log }
    }

    /// As [`merge_values`].
    pub(crate) fn keeping_nulls(log: Option<&'l dyn Environment>) -> Self {
        Self { nulls: Nulls::Keep, log }
    }

    /// The values of a chart and all below it.
    pub(crate) fn values(self, chart: &Chart, user: &Values) -> Result<Values> {
        let mut values = user.clone();
        self.chart(chart, &mut values, None)?;
        Ok(values)
    }

    /// Fills one table from another.
    pub(crate) fn tables(self, destination: &mut Values, source: Values) {
        self.fill_from(destination, source, None);
    }

    fn drops(self) -> bool {
        self.nulls == Nulls::Drop
    }

    fn note(self, message: fmt::Arguments<'_>) {
        if let Some(log) = self.log {
            log.log(&LogLine { level: Level::Info, message: &message.to_string(), fields: &[] });
        }
    }

    /// Tells of a table that stands in the way of a value, or a value in that of a table. As in Helm, what is passed over
    /// is shown.
    fn skipped(self, place: &Place<'_>, value: &Json) {
        if self.log.is_none() || value.is_null() {
            return;
        }
        let shown = gotemplate::Value::from_json_int64(value);
        let shown = gotemplate::format("%v", &[shown]).unwrap_or_default();
        let shown = String::from_utf8_lossy(&shown);
        if value.is_object() {
            self.note(format_args!(
                "warning: cannot overwrite table with non table for {place} ({shown})"
            ));
        } else {
            self.note(format_args!(
                "warning: destination for {place} is a table. Ignoring non-table value ({shown})"
            ));
        }
    }

    fn chart(self, chart: &Chart, values: &mut Values, above: Option<&Place<'_>>) -> Result<()> {
        let place = Place { above, name: chart.name() };
        self.own_values(chart, values, &place);
        for subchart in &chart.dependencies {
            let name = subchart.name();
            let slot = values.entry(name).or_insert_with(|| Json::Object(Values::new()));
            let Json::Object(inner) = slot else {
                return Err(Error::new(format!("type mismatch on {name}: {}", mismatch(slot))));
            };
            let mut inner = std::mem::take(inner);
            self.globals(&mut inner, values, &place);
            self.chart(subchart, &mut inner, Some(&place))?;
            values.insert(name.to_owned(), Json::Object(inner));
        }
        Ok(())
    }

    fn globals(self, destination: &mut Values, source: &Values, place: &Place<'_>) {
        let skip = |side: &str| {
            self.note(format_args!(
                "warning: skipping globals because {side} {GLOBAL} is not a table."
            ));
        };
        if destination.get(GLOBAL).is_some_and(|own| !own.is_object()) {
            return skip("destination");
        }
        let inherited = match source.get(GLOBAL) {
            None => None,
            Some(Json::Object(inherited)) => Some(inherited),
            Some(_) => return skip("source"),
        };
        let mut own = match destination.get_mut(GLOBAL) {
            Some(Json::Object(own)) => std::mem::take(own),
            _ => Values::new(),
        };
        for (key, value) in inherited.into_iter().flatten() {
            match (value, own.get_mut(key)) {
                (Json::Object(table), Some(Json::Object(old))) => {
                    let inner = std::mem::replace(old, table.clone());
                    let place = Place { above: Some(place), name: key };
                    Self { nulls: Nulls::Keep, ..self }.fill_from(old, inner, Some(&place));
                }
                (Json::Object(_), Some(_)) => {
                    let key = gotemplate::quote(key.as_bytes());
                    self.note(format_args!(
                        "Conflict: cannot merge map onto non-map for {key}. Skipping."
                    ));
                }
                (_, Some(Json::Object(_))) => {
                    self.note(format_args!("key {key} is table. Skipping"));
                }
                (value, _) => {
                    own.insert(key.clone(), value.clone());
                }
            }
        }
        destination.insert(GLOBAL.to_owned(), Json::Object(own));
    }

    fn own_values(self, chart: &Chart, values: &mut Values, place: &Place<'_>) {
        for (key, default) in &chart.values {
            let place = Place { above: Some(place), name: key };
            match values.get_mut(key) {
                Some(Json::Null) if self.drops() => {
                    values.remove(key);
                }
                Some(Json::Object(destination)) => match default {
                    Json::Object(source) => {
                        let is_subchart = chart.dependencies.iter().any(|sub| sub.name() == key);
                        let nulls = if is_subchart { Nulls::Keep } else { self.nulls };
                        Self { nulls, ..self }.fill(destination, source, &place);
                    }
                    Json::Null => {}
                    _ => {
                        self.note(format_args!("warning: skipped value for {place}: Not a table."));
                    }
                },
                Some(_) => {}
                None if !self.drops() => {
                    values.insert(key.clone(), default.clone());
                }
                None if default.is_null() => {}
                None => {
                    values.insert(key.clone(), without_nulls(default));
                }
            }
        }
    }

    /// Fills `destination` with copies of what it lacks of `source`.
    fn fill(self, destination: &mut Values, source: &Values, place: &Place<'_>) {
        let drops = self.drops();
        for (key, value) in source.iter().filter(|(_, value)| !(drops && value.is_null())) {
            let place = Place { above: Some(place), name: key };
            match destination.get_mut(key) {
                Some(Json::Null) if drops => {
                    destination.remove(key);
                }
                None => {
                    let copy = if drops { without_nulls(value) } else { value.clone() };
                    destination.insert(key.clone(), copy);
                }
                Some(Json::Object(inner)) => match value {
                    Json::Object(value) => self.fill(inner, value, &place),
                    value => self.skipped(&place, value),
                },
                Some(old) if value.is_object() && !old.is_null() => self.skipped(&place, value),
                Some(_) => {}
            }
        }
    }

    /// As [`Self::fill`], from what is not needed any more.
    fn fill_from(self, destination: &mut Values, source: Values, above: Option<&Place<'_>>) {
        for (key, value) in source {
            let place = Place { above, name: &key };
            match destination.get_mut(&key) {
                Some(Json::Null) if self.drops() && !value.is_null() => {
                    destination.remove(&key);
                }
                None => {
                    destination.insert(key, value);
                }
                Some(Json::Object(inner)) => match value {
                    Json::Object(value) => self.fill_from(inner, value, Some(&place)),
                    value => self.skipped(&place, &value),
                },
                Some(old) if value.is_object() && !old.is_null() => self.skipped(&place, &value),
                Some(_) => {}
            }
        }
    }
}

/// How Go shows the value in this error (`%t` of something that is no boolean).
fn mismatch(value: &Json) -> String {
    let value = gotemplate::Value::from_json_int64(value);
    let shown = gotemplate::format("%t", &[value]).unwrap_or_default();
    String::from_utf8_lossy(&shown).into_owned()
}

/// A copy without the members of mappings in mappings that are `null`.
fn without_nulls(value: &Json) -> Json {
    let Json::Object(map) = value else { return value.clone() };
    let members = map.iter().filter(|(_, member)| !member.is_null());
    Json::Object(members.map(|(key, member)| (key.clone(), without_nulls(member))).collect())
}
