//! The graph of DNS servers: where a query for a name goes from each block, and the cycles in it.
//!
//! A vertex is a server block (of one server, on one node) or a resolver on a node (dnsmasq, systemd-resolved). An edge
//! is a forward's upstream that lands on another vertex for a given name. Names are taken one representative per zone
//! that any block, forward or conditional rule mentions, because within such a class all names take the same way.

use super::read::{Block, Upstream, in_zone};
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
    /// ClusterIPs, external and load balancer addresses of the Services in front of it.
    pub service_addresses: Vec<Located<IpAddr>>,
    /// Addresses that it creates on every node (node cache).
    pub local_ips: Vec<Located<IpAddr>>,
    /// What node-cache puts for `__PILLAR__CLUSTER__DNS__`: the ClusterIP of its upstream Service.
    pub cluster_dns_pillar: Option<Located<IpAddr>>,
    /// `upstreamNameservers` of the kube-dns ConfigMap, which a node cache uses in place of its /etc/resolv.conf.
    pub upstream_nameservers: Vec<Located<String>>,
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
    /// The forward names the address of a Service or of another server, which leads back.
    Service,
    /// The server's resolv.conf names a loopback address.
    LoopbackNameserver,
    /// The server's resolv.conf names a Service or node cache address.
    ResolvConf,
    /// The way leads through a resolver on the node.
    NodeResolver,
    /// `upstreamNameservers` of the kube-dns ConfigMap names an address that leads back.
    KubeDnsConfig,
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

/// How a forward came by a nameserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    /// It is an argument of the forward.
    Argument,
    /// The server's own /etc/resolv.conf names it.
    File,
    /// `upstreamNameservers` of the kube-dns ConfigMap names it.
    KubeDns,
}

/// Where a query is sent.
#[derive(Clone, Copy, Debug)]
struct Target {
    ip: IpAddr,
    port: u16,
    encrypted: bool,
}

impl Target {
    fn read(text: &str) -> Option<Self> {
        match Upstream::parse(text) {
            Upstream::Address { ip, port, encrypted } => Some(Self { ip: ip.to_canonical(), port, encrypted }),
            _ => None,
        }
    }
}

/// A place on a way, and the name as it is there: a `rewrite` changes it on the way.
type Visit = (Site, String);

