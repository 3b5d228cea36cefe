//! Egress policies of every kind in one form, and whether a rule of theirs lets a packet through.

use super::destination::{Backend, Cache, World};
use super::selector::{Answer, Expr, Labels, Test};
use crate::source::Location;
use ipnet::IpNet;

/// Whose language a policy is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `networking.k8s.io` NetworkPolicy.
    Kubernetes,
    /// `cilium.io` policies.
    Cilium,
    /// `projectcalico.org` policies.
    Calico,
}

/// One policy: an object, or one entry of a Cilium object's `specs`.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Index of the object that states it, in the order of [`super::read_all`].
    pub object: usize,
    /// The language.
    pub dialect: Dialect,
    /// The namespace of its pods; `None` for cluster-wide policies.
    pub namespace: Option<String>,
    /// Labels of the pods that it applies to.
    pub pods: Expr,
    /// Labels of their namespaces.
    pub namespaces: Expr,
    /// What no rule allows to leave these pods is dropped.
    pub isolates: bool,
    /// Egress rules.
    pub rules: Vec<Rule>,
    /// Ingress rules, with the sources as peers, where what no rule allows to reach these pods is dropped.
    pub ingress: Option<Vec<Rule>>,
    /// Where `egress` stands, or what makes the policy apply to egress.
    pub place: Location,
}

/// What a rule does with the packets that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Lets them through.
    Allow,
    /// Drops them.
    Deny,
}

/// One egress rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it does.
    pub action: Action,
    /// Destinations; `None` for any.
    pub peers: Option<Vec<Peer>>,
    /// Ports; `None` for any.
    pub ports: Option<Vec<Port>>,
    /// It has conditions that dnslint does not read.
    pub opaque: bool,
    /// It inspects DNS (`rules.dns` of Cilium).
    pub inspects_dns: bool,
    /// The first name of `toFQDNs`, which only works where DNS does.
    pub fqdn: Option<(String, Option<Location>)>,
    /// The rule.
    pub location: Option<Location>,
}

/// A destination of a rule.
#[derive(Clone, Debug)]
pub struct Peer {
    /// What it stands for.
    pub kind: PeerKind,
    /// Where it stands.
    pub location: Option<Location>,
}

/// What a destination stands for.
#[derive(Clone, Debug)]
pub enum PeerKind {
    /// Pods by their labels and their namespace's.
    Pods {
        /// Pod labels.
        pods: Expr,
        /// Namespace labels; a requirement without a place is the policy's own namespace.
        namespaces: Expr,
    },
    /// Addresses.
    Net {
        /// The block.
        net: IpNet,
        /// Blocks inside it that are left out.
        except: Vec<IpNet>,
    },
    /// An entity of Cilium: `cluster`, `world`, `host`…
    Entity(String),
    /// A Service (namespace, name), for its endpoints.
    Service(String, String),
    /// Nothing inside the cluster.
    Nobody,
    /// Not read by dnslint.
    Unknown,
}

/// A port of a rule.
#[derive(Clone, Debug)]
pub struct Port {
    /// Applies to UDP.
    pub udp: bool,
    /// Applies to TCP.
    pub tcp: bool,
    /// The manifest names no protocol.
    pub implied_protocol: bool,
    /// The number.
    pub number: PortNumber,
    /// Where it stands.
    pub location: Option<Location>,
    /// Where the protocol stands.
    pub protocol_location: Option<Location>,
}

/// The number of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortNumber {
    /// Every port.
    Any,
    /// From the first to the last.
    Range(u16, u16),
    /// A name that the destination's containers give to a port.
    Named(String),
}

/// A transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP: what resolvers ask first.
    Udp,
    /// TCP: truncated answers.
    Tcp,
}

impl Transport {
    /// The word that manifests use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}

/// Why a part of a rule that was meant for DNS does not match it.
#[derive(Clone, Debug)]
pub struct Miss {
    /// The selector, block or port that does not match.
    pub location: Location,
    /// What is wrong with it, as a clause.
    pub reason: String,
    /// Where several parts fail: the one to edit has the lowest rank.
    pub rank: u8,
    /// Network plugins differ in how they judge it.
    pub soft: bool,
    /// The value that would match, where one value at the place is all that is wrong.
    pub expected: Option<String>,
}

impl Port {
    /// Whether it covers `transport`.
    #[must_use]
    pub const fn covers(&self, transport: Transport) -> bool {
        match transport {
            Transport::Udp => self.udp,
            Transport::Tcp => self.tcp,
        }
    }

