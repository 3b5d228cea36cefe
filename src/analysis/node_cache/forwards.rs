//! Where the cache sends which names: to itself, past the cluster DNS, over which transport, elsewhere than CoreDNS.

use super::cache::{Cache, forward_zones, upstream_text};
use super::proxy::redirect_without_exception;
use crate::analysis::servers::chain::{Asked, Passage, pass};
use crate::analysis::servers::read::{Block, Forward, Upstream, in_zone};
use crate::analysis::views::node_cache::{
    DisagreementView, PlainForwardView, QueryLogView, SelfForwardView, TcpForwardView, UnroutedReverseView,
};
use crate::model::config_map::EmbeddedText;
use crate::model::dns_server::ServerKind;
use crate::model::pillar::{CLUSTER_DNS, UPSTREAM_SERVERS};
use crate::source::Located;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Zones of reverse look-ups.
const REVERSE: [&str; 2] = ["in-addr.arpa.", "ip6.arpa."];

/// Upstreams that are addresses which the cache itself takes on this node, once for each address.
pub fn to_itself(cache: &Cache<'_>) -> Vec<Located<SelfForwardView>> {
    let mut found: Vec<Located<SelfForwardView>> = Vec::new();
    for (block, forward) in cache.forwards() {
        for upstream in &forward.upstreams {
            let Some(ip) = address_of(cache, &upstream.value) else { continue };
            let Some((own, reason)) = own_place(cache, block, ip, &upstream.value) else { continue };
            let text = upstream_text(&upstream.value);
            let zone = forward_zones(block, forward).into_iter().next().unwrap_or_else(|| forward.from.clone());
            if let Some(same) = found.iter_mut().find(|f| f.value.upstream == text) {
                same.value.others.push(upstream.with(zone.clone()));
                same.value.places.push(upstream.with(text));
                same.value.zones.push(zone);
                continue;
            }
            found.push(upstream.with(SelfForwardView {
                zones: vec![zone],
                places: vec![upstream.with(text.clone())],
                instead: instead(cache, upstream, ip),
                upstream: text,
                address: ip.to_string(),
                reason,
                own,
                service: cache.service_label(ip),
                has_loop_plugin: block.syntax.has("loop"),
                others: Vec::new(),
            }));
        }
    }
    found
}

/// The upstream Service in place of an address of the Corefile: the placeholder for it where the process fills it, else
/// its address.
fn instead(cache: &Cache<'_>, upstream: &Located<Upstream>, address: IpAddr) -> Option<String> {
    let at = upstream.location()?;
    let holds = |text: &EmbeddedText| text.file == at.file && text.location.span.join(at.span) == text.location.span;
    let written = matches!(upstream.value, Upstream::Address { .. });
    cache.server.config.as_ref()?.texts.iter().find(|text| written && holds(text))?;
    let name = cache.flag("upstreamsvc")?.value;
    let service = cache.cluster.objects.services.iter().find(|service| service.meta.name.value == name)?;
    if service.addresses().any(|own| own == address || cache.owns(own).is_some()) {
        return None;
    }
    if cache.is_template() {
        return Some(CLUSTER_DNS.to_owned());
    }
    service.addresses().next().map(|ip| ip.to_string())
}

/// The address behind an upstream, for plain DNS on port 53.
fn address_of(cache: &Cache<'_>, upstream: &Upstream) -> Option<IpAddr> {
    match upstream {
        Upstream::Address { ip, port: 53, encrypted: false } => Some(*ip),
        // which Service that is, the arguments say
        Upstream::Placeholder(text) if text == CLUSTER_DNS && cache.workload.is_some() => {
            cache.vertex.cluster_dns_pillar.as_ref().map(|ip| ip.value)
        }
        _ => None,
    }
}

fn own_place(
    cache: &Cache<'_>,
    block: &Block<'_>,
    ip: IpAddr,
    upstream: &Upstream,
) -> Option<(Located<String>, String)> {
    let bound = || block.bind.iter().find(|bind| bind.value.parse() == Ok(ip));
    let local = cache.owns(ip).filter(|_| cache.makes_interface()).map(|own| own.with(ip.to_string()));
    if let Some(own) = local.or_else(|| bound().cloned()) {
        let reason = match upstream {
            Upstream::Placeholder(_) => {
                format!("-upstreamsvc {} gives {ip}, which the cache binds itself", cache.upstream_service())
            }
            _ => format!("the cache binds {ip} itself"),
        };
        return Some((own, reason));
    }
    let policy = redirect_without_exception(cache, ip)?;
    let reason = format!("the redirect policy sends {ip} back to the cache, and lacks skipRedirectFromBackend");
    Some((policy, reason))
}

