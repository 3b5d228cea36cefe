//! Whom a server or a resolver asks: its forwards, the files that name their upstreams, and what node-cache fills in.

use super::names::Answer;
use super::step::Step;
use super::walk::{Path, Place, Query, Walk};
use crate::analysis::servers::read::{Block, Forward, Upstream};
use crate::analysis::servers::routing::{Graph, LocalResolver, Site, Taker, Target, Vertex};
use crate::analysis::transport::Transport;
use crate::source::{Located, Location};
use std::collections::BTreeMap;

/// A file with nameservers in a server's container.
#[derive(Clone, Copy, Debug)]
enum ServerFile<'f> {
    /// /etc/resolv.conf as the kubelet makes it.
    Own,
    /// One that a volume puts there.
    Mounted(&'f str),
}

impl ServerFile<'_> {
    fn name(self) -> String {
        match self {
            Self::Own => "its resolv.conf".to_owned(),
            Self::Mounted(path) => format!("{path} in its container"),
        }
    }

    fn nameservers(self, graph: &Graph<'_>, vertex: &Vertex<'_>, node: usize) -> Option<Vec<Located<String>>> {
        match self {
            Self::Own => graph.own_nameservers(&vertex.dns, node),
            Self::Mounted(path) => graph.in_mounted_file(vertex, node, path).map(<[_]>::to_vec),
        }
    }

    /// Where it is decided which file that is.
    fn decided_at(self, vertex: &Vertex<'_>) -> Option<Location> {
        match self {
            Self::Own => vertex.dns.policy_location,
            Self::Mounted(path) => vertex.files.get(path).map(|file| file.mount),
        }
    }

    fn places(self, graph: &Graph<'_>, vertex: &Vertex<'_>, node: usize) -> Vec<Location> {
        let reasons = graph.nodes.get(node).map(|n| n.host_reasons.iter().map(|(at, _)| *at)).into_iter().flatten();
        let of_node = matches!(self, Self::Own) && !vertex.dns.asks_cluster_dns;
        self.decided_at(vertex).into_iter().chain(reasons.filter(|_| of_node)).collect()
    }
}

impl Walk<'_, '_> {
    /// The forwards of a block that a query may take, each but the first only after what the one before passes on, and
    /// what comes of it where the last one passes it on, too.
    pub(super) fn forwards(
        &mut self,
        query: Query<'_>,
        vertex: &Vertex<'_>,
        block: &Block<'_>,
        indexes: &[usize],
        otherwise: Option<Answer>,
        path: &mut Path,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut passed_on = Vec::new();
        for forward in indexes.iter().filter_map(|index| block.forwards.get(*index)) {
            let mut next = self.forward(query, vertex, forward, path);
            next.only_after = std::mem::take(&mut passed_on);
            if !next.only_after.is_empty() {
                next.text = format!("after {}: {}", next.only_after.join(" or "), next.text);
            }
            passed_on = forward.passes_on();
            steps.push(next);
        }
        if let Some(answer) = otherwise {
            let text = format!("after {}: no forward of the block is left", passed_on.join(" or "));
            let mut last = Step::new(text, [block.location]).ending(answer);
            last.only_after = passed_on;
            steps.push(last);
        }
        steps
    }

    fn forward(&mut self, query: Query<'_>, vertex: &Vertex<'_>, forward: &Forward<'_>, path: &mut Path) -> Step {
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
        let query = Query { transport, ..query };
        for upstream in &forward.upstreams {
            for filled in vertex.filled(upstream) {
                step.next.extend(self.upstream(query, vertex, &filled, filled.origins != upstream.origins, path));
            }
        }
        if step.next.is_empty() {
            step.answer = Some(Answer::Error { code: "SERVFAIL".to_owned(), reason: "no upstream is left".to_owned() });
        }
        step
    }

    /// One upstream; `elsewhere`: another file than the Corefile names it.
    fn upstream(
        &mut self,
        query: Query<'_>,
        vertex: &Vertex<'_>,
        upstream: &Located<Upstream>,
        elsewhere: bool,
        path: &mut Path,
    ) -> Vec<Step> {
        let at = upstream.location();
        match &upstream.value {
            Upstream::Address { ip, port, encrypted } => {
                let target = Target { encrypted: *encrypted, ..Target::plain(*ip, *port) };
                let mut step = self.send(query, target, path);
                step.at.extend(at.filter(|_| elsewhere));
                vec![step]
            }
            Upstream::File(file) if vertex.files.contains_key(file) => {
                self.file(query, vertex, ServerFile::Mounted(file), path)
            }
            Upstream::File(file) if file == "/etc/resolv.conf" => self.file(query, vertex, ServerFile::Own, path),
            Upstream::File(text) => vec![unknown(text, at, "the snapshot does not have that file")],
            Upstream::Placeholder(text) if upstream.value.is_placeholder_of_cluster_dns() => {
                vec![unknown(text, at, "the Service that it stands for is not in the snapshot")]
            }
            Upstream::Placeholder(text) | Upstream::Other(text) => vec![unknown(text, at, "it is no address")],
        }
    }

