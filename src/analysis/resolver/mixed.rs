//! Nameservers in one list that answer from different views of the DNS.

use super::{Around, MAX_NAMESERVERS, address, cluster_addresses, is_magic_dns};
use crate::analysis::servers::public::{is_private, is_public_resolver};
use crate::analysis::servers::read::{ASSUMED, Forward, Upstream, blocks, version_of};
use crate::analysis::views::resolv_conf::{MixedNameservers, ResolvConfView};
use crate::model::Cluster;
use crate::source::Located;
use std::net::{IpAddr, Ipv4Addr};

/// Private IPv4 servers whose addresses share fewer leading bits than this stand in different networks: a site's
/// resolvers lie closer together.
const SAME_NETWORK_BITS: u32 = 12;

/// Azure's platform resolver, which every virtual network has at this address.
const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

type Server = (Located<String>, IpAddr);

/// The list's servers in two groups, if they belong to different views.
pub fn find(around: &Around<'_>, nameservers: &[Located<String>]) -> Option<Located<MixedNameservers>> {
    let usable = |ip: &IpAddr| !ip.is_loopback() && !ip.is_unspecified() && !is_magic_dns(*ip);
    let servers: Vec<Server> = nameservers
        .iter()
        .take(MAX_NAMESERVERS)
        .filter_map(|word| Some((word.clone(), address(&word.value)?.to_canonical())))
        .filter(|(_, ip)| usable(ip))
        .collect();
    let random = reads_in_random_order(around);
    let (services, caches) = cluster_addresses(around);
    let in_cluster = |ip: IpAddr| services.contains(&ip) || caches.contains(&ip);
    let (inside, outside) = split(&servers, |ip| in_cluster(*ip));
    if !inside.is_empty() && !outside.is_empty() {
        // which group is smaller does not matter: the cluster's address is what does not belong there
        return view("cluster-and-outside", (inside, "cluster DNS"), (outside, "outside the cluster"), random);
    }
    if !inside.is_empty() {
        return None;
    }
    if let Some(found) = private_and_public(&servers, random) {
        return Some(found);
    }
    if !random {
        return None;
    }
    let (near, far) = networks(&servers)?;
    let [odd, others] = odd_first((near, "in one private network"), (far, "in another private network"));
    view("private-networks", odd, others, random)
}

/// Lists of `forward` directives that mix private and public servers, each with the server that it belongs to.
///
/// Two private networks in one list are left alone: who writes addresses into a Corefile chose them. So are lists with
/// `policy sequential`, where the order is meant.
pub fn of_forwards(cluster: &Cluster) -> Vec<(Located<ResolvConfView>, Option<String>)> {
    let mut found = Vec::new();
    for server in &cluster.dns_servers {
        let version = version_of(server).unwrap_or(ASSUMED);
        for block in server.config.iter().flat_map(|config| blocks(config, version)) {
            for forward in block.forwards.iter().filter(|forward| !forward.sequential) {
                let Some(mixed) = of_forward(forward) else { continue };
                let view = ResolvConfView {
                    path: format!("`{} {}`", forward.syntax.name, forward.from),
                    mixed: Some(mixed),
                    ..ResolvConfView::default()
                };
                found.push((Located::at(view, forward.location), Some(server.name.clone())));
            }
        }
    }
    found
}

fn of_forward(forward: &Forward<'_>) -> Option<Located<MixedNameservers>> {
    let address = |up: &Located<Upstream>| match &up.value {
        Upstream::Address { ip, .. } if !ip.is_loopback() => Some((up.with(ip.to_string()), ip.to_canonical())),
        _ => None,
    };
    let servers: Vec<Server> = forward.upstreams.iter().filter_map(address).collect();
    private_and_public(&servers, true)
}

fn private_and_public(servers: &[Server], random: bool) -> Option<Located<MixedNameservers>> {
    let (public, private) = split(servers, |ip| is_public(*ip));
    let inner: Vec<Server> = private.into_iter().filter(|(_, ip)| is_inner(*ip)).collect();
    if public.is_empty() || inner.is_empty() {
        return None;
    }
    let [odd, others] = odd_first((public, "public"), (inner, "private"));
    view("private-and-public", odd, others, random)
}

type Group = (Vec<Server>, &'static str);

fn split(servers: &[Server], test: impl Fn(&IpAddr) -> bool) -> (Vec<Server>, Vec<Server>) {
    servers.iter().cloned().partition(|(_, ip)| test(ip))
}

/// The smaller group first; of two equal ones the one whose first server comes later.
fn odd_first(a: Group, b: Group) -> [Group; 2] {
    let place = |group: &Group| group.0.first().and_then(|(word, _)| word.location());
    let later = place(&a) > place(&b);
    let a_is_odd = a.0.len() < b.0.len() || a.0.len() == b.0.len() && later;
    if a_is_odd { [a, b] } else { [b, a] }
}

fn view(kind: &str, odd: Group, others: Group, random: bool) -> Option<Located<MixedNameservers>> {
    let words = |group: &Group| -> Vec<Located<String>> { group.0.iter().map(|(word, _)| word.clone()).collect() };
    let place = odd.0.first()?.0.clone();
    Some(place.with(MixedNameservers {
        kind: kind.to_owned(),
        odd: words(&odd),
        others: words(&others),
        odd_is: odd.1.to_owned(),
        others_are: others.1.to_owned(),
        random,
    }))
}

/// A resolver of the internet. An IPv6 address counts only if it is a known one: homes and sites have global addresses.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_public_resolver(ip) || !(is_private(ip) || v4 == AZURE),
        IpAddr::V6(_) => is_public_resolver(ip),
    }
}

/// A resolver that may know names of its own; a cloud's resolver at a fixed address does.
fn is_inner(ip: IpAddr) -> bool {
    is_private(ip) || ip == IpAddr::V4(AZURE)
}

/// Private IPv4 servers in two networks: those near the first one, and the others.
fn networks(servers: &[Server]) -> Option<(Vec<Server>, Vec<Server>)> {
    let v4 = |ip: &IpAddr| match ip {
        IpAddr::V4(v4) if v4.is_private() => Some(*v4),
        _ => None,
    };
    let private: Vec<Server> = servers.iter().filter(|(_, ip)| v4(ip).is_some()).cloned().collect();
    let first = private.first().and_then(|(_, ip)| v4(ip))?;
    let near =
        |ip: &IpAddr| v4(ip).is_some_and(|ip| (ip.to_bits() ^ first.to_bits()).leading_zeros() >= SAME_NETWORK_BITS);
    let (near, far) = split(&private, near);
    (!far.is_empty()).then_some((near, far))
}

/// Whether some CoreDNS forwards to the nameservers of a file with its default policy, which is random.
fn reads_in_random_order(around: &Around<'_>) -> bool {
    around.cluster.dns_servers.iter().any(|server| {
        let version = version_of(server).unwrap_or(ASSUMED);
        server.config.iter().flat_map(|config| blocks(config, version)).any(|block| {
            block.forwards.iter().any(|forward| {
                !forward.sequential && forward.upstreams.iter().any(|up| matches!(up.value, Upstream::File(_)))
            })
        })
    })
}
