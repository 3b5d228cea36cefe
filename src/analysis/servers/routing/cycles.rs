//! The cycles of the graph: ways on which a query comes back to the block that sent it.

use super::doors::creates;
use super::probe::Notice;
use super::steps::{Step, Via, Visit};
use super::{Class, Graph, NodeSite, Placement, Site, Target, Vertex};
use crate::analysis::servers::chain::Asked;
use crate::source::{Located, Location};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

/// Vertices on one way; longer ones are cut (no real configuration comes near).
const MAX_HOPS: usize = 16;
/// Work of all searches together, in server blocks that are compared with a name.
const MAX_WORK: usize = 50_000_000;
/// Cycles that are told at most.
const MAX_LOOPS: usize = 1000;

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
    /// The way leads through another resolver in a pod.
    PodResolver,
    /// A redirect policy hands the address, and so the server's own queries, to the server.
    Redirect,
    /// `upstreamNameservers` of the kube-dns ConfigMap names an address that leads back.
    KubeDnsConfig,
    /// A file that a volume puts into the server's container names an address that leads back.
    MountedFile,
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
    /// Only some of the upstreams on the way lead back.
    pub partial: bool,
    /// How it comes about.
    pub cause: Cause,
    /// Node on which it was found, where that matters.
    pub node: Option<String>,
    /// What the `loop` plugin notices of it.
    pub notice: Notice,
}

impl Graph<'_> {
    /// Every cycle, each reported once for its first block, in the order of servers and blocks.
    #[must_use]
    pub fn loops(&self) -> Vec<Loop> {
        let blocks: usize = self.servers.iter().map(|v| v.blocks.iter().map(|b| b.zones.len()).sum::<usize>()).sum();
        let search = Search { graph: self, asked: Asked::Clients, left: Cell::new(MAX_WORK / (blocks + 1)) };
        let mut found = Found::default();
        let classes = self.classes();
        for node in self.distinct_nodes() {
            for class in &classes {
                for (server, vertex) in self.servers.iter().enumerate() {
                    if self.home_of(&vertex.placement).is_some_and(|home| home != node) {
                        continue;
                    }
                    for block in self.starts(server, &class.name) {
                        search.search_block(server, block, node, class, &mut found);
                    }
                }
            }
        }
        let mut list = one_per_nameserver(found.list, &self.nameserver_places());
        list.sort_by_key(|l| (l.server, l.block));
        list
    }

    /// Where files and ConfigMaps name nameservers.
    fn nameserver_places(&self) -> BTreeSet<Location> {
        let files = self.nodes.iter().filter_map(|node| node.host_nameservers.as_ref()).flatten();
        files.chain(self.servers.iter().flat_map(|v| &v.upstream_nameservers)).filter_map(Located::location).collect()
    }

    /// One node of each kind: nodes with the same nameservers and resolvers route alike, whatever their own addresses.
    pub(super) fn distinct_nodes(&self) -> Vec<usize> {
        let pinned: BTreeSet<&str> = self
            .servers
            .iter()
            .map(|v| &v.placement)
            .chain(self.pods.iter().map(|p| &p.placement))
            .filter_map(|placement| if let Placement::Node(name) = placement { Some(name.as_str()) } else { None })
            .collect();
        let mut seen = BTreeSet::new();
        let fresh = |(index, node): (usize, &NodeSite)| {
            let pin = pinned.contains(node.name.as_str()).then(|| node.name.clone());
            seen.insert((pin, shape(node))).then_some(index)
        };
        self.nodes.iter().enumerate().filter_map(fresh).collect()
    }
}

/// What matters of a node, with a word in place of its own addresses.
fn shape(node: &NodeSite) -> String {
    let word = |text: &str| match text.parse::<IpAddr>() {
        Ok(ip) if node.addresses.contains(&ip) => "own".to_owned(),
        _ => text.to_owned(),
    };
    let words = |list: &[Located<String>]| list.iter().map(|t| word(&t.value)).collect::<Vec<_>>();
    let nameservers = node.host_nameservers.as_deref().map(words);
    let cluster: Vec<String> = node.cluster_dns.iter().map(|ip| word(&ip.value.to_string())).collect();
    let local = |l: &super::LocalResolver| {
        let listens: Vec<String> = l.listens.iter().map(|ip| word(&ip.to_string())).collect();
        let conditional: Vec<_> = l.conditional.iter().map(|(zone, to)| (zone, word(&to.value))).collect();
        let rest = (l.port, &l.answered, &l.fixed, &l.general, l.detects_loops);
        format!("{} {listens:?} {:?} {conditional:?} {rest:?}", l.program, words(&l.upstreams))
    };
    let locals: Vec<String> = node.locals.iter().map(local).collect();
    let files: Vec<_> = node.files.iter().map(|(path, list)| (path, words(list))).collect();
    format!("{nameservers:?} {cluster:?} {locals:?} {files:?}")
}

