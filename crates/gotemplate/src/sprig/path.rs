//! Paths with slashes.

use crate::function::{Row, Type};
use crate::value::Value;

use Type::String as Text;

pub(crate) const TABLE: &[Row] = &[
    Row("base", &[Text], None, |_, a| Ok(Value::string(base(&a.text(0))))),
    Row("osBase", &[Text], None, |_, a| Ok(Value::string(base(&a.text(0))))),
    Row("dir", &[Text], None, |_, a| Ok(Value::string(dir(&a.text(0))))),
    Row("osDir", &[Text], None, |_, a| Ok(Value::string(dir(&a.text(0))))),
    Row("clean", &[Text], None, |_, a| Ok(Value::string(clean(&a.text(0))))),
    Row("osClean", &[Text], None, |_, a| Ok(Value::string(clean(&a.text(0))))),
    Row("ext", &[Text], None, |_, a| Ok(Value::string(ext(&a.text(0))))),
    Row("osExt", &[Text], None, |_, a| Ok(Value::string(ext(&a.text(0))))),
    Row("isAbs", &[Text], None, |_, a| Ok(Value::Bool(a.text(0).starts_with('/')))),
    Row("osIsAbs", &[Text], None, |_, a| Ok(Value::Bool(a.text(0).starts_with('/')))),
];

fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        None | Some("") => "/".to_owned(),
        Some(last) => last.to_owned(),
    }
}

fn dir(path: &str) -> String {
    let end = path.rfind('/').map_or(0, |at| at + 1);
    clean(path.get(..end).unwrap_or_default())
}

fn ext(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    last.rfind('.').and_then(|at| last.get(at..)).unwrap_or_default().to_owned()
}

/// Go's `path.Clean`.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&"..") | None if !rooted => parts.push(".."),
                Some(_) => drop(parts.pop()),
                None => {}
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}
