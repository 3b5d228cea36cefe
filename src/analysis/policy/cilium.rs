//! Reads CiliumNetworkPolicies and CiliumClusterwideNetworkPolicies.
//!
//! Meaning of the fields: <https://docs.cilium.io/en/stable/security/policy/language/>.

use super::labels::plain_key;
use super::namespaces::{ITSELF, named};
use super::rule::{Action, Dialect, Peer, PeerKind, Policy, Port, PortNumber, Rule};
use super::selector::{Expr, Leaf, read_label_selector};
use crate::model::manifests::Generic;
use crate::model::value::Value;
use crate::source::{Located, Location};
use ipnet::IpNet;

/// Prefix of labels that carry the labels of a pod's namespace.
const NAMESPACE_LABEL: &str = "io.cilium.k8s.namespace.labels.";
/// Cluster mesh: which cluster a pod belongs to.
const CLUSTER_NAME: &str = "io.cilium.k8s.policy.cluster";

/// The policies of an object: `spec` and every entry of `specs`.
#[must_use]
pub fn read(object: usize, policy: &Generic) -> Vec<Policy> {
    let namespaced = policy.meta.kind.value == "CiliumNetworkPolicy";
    let namespace = namespaced.then_some(policy.meta.namespace.value.as_str());
    let value = &policy.value.value;
    let specs = value.get("spec").into_iter().chain(value.get("specs").into_iter().flat_map(|s| s.value.items()));
    specs.filter_map(|spec| read_spec(object, spec, namespace, policy.meta.name_location())).collect()
}

fn read_spec(object: usize, spec: &Located<Value>, namespace: Option<&str>, name: Location) -> Option<Policy> {
    // policies with a nodeSelector are about nodes
    let (pods, namespaces) = endpoints(&spec.get("endpointSelector")?.value, namespace);
    // whatever a policy of a namespace says about others, it selects pods of its own (`getEndpointSelector`)
    let namespaces = namespace.map_or(namespaces, named);
    let list = |key: &str| spec.get(key).map(|l| l.value.items()).unwrap_or_default();
    let (allow, deny) = (list("egress"), list("egressDeny"));
    let by_default = spec.value.path(&["enableDefaultDeny", "egress"]).and_then(|b| b.value.as_bool());
    let place = |key: &str| spec.entry(key).and_then(|(key, _)| key.location());
    let read_all = |rules: &[Located<Value>], action| -> Vec<Rule> {
        rules.iter().flat_map(|r| rule(r, action, namespace)).collect()
    };
    let mut rules = read_all(allow, Action::Allow);
    rules.extend(read_all(deny, Action::Deny));
    Some(Policy {
        object,
        scope: None,
        dialect: Dialect::Cilium,
        namespace: namespace.map(ToOwned::to_owned),
        pods,
        namespaces,
        isolates: by_default.unwrap_or(!allow.is_empty() || !deny.is_empty()),
        rules,
        ingress: None,
        place: place("egress").or_else(|| place("egressDeny")).unwrap_or(name),
    })
}

/// An endpoint selector as one for the pods and one for their namespaces.
///
/// A selector of a namespaced policy that does not speak of namespaces means the policy's own
/// (`pkg/k8s/apis/cilium.io/utils`).
fn endpoints(selector: &Value, namespace: Option<&str>) -> (Expr, Expr) {
    let mut pods = Vec::new();
    let mut namespaces = Vec::new();
    let parts = match read_label_selector(selector) {
        Expr::And(parts) => parts,
        Expr::All => Vec::new(),
        other => vec![other],
    };
    for part in parts {
        let Expr::Leaf(leaf) = part else {
            pods.push(part);
            continue;
        };
        let key = plain_key(&leaf.key);
        if key == ITSELF {
            namespaces.push(Expr::Leaf(Leaf { key: ITSELF.to_owned(), ..leaf }));
        } else if let Some(label) = key.strip_prefix(NAMESPACE_LABEL) {
            namespaces.push(Expr::Leaf(Leaf { key: label.to_owned(), ..leaf }));
        } else if key == CLUSTER_NAME {
            pods.push(Expr::Unknown);
        } else {
            pods.push(Expr::Leaf(Leaf { key: key.to_owned(), ..leaf }));
        }
    }
    if let (true, Some(own)) = (namespaces.is_empty(), namespace) {
        namespaces.push(named(own));
    }
    (Expr::all_of(pods), Expr::all_of(namespaces))
}

/// Destinations that dnslint does not follow.
const UNREAD: [&str; 4] = ["toServices", "toGroups", "toNodes", "toRequires"];

