//! Address ranges of a cluster, found by an address in them: every node of thousands states a range, and asks for its own.

use crate::analysis::facts::{Facts, parse_cidrs};
use crate::analysis::node_dns::k3s::K3sDns;
use crate::source::Located;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// k3s's and RKE2's `cluster-cidr` where nothing sets it.
const K3S_POD_CIDR: &str = "10.42.0.0/16";
/// Their `service-cidr`.
const K3S_SERVICE_CIDR: &str = "10.43.0.0/16";

/// What the addresses of a range are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Addresses of pods.
    Pod,
    /// Addresses of Services.
    Service,
}

impl Purpose {
    /// The word that messages use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Service => "Service",
        }
    }
}

/// A range of addresses.
#[derive(Clone, Debug)]
pub struct Range {
    /// The range, and who states it.
    pub net: Located<IpNet>,
    /// What its addresses are for.
    pub purpose: Purpose,
    /// Whether it is a program's default.
    pub default: bool,
}

/// Ranges in the order in which they count.
#[derive(Debug, Default)]
pub struct Ranges {
    list: Vec<Range>,
    /// Index of the first range of each network and purpose.
    first: BTreeMap<(IpNet, Purpose), usize>,
    /// Lengths of the prefixes, with the family of their addresses (whether it is IPv6).
    lengths: BTreeSet<(bool, u8)>,
    /// Indexes of a pod range and a Service range of one configuration that share addresses.
    shared: Option<[usize; 2]>,
}

impl Ranges {
    /// The ranges that manifests and Node objects state.
    #[must_use]
    pub fn stated(facts: &Facts) -> Self {
        let written = |net: &Located<IpNet>, purpose| Range { net: net.clone(), purpose, default: false };
        let pods = facts.pod_cidrs.iter().map(|net| written(net, Purpose::Pod));
        let mut all: Self = pods.chain(facts.service_cidrs.iter().map(|net| written(net, Purpose::Service))).collect();
        all.shared = shared(&all.list, |range| range.net.location().map(|place| place.file));
        all
    }

    /// The ranges of one k3s.
    #[must_use]
    pub fn of_k3s(k3s: &K3sDns) -> Self {
        let mut list: Vec<Range> = Vec::new();
        let server_knows = k3s.server != Some(false);
        for (written, default, purpose) in
            [(&k3s.cluster_cidr, K3S_POD_CIDR, Purpose::Pod), (&k3s.service_cidr, K3S_SERVICE_CIDR, Purpose::Service)]
        {
            let nets: Vec<Located<IpNet>> = written.iter().flat_map(parse_cidrs).collect();
            if nets.is_empty() && server_knows {
                let net = default.parse().ok().map(Located::default_value);
                list.extend(net.map(|net| Range { net, purpose, default: true }));
            }
            list.extend(nets.into_iter().map(|net| Range { net, purpose, default: false }));
        }
        let mut all: Self = list.into_iter().collect();
        all.shared = shared(&all.list, |_| ());
        all
    }

    /// A pod range and a Service range of one configuration that share addresses.
    ///
    /// Of one file: manifests of several clusters in one tree have ranges that do not belong together.
    #[must_use]
    pub fn overlapping(&self) -> Option<[&Range; 2]> {
        let [pods, services] = self.shared?;
        Some([self.list.get(pods)?, self.list.get(services)?])
    }

    /// The first range with one of these purposes that holds an address.
    #[must_use]
    pub fn holding(&self, ip: IpAddr, purposes: &[Purpose]) -> Option<&Range> {
        let lengths = self.lengths.iter().filter(|(v6, _)| *v6 == ip.is_ipv6());
        let nets = lengths.filter_map(|(_, length)| IpNet::new(ip, *length).ok()).map(|net| net.trunc());
        let found = nets.flat_map(|net| purposes.iter().filter_map(move |purpose| self.first.get(&(net, *purpose))));
        self.list.get(*found.min()?)
    }
}

