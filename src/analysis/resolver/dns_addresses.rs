//! Addresses that the cluster DNS answers on, and those of node caches.

use super::address;
use crate::analysis::facts::Facts;
use crate::analysis::node_dns::NodeDns;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What answers on an address of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The DNS Service.
    Service,
    /// A node cache.
    NodeCache,
}

impl Part {
    /// The word that views use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::NodeCache => "node-cache",
        }
    }
}

/// What the manifests tell.
pub struct DnsAddresses {
    services: BTreeSet<IpAddr>,
    caches: BTreeSet<IpAddr>,
}

impl DnsAddresses {
    /// Collects them.
    pub fn of(facts: &Facts) -> Self {
        let services = facts.dns_addresses.iter().map(|ip| ip.value).collect();
        let caches = facts.node_cache_addresses.iter().map(|ip| ip.value).collect();
        Self { services, caches }
    }
}

/// The same, and what the kubelet of one node is told.
pub struct OfCluster<'a> {
    stated: &'a DnsAddresses,
    told: Vec<(IpAddr, Part)>,
}

impl<'a> OfCluster<'a> {
    /// Adds the `clusterDNS` of a node: a link-local address is a node cache's, another one the Service's where the
    /// manifests name none.
    pub fn told_to(dns: &NodeDns, stated: &'a DnsAddresses) -> Self {
        let given = dns.kubelet.cluster_dns.iter().filter_map(|ip| address(&ip.value)).filter(|ip| !ip.is_loopback());
        let part = |ip: IpAddr| match ip {
            IpAddr::V4(v4) if v4.is_link_local() => Some((ip, Part::NodeCache)),
            _ => (stated.services.is_empty() && dns.configured).then_some((ip, Part::Service)),
        };
        Self { stated, told: given.filter_map(part).collect() }
    }

    /// What answers on an address, if it is one of the cluster. A cache that binds the Service address too is still the
    /// Service for a node without the cache.
    pub fn part(&self, ip: IpAddr) -> Option<Part> {
        let told = |part| self.told.contains(&(ip, part));
        if self.stated.services.contains(&ip) || told(Part::Service) {
            return Some(Part::Service);
        }
        (self.stated.caches.contains(&ip) || told(Part::NodeCache)).then_some(Part::NodeCache)
    }

    /// Whether it is an address of the cluster.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.part(ip).is_some()
    }
}
