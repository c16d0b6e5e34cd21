//! ConfigMaps and Secrets.

use serde_json::Value;

use super::super::super::FieldError;
use super::place::{At, Errors};

/// The limit on all values of an object together, in bytes.
const MAX_SIZE: usize = 1024 * 1024;

pub(super) fn config_map(map: &At<'_>, errors: &mut Errors) {
    let binary = map.entries("binaryData");
    let mut size = 0;
    for (key, value) in map.entries("data") {
        check_key(key, &value, errors);
        if binary.iter().any(|(other, _)| *other == key) {
            errors.push(FieldError::invalid(
                &value.path,
                &key.into(),
                "duplicate of key present in binaryData",
            ));
        }
        size += value.text().len();
    }
    for (key, value) in &binary {
        check_key(key, value, errors);
        size += decoded_size(value.text());
    }
    if size > MAX_SIZE {
        errors.push(FieldError::too_long("", MAX_SIZE as u64));
    }
}

pub(super) fn secret(secret: &At<'_>, errors: &mut Errors) {
    let data = secret.entries("data");
    for (key, value) in &data {
        check_key(key, value, errors);
    }
    if data.iter().map(|(_, value)| decoded_size(value.text())).sum::<usize>() > MAX_SIZE {
        errors.push(FieldError::too_long("data", MAX_SIZE as u64));
    }
    let has = |key: &str| data.iter().any(|(name, _)| *name == key);
    let mut need = |keys: &[&str]| {
        for key in keys.iter().filter(|key| !has(key)) {
            errors.push(FieldError::required(format!("data[{key}]"), ""));
        }
    };
    match secret.at("type").text() {
        "kubernetes.io/tls" => need(&["tls.crt", "tls.key"]),
        "kubernetes.io/dockerconfigjson" => need(&[".dockerconfigjson"]),
        "kubernetes.io/dockercfg" => need(&[".dockercfg"]),
        "kubernetes.io/ssh-auth" => need(&["ssh-privatekey"]),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            need(&["username", "password"]);
        }
        "kubernetes.io/service-account-token" => {
            let name = "kubernetes.io/service-account.name";
            if secret.down(&["metadata", "annotations", name]).is_blank() {
                errors.push(FieldError::required(format!("metadata.annotations[{name}]"), ""));
            }
        }
        _ => {}
    }
}

fn check_key(key: &str, value: &At<'_>, errors: &mut Errors) {
    let mut refuse =
        |detail: &str| errors.push(FieldError::invalid(&value.path, &Value::from(key), detail));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if key.len() > 253 {
        refuse("must be no more than 253 bytes");
    }
    if key.is_empty() || !key.bytes().all(allowed) {
        refuse(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or \
             'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        );
    }
    match key {
        "." => refuse("must not be '.'"),
        ".." => refuse("must not be '..'"),
        _ if key.starts_with("..") => refuse("must not start with '..'"),
        _ => {}
    }
}

/// The size of base64 text once decoded.
fn decoded_size(text: &str) -> usize {
    text.len() / 4 * 3
        - text.bytes().rev().take_while(|byte| *byte == b'=').count().min(text.len() / 4 * 3)
}
