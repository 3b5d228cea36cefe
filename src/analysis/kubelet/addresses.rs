//! Addresses that may stand in `clusterDNS`: what the cluster answers on, and which range Services come from.

use crate::analysis::facts::{Facts, parse_located};
use crate::analysis::node_dns::NodeDns;
use crate::model::Cluster;
use crate::model::node::text_of;
use crate::source::{Located, Location, Snapshot, Span};
use ipnet::IpNet;
use std::net::IpAddr;

/// Manifest of the API server on a control-plane node of kubeadm.
const API_SERVER: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
/// The flag with the service range.
const RANGE_FLAG: &str = "--service-cluster-ip-range=";
/// The port of DNS.
const DNS_PORT: i64 = 53;

/// What the snapshot tells about addresses of the cluster DNS.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// ClusterIPs of the DNS Services.
    pub services: Vec<Located<IpAddr>>,
    /// Some DNS Service leaves its address to the API server, so that any address may be right.
    pub open: bool,
    /// Other addresses that answer DNS: node caches, Services with port 53, nodes.
    pub others: Vec<IpAddr>,
    /// Service ranges.
    pub ranges: Vec<Located<IpNet>>,
    /// A server of the distribution is in the snapshot, so that its defaults hold for its agents.
    pub server_known: bool,
}

impl Known {
    /// Collects them.
    #[must_use]
    pub fn of(snapshot: &Snapshot, cluster: &Cluster, facts: &Facts, nodes: &[NodeDns]) -> Self {
        let services = &cluster.objects.services;
        let unset = |index: &usize| services.get(*index).is_some_and(|s| !s.headless && s.cluster_ips.is_empty());
        let mut others: Vec<IpAddr> = facts.node_cache_addresses.iter().map(|ip| ip.value).collect();
        let answers_dns = |ports: &[Located<crate::model::service::ServicePort>]| {
            ports.iter().any(|p| p.port.as_ref().is_some_and(|port| port.value == DNS_PORT))
        };
        for service in services.iter().filter(|s| answers_dns(&s.ports)) {
            let ips = service.cluster_ips.iter().chain(&service.external_ips);
            others.extend(ips.filter_map(|ip| ip.value.parse::<IpAddr>().ok()));
        }
        others.extend(cluster.nodes.iter().flat_map(|node| node.addresses.iter().copied()));
        let mut ranges = facts.service_cidrs.clone();
        ranges.extend(api_server_ranges(snapshot, cluster));
        for node in nodes {
            let written = node.k3s.iter().flat_map(|k3s| &k3s.service_cidr);
            ranges.extend(written.flat_map(crate::analysis::facts::parse_cidrs));
        }
        Self {
            services: facts.dns_addresses.clone(),
            open: facts.dns_services.iter().any(unset),
            others,
            ranges,
            server_known: nodes.iter().any(|n| n.k3s.as_ref().is_some_and(|k| k.server == Some(true))),
        }
    }

    /// The DNS Services of the family of `ip`.
    pub fn services_like(&self, ip: IpAddr) -> impl Iterator<Item = &Located<IpAddr>> {
        self.services.iter().filter(move |own| own.value.is_ipv4() == ip.is_ipv4())
    }

    /// Whether the snapshot shows that nothing in the cluster answers DNS on `ip`.
    ///
    /// Link-local addresses belong to node caches, whose own rules compare them.
    #[must_use]
    pub fn is_wrong(&self, ip: IpAddr) -> bool {
        let compared = !self.open && self.services_like(ip).next().is_some() && !is_local(ip);
        compared && !self.services.iter().any(|own| own.value == ip) && !self.others.contains(&ip)
    }

    /// The service ranges of the family of `ip`.
    pub fn ranges_like(&self, ip: IpAddr) -> impl Iterator<Item = &Located<IpNet>> {
        self.ranges.iter().filter(move |range| range.value.addr().is_ipv4() == ip.is_ipv4())
    }

    /// Whether `ip` may be a Service's: in a known range, or, where none is known, near a DNS Service.
    #[must_use]
    pub fn may_be_service(&self, ip: IpAddr) -> bool {
        let mut ranges = self.ranges_like(ip).peekable();
        if ranges.peek().is_some() {
            return ranges.any(|range| range.value.contains(&ip));
        }
        self.services_like(ip).any(|own| near(own.value, ip))
    }
}

/// Loopback or link-local: an address of the node itself.
#[must_use]
pub const fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local(),
    }
}

/// Both in one /16 (IPv4) or /112 (IPv6), the ranges of k3s.
fn near(a: IpAddr, b: IpAddr) -> bool {
    let prefix = if a.is_ipv4() { 16 } else { 112 };
    IpNet::new(a, prefix).is_ok_and(|net| net.contains(&b))
}

fn api_server_ranges(snapshot: &Snapshot, cluster: &Cluster) -> Vec<Located<IpNet>> {
    let mut ranges = Vec::new();
    for root in cluster.nodes.iter().filter_map(|node| snapshot.node(node.index)) {
        let Some((file, text)) = text_of(snapshot, root, API_SERVER) else { continue };
        let Some(start) = text.find(RANGE_FLAG).map(|found| found + RANGE_FLAG.len()) else { continue };
        let rest = text.get(start..).unwrap_or_default();
        let end = rest.find(|c: char| c.is_whitespace() || c == '"' || c == '\'').unwrap_or(rest.len());
        let value = rest.get(..end).unwrap_or_default().to_owned();
        let place = Location::new(file, Span::new(start, start + end));
        ranges.extend(crate::analysis::facts::parse_cidrs(&Located::at(value, place)));
    }
    ranges
}

/// The entries of a kubelet's `clusterDNS` that are addresses.
pub fn entries(node: &NodeDns) -> impl Iterator<Item = Located<IpAddr>> {
    node.kubelet.cluster_dns.iter().filter_map(parse_located)
}

/// Whether the kubelet's settings are somebody's, not a default that the snapshot cannot vouch for: an agent of k3s takes
/// the server's, which may not be in the snapshot.
#[must_use]
pub fn vouched(node: &NodeDns, known_server: bool) -> bool {
    node.configured && node.k3s.as_ref().is_none_or(|k3s| k3s.server == Some(true) || known_server)
}
