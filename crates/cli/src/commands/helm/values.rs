//! Values from files and flags, as all of Helm's commands take them.

use helm::{Error, Values};

use super::fetch::{ConnectionArgs, Fetcher};
use super::files::read;
use super::settings::Settings;

/// Flags that give values.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ValueArgs {
    /// Values in a YAML file; `-` is standard input, a URL is fetched (may be repeated, later ones win).
    #[arg(long, short = 'f', value_name = "FILE", value_delimiter = ',')]
    values: Vec<String>,
    /// Set values: `a.b=1,c={x,y}`.
    #[arg(long, value_name = "VALUES", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Set values that are texts whatever they look like.
    #[arg(long, value_name = "VALUES", allow_hyphen_values = true)]
    set_string: Vec<String>,
    /// Set values given as JSON: `key=JSON` or an object.
    #[arg(long, value_name = "VALUES", allow_hyphen_values = true)]
    set_json: Vec<String>,
    /// Set values to the content of files: `key=path`.
    #[arg(long, value_name = "VALUES", allow_hyphen_values = true)]
    set_file: Vec<String>,
    /// Set one value to the text as it is.
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    set_literal: Vec<String>,
}

fn content(path: &str, settings: &Settings) -> Result<String, Error> {
    let data = if path.starts_with("http://") || path.starts_with("https://") {
        Fetcher::new(settings, &ConnectionArgs::default())?.values(path)?
    } else {
        read(path)?
    };
    String::from_utf8(data).map_err(|_| Error::new(format!("{path} is no UTF-8 text")))
}

impl ValueArgs {
    /// The values in Helm's order: files, JSON, plain, texts, files' contents, literals.
    pub(super) fn merged(&self, settings: &Settings) -> Result<Values, Error> {
        let mut values = Values::new();
        for path in &self.values {
            let more = helm::from_yaml_documents(&content(path, settings)?);
            let more =
                more.map_err(|error| Error::new(format!("failed to parse {path}: {error}")))?;
            values = helm::merge_maps(values, more);
        }
        for text in &self.set_json {
            values = with_json(values, text)?;
        }
        let failed =
            |flag: &str, error: Error| Error::new(format!("failed parsing --{flag} data: {error}"));
        for text in &self.set {
            helm::strvals::set(text, &mut values).map_err(|e| failed("set", e))?;
        }
        for text in &self.set_string {
            helm::strvals::set_string(text, &mut values).map_err(|e| failed("set-string", e))?;
        }
        let read = |path: &str| content(path, settings);
        for text in &self.set_file {
            helm::strvals::set_file(text, &mut values, &read).map_err(|e| failed("set-file", e))?;
        }
        for text in &self.set_literal {
            helm::strvals::set_literal(text, &mut values).map_err(|e| failed("set-literal", e))?;
        }
        Ok(values)
    }
}

/// An object replaces or adds keys; anything else is `key=JSON`.
fn with_json(mut values: Values, text: &str) -> Result<Values, Error> {
    if text.trim_start().starts_with('{') {
        let object = serde_json::from_str::<serde_json::Value>(text.trim()).ok();
        let Some(object @ serde_json::Value::Object(_)) = object else {
            return Err(Error::new(format!("failed parsing --set-json data JSON: {text}")));
        };
        // YAML's reader gives numbers the type that Helm gives them.
        let more = helm::from_yaml(&object.to_string())?;
        return Ok(helm::merge_maps(values, more));
    }
    helm::strvals::set_json(text, &mut values)
        .map_err(|_| Error::new(format!("failed parsing --set-json data {text}")))?;
    Ok(values)
}
