//! `clusterDNS`: entries that are no address, addresses that nothing answers, addresses that no Service can have.

use super::addresses::{Known, entries, is_local, vouched};
use super::{at, listed};
use crate::analysis::effective::cluster_dns::indexed_address;
use crate::analysis::node_dns::NodeDns;
use crate::analysis::views::cluster::DnsMismatch;
use crate::analysis::views::kubelet::{ClusterDnsView, OutsideView};
use crate::source::Located;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Index in the service range that cluster DNS has by convention.
const CONVENTIONAL: u32 = 10;

/// One entry with what keeps it from being an address (`net.ParseIP` in the kubelet takes no blank, port or name).
#[must_use]
pub fn entry(text: &Located<String>) -> Located<ClusterDnsView> {
    let value = text.value.as_str();
    // a variable that is not expanded, or flags in one argument, are the unit's fault and a finding of it
    let of_the_unit = value.contains('$') || value.contains(" --");
    let problem = (value.parse::<IpAddr>().is_err() && !of_the_unit).then(|| problem(value).to_owned());
    let parts: Vec<&str> = value.split([',', ';', ' ', '\t']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let several = parts.iter().all(|part| part.parse::<IpAddr>().is_ok()) && !parts.is_empty();
    let meant = (problem.is_some() && several).then(|| parts.join(", "));
    text.with(ClusterDnsView { text: value.to_owned(), problem, meant })
}

fn problem(text: &str) -> &'static str {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return "it is empty";
    }
    if trimmed.parse::<IpAddr>().is_ok() {
        return "it has blanks around the address";
    }
    if trimmed.contains([',', ';', ' ']) {
        return "it is several values in one";
    }
    if trimmed.parse::<std::net::SocketAddr>().is_ok() {
        return "it has a port, and DNS of pods is always asked on port 53";
    }
    if trimmed.parse::<ipnet::IpNet>().is_ok() {
        return "it is an address range";
    }
    if trimmed.contains('%') {
        return "it has a zone";
    }
    if trimmed.contains(['{', '_']) {
        return "it is a placeholder that nobody filled in";
    }
    "it is not an IP address"
}

/// The entries that no Service can have, unless an address that nothing answers is the better name for the fault.
#[must_use]
pub fn outside(known: &Known, node: &NodeDns) -> Vec<Located<OutsideView>> {
    let k3s = node.k3s.iter().flat_map(|k3s| &k3s.cluster_dns_outside);
    let told = k3s.filter_map(crate::analysis::facts::parse_located);
    let own = entries(node).filter(|ip| known.ranges_like(ip.value).next().is_some());
    let mut found: Vec<Located<OutsideView>> = Vec::new();
    for ip in told.chain(own) {
        let inside = known.ranges_like(ip.value).any(|range| range.value.contains(&ip.value));
        let explained = known.is_wrong(ip.value) || known.others.contains(&ip.value) && !served(known, ip.value);
        let seen = found.iter().any(|other| other.location() == ip.location());
        let Some(range) = known.ranges_like(ip.value).next() else { continue };
        if inside || explained || seen || is_local(ip.value) || ip.origins.is_empty() {
            continue;
        }
        let tenth = indexed_address(range.value, CONVENTIONAL).map(|ip| ip.to_string());
        let range = range.with(range.value.to_string());
        found.push(ip.with(OutsideView { address: ip.value.to_string(), range, tenth }));
    }
    found
}

fn served(known: &Known, ip: IpAddr) -> bool {
    known.services.iter().any(|own| own.value == ip)
}

