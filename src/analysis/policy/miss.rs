//! What keeps a rule that was meant for DNS from matching it, and the value that would.

use super::backend::Backend;
use super::destination::World;
use super::labels::Labels;
use super::rule::{Dialect, Peer, PeerKind, Port, PortNumber, Rule};
use super::selector::{Answer, Leaf, Test};
use crate::analysis::transport::Transport;
use crate::source::Location;

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
    /// The value that would match, where one value at the place is all that is wrong with the part.
    pub expected: Option<String>,
}

/// Pods that a selector should take in, and how reasons speak of them.
pub struct Wanted<'a> {
    /// Their labels.
    pub pods: &'a Labels,
    /// Labels of their namespace.
    pub namespace: &'a Labels,
    /// `the pods of shop/web`.
    pub called: String,
    /// The name of their namespace.
    pub within: &'a str,
    /// What they are: `cluster DNS`.
    pub what: &'a str,
}

impl<'a> Wanted<'a> {
    /// The DNS pods.
    #[must_use]
    pub fn backend(backend: &'a Backend) -> Self {
        Self {
            pods: &backend.pod_labels,
            namespace: &backend.namespace_labels,
            called: format!("the pods of {}", backend.name),
            within: &backend.namespace,
            what: "cluster DNS",
        }
    }
}

impl Rule {
    /// What does not match the DNS pods, the part to edit first.
    #[must_use]
    pub fn misses(&self, backend: &Backend, dialect: Dialect, world: &World) -> Vec<Miss> {
        let peers = self.peer_misses(backend, dialect, world);
        let ports = self.port_misses(backend, Transport::Udp);
        let mut misses: Vec<Miss> = peers.into_iter().chain(ports).flatten().collect();
        misses.sort_by_key(|miss| miss.rank);
        misses
    }

    /// What the destinations lack; `None` where one of them may take in the backend's pods.
    fn peer_misses(&self, backend: &Backend, dialect: Dialect, world: &World) -> Option<Vec<Miss>> {
        let misses = || self.peers.iter().flatten().filter_map(|peer| peer.miss(backend, dialect, self.location));
        let none_fits = self.any_peer(|peer| peer.judge(backend, dialect, world)) == Answer::No;
        none_fits.then(|| misses().collect())
    }

    /// The ports that a transport lacks; `None` where one of them may cover the backend's.
    fn port_misses(&self, backend: &Backend, transport: Transport) -> Option<Vec<Miss>> {
        let misses = || self.ports.iter().flatten().filter_map(|port| port.miss(backend, transport, self.location));
        (self.judge_ports(backend, transport) == Answer::No).then(|| misses().collect())
    }

    /// Places with the value that, written there, makes the rule let a transport through.
    #[must_use]
    pub fn repairs(
        &self,
        backend: &Backend,
        transport: Transport,
        dialect: Dialect,
        world: &World,
    ) -> Vec<(Location, String)> {
        let misses = match (self.peer_misses(backend, dialect, world), self.port_misses(backend, transport)) {
            (Some(misses), None) | (None, Some(misses)) => misses,
            _ => Vec::new(),
        };
        misses.into_iter().filter_map(|miss| Some((miss.location, miss.expected?))).collect()
    }

    /// Why questions of some pods do not match a rule that lets questions in.
    #[must_use]
    pub fn keeps_out(&self, client: &Wanted<'_>, backend: &Backend) -> Option<Miss> {
        let ports = self.port_misses(backend, Transport::Udp).into_iter().flatten();
        let refuses = |peer: &&Peer| peer.admits(client.pods, client.namespace) == Answer::No;
        let all = self.any_peer(|peer| peer.admits(client.pods, client.namespace)) == Answer::No;
        let peers = self.peers.iter().flatten().filter(refuses).filter(|_| all);
        let mut misses: Vec<Miss> =
            peers.filter_map(|peer| peer.pods_miss(client, self.location)).chain(ports).collect();
        misses.sort_by_key(|miss| miss.rank);
        misses.into_iter().next()
    }
}

