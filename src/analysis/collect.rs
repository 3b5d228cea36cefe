//! Runs every analysis of a cluster and gathers the views.

use crate::analysis::effective::pod_dns::HostFile;
use crate::analysis::facts::{Facts, parse_cidrs, parse_located};
use crate::analysis::node_dns::{self, NodeDns};
use crate::analysis::pod::shape::{self, Surroundings};
use crate::analysis::servers::dead_ends::OwnNames;
use crate::analysis::servers::graph::Routes;
use crate::analysis::servers::{block_view, forward_view, server_view};
use crate::analysis::view::{Schemas, ViewSet};
use crate::analysis::views::address_pool::AddressPoolView;
use crate::analysis::views::cluster::ClusterView;
use crate::analysis::views::dns_server::{DnsServerView, ForwardView, ServerBlockView};
use crate::analysis::views::kubelet::KubeletView;
use crate::analysis::views::node_cache::NodeCacheView;
use crate::analysis::views::pod::PodView;
use crate::analysis::views::policy::PolicyView;
use crate::analysis::views::resolv_conf::{DnsmasqConfView, ResolvConfView, ResolvedConfView};
use crate::analysis::views::service::ServiceView;
use crate::analysis::views::unit::UnitView;
use crate::analysis::{address_pool, kubelet, node_cache, policy, resolver, service};
use crate::model::Cluster;
use crate::source::{Located, Snapshot};
use crate::syntax::corefile::Version;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The kinds of views that rules may be written for.
#[must_use]
pub fn schemas() -> Schemas {
    Schemas::new()
        .with::<AddressPoolView>()
        .with::<ClusterView>()
        .with::<DnsServerView>()
        .with::<DnsmasqConfView>()
        .with::<ForwardView>()
        .with::<KubeletView>()
        .with::<NodeCacheView>()
        .with::<PodView>()
        .with::<PolicyView>()
        .with::<ResolvConfView>()
        .with::<ResolvedConfView>()
        .with::<ServerBlockView>()
        .with::<ServiceView>()
        .with::<UnitView>()
}

/// What is taken for granted where the input does not say it (`--assume`, `--k8s-version`, …).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// Kubernetes release.
    pub kubernetes: Option<String>,
    /// CoreDNS release.
    pub coredns: Option<String>,
    /// kube-proxy's mode.
    pub proxy_mode: Option<String>,
    /// `k3s`, `rke2`, `kubeadm` or `kubespray`.
    pub distribution: Option<String>,
}

/// The views of a cluster, and the inputs that were missing.
#[derive(Debug, Default)]
pub struct Collected {
    /// What rules look at.
    pub views: ViewSet,
    /// Inputs without which some rules cannot judge.
    pub missing: Vec<Missing>,
}

/// An input that the snapshot does not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The name that rules give in `needs`.
    pub need: String,
    /// What is missing, for the coverage summary.
    pub what: String,
    /// The object that it is missing for; `None`: for the whole cluster.
    pub object: Option<String>,
}

/// The views of a cluster.
#[must_use]
pub fn views(snapshot: &Snapshot, cluster: &Cluster, assume: &Assumptions) -> Collected {
    let nodes = node_dns::all(snapshot, cluster, assume.kubernetes.as_deref());
    let mut facts = Facts::of(cluster);
    facts.assume_proxy(assume.proxy_mode.as_deref());
    let sites = node_dns::sites(snapshot, cluster, &nodes);
    let routes = Routes::of(cluster, &facts, sites);
    let mut set = ViewSet::default();
    add_servers(&mut set, cluster, &facts, &routes, assume);
    add_pods(&mut set, cluster, &facts, &nodes);
    add_network(&mut set, snapshot, cluster, &facts, &nodes);
    add_resolvers(&mut set, snapshot, cluster, &facts, &nodes);
    add_kubelets(&mut set, snapshot, cluster, &facts, &nodes);
    add_node_caches(&mut set, snapshot, cluster, &facts, &routes, &nodes);
    Collected { views: set, missing: missing(cluster, &facts, &nodes) }
}