/// Addresses that kubelets give to pods and that nothing answers, one entry an address.
#[must_use]
pub fn mismatches(known: &Known, nodes: &[NodeDns]) -> Vec<Located<DnsMismatch>> {
    let mut wrong: BTreeMap<IpAddr, Vec<(&NodeDns, Located<IpAddr>)>> = BTreeMap::new();
    let mut agree = true;
    for node in nodes.iter().filter(|node| vouched(node, known.server_known)) {
        for ip in entries(node) {
            if known.is_wrong(ip.value) {
                wrong.entry(ip.value).or_default().push((node, ip));
            } else if known.services.iter().any(|own| own.value == ip.value) {
                agree = false;
            }
        }
    }
    let agree = agree && wrong.len() == 1;
    wrong.into_iter().map(|(ip, places)| mismatch(known, ip, &places, agree)).collect()
}

fn mismatch(known: &Known, ip: IpAddr, places: &[(&NodeDns, Located<IpAddr>)], agree: bool) -> Located<DnsMismatch> {
    let right: Vec<Located<String>> = known.services_like(ip).map(|own| own.with(own.value.to_string())).collect();
    let mut kubelets: Vec<Located<String>> = Vec::new();
    for (node, value) in places {
        if let Some(place) = value.location()
            && !kubelets.iter().any(|other| other.location() == Some(place))
        {
            kubelets.push(at(node.name.clone(), Some(place)));
        }
    }
    let unconventional = known.services_like(ip).all(|own| !conventional(known, own.value));
    let service_at_fault =
        kubelets.is_empty() || (agree && known.may_be_service(ip) && unconventional && conventional(known, ip));
    let blamed = if service_at_fault { &right } else { &kubelets };
    let origins = blamed.iter().filter_map(Located::location).take(1).collect();
    let rest =
        |all: &[Located<String>], is_blamed: bool| all.get(usize::from(is_blamed)..).unwrap_or_default().to_vec();
    let view = DnsMismatch {
        address: ip.to_string(),
        nodes: listed(places.iter().map(|(node, _)| node.name.as_str())),
        right: right.iter().map(|own| own.value.as_str()).collect::<Vec<_>>().join(", "),
        service_at_fault,
        kubelets: rest(&kubelets, !service_at_fault),
        services: rest(&right, service_at_fault),
        service_places: match right.as_slice() {
            [only] if service_at_fault => only.origins.iter().map(|at| Located::at(only.value.clone(), at)).collect(),
            _ => Vec::new(),
        },
    };
    Located::from_origins(view, origins)
}

/// Whether an address looks chosen, not drawn by the API server: the tenth of its range, or small in its last byte.
fn conventional(known: &Known, ip: IpAddr) -> bool {
    let tenth = |range: &Located<ipnet::IpNet>| indexed_address(range.value, CONVENTIONAL) == Some(ip);
    if known.ranges_like(ip).any(tenth) {
        return true;
    }
    match ip {
        IpAddr::V4(ip) => {
            let [.., third, last] = ip.octets();
            last <= 10 && third.is_multiple_of(16)
        }
        IpAddr::V6(ip) => ip.segments().last().is_some_and(|last| *last <= 0x10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_are_no_address() {
        let judged = |text: &str| {
            let view = entry(&Located::default_value(text.to_owned())).value;
            (view.problem.unwrap_or_default(), view.meant.unwrap_or_default())
        };
        let own = |problem: &str, meant: &str| (problem.to_owned(), meant.to_owned());
        assert_eq!(judged("10.96.0.10"), own("", ""));
        assert_eq!(judged("fd00::a"), own("", ""));
        assert_eq!(
            judged("169.254.20.10,172.20.0.10"),
            own("it is several values in one", "169.254.20.10, 172.20.0.10")
        );
        assert_eq!(judged(" 10.0.0.10"), own("it has blanks around the address", "10.0.0.10"));
        assert_eq!(judged("10.0.0.10:53"), own("it has a port, and DNS of pods is always asked on port 53", ""));
        assert_eq!(judged("10.96.0.0/12"), own("it is an address range", ""));
        assert_eq!(judged("{{ dns }}"), own("it is several values in one", ""));
        assert_eq!(judged("kube-dns"), own("it is not an IP address", ""));
        assert_eq!(judged(""), own("it is empty", ""));
    }
}