    /// Whether it covers a numbered port of the backend.
    fn judge(&self, transport: Transport, port: Option<u16>, backend: &Backend) -> Answer {
        if !self.covers(transport) {
            return Answer::No;
        }
        match &self.number {
            PortNumber::Any => Answer::Yes,
            PortNumber::Range(first, last) => port.map_or(Answer::Unknown, |p| Answer::of(*first <= p && p <= *last)),
            PortNumber::Named(name) => match backend.named_port(name, transport) {
                Some(number) => port.map_or(Answer::Unknown, |p| Answer::of(p == number)),
                None => Answer::Unknown,
            },
        }
    }

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

/// The port that the API server listens on.
const API_SERVER: u16 = 6443;

impl Rule {
    /// Whether packets to the port of the backend match.
    #[must_use]
    pub fn judge(&self, backend: &Backend, transport: Transport, dialect: Dialect, world: &World) -> Answer {
        let peers = self.peers.as_ref().map_or(Answer::Yes, |peers| {
            peers.iter().fold(Answer::No, |found, peer| found.or(peer.judge(backend, dialect, world)))
        });
        self.bounded(peers.and(self.judge_ports(backend, transport)))
    }

    /// Whether questions from pods with these labels to the DNS pods match, for a rule about what may come in.
    #[must_use]
    pub fn admits(&self, client: (&Labels, &Labels), backend: &Backend) -> Answer {
        let from = |peer: &Peer| match &peer.kind {
            PeerKind::Pods { pods, namespaces } => pods.judge(client.0).and(namespaces.judge(client.1)),
            PeerKind::Net { net, except } if net.prefix_len() == 0 && except.is_empty() => Answer::Yes,
            // the addresses of pods are not known
            _ => Answer::Unknown,
        };
        let peers = self
            .peers
            .as_ref()
            .map_or(Answer::Yes, |peers| peers.iter().fold(Answer::No, |found, peer| found.or(from(peer))));
        self.bounded(peers.and(self.judge_ports(backend, Transport::Udp)))
    }

    /// Whether packets to the node cache match.
    #[must_use]
    pub fn judge_cache(&self, cache: &Cache, dialect: Dialect) -> Answer {
        let peers = self.peers.as_ref().map_or(Answer::Yes, |peers| {
            peers.iter().fold(Answer::No, |found, peer| found.or(peer.judge_cache(cache, dialect)))
        });
        let port = |p: &Port| match &p.number {
            _ if !p.udp => Answer::No,
            PortNumber::Any => Answer::Yes,
            PortNumber::Range(first, last) => Answer::of(*first <= 53 && 53 <= *last),
            PortNumber::Named(_) => Answer::Unknown,
        };
        let ports = self
            .ports
            .as_ref()
            .map_or(Answer::Yes, |ports| ports.iter().fold(Answer::No, |found, p| found.or(port(p))));
        self.bounded(peers.and(ports))
    }

    /// A condition that is not read can only take packets away.
    fn bounded(&self, answer: Answer) -> Answer {
        if self.opaque { answer.and(Answer::Unknown) } else { answer }
    }

