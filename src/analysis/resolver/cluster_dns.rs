//! Nodes whose own resolver is the cluster DNS, which cannot run before the node has pulled its images.

use super::{Around, MAX_NAMESERVERS, address, nameservers};
use crate::analysis::node_dns::pod_file::{PodFileState, by_resolved};
use crate::analysis::views::resolv_conf::ClusterDependency;
use crate::source::{FileKind, Located, Location, Lookup};
use crate::syntax::resolv_conf::ResolvConf;
use crate::syntax::resolved::{ResolvedConf, merge};
use std::net::IpAddr;

/// The file with the servers that systemd-resolved asks.
const UPLINK: &str = "/run/systemd/resolve/resolv.conf";

/// Nameservers of the node that the cluster serves, where they are set: resolved.conf, else /etc/resolv.conf.
pub fn dependencies(around: &Around<'_>) -> Vec<Located<ClusterDependency>> {
    let (configured, stub_reads) = from_resolved(around);
    if !configured.is_empty() && stub_reads {
        return configured;
    }
    from_file(around)
}

fn judge(
    around: &Around<'_>,
    servers: &[Located<IpAddr>],
    has_other: bool,
    file: &str,
) -> Vec<Located<ClusterDependency>> {
    let has_other = has_other || servers.iter().any(|ip| !around.of_cluster.contains(ip.value));
    let view = |ip: &Located<IpAddr>| {
        let kind = around.of_cluster.part(ip.value)?.word().to_owned();
        let address = ip.value.to_string();
        Some(ip.with(ClusterDependency { address, kind, file: file.to_owned(), has_other }))
    };
    servers.iter().filter_map(view).collect()
}

/// `DNS=` of resolved.conf, and whether the node resolves through systemd-resolved at all.
fn from_resolved(around: &Around<'_>) -> (Vec<Located<ClusterDependency>>, bool) {
    let of_node = around.snapshot.of_node(around.node.index);
    let mut files: Vec<_> = of_node.filter(|file| file.kind == FileKind::ResolvedConf).collect();
    // drop-ins apply behind the main file, by file name
    files.sort_by_key(|file| {
        let path = file.node_path.as_deref().unwrap_or(&file.path);
        (path.contains(".conf.d/"), path.rsplit('/').next().unwrap_or(path).to_owned())
    });
    let parsed: Vec<ResolvedConf> = files.iter().map(|file| ResolvedConf::parse(&file.text)).collect();
    let merged = merge(&parsed.iter().collect::<Vec<_>>());
    let servers: Vec<Located<IpAddr>> = merged
        .dns
        .iter()
        .filter_map(|server| {
            let file = files.get(server.file)?;
            Some(Located::at(server.value.address, Location::new(file.id, server.span)))
        })
        .collect();
    let uplink = match around.root.lookup(UPLINK) {
        Lookup::File { file, .. } => ResolvConf::parse(&around.snapshot.file(file).text),
        _ => ResolvConf::default(),
    };
    let outside = |ip: IpAddr| !around.of_cluster.contains(ip) && !ip.is_loopback();
    let has_other = nameservers(&uplink).iter().any(|word| address(&word.value).is_some_and(outside));
    let host_is_stub = match &around.dns.host_file {
        PodFileState::Read(host) => by_resolved(&host.chain, &host.conf),
        _ => true,
    };
    (judge(around, &servers, has_other, "resolved.conf"), host_is_stub)
}

fn from_file(around: &Around<'_>) -> Vec<Located<ClusterDependency>> {
    let PodFileState::Read(host) = &around.dns.host_file else { return Vec::new() };
    let words = nameservers(&host.conf).into_iter().take(MAX_NAMESERVERS).map(|word| word.located(host.file));
    let servers: Vec<_> =
        words.filter_map(|word| address(&word.value).map(|ip| word.with(ip.to_canonical()))).collect();
    judge(around, &servers, false, "/etc/resolv.conf")
}
