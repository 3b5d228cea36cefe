//! Egress rules that would let pods ask cluster DNS or the node cache, in each policy's own language, as JSON.

use super::destination::{Backend, NAMESPACE_NAME};
use super::rule::{Action, Dialect, Policy};
use serde_json::{Value, json};
use std::net::IpAddr;

/// Labels by which packagings tell DNS pods from others; the first that the pods have is taken.
const USUAL_LABELS: [&str; 3] = ["k8s-app", "app.kubernetes.io/name", "app"];

/// Rules for the pods of a backend; `None` where no label names them, or where no selector selects them because they
/// share the node's network.
pub fn to_pods(backend: &Backend, policy: &Policy) -> Option<String> {
    if backend.host_network || denies(policy) {
        return None;
    }
    let labels = &backend.pod_labels.known;
    let (key, value) = USUAL_LABELS.iter().find_map(|key| labels.get_key_value(*key))?;
    let namespace = &backend.namespace;
    let udp = backend.udp.unwrap_or(53);
    let tcp = backend.tcp.unwrap_or(udp);
    let rules = match policy.dialect {
        Dialect::Kubernetes => json!([{
            "to": [{
                "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: namespace}},
                "podSelector": {"matchLabels": {key: value}},
            }],
            "ports": [{"protocol": "UDP", "port": udp}, {"protocol": "TCP", "port": tcp}],
        }]),
        Dialect::Cilium => json!([{
            "toEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": namespace, format!("k8s:{key}"): value}}],
            "toPorts": [{"ports": [
                {"port": udp.to_string(), "protocol": "UDP"},
                {"port": tcp.to_string(), "protocol": "TCP"},
            ]}],
        }]),
        Dialect::Calico => {
            let rule = |protocol: &str, port: u16| {
                json!({"action": "Allow", "protocol": protocol, "destination": {
                    "namespaceSelector": format!("projectcalico.org/name == '{namespace}'"),
                    "selector": format!("{key} == '{value}'"),
                    "ports": [port],
                }})
            };
            json!([rule("UDP", udp), rule("TCP", tcp)])
        }
    };
    Some(with_rules(rules))
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
