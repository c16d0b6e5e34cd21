//! Who calls: the administrator, a service account by token, or whom the administrator impersonates.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::core::Core;
use crate::failure::{About, Failure};
use crate::object;
use crate::options::seconds;
use crate::tokens;

/// Everything that this group's members ask is allowed.
pub(crate) const MASTERS: &str = "system:masters";
const AUTHENTICATED: &str = "system:authenticated";
/// The shortest life of a requested token, as in the real server.
const MIN_TOKEN_SECONDS: i64 = 600;
/// The life of a token when the request names none.
const DEFAULT_TOKEN_SECONDS: i64 = 3600;
/// The audience of tokens for this server.
const AUDIENCE: &str = "https://kubernetes.default.svc";

/// A caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) groups: Vec<String>,
    pub(crate) extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// Who needs no permission.
    pub(crate) fn admin() -> Self {
        Self {
            name: "kubernetes-admin".to_owned(),
            uid: String::new(),
            groups: vec![MASTERS.to_owned(), AUTHENTICATED.to_owned()],
            extra: BTreeMap::new(),
        }
    }

    pub(crate) fn is_master(&self) -> bool {
        self.groups.iter().any(|g| g == MASTERS)
    }

    /// Namespace and name, when this is a service account.
    pub(crate) fn service_account(name: &str) -> Option<(&str, &str)> {
        name.strip_prefix("system:serviceaccount:")?.split_once(':')
    }

    pub(crate) fn of_account(namespace: &str, name: &str, uid: &str) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            uid: uid.to_owned(),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                AUTHENTICATED.to_owned(),
            ],
            extra: BTreeMap::new(),
        }
    }

    /// `userInfo` of a review.
    pub(crate) fn to_value(&self) -> Value {
        let mut value = json!({ "username": self.name, "groups": self.groups });
        if !self.uid.is_empty() {
            object::set_field(&mut value, "uid", Some(self.uid.clone().into()));
        }
        if !self.extra.is_empty() {
            object::set_field(&mut value, "extra", Some(json!(self.extra)));
        }
        value
    }
}

/// Reads who calls. `trusted` callers (in process) need no token.
pub(crate) fn authenticate(
    core: &Core,
    headers: &HeaderMap,
    trusted: bool,
) -> Result<User, Failure> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| {
        let (scheme, token) = v.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let caller = match bearer {
        Some(token) => of_token(core, token).ok_or_else(Failure::unauthorized)?,
        None if trusted => User::admin(),
        None => return Err(Failure::unauthorized()),
    };
    impersonated(core, caller, headers)
}

/// The user a token stands for.
pub(crate) fn of_token(core: &Core, token: &str) -> Option<User> {
    if tokens::same(token.as_bytes(), core.admin_token.as_bytes()) {
        return Some(User::admin());
    }
    let claims = tokens::verify(&core.secret, token)?;
    let expires = claims.get("exp")?.as_i64()?;
    if expires <= core.options.clock.now().as_second() {
        return None;
    }
    let (namespace, name) = User::service_account(claims.get("sub")?.as_str()?)?;
    let uid = claims.pointer("/kubernetes.io/serviceaccount/uid")?.as_str()?;
    // A token dies with its account.
    let account = core.lookup("v1", "serviceaccounts", namespace, name)?;
    (object::uid(&account.value) == Some(uid)).then(|| User::of_account(namespace, name, uid))
}

fn header_values(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect()
}

