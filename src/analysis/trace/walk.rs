//! The way of one query: through the doors of the routing graph into servers and resolvers, until somebody answers.

use super::block::{self, Asked, Outcome};
use super::names::{self, Answer, Answered, Plugin};
use super::step::Step;
use crate::analysis::servers::read::Block;
use crate::analysis::servers::read::in_zone;
use crate::analysis::servers::routing::{Door, Graph, LocalResolver, Route, Sender, Site, Taker, Target};
use crate::analysis::servers::select::{Arrival, listens, select, select_parent};
use crate::analysis::transport::Transport;
use crate::model::Cluster;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Servers on one way; a longer one is a loop.
const MAX_HOPS: usize = 12;
/// Steps of one walk over all its branches.
const MAX_STEPS: usize = 400;

/// The node of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Index in [`Graph::nodes`].
    pub node: usize,
    /// It may be any other node, too.
    pub anywhere: bool,
}

/// A query on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'q> {
    pub sender: Sender,
    /// Where the sender runs.
    pub from: Place,
    pub name: &'q str,
    pub types: &'q [String],
    pub transport: Transport,
}

impl Query<'_> {
    /// The block that takes it.
    fn block(&self, blocks: &[Block<'_>], arrival: Arrival) -> Option<usize> {
        let choose = if self.types == ["DS"] { select_parent } else { select };
        choose(blocks, self.name, arrival)
    }

    pub(super) fn outside(&self, server: IpAddr) -> Answer {
        Answer::Outside { server: server.to_string(), name: self.name.to_owned(), types: self.types.to_vec() }
    }
}

/// A vertex behind a query: pods of one server stand for each other, but those in the network of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    site: Site,
    node: Option<usize>,
    /// The name that it was asked for: an alias may come back to a block.
    name: String,
}