struct Edge {
    to: Site,
    name: String,
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
        one_per_nameserver(found, &self.nameserver_places())
    }

    /// Where files and ConfigMaps name nameservers.
    fn nameserver_places(&self) -> Vec<Location> {
        let files = self.nodes.iter().filter_map(|node| node.host_nameservers.as_ref()).flatten();
        files.chain(self.servers.iter().flat_map(|v| &v.upstream_nameservers)).filter_map(Located::location).collect()
    }

    fn search(&self, node: usize, start: Site, zone: &str, name: &str, found: &mut Vec<Loop>) {
        let Site::Block { server, block } = start else { return };
        let holds =
            self.servers.get(server).and_then(|v| v.blocks.get(block)).is_some_and(|b| b.best_zone(name).is_some());
        if !holds
            || self
                .select(server, name, None)
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
        search.walk((start, name.to_owned()), &mut Vec::new(), &mut Vec::new(), None);
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
        pair.is_some_and(|(a, b)| {
            a.port == b.port && a.encrypted == b.encrypted && a.bind.is_empty() == b.bind.is_empty()
        })
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

    /// The block of a server that takes `name` at a target; any plain listener where none is given.
    fn select(&self, server: usize, name: &str, target: Option<Target>) -> Option<usize> {
        let vertex = self.servers.get(server)?;
        let fits = |block: &Block<'_>| match target {
            Some(to) => block.port == to.port && block.encrypted == to.encrypted && block.listens_on(to.ip),
            None => !block.encrypted,
        };
        vertex
            .blocks
            .iter()
            .enumerate()
            .filter(|(_, block)| fits(block))
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

/// One cycle for each place that names a nameserver: the other cycles through it end with the same edit.
///
/// The one that tells most stays: all upstreams lead back, the shortest way, the widest zone.
fn one_per_nameserver(found: Vec<Loop>, places: &[Location]) -> Vec<Loop> {
    let place = |l: &Loop| {
        let on_way = l.hops.iter().map(|hop| hop.location).find(|at| places.contains(at));
        on_way.filter(|_| l.cause != Cause::LoopbackNameserver)
    };
    let rank = |l: &Loop| (l.partial, l.hops.len(), l.zone != ".");
    let mut kept: Vec<Loop> = Vec::new();
    for new in found {
        let same = place(&new).and_then(|at| kept.iter_mut().find(|known| place(known) == Some(at)));
        match same {
            Some(known) if rank(&new) < rank(known) => *known = new,
            Some(_) => {}
            None => kept.push(new),
        }
    }
    kept
}

impl Search<'_, '_> {
    fn walk(&mut self, visit: Visit, path: &mut Vec<Visit>, hops: &mut Vec<Hop>, first: Option<&Edge>) {
        self.steps += 1;
        if self.steps > MAX_STEPS || path.len() >= MAX_HOPS {
            return;
        }
        let edges = self.edges(&visit);
        path.push(visit);
        for edge in edges {
            let mark = hops.len();
            hops.extend(edge.hops.iter().cloned());
            let next = (edge.to, edge.name.clone());
            if edge.to == self.start && edge.name == self.name {
                let through_node = path.iter().any(|(site, _)| matches!(site, Site::Local { .. }));
                self.report(first.unwrap_or(&edge), hops, through_node);
            } else if !path.contains(&next) {
                self.walk(next, path, hops, first.or(Some(&edge)));
            }
            hops.truncate(mark);
        }
        path.pop();
    }

    fn report(&mut self, origin: &Edge, hops: &[Hop], through_node: bool) {
        let Site::Block { server, block } = self.start else { return };
        let Some(vertex) = self.graph.servers.get(server) else { return };
        let Some(start) = vertex.blocks.get(block) else { return };
        let partial = origin.siblings > 1;
        let first_zone = start.zones.first().is_some_and(|zone| zone.value == self.zone);
        self.found.push(Loop {
            server,
            block,
            forward: origin.forward,
            upstream: origin.upstream.clone(),
            zone: self.zone.clone(),
            hops: hops.to_vec(),
            partial,
            cause: if through_node { Cause::NodeResolver } else { origin.cause },
            node: self.graph.nodes.get(self.node).map(|n| n.name.clone()).filter(|n| !n.is_empty()),
            seen_by_loop_plugin: start.syntax.has("loop") && first_zone && !start.encrypted && !partial,
        });
    }

    fn edges(&self, visit: &Visit) -> Vec<Edge> {
        match visit.0 {
            Site::Block { server, block } => self.block_edges(server, block, &visit.1),
            Site::Local { node, index } => self.local_edges(node, index, &visit.1),
        }
    }

    fn block_edges(&self, server: usize, index: usize, name: &str) -> Vec<Edge> {
        let Some(vertex) = self.graph.servers.get(server) else { return Vec::new() };
        let Some(block) = vertex.blocks.get(index) else { return Vec::new() };
        let name = block.rewritten(name);
        if block.answers(&name) {
            return Vec::new();
        }
        let matching = block.forwards.iter().enumerate().find(|(_, forward)| {
            in_zone(&name, &forward.from) && !forward.except.iter().any(|zone| in_zone(&name, zone))
        });
        let Some((at, forward)) = matching else { return Vec::new() };
        let nameservers: Vec<_> = forward.upstreams.iter().flat_map(|u| self.nameservers(vertex, u)).collect();
        let mut edges = Vec::new();
        for (nameserver, via) in &nameservers {
            let Some(target) = Target::read(&nameserver.value) else { continue };
            for (to, extra) in self.land(Some((vertex, server)), target, &name) {
                let mut hops = vec![Hop { location: forward.location, text: self.forward_text(*via, nameserver) }];
                hops.extend(self.origin_hops(*via, vertex, nameserver));
                hops.extend(extra);
                let cause = self.cause(*via, vertex, server, target, to);
                let upstream = nameserver.clone();
                edges.push(Edge { to, name: name.clone(), hops, cause, upstream, forward: at, siblings: 1 });
            }
        }
        let leading: BTreeSet<&str> = edges.iter().map(|e| e.upstream.value.as_str()).collect();
        let total = nameservers.len().max(forward.upstreams.len());
        let siblings = if leading.len() < total { total } else { 1 };
        edges.iter_mut().for_each(|edge| edge.siblings = siblings);
        edges
    }

    fn cause(&self, via: Via, vertex: &Vertex<'_>, own: usize, target: Target, to: Site) -> Cause {
        let itself = matches!(to, Site::Block { server, .. } if server == own);
        match via {
            Via::KubeDns => Cause::KubeDnsConfig,
            Via::File if target.ip.is_loopback() || target.ip.is_unspecified() => Cause::LoopbackNameserver,
            Via::File => Cause::ResolvConf,
            Via::Argument if itself && (own_local(vertex, target.ip) || !self.is_service(target.ip)) => {
                Cause::OwnAddress
            }
            Via::Argument => Cause::Service,
        }
    }

    /// The nameservers behind an upstream word: itself, or what a file or ConfigMap names in its place.
    fn nameservers(&self, vertex: &Vertex<'_>, upstream: &Located<Upstream>) -> Vec<(Located<String>, Via)> {
        let of_file = || self.own_nameservers(vertex).into_iter().map(|n| (n, Via::File)).collect();
        match &upstream.value {
            Upstream::Address { ip, port, encrypted } => {
                let scheme = if *encrypted { "tls://" } else { "" };
                let default_port = if *encrypted { 853 } else { 53 };
                let address = if *port == default_port {
                    ip.to_string()
                } else {
                    std::net::SocketAddr::new(*ip, *port).to_string()
                };
                vec![(upstream.with(format!("{scheme}{address}")), Via::Argument)]
            }
            Upstream::File(path) if path == "/etc/resolv.conf" => of_file(),
            Upstream::Placeholder(text) if text == "__PILLAR__UPSTREAM__SERVERS__" => {
                if vertex.upstream_nameservers.is_empty() {
                    return of_file();
                }
                vertex.upstream_nameservers.iter().map(|n| (n.clone(), Via::KubeDns)).collect()
            }
            Upstream::Placeholder(text) if text == "__PILLAR__CLUSTER__DNS__" => {
                let address = vertex.cluster_dns_pillar.as_ref();
                address.map(|ip| vec![(upstream.with(ip.value.to_string()), Via::Argument)]).unwrap_or_default()
            }
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

    fn forward_text(&self, via: Via, nameserver: &Located<String>) -> String {
        let zone = if self.zone == "." {
            "every name that nothing else answers".to_owned()
        } else {
            format!("names below {}", self.zone)
        };
        match via {
            Via::File => format!("{zone}: sent to the nameservers of the server's own /etc/resolv.conf"),
            Via::KubeDns => format!("{zone}: sent to the upstreamNameservers of the kube-dns ConfigMap"),
            Via::Argument => format!("{zone}: sent to {}", nameserver.value),
        }
    }

    /// Where the nameserver comes from, if not from the forward itself.
    fn origin_hops(&self, via: Via, vertex: &Vertex<'_>, nameserver: &Located<String>) -> Vec<Hop> {
        match via {
            Via::Argument => Vec::new(),
            Via::File => self.file_hops(vertex, nameserver),
            Via::KubeDns => {
                let text = format!("the ConfigMap names {}", nameserver.value);
                nameserver.location().map(|location| Hop { location, text }).into_iter().collect()
            }
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

    /// Everything that answers at the target for a sender; in a pod loopback is the pod itself.
    fn land(&self, sender: Option<(&Vertex<'_>, usize)>, target: Target, name: &str) -> Vec<(Site, Vec<Hop>)> {
        let ip = target.ip;
        let on_node = sender.is_none_or(|(vertex, _)| vertex.host_network);
        if ip.is_loopback() || ip.is_unspecified() {
            return match sender {
                Some((_, own)) if !on_node => self.own_block(own, target, name),
                _ => self.on_node(target, name),
            };
        }
        // an address that the sender itself binds stays with it, before any Service translation
        if let Some((_, own)) = sender.filter(|(vertex, _)| own_local(vertex, ip) || binds(vertex, ip)) {
            return self.own_block(own, target, name);
        }
        let caches = self.caches_on(target, name);
        if !caches.is_empty() {
            return caches;
        }
        let services = self.services_on(target, name);
        if !services.is_empty() {
            return services;
        }
        let here = self.graph.nodes.get(self.node).is_some_and(|node| node.addresses.contains(&ip));
        if here { self.on_node(target, name) } else { Vec::new() }
    }

    fn own_block(&self, own: usize, target: Target, name: &str) -> Vec<(Site, Vec<Hop>)> {
        let Some(block) = self.graph.select(own, name, Some(target)) else { return Vec::new() };
        let hop = self.block_hop(own, block, format!("{} is the server itself: this block answers there", target.ip));
        vec![(Site::Block { server: own, block }, hop)]
    }

    fn block_hop(&self, server: usize, block: usize, text: String) -> Vec<Hop> {
        let location = self.graph.servers.get(server).and_then(|v| v.blocks.get(block)).map(|b| b.location);
        location.map(|location| Hop { location, text }).into_iter().collect()
    }

    fn caches_on(&self, target: Target, name: &str) -> Vec<(Site, Vec<Hop>)> {
        let ip = target.ip;
        let mut found = Vec::new();
        for (server, vertex) in self.graph.servers.iter().enumerate() {
            if let Some(local) = vertex.local_ips.iter().find(|local| local.value == ip)
                && let Some(block) = self.graph.select(server, name, Some(target))
            {
                let listens =
                    |location| Hop { location, text: format!("{} listens on {ip} on every node", vertex.name) };
                let mut hops: Vec<Hop> = local.location().map(listens).into_iter().collect();
                hops.extend(self.block_hop(server, block, "this block takes it".to_owned()));
                found.push((Site::Block { server, block }, hops));
            }
        }
        found
    }

    fn services_on(&self, target: Target, name: &str) -> Vec<(Site, Vec<Hop>)> {
        let plain = target.port == 53 && !target.encrypted;
        let ip = target.ip;
        let mut found = Vec::new();
        for (server, vertex) in self.graph.servers.iter().enumerate() {
            let Some(service) = vertex.service_addresses.iter().find(|a| a.value == ip && plain) else { continue };
            // behind the Service the pods' port may be another one: any plain listener of the server takes it
            if let Some(block) = self.graph.select(server, name, None) {
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
    fn on_node(&self, target: Target, name: &str) -> Vec<(Site, Vec<Hop>)> {
        let ip = target.ip;
        let plain = target.port == 53 && !target.encrypted;
        let mut found = Vec::new();
        if let Some(node) = self.graph.nodes.get(self.node).filter(|_| plain) {
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
            if let Some(block) = self.graph.select(server, name, Some(target)) {
                let text = format!("{} listens on {ip} of the node", vertex.name);
                found.push((Site::Block { server, block }, self.block_hop(server, block, text)));
            }
        }
        found
    }

    fn local_edges(&self, node: usize, index: usize, name: &str) -> Vec<Edge> {
        let Some(local) = self.graph.nodes.get(node).and_then(|n| n.locals.get(index)) else { return Vec::new() };
        let special: Vec<&Located<String>> =
            local.conditional.iter().filter(|(zone, _)| in_zone(name, zone)).map(|(_, to)| to).collect();
        let upstreams: Vec<&Located<String>> =
            if special.is_empty() { local.upstreams.iter().collect() } else { special };
        let total = upstreams.len();
        let mut edges = Vec::new();
        for upstream in upstreams {
            let Some(target) = Target::read(&upstream.value) else { continue };
            for (to, extra) in self.land(None, target, name) {
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
                    name: name.to_owned(),
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