/// Reverse zones whose names leave for other resolvers than the cluster DNS.
pub fn unrouted_reverse(cache: &Cache<'_>) -> Option<Located<UnroutedReverseView>> {
    if !cache.is_readable() {
        return None;
    }
    let cluster = cache
        .forwards()
        .find(|(block, forward)| forward_zones(block, forward).iter().any(|zone| cache.is_cluster_zone(zone)));
    // a cache that has no part for the cluster's own names is used for something else
    let (_, cluster_forward) = cluster?;
    let astray: Vec<(&str, &Forward<'_>)> =
        REVERSE.iter().filter_map(|zone| Some((*zone, takes_astray(cache, zone)?))).collect();
    let v6 = cache.facts.dns_addresses.iter().chain(&cache.own).any(|ip| ip.value.is_ipv6());
    let (_, forward) = astray.iter().find(|(zone, _)| v6 || *zone != "ip6.arpa.")?;
    let zones = astray.iter().map(|(zone, _)| zone.trim_end_matches('.').to_owned()).collect();
    let upstreams = forward.upstreams.iter().map(|u| u.with(upstream_text(&u.value))).collect();
    let target = cluster_forward.upstreams.first().map(|u| upstream_text(&u.value)).unwrap_or_default();
    let view = UnroutedReverseView { zones, upstreams, cluster: Some(Located::at(target, cluster_forward.location)) };
    Some(Located::at(view, forward.location))
}

/// The forward that takes a reverse zone to resolvers outside the cluster; `None` where the cluster DNS gets part of it.
fn takes_astray<'a>(cache: &Cache<'a>, zone: &str) -> Option<&'a Forward<'a>> {
    let narrower = cache.forwards().any(|(block, forward)| {
        forward_zones(block, forward).iter().any(|z| z != zone && in_zone(z, zone)) && !is_external(cache, forward)
    });
    if narrower {
        return None;
    }
    let best = |block: &&Block<'a>| block.best_zone(zone).map_or(0, |z| z.value.len());
    let block = cache.blocks().filter(|block| block.best_zone(zone).is_some()).max_by_key(best)?;
    // forwards of one block are tried in file order
    let forward = block.forwards.iter().find(|forward| forward.takes(zone))?;
    let plugins_answer = matches!(pass(block, zone, Asked::Clients), Passage::Ends(_)) || block.syntax.has("template");
    (!plugins_answer && is_external(cache, forward)).then_some(forward)
}

/// Whether every upstream is a resolver outside the cluster.
pub fn is_external(cache: &Cache<'_>, forward: &Forward<'_>) -> bool {
    !forward.upstreams.is_empty()
        && forward.upstreams.iter().all(|upstream| match &upstream.value {
            Upstream::Address { ip, .. } => !cache.is_cluster_dns(*ip),
            Upstream::File(path) => path.ends_with("resolv.conf"),
            Upstream::Placeholder(text) => text == UPSTREAM_SERVERS,
            Upstream::Other(_) => false,
        })
}

/// Forwards of cluster domains that do not use TCP.
pub fn udp_to_cluster(cache: &Cache<'_>) -> Vec<Located<PlainForwardView>> {
    cache
        .forwards()
        .filter(|(_, forward)| forward.force_tcp.is_none() && !forward.upstreams.is_empty())
        .filter_map(|(block, forward)| {
            let zone = forward_zones(block, forward).into_iter().find(|zone| cache.is_cluster_zone(zone))?;
            let upstreams = forward.upstreams.iter().map(|u| upstream_text(&u.value)).collect();
            Some(Located::at(PlainForwardView { zone, upstreams }, forward.location))
        })
        .collect()
}

