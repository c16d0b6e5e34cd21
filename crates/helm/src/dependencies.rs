//! Which subcharts take part, under which names, and what they lend to their parent.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::chart::Chart;
use crate::metadata::{Dependency, compatible};
use crate::values::{Merge, Values, path_value, table, table_or_key};
use crate::{Environment, Error, Level, LogLine, Result};

/// The most charts that one chart may have below it. Each may take part under several names, and those below it again,
/// so that a small package could become a hundred million charts.
const MAX_CHARTS: usize = 10_000;

/// How deep values may be where they are imported to: as deep as a file may be. The path to them has no other limit, and
/// each level takes stack wherever values are walked.
const MAX_DEPTH: usize = 128;

/// Prunes and renames the subcharts by conditions, tags and aliases, then imports values.
pub(crate) fn process(
    chart: &mut Chart,
    values: &Values,
    environment: &dyn Environment,
) -> Result<()> {
    let mut pass = Pass { left: MAX_CHARTS, environment };
    pass.enable(chart, values, "")
        .and_then(|()| pass.import(chart))
        .map_err(|error| error.context("chart dependencies processing failed"))
}

/// What goes along through the tree of charts.
struct Pass<'p> {
    /// Charts that may still come.
    left: usize,
    environment: &'p dyn Environment,
}

/// The subcharts in the order of `Chart.yaml`, under their aliases; first those that it does not
/// name, which always take part. Nothing is copied that is wanted only once.
fn arranged(charts: Vec<Chart>, dependencies: &[Dependency]) -> Vec<Chart> {
    let fits = |chart: &Chart, dependency: &Dependency| {
        chart.name() == dependency.name && compatible(&dependency.version, &chart.metadata.version)
    };
    let wanted: Vec<Option<usize>> = dependencies
        .iter()
        .map(|dependency| charts.iter().position(|chart| fits(chart, dependency)))
        .collect();
    let (named, others): (Vec<_>, Vec<_>) = charts
        .into_iter()
        .enumerate()
        .partition(|(_, chart)| dependencies.iter().any(|dependency| fits(chart, dependency)));
    let mut named: BTreeMap<usize, Chart> = named.into_iter().collect();
    let mut placed: Vec<Chart> = others.into_iter().map(|(_, chart)| chart).collect();
    for (place, (dependency, index)) in dependencies.iter().zip(&wanted).enumerate() {
        let Some(index) = index else { continue };
        let later = wanted.get(place + 1..).unwrap_or_default();
        let chart = if later.contains(&Some(*index)) {
            named.get(index).cloned()
        } else {
            named.remove(index)
        };
        placed.extend(chart.map(|mut chart| {
            if !dependency.alias.is_empty() {
                chart.metadata.name.clone_from(&dependency.alias);
            }
            chart
        }));
    }
    placed
}

