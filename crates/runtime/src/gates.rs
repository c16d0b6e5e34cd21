//! Feature gates: `--feature-gates name=true,other=false`.

use std::collections::BTreeMap;

use thiserror::Error;

/// The gates of a controller with their values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gates {
    values: BTreeMap<String, bool>,
}

/// Why a `--feature-gates` value was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GateError {
    /// The controller has no gate of this name.
    #[error("unknown feature gate '{name}', known are: {known}")]
    Unknown {
        /// What was given.
        name: String,
        /// What there is.
        known: String,
    },
    /// Not `name=true` or `name=false`.
    #[error("feature gate '{0}' must be given as name=true or name=false")]
    Malformed(String),
}

impl Gates {
    /// The gates of a controller with their defaults.
    pub fn new(defaults: &[(&str, bool)]) -> Self {
        let values = defaults.iter().map(|(name, on)| ((*name).to_owned(), *on)).collect();
        Self { values }
    }

    /// Sets gates from a flag value.
    ///
    /// # Errors
    /// For a gate that does not exist and for text that is not `name=bool`.
    pub fn set(&mut self, flag: &str) -> Result<(), GateError> {
        for item in flag.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let malformed = || GateError::Malformed(item.to_owned());
            let (name, value) = item.split_once('=').ok_or_else(malformed)?;
            let on = parse_bool(value).ok_or_else(malformed)?;
            let known = || self.values.keys().cloned().collect::<Vec<_>>().join(", ");
            let unknown = || GateError::Unknown { name: name.to_owned(), known: known() };
            if !self.values.contains_key(name) {
                return Err(unknown());
            }
            self.values.insert(name.to_owned(), on);
        }
        Ok(())
    }

    /// Whether the gate is on; a gate that does not exist is off.
    pub fn is_on(&self, name: &str) -> bool {
        self.values.get(name).copied().unwrap_or(false)
    }
}

/// The spellings Go's `strconv.ParseBool` takes.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gates() -> Gates {
        Gates::new(&[("Alpha", false), ("Beta", true)])
    }

    #[test]
    fn gates_take_their_values_from_the_flag() {
        let mut gates = gates();
        gates.set("Alpha=true,Beta=False").unwrap();
        assert!(gates.is_on("Alpha") && !gates.is_on("Beta") && !gates.is_on("Gamma"));
    }

    #[test]
    fn an_unknown_or_malformed_gate_is_an_error() {
        let unknown = gates().set("Gamma=true").unwrap_err();
        assert_eq!(unknown.to_string(), "unknown feature gate 'Gamma', known are: Alpha, Beta");
        assert_eq!(gates().set("Alpha"), Err(GateError::Malformed("Alpha".to_owned())));
        assert_eq!(gates().set("Alpha=yes"), Err(GateError::Malformed("Alpha=yes".to_owned())));
    }
}