impl Port {
    fn miss(&self, backend: &Backend, transport: Transport, rule: Option<Location>) -> Option<Miss> {
        let location = self.location.or(rule)?;
        let number = backend.port(transport)?;
        let miss =
            |location, reason: String, rank, expected| Some(Miss { location, reason, rank, soft: false, expected });
        if !self.covers(transport) {
            let reason = match transport {
                Transport::Udp if self.implied_protocol => {
                    "a port without `protocol` means TCP, and resolvers ask over UDP"
                }
                Transport::Udp => "it is open for TCP only, and resolvers ask over UDP",
                Transport::Tcp => "it is not open for TCP, over which resolvers ask again where an answer is too long",
            };
            // beside a UDP entry with the wrong number, the TCP entry is not the one to edit first
            return miss(self.protocol_location.unwrap_or(location), reason.to_owned(), 3, None);
        }
        let reason = format!("the DNS pods listen on port {number}, and policies judge the port behind the Service");
        let single = matches!(self.number, PortNumber::Range(first, last) if first == last) && self.location.is_some();
        miss(location, reason, 2, single.then(|| number.to_string()))
    }
}

impl Peer {
    fn miss(&self, backend: &Backend, dialect: Dialect, rule: Option<Location>) -> Option<Miss> {
        let hard = |reason: String, rank| {
            Some(Miss { location: self.location.or(rule)?, reason, rank, soft: false, expected: None })
        };
        match &self.kind {
            PeerKind::Pods { .. } => {
                let miss = self.pods_miss(&Wanted::backend(backend), rule)?;
                // a selector of Calico is one text, in which a value is not all that stands at its place
                Some(Miss { expected: miss.expected.filter(|_| dialect != Dialect::Calico), ..miss })
            }
            PeerKind::Net { net, .. } => {
                let addresses = backend.service.as_ref().map(|s| s.addresses.as_slice()).unwrap_or_default();
                let of_service = addresses.iter().find(|ip| net.contains(*ip));
                match of_service {
                    _ if dialect == Dialect::Cilium => hard(
                        format!("{net} does not match the DNS pods: Cilium knows its pods by labels, never by address"),
                        2,
                    ),
                    Some(ip) => {
                        let reason = format!("{ip} is the Service address, and most plugins judge the pods behind it");
                        Some(Miss { soft: true, ..hard(reason, 2)? })
                    }
                    None => hard(format!("{net} does not hold the addresses of the DNS pods"), 2),
                }
            }
            PeerKind::Service(namespace, name) => {
                hard(format!("{namespace}/{name} is not the Service of cluster DNS"), 0)
            }
            PeerKind::Entity(name) => {
                hard(format!("the entity `{name}` does not include the pods of {}", backend.name), 2)
            }
            PeerKind::Nobody | PeerKind::Unknown => None,
        }
    }

    /// Why a selector does not take in the pods that it should.
    fn pods_miss(&self, wanted: &Wanted<'_>, rule: Option<Location>) -> Option<Miss> {
        let PeerKind::Pods { pods, namespaces } = &self.kind else { return None };
        let or_here = |location: Option<Location>| location.or(self.location).or(rule);
        let miss = |location, reason, rank, expected| Some(Miss { location, reason, rank, soft: false, expected });
        if let Some(leaf) = pods.failing(wanted.pods) {
            let reason = format!("{} do not match `{}`", wanted.called, leaf.text());
            // the value is all that is wrong
            let failing = pods.leaves().into_iter().filter(|other| other.judge(wanted.pods) == Answer::No).count();
            let alone = failing == 1 && namespaces.judge(wanted.namespace) != Answer::No;
            let expected = leaf.location.and(right_value(leaf, wanted.pods)).filter(|_| alone);
            return miss(or_here(leaf.location)?, reason, 0, expected);
        }
        let Some(leaf) = namespaces.failing(wanted.namespace) else {
            return miss(or_here(None)?, format!("it does not select {}", wanted.called), 1, None);
        };
        if let Some(location) = leaf.location {
            return miss(
                location,
                format!("the namespace {} does not match `{}`", wanted.within, leaf.text()),
                0,
                None,
            );
        }
        let own = match &leaf.test {
            Test::In(values) => values.join(", "),
            _ => String::new(),
        };
        let (what, within) = (wanted.what, wanted.within);
        let reason =
            format!("a selector that names no namespace is for pods of {own} alone, and {what} runs in {within}");
        let place = pods.leaves().first().and_then(|first| first.location);
        miss(or_here(place)?, reason, 1, None)
    }
}

/// The value of the label that a requirement with one value asks for.
fn right_value(leaf: &Leaf, labels: &Labels) -> Option<String> {
    let single = matches!(&leaf.test, Test::In(values) if values.len() == 1);
    labels.known.get(&leaf.key).filter(|_| single).cloned()
}
