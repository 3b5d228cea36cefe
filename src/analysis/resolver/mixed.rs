//! Nameservers of a resolver file that answer from different views of the DNS.

use super::{Around, MAX_NAMESERVERS, address};
use crate::analysis::effective::address::is_magic_dns;
use crate::analysis::servers::mixed::{Server, odd_first, private_and_public, split, view};
use crate::analysis::views::resolv_conf::MixedNameservers;
use crate::source::Located;
use std::net::{IpAddr, Ipv4Addr};

/// Private IPv4 servers whose addresses share fewer leading bits than this stand in different networks: a site's
/// resolvers lie closer together.
const SAME_NETWORK_BITS: u32 = 12;

/// The list's servers in two groups, if they belong to different views.
pub fn find(around: &Around<'_>, nameservers: &[Located<String>]) -> Option<Located<MixedNameservers>> {
    let usable = |ip: &IpAddr| !ip.is_loopback() && !ip.is_unspecified() && !is_magic_dns(*ip);
    let servers: Vec<Server> = nameservers
        .iter()
        .take(MAX_NAMESERVERS)
        .filter_map(|word| Some((word.clone(), address(&word.value)?.to_canonical())))
        .filter(|(_, ip)| usable(ip))
        .collect();
    let order = around.whole.corefiles.order;
    let (inside, outside) = split(&servers, |ip| around.of_cluster.contains(*ip));
    if !inside.is_empty() && !outside.is_empty() {
        // which group is smaller does not matter: the cluster's address is what does not belong there
        return view("cluster-and-outside", (inside, "cluster DNS"), (outside, "outside the cluster"), order);
    }
    if !inside.is_empty() {
        return None;
    }
    if let Some(found) = private_and_public(&servers, order) {
        return Some(found);
    }
    let (near, far) = networks(&servers).filter(|_| order.is_some())?;
    let [odd, others] = odd_first((near, "in one private network"), (far, "in another private network"));
    view("private-networks", odd, others, order)
}

/// Private IPv4 servers in two networks: those near the first one, and the others.
fn networks(servers: &[Server]) -> Option<(Vec<Server>, Vec<Server>)> {
    let v4 = |ip: &IpAddr| match ip {
        IpAddr::V4(v4) if v4.is_private() => Some(*v4),
        _ => None,
    };
    let private: Vec<Server> = servers.iter().filter(|(_, ip)| v4(ip).is_some()).cloned().collect();
    let first = private.first().and_then(|(_, ip)| v4(ip))?;
    let same = |a: Ipv4Addr, b: Ipv4Addr| (a.to_bits() ^ b.to_bits()).leading_zeros() >= SAME_NETWORK_BITS;
    let (near, far) = split(&private, |ip| v4(ip).is_some_and(|ip| same(ip, first)));
    (!far.is_empty()).then_some((near, far))
}
