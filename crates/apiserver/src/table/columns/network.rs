//! Lines of Services, Ingresses and endpoints.

use jiff::Timestamp;
use serde_json::Value;

use super::text::{age, at, at_or, joined, labels, list, number};

pub(super) fn service(o: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        at(o, "/spec/type").into(),
        at_or(o, "/spec/clusterIPs/0", "<none>").into(),
        external(o).into(),
        service_ports(o).into(),
        age(o, now),
        labels(o.pointer("/spec/selector")),
    ]
}

fn external(o: &Value) -> String {
    let given: Vec<String> =
        list(o, "/spec/externalIPs").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    match at(o, "/spec/type") {
        "ExternalName" => at(o, "/spec/externalName").to_owned(),
        "LoadBalancer" => {
            let all = balancers(o).into_iter().chain(given);
            joined(all, ",", "<pending>")
        }
        "ClusterIP" | "NodePort" => joined(given, ",", "<none>"),
        _ => "<unknown>".to_owned(),
    }
}

/// Addresses of a load balancer, sorted.
fn balancers(o: &Value) -> Vec<String> {
    let ingress = list(o, "/status/loadBalancer/ingress").iter();
    let mut all: Vec<String> = ingress
        .map(|i| {
            at_or(i, "/ip", "").to_owned()
                + if at(i, "/ip").is_empty() { at(i, "/hostname") } else { "" }
        })
        .collect();
    all.retain(|a| !a.is_empty());
    all.sort();
    all.dedup();
    all
}

fn service_ports(o: &Value) -> String {
    let port = |p: &Value| {
        let protocol = at(p, "/protocol");
        match number(p, "/nodePort") {
            0 => format!("{}/{protocol}", number(p, "/port")),
            node => format!("{}:{node}/{protocol}", number(p, "/port")),
        }
    };
    joined(list(o, "/spec/ports").iter().map(port), ",", "<none>")
}

/// Endpoints shown before the rest is only counted.
const MAX_ENDPOINTS: usize = 3;

fn shortened(all: &[String], none: &str) -> String {
    let shown = joined(all.iter().take(MAX_ENDPOINTS).cloned(), ",", none);
    if all.len() > MAX_ENDPOINTS {
        format!("{shown} + {} more...", all.len() - MAX_ENDPOINTS)
    } else {
        shown
    }
}

pub(super) fn endpoints(o: &Value, now: Timestamp) -> Vec<Value> {
    let mut all = Vec::new();
    for subset in list(o, "/subsets") {
        let addresses = list(subset, "/addresses").iter().map(|a| at(a, "/ip"));
        let ports = list(subset, "/ports");
        if ports.is_empty() {
            all.extend(addresses.map(str::to_owned));
            continue;
        }
        let addresses: Vec<&str> = addresses.collect();
        for port in ports {
            all.extend(addresses.iter().map(|a| format!("{a}:{}", number(port, "/port"))));
        }
    }
    vec![shortened(&all, "<none>").into(), age(o, now)]
}

pub(super) fn endpoint_slice(o: &Value, now: Timestamp) -> Vec<Value> {
    let port = |p: &Value| match p.get("port").and_then(Value::as_i64) {
        Some(number) => number.to_string(),
        None => "<unset>".to_owned(),
    };
    let ports: Vec<String> = list(o, "/ports").iter().map(port).collect();
    let addresses = list(o, "/endpoints").iter().flat_map(|e| list(e, "/addresses"));
    let addresses: Vec<String> = addresses.filter_map(Value::as_str).map(str::to_owned).collect();
    vec![
        at(o, "/addressType").into(),
        shortened(&ports, "<unset>").into(),
        shortened(&addresses, "<unset>").into(),
        age(o, now),
    ]
}

/// Hosts shown before the rest is only counted.
const MAX_HOSTS: usize = 3;

pub(super) fn ingress(o: &Value, now: Timestamp) -> Vec<Value> {
    let rules = list(o, "/spec/rules");
    let hosts: Vec<String> = rules
        .iter()
        .map(|r| at(r, "/host").to_owned())
        .filter(|h| !h.is_empty())
        .take(MAX_HOSTS)
        .collect();
    let full = hosts.len() == MAX_HOSTS && rules.len() > MAX_HOSTS;
    let hosts = joined(hosts, ",", "*");
    let hosts = if full { format!("{hosts} + {} more...", rules.len() - MAX_HOSTS) } else { hosts };
    let ports = if list(o, "/spec/tls").is_empty() { "80" } else { "80, 443" };
    vec![
        at_or(o, "/spec/ingressClassName", "<none>").into(),
        hosts.into(),
        balancers(o).join(",").into(),
        ports.into(),
        age(o, now),
    ]
}

pub(super) fn ingress_class(o: &Value, now: Timestamp) -> Vec<Value> {
    let parameters = match o.pointer("/spec/parameters").filter(|p| p.is_object()) {
        None => "<none>".to_owned(),
        Some(given) => {
            let group = at(given, "/apiGroup");
            let kind = at(given, "/kind");
            let kind = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
            format!("{kind}/{}", at(given, "/name"))
        }
    };
    vec![at(o, "/spec/controller").into(), parameters.into(), age(o, now)]
}
