//! Builds the map: groups of nodes, every step from every vertex for every zone, then what can be folded.

mod finish;

use super::clients::{self, Client};
use super::groups::{Group, groups, signature};
use super::loops::cycles;
use super::{Kind, MAX_BLOCKS, MAX_OF_KIND, MAX_ZONES, Topology, TopologyOptions, Transport, Vertex, vertices};
use crate::analysis::facts::{Facts, ProxyMode};
use crate::analysis::node_dns::{self, NodeDns};
use crate::analysis::servers::routing::{Graph, Sent, Site};
use crate::model::Cluster;
use crate::source::Snapshot;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Places that the queries of one zone may visit.
const MAX_PLACES: usize = 2000;

/// Everything that the map is made from.
pub struct Input<'i> {
    /// The files.
    pub snapshot: &'i Snapshot,
    /// The cluster.
    pub cluster: &'i Cluster,
    /// What is known of it as a whole.
    pub facts: &'i Facts,
    /// Settings of its nodes.
    pub nodes: &'i [NodeDns],
    /// Servers and nodes.
    pub graph: &'i Graph<'i>,
    /// Nodes by the ways they give.
    pub groups: Vec<Group>,
}

/// What makes two steps one edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EdgeKey {
    /// Index of the vertex that asks.
    pub from: usize,
    /// Its block.
    pub block: Option<usize>,
    /// Index of the vertex that is asked.
    pub to: usize,
    /// How.
    pub transport: Transport,
    /// Through which Service.
    pub service: Option<String>,
}

/// What an edge carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Addresses, in the order in which they are written.
    pub addresses: Vec<String>,
    /// Zones, each with the groups of nodes on which it goes this way.
    pub zones: BTreeMap<String, BTreeSet<usize>>,
}

/// What makes a vertex one of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Server(usize),
    Local(String),
    Pod(usize),
    Elsewhere(Kind, String, Vec<String>),
}

/// The map of a cluster.
#[must_use]
pub fn of(snapshot: &Snapshot, cluster: &Cluster, options: &TopologyOptions) -> Topology {
    let nodes = node_dns::all(snapshot, cluster, options.kubernetes.as_deref());
    let facts = Facts::of(cluster);
    let sites = node_dns::sites(snapshot, cluster, &nodes);
    let graph = Graph::of(cluster, &facts, sites);
    let groups = groups(&graph, &nodes, options.node.as_deref());
    let input = Input { snapshot, cluster, facts: &facts, nodes: &nodes, graph: &graph, groups };
    let zones = match &options.zone {
        Some(zone) => vec![Graph::zone(zone)],
        None => graph.zones(),
    };
    let mut builder = Builder::new(&input, zones);
    builder.clients(clients::all(&input));
    builder.ways();
    builder.finish(options.zone.is_some())
}

/// A place that a query visits: the site, and the name as it is there.
type Place = (Site, String);

struct Builder<'b, 'i> {
    input: &'b Input<'i>,
    zones: Vec<(String, String)>,
    vertices: Vec<Vertex>,
    known: BTreeMap<Key, usize>,
    edges: BTreeMap<EdgeKey, Carried>,
    /// Sets of edges on which queries go round, with the zones.
    rounds: BTreeMap<BTreeSet<EdgeKey>, BTreeSet<String>>,
    left_out: BTreeMap<&'static str, BTreeSet<Key>>,
    left_out_zones: usize,
    left_out_pods: usize,
    dnat: bool,
}

impl<'b, 'i> Builder<'b, 'i> {
    fn new(input: &'b Input<'i>, mut zones: Vec<(String, String)>) -> Self {
        let left_out_zones = zones.len().saturating_sub(MAX_ZONES);
        zones.truncate(MAX_ZONES);
        Self {
            input,
            zones,
            vertices: Vec::new(),
            known: BTreeMap::new(),
            edges: BTreeMap::new(),
            rounds: BTreeMap::new(),
            left_out: BTreeMap::new(),
            left_out_zones,
            left_out_pods: 0,
            dnat: input.facts.proxy.as_ref().is_none_or(|p| p.value != ProxyMode::Replaced),
        }
    }

