//! The `cluster` view: where the parts of a cluster disagree about its DNS.

use crate::analysis::view::View;
use crate::source::Located;
use schemars::JsonSchema;
use serde::Serialize;

/// The cluster as a whole: where nodes, Services and DNS servers disagree. There is exactly one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ClusterView {
    /// ClusterIPs of the DNS Services.
    pub dns_addresses: Vec<Located<String>>,
    /// Addresses that node caches listen on.
    pub node_cache_addresses: Vec<Located<String>>,
    /// Addresses that kubelets give to pods and that nothing in the cluster answers; each located at the value to change.
    pub dns_mismatches: Vec<Located<DnsMismatch>>,
    /// Cluster domains that disagree; each located at the odd one.
    pub domain_mismatches: Vec<Located<DomainMismatch>>,
    /// Settings in which one node differs from its peers; each located at the odd one.
    pub odd_nodes: Vec<Located<OddNode>>,
}

impl View for ClusterView {
    const KIND: &'static str = "cluster";
    const DOC: &'static str = "The cluster as a whole: where nodes, Services and DNS servers disagree.";
}

/// An address that kubelets give to pods and that no DNS Service has.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DnsMismatch {
    /// The address that pods get.
    pub address: String,
    /// Nodes whose kubelets give it, separated by commas.
    pub nodes: String,
    /// The addresses that the cluster DNS has, separated by commas.
    pub right: String,
    /// The Service is at fault: every kubelet agrees on an address of the service range that the Service lost.
    pub service_at_fault: bool,
    /// The kubelets' settings, where they are not the primary place.
    pub kubelets: Vec<Located<String>>,
    /// The ClusterIPs of the DNS Services, where they are not the primary place.
    pub services: Vec<Located<String>>,
    /// Every place at which the one Service that is at fault asks for its address.
    pub service_places: Vec<Located<String>>,
}

/// A cluster domain that another part of the cluster does not know.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DomainMismatch {
    /// Whose domain is the odd one: `kubelet`, `coredns`, `kube-dns`, `node-cache` or `configuration`.
    pub odd: String,
    /// The odd domain.
    pub domain: String,
    /// What the others say.
    pub expected: String,
    /// Nodes whose kubelets are concerned, separated by commas; empty where none is.
    pub nodes: String,
    /// The places of the others.
    pub others: Vec<Located<DomainClaim>>,
}

/// A place that states a cluster domain.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DomainClaim {
    /// Who: `the kubelet`, `CoreDNS`, `kubeadm` …
    pub who: String,
    /// The domain.
    pub domain: String,
}

/// A node whose setting differs from that of the others.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OddNode {
    /// The node.
    pub node: String,
    /// The setting: `clusterDNS`, `clusterDomain` or `resolvConf`.
    pub setting: String,
    /// The node's value; a list as its items joined by commas.
    pub value: String,
    /// The value of the others.
    pub common: Located<String>,
    /// How many have that value.
    pub peers: i64,
    /// There are only two nodes, so that either may be the odd one.
    pub only_two: bool,
}
