//! Resolver files of nodes: what each says, who reads it, and what comes of that in pods.

mod cluster_dns;
mod corefiles;
mod dns_addresses;
mod dnsmasq;
mod mixed;
mod network;
mod own_file;
mod owned;
mod ranges;
mod resolved;
mod searches;
mod states;
mod text;

use crate::analysis::effective::address::{is_container_bridge, is_magic_dns};
use crate::analysis::facts::Facts;
use crate::analysis::node_dns::k3s::K3sDns;
use crate::analysis::node_dns::pod_file::{PodFileState, ReadFile, start_of};
use crate::analysis::node_dns::{ASSUMED_KUBE, NodeDns};
use crate::analysis::views::resolv_conf::ResolvConfView;
use crate::model::Cluster;
use crate::model::node::Node;
use crate::source::{FileId, FileKind, Located, Location, NodeRoot, Snapshot, Span, Spanned};
use crate::syntax::resolv_conf::address::{strict, v6_with_zone};
use crate::syntax::resolv_conf::{ResolvConf, kubelet};
use rayon::prelude::*;
use std::net::IpAddr;
use std::sync::Arc;

use corefiles::Corefiles;
use dns_addresses::{DnsAddresses, OfCluster, Part};
pub use dnsmasq::dnsmasq_views;
use ranges::Ranges;
pub use resolved::resolved_views;

/// Nameservers that the kubelet and the C libraries keep.
const MAX_NAMESERVERS: usize = 3;

/// Everything that a file of one node is judged against.
struct Around<'a> {
    snapshot: &'a Snapshot,
    cluster: &'a Cluster,
    facts: &'a Facts,
    root: &'a NodeRoot,
    node: &'a Node,
    dns: &'a NodeDns,
    /// Ranges of the node's k3s; none where pods have addresses of the nodes' network.
    own_ranges: Arc<Ranges>,
    /// Addresses of the cluster's DNS, as far as the node tells.
    of_cluster: OfCluster<'a>,
    whole: &'a WholeCluster<'a>,
}

/// What every node is judged against, found once: a cluster may have thousands of nodes and a hundred thousand pods.
struct WholeCluster<'a> {
    /// Ranges that manifests state; none where pods have addresses of the nodes' network.
    ranges: Ranges,
    /// The first k3s server, which tells its agents, with its ranges.
    k3s_server: Option<(&'a K3sDns, Arc<Ranges>)>,
    /// Pods have addresses of the nodes' network on purpose.
    native_pod_network: bool,
    /// An image with a musl that breaks on `search .`.
    old_musl: Option<Located<String>>,
    /// Addresses of the cluster's DNS.
    addresses: DnsAddresses,
    /// What the Corefiles say of resolver files.
    corefiles: Corefiles,
}

impl WholeCluster<'_> {
    /// The ranges of a node's k3s; a server tells its agents.
    fn ranges_of(&self, dns: &NodeDns) -> Arc<Ranges> {
        match (&dns.k3s, &self.k3s_server) {
            (Some(own), Some((server, ranges))) if own.server != Some(true) || std::ptr::eq(own, *server) => {
                Arc::clone(ranges)
            }
            (Some(own), _) if !self.native_pod_network => Arc::new(Ranges::of_k3s(own)),
            _ => Arc::default(),
        }
    }
}

/// The views of all resolver files that matter, each with the node that it belongs to.
#[must_use]
pub fn views(
    snapshot: &Snapshot,
    cluster: &Cluster,
    facts: &Facts,
    nodes: &[NodeDns],
) -> Vec<(Located<ResolvConfView>, Option<String>)> {
    let native_pod_network = network::has_native_pod_network(cluster);
    let server = nodes.iter().filter_map(|node| node.k3s.as_ref()).find(|k3s| k3s.server == Some(true));
    let whole = WholeCluster {
        ranges: if native_pod_network { Ranges::default() } else { Ranges::stated(facts) },
        k3s_server: server.filter(|_| !native_pod_network).map(|k3s| (k3s, Arc::new(Ranges::of_k3s(k3s)))),
        native_pod_network,
        old_musl: searches::old_musl(cluster),
        addresses: DnsAddresses::of(facts),
        corefiles: Corefiles::of(cluster),
    };
    let of_one = |dns: &NodeDns| -> Option<Vec<_>> {
        let node = cluster.nodes.get(dns.node)?;
        let around = Around {
            snapshot,
            cluster,
            facts,
            root: snapshot.node(node.index)?,
            node,
            dns,
            own_ranges: whole.ranges_of(dns),
            of_cluster: OfCluster::told_to(dns, &whole.addresses),
            whole: &whole,
        };
        let object = Some(format!("Node/{}", dns.name));
        Some(of_node(&around).into_iter().map(|view| (view, object.clone())).collect())
    };
    let mut views: Vec<_> = nodes.par_iter().filter_map(of_one).flatten_iter().collect();
    let flat = snapshot.of_kind(FileKind::ResolvConf).filter(|file| file.node.is_none());
    views.extend(flat.map(|file| (flat_view(snapshot, file.id, &file.path), None)));
    views
}

/// The file that pods inherit, and the node's own where that is another one.
fn of_node(around: &Around<'_>) -> Vec<Located<ResolvConfView>> {
    let dns = around.dns;
    let same = match (&dns.pod_file.state, &dns.host_file) {
        (PodFileState::Read(pods), PodFileState::Read(host)) => pods.file == host.file,
        _ => dns.pod_file.path == "/etc/resolv.conf",
    };
    let mut pods = pods_view(around, same);
    let dependencies = cluster_dns::dependencies(around);
    pods.value.cluster_dependencies = dependencies;
    let mut list = vec![pods];
    if !same && let PodFileState::Read(host) = &dns.host_file {
        list.push(host_view(around, host));
    }
    list
}

