//! The cluster DNS addresses of a k3s or RKE2 server (`pkg/cli/server/server.go`).

use super::address::{canonical, parse_strict};
use super::origin::split_commas;
use crate::source::Located;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// Default of `service-cidr` on a node whose first address is IPv4.
pub const SERVICE_CIDR_V4: &str = "10.43.0.0/16";
/// Default of `service-cidr` on a node with IPv6 only.
pub const SERVICE_CIDR_V6: &str = "fd00:43::/112";
/// Default of `cluster-domain`.
pub const CLUSTER_DOMAIN: &str = "cluster.local";
/// Number of the address in a service CIDR that becomes the cluster DNS.
pub const DNS_INDEX: u32 = 10;
/// The ConfigMap in `kube-system` that is written once, with keys `clusterDNS` and `clusterDomain`, and never updated.
pub const CONFIG_MAP: &str = "cluster-dns";

/// Flags in which every server must agree with the cluster it joins, lists in the same order
/// (`CriticalControlArgs` in `pkg/daemons/config/types.go`); those that matter to DNS and addresses.
///
/// `kubelet-arg` and `resolv-conf` are not compared, so nodes may differ in them.
pub const CRITICAL_FLAGS: [&str; 4] = ["cluster-cidr", "cluster-dns", "cluster-domain", "service-cidr"];

/// `ipFamilyPolicy` of the packaged Service `kube-dns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
pub enum IpFamilyPolicy {
    /// One address.
    SingleStack,
    /// More than one address, even of the same family.
    RequireDualStack,
}

impl IpFamilyPolicy {
    /// The word in the Service.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SingleStack => "SingleStack",
            Self::RequireDualStack => "RequireDualStack",
        }
    }
}

/// The cluster DNS that a server hands to every agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDns {
    /// Addresses in order; the first is the Service's `clusterIP`, all are its `clusterIPs`.
    pub addresses: Vec<Located<IpAddr>>,
    /// Policy of the Service.
    pub ip_family_policy: IpFamilyPolicy,
    /// Addresses in none of the service CIDRs. k3s does not check; the API server refuses the Service, and the
    /// kubelets still hand the address to pods.
    pub outside: Vec<Located<IpAddr>>,
}

impl ClusterDns {
    /// Addresses as text, as they reach the kubelets.
    #[must_use]
    pub fn texts(&self) -> Vec<Located<String>> {
        self.addresses.iter().map(|ip| ip.with(canonical(ip.value))).collect()
    }
}

/// Why the server does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterDnsError {
    /// A `service-cidr` is not a network.
    InvalidCidr(Located<String>),
    /// A `service-cidr` has no tenth address.
    CidrTooSmall(Located<String>),
    /// A `cluster-dns` is not an IP address.
    InvalidAddress(Located<String>),
}

impl fmt::Display for ClusterDnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidCidr(text) => write!(f, "invalid service-cidr {}", text.value),
            Self::CidrTooSmall(text) => write!(f, "service-cidr {} has no address number {DNS_INDEX}", text.value),
            Self::InvalidAddress(text) => write!(f, "invalid cluster-dns address {}", text.value),
        }
    }
}

impl std::error::Error for ClusterDnsError {}

/// The address with this number in a network, counted from its base; `None` if the network is too small
/// (`GetIndexedIP` of k8s.io/utils/net).
#[must_use]
pub fn indexed_address(network: IpNet, index: u32) -> Option<IpAddr> {
    let address = match network.network() {
        IpAddr::V4(base) => IpAddr::V4(u32::from(base).checked_add(index)?.into()),
        IpAddr::V6(base) => IpAddr::V6(u128::from(base).checked_add(u128::from(index))?.into()),
    };
    network.contains(&address).then_some(address)
}

/// The server's cluster DNS, from `service-cidr` (empty: the IPv4 default) and `cluster-dns`; each value may be a
/// comma list. Without `cluster-dns`, it is the tenth address of every service CIDR.
///
/// # Errors
/// What keeps the server from starting.
pub fn cluster_dns(
    service_cidr: &[Located<String>],
    cluster_dns: &[Located<String>],
) -> Result<ClusterDns, ClusterDnsError> {
    let default = [Located::default_value(SERVICE_CIDR_V4.to_owned())];
    let service_cidr = if service_cidr.is_empty() { &default } else { service_cidr };
    let networks = networks(service_cidr)?;
    let addresses = if cluster_dns.is_empty() { tenth_addresses(&networks)? } else { given_addresses(cluster_dns)? };
    let is_outside = |ip: &&Located<IpAddr>| !networks.iter().any(|(network, _)| network.contains(&ip.value));
    let outside = addresses.iter().filter(is_outside).cloned().collect();
    let ip_family_policy =
        if addresses.len() > 1 { IpFamilyPolicy::RequireDualStack } else { IpFamilyPolicy::SingleStack };
    Ok(ClusterDns { addresses, ip_family_policy, outside })
}

type Network = (IpNet, Located<String>);

fn networks(service_cidr: &[Located<String>]) -> Result<Vec<Network>, ClusterDnsError> {
    let parse = |text: Located<String>| match text.value.parse::<IpNet>() {
        Ok(network) => Ok((network.trunc(), text)),
        Err(_) => Err(ClusterDnsError::InvalidCidr(text)),
    };
    service_cidr.iter().flat_map(split_commas).map(parse).collect()
}

fn tenth_addresses(networks: &[Network]) -> Result<Vec<Located<IpAddr>>, ClusterDnsError> {
    let tenth = |(network, text): &Network| {
        indexed_address(*network, DNS_INDEX)
            .map(|ip| text.with(ip))
            .ok_or_else(|| ClusterDnsError::CidrTooSmall(text.clone()))
    };
    networks.iter().map(tenth).collect()
}

fn given_addresses(cluster_dns: &[Located<String>]) -> Result<Vec<Located<IpAddr>>, ClusterDnsError> {
    let parse = |text: Located<String>| {
        parse_strict(&text.value).map(|ip| text.with(ip)).ok_or(ClusterDnsError::InvalidAddress(text))
    };
    cluster_dns.iter().flat_map(split_commas).map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Location, Span};

    fn at(start: usize, text: &str) -> Located<String> {
        Located::at(text.to_owned(), Location::new(FileId(0), Span::new(start, start + text.len())))
    }

    #[test]
    fn addresses_outside_are_told_with_their_place() {
        let dns = cluster_dns(&[at(0, "10.43.0.0/16")], &[at(50, "10.43.0.10,10.44.0.10")]).unwrap();
        let outside: Vec<_> = dns.outside.iter().map(|ip| ip.location().unwrap().span).collect();
        assert_eq!(outside, [Span::new(61, 71)]);
        assert_eq!(dns.ip_family_policy, IpFamilyPolicy::RequireDualStack);
    }

    #[test]
    fn edges() {
        let error = |cidr: &str, dns: &[Located<String>]| cluster_dns(&[at(0, cidr)], dns).unwrap_err().to_string();
        assert_eq!(error("10.43.0.0", &[]), "invalid service-cidr 10.43.0.0");
        assert_eq!(error("255.255.255.255/32", &[]), "service-cidr 255.255.255.255/32 has no address number 10");
        assert_eq!(error("10.43.0.0/16", &[at(0, "a, b")]), "invalid cluster-dns address a");
        let dns = cluster_dns(&[], &[]).unwrap();
        assert_eq!(dns.texts().first().map(|t| t.value.as_str()), Some("10.43.0.10"));
        assert_eq!(indexed_address("10.43.7.9/16".parse().unwrap(), 10), Some("10.43.0.10".parse().unwrap()));
    }
}
