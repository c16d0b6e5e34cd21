//! Field specs that follow from the extensions in OpenAPI definitions (a kustomization's `crds`).

use super::{FieldSpec, NameReference, TransformerConfig, merge_specs};
use crate::error::{Error, Result};
use crate::id::Gvk;
use serde_json::{Map, Value};

/// References that are followed before a definition counts as endless.
const MAX_DEPTH: usize = 64;

/// Reads definitions by type name, `{"com.example.v1.Bee": {"Schema": {…}}}`.
pub(crate) fn config(path: &str, text: &str) -> Result<TransformerConfig> {
    let definitions = yaml::to_json(text, yaml::Rules::V2)
        .map_err(|error| Error::new(error.go_message()))
        .map_err(|error| {
            error.during(format!("unable to parse open API definition from '{path}'"))
        })?;
    let Value::Object(definitions) = definitions else {
        return Ok(TransformerConfig::default());
    };
    let mut config = TransformerConfig::default();
    for (name, definition) in &definitions {
        let Some(properties) = properties(definition) else {
            continue;
        };
        if ["kind", "apiVersion", "metadata"].iter().all(|field| properties.contains_key(*field)) {
            let kind = name.rsplit('.').next().unwrap_or_default();
            let mut found = TransformerConfig::default();
            let gvk = Gvk::selector("", "", kind);
            collect(&mut found, &gvk, (&definitions, name), &mut Vec::new())?;
            config.merge(&found)?;
        }
    }
    Ok(config)
}

/// A definition's properties; Go's reader takes the wrapping field in any case.
fn properties(definition: &Value) -> Option<&Map<String, Value>> {
    let schema =
        definition.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case("schema"))?.1;
    schema.get("properties")?.as_object()
}

fn collect(
    config: &mut TransformerConfig,
    gvk: &Gvk,
    (definitions, name): (&Map<String, Value>, &str),
    path: &mut Vec<String>,
) -> Result<()> {
    let Some(properties) = definitions.get(name).and_then(properties) else {
        return Ok(());
    };
    if path.len() > MAX_DEPTH {
        return Err(Error::of(
            crate::ErrorKind::Limit,
            format!("definition {name} is nested more than {MAX_DEPTH} deep"),
        ));
    }
    for (field, property) in properties {
        path.push(field.clone());
        add(config, gvk, property, path)?;
        if let Some(reference) = property.get("$ref").and_then(Value::as_str) {
            collect(config, gvk, (definitions, reference), path)?;
        }
        path.pop();
    }
    Ok(())
}

fn add(config: &mut TransformerConfig, gvk: &Gvk, property: &Value, path: &[String]) -> Result<()> {
    let text = |name: &str| property.get(name).and_then(Value::as_str);
    let here = [FieldSpec::new(gvk.clone(), path.join("/"), false)];
    if text("x-kubernetes-annotation").is_some() {
        merge_specs(&mut config.common_annotations, &here)?;
    }
    if text("x-kubernetes-label-selector").is_some() {
        merge_specs(&mut config.common_labels, &here)?;
    }
    if text("x-kubernetes-identity").is_some() {
        merge_specs(&mut config.name_prefix, &here)?;
    }
    let target =
        (text("x-kubernetes-object-ref-api-version"), text("x-kubernetes-object-ref-kind"));
    if let (Some(version), Some(kind)) = target {
        let name = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
        let path = format!("{}/{name}", path.join("/"));
        config.add_reference(&NameReference {
            gvk: Gvk::selector("", version, kind),
            referrers: vec![FieldSpec::new(gvk.clone(), path, false)],
        })?;
    }
    Ok(())
}