    /// The vertex of that key, made where it is new; `None` where there is no room for another of its kind.
    fn vertex(&mut self, key: Key, make: impl FnOnce() -> Option<Vertex>) -> Option<usize> {
        if let Some(index) = self.known.get(&key) {
            return Some(*index);
        }
        let vertex = make()?;
        if self.vertices.iter().filter(|v| v.kind == vertex.kind).count() >= MAX_OF_KIND {
            self.left_out.entry(plural(vertex.kind)).or_default().insert(key);
            return None;
        }
        self.vertices.push(vertex);
        self.known.insert(key, self.vertices.len() - 1);
        Some(self.vertices.len() - 1)
    }

    fn server(&mut self, index: usize) -> Option<usize> {
        let input = self.input;
        self.vertex(Key::Server(index), || vertices::server(input, index))
    }

    fn site(&mut self, site: Site) -> Option<usize> {
        match site {
            Site::Block { server, .. } => self.server(server),
            Site::Local { node, index } => {
                let at = self.input.graph.nodes.get(node)?;
                let local = at.locals.get(index)?;
                let found = self.vertex(Key::Local(signature(local)), || Some(vertices::local(local)))?;
                let group = self.input.groups.iter().find(|g| g.site == node);
                let names = group.map_or_else(|| vec![at.name.clone()], |g| g.names.clone());
                let vertex = self.vertices.get_mut(found)?;
                let new: Vec<String> = names.into_iter().filter(|n| !vertex.nodes.contains(n)).collect();
                vertex.nodes.extend(new);
                Some(found)
            }
            Site::Pod { index } => {
                let input = self.input;
                let pod = input.graph.pods.get(index)?;
                self.vertex(Key::Pod(index), || Some(vertices::in_pods(input, pod)))
            }
        }
    }

    /// Clients and the first step of each.
    fn clients(&mut self, clients: Vec<Client>) {
        self.left_out_pods = clients.len().saturating_sub(MAX_OF_KIND);
        for client in clients.into_iter().take(MAX_OF_KIND) {
            let from = self.vertices.len();
            self.vertices.push(client.vertex);
            for (group, list) in client.nameservers.iter().enumerate() {
                let Some(site) = self.input.groups.get(group).map(|g| g.site) else { continue };
                for ip in list.iter().flatten() {
                    for (zone, name) in self.zones.clone() {
                        let sent = self.input.graph.from_client(site, client.on_node, ip, &name);
                        let step = Step { from, block: None, zone: &zone, group, pod: !client.on_node };
                        let transport = client.transport;
                        self.sent(&step, &sent, transport);
                    }
                }
            }
        }
    }

    /// Every step of every block and node resolver, and the rounds among them.
    fn ways(&mut self) {
        let graph = self.input.graph;
        for server in 0..graph.servers.len() {
            self.server(server);
        }
        for group in 0..self.input.groups.len() {
            let Some(site) = self.input.groups.get(group).map(|g| g.site) else { continue };
            let locals = graph.nodes.get(site).map_or(0, |n| n.locals.len());
            for (zone, name) in self.zones.clone() {
                let mut open: Vec<Place> =
                    (0..locals).map(|index| (Site::Local { node: site, index }, name.clone())).collect();
                for (server, vertex) in graph.servers.iter().enumerate().take(2 * MAX_OF_KIND) {
                    let takes = (0..vertex.blocks.len().min(MAX_BLOCKS)).filter(|b| graph.takes(server, *b, &name));
                    open.extend(takes.map(|block| (Site::Block { server, block }, name.clone())));
                }
                // one that nothing outside its pod leads to is asked for what the others of the pod send it
                let asked = |index: &usize| {
                    let pod = graph.pods.get(*index);
                    pod.is_some_and(|pod| pod.dns.host_network || pod.own_entrances().next().is_some())
                };
                let pods = (0..graph.pods.len().min(MAX_OF_KIND)).filter(asked);
                open.extend(pods.map(|index| (Site::Pod { index }, name.clone())));
                open.reverse();
                self.follow(&zone, group, site, open);
            }
        }
    }

