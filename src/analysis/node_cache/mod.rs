//! NodeLocal DNSCache: what it binds, where it forwards, and what around it keeps it from working.
//!
//! Behaviour of the binary after `cmd/node-cache` and `pkg/netif` of kubernetes/dns.

mod addresses;
mod cache;
mod flags;
mod forwards;
mod mismatch;
mod objects;
mod passed_by;
mod placeholders;
mod pod;
mod ports;
pub mod proxy;

use crate::analysis::facts::{Facts, without_conf};
use crate::analysis::servers::graph::Routes;
use crate::analysis::views::node_cache::NodeCacheView;
use crate::model::Cluster;
use crate::model::dns_server::ServerKind;
use crate::source::{Located, Location};
use cache::Cache;
use std::net::IpAddr;

/// A resolver that listens on port 53 of a node: dnsmasq, systemd-resolved.
#[derive(Clone, Debug)]
pub struct NodeListener {
    /// The node.
    pub node: String,
    /// The program.
    pub program: String,
    /// Addresses that it binds; empty for the wildcard.
    pub addresses: Vec<IpAddr>,
    /// Where a label on it goes: its configuration file, or the command line where it has none.
    pub location: Location,
    /// It has a configuration file.
    pub has_file: bool,
}

/// What the passes over nodes hand in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// Resolvers that listen on port 53 of the nodes.
    pub resolvers: &'a [NodeListener],
    /// `clusterDNS` of the kubelets by node: what ClusterFirst pods there ask.
    pub kubelet_cluster_dns: &'a [(String, Located<IpAddr>)],
}

/// One view for every node cache, with the object that it is about.
#[must_use]
pub fn views(
    cluster: &Cluster,
    facts: &Facts,
    routes: &Routes<'_>,
    resolvers: &[NodeListener],
    kubelet_cluster_dns: &[(String, Located<IpAddr>)],
) -> Vec<(Located<NodeCacheView>, Option<String>)> {
    let around = Surroundings { resolvers, kubelet_cluster_dns };
    let mut found: Vec<_> = cluster
        .dns_servers
        .iter()
        .zip(&routes.graph.servers)
        .filter(|(server, _)| server.kind == ServerKind::NodeCache)
        .map(|(server, vertex)| {
            let cache = Cache::new(cluster, facts, routes, server, vertex);
            (Located::at(view(&cache, around), server.location), Some(cache.object()))
        })
        .collect();
    if found.is_empty() {
        found.extend(proxy::chart_view(cluster, facts));
    }
    found
}

fn view(cache: &Cache<'_>, around: Surroundings<'_>) -> NodeCacheView {
    let local_ip_problems = addresses::problems(cache);
    let sound = local_ip_problems.is_empty() && !cache.has_open_local_ip();
    let ipvs_bindings = proxy::ipvs_bindings(cache);
    let redirect_needed = proxy::redirect_needed(cache, around);
    let root_cause = !ipvs_bindings.is_empty() || redirect_needed.is_some();
    NodeCacheView {
        has_workload: cache.workload.is_some(),
        flag_problems: flags::problems(cache),
        without_conf: without_conf(cache.cluster, cache.server),
        addresses: cache.own.iter().map(|ip| ip.with(ip.value.to_string())).collect(),
        mismatches: if sound { mismatch::all(cache) } else { mismatch::probes(cache) },
        placeholders: placeholders::open(cache),
        self_forwards: forwards::to_itself(cache),
        unrouted_reverse: forwards::unrouted_reverse(cache),
        udp_cluster_forwards: forwards::udp_to_cluster(cache),
        tcp_external_forwards: forwards::tcp_to_external(cache),
        missing_objects: objects::missing(cache),
        pod_problems: pod::problems(cache),
        port_conflicts: ports::conflicts(cache, around.resolvers),
        address_problems: addresses::collisions(cache, around),
        query_logs: forwards::query_logs(cache),
        upstream_disagreements: forwards::disagreements(cache).into_iter().chain(passed_by::names(cache)).collect(),
        bypasses: if root_cause { Vec::new() } else { proxy::bypasses(cache, around) },
        ipvs_bindings,
        redirect_needed,
        local_ip_problems,
    }
}