impl Pass<'_> {
    fn enable(&mut self, chart: &mut Chart, values: &Values, path: &str) -> Result<()> {
        if chart.metadata.dependencies.is_empty() {
            return Ok(());
        }
        let charts = std::mem::take(&mut chart.dependencies);
        chart.dependencies = arranged(charts, &chart.metadata.dependencies);
        self.left = self.left.checked_sub(chart.dependencies.len()).ok_or_else(|| {
            Error::new(format!("the chart has more than {MAX_CHARTS} charts below it"))
        })?;
        for dependency in &mut chart.metadata.dependencies {
            if !dependency.alias.is_empty() {
                dependency.name.clone_from(&dependency.alias);
            }
            dependency.enabled = true;
        }
        let coalesced = Merge::coalescing(Some(self.environment)).values(chart, values)?;
        for dependency in &mut chart.metadata.dependencies {
            self.by_tags(dependency, &coalesced);
        }
        for dependency in &mut chart.metadata.dependencies {
            self.by_conditions(dependency, &coalesced, path);
        }
        let removed: Vec<String> = chart
            .metadata
            .dependencies
            .iter()
            .filter(|dependency| !dependency.enabled)
            .map(|dependency| dependency.name.clone())
            .collect();
        chart.dependencies.retain(|subchart| !removed.iter().any(|name| name == subchart.name()));
        chart.metadata.dependencies.retain(|dependency| !removed.contains(&dependency.name));
        for subchart in &mut chart.dependencies {
            let path = format!("{path}{}.", subchart.name());
            self.enable(subchart, &coalesced, &path)?;
        }
        Ok(())
    }

    fn by_tags(&self, dependency: &mut Dependency, values: &Values) {
        let Some(tags) = table(values, "tags") else { return };
        let there = dependency.tags.iter().filter_map(|tag| Some((tag, tags.get(tag)?)));
        let states: Vec<bool> = there
            .filter_map(|(tag, state)| self.switch(state, ("tag", tag), &dependency.name))
            .collect();
        dependency.enabled = states.is_empty() || states.contains(&true);
    }

    fn by_conditions(&self, dependency: &mut Dependency, values: &Values, path: &str) {
        let conditions = dependency.condition.trim().split(',').filter(|c| !c.is_empty());
        let decided = conditions
            .filter_map(|it| Some((it, path_value(values, &format!("{path}{it}"))?)))
            .find_map(|(it, state)| self.switch(state, ("path", it), &dependency.name));
        if let Some(enabled) = decided {
            dependency.enabled = enabled;
        }
    }

    /// What a value says about whether a chart takes part; the log tells when that is nothing.
    fn switch(&self, state: &Json, of: (&str, &str), chart: &str) -> Option<bool> {
        let known = state.as_bool();
        if known.is_none() {
            self.warn("returned non-bool value", &[of, ("chart", chart)]);
        }
        known
    }

    fn warn(&self, message: &str, fields: &[(&str, &str)]) {
        self.environment.log(&LogLine { level: Level::Warn, message, fields });
    }

    fn import(&self, chart: &mut Chart) -> Result<()> {
        for subchart in &mut chart.dependencies {
            self.import(subchart)?;
        }
        if chart.metadata.dependencies.is_empty() {
            return Ok(());
        }
        let merge = Merge::keeping_nulls(Some(self.environment));
        let values = merge.values(chart, &Values::new())?;
        let mut imported = Values::new();
        for dependency in &chart.metadata.dependencies {
            for entry in &dependency.import_values {
                let (child, parent) = match entry {
                    Json::String(name) => (format!("exports.{name}"), ".".to_owned()),
                    Json::Object(map) => (member(map, "child"), member(map, "parent")),
                    _ => continue,
                };
                match table_or_key(&values, &format!("{}.{child}", dependency.name)) {
                    Ok(found) => {
                        if parent.split('.').count() + depth(found) > MAX_DEPTH {
                            let name = &dependency.name;
                            return Err(Error::new(format!(
                                "values imported from {name} are nested deeper than {MAX_DEPTH}"
                            )));
                        }
                        merge.tables(&mut imported, nested(&parent, found.clone()));
                    }
                    Err(key) => self.warn_of_import(entry, &dependency.name, key),
                }
            }
        }
        let mut merged = values;
        merge.tables(&mut merged, imported);
        chart.values = merged;
        Ok(())
    }

    /// Tells that a chart lacks the table that its parent wants; `key` is where the path ends.
    fn warn_of_import(&self, entry: &Json, chart: &str, key: &str) {
        let error = format!("{} is not a table", gotemplate::quote(key.as_bytes()));
        if entry.is_string() {
            self.warn("ImportValues missing table", &[("error", &error)]);
        } else {
            let fields = [("chart", chart), ("error", error.as_str())];
            self.warn("ImportValues missing table from chart", &fields);
        }
    }
}

/// How many collections stand inside each other.
fn depth(values: &Values) -> usize {
    fn below(value: &Json) -> usize {
        match value {
            Json::Object(map) => depth(map),
            Json::Array(items) => 1 + items.iter().map(below).max().unwrap_or_default(),
            _ => 0,
        }
    }
    1 + values.values().map(below).max().unwrap_or_default()
}

fn member(map: &Values, name: &str) -> String {
    match map.get(name) {
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "<nil>".to_owned(),
    }
}

/// The values below a dotted path.
fn nested(path: &str, values: Values) -> Values {
    if path == "." {
        return values;
    }
    path.rsplit('.')
        .fold(values, |inner, part| Values::from_iter([(part.to_owned(), Json::Object(inner))]))
}
