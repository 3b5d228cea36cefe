//! What one policy says about DNS.

use super::backend::Backend;
use super::destination::World;
use super::miss::Miss;
use super::nets::is_internet;
use super::rule::{Action, Dialect, Peer, PeerKind, Policy, Rule};
use super::selector::Answer;
use crate::analysis::transport::Transport;
use crate::source::{Located, Location};

/// What the rules of one policy say about DNS, whoever its pods are.
#[derive(Clone, Debug)]
pub struct Judged {
    /// They let questions through to the DNS pods.
    pub allows: Answer,
    /// They forbid them.
    pub denies: Answer,
    /// They let questions through to the node cache.
    pub allows_cache: Answer,
    /// That depends on the addresses of pods, which are taken to be private.
    pub private: bool,
    /// They allow something beside what the API server gets.
    pub allows_something: bool,
    /// What does not match of the rules that were meant for DNS, the part to edit first.
    pub misses: Vec<Miss>,
    /// The expected value of the first miss at every place to write it, where that lets both transports through.
    pub repair: Vec<Located<String>>,
    /// A name of `toFQDNs`.
    pub fqdn: Option<Located<String>>,
    /// The rule that allows DNS.
    pub allowing: Option<Location>,
}

impl Judged {
    /// Judges the egress rules of a policy.
    #[must_use]
    pub fn of(policy: &Policy, world: &World) -> Self {
        // the egress rules of a Kubernetes policy that is not about egress are ignored
        let in_force = policy.isolates || policy.dialect != Dialect::Kubernetes;
        let rules = if in_force { policy.rules.as_slice() } else { &[] };
        let reaches = |rule: &Rule| {
            let judged = world.backends.iter().map(|b| rule.judge(b, Transport::Udp, policy.dialect, world));
            judged.fold(Answer::No, Answer::or)
        };
        let any = |action: Action, test: &dyn Fn(&Rule) -> Answer| {
            rules.iter().filter(|rule| rule.action == action).fold(Answer::No, |found, rule| found.or(test(rule)))
        };
        let cache = |rule: &Rule| world.cache.as_ref().map_or(Answer::Unknown, |c| rule.judge_cache(c, policy.dialect));
        let allowing: Vec<&Rule> = rules.iter().filter(|rule| rule.action == Action::Allow).collect();
        let misses = misses(&allowing, policy.dialect, world);
        let name_of = |rule: &&Rule| {
            let (name, place) = rule.fqdn.as_ref()?;
            Some(Located::from_origins(name.clone(), place.iter().copied().collect()))
        };
        Self {
            allows: any(Action::Allow, &reaches),
            denies: any(Action::Deny, &reaches),
            allows_cache: any(Action::Allow, &cache),
            // Cilium never knows its pods by address
            private: policy.dialect != Dialect::Cilium && allowing.iter().any(|rule| leans_on_private(rule, world)),
            allows_something: allowing.iter().any(|rule| !rule.is_for_api_server(&world.api_ports)),
            repair: misses.first().map(|miss| repair(miss, &allowing, policy.dialect, world)).unwrap_or_default(),
            misses,
            fqdn: allowing.iter().find_map(name_of),
            allowing: allowing.iter().find(|rule| reaches(rule) == Answer::Yes).and_then(|rule| first_place(rule)),
        }
    }

    /// A rule was evidently meant to allow DNS, and does not.
    #[must_use]
    pub const fn intended(&self) -> bool {
        !self.misses.is_empty()
    }
}

/// Whether a rule lets pods into the internet, and to the DNS pods only if these have addresses that are not private.
fn leans_on_private(rule: &Rule, world: &World) -> bool {
    let internet = |peer: &Peer| matches!(&peer.kind, PeerKind::Net { net, except } if is_internet(*net, except));
    let of = |backend: &Backend| {
        world.nets.may_be_private(backend) && rule.judge_ports(backend, Transport::Udp) != Answer::No
    };
    rule.peers.iter().flatten().any(internet) && world.backends.iter().any(of)
}

fn misses(rules: &[&Rule], dialect: Dialect, world: &World) -> Vec<Miss> {
    let Some(backend) = world.backends.first() else { return Vec::new() };
    let meant = rules.iter().filter(|rule| rule.is_meant_for_dns(backend));
    let mut misses: Vec<Miss> = meant.flat_map(|rule| rule.misses(backend, dialect, world)).collect();
    misses.sort_by_key(|miss| miss.rank);
    misses
}

/// Where to write the expected value of a miss, so that UDP passes, and TCP where nothing lets it through: of several
/// entries or rules that have the same wrong value, all. Nothing, where that is not all that they lack.
fn repair(miss: &Miss, rules: &[&Rule], dialect: Dialect, world: &World) -> Vec<Located<String>> {
    let (Some(backend), Some(expected)) = (world.backends.first(), &miss.expected) else { return Vec::new() };
    let places = |transport| -> Vec<Location> {
        let all = rules.iter().flat_map(|rule| rule.repairs(backend, transport, dialect, world));
        all.filter(|(_, value)| value == expected).map(|(place, _)| place).collect()
    };
    if !places(Transport::Udp).contains(&miss.location) {
        return Vec::new();
    }
    let open = rules.iter().any(|rule| rule.judge(backend, Transport::Tcp, dialect, world) != Answer::No);
    let over_tcp = if open { Vec::new() } else { places(Transport::Tcp) };
    if !open && over_tcp.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<Location> = over_tcp;
    all.push(miss.location);
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(|place| Located::at(expected.clone(), place)).collect()
}

/// A short place for a rule: its first destination's requirement, else its first port.
fn first_place(rule: &Rule) -> Option<Location> {
    let of_peer = |peer: &Peer| match &peer.kind {
        PeerKind::Pods { pods, namespaces } => {
            let leaves = pods.leaves().into_iter().chain(namespaces.leaves());
            leaves.filter_map(|leaf| leaf.location).next()
        }
        _ => peer.location,
    };
    let peers = rule.peers.iter().flatten().find_map(of_peer);
    peers.or_else(|| rule.ports.iter().flatten().find_map(|port| port.location)).or(rule.location)
}
