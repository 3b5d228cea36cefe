//! The graph of DNS servers: where a query for a name goes from each block, and the cycles in it.
//!
//! A vertex is a server block (of one server, on one node) or a resolver on a node (dnsmasq, systemd-resolved). An edge
//! is a forward's upstream that lands on another vertex for a given name. Names are taken one representative per zone
//! that any block, forward or conditional rule mentions, because within such a class all names take the same way.

use super::read::{Block, Upstream, in_zone, split_address};
use crate::model::dns_server::ServerKind;
use crate::source::{Located, Location};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Vertices on one way; longer ones are cut (no real configuration comes near).
const MAX_HOPS: usize = 12;
/// Steps of one search, over all ways together.
const MAX_STEPS: usize = 20_000;

/// A DNS server as the graph sees it.
pub struct Vertex<'a> {
    /// The program.
    pub kind: ServerKind,
    /// Its name, for labels.
    pub name: String,
    /// Its blocks.
    pub blocks: Vec<Block<'a>>,
    /// It runs in the node's network namespace.
    pub host_network: bool,
    /// `Default`, `ClusterFirst`, …: which nameservers its own /etc/resolv.conf names.
    pub policy: String,
    /// Where the policy is written.
    pub policy_location: Option<Location>,
    /// ClusterIPs of the Services in front of it, with the port.
    pub service_addresses: Vec<Located<IpAddr>>,
    /// Addresses that it creates on every node (node cache).
    pub local_ips: Vec<Located<IpAddr>>,
    /// What node-cache puts for `__PILLAR__CLUSTER__DNS__`: the ClusterIP of its upstream Service.
    pub cluster_dns_pillar: Option<Located<IpAddr>>,
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
    /// Resolvers that run on the node.
    pub locals: Vec<LocalResolver>,
}

/// dnsmasq or systemd-resolved on a node.
#[derive(Clone, Debug)]
pub struct LocalResolver {
    /// `dnsmasq` or `systemd-resolved`.
    pub program: String,
    /// Addresses it answers on; empty means every address of the node, loopback too.
    pub listens: Vec<IpAddr>,
    /// Where it sends names in general.
    pub upstreams: Vec<Located<String>>,
    /// Where it sends names below a domain: (zone, upstream).
    pub conditional: Vec<(String, Located<String>)>,
    /// Where a label on it goes.
    pub location: Location,
}

/// One step of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Where it is written.
    pub location: Location,
    /// What happens there.
    pub text: String,
}

/// How the loop comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The forward names an address that is the server itself (loopback, unspecified, its own bind address).
    OwnAddress,
    /// The forward names a Service address that leads back.
    Service,
    /// The server's resolv.conf names a loopback address.
    LoopbackNameserver,
    /// The server's resolv.conf names a Service or node cache address.
    ResolvConf,
    /// The way leads through a resolver on the node.
    NodeResolver,
}

/// A cycle.
#[derive(Clone, Debug)]
pub struct Loop {
    /// Index of the server where it starts.
    pub server: usize,
    /// Index of its block.
    pub block: usize,
    /// Index of the forward in the block.
    pub forward: usize,
    /// The upstream word that starts it.
    pub upstream: Located<String>,
    /// Names that go round: a zone, fully qualified.
    pub zone: String,
    /// Every step, from the forward back to it.
    pub hops: Vec<Hop>,
    /// Only some of the forward's upstreams lead back.
    pub partial: bool,
    /// How it comes about.
    pub cause: Cause,
    /// Node on which it was found, where that matters.
    pub node: Option<String>,
    /// The `loop` plugin of the block stops the process when this loop runs (LP5, LP6 of its behaviour).
    pub seen_by_loop_plugin: bool,
}

/// The whole graph.
pub struct Graph<'a> {
    /// Servers.
    pub servers: Vec<Vertex<'a>>,
    /// Nodes; one with nothing known where the snapshot has none.
    pub nodes: Vec<NodeSite>,
}

