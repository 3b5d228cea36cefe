//! Builds the routing graph from the cluster, and keeps what the views need of it.

use super::entrances::{of_workload, placement, redirects};
use super::kube_dns_config::KubeDnsConfig;
use super::pod_resolvers;
use super::read::{blocks, release};
use super::routing::{Entrance, Graph, Loop, NodeSite, OwnDns, Placement, Vertex};
use super::upstream_files;
use super::{setup_view, template};
use crate::analysis::facts::{self, Facts, ProxyMode, parse_located};
use crate::model::Cluster;
use crate::model::dns_server::{DnsServer, ServerKind};
use crate::model::node::addresses;
use crate::source::Located;
use std::collections::BTreeMap;
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
        let graph = Graph::of(cluster, facts, nodes);
        let loops = graph.loops();
        Self { graph, loops }
    }
}

impl<'a> Graph<'a> {
    /// The servers of a cluster whose nodes have these nameservers; its cycles are not searched.
    #[must_use]
    pub fn of(cluster: &'a Cluster, facts: &Facts, nodes: Vec<NodeSite>) -> Self {
        let says = |wanted: bool| nodes.iter().any(|node| node.servicelb == Some(wanted));
        let servicelb = says(true) && !says(false);
        let servers = cluster.dns_servers.iter().map(|server| vertex(cluster, facts, server, servicelb)).collect();
        let workloads: Vec<Option<usize>> = cluster.dns_servers.iter().map(|server| server.workload).collect();
        let translating = |mode: &Located<ProxyMode>| matches!(mode.value, ProxyMode::Ipvs | ProxyMode::Replaced);
        Self {
            servers,
            node_addresses: node_addresses(cluster, &nodes),
            nodes: if nodes.is_empty() { vec![NodeSite::default()] } else { nodes },
            pods: pod_resolvers::find(cluster, servicelb),
            redirects: redirects(cluster, &workloads),
            services_first: facts.proxy.as_ref().is_some_and(translating),
        }
    }
}

/// The addresses of every node that the snapshot knows, with the index of those whose files it has.
fn node_addresses(cluster: &Cluster, nodes: &[NodeSite]) -> BTreeMap<IpAddr, Option<usize>> {
    let objects = cluster.objects.of_kind("Node").iter().flat_map(addresses).map(|ip| (ip, None));
    let own = nodes.iter().enumerate().flat_map(|(at, node)| node.addresses.iter().map(move |ip| (*ip, Some(at))));
    objects.chain(own).collect()
}

fn vertex<'a>(cluster: &'a Cluster, facts: &Facts, server: &'a DnsServer, servicelb: bool) -> Vertex<'a> {
    let workload = server.workload.and_then(|index| cluster.objects.workloads.get(index));
    let local_ips = local_ips(cluster, server);
    let mut blocks = server.config.as_ref().map(|config| blocks(config, release(server))).unwrap_or_default();
    let kube_dns = KubeDnsConfig::of(cluster, server);
    if server.kind == ServerKind::NodeCache {
        template::fill_binds(&mut blocks, &local_ips);
        if let Some(config) = server.config.as_ref().filter(|_| !kube_dns.upstreams.is_empty()) {
            template::drop_force_tcp(&mut blocks, config);
        }
    }
    let stubs = kube_dns.blocks(&blocks, &local_ips);
    blocks.extend(stubs);
    let service_addresses = service_addresses(cluster, facts, server);
    let unseen = |address: &Located<IpAddr>| Entrance {
        ip: Some(address.value),
        port: 53,
        pod_port: None,
        location: address.location(),
        what: "the Service",
        beside_pods: false,
    };
    // kube-dns is several resolvers in one pod, which are vertices of their own
    let own = workload.filter(|_| server.kind != ServerKind::KubeDns);
    let mut entrances = own.map(|w| of_workload(cluster, w, servicelb)).unwrap_or_default();
    let known: Vec<IpAddr> = entrances.iter().filter_map(|entrance| entrance.ip).collect();
    if server.kind != ServerKind::KubeDns {
        entrances.extend(service_addresses.iter().filter(|a| !known.contains(&a.value)).map(unseen));
    }
    let everywhere = if server.kind == ServerKind::NodeCache { Placement::Every } else { Placement::Any };
    // a Corefile without its workload is taken to be the packaged installation's
    let packaged = || OwnDns {
        host_network: server.kind == ServerKind::NodeCache,
        policy: "Default".to_owned(),
        ..OwnDns::default()
    };
    Vertex {
        kind: server.kind,
        name: server.name.clone(),
        blocks,
        dns: workload.map_or_else(packaged, |w| OwnDns::of(&w.pod)),
        service_addresses,
        entrances,
        local_ips,
        upstream_nameservers: kube_dns.upstreams,
        cluster_dns_pillar: upstream_service(cluster, server),
        files: upstream_files::of_server(cluster, server),
        refused: unserved(cluster, server),
        placement: workload.map_or(everywhere, placement),
    }
}

/// Why a server does not serve its Corefile.
fn unserved(cluster: &Cluster, server: &DnsServer) -> Option<Located<String>> {
    let whoami = "without `-conf`, node-cache serves CoreDNS's built-in `whoami`";
    let refused = server.config.as_ref().and_then(|config| setup_view::refusal(server, config));
    refused.or_else(|| facts::without_conf(cluster, server).map(|local| local.with(whoami.to_owned())))
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