/// Cycles so far.
#[derive(Default)]
struct Found {
    list: Vec<Loop>,
    starts: BTreeSet<(usize, usize, usize, String)>,
    places: BTreeSet<Vec<Location>>,
}

impl Found {
    /// Keeps a cycle unless it is known: by its start and upstream for another class, or from another of its blocks.
    fn add(&mut self, new: Loop) {
        let start = (new.server, new.block, new.forward, new.upstream.value.clone());
        let mut places: Vec<Location> = new.hops.iter().map(|hop| hop.location).collect();
        places.sort_unstable();
        let known = !self.starts.insert(start) || !self.places.insert(places);
        if !known && self.list.len() < MAX_LOOPS {
            self.list.push(new);
        }
    }
}

/// One cycle for each place that names a nameserver: the other cycles through it end with the same edit.
///
/// The one that tells most stays: all upstreams lead back, the shortest way, the widest zone.
fn one_per_nameserver(found: Vec<Loop>, places: &BTreeSet<Location>) -> Vec<Loop> {
    let place = |l: &Loop| {
        let on_way = l.hops.iter().map(|hop| hop.location).find(|at| places.contains(at));
        on_way.filter(|_| l.cause != Cause::LoopbackNameserver)
    };
    let rank = |l: &Loop| (l.partial, l.hops.len(), l.zone != ".");
    let mut kept: Vec<Loop> = Vec::new();
    let mut at_place: BTreeMap<Location, usize> = BTreeMap::new();
    for new in found {
        let at = place(&new);
        match at.and_then(|at| at_place.get(&at)).and_then(|index| kept.get_mut(*index)) {
            Some(known) if rank(&new) < rank(known) => *known = new,
            Some(_) => {}
            None => {
                if let Some(at) = at {
                    at_place.insert(at, kept.len());
                }
                kept.push(new);
            }
        }
    }
    kept
}

/// An edge that was taken: from where, which of its steps, and which of that step's landings.
#[derive(Clone)]
pub(super) struct Taken {
    pub from: Visit,
    pub step: Step,
    pub landing: usize,
}

impl Taken {
    fn to(&self) -> Option<Visit> {
        let landing = self.step.landings.get(self.landing)?;
        Some(Visit { site: landing.site, node: landing.node, name: self.step.name.clone() })
    }
}

/// A search for ways back to a block.
pub(super) struct Search<'g, 'a> {
    pub graph: &'g Graph<'a>,
    pub asked: Asked,
    /// Steps that may still be taken.
    pub left: Cell<usize>,
}

/// A way back.
pub(super) struct Way {
    taken: Vec<Taken>,
    /// Only some of the upstreams on it lead back.
    pub partial: bool,
}

impl Way {
    /// The server blocks on it, in order.
    pub(super) fn blocks(&self) -> Vec<(usize, usize)> {
        let block = |taken: &Taken| match taken.from.site {
            Site::Block { server, block } => Some((server, block)),
            _ => None,
        };
        self.taken.iter().filter_map(block).collect()
    }
}

impl Search<'_, '_> {
    fn search_block(&self, server: usize, block: usize, node: usize, class: &Class, found: &mut Found) {
        let start = Visit { site: Site::Block { server, block }, node, name: class.name.clone() };
        for way in self.ways(&start) {
            let Some(first) = way.taken.first() else { continue };
            let Some(vertex) = self.graph.servers.get(server) else { continue };
            let hops = way.taken.iter().flat_map(|taken| self.hops(taken, &class.zone)).collect();
            found.add(Loop {
                server,
                block,
                forward: first.step.forward,
                upstream: first.step.nameserver.clone(),
                zone: class.zone.clone(),
                hops,
                partial: way.partial,
                cause: self.cause(&way, vertex, server),
                node: self.graph.nodes.get(node).map(|n| n.name.clone()).filter(|n| !n.is_empty()),
                notice: self.graph.notice(&way, node, &class.zone),
            });
        }
    }

