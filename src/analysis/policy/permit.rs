//! Egress rules that would let pods ask cluster DNS or the node cache, in each policy's own language, as JSON.

use super::backend::Backend;
use super::labels::calico_labels;
use super::namespaces::{IMPLICIT, ITSELF, NAMESPACE_NAME};
use super::rule::{Action, Dialect, Policy};
use crate::analysis::facts::telling_label;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Rules for the pods of a backend; `None` where no label names them, or where no selector selects them because they
/// share the node's network.
pub fn to_pods(backend: &Backend, policy: &Policy) -> Option<String> {
    if backend.host_network || denies(policy) {
        return None;
    }
    let labels = pod_labels(backend)?;
    let namespace = &backend.namespace;
    let (namespace_key, namespace_value) = namespace_label(backend)?;
    let udp = backend.udp.unwrap_or(53);
    let tcp = backend.tcp.unwrap_or(udp);
    let rules = match policy.dialect {
        Dialect::Kubernetes => json!([{
            "to": [{
                "namespaceSelector": {"matchLabels": {namespace_key: namespace_value}},
                "podSelector": {"matchLabels": with_prefix("", &labels)},
            }],
            "ports": [{"protocol": "UDP", "port": udp}, {"protocol": "TCP", "port": tcp}],
        }]),
        Dialect::Cilium => {
            let mut selector: Map<String, Value> = [(format!("k8s:{ITSELF}"), json!(namespace))].into_iter().collect();
            selector.extend(with_prefix("k8s:", &labels));
            json!([{
                "toEndpoints": [{"matchLabels": selector}],
                "toPorts": [{"ports": [
                    {"port": udp.to_string(), "protocol": "UDP"},
                    {"port": tcp.to_string(), "protocol": "TCP"},
                ]}],
            }])
        }
        Dialect::Calico => {
            let selector: Vec<String> = labels.iter().map(|(key, value)| format!("{key} == '{value}'")).collect();
            let selector = selector.join(" && ");
            let rule = |protocol: &str, port: u16| {
                json!({"action": "Allow", "protocol": protocol, "destination": {
                    "namespaceSelector": format!("projectcalico.org/name == '{namespace}'"),
                    "selector": selector,
                    "ports": [port],
                }})
            };
            json!([rule("UDP", udp), rule("TCP", tcp)])
        }
    };
    Some(with_rules(rules))
}

/// A label that tells DNS pods from others, else all that they have.
fn pod_labels(backend: &Backend) -> Option<Vec<(&String, &String)>> {
    let known = &backend.pod_labels.known;
    let usual = telling_label(|key| known.contains_key(key)).and_then(|key| known.get_key_value(key));
    let of_manifest = |(key, _): &(&String, &String)| !calico_labels("").iter().any(|(calico, _)| calico == *key);
    let labels: Vec<_> = usual.map_or_else(|| known.iter().filter(of_manifest).collect(), |label| vec![label]);
    (!labels.is_empty()).then_some(labels)
}

fn with_prefix(prefix: &str, labels: &[(&String, &String)]) -> Map<String, Value> {
    labels.iter().map(|(key, value)| (format!("{prefix}{key}"), json!(value))).collect()
}

/// A label by which a Kubernetes policy tells the namespace of the backend: its name, which it has as a label since
/// Kubernetes 1.21, else one that its manifest gives it.
fn namespace_label(backend: &Backend) -> Option<(&String, &String)> {
    let known = &backend.namespace_labels.known;
    let written = || known.iter().find(|(key, _)| !IMPLICIT.contains(&key.as_str()));
    known.get_key_value(NAMESPACE_NAME).or_else(written)
}

/// Rules for a node cache, which no selector matches: it is on the node's own network.
pub fn to_cache(addresses: &[IpAddr], policy: &Policy) -> Option<String> {
    let nets: Vec<String> =
        addresses.iter().map(|ip| format!("{ip}/{}", if ip.is_ipv4() { 32 } else { 128 })).collect();
    if nets.is_empty() || denies(policy) {
        return None;
    }
    let rules = match policy.dialect {
        Dialect::Kubernetes => {
            let peers: Vec<Value> = nets.iter().map(|net| json!({"ipBlock": {"cidr": net}})).collect();
            json!([{"to": peers, "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}])
        }
        Dialect::Cilium => json!([{
            "toEntities": ["host"],
            "toPorts": [{"ports": [{"port": "53", "protocol": "UDP"}, {"port": "53", "protocol": "TCP"}]}],
        }]),
        Dialect::Calico => {
            let rule = |protocol: &str| json!({"action": "Allow", "protocol": protocol, "destination": {"nets": nets, "ports": [53]}});
            json!([rule("UDP"), rule("TCP")])
        }
    };
    Some(with_rules(rules))
}

/// Whether a rule forbids something: then it depends on the order of the rules whether another one helps.
fn denies(policy: &Policy) -> bool {
    policy.rules.iter().any(|rule| rule.action == Action::Deny)
}

/// The part of a policy's `spec` that holds the rules.
fn with_rules(rules: Value) -> String {
    json!({ "egress": rules }).to_string()
}
