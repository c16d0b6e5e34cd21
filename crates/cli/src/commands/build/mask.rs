//! Encrypted Secrets in what is printed: the cipher text is of no use there, and the rest is nobody's business.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use manifest::Object;
use serde_json::{Map, Value};

/// What stands in the place of an encrypted value.
const MASK: &str = "**SOPS**";

/// Masks the values of a Secret that are encrypted, as a whole or one by one; other objects stay as they are.
///
/// # Errors
/// When a value of `data` is no base64.
pub(super) fn encrypted(object: &mut Object) -> Result<()> {
    if object.kind() != "Secret" {
        return Ok(());
    }
    let text = yaml::from_json(object.as_value());
    let whole = text.contains("sops:") && text.contains("mac: ENC[");
    let id = object.id();
    let Some(fields) = object.as_value_mut().as_object_mut() else { return Ok(()) };
    let is_docker =
        fields.get("type").and_then(Value::as_str) == Some("kubernetes.io/dockerconfigjson");
    if whole {
        fields.remove("sops");
    }
    let mask =
        if whole && is_docker { format!("{{\"mask\":\"{MASK}\"}}") } else { MASK.to_owned() };
    let encoded = STANDARD.encode(&mask);
    for (name, value) in entries(fields, "data") {
        let decoded = match (whole, value.as_str()) {
            (false, Some(text)) => STANDARD
                .decode(text.replace(['\n', '\r'], ""))
                .with_context(|| format!("{id}: data.{name} is no base64"))?,
            _ => Vec::new(),
        };
        if whole || is_cipher(&String::from_utf8_lossy(&decoded)) {
            *value = encoded.clone().into();
        }
    }
    for (_, value) in entries(fields, "stringData") {
        if whole {
            *value = mask.clone().into();
        } else if value.as_str().is_some_and(is_cipher) {
            *value = encoded.clone().into();
        }
    }
    Ok(())
}

fn entries<'a>(
    fields: &'a mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = (&'a String, &'a mut Value)> {
    fields.get_mut(name).and_then(Value::as_object_mut).into_iter().flat_map(Map::iter_mut)
}

fn is_cipher(text: &str) -> bool {
    text.contains("sops") && text.contains("ENC[")
}

#[cfg(test)]
mod tests {
    use super::encrypted;
    use manifest::Object;
    use serde_json::{Value, json};

    fn masked(mut secret: Value) -> Value {
        secret["apiVersion"] = json!("v1");
        secret["kind"] = json!("Secret");
        secret["metadata"] = json!({ "name": "s" });
        let mut object = Object::try_from(secret).unwrap();
        encrypted(&mut object).unwrap();
        object.into_value()
    }

    #[test]
    fn a_secret_that_is_encrypted_as_a_whole_shows_nothing() {
        let sops = json!({ "mac": "ENC[AES256_GCM,data:x]" });
        let secret = masked(
            json!({ "data": { "a": "ENC[x]" }, "stringData": { "b": "ENC[y]" }, "sops": sops }),
        );
        assert_eq!(secret["data"]["a"], "KipTT1BTKio=");
        assert_eq!(secret["stringData"]["b"], "**SOPS**");
        assert!(secret.get("sops").is_none());
        let docker = masked(
            json!({ "type": "kubernetes.io/dockerconfigjson", "stringData": { ".dockerconfigjson": "ENC[y]" }, "sops": sops }),
        );
        assert_eq!(docker["stringData"][".dockerconfigjson"], r#"{"mask":"**SOPS**"}"#);
    }

    #[test]
    fn encrypted_values_are_masked_one_by_one() {
        // {"sops": "ENC[x]"} and plain
        let secret =
            masked(json!({ "data": { "a": "eyJzb3BzIjogIkVOQ1t4XSJ9", "b": "cGxhaW4=" } }));
        assert_eq!(
            (&secret["data"]["a"], &secret["data"]["b"]),
            (&json!("KipTT1BTKio="), &json!("cGxhaW4="))
        );
    }

    #[test]
    fn broken_base64_is_named() {
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "data": { "a": "%" } });
        let error = encrypted(&mut Object::try_from(secret).unwrap()).unwrap_err();
        assert!(error.to_string().contains("data.a"), "{error}");
    }
}
