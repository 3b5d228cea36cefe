//! The way of one look-up: the names a library asks for, the servers each passes, and who answers.

pub mod block;
pub mod candidates;
mod doors;
pub mod endpoints;
pub mod lookup;
pub mod names;
pub mod plugins;
pub mod step;
mod upstreams;
pub mod wait;
pub mod walk;

pub use candidates::{Candidate, Candidates, Failure, Library, candidates};

use crate::analysis::facts::{Facts, ProxyMode};
use crate::analysis::node_dns::{self, NodeDns};
use crate::analysis::pod::surroundings::{FIXED_KERNEL, kernel_is_older};
use crate::analysis::servers::graph::Routes;
use crate::analysis::transport::Transport;
use crate::model::Cluster;
use crate::source::Snapshot;
use crate::syntax::resolv_conf::glibc::{self, Glibc};
use crate::syntax::resolv_conf::golang::{self, Go};
use crate::syntax::resolv_conf::musl::{self, Musl};
use crate::syntax::resolv_conf::resolver::Flag;
use crate::syntax::resolv_conf::{Environment, ResolvConf, Resolver};
use lookup::{Course, Question, Reply};
use names::{Answer, reverse_name};
use std::net::IpAddr;
use step::Step;
use wait::Timing;
use walk::Walk;

/// The releases whose reading of the file stands for each library.
const GLIBC: Glibc = Glibc::new(2, 36);
const MUSL: Musl = Musl::new(1, 2, 5);
const GO: Go = Go::new(1, 26);

/// Who asks.
#[derive(Clone, Debug)]
pub struct Client<'c> {
    /// Index of the node in [`node_dns::all`].
    pub node: usize,
    /// The process is in the node's network: the node itself, or a pod with `hostNetwork`.
    pub on_node: bool,
    /// Text of its /etc/resolv.conf.
    pub resolv_conf: &'c str,
}

/// One library's look-up.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// The library.
    pub library: Library,
    /// The names in order.
    pub candidates: Candidates,
    /// Queries if no name exists.
    pub packets: usize,
    /// What it does with the answers of the ways; a server outside the snapshot is supposed to have records.
    pub course: Course,
    /// What it does when every nameserver is silent.
    pub silent: Course,
    /// What it does when the first nameserver is silent and the others answer; `None` where there are no others.
    pub first_silent: Option<Course>,
    /// Settings of the file as the library reads them.
    pub resolver: Resolver,
    /// Place in [`candidates`](Self::candidates) of the first name that has records; `None` where none has, or where
    /// servers outside the snapshot decide first.
    pub answered_by: Option<usize>,
}

/// One name with its ways, one for each nameserver of the file.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The name, fully qualified.
    pub name: String,
    /// The ways.
    pub ways: Vec<Step>,
}

impl Lookup {
    /// Every end of its ways.
    #[must_use]
    pub fn answers(&self) -> Vec<&names::Answer> {
        self.ways.iter().flat_map(Step::answers).collect()
    }

    /// Whether the first nameserver leads to records.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.ways.first().is_some_and(|way| way.answers().iter().any(|a| a.is_positive()))
    }

    /// Whether the name exists without records.
    #[must_use]
    pub fn has_no_records(&self) -> bool {
        let ends = self.ways.first().map(Step::answers).unwrap_or_default();
        ends.iter().any(|a| matches!(a, names::Answer::Nodata { .. }))
    }

    /// Whether the snapshot cannot tell.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ways.first().is_some_and(|way| way.answers().iter().any(|a| a.is_open()))
    }
}

/// A look-up from end to end.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The name as given, or the reverse name of an address.
    pub name: String,
    /// Record types that are asked for.
    pub types: Vec<&'static str>,
    /// One for each library.
    pub sequences: Vec<Sequence>,
    /// Every candidate of any library, in order.
    pub lookups: Vec<Lookup>,
    /// Two queries of one socket pass a Service address on a kernel that may drop one of them: the sentence why.
    pub race: Option<String>,
}

impl Trace {
    /// Whether some candidate has records, or may have.
    #[must_use]
    pub fn may_answer(&self) -> bool {
        self.lookups.iter().any(|l| l.is_answered() || l.is_open())
    }
}

