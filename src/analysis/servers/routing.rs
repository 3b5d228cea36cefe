//! The graph of DNS servers: where a query for a name goes from each block, and the cycles in it.
//!
//! A vertex is a server block (of one server, on one node), a resolver on a node (dnsmasq, systemd-resolved), or another
//! resolver in a pod (Pi-hole, unbound). An edge is an upstream that lands on another vertex for a given name. Names are
//! taken one representative per zone that any block, forward or conditional rule mentions, because within such a class
//! all names take the same way.

mod cycles;
mod doors;
mod hops;
mod land;
mod probe;
mod reach;
mod steps;

pub use super::local_resolver::LocalResolver;
pub use cycles::{Cause, Hop, Loop};
pub use doors::{Door, Route, Sender, Taker};
pub use probe::Notice;
pub use reach::Sent;

use super::read::{Block, Upstream, in_zone, named_zones, zone_of};
use super::rewriting::{Names, Rule};
use super::select::{Socket, connected, takes_every_address};
use super::upstream_files::MountedFile;
use crate::analysis::coredns::Role;
use crate::model::dns_server::ServerKind;
use crate::model::pod::PodSpec;
use crate::source::{Located, Location};
use crate::syntax::corefile::Directive;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A DNS server as the graph sees it.
#[derive(Clone, Debug)]
pub struct Vertex<'a> {
    /// The program.
    pub kind: ServerKind,
    /// Its name, for labels.
    pub name: String,
    /// Its blocks.
    pub blocks: Vec<Block<'a>>,
    /// What decides its own /etc/resolv.conf.
    pub dns: OwnDns,
    /// ClusterIPs, external and load balancer addresses of the Services in front of it.
    pub service_addresses: Vec<Located<IpAddr>>,
    /// Every address and port outside its pods that leads to them.
    pub entrances: Vec<Entrance>,
    /// Addresses that it creates on every node (node cache).
    pub local_ips: Vec<Located<IpAddr>>,
    /// What node-cache puts for `__PILLAR__CLUSTER__DNS__`: the ClusterIP of its upstream Service.
    pub cluster_dns_pillar: Option<Located<IpAddr>>,
    /// `upstreamNameservers` of the kube-dns ConfigMap, which a node cache uses in place of its /etc/resolv.conf.
    pub upstream_nameservers: Vec<Located<String>>,
    /// Files in its container that its forwards name, by their path there, where a volume holds them.
    pub files: BTreeMap<String, MountedFile>,
    /// Why it does not start with its Corefile, or does not serve it.
    pub refused: Option<Located<String>>,
    /// Which nodes it runs on.
    pub placement: Placement,
}

/// What decides the nameservers in the /etc/resolv.conf of a server's own pods.
#[derive(Clone, Debug, Default)]
pub struct OwnDns {
    /// They run in the node's network namespace.
    pub host_network: bool,
    /// `Default`, `ClusterFirst`, …
    pub policy: String,
    /// The kubelet gives them the cluster DNS as nameserver.
    pub asks_cluster_dns: bool,
    /// Where the policy is written.
    pub policy_location: Option<Location>,
    /// Nameservers of `dnsConfig`, which come behind those of the policy.
    pub nameservers: Vec<Located<String>>,
}

impl OwnDns {
    /// What a pod says of itself.
    #[must_use]
    pub fn of(pod: &PodSpec) -> Self {
        let config = pod.dns_config.as_ref();
        Self {
            host_network: pod.uses_host_network(),
            policy: pod.policy().to_owned(),
            asks_cluster_dns: pod.asks_cluster_dns(),
            policy_location: pod.dns_policy.as_ref().and_then(Located::location),
            nameservers: config.map(|config| config.value.nameservers.clone()).unwrap_or_default(),
        }
    }
}

/// Which nodes the pods of a server run on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Any of them, as the scheduler decides.
    #[default]
    Any,
    /// Every one (DaemonSet).
    Every,
    /// One, by name.
    Node(String),
}

/// An address and port that lead to a server's pods: of a Service, or a port of the nodes.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// The address; `None` stands for the addresses of every node.
    pub ip: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// The port of the pods behind it; `None` where the snapshot does not tell.
    pub pod_port: Option<u16>,
    /// Where it is written.
    pub location: Option<Location>,
    /// What it is: `the Service`, `a hostPort`.
    pub what: &'static str,
    /// It is there only on nodes that run one of the pods.
    pub beside_pods: bool,
}

