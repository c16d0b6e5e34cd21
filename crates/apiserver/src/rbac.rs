//! Role-based access control, read from the stored Roles and bindings at every check.

use serde_json::Value;

use crate::access::User;
use crate::core::Core;
use crate::failure::{About, Failure};
use crate::object;
use crate::registry::Resource;
use crate::store::Stored;

const GROUP: &str = "rbac.authorization.k8s.io";
const API: &str = "rbac.authorization.k8s.io/v1";

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attributes<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    /// With the subresource: `pods/log`.
    pub(crate) resource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// Set for requests that are not for resources.
    pub(crate) path: Option<&'a str>,
}

/// A decision with the words that the real authorizer gives for it.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) allowed: bool,
    pub(crate) reason: String,
}

/// A rule and where it holds: everywhere, or in one namespace.
pub(crate) struct Grant {
    pub(crate) rule: Value,
    pub(crate) namespace: Option<String>,
    why: String,
}

/// Decides for a user.
pub(crate) fn decide(core: &Core, user: &User, attributes: &Attributes<'_>) -> Decision {
    if user.is_master() {
        return Decision { allowed: true, reason: String::new() };
    }
    let granted = grants(core, user, attributes.namespace)
        .into_iter()
        .find(|g| rule_allows(&g.rule, attributes));
    match granted {
        Some(grant) => Decision { allowed: true, reason: grant.why },
        None => Decision { allowed: false, reason: String::new() },
    }
}

/// Refuses what a user may not do.
pub(crate) fn authorize(
    core: &Core,
    user: &User,
    attributes: &Attributes<'_>,
) -> Result<(), Failure> {
    if decide(core, user, attributes).allowed {
        return Ok(());
    }
    if let Some(path) = attributes.path {
        return Err(Failure::forbidden_path(&user.name, attributes.verb, path));
    }
    let mut why = format!(
        "User \"{}\" cannot {} resource \"{}\" in API group \"{}\"",
        user.name, attributes.verb, attributes.resource, attributes.group
    );
    if attributes.namespace.is_empty() || attributes.resource == "namespaces" {
        why.push_str(" at the cluster scope");
    } else {
        why.push_str(" in the namespace \"");
        why.push_str(attributes.namespace);
        why.push('"');
    }
    let plural = attributes.resource.split('/').next().unwrap_or_default();
    Err(Failure::forbidden(
        About { group: attributes.group, resource: plural, name: attributes.name },
        &why,
    ))
}

/// Every rule that holds for a user: of the cluster, and of `namespace` unless it is empty.
pub(crate) fn grants(core: &Core, user: &User, namespace: &str) -> Vec<Grant> {
    let mut all = Vec::new();
    for binding in core.list(API, "clusterrolebindings", None) {
        if let Some(subject) = matching_subject(&binding.value, user, "") {
            collect(core, &binding, None, &subject, &mut all);
        }
    }
    if !namespace.is_empty() {
        for binding in core.list(API, "rolebindings", Some(namespace)) {
            if let Some(subject) = matching_subject(&binding.value, user, namespace) {
                collect(core, &binding, Some(namespace), &subject, &mut all);
            }
        }
    }
    all
}

fn collect(
    core: &Core,
    binding: &Stored,
    namespace: Option<&str>,
    subject: &str,
    all: &mut Vec<Grant>,
) {
    let text =
        |pointer: &str| binding.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (text("/roleRef/kind"), text("/roleRef/name"));
    let Some(role) = role(core, kind, name, namespace.unwrap_or_default()) else { return };
    let (binding_kind, place) = match namespace {
        Some(namespace) => ("RoleBinding", format!("{}/{namespace}", object::name(&binding.value))),
        None => ("ClusterRoleBinding", object::name(&binding.value).to_owned()),
    };
    let why =
        format!("RBAC: allowed by {binding_kind} \"{place}\" of {kind} \"{name}\" to {subject}");
    for rule in rules(core, &role.value) {
        all.push(Grant { rule, namespace: namespace.map(str::to_owned), why: why.clone() });
    }
}

fn role(core: &Core, kind: &str, name: &str, namespace: &str) -> Option<Stored> {
    match kind {
        "ClusterRole" => core.lookup(API, "clusterroles", "", name),
        "Role" if !namespace.is_empty() => core.lookup(API, "roles", namespace, name),
        _ => None,
    }
}

/// The rules of a role; an aggregated ClusterRole has those of every role it selects.
pub(crate) fn rules(core: &Core, role: &Value) -> Vec<Value> {
    let own = || role.get("rules").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(selectors) =
        role.pointer("/aggregationRule/clusterRoleSelectors").and_then(Value::as_array)
    else {
        return own();
    };
    let selectors: Vec<_> = selectors.iter().map(crate::select::Labels::from_value).collect();
    let mut all = Vec::new();
    for other in core.list(API, "clusterroles", None) {
        let labels = object::metadata(&other.value).and_then(|m| m.get("labels"));
        if object::name(&other.value) != object::name(role)
            && selectors.iter().any(|s| s.matches(labels))
        {
            all.extend(
                other.value.get("rules").and_then(Value::as_array).cloned().unwrap_or_default(),
            );
        }
    }
    all
}

