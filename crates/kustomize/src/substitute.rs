//! Variables in finished objects: Flux's post-build substitution.
//!
//! `${NAME}` and its functions, as `fluxcd/pkg/envsubst` reads them: `${n:-default}`, `${n:=default}`, `${#n}`, `${n^}`,
//! `${n^^}`, `${n,}`, `${n,,}`, `${n:offset:length}`, `${n#pattern}`, `${n##pattern}`, `${n%pattern}`, `${n%%pattern}`,
//! `${n/old/new}`, `${n//old/new}`, `${n/#old/new}`, `${n/%old/new}`, and `$$` for a dollar. `$n` without braces is text.

mod evaluate;
mod glob;
mod parse;
#[cfg(test)]
mod tests;

use crate::error::{Context, Error, Result};
use manifest::Object;
use serde_json::Value;
use std::collections::BTreeMap;

/// Variables by name.
pub type Vars = BTreeMap<String, String>;

/// The label or annotation that keeps an object as it is when its value is `disabled`.
pub const SUBSTITUTE_KEY: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// A value as Flux takes it from ConfigMaps, Secrets and the specification: without line breaks.
pub fn clean_value(value: &str) -> String {
    value.replace('\n', "")
}

/// Whether an object says by label or annotation that it is to be left alone.
pub fn is_disabled(object: &Object) -> bool {
    [object.label(SUBSTITUTE_KEY), object.annotation(SUBSTITUTE_KEY)].contains(&Some("disabled"))
}

/// Replaces all variables in a text. Without `strict` a variable that is not there is empty.
///
/// # Errors
/// On a name that is no variable's, on text that is no valid substitution, and with `strict` on variables that are
/// neither there nor have a default. Errors never hold values.
pub fn text(text: &str, vars: &Vars, strict: bool) -> Result<String> {
    if !text.contains('$') {
        return Ok(text.to_owned());
    }
    evaluate::run(&parse::parse(text)?, vars, strict)
}

/// Replaces all variables in the YAML of one document and reads the result, so that values can change type:
/// `replicas: ${n}` becomes a number, `"${n}"` stays a string.
///
/// # Errors
/// As [`text()`], and if the result is not YAML.
pub fn document(yaml_text: &str, vars: &Vars, strict: bool) -> Result<Value> {
    check_names(vars)?;
    let replaced =
        text(yaml_text, vars, strict).context(|| "variable substitution failed".to_owned())?;
    yaml::to_json(&replaced, yaml::Rules::V2)
        .map_err(|error| Error::new(format!("YAMLToJSON: {}", error.go_message())))
}

/// Replaces all variables in an object, unless it says that it is to be left alone.
///
/// # Errors
/// As [`document`]; the error names the object.
pub fn object(object: Object, vars: &Vars, strict: bool) -> Result<Object> {
    if is_disabled(&object) {
        return Ok(object);
    }
    let yaml_text = yaml::from_json(object.as_value());
    if !yaml_text.contains('$') {
        check_names(vars)?;
        return Ok(object);
    }
    let id = object.id();
    let value = document(&yaml_text, vars, strict).context(|| format!("{id}: envsubst error"))?;
    Object::try_from(value)
        .map_err(|error| Error::new(format!("{id}: after substitution: {error}")))
}

/// Refuses names that no shell would take.
fn check_names(vars: &Vars) -> Result<()> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
            && name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
    };
    match vars.keys().find(|name| !is_name(name)) {
        None => Ok(()),
        Some(name) => Err(Error::new(format!(
            "'{name}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'"
        ))),
    }
}
