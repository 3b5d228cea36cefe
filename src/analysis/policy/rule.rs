//! Policies of every kind in one form, and whether a rule of theirs lets a packet through.

use super::backend::Backend;
use super::destination::{Cache, World};
use super::labels::Labels;
use super::scope::Scope;
use super::selector::{Answer, Expr};
use crate::analysis::transport::Transport;
use crate::model::value::Value;
use crate::source::{Located, Location};
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

/// The entries of a list of a policy; an empty one is as good as none, also where its presence would have a meaning
/// (`SetDefaults_NetworkPolicy` in pkg/apis/networking/v1 of Kubernetes; Calico fills in `types` alike).
#[must_use]
pub fn entries<'v>(value: &'v Value, key: &str) -> Option<&'v [Located<Value>]> {
    value.get(key).map(|list| list.value.items()).filter(|items| !items.is_empty())
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
    /// Where its manifest names no namespace: with what it is applied.
    pub scope: Scope,
    /// Labels of the pods that it applies to.
    pub pods: Expr,
    /// Labels of their namespaces.
    pub namespaces: Expr,
    /// What no rule allows to leave these pods is dropped.
    pub isolates: bool,
    /// Egress rules.
    pub rules: Vec<Rule>,
    /// Where what no rule allows to reach these pods is dropped.
    pub ingress: Option<Ingress>,
    /// Where `egress` stands, or what makes the policy apply to egress.
    pub place: Location,
}

/// What may reach the pods of a policy.
#[derive(Clone, Debug)]
pub struct Ingress {
    /// Its rules, with the sources as peers.
    pub rules: Vec<Rule>,
    /// Where `ingress` stands, or what makes the policy apply to it.
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

impl PeerKind {
    /// A block without others inside it; unknown where one of them could not be read.
    pub fn block(net: Option<IpNet>, except: impl IntoIterator<Item = Option<IpNet>>) -> Self {
        let except: Option<Vec<IpNet>> = except.into_iter().collect();
        net.zip(except).map_or(Self::Unknown, |(net, except)| Self::Net { net, except })
    }
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

impl Policy {
    /// Whether it applies to pods with these labels, in a namespace with these, that are applied in this scope.
    #[must_use]
    pub fn applies(&self, pods: &Labels, namespace: &Labels, scope: &Scope) -> Answer {
        let applied_together = self.namespace.is_none() || self.scope == *scope;
        let certain = if applied_together { Answer::Yes } else { Answer::Unknown };
        self.namespaces.judge(namespace).and(self.pods.judge(pods)).and(certain)
    }
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
}

impl Rule {
    /// Whether packets to the port of the backend match.
    #[must_use]
    pub fn judge(&self, backend: &Backend, transport: Transport, dialect: Dialect, world: &World) -> Answer {
        let peers = self.any_peer(|peer| peer.judge(backend, dialect, world));
        self.bounded(peers.and(self.judge_ports(backend, transport)))
    }

    /// Whether questions from pods with these labels to the DNS pods match, for a rule about what may come in.
    #[must_use]
    pub fn admits(&self, pods: &Labels, namespace: &Labels, backend: &Backend) -> Answer {
        let peers = self.any_peer(|peer| peer.admits(pods, namespace));
        self.bounded(peers.and(self.judge_ports(backend, Transport::Udp)))
    }

    /// Whether packets to the node cache match.
    #[must_use]
    pub fn judge_cache(&self, cache: &Cache, dialect: Dialect) -> Answer {
        let peers = self.any_peer(|peer| peer.judge_cache(cache, dialect));
        let port = |p: &Port| match &p.number {
            _ if !p.udp => Answer::No,
            PortNumber::Any => Answer::Yes,
            PortNumber::Range(first, last) => Answer::of(*first <= 53 && 53 <= *last),
            PortNumber::Named(_) => Answer::Unknown,
        };
        let ports = self.ports.as_ref().map_or(Answer::Yes, |all| all.iter().map(port).fold(Answer::No, Answer::or));
        self.bounded(peers.and(ports))
    }

    /// A condition that is not read can only take packets away.
    fn bounded(&self, answer: Answer) -> Answer {
        if self.opaque { answer.and(Answer::Unknown) } else { answer }
    }

    /// Whether some peer fits; a rule without peers is for any.
    pub(super) fn any_peer(&self, fits: impl Fn(&Peer) -> Answer) -> Answer {
        let Some(peers) = &self.peers else { return Answer::Yes };
        peers.iter().fold(Answer::No, |found, peer| found.or(fits(peer)))
    }

    /// Whether the ports of the rule cover the backend's.
    pub(super) fn judge_ports(&self, backend: &Backend, transport: Transport) -> Answer {
        let Some(ports) = &self.ports else { return Answer::Yes };
        let number = backend.port(transport);
        ports.iter().fold(Answer::No, |found, port| found.or(port.judge(transport, number, backend)))
    }
}

impl Peer {
    /// Whether it is a source that takes in pods with these labels.
    pub(super) fn admits(&self, labels: &Labels, namespace: &Labels) -> Answer {
        match &self.kind {
            PeerKind::Pods { pods, namespaces } => pods.judge(labels).and(namespaces.judge(namespace)),
            PeerKind::Net { net, except } if net.prefix_len() == 0 && except.is_empty() => Answer::Yes,
            // the addresses of pods are not known
            _ => Answer::Unknown,
        }
    }

    /// Whether it is a destination that takes in the backend's pods.
    pub(super) fn judge(&self, backend: &Backend, dialect: Dialect, world: &World) -> Answer {
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
            PeerKind::Net { net, except } => world.nets.judge(*net, except, backend),
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
}