/// The subject of a binding that the user is, as the real authorizer names it.
fn matching_subject(binding: &Value, user: &User, namespace: &str) -> Option<String> {
    let subjects = binding.get("subjects").and_then(Value::as_array)?;
    subjects.iter().find_map(|subject| {
        let text = |field: &str| subject.get(field).and_then(Value::as_str).unwrap_or_default();
        let name = text("name");
        match text("kind") {
            "User" => (name == user.name || name == "*").then(|| format!("User \"{name}\"")),
            "Group" => user.groups.iter().any(|g| g == name).then(|| format!("Group \"{name}\"")),
            "ServiceAccount" => {
                let own = text("namespace");
                let place = if own.is_empty() { namespace } else { own };
                (User::service_account(&user.name) == Some((place, name)))
                    .then(|| format!("ServiceAccount \"{name}/{place}\""))
            }
            _ => None,
        }
    })
}

fn has(rule: &Value, field: &str, wanted: &str) -> bool {
    let list = rule.get(field).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).any(|value| value == wanted || value == "*")
}

fn rule_allows(rule: &Value, attributes: &Attributes<'_>) -> bool {
    if !has(rule, "verbs", attributes.verb) {
        return false;
    }
    if let Some(path) = attributes.path {
        let paths = rule.get("nonResourceURLs").and_then(Value::as_array).into_iter().flatten();
        return paths.filter_map(Value::as_str).any(|p| {
            p == path || p.strip_suffix('*').is_some_and(|prefix| path.starts_with(prefix))
        });
    }
    let named = || {
        let names = rule.get("resourceNames").and_then(Value::as_array).filter(|n| !n.is_empty());
        names.is_none_or(|names| names.iter().any(|n| n.as_str() == Some(attributes.name)))
    };
    has(rule, "apiGroups", attributes.group)
        && resource_matches(rule, attributes.resource)
        && named()
}

fn resource_matches(rule: &Value, resource: &str) -> bool {
    let subresource = resource.split_once('/').map(|(_, sub)| sub);
    let list = rule.get("resources").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).any(|value| {
        value == "*"
            || value == resource
            || value.strip_prefix("*/").is_some_and(|sub| Some(sub) == subresource)
    })
}

/// Whether `caller` may act as this user and these groups.
pub(crate) fn check_impersonation(
    core: &Core,
    caller: &User,
    name: &str,
    groups: &[String],
) -> Result<(), Failure> {
    let attributes = match User::service_account(name) {
        Some((namespace, account)) => Attributes {
            verb: "impersonate",
            resource: "serviceaccounts",
            namespace,
            name: account,
            ..Attributes::default()
        },
        None => {
            Attributes { verb: "impersonate", resource: "users", name, ..Attributes::default() }
        }
    };
    authorize(core, caller, &attributes)?;
    for group in groups {
        let attributes = Attributes {
            verb: "impersonate",
            resource: "groups",
            name: group,
            ..Attributes::default()
        };
        authorize(core, caller, &attributes)?;
    }
    Ok(())
}

/// Nobody grants what they do not have: roles may hold only rules that their writer has (or may
/// `escalate`), bindings may refer only to roles whose rules their writer has (or may `bind`).
pub(crate) fn check_escalation(
    core: &Core,
    user: &User,
    resource: &Resource,
    object: &Value,
) -> Result<(), Failure> {
    if user.is_master() || resource.group != GROUP || resource.custom.is_some() {
        return Ok(());
    }
    let namespace = object::namespace(object);
    let (wanted, verb, name) = match resource.kind.as_str() {
        "Role" | "ClusterRole" => {
            let rules = object.get("rules").and_then(Value::as_array).cloned().unwrap_or_default();
            (rules, "escalate", object::name(object))
        }
        _ => {
            let text =
                |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let name = text("/roleRef/name");
            let role = role(core, text("/roleRef/kind"), name, namespace);
            (role.map(|r| rules(core, &r.value)).unwrap_or_default(), "bind", name)
        }
    };
    let plural = match (verb, resource.kind.as_str()) {
        ("bind", _) if object.pointer("/roleRef/kind").and_then(Value::as_str) == Some("Role") => {
            "roles"
        }
        ("bind", _) => "clusterroles",
        _ => resource.plural.as_str(),
    };
    let may = Attributes { verb, group: GROUP, resource: plural, namespace, name, path: None };
    if decide(core, user, &may).allowed {
        return Ok(());
    }
    let held = grants(core, user, namespace);
    if let Some(missing) = wanted.iter().find(|rule| !covered(&held, rule)) {
        let why = format!(
            "user \"{}\" (groups={:?}) is attempting to grant RBAC permissions not currently held:\n{missing}",
            user.name, user.groups
        );
        return Err(Failure::forbidden(resource.about(object::name(object)), &why));
    }
    Ok(())
}

/// Every single permission of `rule` is in some held rule.
fn covered(held: &[Grant], rule: &Value) -> bool {
    let list = |field: &str| -> Vec<String> {
        let values = rule.get(field).and_then(Value::as_array).into_iter().flatten();
        values.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let names = list("resourceNames");
    let names = if names.is_empty() { vec![String::new()] } else { names };
    list("verbs").iter().all(|verb| {
        let resources = list("apiGroups").iter().all(|group| {
            list("resources").iter().all(|resource| {
                names.iter().all(|name| {
                    let attributes =
                        Attributes { verb, group, resource, namespace: "", name, path: None };
                    held.iter().any(|g| rule_allows(&g.rule, &attributes))
                })
            })
        });
        resources
            && list("nonResourceURLs").iter().all(|path| {
                let attributes = Attributes { verb, path: Some(path), ..Attributes::default() };
                held.iter().any(|g| rule_allows(&g.rule, &attributes))
            })
    })
}