    /// The nameservers of a file in the server's container, on each node where it may run.
    fn file(&mut self, query: Query<'_>, vertex: &Vertex<'_>, file: ServerFile<'_>, path: &mut Path) -> Vec<Step> {
        let graph = self.graph;
        let variants = variants(graph, vertex, file, query.from);
        let several = variants.len() > 1;
        let mut steps = Vec::new();
        for Variant { list, nodes } in variants {
            let names: Vec<&str> = nodes.iter().filter_map(|n| graph.nodes.get(*n)).map(|n| n.name.as_str()).collect();
            let name = file.name();
            let lead = if several { format!("{name}, if it runs on {}", names.join(", ")) } else { name };
            let Some(list) = list else {
                let reason = "the snapshot does not have the file that it is made from";
                steps.push(unknown(&lead, file.decided_at(vertex), reason));
                continue;
            };
            let Some(first) = nodes.first().copied() else { continue };
            let mut step = Step::new(lead, file.places(graph, vertex, first));
            let query = Query { from: Place { node: first, anywhere: query.from.anywhere && !several }, ..query };
            for (word, target) in list.iter().filter_map(|word| Some((word, Target::read(&word.value)?))) {
                let mut next = self.send(query, target, path);
                next.at.extend(word.location());
                step.next.push(next);
            }
            if step.next.is_empty() {
                let reason = "the file names no nameserver".to_owned();
                step.answer = Some(Answer::Error { code: "SERVFAIL".to_owned(), reason });
            }
            steps.push(step);
        }
        steps
    }

    /// Whom a resolver without a Corefile asks. Like dnsmasq and systemd-resolved it leaves out what is itself.
    pub(super) fn resolver(
        &mut self,
        query: Query<'_>,
        resolver: &LocalResolver,
        site: Site,
        path: &mut Path,
    ) -> Vec<Step> {
        let program = &resolver.program;
        if resolver.keeps(query.name) {
            let reason = format!("{program} answers the name itself or not at all");
            return vec![
                Step::new(format!("{program} sends it to nobody"), [resolver.location])
                    .ending(Answer::Unknown { reason }),
            ];
        }
        let Some(asked) = self.graph.asked_by(resolver, site, query.from.node, query.name) else {
            let reason = "the snapshot does not have the file that it is made from";
            return vec![unknown("its resolv.conf", Some(resolver.location), reason)];
        };
        let mut steps = Vec::new();
        for upstream in asked {
            let step = Step::new(format!("asks {}", upstream.value), upstream.location());
            let Some(target) = Target::read(&upstream.value) else {
                let reason = "it is no address".to_owned();
                steps.push(step.ending(Answer::Unknown { reason }));
                continue;
            };
            let doors = self.graph.doors(query.sender, query.from.node, target);
            if doors.iter().any(|door| door.taker == Taker::Resolver(site)) {
                continue;
            }
            steps.push(step.then(vec![self.send(query, target, path)]));
        }
        if steps.is_empty() {
            let text = format!("{program} has no upstream but itself");
            steps.push(Step::dead(text, Some(resolver.location), "it refuses the query"));
        }
        steps
    }
}

/// What a file holds on some of the nodes; `None` where the snapshot does not tell.
struct Variant {
    list: Option<Vec<Located<String>>>,
    nodes: Vec<usize>,
}

/// The variants of a file over the nodes where its server may run, in the order of the nodes.
fn variants(graph: &Graph<'_>, vertex: &Vertex<'_>, file: ServerFile<'_>, at: Place) -> Vec<Variant> {
    let nodes = if at.anywhere { 0..graph.nodes.len() } else { at.node..at.node + 1 };
    let mut variants: Vec<Variant> = Vec::new();
    let mut known: BTreeMap<Option<Vec<String>>, usize> = BTreeMap::new();
    for node in nodes {
        let list = file.nameservers(graph, vertex, node);
        let words = list.as_ref().map(|list| list.iter().map(|word| word.value.clone()).collect());
        let index = *known.entry(words).or_insert(variants.len());
        match variants.get_mut(index) {
            Some(variant) => variant.nodes.push(node),
            None => variants.push(Variant { list, nodes: vec![node] }),
        }
    }
    variants
}

fn unknown(text: &str, at: Option<Location>, reason: &str) -> Step {
    Step::new(text, at).ending(Answer::Unknown { reason: reason.to_owned() })
}