/// Follows `name` for a client, which asks for records of type `kind`, or for what fits the name.
#[must_use]
pub fn trace(
    snapshot: &Snapshot,
    cluster: &Cluster,
    nodes: &[NodeDns],
    client: &Client<'_>,
    name: &str,
    kind: Option<&'static str>,
) -> Trace {
    let facts = Facts::of(cluster);
    let sites = node_dns::sites(snapshot, cluster, nodes);
    let routes = Routes::of(cluster, &facts, sites);
    let socket_lb = facts.proxy.as_ref().is_some_and(|p| p.value == ProxyMode::Replaced);
    let (name, types): (String, Vec<&'static str>) = match name.parse::<IpAddr>() {
        Ok(ip) => (reverse_name(ip), vec!["PTR"]),
        Err(_) if name.trim_end_matches('.').to_ascii_lowercase().ends_with(".arpa") => (absolute(name), vec!["PTR"]),
        Err(_) if name.starts_with('_') => (name.to_owned(), vec!["SRV"]),
        Err(_) => (name.to_owned(), vec!["A", "AAAA"]),
    };
    let types = kind.map_or(types, |kind| vec![kind]);
    let conf = ResolvConf::parse(client.resolv_conf);
    let env = Environment::default();
    let read = [
        (Library::Glibc, glibc::read(&conf, GLIBC, &env)),
        (Library::Musl, musl::read(&conf, MUSL, &env)),
        (Library::Go, golang::read(&conf, GO, &env)),
    ];
    let used = |resolver: &Resolver| resolver.used.iter().map(|n| n.value.address).collect::<Vec<IpAddr>>();
    let servers = read.first().map(|(_, resolver)| used(resolver)).unwrap_or_default();
    let tcp = read.first().is_some_and(|(_, resolver)| resolver.flags.contains_key(&Flag::UseVc));
    let transport = if tcp { Transport::Tcp } else { Transport::Udp };
    let asked: Vec<(Library, Resolver, Candidates)> = read
        .into_iter()
        .map(|(library, resolver)| {
            let timing = Timing::of(&resolver);
            let names = candidates(library, &name, &timing.search, timing.ndots);
            (library, resolver, names)
        })
        .collect();
    let mut walk = Walk::new(cluster, &routes.graph, client.node, socket_lb, &types);
    let mut lookups: Vec<Lookup> = Vec::new();
    for candidate in asked.iter().flat_map(|(.., list)| &list.names).filter_map(Candidate::name) {
        let asked = candidate.to_ascii_lowercase();
        if !lookups.iter().any(|l| l.name == asked) {
            let ways = servers.iter().map(|ip| walk.from_client(*ip, &asked, client.on_node, transport)).collect();
            lookups.push(Lookup { name: asked, ways });
        }
    }
    let sequences = asked
        .into_iter()
        .map(|(library, resolver, list)| sequence(library, resolver, list, &name, types.len(), &lookups))
        .collect();
    let first = lookups.first().and_then(|l| l.ways.first());
    let race = first.filter(|_| types.len() > 1 && !tcp).and_then(|way| race(cluster, nodes, client, way));
    Trace { name, types, sequences, lookups, race }
}

fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_ascii_lowercase())
}

fn sequence(
    library: Library,
    resolver: Resolver,
    candidates: Candidates,
    name: &str,
    types: usize,
    lookups: &[Lookup],
) -> Sequence {
    let timing = Timing::of(&resolver);
    let known = |question: Question| reply(&candidates, lookups, question);
    let play = |replies: &dyn Fn(Question) -> Reply| lookup::play(library, name, &timing, types, replies);
    let first_silent = (timing.nameservers > 1)
        .then(|| play(&|question| if question.server == 0 { Reply::Silent } else { known(question) }));
    let (course, silent) = (play(&known), play(&|_| Reply::Silent));
    let answered_by = first_answer(library, &candidates, lookups);
    Sequence {
        library,
        packets: candidates.packets(types),
        course,
        silent,
        first_silent,
        answered_by,
        candidates,
        resolver,
    }
}

/// What a nameserver of the file gives for a candidate, as the ways tell: the best of all ends, since a forward with
/// several upstreams asks another one when one fails. What the snapshot cannot tell counts as records.
fn reply(candidates: &Candidates, lookups: &[Lookup], question: Question) -> Reply {
    let name = candidates.names.get(question.candidate).and_then(Candidate::name).unwrap_or_default();
    let lookup = lookups.iter().find(|l| l.name.eq_ignore_ascii_case(name));
    let way = lookup.and_then(|l| l.ways.get(question.server));
    let replies = way.map(Step::answers).unwrap_or_default().into_iter().map(|answer| match answer {
        Answer::Records { .. } | Answer::Alias { .. } | Answer::Outside { .. } | Answer::Unknown { .. } => {
            Reply::Answer
        }
        Answer::Nodata { .. } => Reply::Nodata,
        Answer::Nxdomain { .. } => Reply::Nxdomain,
        Answer::Error { code, .. } if code == "REFUSED" => Reply::Refused,
        Answer::Error { .. } => Reply::Servfail,
        Answer::DeadEnd { .. } => Reply::Silent,
    });
    replies.min().unwrap_or(Reply::Silent)
}

/// The first candidate with records; the search ends without telling at a name that the snapshot cannot judge.
fn first_answer(library: Library, candidates: &Candidates, lookups: &[Lookup]) -> Option<usize> {
    for (index, candidate) in candidates.names.iter().enumerate() {
        let name = candidate.name()?.to_ascii_lowercase();
        let lookup = lookups.iter().find(|l| l.name == name)?;
        if lookup.is_answered() {
            return Some(index);
        }
        // musl takes a name without addresses for the end of the search
        if lookup.is_open() || (library == Library::Musl && lookup.has_no_records()) {
            return None;
        }
    }
    None
}

/// Whether A and AAAA from one socket race in the connection tracking of the client's node (netfilter before 5.6).
fn race(cluster: &Cluster, nodes: &[NodeDns], client: &Client<'_>, way: &Step) -> Option<String> {
    if !way.dnat {
        return None;
    }
    let own = nodes.get(client.node).and_then(|n| cluster.nodes.get(n.node)).and_then(|n| n.versions.kernel.as_ref());
    match own {
        Some(kernel) if !kernel_is_older(&kernel.value, FIXED_KERNEL) => None,
        Some(kernel) => Some(format!(
            "A and AAAA leave one socket and pass the NAT of a Service address on kernel {}: one of them may be dropped \
             (glibc and musl; fixed in {}.{})",
            kernel.value, FIXED_KERNEL.0, FIXED_KERNEL.1
        )),
        None => Some(format!(
            "A and AAAA leave one socket and pass the NAT of a Service address: on a kernel before {}.{} one of them may \
             be dropped (glibc and musl); the snapshot does not tell the kernel",
            FIXED_KERNEL.0, FIXED_KERNEL.1
        )),
    }
}
