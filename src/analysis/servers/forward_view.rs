//! Builds the `forward` view: upstreams and the ways on which a query comes back.

use super::block_view::program;
use super::graph::Routes;
use super::mixed;
use super::public::is_public_resolver;
use super::read::{Forward, Upstream, in_zone};
use super::routing::{Cause, Loop, Notice};
use super::server_view::takes_all;
use crate::analysis::views::dns_server::{ForwardView, HopView, LoopView};
use crate::source::Located;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The views of all forwards, with the name of the server that each belongs to.
#[must_use]
pub fn views(routes: &Routes<'_>) -> Vec<(Located<ForwardView>, String)> {
    let mut found = Vec::new();
    let of_servers = routes.graph.servers.iter().flat_map(|s| s.service_addresses.iter().chain(&s.local_ips));
    let own: BTreeSet<IpAddr> = of_servers.map(|address| address.value).collect();
    for (server, vertex) in routes.graph.servers.iter().enumerate() {
        for (block, content) in vertex.blocks.iter().enumerate() {
            for (index, forward) in content.forwards.iter().enumerate() {
                let mine = |l: &&Loop| l.server == server && l.block == block && l.forward == index;
                let loops: Vec<&Loop> = routes.loops.iter().filter(mine).collect();
                let root = forward.from == "."
                    && content.zones.iter().any(|zone| in_zone(&zone.value, ".") && zone.value == ".");
                let view = ForwardView {
                    program: program(vertex.kind).to_owned(),
                    from: forward.from.clone(),
                    root,
                    upstreams: forward.upstreams.iter().map(|u| u.with(text(&u.value))).collect(),
                    public_upstreams: public(forward),
                    mixed: mixed::of_forward(forward, &|ip| own.contains(&ip)),
                    node_nameserver: if root { node_nameserver(routes, forward) } else { None },
                    shadowed: content.forwards.iter().take(index).any(|before| takes_all(before, forward)),
                    loops: loops.iter().map(|l| loop_view(routes, l, content.syntax.has("loop"), forward)).collect(),
                };
                found.push((Located::at(view, forward.location), vertex.name.clone()));
            }
        }
    }
    found
}

fn text(upstream: &Upstream) -> String {
    match upstream {
        Upstream::Address { ip, port: 53, encrypted: false } => ip.to_string(),
        Upstream::Address { ip, port, encrypted } => {
            let scheme = if *encrypted { "tls://" } else { "" };
            format!("{scheme}{}", std::net::SocketAddr::new(*ip, *port))
        }
        Upstream::File(text) | Upstream::Placeholder(text) | Upstream::Other(text) => text.clone(),
    }
}

fn public(forward: &Forward<'_>) -> Vec<Located<String>> {
    forward
        .upstreams
        .iter()
        .filter_map(|upstream| match &upstream.value {
            Upstream::Address { ip, .. } if is_public_resolver(*ip) => Some(upstream.with(ip.to_string())),
            _ => None,
        })
        .collect()
}

/// A nameserver of a node that is no loopback, no public resolver, and not among the upstreams.
fn node_nameserver(routes: &Routes<'_>, forward: &Forward<'_>) -> Option<Located<String>> {
    let used = |ip: &std::net::IpAddr| {
        forward.upstreams.iter().any(|u| matches!(&u.value, Upstream::Address { ip: other, .. } if other == ip))
    };
    let cluster = |ip: &std::net::IpAddr| {
        routes.graph.servers.iter().any(|s| s.service_addresses.iter().chain(&s.local_ips).any(|a| a.value == *ip))
    };
    let lists = routes.graph.nodes.iter().filter_map(|node| node.host_nameservers.as_ref());
    lists
        .flatten()
        .find(|nameserver| {
            let ip = nameserver.value.parse::<std::net::IpAddr>().ok();
            ip.is_some_and(|ip| !ip.is_loopback() && !is_public_resolver(ip) && !used(&ip) && !cluster(&ip))
        })
        .cloned()
}

/// The nameservers that the nodes' file has beside those of the cluster and of the node itself, where every node has the
/// same.
fn instead(routes: &Routes<'_>, forward: &Forward<'_>) -> Option<Located<String>> {
    let [only] = forward.upstreams.as_slice() else { return None };
    let Upstream::File(_) = &only.value else { return None };
    let outside = |nameserver: &&Located<String>| {
        let ip = nameserver.value.parse::<std::net::IpAddr>().ok();
        let of_cluster = |ip: &std::net::IpAddr| {
            routes.graph.servers.iter().any(|s| s.service_addresses.iter().chain(&s.local_ips).any(|a| a.value == *ip))
                || routes.graph.nodes.iter().any(|node| node.addresses.contains(ip))
        };
        ip.is_some_and(|ip| !ip.is_loopback() && !ip.is_unspecified() && !of_cluster(&ip))
    };
    let mut lists = routes.graph.nodes.iter().map(|node| {
        let words = node.host_nameservers.iter().flatten().filter(outside).map(|word| word.value.as_str());
        words.collect::<Vec<_>>()
    });
    let first = lists.next().filter(|list| !list.is_empty())?;
    lists.all(|list| list == first).then(|| only.with(first.join(" ")))
}

fn loop_view(routes: &Routes<'_>, found: &Loop, has_loop_plugin: bool, forward: &Forward<'_>) -> Located<LoopView> {
    let vertex = routes.graph.servers.get(found.server);
    let clustered = vertex.is_some_and(|vertex| vertex.dns.asks_cluster_dns);
    let through_file = matches!(found.cause, Cause::LoopbackNameserver | Cause::ResolvConf | Cause::NodeResolver);
    let hops = found.hops.iter().map(|hop| Located::at(HopView { text: hop.text.clone() }, hop.location)).collect();
    let view = LoopView {
        upstream: found.upstream.value.clone(),
        zone: found.zone.clone(),
        hops,
        partial: found.partial,
        cause: cause(found.cause).to_owned(),
        seen_by_loop_plugin: found.notice == Notice::Stops,
        perhaps_seen: found.notice == Notice::Perhaps,
        unseen_because: match &found.notice {
            Notice::Not(reason) => Some(reason.clone()),
            Notice::Stops | Notice::Perhaps => None,
        },
        has_loop_plugin,
        node: found.node.clone(),
        by_policy: clustered && through_file,
        instead: instead(routes, forward).filter(|_| found.cause == Cause::ResolvConf),
    };
    Located::from_origins(view, found.upstream.origins.clone())
}

const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::OwnAddress => "own-address",
        Cause::Service => "service",
        Cause::LoopbackNameserver => "loopback-nameserver",
        Cause::ResolvConf => "resolv-conf",
        Cause::NodeResolver => "node-resolver",
        Cause::PodResolver => "pod-resolver",
        Cause::Redirect => "redirect-policy",
        Cause::KubeDnsConfig => "kube-dns-config",
        Cause::MountedFile => "mounted-file",
    }
}
