//! Servers of one list that answer from different views of the DNS.

use super::public::{is_private, is_public_resolver};
use super::read::{Forward, Upstream};
use crate::analysis::effective::address::is_cloud_resolver;
use crate::analysis::views::resolv_conf::MixedNameservers;
use crate::source::Located;
use std::net::IpAddr;

/// A server as written, and its address.
pub type Server = (Located<String>, IpAddr);

/// Servers with one view, and what they are in words.
pub type Group = (Vec<Server>, &'static str);

/// Upstreams of a `forward` that mix private and public servers; `of_cluster` tells the cluster's own addresses.
///
/// Two private networks in one list are left alone: who writes addresses into a Corefile chose them. So are lists with
/// `policy sequential`, where the order is meant.
#[must_use]
pub fn of_forward(forward: &Forward<'_>, of_cluster: &dyn Fn(IpAddr) -> bool) -> Option<Located<MixedNameservers>> {
    let order = forward.order()?;
    let address = |up: &Located<Upstream>| match &up.value {
        Upstream::Address { ip, .. } if !ip.is_loopback() => Some((up.with(ip.to_string()), ip.to_canonical())),
        _ => None,
    };
    let servers: Vec<Server> =
        forward.upstreams.iter().filter_map(address).filter(|(_, ip)| !of_cluster(*ip)).collect();
    private_and_public(&servers, Some(order))
}

/// The two groups of a list with public and private servers.
#[must_use]
pub fn private_and_public(servers: &[Server], order: Option<&str>) -> Option<Located<MixedNameservers>> {
    let (public, private) = split(servers, |ip| is_public(*ip));
    let inner: Vec<Server> = private.into_iter().filter(|(_, ip)| is_private(*ip) || is_cloud_resolver(*ip)).collect();
    if public.is_empty() || inner.is_empty() {
        return None;
    }
    let [odd, others] = odd_first((public, "public"), (inner, "private"));
    view("private-and-public", odd, others, order)
}

/// The servers that pass a test, and the others.
#[must_use]
pub fn split(servers: &[Server], test: impl Fn(&IpAddr) -> bool) -> (Vec<Server>, Vec<Server>) {
    servers.iter().cloned().partition(|(_, ip)| test(ip))
}

/// The smaller group first; of two equal ones the one whose first server comes later.
#[must_use]
pub fn odd_first(a: Group, b: Group) -> [Group; 2] {
    let place = |group: &Group| group.0.first().and_then(|(word, _)| word.location());
    let later = place(&a) > place(&b);
    let a_is_odd = a.0.len() < b.0.len() || a.0.len() == b.0.len() && later;
    if a_is_odd { [a, b] } else { [b, a] }
}

/// The view of two groups, at the first of the odd ones.
#[must_use]
pub fn view(kind: &str, odd: Group, others: Group, order: Option<&str>) -> Option<Located<MixedNameservers>> {
    let words = |group: &Group| -> Vec<Located<String>> { group.0.iter().map(|(word, _)| word.clone()).collect() };
    let place = odd.0.first()?.0.clone();
    Some(place.with(MixedNameservers {
        kind: kind.to_owned(),
        odd: words(&odd),
        others: words(&others),
        odd_is: odd.1.to_owned(),
        others_are: others.1.to_owned(),
        order: order.map(str::to_owned),
    }))
}

/// A resolver of the internet. An IPv6 address counts only if it is a known one: homes and sites have global addresses.
/// A cloud's resolver at a fixed address knows names of its own.
fn is_public(ip: IpAddr) -> bool {
    is_public_resolver(ip) || (ip.is_ipv4() && !is_private(ip) && !is_cloud_resolver(ip))
}
