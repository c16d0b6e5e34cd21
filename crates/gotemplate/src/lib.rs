//! Go's `text/template` with the Sprig functions, as Helm and Flux use them.
//!
//! Output, number formatting and error texts follow Go byte for byte, because people read these
//! errors and digests are taken over the output. Values keep Go's kinds apart (`int`, `int64`,
//! `float64`), maps are shared and mutable as Go's maps are, and host objects answer fields and
//! methods through [`Object`].
//!
//! ```
//! use gotemplate::{Environment, Fixed, Functions, Options, TemplateSet, Value};
//!
//! let functions = Functions::sprig();
//! let set = TemplateSet::new();
//! set.parse("greeting", "Hello {{ .name | upper }}!", &functions).unwrap();
//! let data = Value::from_json(&serde_json::json!({ "name": "flux" }));
//! let environment: &dyn Environment = &Fixed::default();
//! let text = gotemplate::render(&set, "greeting", data, &functions, &Options::new(environment));
//! assert_eq!(text.unwrap(), b"Hello FLUX!");
//! ```
//!
//! Start from [`TemplateSet`], [`Functions`] and [`render`]. The crate reads no clock, environment,
//! network or random source: those come from the caller's [`Environment`]. It does not do
//! `html/template`'s contextual escaping, and it has no Go channels, structs or typed maps.

mod budget;
mod builtin;
mod cast;
mod compare;
mod environment;
mod exec;
mod function;
mod gofmt;
mod gojson;
mod gotime;
mod hash;
mod lex;
mod log;
mod node;
mod number;
mod object;
mod parse;
mod quote;
mod regexp;
pub mod semver;
mod set;
mod source;
mod sprig;
mod text;
mod url;
mod value;

pub use budget::Limits;
pub use environment::{Environment, Fixed, ObjectReference};
pub use exec::{MissingKey, Options, render};
pub use function::{Args, Function, Functions, Scope, Type};
pub use gofmt::{format, print, to_text};
pub use gojson::{from_json_text, to_json_text};
pub use gotime::{format_duration, parse_duration};
pub use log::{Level, LogLine};
pub use number::{describe as describe_number, parse_float};
pub use object::Object;
pub use quote::quote;
pub use regexp::compile as compile_regex;
pub use set::TemplateSet;
pub use source::Source;
pub use text::Str;
pub use value::{Element, List, Map, Methods, NamedMap, Value};

/// An error of parsing or rendering a template; its text is the one Go gives.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

impl Error {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// The result of anything in templates that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests;