/// A vertex in the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Site {
    Block { server: usize, block: usize },
    Local { node: usize, index: usize },
}

struct Edge {
    to: Site,
    hops: Vec<Hop>,
    cause: Cause,
    upstream: Located<String>,
    forward: usize,
    siblings: usize,
}

struct Search<'g, 'a> {
    graph: &'g Graph<'a>,
    node: usize,
    name: String,
    zone: String,
    start: Site,
    steps: usize,
    found: Vec<Loop>,
}

impl Graph<'_> {
    /// Every cycle, each reported once for its first block, in the order of servers and blocks.
    #[must_use]
    pub fn loops(&self) -> Vec<Loop> {
        let mut found: Vec<Loop> = Vec::new();
        let classes = self.classes();
        for node in self.distinct_nodes() {
            for (server, vertex) in self.servers.iter().enumerate() {
                for block in 0..vertex.blocks.len() {
                    for (zone, name) in &classes {
                        self.search(node, Site::Block { server, block }, zone, name, &mut found);
                    }
                }
            }
        }
        found
    }

    fn search(&self, node: usize, start: Site, zone: &str, name: &str, found: &mut Vec<Loop>) {
        let Site::Block { server, block } = start else { return };
        let holds =
            self.servers.get(server).and_then(|v| v.blocks.get(block)).is_some_and(|b| b.best_zone(name).is_some());
        if !holds
            || self
                .select(server, name, None, 0)
                .is_some_and(|chosen| chosen != block && self.same_listener(server, block, chosen))
        {
            return;
        }
        let mut search = Search {
            graph: self,
            node,
            name: name.to_owned(),
            zone: zone.to_owned(),
            start,
            steps: 0,
            found: Vec::new(),
        };
        search.walk(start, &mut Vec::new(), &mut Vec::new(), None);
        for candidate in search.found {
            let known = found.iter().any(|l| same_cycle(l, &candidate));
            if !known {
                found.push(candidate);
            }
        }
    }

    fn same_listener(&self, server: usize, a: usize, b: usize) -> bool {
        let blocks = self.servers.get(server).map(|v| &v.blocks);
        let pair = blocks.and_then(|list| Some((list.get(a)?, list.get(b)?)));
        pair.is_some_and(|(a, b)| a.port == b.port && a.bind.is_empty() == b.bind.is_empty())
    }

    /// A representative name for each zone that anything mentions.
    fn classes(&self) -> Vec<(String, String)> {
        let mut zones: BTreeSet<String> = BTreeSet::new();
        for block in self.servers.iter().flat_map(|v| &v.blocks) {
            zones.extend(block.zones.iter().map(|z| z.value.clone()));
            zones.extend(block.forwards.iter().map(|f| f.from.clone()));
        }
        for local in self.nodes.iter().flat_map(|n| &n.locals) {
            zones.extend(local.conditional.iter().map(|(zone, _)| zone.clone()));
        }
        let name =
            |zone: &str| if zone == "." { "dnslint-example.".to_owned() } else { format!("dnslint-example.{zone}") };
        zones.into_iter().map(|zone| (zone.clone(), name(&zone))).collect()
    }

    /// One node of each kind: nodes with the same nameservers and resolvers route alike.
    fn distinct_nodes(&self) -> Vec<usize> {
        let mut seen = BTreeSet::new();
        let key = |node: &NodeSite| {
            let nameservers =
                node.host_nameservers.as_ref().map(|l| l.iter().map(|n| n.value.clone()).collect::<Vec<_>>());
            let cluster: Vec<IpAddr> = node.cluster_dns.iter().map(|ip| ip.value).collect();
            let locals: Vec<String> = node
                .locals
                .iter()
                .map(|l| format!("{:?} {:?} {:?}", l.listens, texts(&l.upstreams), l.conditional.len()))
                .collect();
            format!("{nameservers:?} {cluster:?} {locals:?}")
        };
        (0..self.nodes.len()).filter(|i| self.nodes.get(*i).is_some_and(|node| seen.insert(key(node)))).collect()
    }

    /// The block of a server that takes `name` on `ip` and `port`; any listener where no address is given.
    fn select(&self, server: usize, name: &str, ip: Option<IpAddr>, port: u16) -> Option<usize> {
        let vertex = self.servers.get(server)?;
        let fits = |block: &Block<'_>| ip.is_none_or(|ip| block.port == port && block.listens_on(ip));
        vertex
            .blocks
            .iter()
            .enumerate()
            .filter(|(_, block)| fits(block) && !block.encrypted)
            .filter_map(|(index, block)| Some((index, block.best_zone(name)?.value.len())))
            .max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)))
            .map(|(index, _)| index)
    }
}