/// Addresses that blocks of the reverse zones send to.
fn reverse_targets(cache: &Cache<'_>) -> Vec<IpAddr> {
    let reverse = |block: &Block<'_>| block.zones.iter().any(|zone| REVERSE.contains(&zone.value.as_str()));
    let forwards = cache.forwards().filter(|(block, _)| reverse(block));
    let upstreams = forwards.flat_map(|(_, forward)| &forward.upstreams);
    upstreams.filter_map(|u| if let Upstream::Address { ip, .. } = &u.value { Some(*ip) } else { None }).collect()
}

/// Forwards over TCP to external resolvers that are written out as addresses.
///
/// Placeholders and resolv.conf stay out of it: older revisions of the official manifest have `force_tcp` there.
pub fn tcp_to_external(cache: &Cache<'_>) -> Vec<Located<TcpForwardView>> {
    let mut found = Vec::new();
    // who is asked for the names of the cluster's addresses is the cluster DNS, whatever its domain is called
    let of_reverse_zones = reverse_targets(cache);
    for (block, forward) in cache.forwards() {
        let Some(force_tcp) = forward.force_tcp else { continue };
        let zones = forward_zones(block, forward);
        let own = zones.iter().any(|zone| cache.is_cluster_zone(zone) || REVERSE.iter().any(|r| in_zone(zone, r)));
        let external: Vec<_> = forward
            .upstreams
            .iter()
            .filter(
                |u| matches!(&u.value, Upstream::Address { ip, encrypted: false, .. } if !cache.is_cluster_dns(*ip) && !of_reverse_zones.contains(ip)),
            )
            .map(|u| u.with(upstream_text(&u.value)))
            .collect();
        if own || external.is_empty() {
            continue;
        }
        let zone = zones.first().cloned().unwrap_or_else(|| forward.from.clone());
        let force_tcp = Located::at("force_tcp".to_owned(), force_tcp);
        found.push(Located::at(TcpForwardView { zone, upstreams: external, force_tcp }, forward.location));
    }
    found
}

/// The `log` directives.
pub fn query_logs(cache: &Cache<'_>) -> Vec<Located<QueryLogView>> {
    let mut found = Vec::new();
    for block in &cache.vertex.blocks {
        for directive in block.syntax.directives_named("log") {
            let zone = block.zones.first().map(|zone| zone.value.clone()).unwrap_or_default();
            found.push(Located::from_origins(QueryLogView { zone }, cache.locate(directive.name_place())));
        }
    }
    found
}

/// Root forwards that name other resolvers than CoreDNS does; only addresses that both write out are compared.
pub fn disagreements(cache: &Cache<'_>) -> Vec<Located<DisagreementView>> {
    let servers = cache.routes.graph.servers.iter().filter(|v| v.kind == ServerKind::CoreDns);
    let coredns: Vec<_> = servers
        .flat_map(|v| &v.blocks)
        .flat_map(|block| root_forward(block))
        .filter_map(|forward| Some((forward, literal(forward)?)))
        .collect();
    let Some((other, theirs)) = coredns.first() else { return Vec::new() };
    let mut found = Vec::new();
    for forward in cache.blocks().flat_map(root_forward) {
        let Some(ours) = literal(forward) else { continue };
        let external = ours.iter().all(|ip| !cache.is_cluster_dns(*ip) && cache.owns(*ip).is_none());
        if !external || coredns.iter().any(|(_, set)| *set == ours) {
            continue;
        }
        let text = |set: &BTreeSet<IpAddr>| set.iter().map(ToString::to_string).collect::<Vec<_>>();
        let theirs_text = text(theirs);
        let view = DisagreementView {
            upstreams: text(&ours),
            other: Some(Located::at(theirs_text.join(" "), other.location)),
            coredns: theirs_text,
            names: Vec::new(),
        };
        found.push(Located::at(view, forward.location));
    }
    found
}

/// The forward of a root block that takes every name.
fn root_forward<'a>(block: &'a Block<'a>) -> Option<&'a Forward<'a>> {
    let root = block.zones.iter().any(|zone| zone.value == ".");
    block.forwards.iter().find(|forward| root && forward.from == ".")
}

fn literal(forward: &Forward<'_>) -> Option<BTreeSet<IpAddr>> {
    let address = |u: &Located<Upstream>| match &u.value {
        Upstream::Address { ip, .. } => Some(*ip),
        _ => None,
    };
    let all: Option<BTreeSet<IpAddr>> = forward.upstreams.iter().map(address).collect();
    all.filter(|set| !set.is_empty())
}
