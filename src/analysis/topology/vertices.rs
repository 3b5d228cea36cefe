//! The vertices that are asked: servers with their blocks, resolvers on nodes, addresses outside.

use super::build::Input;
use super::{BlockRow, Kind, Vertex};
use crate::analysis::coredns::Role;
use crate::analysis::effective::address::is_magic_dns;
use crate::analysis::servers::public::{is_private, is_public_resolver};
use crate::analysis::servers::routing::{LocalResolver, PodResolver, Sent};
use crate::model::dns_server::ServerKind;
use std::net::{IpAddr, SocketAddr};

/// Blocks that are listed of a server before the rows are folded.
fn rows(input: &Input<'_>, server: usize) -> Vec<BlockRow> {
    let blocks = input.graph.servers.get(server).map(|v| v.blocks.as_slice()).unwrap_or_default();
    let row = |block: &crate::analysis::servers::read::Block<'_>| {
        let mut plugins: Vec<String> = Vec::new();
        for directive in &block.syntax.directives {
            let matters = Role::of(&directive.name).may_handle()
                || matches!(directive.name.as_str(), "cache" | "rewrite" | "loop");
            if matters && !plugins.contains(&directive.name) {
                plugins.push(directive.name.clone());
            }
        }
        let zones = block.zones.iter().map(|zone| zone.value.clone()).collect();
        BlockRow { zones, port: block.port(), plugins }
    };
    blocks.iter().map(row).collect()
}

/// A DNS server of the cluster; kube-dns is drawn as the resolvers in its pod.
pub fn server(input: &Input<'_>, index: usize) -> Option<Vertex> {
    let (vertex, server) = (input.graph.servers.get(index)?, input.cluster.dns_servers.get(index)?);
    if vertex.kind == ServerKind::KubeDns && input.graph.pods.iter().any(|pod| Some(pod.workload) == server.workload) {
        return None;
    }
    let (kind, program) = match vertex.kind {
        ServerKind::NodeCache => (Kind::NodeCache, "NodeLocal DNSCache"),
        ServerKind::CoreDns => (Kind::Server, "CoreDNS"),
        ServerKind::KubeDns => (Kind::Server, "kube-dns"),
    };
    let mut details = vec![program.to_owned()];
    let addresses = |list: &[crate::source::Located<IpAddr>]| {
        let mut texts: Vec<String> = list.iter().map(|ip| ip.value.to_string()).collect();
        texts.dedup();
        texts.join(", ")
    };
    if !vertex.local_ips.is_empty() {
        details.push(format!("{} on every node", addresses(&vertex.local_ips)));
    }
    if vertex.kind != ServerKind::NodeCache && !vertex.service_addresses.is_empty() {
        details.push(format!("Service {}", addresses(&vertex.service_addresses)));
    }
    if server.config.is_none() && vertex.kind != ServerKind::KubeDns {
        details.push("its Corefile is not in the snapshot".to_owned());
    }
    let title = vertex.name.clone();
    let blocks = rows(input, index);
    Some(Vertex { kind, title, details, members: Vec::new(), count: 1, nodes: Vec::new(), blocks })
}

/// A resolver on a node.
pub fn local(resolver: &LocalResolver) -> Vertex {
    let listens: Vec<String> = resolver.listens.iter().map(IpAddr::to_string).collect();
    let on = if listens.is_empty() { "every address of the node".to_owned() } else { listens.join(", ") };
    Vertex {
        kind: Kind::NodeResolver,
        title: resolver.program.clone(),
        details: vec![format!("on {on}")],
        members: Vec::new(),
        count: 1,
        nodes: Vec::new(),
        blocks: Vec::new(),
    }
}

/// A resolver in pods that is neither CoreDNS nor a node cache.
pub fn in_pods(input: &Input<'_>, pod: &PodResolver) -> Vertex {
    let mut addresses: Vec<String> = pod.own_entrances().filter_map(|e| Some(e.ip?.to_string())).collect();
    addresses.dedup();
    let mut details = vec![pod.resolver.program.clone()];
    if !addresses.is_empty() {
        details.push(format!("on {}", addresses.join(", ")));
    }
    let (title, blocks) = (pod.name.clone(), Vec::new());
    let of_server = input.cluster.dns_servers.iter().any(|server| server.workload == Some(pod.workload));
    let kind = if of_server { Kind::Server } else { Kind::PodResolver };
    Vertex { kind, title, details, members: Vec::new(), count: 1, nodes: Vec::new(), blocks }
}

/// What an address is that no vertex of the cluster answers on.
pub fn elsewhere(input: &Input<'_>, client_is_pod: bool, sent: &Sent) -> Vertex {
    let Some(target) = sent.target else {
        let reason = if sent.upstream.value.starts_with('/') {
            "the snapshot does not have that file"
        } else {
            "no address that the snapshot knows"
        };
        return vertex(Kind::Unknown, sent.upstream.value.clone(), reason.to_owned());
    };
    let ip = target.ip();
    let title = shown(target, sent.encrypted);
    if ip.is_loopback() || ip.is_unspecified() {
        let reason = if client_is_pod {
            "the pod itself: nothing answers there"
        } else {
            "the snapshot shows nothing that answers there"
        };
        let kind = if client_is_pod { Kind::DeadEnd } else { Kind::Unknown };
        return vertex(kind, title, reason.to_owned());
    }
    let own = input
        .graph
        .servers
        .iter()
        .find(|v| v.service_addresses.iter().chain(&v.local_ips).any(|address| address.value == ip));
    if let Some(server) = own {
        return vertex(Kind::DeadEnd, title, format!("no block of {} takes these names", server.name));
    }
    if let Some(service) = input.cluster.objects.services.iter().find(|s| s.addresses().any(|own| own == ip)) {
        let name = format!("{}/{}", service.meta.namespace.value, service.meta.name.value);
        return vertex(Kind::Unknown, title, format!("Service {name}: the snapshot has no server behind it"));
    }
    if let Some(node) = input.graph.nodes.iter().find(|node| node.addresses.contains(&ip)) {
        return vertex(Kind::Unknown, title, format!("node {}: the snapshot shows nothing on that port", node.name));
    }
    let what = if is_magic_dns(ip) {
        "Tailscale MagicDNS"
    } else if is_public_resolver(ip) {
        "public resolver"
    } else if is_private(ip) {
        "private address"
    } else {
        "public address"
    };
    vertex(Kind::Outside, title, what.to_owned())
}

/// An address, with its port where that is not the usual one.
fn shown(target: SocketAddr, encrypted: bool) -> String {
    let usual = if encrypted { 853 } else { 53 };
    if target.port() == usual { target.ip().to_string() } else { target.to_string() }
}

fn vertex(kind: Kind, title: String, detail: String) -> Vertex {
    let members = vec![title.clone()];
    Vertex { kind, title, details: vec![detail], members, count: 1, nodes: Vec::new(), blocks: Vec::new() }
}