fn texts(list: &[Located<String>]) -> Vec<&str> {
    list.iter().map(|t| t.value.as_str()).collect()
}

/// The same start and upstream for a wider or equal zone counts as known.
fn same_cycle(known: &Loop, new: &Loop) -> bool {
    let same_start = known.server == new.server && known.block == new.block && known.forward == new.forward;
    let same_upstream = known.upstream.value == new.upstream.value;
    // a two-hop cycle is found from both ends: keep the first
    let rotated = known.hops.len() == new.hops.len()
        && known.hops.iter().all(|hop| new.hops.iter().any(|other| other.location == hop.location));
    (same_start && same_upstream) || rotated
}

impl Search<'_, '_> {
    fn walk(&mut self, site: Site, path: &mut Vec<Site>, hops: &mut Vec<Hop>, first: Option<&Edge>) {
        self.steps += 1;
        if self.steps > MAX_STEPS || path.len() >= MAX_HOPS {
            return;
        }
        path.push(site);
        for edge in self.edges(site) {
            let mark = hops.len();
            hops.extend(edge.hops.iter().cloned());
            if edge.to == self.start {
                let origin = first.unwrap_or(&edge);
                self.report(origin, hops, first.map(|_| edge.cause));
            } else if !path.contains(&edge.to) {
                self.walk(edge.to, path, hops, first.or(Some(&edge)));
            }
            hops.truncate(mark);
        }
        path.pop();
    }

    fn report(&mut self, origin: &Edge, hops: &[Hop], last: Option<Cause>) {
        let Site::Block { server, block } = self.start else { return };
        let Some(vertex) = self.graph.servers.get(server) else { return };
        let Some(start) = vertex.blocks.get(block) else { return };
        let partial = origin.siblings > 1;
        let through_node = last.is_some() && hops.len() > 2 && origin.cause != Cause::LoopbackNameserver;
        let first_zone = start.zones.first().is_some_and(|zone| zone.value == self.zone);
        self.found.push(Loop {
            server,
            block,
            forward: origin.forward,
            upstream: origin.upstream.clone(),
            zone: self.zone.clone(),
            hops: hops.to_vec(),
            partial,
            cause: if through_node && origin.cause == Cause::ResolvConf { Cause::NodeResolver } else { origin.cause },
            node: self.graph.nodes.get(self.node).map(|n| n.name.clone()).filter(|n| !n.is_empty()),
            seen_by_loop_plugin: start.syntax.has("loop") && first_zone && !start.encrypted && !partial,
        });
    }

    fn edges(&self, site: Site) -> Vec<Edge> {
        match site {
            Site::Block { server, block } => self.block_edges(server, block),
            Site::Local { node, index } => self.local_edges(node, index),
        }
    }

