//! One step of a query: whom a server block or a resolver asks for a name, and who answers there.

use super::doors::Sender;
use super::land::Landing;
use super::{Graph, LocalResolver, OwnDns, Site, Target, Vertex};
use crate::analysis::effective::versions::MAX_NAMESERVERS;
use crate::analysis::servers::chain::{Asked, Passage, pass};
use crate::analysis::servers::read::Upstream;
use crate::analysis::servers::upstream_files::Source;
use crate::source::Located;
use std::net::SocketAddr;

/// Longest name that is followed: a rewrite that adds labels on every round ends there, as it does in CoreDNS.
const MAX_NAME: usize = 254;

/// How an upstream came to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    /// It is an argument of the forward.
    Argument,
    /// The server's own /etc/resolv.conf names it.
    File,
    /// A file that a volume puts into the server's container names it: its place in [`Vertex::files`].
    Mounted(usize),
    /// `upstreamNameservers` of the kube-dns ConfigMap names it.
    KubeDns,
    /// A resolver without a Corefile asks it.
    Resolver,
}

/// One upstream that is asked.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Index of the forward in its block; 0 for other resolvers.
    pub forward: usize,
    pub via: Via,
    /// The upstream as it is asked.
    pub nameserver: Located<String>,
    /// Its address, where that is known.
    pub target: Option<Target>,
    /// The name, behind any `rewrite`.
    pub name: String,
    pub landings: Vec<Landing>,
}

/// Where a query is, and under which name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Visit {
    pub site: Site,
    pub node: usize,
    pub name: String,
}

