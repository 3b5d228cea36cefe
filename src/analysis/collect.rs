//! Runs every analysis of a cluster and gathers the views.

use crate::analysis::facts::Facts;
use crate::analysis::node_dns::{self, NodeDns};
use crate::analysis::pod::shape::{self, Surroundings};
use crate::analysis::servers::graph::Routes;
use crate::analysis::servers::routing::NodeSite;
use crate::analysis::servers::{block_view, forward_view, server_view};
use crate::analysis::view::{Schemas, ViewSet};
use crate::analysis::views::dns_server::{DnsServerView, ForwardView, ServerBlockView};
use crate::analysis::views::pod::PodView;
use crate::model::Cluster;
use crate::source::Snapshot;
use std::collections::BTreeSet;

/// The kinds of views that rules may be written for.
#[must_use]
pub fn schemas() -> Schemas {
    Schemas::new().with::<DnsServerView>().with::<ServerBlockView>().with::<ForwardView>().with::<PodView>()
}

/// The views of a cluster.
#[must_use]
pub fn views(snapshot: &Snapshot, cluster: &Cluster) -> ViewSet {
    let nodes = node_dns::all(snapshot, cluster);
    let facts = Facts::of(cluster);
    let sites: Vec<NodeSite> = nodes.iter().map(|node| site(cluster, node)).collect();
    let routes = Routes::of(cluster, &facts, sites);
    let mut set = ViewSet::default();
    add_servers(&mut set, cluster, &routes);
    add_pods(&mut set, cluster, &facts);
    set
}

fn add_servers(set: &mut ViewSet, cluster: &Cluster, routes: &Routes<'_>) {
    let count = node_count(cluster);
    for server in &cluster.dns_servers {
        let object = Some(object_of(cluster, server));
        set.add(&server_view::view(cluster, server, count), object.clone());
        for block in block_view::views(server) {
            set.add(&block, object.clone());
        }
    }
    for (forward, server) in forward_view::views(routes) {
        set.add(&forward, Some(server));
    }
}

fn object_of(cluster: &Cluster, server: &crate::model::dns_server::DnsServer) -> String {
    let workload = server.workload.and_then(|index| cluster.objects.workloads.get(index));
    let map = server.config.as_ref().and_then(|c| c.config_map).and_then(|i| cluster.objects.config_maps.get(i));
    workload.map(|w| w.meta.display()).or_else(|| map.map(|m| m.meta.display())).unwrap_or_else(|| server.name.clone())
}

/// Nodes that the snapshot shows, by name, whether as files or as Node objects.
fn node_count(cluster: &Cluster) -> usize {
    let objects = cluster.objects.of_kind("Node").iter().map(|n| n.meta.name.value.as_str());
    let matched = cluster.nodes.iter().filter(|n| n.object.is_none()).map(|n| n.name.as_str());
    objects.chain(matched).collect::<BTreeSet<_>>().len()
}

fn add_pods(set: &mut ViewSet, cluster: &Cluster, facts: &Facts) {
    let around = Surroundings::of(cluster, facts);
    for (index, workload) in cluster.objects.workloads.iter().enumerate() {
        set.add(&shape::view(index, workload, &around), Some(workload.meta.display()));
    }
}

/// A node as the routing graph sees it.
fn site(cluster: &Cluster, node: &NodeDns) -> NodeSite {
    let own = cluster.nodes.get(node.node);
    let reasons = node
        .pod_file
        .setting
        .first()
        .map(|location| (*location, format!("the kubelet of {} hands {} to pods", node.name, node.pod_file.path)));
    NodeSite {
        name: node.name.clone(),
        addresses: own.map(|n| n.addresses.clone()).unwrap_or_default(),
        host_nameservers: node.pod_file.nameservers(),
        host_reasons: reasons.into_iter().collect(),
        cluster_dns: node.kubelet.cluster_dns.iter().filter_map(crate::analysis::facts::parse_located).collect(),
        locals: Vec::new(),
    }
}
