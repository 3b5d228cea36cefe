//! Nodes whose DNS settings differ from those of their peers.

use super::addresses::vouched;
use crate::analysis::facts::clean_domain;
use crate::analysis::node_dns::NodeDns;
use crate::analysis::views::cluster::{DnsMismatch, DomainMismatch, OddNode};
use crate::source::Located;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The nodes that differ, unless another finding names the cause already.
#[must_use]
pub fn odd_nodes(
    nodes: &[NodeDns],
    dns: &[Located<DnsMismatch>],
    domains: &[Located<DomainMismatch>],
) -> Vec<Located<OddNode>> {
    let server = nodes.iter().any(|n| n.k3s.as_ref().is_some_and(|k| k.server == Some(true)));
    let usable: Vec<&NodeDns> = nodes.iter().filter(|node| vouched(node, server)).collect();
    let mut found = Vec::new();
    if dns.is_empty() {
        found.extend(compare("clusterDNS", &usable, cluster_dns, true));
    }
    if domains.is_empty() {
        found.extend(compare("clusterDomain", &usable, domain, true));
    }
    found.extend(compare("resolvConf", &usable, resolv_conf, false));
    found
}

/// `clusterDNS` in a form that compares; `None` where an entry is no address, which is a finding of its own.
fn cluster_dns(node: &NodeDns) -> Option<Located<String>> {
    let list = &node.kubelet.cluster_dns;
    let ips: Option<Vec<IpAddr>> = list.iter().map(|ip| ip.value.parse().ok()).collect();
    let text = ips?.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(",");
    let origins = list.first().map(|first| first.origins.clone()).unwrap_or_default();
    (!text.is_empty()).then(|| Located::from_origins(text, origins))
}

fn domain(node: &NodeDns) -> Option<Located<String>> {
    Some(clean_domain(node.kubelet.cluster_domain.clone())).filter(|domain| !domain.value.is_empty())
}

/// The resolver file where somebody set it: what k3s or a default took says nothing about intent.
fn resolv_conf(node: &NodeDns) -> Option<Located<String>> {
    let path = &node.kubelet.resolv_conf;
    (!node.pod_file.setting.is_empty() && !path.value.is_empty()).then(|| path.clone())
}

type Group<'a> = Vec<(&'a NodeDns, Located<String>)>;

/// Every node whose value is not that of the majority; of two nodes, where `pairs` count, the one that sets the value.
fn compare(
    setting: &str,
    nodes: &[&NodeDns],
    value_of: impl Fn(&NodeDns) -> Option<Located<String>>,
    pairs: bool,
) -> Vec<Located<OddNode>> {
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    for node in nodes {
        if let Some(value) = value_of(node) {
            groups.entry(value.value.clone()).or_default().push((node, value));
        }
    }
    let total: usize = groups.values().map(Vec::len).sum();
    let mut sorted: Vec<Group<'_>> = groups.into_values().collect();
    sorted.sort_by_key(|group| (group.len(), group.iter().all(|(_, value)| value.origins.is_empty())));
    let Some((common, odd)) = sorted.split_last() else { return Vec::new() };
    let only_two = total == 2 && common.len() == 1;
    if common.len() * 2 <= total && !(only_two && pairs) {
        return Vec::new();
    }
    odd.iter().flatten().filter_map(|(node, value)| odd_node(setting, node, value, common, only_two)).collect()
}

fn odd_node(
    setting: &str,
    node: &NodeDns,
    value: &Located<String>,
    common: &Group<'_>,
    only_two: bool,
) -> Option<Located<OddNode>> {
    let (_, shared) = common.first()?;
    let place = if value.origins.is_empty() { shared.origins.clone() } else { value.origins.clone() };
    let view = OddNode {
        node: node.name.clone(),
        setting: setting.to_owned(),
        value: value.value.clone(),
        common: shared.clone(),
        peers: i64::try_from(common.len()).unwrap_or(i64::MAX),
        only_two,
    };
    Some(Located::from_origins(view, place))
}