    fn judge_ports(&self, backend: &Backend, transport: Transport) -> Answer {
        let Some(ports) = &self.ports else { return Answer::Yes };
        let number = backend.port(transport);
        ports.iter().fold(Answer::No, |found, port| found.or(port.judge(transport, number, backend)))
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
        let port = self.ports.as_ref().is_some_and(|ports| ports.iter().any(Port::speaks_of_dns));
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
    pub fn is_for_api_server(&self) -> bool {
        let own_port = |port: &Port| port.tcp && !port.udp && port.number == PortNumber::Range(API_SERVER, API_SERVER);
        let ports = self.ports.as_ref().is_some_and(|ports| ports.iter().all(own_port));
        let is_entity = |peer: &Peer| matches!(&peer.kind, PeerKind::Entity(name) if name == "kube-apiserver");
        ports || self.peers.as_ref().is_some_and(|peers| !peers.is_empty() && peers.iter().all(is_entity))
    }

    /// What does not match, the part to edit first.
    #[must_use]
    pub fn misses(&self, backend: &Backend, dialect: Dialect, world: &World) -> Vec<Miss> {
        let mut misses = Vec::new();
        if let Some(peers) = &self.peers {
            let judged: Vec<Answer> = peers.iter().map(|peer| peer.judge(backend, dialect, world)).collect();
            if judged.iter().all(|answer| *answer == Answer::No) {
                misses.extend(peers.iter().filter_map(|peer| peer.miss(backend, dialect, self.location)));
            }
        }
        if self.judge_ports(backend, Transport::Udp) == Answer::No {
            let ports = self.ports.iter().flatten();
            misses.extend(ports.filter_map(|port| port.miss(backend, self.location)));
        }
        misses.sort_by_key(|miss| miss.rank);
        misses
    }
}

impl Port {
    fn miss(&self, backend: &Backend, rule: Option<Location>) -> Option<Miss> {
        let location = self.location.or(rule)?;
        let number = backend.udp?;
        if !self.udp {
            let reason = if self.implied_protocol {
                "a port without `protocol` means TCP, and resolvers ask over UDP"
            } else {
                "it is open for TCP only, and resolvers ask over UDP"
            };
            let location = self.protocol_location.unwrap_or(location);
            // beside a UDP entry with the wrong number, the TCP entry is not the one to edit first
            return Some(Miss { location, reason: reason.to_owned(), rank: 3, soft: false, expected: None });
        }
        let reason = format!("the DNS pods listen on port {number}, and policies judge the port behind the Service");
        let single = matches!(self.number, PortNumber::Range(first, last) if first == last) && self.location.is_some();
        Some(Miss { location, reason, rank: 2, soft: false, expected: single.then(|| number.to_string()) })
    }
}

/// Words in label values that name the DNS of a cluster.
const DNS_WORDS: [&str; 6] =
    ["kube-dns", "coredns", "node-local-dns", "nodelocaldns", "node-local-dns-cache", "dns-default"];

impl Peer {
    fn judge(&self, backend: &Backend, dialect: Dialect, world: &World) -> Answer {
        match &self.kind {
            PeerKind::Unknown => Answer::Unknown,
            PeerKind::Nobody => Answer::No,
            PeerKind::Pods { pods, namespaces } => {
                let namespace = namespaces.judge(&backend.namespace_labels);
                let selected = pods.judge(&backend.pod_labels).and(namespace);
                // what a selector means for pods on the node's network is left to the implementation
                if backend.host_network { selected.and(Answer::Unknown) } else { selected }
            }
            PeerKind::Net { .. } if dialect == Dialect::Cilium => {
                // CIDR rules apply to what Cilium does not manage, never between its own pods
                if backend.host_network { Answer::Unknown } else { Answer::No }
            }
            PeerKind::Net { net, except } => world.judge_net(*net, except, backend),
            PeerKind::Entity(name) => match name.as_str() {
                "all" | "cluster" => Answer::Yes,
                _ if backend.host_network => Answer::Unknown,
                "world" | "world-ipv4" | "world-ipv6" | "host" | "remote-node" | "kube-apiserver" | "init"
                | "ingress" | "health" | "none" => Answer::No,
                _ => Answer::Unknown,
            },
            PeerKind::Service(namespace, name) => match &backend.service {
                Some(service) => Answer::of(service.namespace == *namespace && service.name == *name),
                None => Answer::Unknown,
            },
        }
    }

    fn judge_cache(&self, cache: &Cache, dialect: Dialect) -> Answer {
        match &self.kind {
            PeerKind::Net { net, except } => {
                let inside = |ip| net.contains(ip) && !except.iter().any(|e| e.contains(ip));
                let any = cache.addresses.iter().any(|address| inside(&address.value));
                // Cilium gives the node's own addresses the identity `host`, which no CIDR has by default
                if dialect == Dialect::Cilium && any { Answer::Unknown } else { Answer::of(any) }
            }
            PeerKind::Pods { pods, .. } => match dialect {
                Dialect::Kubernetes => Answer::No,
                Dialect::Cilium => {
                    let reserved = pods.leaves().iter().any(|leaf| leaf.key.starts_with("reserved"));
                    if reserved { Answer::Unknown } else { Answer::No }
                }
                // host endpoints have labels too
                Dialect::Calico => Answer::Unknown,
            },
            PeerKind::Entity(name) => match name.as_str() {
                "all" | "cluster" | "host" => Answer::Yes,
                _ => Answer::No,
            },
            PeerKind::Service(..) | PeerKind::Unknown => Answer::Unknown,
            PeerKind::Nobody => Answer::No,
        }
    }