/// Another resolver in pods of the cluster.
#[derive(Clone, Debug)]
pub struct PodResolver {
    /// `namespace/name` of its workload.
    pub name: String,
    /// Index of the workload in [`Objects::workloads`](crate::model::manifests::Objects::workloads).
    pub workload: usize,
    /// What decides its own /etc/resolv.conf.
    pub dns: OwnDns,
    /// What it listens on and whom it asks.
    pub resolver: LocalResolver,
    /// Addresses that lead to it.
    pub entrances: Vec<Entrance>,
    /// Which nodes it runs on.
    pub placement: Placement,
}

impl PodResolver {
    /// The entrances that lead to its port, and not to another program of its pod.
    pub fn own_entrances(&self) -> impl Iterator<Item = &Entrance> {
        self.entrances.iter().filter(|entrance| entrance.pod_port.is_none_or(|port| port == self.resolver.port))
    }
}

/// A CiliumLocalRedirectPolicy: queries to an address are answered by pods on the sender's node.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// `namespace/name`.
    pub name: String,
    /// Addresses that it takes over.
    pub addresses: Vec<IpAddr>,
    /// Index of the server that gets the queries.
    pub server: usize,
    /// The port of the server's pods, where the policy says it.
    pub port: Option<u16>,
    /// Queries of the server itself go to the address as if the policy were not there.
    pub skips_backend: bool,
    /// The policy.
    pub location: Location,
}

/// A node as the graph sees it.
#[derive(Clone, Debug, Default)]
pub struct NodeSite {
    /// Its name.
    pub name: String,
    /// Its own addresses.
    pub addresses: Vec<IpAddr>,
    /// Nameservers that `Default` pods get, and why.
    pub host_nameservers: Option<Vec<Located<String>>>,
    /// Labels that explain why pods get that file (the kubelet's setting).
    pub host_reasons: Vec<(Location, String)>,
    /// Nameservers that `ClusterFirst` pods get.
    pub cluster_dns: Vec<Located<IpAddr>>,
    /// Nameservers in files of the node that servers mount, by path.
    pub files: BTreeMap<String, Vec<Located<String>>>,
    /// Resolvers that run on the node.
    pub locals: Vec<LocalResolver>,
    /// Whether k3s puts the ports of LoadBalancer Services on the nodes; `None` where the node does not decide it.
    pub servicelb: Option<bool>,
}

/// The whole graph.
#[derive(Clone, Debug, Default)]
pub struct Graph<'a> {
    /// Servers with a Corefile; the indexes are those of the cluster's DNS servers.
    pub servers: Vec<Vertex<'a>>,
    /// Nodes; one with nothing known where the snapshot has none.
    pub nodes: Vec<NodeSite>,
    /// Other resolvers in pods.
    pub pods: Vec<PodResolver>,
    /// Redirect policies.
    pub redirects: Vec<Redirect>,
    /// Service addresses are translated before a node cache on the same address sees the query (IPVS, eBPF).
    pub services_first: bool,
    /// Addresses of the nodes, with the index of those in [`nodes`](Self::nodes).
    pub node_addresses: BTreeMap<IpAddr, Option<usize>>,
}

/// A vertex: what takes a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// A block of a server.
    Block {
        /// Index in [`Graph::servers`].
        server: usize,
        /// Index in [`Vertex::blocks`].
        block: usize,
    },
    /// A resolver on a node.
    Local {
        /// Index in [`Graph::nodes`].
        node: usize,
        /// Index in [`NodeSite::locals`].
        index: usize,
    },
    /// Another resolver in a pod.
    Pod {
        /// Index in [`Graph::pods`].
        index: usize,
    },
}

/// Where a query is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The destination, as [`connected`] gives it.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// Over TLS, HTTPS or QUIC.
    pub encrypted: bool,
}

impl Target {
    /// Plain DNS to an address and port.
    #[must_use]
    pub fn plain(ip: IpAddr, port: u16) -> Self {
        Self { ip: connected(ip), port, encrypted: false }
    }