/// Inputs without which some rules stay silent.
fn missing(cluster: &Cluster, facts: &Facts, nodes: &[NodeDns]) -> Vec<Missing> {
    let mut found = Vec::new();
    let mut whole = |absent: bool, need: &str, what: &str| {
        if absent {
            found.push(Missing { need: need.to_owned(), what: what.to_owned(), object: None });
        }
    };
    let corefiles = cluster.dns_servers.iter().any(|s| s.config.is_some());
    whole(!corefiles, "corefile", "the Corefile of the cluster DNS");
    whole(facts.dns_services.is_empty(), "dns_service", "the DNS Service");
    whole(!cluster.dns_servers.iter().any(|s| s.workload.is_some()), "dns_workload", "the workload of the cluster DNS");
    whole(nodes.is_empty(), "node_resolv_conf", "resolver files of the nodes");
    whole(nodes.is_empty(), "kubelet_config", "kubelet configuration of the nodes");
    for node in nodes {
        let object = Some(format!("Node/{}", node.name));
        if !node.configured {
            let what = format!("kubelet configuration of node {}", node.name);
            found.push(Missing { need: "kubelet_config".to_owned(), what, object: object.clone() });
        }
        if node.pod_file.nameservers().is_none() && node.pod_file.host().is_none() {
            let what = format!(
                "{} of node {}",
                if node.pod_file.path.is_empty() { "resolver file" } else { &node.pod_file.path },
                node.name
            );
            found.push(Missing { need: "node_resolv_conf".to_owned(), what, object });
        }
    }
    found
}

/// Suppressions that stand as annotations: `dnslint.dev/ignore.<rule>: reason`.
#[must_use]
pub fn annotations(cluster: &Cluster) -> Vec<Annotation> {
    let objects = &cluster.objects;
    let metas = objects
        .services
        .iter()
        .map(|s| &s.meta)
        .chain(objects.config_maps.iter().map(|c| &c.meta))
        .chain(objects.workloads.iter().map(|w| &w.meta))
        .chain(objects.generic.values().flatten().map(|g| &g.meta));
    metas
        .flat_map(|meta| {
            meta.annotations.iter().filter_map(move |(key, reason)| {
                let rule = key.strip_prefix("dnslint.dev/ignore.")?.to_owned();
                Some(Annotation {
                    object: meta.display(),
                    rule,
                    reason: reason.value.clone(),
                    location: reason.location()?,
                })
            })
        })
        .collect()
}

/// A suppression that stands as an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The object.
    pub object: String,
    /// The rule.
    pub rule: String,
    /// The annotation's value.
    pub reason: String,
    /// The annotation.
    pub location: crate::source::Location,
}

