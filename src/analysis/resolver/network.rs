//! Nameservers and nodes inside the address ranges of pods and Services.

use super::ranges::{Purpose, Range};
use super::{Around, address, nameservers};
use crate::analysis::facts::parse_located;
use crate::analysis::node_dns::pod_file::{PodFileState, ReadFile};
use crate::analysis::views::resolv_conf::{InsideCidr, NetworkOverlap, ResolvConfView};
use crate::model::Cluster;
use crate::model::node::text_of;
use crate::source::{Located, Location, Span};
use crate::syntax::kubelet_flags::parse_k3s;
use std::net::IpAddr;

/// Finds nameservers of the file in the cluster's ranges, unless the node itself lies there.
pub fn fill(around: &Around<'_>, read: Option<&ReadFile>, view: &mut ResolvConfView) {
    let servers = servers(around, read);
    if servers.is_empty() || inside(around).is_some() {
        return;
    }
    for server in servers {
        let found = range_around(around, server.value, &[Purpose::Pod, Purpose::Service]);
        view.inside_cidrs.extend(found.map(|range| {
            server.with(InsideCidr {
                address: server.value.to_string(),
                cidr: range.net.with(range.net.value.to_string()),
                kind: range.purpose.word().to_owned(),
                default_cidr: range.default,
            })
        }));
    }
}

/// Addresses of the file's `nameserver` lines that are not the cluster's own DNS.
fn servers(around: &Around<'_>, read: Option<&ReadFile>) -> Vec<Located<IpAddr>> {
    let Some(read) = read else { return Vec::new() };
    let words = nameservers(&read.conf).into_iter().map(|word| word.located(read.file));
    words
        .filter_map(|word| address(&word.value).map(|ip| word.with(ip.to_canonical())))
        .filter(|ip| !around.of_cluster.contains(ip.value))
        .collect()
}

/// The range around an address: one of the node's k3s, else one of the manifests.
fn range_around<'r>(around: &'r Around<'_>, ip: IpAddr, purposes: &[Purpose]) -> Option<&'r Range> {
    around.own_ranges.holding(ip, purposes).or_else(|| around.whole.ranges.holding(ip, purposes))
}

/// Whether pods have addresses of the nodes' network on purpose, as with the network plugins of AWS and Azure.
pub fn has_native_pod_network(cluster: &Cluster) -> bool {
    const NATIVE: [&str; 4] = ["aws-node", "azure-cni-networkmonitor", "azure-cns", "terway-eniip"];
    cluster.objects.workloads.iter().any(|workload| NATIVE.contains(&workload.meta.name.value.as_str()))
}

/// An address of the node, or of Services, in the range of the pods.
pub fn overlap(around: &Around<'_>) -> Option<Located<NetworkOverlap>> {
    inside(around).or_else(|| over_services(around))
}

/// An address of the node in the range of the pods.
fn inside(around: &Around<'_>) -> Option<Located<NetworkOverlap>> {
    let in_range = |node: Located<IpAddr>| Some((range_around(around, node.value, &[Purpose::Pod])?, node));
    let (range, node) = addresses(around).into_iter().find_map(in_range)?;
    let host = match &around.dns.host_file {
        PodFileState::Read(host) => Some(host.as_ref()),
        _ => None,
    };
    let pods = around.dns.pod_file.read().filter(|pods| host.is_none_or(|host| host.file != pods.file));
    let servers = [host, pods].into_iter().flat_map(|read| servers(around, read));
    let inside = servers.filter(|ip| range.net.value.contains(&ip.value));
    let place = if range.default { node.clone() } else { range.net.with(node.value) };
    let place = if place.origins.is_empty() { node.clone() } else { place };
    Some(place.with(NetworkOverlap {
        address: Some(node.with(node.value.to_string())),
        services: None,
        cidr: range.net.with(range.net.value.to_string()),
        default_cidr: range.default,
        nameservers: inside.map(|ip| ip.with(ip.value.to_string())).collect(),
    }))
}

/// A pod range and a Service range of one configuration that share addresses.
fn over_services(around: &Around<'_>) -> Option<Located<NetworkOverlap>> {
    let [pods, services] = around.own_ranges.overlapping().or_else(|| around.whole.ranges.overlapping())?;
    let place = if pods.net.origins.is_empty() { &services.net } else { &pods.net };
    (!place.origins.is_empty()).then(|| {
        place.with(NetworkOverlap {
            address: None,
            services: Some(services.net.with(services.net.value.to_string())),
            cidr: pods.net.with(pods.net.value.to_string()),
            default_cidr: pods.default,
            nameservers: Vec::new(),
        })
    })
}

/// Addresses of the node that the snapshot states: Node object, `--node-ip`, /etc/hosts.
fn addresses(around: &Around<'_>) -> Vec<Located<IpAddr>> {
    let object = around.node.object.and_then(|at| around.cluster.objects.of_kind("Node").get(at));
    let status = object.and_then(|node| node.value.value.path(&["status", "addresses"]));
    let internal = status.map_or(&[][..], |list| list.value.items()).iter().filter_map(|item| {
        let kind = item.value.text_at("type")?;
        (kind.value == "InternalIP").then(|| item.value.text_at("address")).flatten()
    });
    let mut found: Vec<Located<IpAddr>> = internal.filter_map(|text| parse_located(&text)).collect();
    found.extend(around.dns.kubelet.node_ips.iter().filter_map(parse_located));
    found.extend(k3s_node_ips(around).iter().filter_map(parse_located));
    found.extend(from_hosts(around));
    found.retain(|ip| !ip.value.is_loopback() && !ip.value.is_unspecified() && !ip.origins.is_empty());
    found
}

/// `node-ip` of k3s's command line and configuration files.
fn k3s_node_ips(around: &Around<'_>) -> Vec<Located<String>> {
    let Some(k3s) = around.node.k3s() else { return Vec::new() };
    let flags = parse_k3s(&k3s.arguments).flags;
    let written = flags.iter().filter(|flag| flag.name == "node-ip").filter_map(|flag| flag.value.as_ref());
    let mut values: Vec<Located<String>> = written.map(|value| value.located()).collect();
    for (_, file) in k3s.config_files(around.node) {
        values.extend(file.value.value.text_at("node-ip"));
        values.extend(file.value.value.texts_at("node-ip"));
    }
    let each =
        |value: &Located<String>| value.value.split(',').map(|ip| value.with(ip.trim().to_owned())).collect::<Vec<_>>();
    values.iter().flat_map(each).collect()
}

/// The line of /etc/hosts that names the node.
fn from_hosts(around: &Around<'_>) -> Vec<Located<IpAddr>> {
    let Some((file, text)) = text_of(around.snapshot, around.root, "/etc/hosts") else { return Vec::new() };
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.split('#').next().unwrap_or(line);
        let mut words = body.split_whitespace();
        let ip = words.next().and_then(|word| Some((word, word.parse::<IpAddr>().ok()?)));
        let short = |name: &str| name.split('.').next().unwrap_or(name).to_owned();
        if let Some((word, ip)) = ip.filter(|_| words.any(|name| short(name) == short(&around.dns.name))) {
            let at = start + body.find(word).unwrap_or(0);
            found.push(Located::at(ip, Location::new(file, Span::new(at, at + word.len()))));
        }
        start += line.len();
    }
    found
}