    fn follow(&mut self, zone: &str, group: usize, node: usize, mut open: Vec<Place>) {
        let mut seen: BTreeSet<Place> = BTreeSet::new();
        let mut steps: Vec<(Place, Place)> = Vec::new();
        let mut keys: Vec<EdgeKey> = Vec::new();
        while let Some(place) = open.pop() {
            if seen.len() >= MAX_PLACES || !seen.insert(place.clone()) {
                continue;
            }
            let Some(from) = self.site(place.0) else { continue };
            let (block, pod) = match place.0 {
                Site::Block { server, block } => {
                    (Some(block), self.input.graph.servers.get(server).is_some_and(|v| !v.dns.host_network))
                }
                Site::Local { .. } => (None, false),
                Site::Pod { index } => (None, self.input.graph.pods.get(index).is_some_and(|p| !p.dns.host_network)),
            };
            // a resolver that does without upstreams which lead back to it is in no round
            let detects = self.input.graph.resolver(place.0).is_some_and(|(resolver, _)| resolver.detects_loops);
            for sent in self.input.graph.sent(node, place.0, &place.1) {
                let step = Step { from, block, zone, group, pod };
                let transport = if sent.encrypted {
                    Transport::Tls
                } else if sent.tcp {
                    Transport::Tcp
                } else {
                    Transport::Udp
                };
                for (taker, key) in self.sent(&step, &sent, transport) {
                    let next = (taker, sent.name.clone());
                    if !detects {
                        steps.push((place.clone(), next.clone()));
                        keys.push(key);
                    }
                    open.push(next);
                }
            }
        }
        for round in cycles(&steps) {
            let set: BTreeSet<EdgeKey> = round.iter().filter_map(|index| keys.get(*index).cloned()).collect();
            self.rounds.entry(set).or_default().insert(zone.to_owned());
        }
    }

    /// Adds the edges of one step; the takers that have a vertex, with the edge that leads there.
    fn sent(&mut self, step: &Step<'_>, sent: &Sent, transport: Transport) -> Vec<(Site, EdgeKey)> {
        let input = self.input;
        let service = sent.target.filter(|_| sent.service).and_then(|to| service_name(input, to.ip()));
        let mut reached: Vec<(Option<Site>, usize)> = Vec::new();
        for site in &sent.takers {
            if let Some(to) = self.site(*site) {
                reached.push((Some(*site), to));
            }
        }
        if sent.takers.is_empty() {
            let to = self.without_config(sent).or_else(|| {
                let vertex = vertices::elsewhere(input, step.pod, sent);
                let key = Key::Elsewhere(vertex.kind, vertex.title.clone(), vertex.details.clone());
                self.vertex(key, || Some(vertex))
            });
            reached.extend(to.map(|to| (None, to)));
        }
        let mut found = Vec::new();
        for (site, to) in reached {
            let key = EdgeKey { from: step.from, block: step.block, to, transport, service: service.clone() };
            let carried = self.edges.entry(key.clone()).or_default();
            if !carried.addresses.contains(&sent.upstream.value) {
                carried.addresses.push(sent.upstream.value.clone());
            }
            carried.zones.entry(step.zone.to_owned()).or_default().insert(step.group);
            found.extend(site.map(|site| (site, key)));
        }
        found
    }

    /// A server that has the address and whose blocks the snapshot does not show.
    fn without_config(&mut self, sent: &Sent) -> Option<usize> {
        let ip = sent.target?.ip();
        let servers = &self.input.graph.servers;
        let index = servers
            .iter()
            .position(|v| v.blocks.is_empty() && v.service_addresses.iter().chain(&v.local_ips).any(|a| a.value == ip));
        self.server(index?)
    }
}

/// One step of one query.
struct Step<'s> {
    from: usize,
    block: Option<usize>,
    zone: &'s str,
    group: usize,
    /// The sender has a network of its own, so that loopback is itself.
    pod: bool,
}

fn service_name(input: &Input<'_>, ip: IpAddr) -> Option<String> {
    let service =
        input.cluster.objects.services.iter().find(|s| {
            s.addresses().chain(s.external_ips.iter().filter_map(|e| e.value.parse().ok())).any(|own| own == ip)
        });
    let name = |s: &crate::model::service::Service| format!("{}/{}", s.meta.namespace.value, s.meta.name.value);
    Some(service.map_or_else(|| "the DNS Service".to_owned(), name))
}

const fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Pods | Kind::NodeProcesses => "shapes of pods",
        Kind::NodeCache => "node caches",
        Kind::Server => "DNS servers",
        Kind::NodeResolver => "resolvers on nodes",
        Kind::PodResolver => "resolvers in pods",
        Kind::Outside => "addresses outside",
        Kind::Unknown | Kind::DeadEnd => "addresses that nothing is known of",
    }
}
