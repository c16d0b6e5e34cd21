//! A place in an object, and the checks that any place can need.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::super::super::FieldError;
use super::super::super::quantity::Quantity;
use crate::names;

pub(super) type Errors = Vec<FieldError>;

static NULL: Value = Value::Null;

pub(super) const PORT: &str = "must be between 1 and 65535, inclusive";
pub(super) const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

/// A value with its path; what is missing is null.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    pub(super) value: &'a Value,
    pub(super) path: String,
}

impl<'a> At<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// A field.
    pub(super) fn at(&self, name: &str) -> Self {
        let path =
            if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { value: self.value.get(name).unwrap_or(&NULL), path }
    }

    /// A field of a field.
    pub(super) fn down(&self, names: &[&str]) -> Self {
        names.iter().fold(self.clone(), |at, name| at.at(name))
    }

    /// The items of a list field.
    pub(super) fn items(&self, name: &str) -> Vec<Self> {
        let list = self.at(name);
        let items = list.value.as_array().into_iter().flatten().enumerate();
        items
            .map(|(index, value)| Self { value, path: format!("{}[{index}]", list.path) })
            .collect()
    }

    /// The entries of a map field, by key, in order of the keys.
    pub(super) fn entries(&self, name: &str) -> Vec<(&'a str, Self)> {
        let map = self.at(name);
        let entries = map.value.as_object().into_iter().flat_map(Map::iter);
        let entry = |(key, value): (&'a String, &'a Value)| {
            (key.as_str(), Self { value, path: format!("{}[{key}]", map.path) })
        };
        let mut entries: Vec<_> = entries.map(entry).collect();
        entries.sort_by(|left, right| left.0.cmp(right.0));
        entries
    }

    pub(super) fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or_default()
    }

    pub(super) fn int(&self) -> Option<i64> {
        self.value.as_i64()
    }

    pub(super) fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// True if nothing is there, or an empty string.
    pub(super) fn is_blank(&self) -> bool {
        self.value.is_null() || self.value.as_str() == Some("")
    }

    pub(super) fn count(&self) -> usize {
        self.value.as_array().map_or_else(|| self.value.as_object().map_or(0, Map::len), Vec::len)
    }

    pub(super) fn quantity(&self) -> Option<Quantity> {
        Quantity::parse(self.value.as_str()?).ok()
    }

    pub(super) fn required(&self, detail: &str) -> FieldError {
        FieldError::required(&self.path, detail)
    }

    pub(super) fn invalid(&self, detail: impl Into<String>) -> FieldError {
        FieldError::invalid(&self.path, self.value, detail)
    }

    /// Invalid, shown as an empty string: for places whose value says nothing.
    pub(super) fn invalid_whole(&self, detail: &str) -> FieldError {
        FieldError::invalid(&self.path, &Value::from(""), detail)
    }

    pub(super) fn forbidden(&self, detail: &str) -> FieldError {
        FieldError::forbidden(&self.path, detail)
    }

    pub(super) fn duplicate(&self) -> FieldError {
        FieldError::duplicate(&self.path, self.value)
    }

    /// The text must be one of these.
    pub(super) fn one_of(&self, supported: &[&str], errors: &mut Errors) {
        if !supported.contains(&self.text()) {
            errors.push(FieldError::not_supported(&self.path, self.value, supported));
        }
    }

    /// As [`At::one_of`], if anything is there.
    pub(super) fn one_of_if_set(&self, supported: &[&str], errors: &mut Errors) {
        if self.is_set() {
            self.one_of(supported, errors);
        }
    }

    pub(super) fn not_negative(&self, errors: &mut Errors) {
        if self.int().is_some_and(|number| number < 0) {
            errors.push(self.invalid(NOT_NEGATIVE));
        }
    }

    /// A required text; returns it if it is there.
    pub(super) fn need(&self, errors: &mut Errors) -> Option<&'a str> {
        if self.is_blank() {
            errors.push(self.required(""));
            return None;
        }
        Some(self.text())
    }

    pub(super) fn dns_label(&self, errors: &mut Errors) {
        let text = self.text();
        if text.len() > names::LABEL_MAX {
            errors.push(self.invalid("must be no more than 63 characters"));
        } else if !names::is_dns_label(text) {
            errors.push(self.invalid(names::DNS_LABEL));
        }
    }

    pub(super) fn dns_subdomain(&self, errors: &mut Errors) {
        let text = self.text();
        if text.len() > 253 {
            errors.push(self.invalid("must be no more than 253 characters"));
        } else if !names::is_dns_subdomain(text) {
            errors.push(self.invalid(names::DNS_SUBDOMAIN));
        }
    }

    /// Keys and values of labels; the messages name the map, not the key.
    pub(super) fn labels(&self, errors: &mut Errors) {
        let mut labels: Vec<_> = self.value.as_object().into_iter().flat_map(Map::iter).collect();
        labels.sort_by(|left, right| left.0.cmp(right.0));
        for (key, value) in labels {
            let key_value = Value::from(key.as_str());
            errors.extend(
                qualified(key)
                    .into_iter()
                    .map(|detail| FieldError::invalid(&self.path, &key_value, detail)),
            );
            let text = value.as_str().unwrap_or_default();
            if text.len() > names::LABEL_MAX {
                errors.push(FieldError::invalid(
                    &self.path,
                    value,
                    "must be no more than 63 bytes",
                ));
            } else if !text.is_empty() && !names::is_qualified_part(text) {
                errors.push(FieldError::invalid(&self.path, value, names::LABEL_VALUE));
            }
        }
    }

    /// A label selector.
    pub(super) fn selector(&self, errors: &mut Errors) {
        self.at("matchLabels").labels(errors);
        for term in self.items("matchExpressions") {
            let (operator, values) = (term.at("operator"), term.at("values"));
            match operator.text() {
                "In" | "NotIn" if values.count() == 0 => {
                    errors.push(
                        values.required("must be specified when `operator` is 'In' or 'NotIn'"),
                    );
                }
                "Exists" | "DoesNotExist" if values.count() > 0 => {
                    let detail =
                        "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                    errors.push(values.forbidden(detail));
                }
                "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
                _ => errors.push(operator.invalid("not a valid selector operator")),
            }
            term.at("key").key(errors);
        }
    }

    /// A label key as a value.
    pub(super) fn key(&self, errors: &mut Errors) {
        errors.extend(qualified(self.text()).into_iter().map(|detail| self.invalid(detail)));
    }

    /// A port by number or name.
    pub(super) fn port(&self, errors: &mut Errors) {
        match self.value {
            Value::String(name) => {
                errors.extend(port_name(name).into_iter().map(|detail| self.invalid(detail)));
            }
            value if value.as_i64().is_some_and(|number| (1..=65535).contains(&number)) => {}
            value => {
                let shown = if value.is_null() { Value::from(0) } else { value.clone() };
                errors.push(FieldError::invalid(&self.path, &shown, PORT));
            }
        }
    }

    /// A number that is not negative, or a percentage.
    pub(super) fn int_or_percent(&self, errors: &mut Errors) {
        match self.value {
            Value::String(text) if !is_percent(text) => errors.push(self.invalid(PERCENT)),
            _ => self.not_negative(errors),
        }
    }

    /// A percentage of at most 100.
    pub(super) fn at_most_all(&self, errors: &mut Errors) {
        let percent = self.text().strip_suffix('%').and_then(|number| number.parse::<u32>().ok());
        if percent.is_some_and(|percent| percent > 100) {
            errors.push(self.invalid("must not be greater than 100%"));
        }
    }

    pub(super) fn ip(&self, errors: &mut Errors) {
        if self.text().parse::<IpAddr>().is_err() {
            errors.push(
                self.invalid("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
            );
        }
    }

    pub(super) fn cidr(&self, errors: &mut Errors) {
        if !super::super::format::is_cidr(self.text()) {
            errors.push(
                self.invalid("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
            );
        }
    }
}

/// Fields as messages show them where the server shows its own Go type: in this order.
pub(super) fn internal(fields: &[(&str, &Value)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
    regex used for validation is '[0-9]+%')";

fn is_percent(text: &str) -> bool {
    text.strip_suffix('%').is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// What is wrong with a label key.
pub(super) fn qualified(key: &str) -> Vec<String> {
    let mut details = Vec::new();
    let name = match key.split('/').collect::<Vec<_>>().as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                details.push("prefix part must be non-empty".to_owned());
            } else if !names::is_dns_subdomain(prefix) {
                details.push(format!("prefix part {}", names::DNS_SUBDOMAIN));
            }
            *name
        }
        _ => {
            let words = names::QUALIFIED.strip_prefix("name part").unwrap_or(names::QUALIFIED);
            let optional =
                "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key{words} {optional}")];
        }
    };
    if name.is_empty() {
        details.push("name part must be non-empty".to_owned());
    } else if name.len() > names::LABEL_MAX {
        details.push("name part must be no more than 63 bytes".to_owned());
    }
    let shape = name.get(..names::LABEL_MAX).unwrap_or(name);
    if !names::is_qualified_part(shape) {
        details.push(names::QUALIFIED.to_owned());
    }
    details
}

/// What is wrong with the name of a port.
pub(super) fn port_name(name: &str) -> Vec<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let checks = [
        (name.len() > 15, "must be no more than 15 characters"),
        (
            name.is_empty() || !name.bytes().all(allowed),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (
            !name.bytes().any(|byte| byte.is_ascii_lowercase()),
            "must contain at least one letter (a-z)",
        ),
        (name.contains("--"), "must not contain consecutive hyphens"),
        (name.starts_with('-') || name.ends_with('-'), "must not begin or end with a hyphen"),
    ];
    checks.into_iter().filter(|(broken, _)| *broken).map(|(_, detail)| detail).collect()
}
