//! Reads `networking.k8s.io` NetworkPolicies.
//!
//! Meaning of the fields: <https://kubernetes.io/docs/concepts/services-networking/network-policies/>.

use super::namespaces::named;
use super::rule::{Action, Dialect, Ingress, Peer, PeerKind, Policy, Port, PortNumber, Rule, entries};
use super::selector::{Expr, read_label_selector};
use crate::model::manifests::Generic;
use crate::model::value::Value;
use crate::source::Located;

/// The policy of an object; `None` where it has no `spec`.
#[must_use]
pub fn read(object: usize, policy: &Generic) -> Option<Policy> {
    let spec = &policy.value.value.get("spec")?.value;
    let namespace = policy.meta.namespace.value.clone();
    let types = entries(spec, "policyTypes");
    // without policyTypes a policy is about egress where it has rules for it
    let of_type = |word: &str| types.and_then(|list| list.iter().find(|t| t.value.as_str() == Some(word)));
    let egress = entries(spec, "egress");
    let isolates = if types.is_some() { of_type("Egress").is_some() } else { egress.is_some() };
    let place = |section: &str, word: &str| {
        let key = spec.entry(section).and_then(|(key, _)| key.location());
        key.or_else(|| of_type(word).and_then(Located::location)).unwrap_or_else(|| policy.meta.name_location())
    };
    let rules = egress.map(|list| list.iter().map(|r| rule(r, &namespace, "to")).collect());
    // without policyTypes every policy is about ingress
    let incoming = || spec.get("ingress").map_or(&[][..], |list| list.value.items());
    let ingress = (types.is_none() || of_type("Ingress").is_some()).then(|| Ingress {
        rules: incoming().iter().map(|r| rule(r, &namespace, "from")).collect(),
        place: place("ingress", "Ingress"),
    });
    Some(Policy {
        object,
        scope: None,
        dialect: Dialect::Kubernetes,
        pods: spec.get("podSelector").map_or(Expr::All, |s| read_label_selector(&s.value)),
        namespaces: named(&namespace),
        namespace: Some(namespace),
        isolates,
        rules: rules.unwrap_or_default(),
        ingress,
        place: place("egress", "Egress"),
    })
}

/// A rule of `egress` or `ingress`, whose peers stand under `peers`.
fn rule(rule: &Located<Value>, namespace: &str, peers: &str) -> Rule {
    let list = |key: &str| entries(&rule.value, key);
    Rule {
        action: Action::Allow,
        peers: list(peers).map(|peers| peers.iter().map(|p| peer(p, namespace)).collect()),
        ports: list("ports").map(|ports| ports.iter().map(port).collect()),
        opaque: false,
        inspects_dns: false,
        fqdn: None,
        location: rule.location(),
    }
}

fn peer(peer: &Located<Value>, namespace: &str) -> Peer {
    if let Some(block) = peer.get("ipBlock") {
        return net(block);
    }
    let (pods, namespaces) = (peer.get("podSelector"), peer.get("namespaceSelector"));
    let kind = match (pods, namespaces) {
        (None, None) => PeerKind::Unknown,
        (pods, namespaces) => PeerKind::Pods {
            pods: pods.map_or(Expr::All, |s| read_label_selector(&s.value)),
            namespaces: namespaces.map_or_else(|| named(namespace), |s| read_label_selector(&s.value)),
        },
    };
    Peer { kind, location: peer.location() }
}

fn net(block: &Located<Value>) -> Peer {
    let cidr = block.text_at("cidr");
    let read = |text: &Located<String>| text.value.trim().parse().ok();
    let kind = PeerKind::block(cidr.as_ref().and_then(read), block.texts_at("except").iter().map(read));
    Peer { kind, location: cidr.and_then(|c| c.location()).or_else(|| block.location()) }
}

fn port(port: &Located<Value>) -> Port {
    let protocol = port.text_at("protocol");
    let written = protocol.as_ref().map_or("TCP", |p| p.value.as_str());
    let number = port.text_at("port");
    let last = port.text_at("endPort").and_then(|p| p.value.parse().ok());
    Port {
        udp: written == "UDP",
        tcp: written == "TCP",
        implied_protocol: protocol.is_none(),
        protocol_location: protocol.as_ref().and_then(Located::location),
        location: number.as_ref().or(protocol.as_ref()).and_then(Located::location).or_else(|| port.location()),
        number: number.map_or(PortNumber::Any, |n| match n.value.parse() {
            Ok(first) => PortNumber::Range(first, last.unwrap_or(first)),
            Err(_) => PortNumber::Named(n.value),
        }),
    }
}