/// The rules of an entry of `egress`: one for every entry of `toPorts`, which has its own inspection.
fn rule(rule: &Located<Value>, action: Action, namespace: Option<&str>) -> Vec<Rule> {
    if rule.entries().is_empty() || rule.get("icmps").is_some() {
        // an empty rule only switches the default to deny; ICMP carries no DNS
        return Vec::new();
    }
    let fqdns = rule.get("toFQDNs").map(|list| list.value.items()).unwrap_or_default();
    let fqdn = fqdns.first().and_then(|f| f.text_at("matchName").or_else(|| f.text_at("matchPattern")));
    let base = Rule {
        action,
        peers: peers(rule, namespace),
        ports: None,
        opaque: false,
        inspects_dns: false,
        fqdn: fqdn.map(|f| (f.value.clone(), f.location())),
        location: rule.location(),
    };
    let to_ports = rule.get("toPorts").map(|list| list.value.items()).unwrap_or_default();
    if to_ports.is_empty() {
        return vec![base];
    }
    to_ports.iter().map(|entry| with_ports(&base, entry)).collect()
}

fn with_ports(base: &Rule, entry: &Located<Value>) -> Rule {
    let ports = entry.get("ports").map(|list| list.value.items()).unwrap_or_default();
    let inspection = entry.get("rules");
    let inspects_dns = inspection.is_some_and(|rules| rules.get("dns").is_some());
    Rule {
        ports: (!ports.is_empty()).then(|| ports.iter().map(port).collect()),
        opaque: inspection.is_some() && !inspects_dns,
        inspects_dns,
        ..base.clone()
    }
}

fn peers(rule: &Located<Value>, namespace: Option<&str>) -> Option<Vec<Peer>> {
    let mut peers = Vec::new();
    let mut named = false;
    let mut section = |key: &str| {
        let list = rule.get(key);
        named |= list.is_some();
        list.map(|l| l.value.items()).unwrap_or_default()
    };
    for selector in section("toEndpoints") {
        let (pods, namespaces) = endpoints(&selector.value, namespace);
        peers.push(Peer { kind: PeerKind::Pods { pods, namespaces }, location: selector.location() });
    }
    for entity in section("toEntities") {
        if let Some(name) = entity.value.as_str() {
            peers.push(Peer { kind: PeerKind::Entity(name.to_owned()), location: entity.location() });
        }
    }
    for cidr in section("toCIDR") {
        peers.push(net(cidr.scalar_text(), &[], cidr.location()));
    }
    for set in section("toCIDRSet") {
        let except: Vec<String> = set.texts_at("except").into_iter().map(|e| e.value).collect();
        let cidr = set.text_at("cidr");
        let location = cidr.as_ref().and_then(Located::location).or_else(|| set.location());
        peers.push(net(cidr.map(|c| c.value), &except, location));
    }
    for name in section("toFQDNs") {
        peers.push(Peer { kind: PeerKind::Nobody, location: name.location() });
    }
    for key in UNREAD {
        if !section(key).is_empty() {
            peers.push(Peer { kind: PeerKind::Unknown, location: rule.location() });
        }
    }
    named.then_some(peers)
}

fn net(cidr: Option<String>, except: &[String], location: Option<Location>) -> Peer {
    let kind = PeerKind::block(cidr.as_deref().and_then(parse_net), except.iter().map(|e| parse_net(e)));
    Peer { kind, location }
}

fn parse_net(text: &str) -> Option<IpNet> {
    text.trim().parse().ok().or_else(|| text.trim().parse::<std::net::IpAddr>().ok().map(IpNet::from))
}

fn port(port: &Located<Value>) -> Port {
    let written = port.text_at("protocol");
    let protocol = written.as_ref().map_or_else(|| "ANY".to_owned(), |p| p.value.to_ascii_uppercase());
    let number = port.text_at("port");
    let last = port.text_at("endPort").and_then(|p| p.value.parse::<u16>().ok()).filter(|p| *p > 0);
    Port {
        udp: matches!(protocol.as_str(), "ANY" | "UDP"),
        tcp: matches!(protocol.as_str(), "ANY" | "TCP"),
        implied_protocol: false,
        protocol_location: written.as_ref().and_then(Located::location),
        location: number.as_ref().and_then(Located::location).or_else(|| port.location()),
        number: number.map_or(PortNumber::Any, |n| match n.value.parse() {
            Ok(0) => PortNumber::Any,
            Ok(first) => PortNumber::Range(first, last.unwrap_or(first)),
            Err(_) => PortNumber::Named(n.value),
        }),
    }
}