fn impersonated(core: &Core, caller: User, headers: &HeaderMap) -> Result<User, Failure> {
    let name = header_values(headers, "impersonate-user").into_iter().next();
    let groups = header_values(headers, "impersonate-group");
    let uid = header_values(headers, "impersonate-uid").into_iter().next().unwrap_or_default();
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for key in headers.keys() {
        if let Some(name) = key.as_str().strip_prefix("impersonate-extra-") {
            extra.insert(crate::path::decode_path(name), header_values(headers, key.as_str()));
        }
    }
    let Some(name) = name else {
        if groups.is_empty() && uid.is_empty() && extra.is_empty() {
            return Ok(caller);
        }
        return Err(Failure::internal("requested impersonation without impersonating a user"));
    };
    crate::rbac::check_impersonation(core, &caller, &name, &groups)?;
    let mut user = if let Some((namespace, account)) = User::service_account(&name) {
        let mut user = User::of_account(namespace, account, &uid);
        if !groups.is_empty() {
            user.groups = groups;
            user.groups.push(AUTHENTICATED.to_owned());
        }
        user
    } else {
        let mut groups = groups;
        if name != "system:anonymous" {
            groups.push(AUTHENTICATED.to_owned());
        }
        User { name, uid, groups, extra: BTreeMap::new() }
    };
    user.groups.sort();
    user.groups.dedup();
    user.extra = extra;
    Ok(user)
}

/// A token for a Secret of the type `kubernetes.io/service-account-token`: good for a century.
pub(crate) fn lasting_token(core: &Core, account: &Value) -> String {
    const CENTURY: i64 = 100 * 365 * 24 * 3600;
    let now = core.options.clock.now().as_second();
    tokens::sign(&core.secret, &claims(core, account, &json!([AUDIENCE]), (now, now + CENTURY)))
}

/// The data of such a Secret.
pub(crate) fn token_data(token: &str, namespace: &str) -> Value {
    let encode = |text: &str| STANDARD.encode(text);
    json!({ "token": encode(token), "namespace": encode(namespace), "ca.crt": "" })
}

fn claims(core: &Core, account: &Value, audiences: &Value, (from, to): (i64, i64)) -> Value {
    let (namespace, name) = (object::namespace(account), object::name(account));
    let uid = object::uid(account).unwrap_or_default();
    json!({
        "iss": AUDIENCE,
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
        "aud": audiences,
        "iat": from,
        "nbf": from,
        "exp": to,
        "jti": core.random.uid(),
        "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": name, "uid": uid } },
    })
}

/// Answers a TokenRequest for a service account.
pub(crate) fn issue_token(
    core: &Core,
    account: &Value,
    mut request: Value,
) -> Result<Value, Failure> {
    let asked = request
        .pointer("/spec/expirationSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(DEFAULT_TOKEN_SECONDS);
    if asked < MIN_TOKEN_SECONDS {
        let cause = crate::failure::Cause::invalid(
            "spec.expirationSeconds",
            &asked.into(),
            "may not specify a duration less than 10 minutes",
        );
        let about = About { group: "authentication.k8s.io", resource: "TokenRequest", name: "" };
        return Err(Failure::invalid(about, &[cause]));
    }
    let now = core.options.clock.now();
    let expires = now + jiff::SignedDuration::from_secs(asked);
    let audiences = request
        .pointer("/spec/audiences")
        .cloned()
        .filter(|a| a.as_array().is_some_and(|a| !a.is_empty()));
    let audiences = audiences.unwrap_or_else(|| json!([AUDIENCE]));
    let (namespace, name) = (object::namespace(account), object::name(account));
    let claims = claims(core, account, &audiences, (now.as_second(), expires.as_second()));
    object::set_field(&mut request, "kind", Some("TokenRequest".into()));
    object::set_field(&mut request, "apiVersion", Some("authentication.k8s.io/v1".into()));
    object::set_meta(&mut request, "name", name);
    object::set_meta(&mut request, "namespace", namespace);
    object::set_meta(&mut request, "creationTimestamp", core.now_text());
    if request.get("spec").is_none() {
        object::set_field(&mut request, "spec", Some(json!({})));
    }
    if let Some(spec) = request.get_mut("spec") {
        object::set_field(spec, "audiences", Some(audiences));
        object::set_field(spec, "expirationSeconds", Some(asked.into()));
    }
    let status = json!({ "token": tokens::sign(&core.secret, &claims), "expirationTimestamp": seconds(expires) });
    object::set_field(&mut request, "status", Some(status));
    Ok(request)
}