/// The vertices behind a query.
#[derive(Default)]
pub(super) struct Path(Vec<Mark>);

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
        self.start(Sender::Node, Target::plain(server, port), name, transport)
    }

    /// Where a client's query for `name` goes; `on_node` for processes in the node's network.
    pub fn from_client(&mut self, server: IpAddr, name: &str, on_node: bool, transport: Transport) -> Step {
        let sender = if on_node { Sender::Node } else { Sender::Client };
        self.start(sender, Target::plain(server, 53), name, transport)
    }

    /// Where a query for `name` goes that has come to a block of a server, which runs on the node of the walk.
    pub fn from_block(&mut self, server: usize, block: usize, name: &str) -> Step {
        self.steps = 0;
        if let Some(refused) = self.graph.servers.get(server).and_then(|vertex| vertex.refused.as_ref()) {
            return Step::dead(refused.value.clone(), refused.location(), "the server does not serve this Corefile");
        }
        let types: Vec<String> = self.types.iter().map(|kind| (*kind).to_owned()).collect();
        let from = Place { node: self.node, anywhere: false };
        let query = Query { sender: Sender::Client, from, name, types: &types, transport: Transport::Udp };
        let socket = self.graph.servers.get(server).and_then(|v| v.blocks.get(block)?.sockets.first().copied());
        let encrypted = socket.is_some_and(|socket| socket.encrypted);
        let arrival = Arrival { ip: None, port: socket.map(|socket| socket.port), encrypted };
        let site = Site::Block { server, block };
        let title = Step::new(self.graph.taker_name(Taker::Server { server, arrival }), None);
        self.inside(&mut Path::default(), site, from, title, query, |walk, path| {
            walk.chain(query, site, arrival, from, path)
        })
    }

    fn start(&mut self, sender: Sender, target: Target, name: &str, transport: Transport) -> Step {
        self.steps = 0;
        let types: Vec<String> = self.types.iter().map(|kind| (*kind).to_owned()).collect();
        let from = Place { node: self.node, anywhere: false };
        self.send(Query { sender, from, name, types: &types, transport }, target, &mut Path::default())
    }

    /// Sends a query to an address.
    pub(super) fn send(&mut self, query: Query<'_>, target: Target, path: &mut Path) -> Step {
        self.steps += 1;
        let mut step = if self.steps > MAX_STEPS || path.0.len() > MAX_HOPS {
            Step::dead(target.ip.to_string(), None, "the way is too long to follow")
        } else {
            self.land(query, target, path)
        };
        step.transport = (!target.encrypted).then_some(query.transport);
        step
    }

    fn land(&mut self, query: Query<'_>, target: Target, path: &mut Path) -> Step {
        let graph = self.graph;
        let doors = graph.doors(query.sender, query.from.node, target);
        if let Some(closed) = self.closed_service(query, target, &doors) {
            return closed;
        }
        let mut ways: Vec<Step> = Vec::new();
        for door in &doors {
            let title = self.title(target, door);
            let lead = if title.is_some() { String::new() } else { self.lead(target, door) };
            let next = self.enter(query, target, door, lead, path);
            let Some(title) = title else {
                ways.push(next);
                continue;
            };
            // the servers behind one Service share its queries
            match ways.iter_mut().find(|way| way.text == title.text) {
                Some(same) => same.next.push(next),
                None => ways.push(title.then(vec![next])),
            }
        }
        match ways.len() {
            0 => self.nobody(query, target),
            1 => ways.remove(0),
            several => Step::new(format!("{}: any of {several} takes it", target.ip), None).then(ways),
        }
    }

    /// Enters what takes the query.
    fn enter(&mut self, query: Query<'_>, target: Target, door: &Door, lead: String, path: &mut Path) -> Step {
        let at = match (&door.route, door.node) {
            (Route::Itself | Route::Beside, _) => query.from,
            (_, Some(node)) => Place { node, anywhere: false },
            (_, None) => Place { node: query.from.node, anywhere: true },
        };
        match door.taker {
            Taker::Server { server, arrival } => self.enter_server(query, server, arrival, at, lead, path),
            Taker::Resolver(site) => self.enter_resolver(query, target, site, at, path),
        }
    }

    /// Goes on from a vertex unless the query has been there.
    fn inside(
        &mut self,
        path: &mut Path,
        site: Site,
        at: Place,
        step: Step,
        query: Query<'_>,
        go_on: impl FnOnce(&mut Self, &mut Path) -> Vec<Step>,
    ) -> Step {
        let on_host = match site {
            Site::Block { server, .. } => self.graph.is_on_host(Sender::Server(server)),
            Site::Pod { index } => self.graph.is_on_host(Sender::Pod(index)),
            Site::Local { .. } => true,
        };
        let mark = Mark { site, node: on_host.then_some(at.node), name: query.name.to_owned() };
        if let Some(since) = path.0.iter().position(|known| *known == mark) {
            let reason = match self.loop_detector(path.0.get(since..).unwrap_or_default()) {
                Some(program) => format!(
                    "the query is back where it was: {program} finds that out and does without this upstream \
                     (dns-loop-detect)"
                ),
                None => "the query is back where it was: a loop".to_owned(),
            };
            return step.ending(Answer::DeadEnd { reason });
        }
        path.0.push(mark);
        let next = go_on(self, path);
        path.0.pop();
        step.then(next)
    }

    /// The program of a resolver on the way that finds loops out by itself.
    fn loop_detector(&self, way: &[Mark]) -> Option<&str> {
        let mut resolvers = way.iter().filter_map(|mark| self.graph.resolver(mark.site));
        resolvers.find(|(resolver, _)| resolver.detects_loops).map(|(resolver, _)| resolver.program.as_str())
    }

    /// Enters a server: the block that takes the name, then its plugins.
    fn enter_server(
        &mut self,
        query: Query<'_>,
        server: usize,
        arrival: Arrival,
        at: Place,
        lead: String,
        path: &mut Path,
    ) -> Step {
        let graph = self.graph;
        let Some(vertex) = graph.servers.get(server) else { return Step::dead(lead, None, "no such server") };
        let lead = if lead.is_empty() { vertex.name.clone() } else { format!("{lead}: {}", vertex.name) };
        if vertex.blocks.is_empty() {
            let reason = format!("the snapshot does not have the configuration of {}", vertex.name);
            return Step::new(lead, None).ending(Answer::Unknown { reason });
        }
        if let Some(refused) = &vertex.refused {
            let reason = format!("it does not serve this Corefile: {}", refused.value);
            return Step::dead(lead, refused.location(), reason);
        }
        let Some(index) = query.block(&vertex.blocks, arrival) else {
            if !listens(&vertex.blocks, arrival) {
                let port = arrival.port.map_or_else(|| "that port".to_owned(), |port| format!("port {port}"));
                return Step::dead(lead, None, format!("none of its server blocks listens on {port} there"));
            }
            let reason = "no server block on this address and port takes the name".to_owned();
            return Step::new(lead, None).ending(Answer::Error { code: "REFUSED".to_owned(), reason });
        };
        let Some(block) = vertex.blocks.get(index) else { return Step::dead(lead, None, "no such block") };
        let zone = block.best_zone(query.name).map_or(".", |z| z.value.as_str());
        let step = Step::new(format!("{lead}, block `{zone}`"), [block.location]);
        let site = Site::Block { server, block: index };
        self.inside(path, site, at, step, query, |walk, path| walk.chain(query, site, arrival, at, path))
    }

    fn chain(&mut self, query: Query<'_>, site: Site, arrival: Arrival, at: Place, path: &mut Path) -> Vec<Step> {
        let Site::Block { server, block: index } = site else { return Vec::new() };
        let graph = self.graph;
        let Some(config) = self.cluster.dns_servers.get(server) else { return Vec::new() };
        let Some(vertex) = graph.servers.get(server) else { return Vec::new() };
        let Some(block) = vertex.blocks.get(index) else { return Vec::new() };
        let asked = Asked { name: query.name, types: query.types, client: client(query.sender, arrival.ip) };
        let handled = block::run(self.cluster, config, block, asked);
        let query = Query { name: &handled.name, types: &handled.types, ..query };
        let mut steps = handled.steps;
        match handled.outcome {
            Outcome::Answered => {}
            Outcome::Alias { target, keeps_code } => {
                // the target starts again at the choice of the block, on the same listener
                let again = Query { name: &target, ..query };
                let mut next = match again.block(&vertex.blocks, arrival) {
                    Some(_) if path.0.len() < MAX_HOPS => {
                        self.enter_server(again, server, arrival, at, format!("{target} is asked next"), path)
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
                let query = Query { sender: Sender::Server(server), from: at, ..query };
                steps.extend(self.forwards(query, vertex, block, &indexes, otherwise, path));
            }
        }
        steps
    }

    /// Enters a resolver without a Corefile: whom it asks for the name.
    fn enter_resolver(&mut self, query: Query<'_>, target: Target, site: Site, at: Place, path: &mut Path) -> Step {
        let Some((resolver, name)) = self.graph.resolver(site) else {
            return Step::dead(target.ip.to_string(), None, "no such resolver");
        };
        let (text, sender) = match site {
            Site::Pod { index } => (format!("{name}: {}", resolver.program), Sender::Pod(index)),
            _ => {
                let place = self.node_words(Some(at.node));
                (format!("{}: {} on {place}", target.ip, resolver.program), Sender::Node)
            }
        };
        let mut step = Step::new(text, [resolver.location]);
        if let Some(answered) = self.known_to_kube_dns(resolver, query) {
            step.at.extend(answered.at);
            return step.ending(answered.answer);
        }
        let query = Query { sender, from: at, ..query };
        self.inside(path, site, at, step, query, |walk, path| walk.resolver(query, resolver, site, path))
    }

    /// What kube-dns knows of a name: everything in its domain, and the reverse names of Services and pods.
    fn known_to_kube_dns(&self, resolver: &LocalResolver, query: Query<'_>) -> Option<Answered> {
        let domain = resolver.cluster_domain.as_ref()?;
        let zones = [domain.as_str(), "in-addr.arpa.", "ip6.arpa."];
        let zone = zones.into_iter().find(|zone| in_zone(query.name, zone))?;
        let answered = names::answer(self.cluster, &Plugin::of_kube_dns(), query.name, zone, query.types);
        let goes_on = zone != domain && matches!(answered.answer, Answer::Nxdomain { .. });
        (!goes_on).then_some(answered)
    }
}

/// The address of a client, where the files tell it: queries to the loopback come from there.
fn client(sender: Sender, to: Option<IpAddr>) -> Option<IpAddr> {
    let own = to.filter(|ip| ip.is_loopback() && sender != Sender::Client)?;
    Some(if own.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) })
}
