//! The way of one query: from a nameserver through Services, server blocks and node resolvers to whoever answers.

use super::block::{self, Asked, Outcome};
use super::names::Answer;
use super::server_file::ServerFile;
use super::step::{Step, Transport};
use crate::analysis::servers::read::{Block, Forward, Upstream, split_address};
use crate::analysis::servers::routing::{Graph, NodeSite, Vertex};
use crate::model::Cluster;
use crate::model::dns_server::ServerKind;
use crate::source::{Located, Location};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Servers on one way; a longer one is a loop.
const MAX_HOPS: usize = 12;
/// Steps of one walk over all its branches.
const MAX_STEPS: usize = 400;

/// Who sends a query.
#[derive(Clone, Copy, Debug)]
enum Sender {
    /// A process in a pod of its own network.
    Pod,
    /// A process in the node's network.
    Node,
    /// A DNS server, by its index.
    Server(usize),
}

/// A query on its way.
#[derive(Clone, Copy, Debug)]
struct Query<'q> {
    sender: Sender,
    name: &'q str,
    types: &'q [String],
    transport: Transport,
}

impl Query<'_> {
    fn outside(&self, server: IpAddr) -> Answer {
        Answer::Outside { server: server.to_string(), name: self.name.to_owned(), types: self.types.to_vec() }
    }
}

/// The servers and blocks behind a query, each with the name that it was asked for: an alias may come back to a block.
type Path = Vec<(usize, usize, String)>;

/// A server, and the address and port where a query comes in.
#[derive(Clone, Copy, Debug)]
struct Door {
    server: usize,
    /// The destination; `None` for the server's own pod address, which no manifest names.
    ip: Option<IpAddr>,
    port: u16,
}

/// The cluster as the walk needs it.
pub struct Walk<'w, 'a> {
    /// The objects.
    pub cluster: &'w Cluster,
    /// The servers and nodes.
    pub graph: &'w Graph<'a>,
    /// The node where it starts.
    pub node: usize,
    /// Cilium translates Service addresses in the socket: no packet is rewritten.
    pub socket_lb: bool,
    /// Record types that are asked for.
    pub types: &'w [&'w str],
    steps: usize,
}

