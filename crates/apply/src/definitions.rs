//! What custom resource definitions need before they can be applied.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::discovery::Scope;
use manifest::Object;
use serde_json::Value;

use crate::field::Field as _;

/// Whether an object defines kinds.
pub(crate) fn is_definition(object: &Object) -> bool {
    object.kind() == "CustomResourceDefinition" && object.group() == "apiextensions.k8s.io"
}

/// The group and kind that a definition defines.
pub(crate) fn defined(object: &Object) -> Option<(String, String)> {
    if !is_definition(object) {
        return None;
    }
    let spec = object.as_value().at("spec");
    let text = |path: &str| spec.at(path).as_str().map(str::to_owned);
    Some((text("group")?, text("names.kind")?))
}

/// The scopes of the kinds that definitions among these objects define.
pub(crate) fn scopes(objects: &[Object]) -> BTreeMap<(String, String), Scope> {
    let scope = |object: &Object| match object.as_value().at("spec.scope").as_str()? {
        "Cluster" => Some((defined(object)?, Scope::Cluster)),
        "Namespaced" => Some((defined(object)?, Scope::Namespaced)),
        _ => None,
    };
    objects.iter().filter_map(scope).collect()
}

/// A definition without a conversion webhook's `caBundle` that is no certificate. Such a bundle is a
/// placeholder that a controller in the cluster fills; the API server would refuse it.
pub(crate) fn without_broken_bundle(mut object: Object) -> Object {
    if !is_definition(&object) {
        return object;
    }
    let bundle = object.as_value().at("spec.conversion.webhook.clientConfig.caBundle");
    if bundle.is_null() || is_certificate(bundle) {
        return object;
    }
    let config = object.as_value_mut().pointer_mut("/spec/conversion/webhook/clientConfig");
    if let Some(fields) = config.and_then(Value::as_object_mut) {
        fields.remove("caBundle");
    }
    object
}

fn is_certificate(bundle: &Value) -> bool {
    let decoded = bundle.as_str().and_then(|text| STANDARD.decode(text).ok());
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let mut blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    blocks.any(|block| {
        let Some((body, _)) = block.split_once("-----END CERTIFICATE-----") else { return false };
        let body: String = body.split_whitespace().collect();
        STANDARD.decode(body).is_ok_and(|der| is_sequence(&der))
    })
}

/// Whether bytes are one DER sequence of the length that it states, as every certificate is.
fn is_sequence(der: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = der else { return false };
    match usize::from(*length) {
        length @ ..=0x7f => rest.len() == length,
        form @ 0x81..=0x84 => {
            let Some((length, rest)) = rest.split_at_checked(form - 0x80) else { return false };
            length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)) == rest.len()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_bundle_that_is_no_certificate_goes() {
        let pem = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
        let broken = pem.replace("MAMC", "MAYC");
        for (bundle, stays) in [
            (STANDARD.encode(pem), true),
            (STANDARD.encode(broken), false),
            ("Cg==".to_owned(), false),
            ("placeholder".to_owned(), false),
        ] {
            let object = Object::try_from(json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "x"},
                "spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": bundle, "url": "u"}}}},
            }))
            .unwrap();
            let object = without_broken_bundle(object);
            let config = object.as_value().at("spec.conversion.webhook.clientConfig");
            assert_eq!(config.get("caBundle").is_some(), stays, "{bundle}");
            assert_eq!(config.at("url"), "u");
        }
    }
}
