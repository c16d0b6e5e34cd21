//! `.Files`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gotemplate::{Element, List, Object, Result, Scope, Str, Value};
use serde_json::Value as Json;

use crate::chart::File;
use crate::glob;

/// The files of a chart that templates may read.
#[derive(Clone, Default)]
pub(super) struct Files {
    by_name: BTreeMap<String, Bytes>,
}

impl Files {
    pub(super) fn new(files: &[File]) -> Self {
        let files = files.iter().map(|file| (file.name.clone(), file.data.clone()));
        Self { by_name: files.collect() }
    }

    fn get(&self, name: &str) -> &[u8] {
        self.by_name.get(name).map(AsRef::as_ref).unwrap_or_default()
    }

    fn glob(&self, pattern: &str) -> Self {
        let expression = glob::files_glob(pattern);
        let fits = |name: &str| expression.as_ref().is_none_or(|e| e.is_match(name));
        let files = self.by_name.iter().filter(|(name, _)| fits(name));
        Self { by_name: files.map(|(name, data)| (name.clone(), data.clone())).collect() }
    }

    /// The files by base name as YAML.
    fn yaml(&self, show: impl Fn(&[u8]) -> String) -> Value {
        let entries: serde_json::Map<String, Json> = self
            .by_name
            .iter()
            .map(|(name, data)| {
                let base = name.rsplit('/').next().unwrap_or(name);
                (base.to_owned(), Json::String(show(data)))
            })
            .collect();
        let text = yaml::from_json(&Json::Object(entries));
        Value::string(text.strip_suffix('\n').unwrap_or(&text))
    }

    /// Bytes that a method makes or goes through.
    fn size(&self, method: &str, path: &str) -> Option<usize> {
        Some(match method {
            "Get" | "Lines" => self.get(path).len(),
            "GetBytes" => self.get(path).len().saturating_mul(size_of::<Value>()),
            "Glob" => self.by_name.len().saturating_mul(64),
            "AsConfig" | "AsSecrets" => {
                self.by_name.values().map(Bytes::len).sum::<usize>().saturating_mul(2)
            }
            _ => return None,
        })
    }

    fn lines(&self, name: &str) -> Value {
        let data = self.get(name);
        if data.is_empty() {
            return Value::List(List::strings(Vec::<Str>::new()));
        }
        let data = data.strip_suffix(b"\n").unwrap_or(data);
        Value::List(List::strings(data.split(|byte| *byte == b'\n')))
    }
}

fn bytes(data: &[u8]) -> Value {
    let items = data.iter().map(|byte| Value::Uint8(*byte)).collect();
    Value::List(List::typed(items, Element::Byte))
}

impl Object for Files {
    fn type_name(&self) -> String {
        "engine.files".to_owned()
    }

    fn kind_name(&self) -> &'static str {
        "map"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.by_name.get(name).map(|data| bytes(data))
    }

    fn method(&self, scope: &mut Scope<'_>, name: &str, args: &[Value]) -> Option<Result<Value>> {
        let path = args.first().and_then(Value::as_str).cloned().unwrap_or_default();
        let path = path.text();
        if let Err(error) = scope.bytes(self.size(name, &path)?) {
            return Some(Err(error));
        }
        Some(Ok(match name {
            "Get" => Value::string(self.get(&path)),
            "GetBytes" => bytes(self.get(&path)),
            "Glob" => Value::object(self.glob(&path)),
            "AsConfig" => self.yaml(|data| String::from_utf8_lossy(data).into_owned()),
            "AsSecrets" => self.yaml(|data| STANDARD.encode(data)),
            "Lines" => self.lines(&path),
            _ => return None,
        }))
    }

    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        let entry = |(name, data): (&String, &Bytes)| (Value::string(name.as_str()), bytes(data));
        Some(self.by_name.iter().map(entry).collect())
    }

    fn byte_entries(&self) -> Option<Vec<(&str, &[u8])>> {
        let entries = self.by_name.iter();
        Some(entries.map(|(name, data)| (name.as_str(), data.as_ref())).collect())
    }

    fn to_value(&self) -> Value {
        let entries = self.by_name.iter();
        let entries = entries.map(|(name, data)| (Str::from(name.as_str()), bytes(data)));
        Value::Map(entries.collect())
    }
}
