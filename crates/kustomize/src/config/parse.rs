//! Reading field specs that users give.

use super::{FieldSpec, NameReference, TransformerConfig};
use crate::error::{Error, Result};
use crate::id::Gvk;
use crate::kustomization::shape::Reading;
use crate::kustomization::{FieldSpecArgs, decode, shapes};
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Reference {
    group: String,
    version: String,
    kind: String,
    field_specs: Vec<FieldSpecArgs>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Document {
    name_prefix: Vec<FieldSpecArgs>,
    name_suffix: Vec<FieldSpecArgs>,
    namespace: Vec<FieldSpecArgs>,
    common_labels: Vec<FieldSpecArgs>,
    labels: Vec<FieldSpecArgs>,
    template_labels: Vec<FieldSpecArgs>,
    volume_claim_template_labels: Vec<FieldSpecArgs>,
    common_annotations: Vec<FieldSpecArgs>,
    name_reference: Vec<Reference>,
    var_reference: Vec<FieldSpecArgs>,
    images: Vec<FieldSpecArgs>,
    replicas: Vec<FieldSpecArgs>,
}

/// Field specs in the form the engine uses.
pub(crate) fn field_specs(args: &[FieldSpecArgs]) -> Vec<FieldSpec> {
    args.iter()
        .map(|args| {
            FieldSpec::new(
                Gvk::selector(&args.group, &args.version, &args.kind),
                args.path.clone(),
                args.create,
            )
        })
        .collect()
}

/// Reads a file of a kustomization's `configurations`; unknown fields are errors.
pub(crate) fn transformer_config(text: &str) -> Result<TransformerConfig> {
    let value = yaml::to_json_strict(text).map_err(|error| {
        Error::new(format!("error converting YAML to JSON: {}", error.go_message()))
    })?;
    let document: Document =
        decode(value, &shapes::TRANSFORMER_CONFIG, Reading::Known).map_err(|error| {
            Error::new(format!("error unmarshaling JSON: while decoding JSON: {}", error.chain()))
        })?;
    let references = document.name_reference.iter().map(|reference| NameReference {
        gvk: Gvk::selector(&reference.group, &reference.version, &reference.kind),
        referrers: field_specs(&reference.field_specs),
    });
    let mut config = TransformerConfig {
        name_prefix: field_specs(&document.name_prefix),
        name_suffix: field_specs(&document.name_suffix),
        namespace: field_specs(&document.namespace),
        common_labels: field_specs(&document.common_labels),
        labels: field_specs(&document.labels),
        template_labels: field_specs(&document.template_labels),
        volume_claim_template_labels: field_specs(&document.volume_claim_template_labels),
        common_annotations: field_specs(&document.common_annotations),
        name_reference: references.collect(),
        var_reference: field_specs(&document.var_reference),
        images: field_specs(&document.images),
        replicas: field_specs(&document.replicas),
    };
    config.sort();
    Ok(config)
}
