//! The suffix that makes a generated object's name follow its content.

use crate::error::Result;
use crate::resmap::ResMap;
use crate::resource::{self, build};
use crate::tree::{Kind, NodeId, Tree, json};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Adds the hash to the names of all objects that want it.
pub(crate) fn add_suffixes(tree: &mut Tree, map: &ResMap) -> Result<()> {
    for object in map.list.iter().filter_map(|resource| resource.node) {
        if resource::is_enabled(tree, object, build::NEEDS_HASH) {
            let hash = hash(tree, object)?;
            resource::store_previous_id(tree, object)?;
            let name = crate::id::meta_text(tree, object, "name");
            resource::set_name(tree, object, &format!("{name}-{hash}"))?;
        }
    }
    Ok(())
}

fn hash(tree: &Tree, object: NodeId) -> Result<String> {
    let kind = tree.field(object, "kind").map_or("", |kind| tree.value(kind));
    let fields: &[&str] = match kind {
        "ConfigMap" => &["data", "binaryData"],
        "Secret" => &["type", "data", "stringData"],
        // The original hashes its parser's inner state here; this hashes the object.
        _ => return Ok(suffix(&json::go_json(&json::to_value(tree, object)?))),
    };
    let mut hashed = Map::new();
    hashed.insert("kind".to_owned(), kind.into());
    // The original looks for a field that is called `metadata/name` and never finds it, so names don't count.
    hashed.insert("name".to_owned(), "".into());
    for name in fields {
        let value = field(tree, object, name)?;
        let optional = matches!(*name, "binaryData" | "stringData");
        if !optional || value.is_object() {
            hashed.insert((*name).to_owned(), value);
        }
    }
    Ok(suffix(&json::go_json(&Value::Object(hashed))))
}

/// A field's map, or its text; empty if it is missing.
fn field(tree: &Tree, object: NodeId, name: &str) -> Result<Value> {
    match tree.field(object, name) {
        None => Ok(Value::String(String::new())),
        Some(node) if tree.kind(node) == Kind::Scalar => {
            Ok(Value::String(tree.value(node).to_owned()))
        }
        Some(node) => json::to_value(tree, node),
    }
}

/// The first ten digits of the SHA-256, with the ones replaced that could make words.
fn suffix(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"gh2k456789mbcdtf";
    let digest = Sha256::digest(text.as_bytes());
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles
        .take(10)
        .filter_map(|nibble| DIGITS.get(usize::from(nibble)))
        .map(|digit| char::from(*digit))
        .collect()
}
