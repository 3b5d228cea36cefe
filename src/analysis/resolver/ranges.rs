//! Address ranges of a cluster, found by an address in them: every node of thousands states a range, and asks for its own.

use crate::analysis::facts::Facts;
use crate::source::Located;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

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
    /// Indexes of a pod range and a Service range of one file that share addresses.
    shared: Option<[usize; 2]>,
}

impl Ranges {
    /// The ranges that manifests and Node objects state.
    #[must_use]
    pub fn stated(facts: &Facts) -> Self {
        let written = |net: &Located<IpNet>, purpose| Range { net: net.clone(), purpose, default: false };
        let pods = facts.pod_cidrs.iter().map(|net| written(net, Purpose::Pod));
        let mut all: Self = pods.chain(facts.service_cidrs.iter().map(|net| written(net, Purpose::Service))).collect();
        let file = |range: &Range| range.net.location().map(|place| place.file);
        all.shared = shared(&all.list, |pods, services| file(pods) == file(services));
        all
    }

    /// A pod range and a Service range of one file that share addresses.
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

/// Indexes of the first pod range and Service range that share addresses and belong together.
pub fn shared(ranges: &[Range], together: impl Fn(&Range, &Range) -> bool) -> Option<[usize; 2]> {
    let share = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
    let of = |purpose| move |(_, range): &(usize, &Range)| range.purpose == purpose;
    let services: Vec<_> = ranges.iter().enumerate().filter(of(Purpose::Service)).collect();
    ranges.iter().enumerate().filter(of(Purpose::Pod)).find_map(|(at, pods)| {
        let same =
            |(_, services): &&(usize, &Range)| share(&pods.net.value, &services.net.value) && together(pods, services);
        services.iter().find(same).map(|(other, _)| [at, *other])
    })
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
        let range = |(text, purpose): (&str, Purpose)| Range {
            net: Located::default_value(text.parse().unwrap()),
            purpose,
            default: false,
        };
        let list: Vec<Range> = texts.into_iter().map(range).collect();
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
