//! Reads Calico's NetworkPolicies and GlobalNetworkPolicies.
//!
//! Meaning of the fields: <https://docs.tigera.io/calico/latest/reference/resources/networkpolicy>.

use super::calico_selector;
use super::namespaces::named;
use super::rule::{Action, Dialect, Peer, PeerKind, Policy, Port, PortNumber, Rule, entries};
use super::selector::Expr;
use crate::model::manifests::Generic;
use crate::model::value::Value;
use crate::source::Located;

/// The policy of an object; `None` where it is not about pods.
#[must_use]
pub fn read(object: usize, policy: &Generic) -> Option<Policy> {
    let spec = &policy.value.value.get("spec")?.value;
    let flag = |key: &str| spec.get(key).and_then(|b| b.value.as_bool()) == Some(true);
    if flag("doNotTrack") || flag("preDNAT") {
        return None; // host endpoints only
    }
    let namespaced = policy.meta.kind.value == "NetworkPolicy";
    let namespace = namespaced.then_some(policy.meta.namespace.value.as_str());
    let tier = spec.text_at("tier").is_some_and(|tier| tier.value != "default");
    let types = entries(spec, "types");
    let egress_type = types.and_then(|list| list.iter().find(|t| t.value.as_str() == Some("Egress")));
    let egress = entries(spec, "egress");
    let isolates = if types.is_some() { egress_type.is_some() } else { egress.is_some() };
    let place = spec.entry("egress").and_then(|(key, _)| key.location());
    let place =
        place.or_else(|| egress_type.and_then(Located::location)).unwrap_or_else(|| policy.meta.name_location());
    let rules = egress.map(|list| list.iter().filter_map(|r| rule(r, namespace, tier)).collect());
    let service_accounts = spec.get("serviceAccountSelector").map_or(Expr::All, |_| Expr::Unknown);
    Some(Policy {
        object,
        scope: None,
        dialect: Dialect::Calico,
        pods: selector(spec, "selector").unwrap_or(Expr::All).and(service_accounts),
        namespaces: match namespace {
            Some(own) => named(own),
            None => selector(spec, "namespaceSelector").unwrap_or(Expr::All),
        },
        namespace: namespace.map(ToOwned::to_owned),
        // policies of other tiers are judged before or after these: nothing can be proved from them
        isolates: isolates && !tier,
        rules: rules.unwrap_or_default(),
        ingress: None,
        place,
    })
}

fn selector(value: &Value, key: &str) -> Option<Expr> {
    value.text_at(key).map(|text| calico_selector::parse(&text))
}

fn rule(rule: &Located<Value>, namespace: Option<&str>, tier: bool) -> Option<Rule> {
    let action = match rule.text_at("action")?.value.as_str() {
        "Allow" => Action::Allow,
        "Deny" => Action::Deny,
        "Log" => return None,
        _ => return Some(unread(rule)),
    };
    let destination = rule.get("destination");
    let narrowed = ["source", "notProtocol", "icmp", "notICMP", "http"].iter().any(|key| {
        rule.get(key).is_some_and(|v| {
            v.value.entries().iter().any(|(_, v)| v.value != Value::Null) || !matches!(v.value, Value::Map(_))
        })
    });
    let negated = destination.is_some_and(|d| ["notSelector", "notPorts"].iter().any(|key| d.get(key).is_some()));
    Some(Rule {
        action,
        peers: destination.and_then(|d| peers(d, namespace)),
        ports: ports(rule, destination),
        opaque: narrowed || negated || tier,
        inspects_dns: false,
        fqdn: None,
        location: rule.location(),
    })
}

/// `Pass` and what later releases add.
fn unread(rule: &Located<Value>) -> Rule {
    Rule {
        action: Action::Allow,
        peers: None,
        ports: None,
        opaque: true,
        inspects_dns: false,
        fqdn: None,
        location: rule.location(),
    }
}

/// The destination; its parts must all hold, so that one peer is enough except for several blocks.
fn peers(destination: &Located<Value>, namespace: Option<&str>) -> Option<Vec<Peer>> {
    let location = destination.location();
    let peer = |kind| Some(vec![Peer { kind, location }]);
    if let Some(service) = destination.get("services") {
        let text = |key: &str| service.text_at(key).map(|t| t.value);
        let own = text("namespace").or_else(|| namespace.map(ToOwned::to_owned)).unwrap_or_default();
        return peer(PeerKind::Service(own, text("name").unwrap_or_default()));
    }
    if destination.get("serviceAccounts").is_some() {
        return peer(PeerKind::Unknown);
    }
    if destination.get("domains").is_some() {
        return peer(PeerKind::Nobody);
    }
    let nets = destination.texts_at("nets");
    let except = || destination.texts_at("notNets").into_iter().map(|net| net.value.parse().ok());
    let (pods, namespaces) = (selector(destination, "selector"), selector(destination, "namespaceSelector"));
    if nets.is_empty() && pods.is_none() && namespaces.is_none() {
        let whole = || PeerKind::block("0.0.0.0/0".parse().ok(), except());
        return destination.get("notNets").and_then(|_| peer(whole()));
    }
    if !nets.is_empty() {
        // addresses of pods that are selected, too, are not told apart
        let alone = pods.is_none() && namespaces.is_none();
        let read = |net: &Located<String>| PeerKind::block(net.value.parse().ok().filter(|_| alone), except());
        return Some(nets.iter().map(|net| Peer { kind: read(net), location: net.location() }).collect());
    }
    let namespaces = match (namespaces, namespace) {
        (Some(written), _) => written,
        (None, Some(own)) => named(own),
        (None, None) => Expr::All,
    };
    peer(PeerKind::Pods { pods: pods.unwrap_or(Expr::All), namespaces })
}

fn ports(rule: &Located<Value>, destination: Option<&Located<Value>>) -> Option<Vec<Port>> {
    let protocol = rule.text_at("protocol");
    let word = protocol.as_ref().map(|p| p.value.to_ascii_uppercase());
    let covers = |name: &str, number: &str| word.as_ref().is_none_or(|w| w == name || w == number);
    let (udp, tcp) = (covers("UDP", "17"), covers("TCP", "6"));
    let written = destination.map(|d| d.texts_at("ports")).unwrap_or_default();
    let protocol_location = protocol.as_ref().and_then(Located::location);
    let port = |number, location| Port { udp, tcp, implied_protocol: false, number, location, protocol_location };
    if written.is_empty() {
        return protocol.map(|p| vec![port(PortNumber::Any, p.location())]);
    }
    Some(written.iter().map(|text| port(number(&text.value), text.location())).collect())
}

fn number(text: &str) -> PortNumber {
    let range = text.split_once(':').unwrap_or((text, text));
    match (range.0.parse(), range.1.parse()) {
        (Ok(first), Ok(last)) => PortNumber::Range(first, last),
        _ => PortNumber::Named(text.to_owned()),
    }
}