impl Graph<'_> {
    /// The upstreams that are asked from here, each of which may be the one; empty where the query ends.
    pub(super) fn steps(&self, visit: &Visit, asked: Asked) -> Vec<Step> {
        match visit.site {
            Site::Block { server, block } => self.block_steps(server, block, visit, asked),
            Site::Local { .. } => self.resolver_steps(Sender::Node, visit),
            Site::Pod { index } => self.resolver_steps(Sender::Pod(index), visit),
        }
    }

    fn block_steps(&self, server: usize, index: usize, visit: &Visit, asked: Asked) -> Vec<Step> {
        let Some(vertex) = self.servers.get(server) else { return Vec::new() };
        let Some(block) = vertex.blocks.get(index) else { return Vec::new() };
        let Passage::Forward { name, forwards } = pass(block, &visit.name, asked) else { return Vec::new() };
        if name.len() > MAX_NAME {
            return Vec::new();
        }
        let mut steps = Vec::new();
        for at in forwards {
            let Some(forward) = block.forwards.get(at) else { continue };
            for upstream in &forward.upstreams {
                for (nameserver, via) in self.nameservers(vertex, visit.node, upstream) {
                    let target = Target::read(&nameserver.value);
                    let landings = target.map(|to| self.land(Sender::Server(server), visit.node, to, &name));
                    let landings = landings.unwrap_or_default();
                    steps.push(Step { forward: at, via, nameserver, target, name: name.clone(), landings });
                }
            }
        }
        steps
    }

    fn resolver_steps(&self, sender: Sender, visit: &Visit) -> Vec<Step> {
        let Some((resolver, _)) = self.resolver(visit.site) else { return Vec::new() };
        let asked = self.asked_by(resolver, visit.site, visit.node, &visit.name).unwrap_or_default().into_iter();
        asked
            .map(|upstream| {
                let target = Target::read(&upstream.value);
                let mut landings = target.map(|to| self.land(sender, visit.node, to, &visit.name)).unwrap_or_default();
                // dnsmasq and systemd-resolved drop upstreams that are their own addresses
                landings.retain(|landing| landing.site != visit.site);
                let name = visit.name.clone();
                Step { forward: 0, via: Via::Resolver, nameserver: upstream, target, name, landings }
            })
            .collect()
    }

    /// Whom a resolver asks for a name on a node; `None` where that is a file that the snapshot does not have.
    #[must_use]
    pub fn asked_by(
        &self,
        resolver: &LocalResolver,
        site: Site,
        node: usize,
        name: &str,
    ) -> Option<Vec<Located<String>>> {
        let mut asked: Vec<Located<String>> = resolver.asks(name).into_iter().cloned().collect();
        if let Site::Pod { index } = site
            && resolver.reads_own_file
            && resolver.asks_in_general(name)
        {
            asked.extend(self.own_nameservers(&self.pods.get(index)?.dns, node)?);
        }
        Some(asked)
    }

    /// The nameservers behind an upstream word: itself, or what a file or ConfigMap names in its place.
    ///
    /// A word whose address the snapshot does not know stays in the list as it is: it is one of the ways.
    fn nameservers(
        &self,
        vertex: &Vertex<'_>,
        node: usize,
        upstream: &Located<Upstream>,
    ) -> Vec<(Located<String>, Via)> {
        let of_map = !vertex.upstream_nameservers.is_empty() && upstream.value.is_placeholder_of_upstreams();
        let via = if of_map { Via::KubeDns } else { Via::Argument };
        vertex.filled(upstream).iter().flat_map(|filled| self.of_word(vertex, node, filled, via)).collect()
    }

    fn of_word(
        &self,
        vertex: &Vertex<'_>,
        node: usize,
        upstream: &Located<Upstream>,
        via: Via,
    ) -> Vec<(Located<String>, Via)> {
        match &upstream.value {
            Upstream::Address { ip, port, encrypted } => {
                let default_port = if *encrypted { 853 } else { 53 };
                let scheme = if *encrypted { "tls://" } else { "" };
                let address =
                    if *port == default_port { ip.to_string() } else { SocketAddr::new(*ip, *port).to_string() };
                vec![(upstream.with(format!("{scheme}{address}")), via)]
            }
            Upstream::File(path) if vertex.files.contains_key(path) => {
                let via = Via::Mounted(vertex.files.keys().take_while(|known| *known != path).count());
                match self.in_mounted_file(vertex, node, path) {
                    Some(list) => list.iter().map(|nameserver| (nameserver.clone(), via)).collect(),
                    None => vec![(upstream.with(path.clone()), via)],
                }
            }
            Upstream::File(path) if path == "/etc/resolv.conf" => match self.own_nameservers(&vertex.dns, node) {
                Some(list) => list.into_iter().map(|n| (n, Via::File)).collect(),
                None => vec![(upstream.with(path.clone()), Via::File)],
            },
            Upstream::File(text) | Upstream::Placeholder(text) | Upstream::Other(text) => {
                vec![(upstream.with(text.clone()), Via::Argument)]
            }
        }
    }

    /// The nameservers in a file that a volume puts into a server's container. `None`: the snapshot does not tell.
    #[must_use]
    pub fn in_mounted_file<'g>(
        &'g self,
        vertex: &'g Vertex<'_>,
        node: usize,
        path: &str,
    ) -> Option<&'g [Located<String>]> {
        match &vertex.files.get(path)?.source {
            Source::Written(list) => Some(list),
            Source::Node(path) => self.nodes.get(node)?.files.get(path).map(Vec::as_slice),
            Source::Unknown => None,
        }
    }

    /// The nameservers in the own /etc/resolv.conf of a server or resolver on a node: those of its dnsPolicy, then those of its
    /// dnsConfig, three in all (`GetPodDNS` in pkg/kubelet/network/dns of Kubernetes). `None`: the snapshot does not tell.
    #[must_use]
    pub fn own_nameservers(&self, dns: &OwnDns, node: usize) -> Option<Vec<Located<String>>> {
        let site = self.nodes.get(node)?;
        let clustered = dns.asks_cluster_dns;
        let mut list = match dns.policy.as_str() {
            "None" => Vec::new(),
            _ if clustered && site.cluster_dns.is_empty() => return None,
            _ if clustered => site.cluster_dns.iter().map(|ip| ip.with(ip.value.to_string())).collect(),
            _ => site.host_nameservers.clone()?,
        };
        for nameserver in &dns.nameservers {
            if !list.iter().any(|known| known.value == nameserver.value) {
                list.push(nameserver.clone());
            }
        }
        list.truncate(MAX_NAMESERVERS);
        Some(list)
    }
}
