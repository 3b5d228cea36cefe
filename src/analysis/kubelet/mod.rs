//! What is wrong with the kubelets' DNS settings: on one node, in one unit, across the cluster.

mod addresses;
mod cluster_dns;
mod domains;
pub mod fields;
pub mod k3s;
mod peers;
mod refused;
mod resolver;
mod settings;
mod units;

use crate::analysis::facts::Facts;
use crate::analysis::node_dns::NodeDns;
use crate::analysis::views::cluster::ClusterView;
use crate::analysis::views::kubelet::KubeletView;
use crate::analysis::views::unit::UnitView;
use crate::model::Cluster;
use crate::source::{Located, Location, Snapshot};
use rayon::prelude::*;

/// The kubelets of the nodes whose configuration the snapshot shows, each with its object (`Node/name`).
#[must_use]
pub fn views(
    snapshot: &Snapshot,
    cluster: &Cluster,
    facts: &Facts,
    nodes: &[NodeDns],
) -> Vec<(Located<KubeletView>, Option<String>)> {
    let known = addresses::Known::of(snapshot, cluster, facts, nodes);
    let configured = nodes.par_iter().filter(|node| node.configured);
    configured.filter_map(|dns| settings::view(snapshot, cluster, &known, dns)).collect()
}

/// The services that run a kubelet, k3s or RKE2, each with the object of its node.
#[must_use]
pub fn unit_views(snapshot: &Snapshot, cluster: &Cluster) -> Vec<(Located<UnitView>, Option<String>)> {
    units::views(snapshot, cluster)
}

/// The cluster as a whole.
#[must_use]
pub fn cluster_view(
    snapshot: &Snapshot,
    cluster: &Cluster,
    facts: &Facts,
    nodes: &[NodeDns],
) -> Vec<(Located<ClusterView>, Option<String>)> {
    let known = addresses::Known::of(snapshot, cluster, facts, nodes);
    let dns_mismatches = cluster_dns::mismatches(&known, nodes);
    let domain_mismatches = domains::mismatches(cluster, facts, nodes);
    let odd_nodes = peers::odd_nodes(nodes, &dns_mismatches, &domain_mismatches);
    let texts = |ips: &[Located<std::net::IpAddr>]| ips.iter().map(|ip| ip.with(ip.value.to_string())).collect();
    let view = ClusterView {
        dns_addresses: texts(&facts.dns_addresses),
        node_cache_addresses: texts(&facts.node_cache_addresses),
        dns_mismatches,
        domain_mismatches,
        odd_nodes,
    };
    vec![(Located::default_value(view), None)]
}

/// Names in order, each once, separated by commas.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

/// A value at a place, if there is a place.
fn at<T>(value: T, place: Option<Location>) -> Located<T> {
    Located::from_origins(value, place.into_iter().collect())
}