impl<'w, 'a> Walk<'w, 'a> {
    /// A walk that starts on a node.
    #[must_use]
    pub const fn new(
        cluster: &'w Cluster,
        graph: &'w Graph<'a>,
        node: usize,
        socket_lb: bool,
        types: &'w [&'w str],
    ) -> Self {
        Self { cluster, graph, node, socket_lb, types, steps: 0 }
    }

    /// Where a query for `name` on a port goes from a process in the node's network.
    pub fn from_node(&mut self, server: IpAddr, port: u16, name: &str, transport: Transport) -> Step {
        self.start(Sender::Node, server, port, name, transport)
    }

    /// Where a client's query for `name` goes; `on_node` for processes in the node's network.
    pub fn from_client(&mut self, server: IpAddr, name: &str, on_node: bool, transport: Transport) -> Step {
        let sender = if on_node { Sender::Node } else { Sender::Pod };
        self.start(sender, server, 53, name, transport)
    }

    fn start(&mut self, sender: Sender, server: IpAddr, port: u16, name: &str, transport: Transport) -> Step {
        self.steps = 0;
        let types: Vec<String> = self.types.iter().map(|kind| (*kind).to_owned()).collect();
        self.send(Query { sender, name, types: &types, transport }, server, port, &mut Vec::new())
    }

    fn site(&self) -> Option<&'w NodeSite> {
        self.graph.nodes.get(self.node)
    }

    fn send(&mut self, query: Query<'_>, ip: IpAddr, port: u16, path: &mut Path) -> Step {
        self.steps += 1;
        let mut step = if self.steps > MAX_STEPS || path.len() > MAX_HOPS {
            Step::dead(format!("{ip}"), None, "the way is too long to follow")
        } else {
            self.land(query, ip.to_canonical(), port, path)
        };
        step.transport = Some(query.transport);
        step
    }

    fn land(&mut self, query: Query<'_>, ip: IpAddr, port: u16, path: &mut Path) -> Step {
        let on_node = match query.sender {
            Sender::Pod => false,
            Sender::Node => true,
            Sender::Server(index) => self.graph.servers.get(index).is_some_and(|v| v.host_network),
        };
        if ip.is_loopback() || ip.is_unspecified() {
            return match query.sender {
                Sender::Pod => {
                    Step::dead(ip.to_string(), None, "in a pod that is the pod itself: nothing answers there")
                }
                Sender::Server(own) if !on_node => self.enter(
                    query,
                    Door { server: own, ip: Some(ip), port },
                    format!("{ip} is the server itself"),
                    path,
                ),
                _ => self.on_node(query, self.node, ip, port, path),
            };
        }
        if let Sender::Server(own) = query.sender
            && self.graph.servers.get(own).is_some_and(|v| binds(v, ip))
        {
            return self.enter(
                query,
                Door { server: own, ip: Some(ip), port },
                format!("{ip} is the server itself"),
                path,
            );
        }
        let graph = self.graph;
        if let Some((cache, local)) = graph
            .servers
            .iter()
            .enumerate()
            .find_map(|(index, vertex)| Some((index, vertex.local_ips.iter().find(|local| local.value == ip)?)))
        {
            let name = graph.servers.get(cache).map_or("", |v| v.name.as_str());
            let text = format!("{ip}: node cache {name}, on the pod's own node, without NAT");
            let mut step = Step::new(text, local.location());
            step.next = vec![self.enter(query, Door { server: cache, ip: Some(ip), port }, String::new(), path)];
            return step;
        }
        if let Some(step) = self.service(query, ip, port, path) {
            return step;
        }
        let home = graph.nodes.iter().position(|node| node.addresses.contains(&ip));
        match home {
            Some(node) => self.on_node(query, node, ip, port, path),
            None => Step::new(format!("{ip}: outside the snapshot"), None).ending(query.outside(ip)),
        }
    }

    fn service(&mut self, query: Query<'_>, ip: IpAddr, port: u16, path: &mut Path) -> Option<Step> {
        let graph = self.graph;
        let service = self.cluster.objects.services.iter().find(|s| s.addresses().any(|own| own == ip));
        let behind = graph.servers.iter().position(|v| v.service_addresses.iter().any(|a| a.value == ip));
        let place = service
            .and_then(|s| s.cluster_ips.iter().find(|own| own.value.parse() == Ok(ip)))
            .and_then(Located::location)
            .or_else(|| {
                let vertex = graph.servers.get(behind?)?;
                vertex.service_addresses.iter().find(|a| a.value == ip)?.location()
            });
        if service.is_none() && behind.is_none() {
            return None;
        }
        let title = service.map_or_else(
            || format!("{ip}: the DNS Service"),
            |s| format!("{ip}: Service {}/{}", s.meta.namespace.value, s.meta.name.value),
        );
        let protocol = if query.transport == Transport::Tcp { "TCP" } else { "UDP" };
        if let Some(s) = service
            && !s.has_port(i64::from(port), protocol)
        {
            return Some(Step::dead(title, place, format!("the Service has no port {port}/{protocol}")));
        }
        let Some(server) = behind else {
            return Some(Step::dead(title, place, "it leads to no DNS server of the snapshot"));
        };
        let mut step = Step::new(title, place);
        step.dnat = !self.socket_lb;
        let pods_port = service.and_then(|s| {
            let port = s.ports.iter().find(|p| p.value.port.as_ref().is_some_and(|n| n.value == i64::from(port)))?;
            port.value.target_port.as_ref()?.value.parse().ok()
        });
        let door = Door { server, ip: None, port: pods_port.unwrap_or(53) };
        step.next = vec![self.enter(query, door, String::new(), path)];
        Some(step)
    }

    fn on_node(&mut self, query: Query<'_>, node: usize, ip: IpAddr, port: u16, path: &mut Path) -> Step {
        let graph = self.graph;
        let Some(site) = graph.nodes.get(node) else {
            return Step::dead(ip.to_string(), None, "nothing is known of the node");
        };
        let place = if site.name.is_empty() { "the node".to_owned() } else { format!("node {}", site.name) };
        if let Some((index, local)) = site.locals.iter().enumerate().find(|(_, l)| l.takes(ip, port)) {
            let step = Step::new(format!("{ip}: {} on {place}", local.program), [local.location]);
            // node resolvers count as servers behind those of the cluster
            let mark = (usize::MAX - node, index, query.name.to_owned());
            if path.contains(&mark) {
                return step.ending(Answer::DeadEnd { reason: "the query is back where it was: a loop".to_owned() });
            }
            path.push(mark);
            let next = self.local_upstreams(query, node, index, path);
            path.pop();
            return step.then(next);
        }
        let server = graph
            .servers
            .iter()
            .enumerate()
            .filter(|(_, v)| v.host_network)
            .find(|(index, _)| block::listens(graph, *index, ip, port));
        match server {
            Some((index, _)) => {
                let door = Door { server: index, ip: Some(ip), port };
                self.enter(query, door, format!("{ip} of {place}"), path)
            }
            None => {
                let reason = format!("the snapshot shows nothing on {place} that answers on port {port} there");
                Step::new(format!("{ip}: {place}"), None).ending(Answer::Unknown { reason })
            }
        }
    }

    fn local_upstreams(&mut self, query: Query<'_>, node: usize, index: usize, path: &mut Path) -> Vec<Step> {
        let graph = self.graph;
        let Some(local) = graph.nodes.get(node).and_then(|n| n.locals.get(index)) else { return Vec::new() };
        let upstreams = local.asks(query.name);
        if upstreams.is_empty() {
            return vec![Step::dead(
                format!("{} has no upstream", local.program),
                Some(local.location),
                "it refuses the query",
            )];
        }
        let query = Query { sender: Sender::Node, ..query };
        let mut steps = Vec::new();
        for upstream in upstreams {
            let Some((ip, port)) = split_address(&upstream.value) else { continue };
            let step = Step::new(format!("asks {}", upstream.value), upstream.location());
            steps.push(step.then(vec![self.send(query, ip, port.unwrap_or(53), path)]));
        }
        steps
    }

    /// Enters a server: the block that takes the name, then its plugins.
    fn enter(&mut self, query: Query<'_>, door: Door, lead: String, path: &mut Path) -> Step {
        let Door { server, ip, port } = door;
        let graph = self.graph;
        let Some(vertex) = graph.servers.get(server) else { return Step::dead(lead, None, "no such server") };
        let lead = if lead.is_empty() { vertex.name.clone() } else { format!("{lead}: {}", vertex.name) };
        if vertex.blocks.is_empty() {
            let reason = format!("the snapshot does not have the configuration of {}", vertex.name);
            return Step::new(lead, None).ending(Answer::Unknown { reason });
        }
        let Some(index) = block::select(graph, server, query.name, ip, port) else {
            let reason = "no server block on this address and port takes the name".to_owned();
            return Step::new(lead, None).ending(Answer::Error { code: "REFUSED".to_owned(), reason });
        };
        let Some(block) = vertex.blocks.get(index) else { return Step::dead(lead, None, "no such block") };
        let zone = block.best_zone(query.name).map_or(".", |z| z.value.as_str());
        let step = Step::new(format!("{lead}, block `{zone}`"), [block.location]);
        let mark = (server, index, query.name.to_owned());
        if path.contains(&mark) {
            return step.ending(Answer::DeadEnd { reason: "the query is back where it was: a loop".to_owned() });
        }
        path.push(mark);
        let next = self.chain(query, door, index, path);
        path.pop();
        step.then(next)
    }

    fn chain(&mut self, query: Query<'_>, door: Door, index: usize, path: &mut Path) -> Vec<Step> {
        let server = door.server;
        let graph = self.graph;
        let Some(config) = self.cluster.dns_servers.get(server) else { return Vec::new() };
        let Some(block) = graph.servers.get(server).and_then(|v| v.blocks.get(index)) else { return Vec::new() };
        let asked = Asked { name: query.name, types: query.types, client: client(query.sender, door.ip) };
        let handled = block::run(self.cluster, config, block, asked);
        let query = Query { name: &handled.name, types: &handled.types, ..query };
        let mut steps = handled.steps;
        match handled.outcome {
            Outcome::Answered => {}
            Outcome::Alias { target, keeps_code } => {
                // the target starts again at the choice of the block, on the same listener
                let again = Query { name: &target, ..query };
                let mut next = match block::select(graph, server, &target, door.ip, door.port) {
                    Some(_) if path.len() < MAX_HOPS => {
                        self.enter(again, door, format!("{target} is asked next"), path)
                    }
                    Some(_) => Step::dead(target.clone(), None, "the way is too long to follow"),
                    None => {
                        let reason = "no block of the server takes the name that the alias leads to".to_owned();
                        Step::new(target.clone(), None).ending(Answer::Nodata { reason })
                    }
                };
                next.hide_code(keeps_code);
                steps.push(next);
            }
            Outcome::Forward { indexes, otherwise } => {
                let mut passed_on = Vec::new();
                for index in indexes {
                    let mut next = self.forward(query, server, block, index, path);
                    next.only_after = std::mem::take(&mut passed_on);
                    if !next.only_after.is_empty() {
                        next.text = format!("after {}: {}", next.only_after.join(" or "), next.text);
                    }
                    passed_on = block.forwards.get(index).map(Forward::passes_on).unwrap_or_default();
                    steps.push(next);
                }
                if let Some(answer) = otherwise {
                    let text = format!("after {}: no forward of the block is left", passed_on.join(" or "));
                    let mut last = Step::new(text, [block.location]).ending(answer);
                    last.only_after = passed_on;
                    steps.push(last);
                }
            }
        }
        steps
    }

    fn forward(&mut self, query: Query<'_>, server: usize, block: &Block<'_>, index: usize, path: &mut Path) -> Step {
        let Some(forward) = block.forwards.get(index) else { return Step::dead("forward", None, "no such forward") };
        let forced = forward.force_tcp.is_some();
        let prefer_udp = forward.syntax.property("prefer_udp").is_some();
        let transport = match (forced, prefer_udp) {
            (true, _) => Transport::Tcp,
            (false, true) => Transport::Udp,
            (false, false) => query.transport,
        };
        let mut tail = if forced { ", over TCP (force_tcp)".to_owned() } else { String::new() };
        let in_order = forward.sequential && forward.upstreams.len() > 1;
        if in_order {
            tail.push_str(", in this order (policy sequential)");
        }
        let words: Vec<&str> = forward.syntax.arg_texts().collect();
        let at = std::iter::once(forward.location).chain(forward.force_tcp);
        let mut step = Step::new(format!("forward {}{tail}", words.join(" ")), at);
        (step.in_order, step.failover) = (in_order, forward.fails_over());
        let query = Query { sender: Sender::Server(server), transport, ..query };
        for upstream in &forward.upstreams {
            step.next.extend(self.upstream(query, server, upstream, path));
        }
        if step.next.is_empty() {
            step.answer = Some(Answer::Error { code: "SERVFAIL".to_owned(), reason: "no upstream is left".to_owned() });
        }
        step
    }

    fn upstream(
        &mut self,
        query: Query<'_>,
        server: usize,
        upstream: &Located<Upstream>,
        path: &mut Path,
    ) -> Vec<Step> {
        let pillar = |w: &Self| w.graph.servers.get(server).and_then(|v| v.cluster_dns_pillar.clone());
        match &upstream.value {
            Upstream::Address { ip, encrypted: true, .. } => {
                let step = Step::new(format!("{ip}: over TLS"), upstream.location());
                vec![step.ending(query.outside(*ip))]
            }
            Upstream::Address { ip, port, .. } => vec![self.send(query, *ip, *port, path)],
            Upstream::File(file) if self.graph.servers.get(server).is_some_and(|v| v.files.contains_key(file)) => {
                self.file(query, server, ServerFile::Mounted(file), path)
            }
            Upstream::File(file) if file == "/etc/resolv.conf" => self.file(query, server, ServerFile::Own, path),
            Upstream::Placeholder(text) if text == "__PILLAR__UPSTREAM__SERVERS__" => {
                self.file(query, server, ServerFile::Own, path)
            }
            Upstream::Placeholder(text) if text == "__PILLAR__CLUSTER__DNS__" => match pillar(self) {
                Some(ip) => vec![self.send(query, ip.value, 53, path)],
                None => {
                    vec![unknown(text, upstream.location(), "the Service that it stands for is not in the snapshot")]
                }
            },
            Upstream::File(text) => vec![unknown(text, upstream.location(), "the snapshot does not have that file")],
            Upstream::Placeholder(text) | Upstream::Other(text) => {
                vec![unknown(text, upstream.location(), "it is no address")]
            }
        }
    }

    /// The nameservers of a file in the server's container: a node cache runs on this node, CoreDNS on any.
    fn file(&mut self, query: Query<'_>, server: usize, file: ServerFile<'_>, path: &mut Path) -> Vec<Step> {
        let graph = self.graph;
        let Some(vertex) = graph.servers.get(server) else { return Vec::new() };
        let every: Vec<usize> =
            if vertex.kind == ServerKind::NodeCache { vec![self.node] } else { (0..graph.nodes.len()).collect() };
        let mut variants: BTreeMap<(usize, Option<Vec<String>>), Vec<usize>> = BTreeMap::new();
        for node in every {
            let list = file.nameservers(graph, vertex, node).map(|l| l.iter().map(|n| n.value.clone()).collect());
            let order = variants.iter().find(|((_, known), _)| *known == list).map_or(node, |((order, _), _)| *order);
            variants.entry((order, list)).or_default().push(node);
        }
        let several = variants.len() > 1;
        let mut steps = Vec::new();
        for ((first, _), nodes) in variants {
            let names: Vec<&str> = nodes.iter().filter_map(|n| graph.nodes.get(*n)).map(|n| n.name.as_str()).collect();
            let name = file.name();
            let lead = if several { format!("{name}, if it runs on {}", names.join(", ")) } else { name };
            let Some(list) = file.nameservers(graph, vertex, first) else {
                steps.push(unknown(
                    &lead,
                    file.decided_at(vertex),
                    "the snapshot does not have the file that it is made from",
                ));
                continue;
            };
            let before = self.node;
            self.node = first;
            let mut step = Step::new(lead, file.places(graph, vertex, first));
            for nameserver in list {
                let Some((ip, _)) = split_address(&nameserver.value) else { continue };
                let mut next = self.send(query, ip, 53, path);
                next.at.extend(nameserver.location());
                step.next.push(next);
            }
            self.node = before;
            if step.next.is_empty() {
                step.answer = Some(Answer::Error {
                    code: "SERVFAIL".to_owned(),
                    reason: "the file names no nameserver".to_owned(),
                });
            }
            steps.push(step);
        }
        steps
    }

    /// The node where the walk is, for messages.
    #[must_use]
    pub fn node_name(&self) -> &str {
        self.site().map_or("", |site| site.name.as_str())
    }
}

/// The address of a client, where the files tell it: queries to the loopback come from there.
fn client(sender: Sender, to: Option<IpAddr>) -> Option<IpAddr> {
    let own = to.filter(|ip| ip.is_loopback() && !matches!(sender, Sender::Pod))?;
    Some(if own.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) })
}

fn unknown(text: &str, at: Option<Location>, reason: &str) -> Step {
    Step::new(text, at).ending(Answer::Unknown { reason: reason.to_owned() })
}

fn binds(vertex: &Vertex<'_>, ip: IpAddr) -> bool {
    vertex.local_ips.iter().any(|local| local.value == ip)
        || vertex.blocks.iter().any(|block| block.bind.iter().any(|bind| bind.value.parse() == Ok(ip)))
}
