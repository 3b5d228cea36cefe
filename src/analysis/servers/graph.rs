//! Builds the routing graph from the cluster, and keeps what the views need of it.

use super::kube_dns_config::KubeDnsConfig;
use super::read::{ASSUMED, blocks, version_of};
use super::routing::{Graph, Loop, NodeSite, Vertex};
use crate::analysis::facts::{self, Facts, parse_located};
use crate::model::Cluster;
use crate::model::dns_server::{DnsServer, ServerKind};
use crate::source::Located;
use std::net::IpAddr;

/// The graph of a cluster and its cycles.
pub struct Routes<'a> {
    /// The graph; server indexes are those of [`Cluster::dns_servers`].
    pub graph: Graph<'a>,
    /// Its cycles.
    pub loops: Vec<Loop>,
}

impl<'a> Routes<'a> {
    /// The routes of a cluster whose nodes have these nameservers.
    #[must_use]
    pub fn of(cluster: &'a Cluster, facts: &Facts, nodes: Vec<NodeSite>) -> Self {
        let servers = cluster.dns_servers.iter().map(|server| vertex(cluster, facts, server)).collect();
        let nodes = if nodes.is_empty() { vec![NodeSite::default()] } else { nodes };
        let graph = Graph { servers, nodes };
        let loops = graph.loops();
        Self { graph, loops }
    }
}

fn vertex<'a>(cluster: &'a Cluster, facts: &Facts, server: &'a DnsServer) -> Vertex<'a> {
    let workload = server.workload.and_then(|index| cluster.objects.workloads.get(index));
    let version = version_of(server).filter(|_| server.kind == ServerKind::CoreDns).unwrap_or(ASSUMED);
    let default_policy = if workload.is_some() { "ClusterFirst" } else { "Default" };
    let policy = workload.and_then(|w| w.pod.dns_policy.as_ref());
    let local_ips = local_ips(cluster, server);
    let mut blocks = server.config.as_ref().map(|config| blocks(config, version)).unwrap_or_default();
    let kube_dns = KubeDnsConfig::of(cluster, server);
    let stubs = kube_dns.blocks(&blocks, &local_ips);
    blocks.extend(stubs);
    Vertex {
        kind: server.kind,
        name: server.name.clone(),
        blocks,
        host_network: workload.map_or(server.kind == ServerKind::NodeCache, |w| w.pod.uses_host_network()),
        policy: policy.map_or(default_policy, |p| p.value.as_str()).to_owned(),
        policy_location: policy.and_then(Located::location),
        service_addresses: service_addresses(cluster, facts, server),
        local_ips,
        upstream_nameservers: kube_dns.upstreams,
        cluster_dns_pillar: upstream_service(cluster, server),
    }
}

/// ClusterIPs, external and load balancer addresses in front of a server; a Corefile without its workload is taken to be behind the cluster's DNS Service.
fn service_addresses(cluster: &Cluster, facts: &Facts, server: &DnsServer) -> Vec<Located<IpAddr>> {
    let mut addresses: Vec<Located<IpAddr>> = server
        .services
        .iter()
        .filter_map(|index| cluster.objects.services.get(*index))
        .flat_map(|service| service.cluster_ips.iter().chain(&service.external_ips).filter_map(parse_located))
        .collect();
    let alone = cluster.dns_servers.iter().filter(|s| s.kind == ServerKind::CoreDns).count() == 1;
    if addresses.is_empty() && server.kind == ServerKind::CoreDns && alone {
        addresses.clone_from(&facts.dns_addresses);
    }
    addresses
}

/// Addresses that a node cache listens on: `-localip`, else what its blocks bind.
fn local_ips(cluster: &Cluster, server: &DnsServer) -> Vec<Located<IpAddr>> {
    if server.kind != ServerKind::NodeCache {
        return Vec::new();
    }
    facts::node_cache_listeners(cluster, server)
}

/// The ClusterIP of the Service that `-upstreamsvc` names: what node-cache puts for `__PILLAR__CLUSTER__DNS__`.
fn upstream_service(cluster: &Cluster, server: &DnsServer) -> Option<Located<IpAddr>> {
    if server.kind != ServerKind::NodeCache || server.workload.is_none() {
        return None;
    }
    let name = facts::container_flag(cluster, server, "upstreamsvc").map_or_else(|| "kube-dns".to_owned(), |f| f.value);
    let services: Vec<_> = cluster.objects.services_named(&server.namespace, &name).collect();
    services.first()?.cluster_ips.first().and_then(parse_located)
}