/// Indexes of the first pod range, and the first Service range of its group, that share addresses.
fn shared<G: Ord>(ranges: &[Range], group: impl Fn(&Range) -> G) -> Option<[usize; 2]> {
    let mut services: BTreeMap<G, Vec<IpNet>> = BTreeMap::new();
    for range in ranges.iter().filter(|range| range.purpose == Purpose::Service) {
        services.entry(group(range)).or_default().push(range.net.value);
    }
    let reach: BTreeMap<G, Vec<(IpAddr, IpAddr)>> =
        services.into_iter().map(|(own, nets)| (own, reach(nets))).collect();
    let meets = |(_, pods): &(usize, &Range)| {
        let net = pods.net.value;
        let before =
            reach.get(&group(pods)).map(|all| all.split_at(all.partition_point(|(start, _)| *start <= end_of(net))).0);
        pods.purpose == Purpose::Pod && before.and_then(<[_]>::last).is_some_and(|(_, end)| *end >= net.network())
    };
    let (at, pods) = ranges.iter().enumerate().find(meets)?;
    let share = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
    let other = ranges.iter().position(|range| {
        range.purpose == Purpose::Service && share(&range.net.value, &pods.net.value) && group(range) == group(pods)
    });
    Some([at, other?])
}

/// The starts of networks in order, each with the last address of all up to there.
fn reach(mut nets: Vec<IpNet>) -> Vec<(IpAddr, IpAddr)> {
    nets.sort_unstable_by_key(IpNet::network);
    let mut end: Option<IpAddr> = None;
    let ends = nets.into_iter().map(|net| {
        let last = end.map_or(end_of(net), |so_far| so_far.max(end_of(net)));
        end = Some(last);
        (net.network(), last)
    });
    ends.collect()
}

/// The last address of a network.
fn end_of(net: IpNet) -> IpAddr {
    net.broadcast()
}

impl FromIterator<Range> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range>>(ranges: I) -> Self {
        let mut all = Self { list: ranges.into_iter().collect(), ..Self::default() };
        for (index, range) in all.list.iter().enumerate() {
            let net = range.net.value.trunc();
            all.first.entry((net, range.purpose)).or_insert(index);
            all.lengths.insert((net.addr().is_ipv6(), net.prefix_len()));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str, purpose: Purpose) -> Range {
        Range { net: Located::default_value(text.parse().unwrap()), purpose, default: false }
    }

    #[test]
    fn ranges_that_share_addresses() {
        let pods = ["10.0.0.0/16", "10.96.1.0/24", "fd00::/64", "0.0.0.0/0", "10.200.0.0/16"];
        let services = ["10.96.0.0/12", "10.96.1.128/25", "192.168.0.0/16", "fd00::1:0/112", "10.0.7.0/24"];
        for first in pods {
            for second in pods {
                for third in services {
                    for fourth in services {
                        let of = |text| range(text, Purpose::Pod);
                        let list =
                            [of(first), range(third, Purpose::Service), of(second), range(fourth, Purpose::Service)];
                        let share = |at: usize, other: usize| {
                            let (a, b) = (list[at].net.value, list[other].net.value);
                            a.contains(&b) || b.contains(&a)
                        };
                        let plain = [[0, 1], [0, 3], [2, 1], [2, 3]].into_iter().find(|[at, other]| share(*at, *other));
                        assert_eq!(shared(&list, |_| ()), plain, "{first} {second} {third} {fourth}");
                        assert_eq!(shared(&list, |range| range.purpose), None);
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_range_around_an_address_is_found() {
        let texts = [
            ("10.9.0.0/16", Purpose::Service),
            ("10.1.2.0/24", Purpose::Pod),
            ("10.1.0.7/16", Purpose::Pod),
            ("10.1.2.0/24", Purpose::Service),
            ("0.0.0.0/0", Purpose::Service),
            ("fd00::/64", Purpose::Pod),
        ];
        let list: Vec<Range> = texts.into_iter().map(|(text, purpose)| range(text, purpose)).collect();
        let ranges: Ranges = list.iter().cloned().collect();
        for ip in ["10.1.2.3", "10.1.3.3", "10.9.1.1", "192.0.2.1", "fd00::1", "fd01::1", "::1"] {
            let ip: IpAddr = ip.parse().unwrap();
            for purposes in [&[Purpose::Pod][..], &[Purpose::Service], &[Purpose::Service, Purpose::Pod], &[]] {
                let plain = list.iter().find(|r| purposes.contains(&r.purpose) && r.net.value.contains(&ip));
                let found = ranges.holding(ip, purposes);
                assert_eq!(found.map(|r| (r.net.value, r.purpose)), plain.map(|r| (r.net.value, r.purpose)), "{ip}");
            }
        }
    }
}