    fn block_edges(&self, server: usize, index: usize) -> Vec<Edge> {
        let Some(vertex) = self.graph.servers.get(server) else { return Vec::new() };
        let Some(block) = vertex.blocks.get(index) else { return Vec::new() };
        if block.answers(&self.name) {
            return Vec::new();
        }
        let matching = block.forwards.iter().enumerate().find(|(_, forward)| {
            in_zone(&self.name, &forward.from) && !forward.except.iter().any(|zone| in_zone(&self.name, zone))
        });
        let Some((at, forward)) = matching else { return Vec::new() };
        let mut edges = Vec::new();
        for upstream in &forward.upstreams {
            for (nameserver, via_file) in self.targets(vertex, upstream) {
                edges.extend(self.resolve(vertex, server, &nameserver, via_file, forward.location, at));
            }
        }
        let total = forward.upstreams.len().max(self.file_targets(vertex, &forward.upstreams));
        let leading: BTreeSet<String> = edges.iter().map(|e| e.upstream.value.clone()).collect();
        edges.iter_mut().for_each(|edge| edge.siblings = if leading.len() < total { total } else { 1 });
        edges
    }

    fn file_targets(&self, vertex: &Vertex<'_>, upstreams: &[Located<Upstream>]) -> usize {
        upstreams.iter().map(|upstream| self.targets(vertex, upstream).len()).sum()
    }

