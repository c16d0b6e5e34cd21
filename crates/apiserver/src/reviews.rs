//! Kinds that are questions: access reviews, token reviews, who am I.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::access::{self, User};
use crate::body::{self, Body};
use crate::failure::Failure;
use crate::negotiate;
use crate::object;
use crate::rbac::{self, Attributes};
use crate::rest::Call;

/// Answers a POST of a review.
pub(crate) fn answer(call: &Call<'_>) -> Result<Response<Body>, Failure> {
    if call.parts.method != http::Method::POST || call.path.name.is_some() {
        return Err(Failure::method_not_allowed());
    }
    let mut review = negotiate::decode_object(&call.parts.headers, call.body)?;
    let status = match call.resource.kind.as_str() {
        "SelfSubjectAccessReview" => access(call, call.user, &review)?,
        "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            access(call, &subject(&review)?, &review)?
        }
        "SelfSubjectRulesReview" => rules(call, &review)?,
        "SelfSubjectReview" => json!({ "userInfo": call.user.to_value() }),
        "TokenReview" => token(call, &review),
        "Binding" => return bind(call, &review),
        _ => return Err(Failure::method_not_allowed()),
    };
    object::set_field(&mut review, "apiVersion", Some(call.resource.api_version().into()));
    object::set_field(&mut review, "kind", Some(call.resource.kind.clone().into()));
    if object::metadata(&review).is_none() {
        object::set_field(&mut review, "metadata", Some(json!({ "creationTimestamp": null })));
    }
    object::set_field(&mut review, "status", Some(status));
    Ok(body::json(StatusCode::CREATED, &review))
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn subject(review: &Value) -> Result<User, Failure> {
    let groups = review.pointer("/spec/groups").and_then(Value::as_array).into_iter().flatten();
    let groups: Vec<String> = groups.filter_map(Value::as_str).map(str::to_owned).collect();
    let name = text(review, "/spec/user").to_owned();
    if name.is_empty() && groups.is_empty() {
        return Err(Failure::bad_request(
            "spec.user: Invalid value: at least one of user or group must be specified",
        ));
    }
    Ok(User { name, groups, ..User::of_account("", "", "") })
}

fn access(call: &Call<'_>, user: &User, review: &Value) -> Result<Value, Failure> {
    let full_name;
    let attributes = if review.pointer("/spec/nonResourceAttributes").is_some_and(Value::is_object)
    {
        Attributes {
            verb: text(review, "/spec/nonResourceAttributes/verb"),
            path: Some(text(review, "/spec/nonResourceAttributes/path")),
            ..Attributes::default()
        }
    } else if review.pointer("/spec/resourceAttributes").is_some_and(Value::is_object) {
        let at = |field: &str| text(review, &format!("/spec/resourceAttributes/{field}"));
        full_name = match at("subresource") {
            "" => at("resource").to_owned(),
            subresource => format!("{}/{subresource}", at("resource")),
        };
        Attributes {
            verb: at("verb"),
            group: at("group"),
            resource: &full_name,
            namespace: at("namespace"),
            name: at("name"),
            path: None,
        }
    } else {
        return Err(Failure::bad_request(
            "spec.resourceAttributes: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must \
             be specified",
        ));
    };
    let decision = rbac::decide(call.core, user, &attributes);
    let mut status = json!({ "allowed": decision.allowed });
    if !decision.reason.is_empty() {
        object::set_field(&mut status, "reason", Some(decision.reason.into()));
    }
    Ok(status)
}

fn rules(call: &Call<'_>, review: &Value) -> Result<Value, Failure> {
    let namespace = text(review, "/spec/namespace");
    if namespace.is_empty() {
        return Err(Failure::bad_request("no namespace on request"));
    }
    let mut resource_rules = Vec::new();
    let mut path_rules = Vec::new();
    if call.user.is_master() {
        resource_rules.push(json!({ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }));
        path_rules.push(json!({ "verbs": ["*"], "nonResourceURLs": ["*"] }));
    }
    for grant in rbac::grants(call.core, call.user, namespace) {
        if grant.rule.get("nonResourceURLs").is_none() {
            resource_rules.push(grant.rule);
        } else if grant.namespace.is_none() {
            path_rules.push(grant.rule);
        }
    }
    Ok(
        json!({ "resourceRules": resource_rules, "nonResourceRules": path_rules, "incomplete": false }),
    )
}

fn token(call: &Call<'_>, review: &Value) -> Value {
    match access::of_token(call.core, text(review, "/spec/token")) {
        Some(user) => json!({ "authenticated": true, "user": user.to_value() }),
        None => json!({ "user": {}, "error": "[invalid bearer token]" }),
    }
}

/// `POST bindings`: the older way to bind a Pod.
fn bind(call: &Call<'_>, binding: &Value) -> Result<Response<Body>, Failure> {
    let pods = call.core.builtin("v1", "pods").ok_or_else(Failure::no_such_path)?;
    let path = crate::path::ResourcePath {
        resource: "pods",
        name: Some(object::name(binding)),
        subresource: Some("binding"),
        ..call.path.clone()
    };
    let call = Call {
        core: call.core,
        resource: pods,
        path,
        query: call.query.clone(),
        parts: call.parts,
        body: call.body,
        user: call.user,
    };
    call.answer()
}
