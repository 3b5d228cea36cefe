//! Nodes on which every query goes the same way.

use super::fold::natural;
use crate::analysis::node_dns::{self, NodeDns};
use crate::analysis::servers::read::{Upstream, split_address};
use crate::analysis::servers::routing::{Graph, LocalResolver, Placement};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Nodes on which every query goes the same way.
pub struct Group {
    /// Index of the first one, in the graph and in the settings.
    pub site: usize,
    /// Their names; empty for the node that stands in where the snapshot has none.
    pub names: Vec<String>,
}

/// Nodes with the same nameservers, resolvers and own addresses among those that anybody asks.
pub fn groups(graph: &Graph<'_>, nodes: &[NodeDns], only: Option<&str>) -> Vec<Group> {
    let asked = asked_addresses(graph);
    let placements = graph.servers.iter().map(|v| &v.placement).chain(graph.pods.iter().map(|p| &p.placement));
    let pinned: BTreeSet<&str> = placements
        .filter_map(|placement| match placement {
            Placement::Node(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (index, site) in graph.nodes.iter().enumerate() {
        if only.is_some_and(|name| name != site.name) {
            continue;
        }
        let nameservers = site.host_nameservers.as_ref().map(|l| l.iter().map(|n| &n.value).collect::<Vec<_>>());
        let cluster: Vec<IpAddr> = site.cluster_dns.iter().map(|ip| ip.value).collect();
        let locals: Vec<String> = site.locals.iter().map(|l| format!("{:?} {}", l.listens, signature(l))).collect();
        let own: Vec<&IpAddr> = site.addresses.iter().filter(|ip| asked.contains(ip)).collect();
        let host = nodes.get(index).map(host_words);
        // servers that run on this node only are reached from it in a way of its own
        let pin = pinned.contains(site.name.as_str()).then_some(&site.name);
        let key = format!("{nameservers:?} {cluster:?} {locals:?} {own:?} {host:?} {pin:?} {:?}", site.servicelb);
        let group = groups.entry(key).or_insert_with(|| Group { site: index, names: Vec::new() });
        if !site.name.is_empty() {
            group.names.push(site.name.clone());
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| group.names.sort_by(|a, b| natural(a, b)));
    groups.sort_by(|a, b| natural(a.names.first().map_or("", |n| n), b.names.first().map_or("", |n| n)));
    groups
}

/// Nameservers of the node's own file.
fn host_words(node: &NodeDns) -> Option<Vec<String>> {
    let file = node_dns::pod_file::PodFile {
        path: String::new(),
        setting: crate::source::Origins::none(),
        state: node.host_file.clone(),
    };
    file.nameservers().map(|list| list.into_iter().map(|n| n.value).collect())
}

/// What makes two resolvers on nodes one vertex.
pub fn signature(local: &LocalResolver) -> String {
    let upstreams: Vec<&String> = local.upstreams.iter().map(|u| &u.value).collect();
    let conditional: Vec<(&String, &String)> = local.conditional.iter().map(|(zone, to)| (zone, &to.value)).collect();
    let special = (&local.answered, &local.general);
    format!("{} {:?} {} {upstreams:?} {conditional:?} {special:?}", local.program, local.listens, local.port)
}

/// Every address that anybody sends queries to.
fn asked_addresses(graph: &Graph<'_>) -> BTreeSet<IpAddr> {
    let forwards = graph.servers.iter().flat_map(|v| &v.blocks).flat_map(|b| &b.forwards).flat_map(|f| &f.upstreams);
    let written = forwards.filter_map(|upstream| match &upstream.value {
        Upstream::Address { ip, .. } => Some(*ip),
        _ => None,
    });
    let files = graph.nodes.iter().flat_map(|n| n.host_nameservers.iter().flatten());
    let locals = graph.nodes.iter().flat_map(|n| &n.locals);
    let sent_on = locals.flat_map(|l| l.upstreams.iter().chain(l.conditional.iter().map(|(_, to)| to)));
    let texts = files.chain(sent_on).filter_map(|text| split_address(&text.value)).map(|(ip, _)| ip);
    let cluster = graph.nodes.iter().flat_map(|n| &n.cluster_dns).map(|ip| ip.value);
    written.chain(texts).chain(cluster).collect()
}