    /// The nameservers behind an upstream word: itself, or what the server's resolv.conf names.
    fn targets(&self, vertex: &Vertex<'_>, upstream: &Located<Upstream>) -> Vec<(Located<String>, bool)> {
        match &upstream.value {
            Upstream::Address { ip, port, encrypted: false } => {
                let text =
                    if *port == 53 { ip.to_string() } else { format!("{}", std::net::SocketAddr::new(*ip, *port)) };
                vec![(upstream.with(text), false)]
            }
            Upstream::File(path) if path == "/etc/resolv.conf" => {
                self.own_nameservers(vertex).into_iter().map(|n| (n, true)).collect()
            }
            Upstream::Placeholder(text) if text == "__PILLAR__UPSTREAM__SERVERS__" => {
                self.own_nameservers(vertex).into_iter().map(|n| (n, true)).collect()
            }
            Upstream::Placeholder(text) if text == "__PILLAR__CLUSTER__DNS__" => vertex
                .cluster_dns_pillar
                .as_ref()
                .map(|ip| vec![(upstream.with(ip.value.to_string()), false)])
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// The nameservers in the server's own /etc/resolv.conf on this node.
    fn own_nameservers(&self, vertex: &Vertex<'_>) -> Vec<Located<String>> {
        let Some(node) = self.graph.nodes.get(self.node) else { return Vec::new() };
        let clustered =
            vertex.policy == "ClusterFirstWithHostNet" || (vertex.policy == "ClusterFirst" && !vertex.host_network);
        if clustered {
            return node.cluster_dns.iter().map(|ip| ip.with(ip.value.to_string())).collect();
        }
        if vertex.policy == "None" {
            return Vec::new();
        }
        node.host_nameservers.clone().unwrap_or_default()
    }

    /// Where a query to `nameserver` lands when it leaves from `vertex`.
    fn resolve(
        &self,
        vertex: &Vertex<'_>,
        own: usize,
        nameserver: &Located<String>,
        via_file: bool,
        forward: Location,
        index: usize,
    ) -> Vec<Edge> {
        let Some((ip, port)) = split_address(&nameserver.value) else { return Vec::new() };
        let ip = ip.to_canonical();
        let port = port.unwrap_or(53);
        let landings = self.land(Some((vertex, own)), ip, port);
        landings
            .into_iter()
            .map(|(to, extra)| {
                let mut hops = vec![Hop { location: forward, text: self.forward_text(via_file, nameserver) }];
                if via_file {
                    hops.extend(self.file_hops(vertex, nameserver));
                }
                hops.extend(extra);
                let loopback = ip.is_loopback() || ip.is_unspecified();
                let cause = match (via_file, loopback) {
                    (true, true) => Cause::LoopbackNameserver,
                    (true, false) => Cause::ResolvConf,
                    (false, _) if self.is_service(ip) && !own_local(vertex, ip) => Cause::Service,
                    (false, _) => Cause::OwnAddress,
                };
                Edge { to, hops, cause, upstream: nameserver.clone(), forward: index, siblings: 1 }
            })
            .collect()
    }

    fn forward_text(&self, via_file: bool, nameserver: &Located<String>) -> String {
        let zone = if self.zone == "." {
            "every name that nothing else answers".to_owned()
        } else {
            format!("names below {}", self.zone)
        };
        if via_file {
            format!("{zone}: sent to the nameservers of the server's own /etc/resolv.conf")
        } else {
            format!("{zone}: sent to {}", nameserver.value)
        }
    }

    fn file_hops(&self, vertex: &Vertex<'_>, nameserver: &Located<String>) -> Vec<Hop> {
        let mut hops = Vec::new();
        if let Some(location) = vertex.policy_location {
            hops.push(Hop { location, text: format!("dnsPolicy {} decides which file that is", vertex.policy) });
        }
        let reasons = self.graph.nodes.get(self.node).map(|n| n.host_reasons.clone()).unwrap_or_default();
        hops.extend(reasons.into_iter().map(|(location, text)| Hop { location, text }));
        if let Some(location) = nameserver.location() {
            hops.push(Hop { location, text: format!("the file names {}", nameserver.value) });
        }
        hops
    }

    fn is_service(&self, ip: IpAddr) -> bool {
        self.graph.servers.iter().any(|v| v.service_addresses.iter().any(|a| a.value == ip))
    }

    /// Everything that answers on `ip:port` for a sender; in a pod loopback is the pod itself.
    fn land(&self, sender: Option<(&Vertex<'_>, usize)>, ip: IpAddr, port: u16) -> Vec<(Site, Vec<Hop>)> {
        let on_node = sender.is_none_or(|(vertex, _)| vertex.host_network);
        if ip.is_loopback() || ip.is_unspecified() {
            return match sender {
                Some((_, own)) if !on_node => self.own_block(own, ip, port),
                _ => self.on_node(ip, port),
            };
        }
        // an address that the sender itself binds stays with it, before any Service translation
        if let Some((_, own)) = sender.filter(|(vertex, _)| own_local(vertex, ip) || binds(vertex, ip)) {
            return self.own_block(own, ip, port);
        }
        let caches = self.caches_on(ip, port);
        if !caches.is_empty() {
            return caches;
        }
        let services = self.services_on(ip, port);
        if !services.is_empty() {
            return services;
        }
        let here = self.graph.nodes.get(self.node).is_some_and(|node| node.addresses.contains(&ip));
        if here { self.on_node(ip, port) } else { Vec::new() }
    }

    fn own_block(&self, own: usize, ip: IpAddr, port: u16) -> Vec<(Site, Vec<Hop>)> {
        let Some(block) = self.graph.select(own, &self.name, Some(ip), port) else { return Vec::new() };
        let hop = self.block_hop(own, block, format!("{ip} is the server itself: this block answers there"));
        vec![(Site::Block { server: own, block }, hop)]
    }

    fn block_hop(&self, server: usize, block: usize, text: String) -> Vec<Hop> {
        let location = self.graph.servers.get(server).and_then(|v| v.blocks.get(block)).map(|b| b.location);
        location.map(|location| Hop { location, text }).into_iter().collect()
    }

    fn caches_on(&self, ip: IpAddr, port: u16) -> Vec<(Site, Vec<Hop>)> {
        let mut found = Vec::new();
        for (server, vertex) in self.graph.servers.iter().enumerate() {
            if let Some(local) = vertex.local_ips.iter().find(|local| local.value == ip) {
                if let Some(block) = self.graph.select(server, &self.name, Some(ip), port) {
                    let mut hops: Vec<Hop> = local
                        .location()
                        .map(|location| Hop {
                            location,
                            text: format!("{} listens on {ip} on every node", vertex.name),
                        })
                        .into_iter()
                        .collect();
                    hops.extend(self.block_hop(server, block, "this block takes it".to_owned()));
                    found.push((Site::Block { server, block }, hops));
                }
            }
        }
        found
    }

    fn services_on(&self, ip: IpAddr, port: u16) -> Vec<(Site, Vec<Hop>)> {
        let mut found = Vec::new();
        for (server, vertex) in self.graph.servers.iter().enumerate() {
            let Some(service) = vertex.service_addresses.iter().find(|a| a.value == ip && port == 53) else { continue };
            // behind the Service the pods' port may be another one: any plain listener of the server takes it
            if let Some(block) = self.graph.select(server, &self.name, None, 53) {
                let mut hops: Vec<Hop> = service
                    .location()
                    .map(|location| Hop { location, text: format!("{ip} is the Service in front of {}", vertex.name) })
                    .into_iter()
                    .collect();
                hops.extend(self.block_hop(server, block, "this block takes it".to_owned()));
                found.push((Site::Block { server, block }, hops));
            }
        }
        found
    }

    /// Resolvers and hostNetwork servers that answer on an address of the node itself.
    fn on_node(&self, ip: IpAddr, port: u16) -> Vec<(Site, Vec<Hop>)> {
        let mut found = Vec::new();
        if let Some(node) = self.graph.nodes.get(self.node).filter(|_| port == 53) {
            for (index, local) in node.locals.iter().enumerate() {
                if local.listens.is_empty() || local.listens.contains(&ip) {
                    let text = format!("{} on node {} answers on {ip}", local.program, node.name);
                    let hop = Hop { location: local.location, text };
                    found.push((Site::Local { node: self.node, index }, vec![hop]));
                }
            }
        }
        if !found.is_empty() {
            return found;
        }
        for (server, vertex) in self.graph.servers.iter().enumerate().filter(|(_, v)| v.host_network) {
            if let Some(block) = self.graph.select(server, &self.name, Some(ip), port) {
                let text = format!("{} listens on {ip} of the node", vertex.name);
                found.push((Site::Block { server, block }, self.block_hop(server, block, text)));
            }
        }
        found
    }

    fn local_edges(&self, node: usize, index: usize) -> Vec<Edge> {
        let Some(local) = self.graph.nodes.get(node).and_then(|n| n.locals.get(index)) else { return Vec::new() };
        let special: Vec<&Located<String>> =
            local.conditional.iter().filter(|(zone, _)| in_zone(&self.name, zone)).map(|(_, to)| to).collect();
        let upstreams: Vec<&Located<String>> =
            if special.is_empty() { local.upstreams.iter().collect() } else { special };
        let total = upstreams.len();
        let mut edges = Vec::new();
        for upstream in upstreams {
            let Some((ip, port)) = split_address(&upstream.value) else { continue };
            for (to, extra) in self.land(None, ip.to_canonical(), port.unwrap_or(53)) {
                if to == (Site::Local { node, index }) {
                    // dnsmasq and systemd-resolved drop upstreams that are their own addresses
                    continue;
                }
                let text = format!("{} sends it on to {}", local.program, upstream.value);
                let mut hops: Vec<Hop> =
                    upstream.location().map(|location| Hop { location, text }).into_iter().collect();
                hops.extend(extra);
                let edge = Edge {
                    to,
                    hops,
                    cause: Cause::NodeResolver,
                    upstream: upstream.clone(),
                    forward: 0,
                    siblings: total,
                };
                edges.push(edge);
            }
        }
        edges
    }
}

fn own_local(vertex: &Vertex<'_>, ip: IpAddr) -> bool {
    vertex.local_ips.iter().any(|local| local.value == ip)
}

fn binds(vertex: &Vertex<'_>, ip: IpAddr) -> bool {
    vertex.blocks.iter().any(|block| block.bind.iter().any(|bind| bind.value.parse() == Ok(ip)))
}