    /// The ways back to the start, one for each upstream that leads there.
    pub(super) fn ways(&self, start: &Visit) -> Vec<Way> {
        let steps = self.steps(start);
        let mut ways: Vec<Vec<Taken>> = Vec::new();
        let mut leading = BTreeSet::new();
        for step in &steps {
            let landings = 0..step.landings.len();
            let way = landings.filter_map(|landing| {
                let first = Taken { from: start.clone(), step: step.clone(), landing };
                self.back(first, start)
            });
            if let Some(way) = way.min_by_key(Vec::len) {
                leading.insert((step.forward, &step.nameserver.value));
                ways.push(way);
            }
        }
        let all: BTreeSet<_> = steps.iter().map(|step| (step.forward, &step.nameserver.value)).collect();
        let every = leading.len() == all.len();
        ways.into_iter()
            .map(|taken| {
                let partial = !every || taken.iter().skip(1).any(|t| !self.all_lead_back(&t.from, start));
                Way { taken, partial }
            })
            .collect()
    }

    /// Whether each upstream of a vertex leads to `start`.
    fn all_lead_back(&self, from: &Visit, start: &Visit) -> bool {
        self.steps(from).into_iter().all(|step| {
            (0..step.landings.len())
                .any(|landing| self.back(Taken { from: from.clone(), step: step.clone(), landing }, start).is_some())
        })
    }

    /// The shortest way to `start` that begins with an edge.
    fn back(&self, first: Taken, start: &Visit) -> Option<Vec<Taken>> {
        let mut edges: Vec<(Taken, Option<usize>, usize)> = vec![(first, None, 1)];
        let mut queue = VecDeque::from([0]);
        let mut seen = BTreeSet::new();
        while let Some(at) = queue.pop_front() {
            let (taken, _, depth) = edges.get(at)?;
            let (to, depth) = (taken.to()?, *depth);
            if is_same(&to, start, self.graph) {
                return Some(trail(&edges, at));
            }
            if depth >= MAX_HOPS || !seen.insert(to.clone()) {
                continue;
            }
            for step in self.steps(&to) {
                for landing in 0..step.landings.len() {
                    queue.push_back(edges.len());
                    edges.push((Taken { from: to.clone(), step: step.clone(), landing }, Some(at), depth + 1));
                }
            }
        }
        None
    }

    fn steps(&self, visit: &Visit) -> Vec<Step> {
        let Some(left) = self.left.get().checked_sub(1) else { return Vec::new() };
        self.left.set(left);
        let mut steps = self.graph.steps(visit, self.asked);
        // it finds out at run time which upstreams lead back to it, so that no cycle goes through it
        if self.graph.resolver(visit.site).is_some_and(|(resolver, _)| resolver.detects_loops) {
            steps.iter_mut().for_each(|step| step.landings.clear());
        }
        steps
    }

    fn cause(&self, way: &Way, vertex: &Vertex<'_>, own: usize) -> Cause {
        let through = |test: fn(Site) -> bool| way.taken.iter().any(|taken| test(taken.from.site));
        let Some(first) = way.taken.first() else { return Cause::Service };
        let target = first.step.target;
        if through(|site| matches!(site, Site::Local { .. })) {
            return Cause::NodeResolver;
        }
        if through(|site| matches!(site, Site::Pod { .. })) {
            return Cause::PodResolver;
        }
        let itself = first.to().is_some_and(|to| matches!(to.site, Site::Block { server, .. } if server == own));
        let local = |t: Target| t.ip.is_loopback();
        let redirected =
            |t: Target| self.graph.redirects.iter().any(|r| r.server == own && r.addresses.contains(&t.ip));
        if itself && target.is_some_and(redirected) {
            return Cause::Redirect;
        }
        match first.step.via {
            Via::KubeDns => Cause::KubeDnsConfig,
            Via::Mounted(_) => Cause::MountedFile,
            Via::File if target.is_some_and(local) => Cause::LoopbackNameserver,
            Via::File => Cause::ResolvConf,
            _ if itself && target.is_some_and(|t| creates(vertex, t.ip) || !self.graph.is_service(t.ip)) => {
                Cause::OwnAddress
            }
            _ => Cause::Service,
        }
    }
}

/// Whether the way is closed: pods of one server stand for each other, on whatever node, except those in the node's own
/// network.
fn is_same(to: &Visit, start: &Visit, graph: &Graph<'_>) -> bool {
    let Site::Block { server, .. } = start.site else { return false };
    let on_host = graph.servers.get(server).is_some_and(|vertex| vertex.dns.host_network);
    to.site == start.site && to.name == start.name && (to.node == start.node || !on_host)
}

fn trail(edges: &[(Taken, Option<usize>, usize)], end: usize) -> Vec<Taken> {
    let mut way = Vec::new();
    let mut at = Some(end);
    while let Some((taken, before, _)) = at.and_then(|index| edges.get(index)) {
        way.push(taken.clone());
        at = *before;
    }
    way.reverse();
    way
}
