//! What custom resource definitions need before they can be applied.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use manifest::Object;
use serde_json::Value;

use crate::field::Field as _;

/// A definition without a conversion webhook's `caBundle` that is no certificate. Such a bundle is a
/// placeholder that a controller in the cluster fills; the API server would refuse it.
pub(crate) fn without_broken_bundle(mut object: Object) -> Object {
    if object.kind() != "CustomResourceDefinition" || object.group() != "apiextensions.k8s.io" {
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
    text.contains("-----BEGIN CERTIFICATE-----") && text.contains("-----END CERTIFICATE-----")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_bundle_that_is_no_certificate_goes() {
        let pem = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";
        for (bundle, stays) in [
            (STANDARD.encode(pem), true),
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
