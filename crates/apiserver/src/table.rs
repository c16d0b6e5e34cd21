//! `meta.k8s.io/v1` Tables: what `kubectl get` prints.

mod columns;
mod json_path;

use serde_json::{Value, json};

use crate::core::Core;
use crate::path::Query;
use crate::registry::{PrinterColumn, Resource};
use crate::rest::partial;
use crate::store::Stored;

pub(crate) use json_path::JsonPath;

/// One column as kubectl reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// `string`, `integer`, `boolean`, `number`, `date`.
    pub(crate) kind: String,
    pub(crate) format: String,
    pub(crate) description: String,
    /// 0 is always shown, more only with `-o wide`.
    pub(crate) priority: i64,
}

/// Prints objects of one kind.
pub(crate) struct Printer<'a> {
    resource: &'a Resource,
    core: &'a Core,
    columns: Vec<Column>,
    include: Include,
}

/// How much of each object goes along with its row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Include {
    None,
    Metadata,
    Object,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(resource: &'a Resource, core: &'a Core, query: &Query) -> Self {
        let include = match query.get("includeObject") {
            Some("None") => Include::None,
            Some("Object") => Include::Object,
            _ => Include::Metadata,
        };
        Self { resource, core, columns: columns_of(resource), include }
    }

    /// A table of one row.
    pub(crate) fn of_one(&self, stored: &Stored) -> Value {
        let metadata = json!({ "resourceVersion": stored.revision.to_string() });
        self.of_list(std::slice::from_ref(stored), metadata)
    }

    pub(crate) fn of_list(&self, objects: &[Stored], metadata: Value) -> Value {
        let columns: Vec<Value> = self
            .columns
            .iter()
            .map(|c| {
                json!({ "name": c.name, "type": c.kind, "format": c.format, "description": c.description,
                    "priority": c.priority })
            })
            .collect();
        let rows: Vec<Value> = objects.iter().map(|o| self.row(o)).collect();
        json!({
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "columnDefinitions": columns,
            "rows": rows,
        })
    }

    fn row(&self, stored: &Stored) -> Value {
        let object = crate::convert::from_storage(self.resource, &stored.value);
        let now = self.core.options.clock.now();
        let cells = match &self.resource.custom {
            Some(custom) => custom_cells(&custom.printer_columns, &object, now),
            None => columns::cells(self.resource, &object, now),
        };
        match self.include {
            Include::None => json!({ "cells": cells, "object": null }),
            Include::Metadata => json!({ "cells": cells, "object": partial(&object, true) }),
            Include::Object => json!({ "cells": cells, "object": object }),
        }
    }
}

fn columns_of(resource: &Resource) -> Vec<Column> {
    let Some(custom) = &resource.custom else { return columns::of(resource) };
    let mut columns = vec![Column {
        name: "Name".to_owned(),
        kind: "string".to_owned(),
        format: "name".to_owned(),
        description: columns::NAME_DESCRIPTION.to_owned(),
        priority: 0,
    }];
    columns.extend(custom.printer_columns.iter().map(|c| Column {
        name: c.name.clone(),
        kind: c.kind.clone(),
        format: c.format.clone(),
        description: if c.description.is_empty() {
            format!("Custom resource definition column (in JSONPath format): {}", c.json_path)
        } else {
            c.description.clone()
        },
        priority: c.priority,
    }));
    columns
}

fn custom_cells(columns: &[PrinterColumn], object: &Value, now: jiff::Timestamp) -> Vec<Value> {
    let mut cells = vec![crate::object::name(object).into()];
    cells.extend(columns.iter().map(|column| custom_cell(column, object, now)));
    cells
}

/// As apiextensions' table convertor: nothing found is null, several matches are joined for strings, dates
/// become ages.
fn custom_cell(column: &PrinterColumn, object: &Value, now: jiff::Timestamp) -> Value {
    let Some(path) = JsonPath::parse(&column.json_path) else { return Value::Null };
    let found = path.find(object);
    let Some(first) = found.first() else { return Value::Null };
    match column.kind.as_str() {
        "integer" => match first {
            Value::Number(number) => {
                number.as_i64().or_else(|| whole(number.as_f64())).map_or(Value::Null, Value::from)
            }
            _ => Value::Null,
        },
        "number" => first.as_f64().map_or(Value::Null, Value::from),
        "boolean" => first.as_bool().map_or(Value::Null, Value::from),
        "date" => match first.as_str() {
            Some(text) => columns::age_of(text, now).into(),
            None => Value::Null,
        },
        _ if first.is_null() && found.len() == 1 => Value::Null,
        _ => found.iter().map(|v| columns::plain(v)).collect::<Vec<_>>().join(" ").into(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "Go's int64(float64) truncates the same way")]
fn whole(number: Option<f64>) -> Option<i64> {
    number.map(|n| n as i64)
}