    /// The address of an upstream word.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match Upstream::parse(text) {
            Upstream::Address { ip, port, encrypted } => Some(Self { ip: connected(ip), port, encrypted }),
            _ => None,
        }
    }
}

/// A class of names that all take the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Class {
    /// The zone; a single name where only that name is special.
    zone: String,
    /// A name of the class that no zone data has.
    name: String,
}

impl Graph<'_> {
    /// A resolver without a Corefile and the name of its pod or program; `None` for server blocks.
    #[must_use]
    pub fn resolver(&self, site: Site) -> Option<(&LocalResolver, &str)> {
        match site {
            Site::Block { .. } => None,
            Site::Local { node, index } => {
                let local = self.nodes.get(node)?.locals.get(index)?;
                Some((local, local.program.as_str()))
            }
            Site::Pod { index } => self.pods.get(index).map(|pod| (&pod.resolver, pod.name.as_str())),
        }
    }

    /// The classes of names, sorted by zone: one for each zone that anything mentions.
    fn classes(&self) -> Vec<Class> {
        // names that nothing mentions are asked for, too
        let mut zones: BTreeSet<String> = BTreeSet::from([".".to_owned()]);
        let mut names: BTreeSet<String> = BTreeSet::new();
        for block in self.servers.iter().flat_map(|v| &v.blocks) {
            zones.extend(block.zones.iter().map(|z| z.value.clone()));
            zones.extend(block.forwards.iter().flat_map(|f| std::iter::once(&f.from).chain(&f.except)).cloned());
            for directive in &block.syntax.directives {
                let fallthrough = directive.properties_named("fallthrough").flat_map(|p| p.arg_texts()).map(zone_of);
                zones.extend(fallthrough);
                match directive.name.as_str() {
                    "rewrite" => rewritten_names(directive, &mut zones, &mut names),
                    "hosts" | "template" => zones.extend(named_zones(directive)),
                    plugin if Role::of(plugin) == Role::Authoritative => zones.extend(named_zones(directive)),
                    _ => {}
                }
            }
        }
        let locals = self.nodes.iter().flat_map(|n| &n.locals).chain(self.pods.iter().map(|p| &p.resolver));
        zones.extend(locals.flat_map(LocalResolver::zones).cloned());
        let itself = |name: String| Class { zone: name.clone(), name };
        zones.into_iter().map(below).chain(names.into_iter().map(itself)).collect()
    }

    /// The blocks of a server that take `name` on some listener of theirs.
    fn starts(&self, server: usize, name: &str) -> BTreeSet<usize> {
        let mut best: BTreeMap<(Socket, &str), (usize, usize)> = BTreeMap::new();
        let Some(vertex) = self.servers.get(server) else { return BTreeSet::new() };
        for (index, block) in vertex.blocks.iter().enumerate() {
            let everywhere = [""];
            let words: Vec<&str> = if takes_every_address(block) {
                everywhere.to_vec()
            } else {
                block.bind.iter().map(|word| word.value.as_str()).collect()
            };
            for (zone, socket) in block.zones.iter().zip(&block.sockets) {
                if !in_zone(name, &zone.value) {
                    continue;
                }
                for word in &words {
                    let known = best.entry((*socket, word)).or_insert((zone.value.len(), index));
                    if zone.value.len() > known.0 {
                        *known = (zone.value.len(), index);
                    }
                }
            }
        }
        best.into_values().map(|(_, index)| index).collect()
    }
}

/// The class of names in a zone that nothing mentions.
fn below(zone: String) -> Class {
    let name =
        if zone == "." { EXAMPLE_NAME.to_owned() } else { format!("dnslint-example.{}", zone.to_ascii_lowercase()) };
    Class { zone, name }
}

/// The name that stands for all that nothing mentions.
const EXAMPLE_NAME: &str = "www.dnslint-example.";

/// The zones and single names that a `rewrite name` rule speaks of.
fn rewritten_names(directive: &Directive, zones: &mut BTreeSet<String>, names: &mut BTreeSet<String>) {
    match Rule::read(directive).names() {
        Some(Names::Suffixes(suffixes)) => zones.extend(suffixes.map(|suffix| zone_of(suffix.trim_start_matches('.')))),
        Some(Names::Single(single)) => names.extend(single.map(zone_of)),
        None => {}
    }
}