    fn is_meant_for_dns(&self, backend: &Backend, dns_port: bool) -> bool {
        match &self.kind {
            PeerKind::Pods { pods, namespaces } => {
                let names = |test: &Test| match test {
                    Test::In(values) => values
                        .iter()
                        .any(|v| DNS_WORDS.iter().any(|word| v == word || v.ends_with(&format!("-{word}")))),
                    _ => false,
                };
                let by_label = pods.leaves().iter().any(|leaf| names(&leaf.test));
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
            PeerKind::Service(_, name) => DNS_WORDS.contains(&name.as_str()),
            PeerKind::Nobody | PeerKind::Unknown => false,
        }
    }

    fn miss(&self, backend: &Backend, dialect: Dialect, rule: Option<Location>) -> Option<Miss> {
        let soft = false;
        let or_here = |location: Option<Location>| location.or(self.location).or(rule);
        match &self.kind {
            PeerKind::Pods { pods, namespaces } => {
                if let Some(leaf) = pods.failing(&backend.pod_labels) {
                    let reason = format!("the pods of {} do not match `{}`", backend.name, leaf.text());
                    let single = matches!(&leaf.test, Test::In(values) if values.len() == 1) && leaf.location.is_some();
                    let expected = backend.pod_labels.known.get(&leaf.key).filter(|_| single).cloned();
                    return Some(Miss { location: or_here(leaf.location)?, reason, rank: 0, soft, expected });
                }
                if let Some(leaf) = namespaces.failing(&backend.namespace_labels) {
                    return Some(match leaf.location {
                        Some(location) => {
                            let reason =
                                format!("the namespace {} does not match `{}`", backend.namespace, leaf.text());
                            Miss { location, reason, rank: 0, soft, expected: None }
                        }
                        None => {
                            let own = match &leaf.test {
                                Test::In(values) => values.join(", "),
                                _ => String::new(),
                            };
                            let reason = format!(
                                "without a namespace it selects pods of {own}, and cluster DNS runs in {}",
                                backend.namespace
                            );
                            let place = pods.leaves().first().and_then(|first| first.location);
                            Miss { location: or_here(place)?, reason, rank: 1, soft, expected: None }
                        }
                    });
                }
                let reason = format!("it does not select the pods of {}", backend.name);
                Some(Miss { location: or_here(None)?, reason, rank: 1, soft, expected: None })
            }
            PeerKind::Net { net, .. } => {
                let addresses = backend.service.as_ref().map(|s| s.addresses.as_slice()).unwrap_or_default();
                let of_service = addresses.iter().find(|ip| net.contains(*ip));
                let (reason, soft) = match of_service {
                    _ if dialect == Dialect::Cilium => (
                        format!("{net} does not match the DNS pods: Cilium knows its pods by labels, never by address"),
                        false,
                    ),
                    Some(ip) => {
                        (format!("{ip} is the Service address, and most plugins judge the pods behind it"), true)
                    }
                    None => (format!("{net} does not hold the addresses of the DNS pods"), false),
                };
                Some(Miss { location: or_here(None)?, reason, rank: 2, soft, expected: None })
            }
            PeerKind::Service(namespace, name) => {
                let reason = format!("{namespace}/{name} is not the Service of cluster DNS");
                Some(Miss { location: or_here(None)?, reason, rank: 0, soft, expected: None })
            }
            PeerKind::Entity(name) => {
                let reason = format!("the entity `{name}` does not include the pods of {}", backend.name);
                Some(Miss { location: or_here(None)?, reason, rank: 2, soft, expected: None })
            }
            PeerKind::Nobody | PeerKind::Unknown => None,
        }
    }
}