fn add_servers(set: &mut ViewSet, cluster: &Cluster, facts: &Facts, routes: &Routes<'_>, assume: &Assumptions) {
    let own = OwnNames::of(cluster, facts);
    let assumed = assume.coredns.as_deref().and_then(Version::parse);
    let count = node_count(cluster);
    for server in &cluster.dns_servers {
        let object = Some(object_of(cluster, server));
        set.add(&server_view::view(cluster, server, count, assumed), object.clone());
        for block in block_view::views(server, &own) {
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

/// Kubelets, the units that run them, and the cluster that they make up.
fn add_kubelets(set: &mut ViewSet, snapshot: &Snapshot, cluster: &Cluster, facts: &Facts, nodes: &[NodeDns]) {
    for (view, object) in kubelet::views(snapshot, cluster, facts, nodes) {
        set.add(&view, object);
    }
    for (view, object) in kubelet::unit_views(snapshot, cluster) {
        set.add(&view, object);
    }
    for (view, object) in kubelet::cluster_view(snapshot, cluster, facts, nodes) {
        set.add(&view, object);
    }
}

/// Resolver files of the nodes, and the configurations of systemd-resolved and dnsmasq.
fn add_resolvers(set: &mut ViewSet, snapshot: &Snapshot, cluster: &Cluster, facts: &Facts, nodes: &[NodeDns]) {
    for (view, object) in resolver::views(snapshot, cluster, facts, nodes) {
        set.add(&view, object);
    }
    for (view, object) in resolver::resolved_views(snapshot) {
        set.add(&view, object);
    }
    for (view, object) in resolver::dnsmasq_views(snapshot) {
        set.add(&view, object);
    }
}

/// Node caches, with what listens on the nodes and whom the kubelets send pods to.
fn add_node_caches(
    set: &mut ViewSet,
    snapshot: &Snapshot,
    cluster: &Cluster,
    facts: &Facts,
    routes: &Routes<'_>,
    nodes: &[NodeDns],
) {
    let listeners: Vec<_> = cluster
        .nodes
        .iter()
        .filter_map(|node| Some(node_dns::locals::listeners(snapshot, snapshot.node(node.index)?, node)))
        .flatten()
        .collect();
    let asked: Vec<(String, Located<IpAddr>)> = nodes
        .iter()
        .flat_map(|node| node.kubelet.cluster_dns.iter().filter_map(|a| Some((node.name.clone(), parse_located(a)?))))
        .collect();
    for (view, object) in node_cache::views(cluster, facts, routes, &listeners, &asked) {
        set.add(&view, object);
    }
}

/// Policies, Services and address pools, with what the nodes say about addresses.
fn add_network(set: &mut ViewSet, snapshot: &Snapshot, cluster: &Cluster, facts: &Facts, nodes: &[NodeDns]) {
    let folder_of = |file| {
        let path = &snapshot.file(file).path;
        path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
    };
    let mut asked: Vec<Located<IpAddr>> = Vec::new();
    for address in nodes.iter().flat_map(|n| &n.kubelet.cluster_dns).filter_map(parse_located) {
        if !asked.iter().any(|known| known.value == address.value) {
            asked.push(address);
        }
    }
    let k3s: Vec<_> = nodes.iter().filter_map(|n| n.k3s.as_ref()).collect();
    let says = |wanted: bool| nodes.iter().any(|node| node_dns::servicelb(node) == Some(wanted));
    let servicelb = says(true) && !says(false);
    let pod_cidrs: Vec<_> = k3s.iter().flat_map(|k| &k.cluster_cidr).flat_map(parse_cidrs).collect();
    for (view, object) in policy::views(cluster, facts, &asked, &folder_of) {
        set.add(&view, object);
    }
    for (view, object) in service::views(cluster, facts, &asked, servicelb) {
        set.add(&view, object);
    }
    for (view, object) in address_pool::views(cluster, facts, &pod_cidrs) {
        set.add(&view, object);
    }
}

fn add_pods(set: &mut ViewSet, cluster: &Cluster, facts: &Facts, nodes: &[NodeDns]) {
    let around = Surroundings::of(cluster, facts).with_node_searches(common_searches(nodes));
    let view = |(index, workload)| (shape::view(index, workload, &around), Some(workload.meta.display()));
    set.add_all(cluster.objects.workloads.par_iter().enumerate().map(view));
}

/// The search list that every node hands to pods; empty where they differ or one is not known.
fn common_searches(nodes: &[NodeDns]) -> Vec<String> {
    let list = |node: &NodeDns| match node.pod_file.host() {
        Some(HostFile::Read(dns)) => Some(dns.searches.iter().map(|s| s.value.clone()).collect::<Vec<_>>()),
        _ => None,
    };
    let first = nodes.first().and_then(list).unwrap_or_default();
    if nodes.iter().all(|node| list(node).as_ref() == Some(&first)) { first } else { Vec::new() }
}
