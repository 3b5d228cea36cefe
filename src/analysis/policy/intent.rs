//! Whether a rule was evidently meant for cluster DNS: only then is a near miss somebody's mistake.

use super::backend::Backend;
use super::rule::{Action, Peer, PeerKind, Port, PortNumber, Rule};
use super::selector::{Expr, Test};
use std::collections::BTreeSet;

/// Words in label values that name the pods behind the DNS Service.
const SERVER_WORDS: [&str; 3] = ["kube-dns", "coredns", "dns-default"];
/// Words that name node caches.
const CACHE_WORDS: [&str; 3] = ["node-local-dns", "nodelocaldns", "node-local-dns-cache"];

fn is_word(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.strip_suffix(word).is_some_and(|head| head.is_empty() || head.ends_with('-')))
}

/// Whether a requirement names the pods behind the DNS Service.
#[must_use]
pub fn names_server(test: &Test) -> bool {
    matches!(test, Test::In(values) if values.iter().any(|value| is_word(value, &SERVER_WORDS)))
}

fn names_dns(test: &Test) -> bool {
    names_server(test) || matches!(test, Test::In(values) if values.iter().any(|value| is_word(value, &CACHE_WORDS)))
}

impl Port {
    /// Whether the writer evidently had DNS in mind.
    #[must_use]
    pub fn speaks_of_dns(&self) -> bool {
        match &self.number {
            PortNumber::Range(first, last) => first == last && matches!(first, 53 | 5353 | 8053),
            PortNumber::Named(name) => name == "dns" || name.starts_with("dns-"),
            PortNumber::Any => false,
        }
    }
}

impl Rule {
    /// Whether one of its ports is one of DNS.
    #[must_use]
    pub fn speaks_of_dns(&self) -> bool {
        self.ports.iter().flatten().any(Port::speaks_of_dns)
    }

    /// Whether the writer of the rule evidently meant to allow cluster DNS.
    ///
    /// Port 53 alone does not show it: the rule may be for an external or another server. The DNS pods' usual labels,
    /// the DNS Service's address, or port 53 together with any destination or the namespace of cluster DNS do.
    #[must_use]
    pub fn is_meant_for_dns(&self, backend: &Backend) -> bool {
        if self.action == Action::Deny {
            return false;
        }
        let port = self.speaks_of_dns();
        if self.ports.is_some() && !port && !self.inspects_dns {
            // the pods by their labels on other ports (metrics): no intent
            return false;
        }
        match &self.peers {
            None => port && self.fqdn.is_none(),
            Some(peers) => peers.iter().any(|peer| peer.is_meant_for_dns(backend, port || self.inspects_dns)),
        }
    }

    /// Whether it opens the way to the API server alone, whose address every pod has in its environment.
    #[must_use]
    pub fn is_for_api_server(&self, api_ports: &BTreeSet<u16>) -> bool {
        let is_api = |number: &PortNumber| matches!(number, PortNumber::Range(first, last) if first == last && api_ports.contains(first));
        let own_port = |port: &Port| port.tcp && !port.udp && is_api(&port.number);
        let ports = self.ports.as_ref().is_some_and(|ports| ports.iter().all(own_port));
        let is_entity = |peer: &Peer| matches!(&peer.kind, PeerKind::Entity(name) if name == "kube-apiserver");
        ports || self.peers.as_ref().is_some_and(|peers| !peers.is_empty() && peers.iter().all(is_entity))
    }
}

impl Peer {
    fn is_meant_for_dns(&self, backend: &Backend, dns_port: bool) -> bool {
        match &self.kind {
            PeerKind::Pods { pods, namespaces } => {
                let by_label = pods.leaves().iter().any(|leaf| names_dns(&leaf.test));
                let by_namespace = namespaces.leaves().iter().any(|leaf| {
                    leaf.location.is_some()
                        && matches!(&leaf.test, Test::In(values) if values.contains(&backend.namespace))
                });
                by_label || (dns_port && by_namespace && matches!(pods, Expr::All))
            }
            PeerKind::Net { net, .. } => {
                let addresses = backend.service.as_ref().map(|s| s.addresses.as_slice()).unwrap_or_default();
                // a wide block that happens to hold the Service address shows no intent
                (dns_port || net.prefix_len() == net.max_prefix_len())
                    && net.prefix_len() > 0
                    && addresses.iter().any(|ip| net.contains(ip))
            }
            PeerKind::Entity(name) => dns_port && name == "kube-dns",
            PeerKind::Service(_, name) => is_word(name, &SERVER_WORDS) || is_word(name, &CACHE_WORDS),
            PeerKind::Nobody | PeerKind::Unknown => false,
        }
    }
}