fn pods_view(around: &Around<'_>, same: bool) -> Located<ResolvConfView> {
    let dns = around.dns;
    let file = &dns.pod_file;
    let mut view = ResolvConfView {
        path: file.path.clone(),
        used_by_pods: dns.configured,
        kubelet_known: dns.configured,
        used_by_host: same,
        used_by: file.setting.iter().map(|at| Located::at(file.path.clone(), at)).collect(),
        kubelet_version: format!("{}.{}", dns.version.major, dns.version.minor),
        version_known: dns.version_known(),
        ..ResolvConfView::default()
    };
    if dns.configured {
        states::fill(around, &mut view);
    } else {
        states::fill_unconfigured(around, &mut view);
    }
    network::fill(around, file.read(), &mut view);
    view.network_overlap = network::overlap(around);
    view.own_path = own_file::path(around);
    let Some(read) = file.read() else {
        let place = file.setting.clone();
        view.own_file = own_file::find(around, &view);
        return Located::from_origins(view, place);
    };
    let place = start_of(around.snapshot, read.file);
    of_text(around.snapshot, read.file, &read.conf, &mut view);
    if dns.configured {
        inherited(around, read, &mut view);
    }
    view.upstream_files = states::upstream_files(around, Some(read.file));
    view.own_file = own_file::find(around, &view);
    Located::at(view, place)
}

/// Facts about what pods get from the file.
fn inherited(around: &Around<'_>, read: &ReadFile, view: &mut ResolvConfView) {
    use crate::analysis::effective::pod_dns::HostFile;
    let HostFile::Read(host) = &read.host else { return };
    view.nameservers.clone_from(&host.nameservers);
    view.dropped_nameservers = host.nameservers.iter().skip(MAX_NAMESERVERS).cloned().collect();
    let with = |test: fn(IpAddr) -> bool| -> Vec<_> {
        let fits = |word: &&Located<String>| address(&word.value).is_some_and(test);
        host.nameservers.iter().filter(fits).cloned().collect()
    };
    view.loopback = with(|ip| ip.to_canonical().is_loopback());
    view.loopback_beside_others = view.loopback.len() < host.nameservers.len();
    view.magic_dns = with(is_magic_dns);
    view.container_bridges = with(is_container_bridge);
    let scoped = |word: &&Located<String>| matches!(v6_with_zone(&word.value), Some((_, Some(_))));
    view.scoped_nameservers = host.nameservers.iter().filter(scoped).cloned().collect();
    view.mixed = mixed::find(around, &host.nameservers);
    view.redundant_nameservers = redundant(around, &host.nameservers);
    searches::fill(around, read, host, view);
}

/// Addresses of the DNS Service in a list that has the node cache, too.
fn redundant(around: &Around<'_>, nameservers: &[Located<String>]) -> Vec<Located<String>> {
    let is = |word: &Located<String>, wanted: Part| {
        address(&word.value).and_then(|ip| around.of_cluster.part(ip)).is_some_and(|part| part == wanted)
    };
    if !nameservers.iter().any(|word| is(word, Part::NodeCache)) {
        return Vec::new();
    }
    nameservers.iter().filter(|word| is(word, Part::Service)).cloned().collect()
}

fn host_view(around: &Around<'_>, host: &ReadFile) -> Located<ResolvConfView> {
    let mut view = ResolvConfView {
        path: "/etc/resolv.conf".to_owned(),
        used_by_host: true,
        kubelet_version: format!("{}.{}", around.dns.version.major, around.dns.version.minor),
        version_known: around.dns.version_known(),
        ..ResolvConfView::default()
    };
    of_text(around.snapshot, host.file, &host.conf, &mut view);
    network::fill(around, Some(host), &mut view);
    Located::at(view, start_of(around.snapshot, host.file))
}

/// A file that belongs to no node: only its text can be judged.
fn flat_view(snapshot: &Snapshot, file: FileId, path: &str) -> Located<ResolvConfView> {
    let mut view = ResolvConfView {
        path: path.to_owned(),
        kubelet_version: format!("{}.{}", ASSUMED_KUBE.major, ASSUMED_KUBE.minor),
        ..ResolvConfView::default()
    };
    let conf = ResolvConf::parse(&snapshot.file(file).text);
    of_text(snapshot, file, &conf, &mut view);
    Located::at(view, start_of(snapshot, file))
}

/// Facts about the text alone.
fn of_text(snapshot: &Snapshot, file: FileId, conf: &ResolvConf, view: &mut ResolvConfView) {
    text::fill(snapshot, file, conf, view);
    owned::fill(file, conf, view);
}

/// Words of `nameserver` lines as the kubelet reads them; none of a file that it refuses.
fn nameservers(conf: &ResolvConf) -> Vec<Spanned<String>> {
    let newest = kubelet::KubeVersion::new(ASSUMED_KUBE.major, ASSUMED_KUBE.minor, ASSUMED_KUBE.patch);
    kubelet::read(conf, newest).map(|dns| dns.nameservers).unwrap_or_default()
}

/// An address as any reader takes it, a zone left out.
fn address(word: &str) -> Option<IpAddr> {
    strict(word).or_else(|| v6_with_zone(word).map(|(ip, _)| IpAddr::V6(ip)))
}

/// A located copy of the text of a span.
fn quoted(snapshot: &Snapshot, file: FileId, span: Span) -> Located<String> {
    Located::at(snapshot.file(file).slice(span).to_owned(), Location::new(file, span))
}

#[cfg(test)]
mod tests;
